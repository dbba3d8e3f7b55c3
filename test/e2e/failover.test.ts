import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { Cluster, connectTo, findTarget } from "../../ops/cli/cluster.ts";
import { askFailover, type FailoverView, type PlanView } from "../../ops/cli/failovers.ts";
import { askStatus } from "../../ops/cli/markets.ts";
import { Launcher } from "../../ops/deploy/launcher.ts";
import { ExchangeClient } from "../../schemas/sdk/client.ts";
import type { PlaceAction } from "../../schemas/sdk/orders.ts";
import type { ActorJson, ControlJson } from "../support/memory-cell.ts";
import { meridian } from "../support/command-line.ts";
import { killAndHold } from "../support/held-cell.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

/** A client that keeps ordering while its market changes regions: its ledger is the judge. */
const test = suite("failover on three real servers");
const missing = missingNatsServer();

const data = temporaryFolder();
let launcher: Launcher | null = null;
let cluster: Cluster | null = null;

test.before(async () => {
  if (missing !== null) return;
  const cellProgram = join(repository, "actors", "root", "main.ts");
  launcher = new Launcher(launcherOptions(data, { cellProgram, takeover: "automatic" }));
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  const target = findTarget({ data, as: "operator" });
  if (!target.ok) throw new Error(target.failure.reason);
  // A server whose region no test touches.
  const connected = await connectTo(target.value, "ap-southeast");
  if (!connected.ok) throw new Error(connected.failure.reason);
  cluster = connected.value;
});
test.after(async () => {
  await cluster?.close();
  await launcher?.stop();
  rmSync(data, { recursive: true, force: true });
});

const connected = (): Cluster => {
  if (cluster === null) throw new Error("not connected");
  return cluster;
};

interface Told {
  readonly sequence: number;
  readonly epoch: number;
  readonly at: number;
}

const clientOf = (session: number): ExchangeClient =>
  new ExchangeClient({
    region: "eu-central",
    otherRegions: connected().regions,
    market: "BTC-EUR",
    transport: connected(),
    session,
    sleep: delay,
    random: Math.random,
    // A region may be silent for as long as a takeover lasts.
    attempts: 200,
    maximumBackOffMs: 50,
  });

/** One client of BTC-EUR, order after order, each acknowledged before the next. */
class Flow {
  readonly #client: ExchangeClient;
  readonly told: Told[] = [];
  readonly refused: string[] = [];
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(session: number) {
    this.#client = clientOf(session);
  }

  begin(): void {
    this.#ended = this.#run();
  }

  async until(count: number): Promise<void> {
    const wanted = this.told.length + count;
    for (let tries = 0; tries < 1_200 && this.told.length < wanted; tries += 1) await delay(50);
    assert.ok(this.told.length >= wanted, `${this.told.length} of ${wanted} acknowledged`);
  }

  async end(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  /** The longest time between two acknowledgements, in milliseconds. */
  get longestPause(): number {
    return this.told.reduce((most, one, index) => {
      const before = this.told[index - 1];
      return before === undefined ? most : Math.max(most, one.at - before.at);
    }, 0);
  }

  async #run(): Promise<void> {
    const order: PlaceAction = {
      kind: "place",
      account: 7,
      side: "buy",
      timeInForce: "day",
      price: 2_000_000,
      quantity: 1,
    };
    while (!this.#stopped) {
      const answer = await this.#client.submit([order]);
      const [outcome] = answer.ok ? answer.value.outcomes : [];
      if (!answer.ok || outcome === undefined || outcome.refusal !== null) {
        this.refused.push(answer.ok ? (outcome?.refusal?.code ?? "") : answer.failure.code);
        continue;
      }
      assert.is(answer.value.durability, "replicated");
      this.told.push({
        sequence: outcome.sequence,
        epoch: answer.value.epoch,
        at: performance.now(),
      });
    }
  }

  /** Every order was told once, in order, and every one of them rests. */
  async judge(resting: number): Promise<void> {
    assert.equal(this.refused, []);
    const sequences = this.told.map(({ sequence }) => sequence);
    assert.is(new Set(sequences).size, sequences.length, "no two orders share a sequence");
    assert.equal(
      sequences,
      [...sequences].sort((a, b) => a - b),
    );
    let found = 0;
    for (let after = 0; ; ) {
      const page = await this.#client.orders(7, after);
      if (!page.ok) throw new Error(page.failure.reason);
      found += page.value.orders.length;
      after = page.value.orders.at(-1)?.orderId ?? 0;
      if (!page.value.more) break;
    }
    assert.is(found, resting + this.told.length, "acknowledged and resting");
  }
}

async function run(code: number, ...words: readonly string[]): Promise<string> {
  const result = await meridian(data, [...words, "--as", "operator"]);
  assert.is(result.code, code, `${words.join(" ")}: ${result.output}${result.errors}`);
  return result.output;
}

/** What `meridian region status` shows of each region that answers. */
async function regionStatus() {
  const answers = await Promise.all(
    connected().regions.map((region) => askStatus(connected(), region)),
  );
  return answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}`);
}

const ownedIn = (region: string): Promise<void> =>
  eventually(`BTC-EUR is open in ${region}, followed in the others`, async () => {
    const regions = await regionStatus();
    return (
      regions.length === 3 &&
      regions.every(({ name, markets, standbys }) =>
        name === region
          ? markets?.some(({ market, state }) => market === "BTC-EUR" && state === "open")
          : standbys?.some(
              ({ market, state, owner }) =>
                market === "BTC-EUR" && state === "standby" && owner?.startsWith(`${region}/`),
            ),
      )
    );
  });

/** What the market maker says of itself, whichever cell runs it; null while nobody answers. */
async function maker(): Promise<ActorJson | null> {
  const payload = new TextEncoder().encode(JSON.stringify({ id: "mover" }));
  const asked = await connected().request("ctl.eu-central.describe", payload, 500);
  if (asked.kind !== "reply") return null;
  return (JSON.parse(new TextDecoder().decode(asked.payload)) as ControlJson).actor ?? null;
}

/** `above`: of the incarnation; what an ended one still says does not count. */
async function quotingIn(region: string, above = 0): Promise<ActorJson> {
  let seen: ActorJson | null = null;
  await eventually(`the market maker quotes in ${region}`, async () => {
    seen = await maker();
    const quotes = seen?.strategy?.bid && seen.strategy.ask && seen.incarnation > above;
    return Boolean(quotes) && seen?.cell.includes(region) === true;
  });
  if (seen === null) throw new Error("it is gone");
  return seen;
}

/** What it holds and keeps count of: none of it is less or other after a move. */
function holdsOn(before: ActorJson, after: ActorJson): void {
  assert.is(after.strategy?.inventory, before.strategy?.inventory, "the same inventory");
  assert.is(after.strategy?.cash, before.strategy?.cash);
  assert.ok((after.strategy?.sent ?? 0) >= (before.strategy?.sent ?? 0), "it counts on");
  assert.ok(after.incarnation > before.incarnation);
}

/** A market maker of eu-central that has bought something, through a risk limit of its own. */
async function spawnMaker(): Promise<ActorJson> {
  const parameters = { market: "BTC-EUR", gamma: "0.1", reference: "6000000", interval: "200" };
  const request = { key: "mover", type: "avellaneda-stoikov", parameters };
  const payload = new TextEncoder().encode(JSON.stringify(request));
  const spawned = await connected().request("ctl.eu-central.spawn", payload, 15_000);
  assert.is(spawned.kind, "reply");
  await quotingIn("eu-central");
  const sale = { kind: "place", side: "sell", timeInForce: "ioc", price: 5_000_000 } as const;
  const sold = await clientOf(10).submit([{ ...sale, account: 8, quantity: 1 }]);
  assert.ok(sold.ok && sold.value.outcomes[0]?.refusal === null);
  await eventually("it has bought", async () => ((await maker())?.strategy?.inventory ?? 0) > 0);
  return quotingIn("eu-central");
}

/** What the command line's failback asks for; it is waited for. */
async function giveBack(from: string): Promise<void> {
  const id = `back-${from}`;
  const wish = { id, from, to: "eu-central", dryRun: false, acceptLoss: false, reason: "test" };
  await eventually(`${from} has given back what is at home in eu-central`, async () => {
    const asked = await askFailover(connected(), { ...wish, homeOnly: true });
    const state = asked.ok ? asked.value.status?.state : asked.failure.reason;
    if (state === "failed") throw new Error(JSON.stringify(asked));
    return state === "done";
  });
}

/** The region in which BTC-EUR is open. */
async function eventuallyOwned(): Promise<string> {
  let owner = "";
  await eventually("BTC-EUR is open", async () => {
    const open = (await regionStatus()).find(({ markets }) =>
      markets?.some(({ market, state }) => market === "BTC-EUR" && state === "open"),
    );
    owner = open?.name ?? "";
    return owner !== "";
  });
  return owner;
}

let resting = 0;

testUnless(
  test,
  missing,
  "B9.4 B8.2 a planned move and the way back, market maker and all: the client sees a pause, no refusal, and loses nothing",
  async () => {
    await ownedIn("eu-central");
    const before = await spawnMaker();
    const plan = JSON.parse(
      await run(
        0,
        "region",
        "failover",
        "eu-central",
        "--to",
        "us-east",
        "--dry-run",
        "-o",
        "json",
      ),
    ) as PlanView;
    assert.equal(
      plan.markets.map(({ market, loss }) => [market, loss]),
      [["BTC-EUR", "none"]],
    );
    assert.ok(plan.checks.every(({ level }) => level !== "fault"));
    const trader = plan.actors.find(({ id }) => id === "mover");
    assert.is(trader?.type, "market-maker");
    assert.ok((trader?.sequence ?? 0) > 0, "its last event");
    assert.ok(plan.actors.some(({ type }) => type === "risk-limit"));
    const flow = new Flow(11);
    flow.begin();
    await flow.until(20);
    // Nobody has typed the region's name.
    await run(2, "region", "failover", "eu-central", "--to", "us-east");
    const words = ["--to", "us-east", "--confirm", "eu-central"];
    const said = await run(0, "region", "failover", "eu-central", ...words);
    assert.match(said, /● markets: 1 of eu-central move/);
    assert.match(said, /draining +BTC-EUR/);
    assert.match(said, /handed_over +BTC-EUR/);
    assert.match(said, /market_moved +BTC-EUR +after \d+ ms/);
    assert.match(said, /actors_moved +\d+ of eu-central in \d+ ms/);
    const away = await quotingIn("us-east", before.incarnation);
    holdsOn(before, away);
    await flow.until(20);
    await ownedIn("us-east");
    const shown = JSON.parse(await run(0, "region", "status", "-o", "json")) as {
      readonly regions: readonly { readonly name: string; readonly lastFailover: FailoverView }[];
    };
    const eu = shown.regions.find(({ name }) => name === "eu-central");
    assert.is(eu?.lastFailover.state, "done");
    assert.match(await run(0, "region", "status"), /BTC-EUR +us-east +owner/);
    const back = ["failback", "us-east", "--to", "eu-central", "--confirm", "us-east"];
    assert.match(await run(0, "region", ...back), /1 markets and \d+ actors moved/);
    holdsOn(away, await quotingIn("eu-central", away.incarnation));
    await flow.until(20);
    await ownedIn("eu-central");
    await flow.end();
    await flow.judge(resting);
    resting += flow.told.length;
    // Both moves; how long they take on this machine is told, not judged.
    console.log(`    longest pause of the client: ${Math.round(flow.longestPause)} ms`);
  },
);

testUnless(
  test,
  missing,
  "B9.1 B9.4 B8.2 a killed cell's market and market maker go on in another region with what they had, and are given back",
  async () => {
    await ownedIn("eu-central");
    const before = await quotingIn("eu-central");
    const flow = new Flow(13);
    flow.begin();
    await flow.until(20);
    const began = performance.now();
    const folder = killAndHold(launcher, data, "eu-central");
    let away = before;
    try {
      await flow.until(1);
      const market = performance.now() - began;
      await eventually("it quotes in another region", async () => {
        const seen = await maker();
        if (seen === null || !seen.strategy?.bid || !seen.strategy.ask) return false;
        away = seen;
        return seen.incarnation > before.incarnation;
      });
      const actors = performance.now() - began;
      console.log(
        `    market after ${Math.round(market)} ms, maker after ${Math.round(actors)} ms`,
      );
      assert.not.match(away.cell, /^eu-central/);
      holdsOn(before, away);
    } finally {
      folder.release();
    }
    // Its cell is back, and what it had stays where it is until somebody gives it back.
    const taker = away.cell.split("_")[0] ?? "";
    const owner = await eventuallyOwned();
    await ownedIn(owner);
    assert.is((await quotingIn(taker)).incarnation, away.incarnation);
    for (const from of new Set([owner, taker])) await giveBack(from);
    holdsOn(away, await quotingIn("eu-central", away.incarnation));
    await flow.until(20);
    await flow.end();
    await flow.judge(resting);
    resting += flow.told.length;
  },
);

testUnless(
  test,
  missing,
  "B8.2 B8.3 B9.4 a frozen region's market and market maker are taken by another one, its clients follow, and it follows when it wakes up",
  async () => {
    await ownedIn("eu-central");
    const flow = new Flow(12);
    flow.begin();
    await flow.until(20);
    const before = await quotingIn("eu-central");
    const pid = launcher?.processId("eu-central", "cell") ?? 0;
    assert.ok(pid > 0);
    process.kill(pid, "SIGSTOP");
    let away = before;
    try {
      await flow.until(20);
      await eventually("the market maker quotes in another region", async () => {
        const seen = await maker();
        if (seen === null || !seen.strategy?.bid || !seen.strategy.ask) return false;
        away = seen;
        return seen.incarnation > before.incarnation;
      });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    holdsOn(before, away);
    await flow.until(20);
    // What woke up has learnt that it was replaced: one incarnation quotes, with the state it took over.
    const [home = ""] = away.cell.split("_");
    const after = await quotingIn(home);
    assert.is(after.incarnation, away.incarnation);
    assert.is(after.strategy?.inventory, before.strategy?.inventory);
    await flow.end();
    await flow.judge(resting);
    resting += flow.told.length;
    const epochs = new Set(flow.told.map(({ epoch }) => epoch));
    assert.ok(epochs.size >= 2, "another owner answered");
    console.log(`    longest pause of the client: ${Math.round(flow.longestPause)} ms`);
    const taker = (await regionStatus()).find(({ markets }) =>
      markets?.some(({ market, state }) => market === "BTC-EUR" && state === "open"),
    );
    assert.ok(taker?.name && taker.name !== "eu-central", String(taker?.name));
    await ownedIn(taker.name);
  },
);

testUnless(
  test,
  missing,
  "B9.3 the mode of a market is changed at run time, by name in each acknowledgement",
  async () => {
    for (const mode of ["durable", "matched", "replicated"]) {
      const said = await run(0, "market", "mode", "BTC-USD", mode, "--reason", "test");
      assert.match(said, `open`);
      const order = ["order", "place", "BTC-USD", "buy", "1", "20000", "-o", "json"];
      await eventually(`an order is acknowledged as ${mode}`, async () => {
        const answer = JSON.parse(await run(0, ...order)) as { readonly durability: string };
        return answer.durability === mode;
      });
    }
    const wrong = await meridian(data, ["market", "mode", "BTC-USD", "sometimes"]);
    assert.is(wrong.code, 2);
    const observer = await meridian(data, ["market", "mode", "BTC-USD", "durable"]);
    assert.is(observer.code, 3);
  },
);

test.run();
