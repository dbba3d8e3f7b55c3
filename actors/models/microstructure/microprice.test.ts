import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { sharedData } from "../../../test/support/shared-data.ts";
import { testUnless } from "../../../test/support/skip.ts";
import { certain } from "../numerics/failure.ts";
import { kyleLambda } from "./kyle-lambda.ts";
import { micropriceAdjustment, type MicropriceChain } from "./microprice.ts";
import { estimateMicroprice, micropriceOf, micropriceState } from "./microprice-estimation.ts";

const test = suite("microprice");
const SEED = seed(61_007);

function uniform(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two queues of unit orders; the emptied side moves the price by one tick and both start anew. */
function simulatedQuotes(length: number, start: number) {
  const next = uniform(start);
  const quotes = {
    bidPrice: new Float64Array(length),
    bidQuantity: new Float64Array(length),
    askPrice: new Float64Array(length),
    askQuantity: new Float64Array(length),
  };
  let [bid, bidQuantity, askQuantity] = [1000, 5, 5];
  for (let at = 0; at < length; at += 1) {
    const drawn = next();
    if (drawn < 0.5) bidQuantity += drawn < 0.23 ? 1 : -1;
    else askQuantity += drawn < 0.73 ? 1 : -1;
    if (bidQuantity === 0) {
      [bid, bidQuantity, askQuantity] = [
        bid - 1,
        1 + Math.floor(next() * 9),
        1 + Math.floor(next() * 9),
      ];
    } else if (askQuantity === 0) {
      [bid, bidQuantity, askQuantity] = [
        bid + 1,
        1 + Math.floor(next() * 9),
        1 + Math.floor(next() * 9),
      ];
    }
    quotes.bidPrice[at] = bid;
    quotes.bidQuantity[at] = bidQuantity;
    quotes.askPrice[at] = bid + 1;
    quotes.askQuantity[at] = askQuantity;
  }
  return quotes;
}

const states = { imbalances: 9, spreads: 1, largestMove: 1 };

test("B5.6 mid + G* is a martingale of the chain: Q G* + R K + T G* = G*", () => {
  const { chain, limit } = certain(estimateMicroprice(simulatedQuotes(50_000, SEED), states));
  chain.still.forEach((row, state) => {
    const after = chain.after[state]!;
    const moving = chain.moving[state]!;
    const expected =
      row.reduce((sum, one, to) => sum + (one + after[to]!) * limit[to]!, 0) +
      moving.reduce((sum, one, move) => sum + one * chain.moves[move]!, 0);
    assert.ok(Math.abs(expected - limit[state]!) < 1e-10, `SEED=${SEED} state ${state}`);
  });
});

test("B5.6 symmetrised data give an adjustment that is odd in the imbalance and rises with it", () => {
  const { limit } = certain(estimateMicroprice(simulatedQuotes(50_000, SEED), states));
  for (let bucket = 0; bucket < states.imbalances; bucket += 1) {
    const mirror = limit[states.imbalances - 1 - bucket]!;
    assert.ok(Math.abs(limit[bucket]! + mirror) < 1e-10);
    if (bucket > 0) assert.ok(limit[bucket]! > limit[bucket - 1]!, `SEED=${SEED} bucket ${bucket}`);
  }
  // The mid of this book moves by one tick at a time, so its next move is less on average.
  for (const value of limit) assert.ok(Math.abs(value) < 1);
});

test("B5.6 on quotes it has not seen the microprice is nearer to the mid 50 quotes later than the mid is", () => {
  const model = certain(estimateMicroprice(simulatedQuotes(50_000, SEED), states));
  const quotes = simulatedQuotes(50_000, SEED + 1);
  const better: number[] = [];
  for (let at = 0; at + 50 < quotes.bidPrice.length; at += 50) {
    const now = quotes.bidPrice[at]! + 0.5;
    const later = quotes.bidPrice[at + 50]! + 0.5;
    const micro = micropriceOf(
      model,
      quotes.bidPrice[at]!,
      quotes.bidQuantity[at]!,
      quotes.askPrice[at]!,
      quotes.askQuantity[at]!,
    );
    better.push((later - now) ** 2 - (later - micro) ** 2);
  }
  const mean = better.reduce((sum, one) => sum + one, 0) / better.length;
  const variance = better.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (better.length - 1);
  const t = mean / Math.sqrt(variance / better.length);
  assert.ok(t > 3, `SEED=${SEED} t=${t}`);
});

/** Best quotes of a recorded Binance stream, in ticks of 0.1 and lots of 0.001, repeated ones left out. */
function recordedQuotes(path: string) {
  const columns: number[][] = [[], [], [], []];
  for (const line of gunzipSync(readFileSync(path)).toString("latin1").split("\n")) {
    const found = /"b":"([\d.]+)","B":"([\d.]+)","a":"([\d.]+)","A":"([\d.]+)"/.exec(line);
    if (found === null || !line.includes("bookTicker")) continue;
    const [bid, bidQuantity, ask, askQuantity] = found.slice(1).map(Number);
    [10 * bid!, 1000 * bidQuantity!, 10 * ask!, 1000 * askQuantity!].forEach((value, at) =>
      columns[at]!.push(Math.round(value)),
    );
  }
  const part = (from: number, to: number) => {
    const [bidPrice, bidQuantity, askPrice, askQuantity] = columns.map((one) =>
      one.slice(from, to),
    );
    return {
      bidPrice: bidPrice!,
      bidQuantity: bidQuantity!,
      askPrice: askPrice!,
      askQuantity: askQuantity!,
    };
  };
  const half = Math.floor(columns[0]!.length / 2);
  return [part(0, half), part(half, 2 * half)] as const;
}

const recorded = sharedData("crypto/binance-usdm-btcusdt_20240808.gz");
testUnless(
  test,
  recorded === null ? "needs the recorded Binance stream beside the checkout" : null,
  "B5.6 learned on half of a recorded stream, the adjustment foretells the moves of the other half",
  () => {
    const [past, future] = recordedQuotes(recorded ?? "");
    const model = certain(estimateMicroprice(past, { imbalances: 9, spreads: 2, largestMove: 20 }));
    const [later, every] = [200, 20];
    const moves: number[] = [];
    const adjustments: number[] = [];
    for (let at = 0; at + later < future.bidPrice.length; at += every) {
      const [bid, ask] = [future.bidPrice[at]!, future.askPrice[at]!];
      const [bidQuantity, askQuantity] = [future.bidQuantity[at]!, future.askQuantity[at]!];
      moves.push((future.bidPrice[at + later]! + future.askPrice[at + later]! - bid - ask) / 2);
      adjustments.push(micropriceOf(model, bid, bidQuantity, ask, askQuantity) - (bid + ask) / 2);
    }
    // Windows overlap tenfold: errors by Newey and West over twice as many lags.
    const { lambda, standardError } = certain(kyleLambda(moves, adjustments, 20));
    const found = `${lambda} ticks a tick, error ${standardError}`;
    assert.ok(lambda > 3 * standardError, found);
    // And to scale: a move of one tick for a tick of adjustment.
    assert.ok(Math.abs(lambda - 1) < 3 * standardError, found);
  },
);

test("B5.6 a chain whose expected mid drifts for ever is refused", () => {
  const drifting: MicropriceChain = {
    still: [
      [0.55, 0.25],
      [0.25, 0.55],
    ],
    moving: [
      [0.15, 0.05],
      [0.05, 0.15],
    ],
    after: [
      [0.12, 0.08],
      [0.08, 0.12],
    ],
    moves: [-0.5, 0.6],
  };
  const result = micropriceAdjustment(drifting);
  assert.is(result.ok ? "ok" : result.failure.code, "not_converged");
  const rising = simulatedQuotes(50_000, SEED);
  const trend = {
    ...rising,
    bidPrice: rising.bidPrice.map((price, at) => price + Math.floor(at / 500)),
  };
  const quotes = { ...trend, askPrice: trend.bidPrice.map((price) => price + 1) };
  const raw = estimateMicroprice(quotes, { ...states, symmetrise: false });
  assert.is(raw.ok ? "ok" : raw.failure.code, "not_converged");
  assert.ok(estimateMicroprice(quotes, states).ok);
});

test("what is no chain is refused with its place", () => {
  const good: MicropriceChain = {
    still: [[0.5]],
    moving: [[0.25, 0.25]],
    after: [[0.5]],
    moves: [-1, 1],
  };
  const code = (chain: MicropriceChain): string => {
    const result = micropriceAdjustment(chain);
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code(good), "ok");
  assert.is(code({ ...good, still: [] }), "empty");
  assert.is(code({ ...good, still: [[0.6]] }), "out_of_range");
  assert.is(code({ ...good, after: [[0.4]] }), "out_of_range");
  assert.is(code({ ...good, moves: [1] }), "wrong_shape");
  assert.is(code({ ...good, moves: [1, Number.NaN] }), "not_finite");
  assert.is(code({ still: [[1]], moving: [[0, 0]], after: [[0]], moves: [-1, 1] }), "singular");
  const short = estimateMicroprice(simulatedQuotes(3, SEED), states);
  assert.is(short.ok ? "ok" : short.failure.code, "too_short");
});

test("a quote falls into the bucket of its imbalance and the row of its spread", () => {
  const wide = { imbalances: 5, spreads: 2, largestMove: 1 };
  assert.is(micropriceState(wide, 100, 1, 101, 99), 0);
  assert.is(micropriceState(wide, 100, 50, 101, 50), 2);
  assert.is(micropriceState(wide, 100, 1, 101, 0), 4);
  assert.is(micropriceState(wide, 100, 50, 109, 50), 7);
});

test.run();
