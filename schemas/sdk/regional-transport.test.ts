import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { TwinExchange } from "../../test/support/engine-exchange.ts";
import { LossyTransport } from "../../test/support/lossy-transport.ts";
import { seed } from "../../test/support/seed.ts";
import { VirtualRegions, VirtualTime } from "../../test/support/virtual-regions.ts";
import { wire } from "../messages.ts";
import { allowedRegions } from "../placement.ts";
import { type Delivery, ExchangeClient } from "./client.ts";
import { NearestRegion, usualRules } from "./nearest-region.ts";
import type { Action } from "./orders.ts";
import { RegionalTransport } from "./regional-transport.ts";

const test = suite("nearest region");

const order: Action = {
  kind: "place",
  account: 5,
  side: "buy",
  timeInForce: "day",
  price: 500,
  quantity: 1,
};
const trips = { eu: 12, us: 80, ap: 160, uk: 5 };

interface World {
  readonly time: VirtualTime;
  readonly regions: VirtualRegions;
  readonly transport: RegionalTransport;
  readonly moves: string[];
}

function worldOf(
  allowed: readonly string[],
  options: {
    readonly seed?: number;
    readonly market?: ConstructorParameters<typeof VirtualRegions>[3];
  } = {},
): World {
  const random = seededRandomness(options.seed ?? 1);
  const chance = (): number => random.below(1_000_000) / 1_000_000;
  const time = new VirtualTime();
  const regions = new VirtualRegions(time, chance, trips, options.market);
  const moves: string[] = [];
  const transport = new RegionalTransport({
    allowed,
    open: regions.open,
    now: time.now,
    sleep: time.sleep,
    random: chance,
    moved: ({ from, to, cause }) => moves.push(`${from ?? "-"}>${to ?? "-"} ${cause}`),
  });
  return { time, regions, transport, moves };
}

test("B9.1 the nearest region by round trip is chosen among those that the data's residency allows", async () => {
  const all = Object.keys(trips);
  const residency = { positions: ["eu", "us"] };
  assert.equal(allowedRegions(all, residency, "positions"), ["eu", "us"]);
  assert.equal(allowedRegions(all, residency, "orders"), all);
  assert.equal(allowedRegions(all, undefined, "orders"), all);
  for (const [dataClass, nearest] of [
    ["orders", "uk"],
    ["positions", "eu"],
  ] as const) {
    const { time, transport } = worldOf(allowedRegions(all, residency, dataClass));
    assert.is(await time.until(transport.start()), nearest);
    await time.pass(30_000);
    assert.is(transport.region, nearest);
    assert.is(transport.counters().moves, 0, "nothing has changed");
    await transport.close();
  }
  assert.throws(() => worldOf([]), /1 to 64/);
});

test("B9.1 a region that drains is left at once, one that dies when it is noticed, and a healed one after a while", async () => {
  const { time, regions, transport, moves } = worldOf(["uk", "eu", "us"]);
  await time.until(transport.start());
  await time.pass(5_000);
  regions.at("uk").ready = false;
  await time.pass(1_500);
  assert.is(transport.region, "eu");
  regions.kill("eu");
  await time.pass(10);
  assert.is(transport.region, "us", "the end of its connection says so");
  regions.at("eu").reachable = true;
  regions.at("uk").ready = true;
  await time.pass(8_000);
  assert.is(transport.region, "us", "the present one stays for a while");
  await time.pass(10_000);
  assert.is(transport.region, "uk", "and the nearest comes back");
  assert.equal(moves, ["->uk first", "uk>eu unfit", "eu>us silent", "us>uk nearer"]);
  await transport.close();
});

test("B9.1 a region that falls silent with its connections open is left within four seconds", async () => {
  const { time, regions, transport } = worldOf(["uk", "eu"]);
  await time.until(transport.start());
  await time.pass(3_000);
  regions.at("uk").reachable = false;
  await time.pass(4_000);
  assert.is(transport.region, "eu");
  await transport.close();
});

test("B9.1 a region that comes and goes, or is about as near, does not make the client change", async () => {
  const first = seed(4_417);
  for (let round = 0; round < 15; round += 1) {
    const noisy = worldOf(["uk", "eu"], { seed: first + round });
    noisy.regions.at("uk").roundTripMs = 11.5;
    const random = seededRandomness(first + round);
    for (const each of noisy.regions.regions.values()) each.jitterMs = () => random.below(30);
    await noisy.time.until(noisy.transport.start());
    await noisy.time.pass(120_000);
    assert.ok(noisy.transport.counters().moves <= 1, `SEED=${first + round} ${noisy.moves.join()}`);
    await noisy.transport.close();
  }
  const { time, regions, transport, moves } = worldOf(["uk", "eu"]);
  await time.until(transport.start());
  regions.at("uk").ready = false;
  await time.pass(2_000);
  regions.at("uk").roundTripMs = 2;
  for (let flap = 0; flap < 20; flap += 1) {
    regions.at("uk").ready = true;
    await time.pass(1_900);
    regions.at("uk").ready = false;
    await time.pass(1_500);
  }
  assert.equal(moves, ["->uk first", "uk>eu unfit"]);
  await transport.close();
});

test("B9.1 while no region is well, as between two leaders, requests go through one that answers", async () => {
  const { time, regions, transport } = worldOf(["uk", "eu", "us"]);
  await time.until(transport.start());
  await time.pass(3_000);
  regions.at("uk").reachable = false;
  for (const name of ["eu", "us"] as const) regions.at(name).ready = false;
  await time.pass(6_000);
  assert.is(transport.region, null);
  const sent = transport.request("ops.eu.status", new Uint8Array(), 500);
  assert.is((await time.until(sent)).kind, "reply");
  assert.is(transport.counters().homeless, 0);
  await transport.close();
});

test("B9.1 with no allowed region left requests are refused as not sent, and the first that returns is taken", async () => {
  const { time, regions, transport } = worldOf(["uk", "eu"]);
  await time.until(transport.start());
  regions.kill("uk");
  regions.kill("eu");
  await time.pass(100);
  assert.is(transport.region, null);
  const refused = await time.until(transport.request("cmd.eu.TEST.book", new Uint8Array(), 500));
  assert.equal(refused, { kind: "no_responders" });
  assert.is(transport.counters().homeless, 1);
  assert.ok(transport.sights().every(({ condition }) => condition === "silent"));
  regions.at("eu").reachable = true;
  await time.pass(10_000);
  assert.is(transport.region, "eu");
  await transport.close();
});

test("B9.1 the choice begins when a region is there at last, also when none was at the start", async () => {
  const { time, regions, transport } = worldOf(["uk", "eu"]);
  regions.kill("uk");
  regions.kill("eu");
  assert.is(await time.until(transport.start()), null);
  regions.at("eu").reachable = true;
  await time.pass(10_000);
  const reply = await time.until(transport.request("cmd.eu.TEST.book", new Uint8Array(), 500));
  assert.equal(reply, { kind: "no_responders" });
  assert.equal(regions.entries, ["eu"]);
  await transport.close();
});

test("B9.1 B8.3 through lost messages and regions that die, every order takes effect once under its number", async () => {
  const first = seed(6_021);
  let moves = 0;
  let repeated = 0;
  for (let round = 0; round < 12; round += 1) {
    const twin = new TwinExchange({
      tick: 1,
      bandLow: 1,
      bandHigh: 1000,
      maximumQuantity: 1000,
      orderCapacity: 10_000,
    });
    const random = seededRandomness(first + round);
    const exchange = new LossyTransport(twin, random, {
      requests: 5,
      late: 5,
      replies: 5,
      busy: 5,
      ringFull: 5,
    });
    const { time, regions, transport } = worldOf(["uk", "eu", "us"], {
      seed: first + round,
      market: (subject, payload) => exchange.request(subject, payload),
    });
    for (const region of regions.regions.values()) {
      region.lossPercent = 5;
      region.jitterMs = () => random.below(20);
    }
    await time.until(transport.start());
    const client = new ExchangeClient({
      region: "eu",
      market: "TEST",
      transport,
      session: 77,
      sleep: time.sleep,
      random: () => 0.5,
      attempts: 80,
    });
    let placed = 0;
    for (let count = 0; count < 25; count += 1) {
      const names = [...regions.regions.keys()];
      const victim = names[random.below(names.length)] ?? "eu";
      if (random.below(3) === 0) regions.kill(victim);
      if (random.below(2) === 0) for (const each of regions.regions.values()) each.reachable = true;
      const orders = Array.from({ length: 1 + random.below(5) }, () => order);
      const answer = client.submit(orders);
      await time.pass(200);
      for (const each of regions.regions.values()) each.reachable = true;
      const told = await time.until(answer);
      assert.ok(told.ok, `SEED=${first + round} ${JSON.stringify(told)}`);
      assert.ok(told.value.outcomes.every(({ refusal }) => refusal === null));
      placed += orders.length;
    }
    assert.is(twin.market.restingCount(), placed, `SEED=${first + round}`);
    moves += transport.counters().moves;
    repeated += client.counters().repeatedOutcomes;
    await transport.close();
  }
  assert.ok(moves >= 12, `${moves} moves`);
  assert.ok(repeated > 0, "some first outcomes came to resends");
});

test("B9.2 a market that has moved where the orders may not go is not followed there", async () => {
  const asked: string[] = [];
  const client = new ExchangeClient({
    region: "eu",
    otherRegions: ["us", "ap"],
    allowedRegions: ["eu", "us"],
    market: "TEST",
    session: 77,
    sleep: async () => {},
    random: () => 0.5,
    transport: {
      request: async (subject): Promise<Delivery> => {
        asked.push(subject.split(".")[1] ?? "");
        const refusal = { code: "not_owner", reason: "moved", next: "", region: "ap" };
        return { kind: "reply", payload: wire.market.v1.SubmitReply.encode({ refusal }).finish() };
      },
    },
  });
  const answer = await client.submit([order]);
  assert.is(answer.ok ? "" : answer.failure.code, "region_not_allowed");
  assert.equal(asked, ["eu"]);
});

test("B9.1 two regions that send a client to each other do so as often as it has attempts", async () => {
  let asked = 0;
  const client = new ExchangeClient({
    region: "eu",
    market: "TEST",
    session: 77,
    sleep: async () => {},
    random: () => 0.5,
    attempts: 9,
    transport: {
      request: async (subject): Promise<Delivery> => {
        asked += 1;
        const region = subject.startsWith("cmd.eu.") ? "us" : "eu";
        const refusal = { code: "not_owner", reason: "moved", next: "", region };
        return { kind: "reply", payload: wire.market.v1.SubmitReply.encode({ refusal }).finish() };
      },
    },
  });
  const answer = await client.submit([order]);
  assert.is(answer.ok ? "" : answer.failure.code, "not_owner");
  assert.is(asked, 9);
});

test("a single slow probe does not make a region far, and an unknown region is nobody's", () => {
  const nearest = new NearestRegion(["a", "b"]);
  const answered = (roundTripUs: number) => ({ kind: "answered", roundTripUs }) as const;
  nearest.observe("a", answered(5_000), 0);
  nearest.observe("b", answered(9_000), 0);
  assert.is(nearest.begin(0)?.to, "a");
  for (let round = 1; round < usualRules.window; round += 1) {
    assert.is(nearest.observe("a", answered(90_000), round * 20_000), null);
    nearest.observe("b", answered(9_000), round * 20_000);
  }
  assert.is(nearest.present, "a");
  assert.is(nearest.observe("mars", answered(1), 1), null);
});

test.run();
