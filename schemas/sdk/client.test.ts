import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { TwinExchange } from "../../test/support/engine-exchange.ts";
import { type Losses, LossyTransport } from "../../test/support/lossy-transport.ts";
import { seed } from "../../test/support/seed.ts";
import { wire } from "../messages.ts";
import { type Delivery, ExchangeClient, type ExchangeClientOptions } from "./client.ts";
import type { Action } from "./orders.ts";

const test = suite("exchange client");

const limits = {
  tick: 1,
  bandLow: 1,
  bandHigh: 1000,
  maximumQuantity: 1000,
  orderCapacity: 10_000,
};
const none: Losses = { requests: 0, late: 0, replies: 0, busy: 0, ringFull: 0 };

const client = (
  transport: ExchangeClientOptions["transport"],
  options: Partial<ExchangeClientOptions> = {},
): ExchangeClient =>
  new ExchangeClient({
    region: "eu-central",
    market: "TEST",
    transport,
    session: 77,
    sleep: async () => {},
    random: () => 0.5,
    ...options,
  });

const buy = (price: number, quantity = 10): Action => ({
  kind: "place",
  account: 5,
  side: "buy",
  timeInForce: "day",
  price,
  quantity,
});

test("outcomes come back in order with all their fields", async () => {
  const twin = new TwinExchange(limits);
  const exchange = client(new LossyTransport(twin, seededRandomness(1), none));
  const answer = await exchange.submit([
    buy(100),
    { kind: "place", account: 6, side: "sell", timeInForce: "ioc", price: 90, quantity: 15 },
    { kind: "cancel", account: 5, orderId: 424_242 },
  ]);
  assert.ok(answer.ok);
  const [first, second, third] = answer.value.outcomes;
  assert.is(answer.value.durability, "durable");
  assert.is(answer.value.epoch, 4);
  assert.is(first?.remaining, 10);
  assert.equal(first?.touch, { bidPrice: 100, bidQuantity: 10, askPrice: 0, askQuantity: 0 });
  assert.equal(second?.fills, [
    { makerOrderId: first?.orderId, price: 100, quantity: 10, makerRemaining: 0 },
  ]);
  assert.is(second?.canceled, 5);
  assert.is(second?.remaining, 0);
  assert.is(third?.refusal?.code, "order_unknown");
  assert.is(third?.touch, null);
});

test("B8.3 a market that is slower than the time-out is waited for longer, up to four times", async () => {
  const twin = new TwinExchange(limits);
  const cell = new LossyTransport(twin, seededRandomness(1), none);
  const waited: number[] = [];
  let takes = 1_500;
  const exchange = client(
    {
      async request(subject, payload, timeoutMs) {
        waited.push(timeoutMs);
        const delivery = await cell.request(subject, payload);
        return timeoutMs < takes ? { kind: "timeout" } : delivery;
      },
    },
    { timeoutMs: 500 },
  );
  assert.ok((await exchange.submit([buy(100)])).ok);
  assert.equal(waited, [500, 1_000, 2_000]);
  takes = 100;
  for (let order = 0; order < 2; order += 1) assert.ok((await exchange.submit([buy(100)])).ok);
  takes = 5_000;
  assert.not((await exchange.submit([buy(100)])).ok);
  assert.equal(waited.slice(3, 9), [1_000, 500, 500, 1_000, 2_000, 2_000]);
});

test("B8.3 a client goes where a refusal says that the market is, and elsewhere when nobody answers", async () => {
  const replying = (fields: wire.market.v1.ISubmitReply): Delivery => ({
    kind: "reply",
    payload: wire.market.v1.SubmitReply.encode(fields).finish(),
  });
  const asked: string[] = [];
  // us is silent at first; ap has it in the end.
  const answers: Readonly<Record<string, Delivery>> = {
    "cmd.us.TEST.submit": { kind: "no_responders" },
    "cmd.eu.TEST.submit": replying({
      refusal: { code: "not_owner", reason: "moved", next: "", region: "ap" },
    }),
    "cmd.ap.TEST.submit": replying({ outcomes: [{ number: 1, sequence: 9 }], epoch: 5 }),
  };
  const exchange = client(
    {
      request: async (subject) => {
        asked.push(subject.split(".")[1] ?? "");
        return answers[subject] ?? { kind: "timeout" };
      },
    },
    { region: "us", otherRegions: ["us", "eu", "ap"] },
  );
  const answer = await exchange.submit([buy(100)]);
  assert.is(answer.ok ? answer.value.epoch : 0, 5);
  assert.ok((await exchange.submit([buy(100)])).ok);
  assert.equal(asked, ["us", "eu", "ap", "ap"]);
  assert.is(exchange.counters().moves, 2);
});

test("B8.3 a client that is sent to a silent region again and again asks every other region as well", async () => {
  const asked: string[] = [];
  const exchange = client(
    {
      request: async (subject) => {
        const region = subject.split(".")[1] ?? "";
        asked.push(region);
        if (region === "us") return { kind: "timeout" };
        // ap reads the journal anew and knows the owner of before; eu has taken the market.
        const fields: wire.market.v1.ISubmitReply =
          region === "eu" && asked.length > 1
            ? { outcomes: [{ number: 1, sequence: 9 }], epoch: 5 }
            : { refusal: { code: "not_owner", reason: "owned in us", next: "", region: "us" } };
        return { kind: "reply", payload: wire.market.v1.SubmitReply.encode(fields).finish() };
      },
    },
    { region: "eu", otherRegions: ["us", "ap"] },
  );
  assert.ok((await exchange.submit([buy(100)])).ok);
  assert.equal(asked, ["eu", "us", "ap", "us", "eu"]);
});

test("B8.3 a client does not wait in a region whose market is stopped while another one has it", async () => {
  const asked: string[] = [];
  const exchange = client(
    {
      request: async (subject) => {
        const region = subject.split(".")[1] ?? "";
        asked.push(region);
        const fields: wire.market.v1.ISubmitReply =
          region === "ap"
            ? { outcomes: [{ number: 1, sequence: 9 }], epoch: 5 }
            : { refusal: { code: "market_stopped", reason: "its journal is read", next: "" } };
        return { kind: "reply", payload: wire.market.v1.SubmitReply.encode(fields).finish() };
      },
    },
    { region: "us", otherRegions: ["us", "eu", "ap"] },
  );
  assert.ok((await exchange.submit([buy(100)])).ok);
  assert.equal(asked, ["us", "eu", "ap"]);
});

test("B9.4 a client stays where a market is about to open, and goes on when it is not there any more", async () => {
  const asked: string[] = [];
  const opening = { code: "market_stopped", reason: "fencing", next: "", region: "us" };
  const gone = { code: "market_stopped", reason: "its journal is read", next: "" };
  const exchange = client(
    {
      request: async (subject) => {
        const region = subject.split(".")[1] ?? "";
        asked.push(region);
        const fields: wire.market.v1.ISubmitReply =
          region === "eu"
            ? { outcomes: [{ number: 1, sequence: 9 }], epoch: 5 }
            : { refusal: asked.length < 4 ? opening : gone };
        return { kind: "reply", payload: wire.market.v1.SubmitReply.encode(fields).finish() };
      },
    },
    { region: "us", otherRegions: ["eu"] },
  );
  assert.ok((await exchange.submit([buy(100)])).ok);
  assert.equal(asked, ["us", "us", "us", "us", "eu"]);
});

test("B8.3 a region that has not heard of a new market yet is not taken at its word, its home is", async () => {
  const twin = new TwinExchange(limits);
  const cell = new LossyTransport(twin, seededRandomness(1), none);
  const { SubmitReply } = wire.market.v1;
  const unknown = SubmitReply.encode({
    refusal: { code: "market_unknown", reason: "not heard of", next: "" },
  }).finish();
  const asked: string[] = [];
  const exchange = (home: (payload: Uint8Array) => Promise<Delivery>): ExchangeClient =>
    client(
      {
        async request(subject, payload) {
          const region = subject.split(".")[1] ?? "";
          asked.push(region);
          return region === "us" ? home(payload) : { kind: "reply", payload: unknown };
        },
      },
      { region: "us", otherRegions: ["us", "ap"] },
    );
  let silent = true;
  const submit = await exchange(async (payload) => {
    if (!silent) return cell.request("cmd.us.TEST.submit", payload);
    silent = false;
    return { kind: "no_responders" };
  }).submit([buy(100)]);
  assert.ok(submit.ok);
  assert.equal(asked, ["us", "ap", "us"]);
  const gone = await exchange(async () => ({ kind: "reply", payload: unknown })).submit([buy(100)]);
  assert.is(gone.ok ? "" : gone.failure.code, "market_unknown");
});

test("whatever the network loses or delays, every command takes effect exactly once", async () => {
  const first = seed(5_150);
  const losses = { requests: 15, late: 15, replies: 15, busy: 10, ringFull: 15 };
  let resends = 0;
  let repeated = 0;
  let retried = 0;
  for (let round = 0; round < 80; round += 1) {
    const random = seededRandomness(first + round);
    const twin = new TwinExchange(limits);
    const exchange = client(new LossyTransport(twin, random, losses), { attempts: 60 });
    let placed = 0;
    for (let request = 0; request < 20; request += 1) {
      const size = 1 + random.below(30);
      const answer = await exchange.submit(Array.from({ length: size }, () => buy(500, 1)));
      assert.ok(answer.ok, `SEED=${first + round}`);
      assert.is(answer.value.outcomes.length, size);
      assert.ok(answer.value.outcomes.every((outcome) => outcome.refusal === null));
      placed += size;
    }
    assert.is(twin.market.restingCount(), placed, `SEED=${first + round}`);
    const counters = exchange.counters();
    resends += counters.resends;
    repeated += counters.repeatedOutcomes;
    retried += counters.retriedCommands;
  }
  assert.ok(resends > 100 && repeated > 100 && retried > 100, "the losses must have happened");
});

test("a request that is never answered ends as outcome_unknown after bounded attempts", async () => {
  const waits: number[] = [];
  let sent = 0;
  const exchange = client(
    {
      request: async () => {
        sent += 1;
        return { kind: "timeout" };
      },
    },
    {
      attempts: 6,
      firstBackOffMs: 10,
      maximumBackOffMs: 100,
      random: () => 1,
      sleep: async (milliseconds) => {
        waits.push(milliseconds);
      },
    },
  );
  const answer = await exchange.submit([buy(1)]);
  assert.ok(!answer.ok);
  assert.is(answer.failure.code, "outcome_unknown");
  assert.is(sent, 6);
  assert.equal(waits, [10, 20, 40, 80, 100]);
  const { requests, resends, timeouts } = exchange.counters();
  assert.equal({ requests, resends, timeouts }, { requests: 6, resends: 5, timeouts: 6 });
});

test("a resend has the same bytes, the next request higher numbers", async () => {
  const payloads: Uint8Array[] = [];
  const twin = new TwinExchange(limits);
  const cell = new LossyTransport(twin, seededRandomness(1), none);
  const exchange = client({
    async request(subject, payload) {
      payloads.push(payload);
      assert.is(subject, "cmd.eu-central.TEST.submit");
      return payloads.length === 1 ? { kind: "timeout" } : cell.request(subject, payload);
    },
  });
  await exchange.submit([buy(1), buy(2)]);
  await exchange.submit([buy(3)]);
  assert.equal(payloads[0], payloads[1]);
  const numbers = payloads.map((payload) =>
    wire.market.v1.SubmitRequest.decode(payload).commands?.map((command) => command.number),
  );
  assert.equal(numbers, [[1, 2], [1, 2], [3]]);
});

test("failures that cannot pass by waiting are given back at once", async () => {
  const deliveries: readonly (readonly [Delivery, string, number])[] = [
    [{ kind: "not_permitted", reason: "observer", next: "log in" }, "not_permitted", 1],
    [{ kind: "reply", payload: Buffer.from("garbage!") }, "reply_malformed", 1],
    [reply({ refusal: { code: "market_unknown", reason: "", next: "" } }), "market_unknown", 1],
    [reply({ outcomes: [] }), "reply_malformed", 1],
    [{ kind: "no_responders" }, "unreachable", 8],
    [reply({ refusal: { code: "market_stopped", reason: "", next: "" } }), "market_stopped", 8],
    [reply({ refusal: { code: "not_owner", reason: "", next: "" } }), "not_owner", 8],
  ];
  for (const [delivery, code, requests] of deliveries) {
    const exchange = client({ request: async () => delivery });
    const answer = await exchange.submit([buy(1)]);
    assert.ok(!answer.ok, code);
    assert.is(answer.failure.code, code);
    assert.is(exchange.counters().requests, requests, code);
  }
});

function reply(content: wire.market.v1.SubmitReply.$Shape): Delivery {
  return { kind: "reply", payload: wire.market.v1.SubmitReply.encode(content).finish() };
}

test("a refusal by the engine is final, one before the engine is tried again", async () => {
  const codes = ["not_durable", "order_pool_full"];
  let requests = 0;
  const exchange = client({
    async request() {
      requests += 1;
      const refusal = { code: codes[requests - 1] ?? "", reason: "", next: "" };
      return reply({ outcomes: [{ number: requests, sequence: requests - 1, refusal }] });
    },
  });
  const answer = await exchange.submit([buy(1)]);
  assert.ok(answer.ok);
  assert.is(answer.value.outcomes[0]?.refusal?.code, "order_pool_full");
  assert.is(requests, 2);
  assert.equal(exchange.counters().refusals, { not_durable: 1, order_pool_full: 1 });
});

test("a wrong number of actions is refused before anything is sent", async () => {
  const exchange = client({ request: async () => assert.unreachable() as never });
  for (const size of [0, 1025]) {
    const answer = await exchange.submit(Array.from({ length: size }, () => buy(1)));
    assert.ok(!answer.ok);
    assert.is(answer.failure.code, "usage");
  }
});

test("calls wait for each other up to a bound, beyond it they are refused and counted", async () => {
  const twin = new TwinExchange(limits);
  const cell = new LossyTransport(twin, seededRandomness(1), none);
  let inFlight = 0;
  let most = 0;
  const exchange = client(
    {
      async request(subject, payload) {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        return cell.request(subject, payload);
      },
    },
    { maximumQueued: 5 },
  );
  const answers = await Promise.all(Array.from({ length: 8 }, () => exchange.submit([buy(1)])));
  assert.is(most, 1);
  assert.is(answers.filter((answer) => answer.ok).length, 5);
  assert.ok(answers.slice(5).every((answer) => !answer.ok && answer.failure.code === "busy"));
  assert.is(exchange.counters().refusedBusy, 3);
  assert.ok((await exchange.submit([buy(1)])).ok, "the queue is free again");
});

test("a book is decoded, its refusal is the failure", async () => {
  const encoded = wire.market.v1.BookReply.encode({
    bids: [{ price: 100, quantity: 5, orders: 2 }],
    asks: [],
    sequence: 9,
    digest: "00ff",
  }).finish();
  const good = await client({ request: async () => ({ kind: "reply", payload: encoded }) }).book(5);
  assert.equal(good, {
    ok: true,
    value: {
      bids: [{ price: 100, quantity: 5, orders: 2 }],
      asks: [],
      sequence: 9,
      digest: "00ff",
    },
  });
  const refusal = { code: "market_unknown", reason: "no", next: "list" };
  const refused = wire.market.v1.BookReply.encode({ refusal }).finish();
  const bad = await client({ request: async () => ({ kind: "reply", payload: refused }) }).book(5);
  assert.equal(bad, { ok: false, failure: refusal });
});

test.run();
