import { PerformanceObserver } from "node:perf_hooks";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { feature, featureStream, type FeatureStream, FEATURES } from "./feature-stream.ts";
import { orderFlowImbalance } from "./order-flow-imbalance.ts";

/** Of four million updates each: enough for a compiler that gets a tenth of a core. */
const WARM_UP_BLOCKS = 30;

const test = suite("feature stream");
const SEED = seed(7_001);

type Event =
  | {
      readonly kind: "quote";
      readonly time: number;
      readonly quote: readonly [number, number, number, number];
    }
  | { readonly kind: "trade"; readonly time: number; readonly lots: number; readonly sign: 1 | -1 };

type QuoteEvent = Extract<Event, { kind: "quote" }>;

function events(length: number, start: number): Event[] {
  let state = start >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  let [time, bid] = [34_200_000_000_000, 5_000];
  return Array.from({ length }, (): Event => {
    time += below(2_000_000);
    if (below(4) === 0)
      return { kind: "trade", time, lots: 1 + below(90), sign: below(2) === 0 ? 1 : -1 };
    bid += below(3) - 1;
    return { kind: "quote", time, quote: [bid, 1 + below(50), bid + 1 + below(2), 1 + below(50)] };
  });
}

const stream = (): FeatureStream =>
  certain(featureStream({ decayNs: 5_000_000, microprice: null, bucketVolume: 100, buckets: 5 }));

const feed = (to: FeatureStream, event: Event): unknown =>
  event.kind === "quote"
    ? to.quote(event.time, ...event.quote)
    : to.trade(event.time, event.lots, event.sign);

const bits = (values: Float64Array): string => Buffer.from(values.slice().buffer).toString("hex");

test("B10.1 B5.6 every feature is what its formula gives over the whole past", () => {
  const past = events(400, SEED);
  const one = stream();
  for (const event of past) assert.is(feed(one, event), null);
  const now = past[past.length - 1]!.time;
  let [flow, volume, variance] = [0, 0, 0];
  let last: QuoteEvent | null = null;
  let previous: QuoteEvent | null = null;
  for (const event of past) {
    const weight = Math.exp(-(now - event.time) / 5_000_000);
    if (event.kind === "trade") {
      volume += weight * event.sign * event.lots;
      continue;
    }
    previous = last;
    last = event;
    if (previous === null) continue;
    flow += weight * orderFlowImbalance(...previous.quote, ...event.quote);
    variance +=
      weight * ((event.quote[0] + event.quote[2] - previous.quote[0] - previous.quote[2]) / 2) ** 2;
  }
  const near = (actual: number, expected: number): void =>
    assert.ok(
      Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
      `SEED=${SEED}`,
    );
  near(one.values[feature.decayedFlow]!, flow);
  near(one.values[feature.decayedVolume]!, volume);
  near(one.values[feature.decayedVariance]!, variance);
  if (last === null || previous === null) throw new Error("the events hold no two quotes");
  const [bid, bidQuantity, ask, askQuantity] = last.quote;
  near(one.values[feature.mid]!, (bid + ask) / 2);
  near(one.values[feature.queueImbalance]!, bidQuantity / (bidQuantity + askQuantity));
  near(
    one.values[feature.orderFlowImbalance]!,
    orderFlowImbalance(...previous.quote, ...last.quote),
  );
  assert.ok(one.values[feature.vpin]! >= 0 && one.values[feature.vpin]! <= 1);
});

test("B10.1 live, event by event as they come, and a replay in one go give the same bits", async () => {
  const all = events(2_000, SEED);
  const live = stream();
  const seen: string[] = [];
  for (const event of all) {
    feed(live, event);
    seen.push(bits(live.values));
    if (seen.length % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const replayed = stream();
  const again = all.map((event) => {
    feed(replayed, event);
    return bits(replayed.values);
  });
  assert.equal(again, seen);
  assert.is(new Set(seen).size > 1_900, true);
});

test("B10.1 with the future shuffled the features of the present have the same bits", () => {
  const all = events(600, SEED);
  for (const present of [1, 57, 300, 599]) {
    const future = all.slice(present);
    const times = future.map(({ time }) => time);
    const shuffled = future.reverse().map((event, at): Event => ({ ...event, time: times[at]! }));
    const [straight, other] = [stream(), stream()];
    const presents: string[][] = [[], []];
    [all, [...all.slice(0, present), ...shuffled]].forEach((session, which) => {
      const to = which === 0 ? straight : other;
      session.forEach((event, at) => {
        feed(to, event);
        if (at < present) presents[which]!.push(bits(to.values));
      });
    });
    assert.equal(presents[0], presents[1]);
    // The shuffle does change what comes: else equal bits would prove nothing.
    if (present < 599) assert.is.not(bits(straight.values), bits(other.values));
  }
});

test("an event that is refused changes nothing", () => {
  const one = stream();
  for (const event of events(50, SEED)) feed(one, event);
  const before = bits(one.values);
  const time = 40_000_000_000_000;
  assert.is(one.quote(time, 10, 0, 11, 5), "out_of_range");
  assert.is(one.quote(time, 11, 5, 11, 5), "out_of_range");
  assert.is(one.quote(Number.NaN, 10, 5, 11, 5), "not_finite");
  assert.is(one.quote(1, 10, 5, 11, 5), "unsorted");
  assert.is(one.trade(time, 0, 1), "out_of_range");
  assert.is(one.trade(time, Number.POSITIVE_INFINITY, 1), "not_finite");
  assert.is(one.trade(1, 5, -1), "unsorted");
  assert.is(bits(one.values), before);
  const made = featureStream({ decayNs: 0, microprice: null, bucketVolume: 1, buckets: 1 });
  assert.is(made.ok ? "ok" : made.failure.code, "out_of_range");
});

test("B10.1 an update allocates nothing once compiled: tens of millions of them need no collection", async () => {
  const one = stream();
  const { input } = one;
  const times = Float64Array.from({ length: 1024 }, (_, at) => 1_000 * at);
  const round = (base: number): void => {
    for (let at = 0; at < 1024; at += 1) {
      const step = at & 7;
      input[0] = base + times[at]!;
      input[1] = 100 + step;
      input[2] = 5 + step;
      input[3] = 102 + step;
      input[4] = 12 - step;
      one.takeQuote();
      input[1] = 1 + step;
      input[2] = step < 4 ? 1 : -1;
      one.takeTrade();
    }
  };
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  let rounds = 0;
  const collectionsIn = async (count: number): Promise<number> => {
    await settled();
    collections = 0;
    for (const end = rounds + count; rounds < end; rounds += 1) round(rounds * 2_000_000);
    await settled();
    return collections;
  };
  // Until the compiler, which a busy machine makes late, has done its part numbers are boxed.
  let block = 0;
  while ((await collectionsIn(2_000)) > 0) {
    block += 1;
    assert.ok(
      block < WARM_UP_BLOCKS,
      `${block} blocks of 4 million updates, each with a collection`,
    );
  }
  // One object of 16 bytes for each of the 40 million updates would fill the young generation forty times, in
  // every stretch; code that the compiler throws away and makes again does so in one.
  const stretches: number[] = [];
  do stretches.push(await collectionsIn(20_000));
  while (stretches.length < 3 && (stretches.at(-1) ?? 0) > 1);
  observer.disconnect();
  assert.ok((stretches.at(-1) ?? 0) <= 1, `${stretches.join(", ")} collections`);
  assert.is(one.values.length, FEATURES);
});

test.run();
