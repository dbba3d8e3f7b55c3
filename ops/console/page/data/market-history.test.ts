import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../../../schemas/messages.ts";
import { bucketNs, type Candle, merged, nothingYet, widened } from "./market-history.ts";

const test = suite("the history of a market on the page");

const reply = (at: number, starts: readonly number[], close = 1) =>
  Object.assign(
    wire.market.v1.MarketHistoryReply.decode(
      wire.market.v1.MarketHistoryReply.encode({
        atUnixMs: at,
        seconds: starts.map((startUnixMs) => ({
          startUnixMs,
          open: 1,
          high: 2,
          low: 1,
          close,
          volume: 3,
        })),
      }).finish(),
    ),
  );

test("what is told again takes the place of what was still growing, and what is too old goes", () => {
  const first = merged(nothingYet, reply(3_600_000, [3_598_000, 3_599_000]));
  const second = merged(first, reply(3_602_000, [3_599_000, 3_601_000], 9));
  assert.equal(
    second.candles.map(({ start, close }) => [start, close]),
    [
      [3_598_000, 1],
      [3_599_000, 9],
      [3_601_000, 9],
    ],
  );
  assert.is(second.askedFrom, 3_592_000);
  const late = merged(second, reply(3_599_500 + 900_000, [4_499_000]));
  assert.equal(
    late.candles.map(({ start }) => start),
    [3_601_000, 4_499_000],
  );
});

test("candles of ten seconds have the first open, the last close, and all between", () => {
  const candle = (start: number, open: number, close: number): Candle => ({
    start,
    open,
    close,
    high: Math.max(open, close) + 1,
    low: Math.min(open, close) - 1,
    volume: 2,
  });
  const wide = widened([candle(10_000, 5, 7), candle(14_000, 7, 3), candle(20_000, 3, 4)], 10_000);
  assert.equal(wide, [
    { start: 10_000, open: 5, close: 3, high: 8, low: 2, volume: 4 },
    { start: 20_000, open: 3, close: 4, high: 5, low: 2, volume: 2 },
  ]);
});

test("four buckets are an octave, from a microsecond on", () => {
  assert.equal([bucketNs(0), bucketNs(4), bucketNs(40)], [1_000, 2_000, 1_024_000]);
});

test.run();
