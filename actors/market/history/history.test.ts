import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { seededRandomness } from "../../kernel/seeded-randomness.ts";
import { bucketFloorNs, type Candle, type HistoryTrade, MarketHistory } from "./history.ts";

const test = suite("market history");
const start = 1_700_000_000_000;
const all = { afterUnixMs: 0, trades: 500, seconds: 900, minutes: 1_440, latency: 180 };

function historyAt(): { readonly history: MarketHistory; readonly at: (unixMs: number) => void } {
  let now = start;
  return {
    history: new MarketHistory({ unixMs: () => now }),
    at: (unixMs) => {
      now = unixMs;
    },
  };
}

/** Candles by sorting all trades into spans: what the rings are compared with. */
function candlesOf(trades: readonly HistoryTrade[], spanMs: number, now: number, kept: number) {
  const spans = new Map<number, HistoryTrade[]>();
  for (const trade of trades) {
    const span = Math.floor(trade.atUnixMs / spanMs);
    if (span <= Math.floor(now / spanMs) - kept) continue;
    spans.set(span, [...(spans.get(span) ?? []), trade]);
  }
  return [...spans].map(([span, within]): Candle => {
    const prices = within.map(({ price }) => price);
    return {
      startUnixMs: span * spanMs,
      open: prices[0] ?? 0,
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1) ?? 0,
      volume: within.reduce((sum, { quantity }) => sum + quantity, 0),
      trades: within.length,
    };
  });
}

test("candles are what sorting the trades into spans comes to, and old ones make room", () => {
  const chosen = seed(4_242);
  const random = seededRandomness(chosen);
  const { history, at } = historyAt();
  const trades: HistoryTrade[] = [];
  let now = start;
  for (let sequence = 1; sequence <= 3_000; sequence += 1) {
    now += random.below(2_000);
    at(now);
    const trade = {
      atUnixMs: now,
      price: 9_000 + random.below(2_000),
      quantity: 1 + random.below(50),
      aggressor: random.below(2) === 0 ? ("buy" as const) : ("sell" as const),
      sequence,
    };
    trades.push(trade);
    history.trade(trade.price, trade.quantity, trade.aggressor, sequence);
  }
  assert.equal(history.seconds(all), candlesOf(trades, 1_000, now, 900), `SEED=${chosen}`);
  assert.equal(history.minutes(all), candlesOf(trades, 60_000, now, 1_440), `SEED=${chosen}`);
  assert.equal(history.trades(all), trades.slice(-500));
  assert.equal(history.trades({ ...all, trades: 3 }), trades.slice(-3));
  const recent = now - 10_000;
  assert.equal(
    history.trades({ ...all, afterUnixMs: recent }),
    trades.filter(({ atUnixMs }) => atUnixMs > recent),
  );
  assert.ok(history.seconds({ ...all, afterUnixMs: recent }).length <= 11);
});

test("nothing is kept of a market that does nothing, and a span without trades has no candle", () => {
  const { history, at } = historyAt();
  assert.equal(history.trades(all), []);
  assert.equal(history.seconds(all), []);
  history.trade(100, 1, "buy", 1);
  at(start + 5_000);
  history.trade(101, 1, "buy", 2);
  assert.equal(
    history.seconds(all).map(({ startUnixMs }) => startUnixMs - start),
    [0, 5_000],
  );
  at(start + 3_600_000);
  assert.equal(history.seconds(all), [], "what is older than the window is not told");
});

test("A7.1 latencies stand in quarter octaves, and quantiles are no lower than the values", () => {
  const { history, at } = historyAt();
  for (let value = 1; value <= 1_000; value += 1) history.acknowledged(value * 10_000);
  at(start + 5_000);
  history.acknowledged(40_000_000_000);
  history.acknowledged(1);
  const [first, second] = history.latency(all);
  assert.is(
    first?.counts.reduce((sum, count) => sum + count, 0),
    1_000,
  );
  assert.is(first?.startUnixMs, start);
  assert.is(first?.maximumNs, 10_000_000);
  for (const [quantile, exact] of [
    [first?.p50Ns ?? 0, 5_000_000],
    [first?.p99Ns ?? 0, 9_900_000],
    [first?.p999Ns ?? 0, 9_990_000],
  ] as const) {
    assert.ok(quantile >= exact && quantile <= exact * 2 ** 0.25 + 1, `${quantile} for ${exact}`);
  }
  assert.equal(second?.buckets, [0, 95]);
  assert.ok(bucketFloorNs(95) < 40_000_000_000);
  for (const [index, bucket] of (first?.buckets ?? []).entries()) {
    const held = (first?.counts ?? [])[index] ?? 0;
    const low = Math.ceil(bucketFloorNs(bucket) / 10_000);
    const high = Math.min(1_000, Math.ceil(bucketFloorNs(bucket + 1) / 10_000) - 1);
    assert.ok(Math.abs(held - (high - low + 1)) <= 1, `bucket ${bucket} holds ${held}`);
  }
});

test.run();
