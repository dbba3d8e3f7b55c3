import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine } from "../../../native/index.ts";
import { PortableEngine } from "../../../native/portable/engine.ts";
import { seed } from "../../../test/support/seed.ts";
import { testUnless } from "../../../test/support/skip.ts";
import type { MatchingEngine } from "../../kernel/ports/matching-engine.ts";
import { systemClock } from "../../kernel/system-clock.ts";
import { epoch } from "../../kernel/units.ts";
import { inventoryMaker, touchMaker } from "../../models/backtest/market-makers.ts";
import { type MarketView, noQuotes, type Strategy } from "../../models/backtest/strategy.ts";
import { FEATURES, featureStream } from "../../models/microstructure/feature-stream.ts";
import { certain } from "../../models/numerics/failure.ts";
import type { SessionEvent, SessionSource } from "../events.ts";
import { survey } from "../survey.ts";
import { backtest, type BacktestOptions, type BacktestResult } from "./backtest.ts";
import { constantDelay } from "./latency.ts";

const test = suite("backtest");
const SEED = seed(90_210);
const START = 34_200_000_000_000;

/** Rows of a session: ladders of orders that come, go and are executed around a wandering price. */
function rows(count: number, start: number): SessionEvent[] {
  let state = start >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const made: SessionEvent[] = [];
  const live: { id: number; side: "buy" | "sell"; price: number; size: number }[] = [];
  let [time, id, middle] = [START, 0, 5_000];
  const best = (side: "buy" | "sell") =>
    live
      .filter((order) => order.side === side)
      .sort((a, b) => (side === "buy" ? b.price - a.price : a.price - b.price) || a.id - b.id)[0];
  while (made.length < count) {
    time += 1_000 + below(400_000);
    const position = made.length + 1;
    const drawn = below(10);
    if (drawn < 5 || live.length < 20) {
      id += 1;
      middle += below(3) - 1;
      const side = below(2) === 0 ? ("buy" as const) : ("sell" as const);
      const away = 1 + below(5);
      const other = best(side === "buy" ? "sell" : "buy")?.price;
      const wanted = (side === "buy" ? middle - away : middle + away) * 100;
      const price =
        other === undefined
          ? wanted
          : side === "buy"
            ? Math.min(wanted, other - 100)
            : Math.max(wanted, other + 100);
      const order = { id, side, price, size: 10 * (1 + below(20)) };
      live.push(order);
      made.push({ type: "add", position, time, ...order });
    } else if (drawn < 8) {
      const [gone] = live.splice(below(live.length), 1);
      if (gone !== undefined) made.push({ type: "delete", position, time, ...gone });
    } else {
      const hit = best(below(2) === 0 ? "buy" : "sell");
      if (hit === undefined) continue;
      const size = Math.min(hit.size, 10 * (1 + below(8)));
      made.push({ type: "execute", position, time, ...hit, size });
      hit.size -= size;
      if (hit.size === 0) live.splice(live.indexOf(hit), 1);
    }
  }
  return made;
}

const sourceOf = (events: readonly SessionEvent[]): SessionSource =>
  async function* read() {
    for (let at = 0; at < events.length; at += 64) yield events.slice(at, at + 64);
  };

const maker = (): Strategy<null> =>
  certain(touchMaker({ quantity: 50, inventoryBound: 300, depth: 0 }));

interface Run {
  readonly result: BacktestResult;
  /** Every message sent, with its time. */
  readonly sent: readonly { readonly time: number; readonly text: string }[];
}

async function run(
  host: MatchingEngine,
  source: SessionSource,
  change: Partial<BacktestOptions<null>> = {},
): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "meridian-test-"));
  const engine = await host.open({ market: "TEST", directory, epoch: epoch(1) });
  const sent: { time: number; text: string }[] = [];
  try {
    const result = await backtest({
      source,
      survey: change.survey ?? (await survey(source)),
      range: null,
      engine,
      tick: 100,
      strategy: maker(),
      features: certain(
        featureStream({ decayNs: 1e9, microprice: null, bucketVolume: 500, buckets: 5 }),
      ),
      latency: {
        feed: constantDelay(20_000),
        order: constantDelay(50_000),
        response: constantDelay(20_000),
      },
      seed: SEED,
      decisionIntervalNs: 0,
      sampleNs: 10_000_000,
      onDecision: (time, intents) => sent.push({ time, text: JSON.stringify(intents) }),
      ...change,
    });
    return { result, sent };
  } finally {
    await engine.close();
    await host.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

const portable = (): MatchingEngine => new PortableEngine({ clock: systemClock() });
const events = rows(3_000, SEED);

test("a backtest is a function of its session, strategy and seed", async () => {
  const jitter = { kind: "lognormal", medianNs: 50_000, sigma: 0.7 } as const;
  const latency = { feed: jitter, order: jitter, response: jitter };
  const [first, second] = [
    await run(portable(), sourceOf(events), { latency }),
    await run(portable(), sourceOf(events), { latency }),
  ];
  assert.equal(first.sent, second.sent);
  assert.equal(first.result, second.result);
  assert.ok(first.result.fills.length > 20, `SEED=${SEED} ${first.result.fills.length} fills`);
  const other = await run(portable(), sourceOf(events), { latency, seed: SEED + 1000 });
  assert.not.equal(other.sent, first.sent);
});

const native = loadNativeEngine();
testUnless(
  test,
  native.ok ? null : `${native.failure.reason}; ${native.failure.next}`,
  "B5.2 the native engine and the portable one give the same backtest",
  async () => {
    if (!native.ok) return;
    const slow = await run(portable(), sourceOf(events));
    const fast = await run(native.value, sourceOf(events));
    assert.equal(fast.sent, slow.sent);
    assert.equal(fast.result.fills, slow.result.fills);
    assert.equal(fast.result.samples, slow.result.samples);
  },
);

test("B10.1 what a strategy did until now does not change when the future is shuffled", async () => {
  const reference = await survey(sourceOf(events));
  const whole = await run(portable(), sourceOf(events), { survey: reference });
  for (const present of [700, 1_500, 2_400]) {
    const now = events[present]?.time ?? 0;
    const future = events.slice(present);
    const times = future.map(({ time }) => time);
    const other = rows(3_000, SEED + present)
      .slice(present)
      .map((event, at) => ({
        ...event,
        time: times[at] ?? 0,
        ...("id" in event ? { id: event.id + 100_000 } : {}),
      }));
    const session = sourceOf([...events.slice(0, present), ...(other as SessionEvent[])]);
    const changed = await run(portable(), session, { survey: reference });
    const until = (all: Run): unknown => all.sent.filter(({ time }) => time < now);
    assert.equal(until(changed), until(whole), `SEED=${SEED} present=${present}`);
    // The shuffle does change what comes after: else equality would prove nothing.
    assert.not.equal(changed.sent, whole.sent);
  }
});

test("B10.1 a strategy that decides on a row has not yet been able to read the next one", async () => {
  // The source notes how far it was read; each decision may rest on rows that were read, never on more
  // than the row that is waiting at the gate, and of that one only the time is known.
  let given = 0;
  const oneByOne: SessionSource = async function* read() {
    for (const event of events) {
      given += 1;
      yield [event];
    }
  };
  const reference = await survey(oneByOne);
  given = 0;
  let latest = 0;
  let seen = 0;
  const spy: Strategy<null> = {
    name: "spy",
    start: null,
    decide: (state, view) => {
      seen += 1;
      const waiting = events[given - 1]?.time ?? 0;
      assert.ok(view.time <= waiting, `decided at ${view.time} with the row of ${waiting} read`);
      latest = Math.max(latest, view.time);
      return { state, desired: noQuotes };
    },
  };
  await run(portable(), oneByOne, { survey: reference, strategy: spy });
  assert.ok(seen > 500 && latest > START);
});

test("B10.1 a slower feed brings the same market data and the same bits of every feature, later", async () => {
  const views: { readonly time: number; readonly bits: string }[] = [];
  const note = (feed: number): Promise<Run> =>
    run(portable(), sourceOf(events), {
      latency: { feed: constantDelay(feed), order: constantDelay(0), response: constantDelay(0) },
      strategy: {
        name: "note",
        start: null,
        decide: (state, { time, features, bidPrice, askPrice }: MarketView) => {
          assert.is(features.length, FEATURES);
          const bits = Buffer.from(features.slice().buffer).toString("hex");
          views.push({ time, bits: `${bidPrice} ${askPrice} ${bits}` });
          return { state, desired: noQuotes };
        },
      },
    });
  await note(0);
  const prompt = views.splice(0);
  await note(1_000_000);
  assert.ok(views.length > 500 && new Set(views.map(({ bits }) => bits)).size > 400);
  views.forEach(({ time, bits }, at) => {
    assert.is(time, (prompt[at]?.time ?? 0) + 1_000_000);
    assert.is(bits, prompt[at]?.bits);
  });
});

test("a quote stands behind what rested before it, and moves up when that leaves or is executed", async () => {
  const bid = { side: "buy", price: 500_000 } as const;
  const second = 1_000_000_000;
  const rowsOf = (late: readonly SessionEvent[]): SessionEvent[] => [
    { type: "add", position: 1, time: START, id: 1, ...bid, size: 100 },
    { type: "add", position: 2, time: START, id: 2, side: "sell", price: 500_100, size: 100 },
    { type: "add", position: 3, time: START + second, id: 3, ...bid, size: 40 },
    ...late,
    {
      type: "delete",
      position: 99,
      time: START + 9 * second,
      id: 2,
      side: "sell",
      price: 500_100,
      size: 100,
    },
  ];
  const fills = async (late: readonly SessionEvent[]) => {
    const strategy = certain(touchMaker({ quantity: 50, inventoryBound: 50, depth: 0 }));
    const { result } = await run(portable(), sourceOf(rowsOf(late)), { strategy });
    return result;
  };
  const execute = (position: number, id: number, size: number): SessionEvent => ({
    type: "execute",
    position,
    time: START + position * second,
    id,
    ...bid,
    size,
  });
  // 100 lots stood at the price when the quote came; 40 more came after it.
  const ahead = await fills([execute(4, 1, 100)]);
  assert.equal(ahead.fills, []);
  assert.is(ahead.counts.queueAhead / ahead.counts.rested, 100);
  const reached = await fills([execute(4, 1, 100), execute(5, 3, 30)]);
  assert.equal(
    reached.fills.map((fill) => [fill.price, fill.quantity, fill.maker]),
    [[5_000, 30, true]],
  );
  const canceled = await fills([
    { type: "reduce", position: 4, time: START + 4 * second, id: 1, ...bid, size: 90 },
    execute(5, 1, 35),
  ]);
  assert.equal(
    canceled.fills.map(({ quantity }) => quantity),
    [25],
  );
});

test("a strategy does not see its own quotes as the market", async () => {
  const second = 1_000_000_000;
  const resting: SessionEvent[] = [
    { type: "add", position: 1, time: START, id: 1, side: "buy", price: 500_000, size: 100 },
    { type: "add", position: 2, time: START, id: 2, side: "sell", price: 500_900, size: 70 },
    {
      type: "reduce",
      position: 3,
      time: START + second,
      id: 2,
      side: "sell",
      price: 500_900,
      size: 10,
    },
    {
      type: "reduce",
      position: 4,
      time: START + 2 * second,
      id: 1,
      side: "buy",
      price: 500_000,
      size: 10,
    },
    {
      type: "delete",
      position: 5,
      time: START + 3 * second,
      id: 2,
      side: "sell",
      price: 500_900,
      size: 60,
    },
  ];
  const seen = new Set<string>();
  const inside: Strategy<null> = {
    name: "inside",
    start: null,
    decide: (state, view) => {
      seen.add(`${view.bidPrice} x ${view.bidQuantity}, ${view.askPrice} x ${view.askQuantity}`);
      const bid = { price: 5_003, quantity: 40 };
      return { state, desired: view.askPrice === 0 ? noQuotes : { ...noQuotes, bid } };
    },
  };
  const { result } = await run(portable(), sourceOf(resting), { strategy: inside });
  assert.is(result.counts.rested, 1);
  assert.equal(
    [...seen].filter((text) => !text.includes("0 x 0")),
    ["5000 x 100, 5009 x 70", "5000 x 100, 5009 x 60", "5000 x 90, 5009 x 60"],
  );
  assert.equal(result.midPath.mids, [5_004.5]);
});

test("cash and inventory of the report are those of its fills", async () => {
  const { result } = await run(portable(), sourceOf(events));
  let [cash, inventory] = [0, 0];
  for (const fill of result.fills) {
    const sign = fill.side === "buy" ? 1 : -1;
    inventory += sign * fill.quantity;
    cash -= sign * fill.quantity * fill.price;
    assert.ok(Math.abs(inventory) <= 300 + 50, `inventory ${inventory}`);
  }
  const mid = result.midPath.mids[result.midPath.mids.length - 1] ?? 0;
  const { equity, inventory: held } = result.samples;
  assert.is(held[held.length - 1], inventory);
  assert.is(equity[equity.length - 1], cash + inventory * mid);
  assert.is(
    result.counts.filledLots,
    result.fills.reduce((sum, fill) => sum + fill.quantity, 0),
  );
});

test("the session keeps its book, whatever the strategy quotes or takes", async () => {
  const taker: Strategy<number> = {
    name: "taker",
    start: 0,
    decide: (count, view) => ({
      state: count + 1,
      desired:
        count % 7 === 0 && view.askPrice > 0
          ? {
              ...noQuotes,
              take: {
                side: count % 2 === 0 ? "buy" : "sell",
                price: count % 2 === 0 ? view.askPrice : view.bidPrice,
                quantity: 15,
              },
            }
          : noQuotes,
    }),
  };
  const quiet = await run(portable(), sourceOf(events), {
    strategy: { name: "quiet", start: null, decide: (state) => ({ state, desired: noQuotes }) },
  });
  const taking = await run(portable(), sourceOf(events), {
    strategy: taker as unknown as Strategy<null>,
  });
  const quoting = await run(portable(), sourceOf(events));
  assert.ok(taking.result.counts.takerFills > 50);
  for (const { result } of [quiet, taking, quoting]) {
    assert.is(result.replay.stopped, null);
    assert.equal(result.replay.summary.refusals, {});
    assert.is(result.replay.summary.used, 3_000);
  }
  // What was taken stands there again: the best prices of everybody else go the same way.
  assert.equal(taking.result.midPath, quiet.result.midPath);
});

test("the inventory maker leans against its inventory", async () => {
  const strategy = certain(
    inventoryMaker({
      quantity: 50,
      inventoryBound: 500,
      riskAversion: 0.05,
      volatility: 2,
      decaySeconds: null,
      arrivalDecay: 0.8,
      horizonSeconds: 1,
      centre: "mid",
    }),
  );
  const features = new Float64Array(FEATURES);
  features[0] = 1_000.5;
  const view = {
    time: 0,
    bidPrice: 1_000,
    bidQuantity: 5,
    askPrice: 1_001,
    askQuantity: 5,
    features,
    cash: 0,
  };
  const at = (inventory: number) => strategy.decide(null, { ...view, inventory }).desired;
  assert.ok((at(500).ask?.price ?? 0) < (at(0).ask?.price ?? 0));
  assert.ok((at(-500).bid?.price ?? 0) > (at(0).bid?.price ?? 0));
  assert.is(at(500).bid, null);
  assert.is(at(-500).ask, null);
  // Never through the market, however large the lean.
  assert.ok((at(500).ask?.price ?? 0) > 1_000 && (at(-500).bid?.price ?? 0) < 1_001);
});

test.run();
