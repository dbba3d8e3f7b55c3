import { readFileSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { tradedBars } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { sharedData } from "../../../test/support/shared-data.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  edgeSpread,
  expandingEdgeSpread,
  type PriceBars,
  rollingEdgeSpread,
} from "./edge-spread.ts";

const test = suite("edge spread");
const SEED = seed(103_916);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

function read(file: string): PriceBars | null {
  const path = sharedData(`quant/${file}`);
  if (path === null) {
    console.log(`edge spread: ${file} is absent beside the checkout; its oracle is skipped`);
    return null;
  }
  const rows = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").map((field) => (field === "" ? Number.NaN : Number(field))));
  const column = (at: number): Float64Array => Float64Array.from(rows, (row) => row[at]!);
  return { open: column(0), high: column(1), low: column(2), close: column(3) };
}

const slice = (bars: PriceBars, from: number, to: number): PriceBars => ({
  open: Array.from(bars.open).slice(from, to),
  high: Array.from(bars.high).slice(from, to),
  low: Array.from(bars.low).slice(from, to),
  close: Array.from(bars.close).slice(from, to),
});

/** The estimator as its authors write it: two vectors, their means and variances. Slow on purpose. */
function bySeries(bars: PriceBars): number {
  const mean = (values: readonly number[]): number => {
    const known = values.filter((one) => !Number.isNaN(one));
    return known.reduce((sum, one) => sum + one, 0) / known.length;
  };
  const [o, h, l, c] = [bars.open, bars.high, bars.low, bars.close].map((one) =>
    Array.from(one, Math.log),
  ) as [number[], number[], number[], number[]];
  const rows = Array.from({ length: o.length - 1 }, (_, i) => i + 1);
  const m = h.map((one, t) => (one + l[t]!) / 2);
  const tau = rows.map((t) =>
    Number.isNaN(h[t]! + l[t]! + c[t - 1]!)
      ? Number.NaN
      : Number(h[t] !== l[t] || l[t] !== c[t - 1]),
  );
  const unlike = (a: number[], b: number[], back: number): number =>
    mean(
      rows.map((t, i) =>
        Number.isNaN(a[t - back]! + b[t - back]!)
          ? Number.NaN
          : tau[i]! * Number(a[t - back] !== b[t - back]),
      ),
    );
  const pt = mean(tau);
  const po = unlike(o, h, 0) + unlike(o, l, 0);
  const pc = unlike(c, h, 1) + unlike(c, l, 1);
  const centred = (r: number[]): number[] => r.map((one, i) => one - (tau[i]! * mean(r)) / pt);
  const r1 = centred(rows.map((t) => m[t]! - o[t]!));
  const r2 = rows.map((t) => o[t]! - m[t - 1]!);
  const r3 = centred(rows.map((t) => m[t]! - c[t - 1]!));
  const r4 = rows.map((t) => c[t - 1]! - m[t - 1]!);
  const r5 = rows.map((t) => o[t]! - c[t - 1]!);
  const d5 = centred(r5);
  const x1 = rows.map((_, i) => (-4 / po) * r1[i]! * r2[i]! - (4 / pc) * r3[i]! * r4[i]!);
  const x2 = rows.map((_, i) => (-4 / po) * r1[i]! * r5[i]! - (4 / pc) * d5[i]! * r4[i]!);
  const [e1, e2] = [mean(x1), mean(x2)];
  const v1 = mean(x1.map((x) => x * x)) - e1 * e1;
  const v2 = mean(x2.map((x) => x * x)) - e2 * e2;
  return Math.sqrt(Math.abs((v2 * e1 + v1 * e2) / (v1 + v2)));
}

const simulated = (rows: number, ticks: number, spread: number, at = SEED): PriceBars =>
  tradedBars(modelRandomness(at), rows, { ticks, spread });

const complete = read("ohlc.csv");
const missing = read("ohlc-miss.csv");

if (complete !== null && missing !== null) {
  test("B4.5 EDGE gives the authors' values on their test files", () => {
    assert.ok(Math.abs(certain(edgeSpread(complete)) - 0.0101849034905478) < 1e-12);
    assert.ok(Math.abs(certain(edgeSpread(missing)) - 0.01013284969780197) < 1e-12);
  });

  test("B4.5 rolling and expanding EDGE equal the plain one, with and without missing prices", () => {
    for (const bars of [complete, missing]) {
      const n = bars.open.length;
      for (const rows of [1, 2, 3, 4, 42, 1000]) {
        for (const step of [1, 2, 5, 10]) {
          const rolling = certain(rollingEdgeSpread(bars, { rows, step, signed: true }));
          assert.is(rolling.length, Math.floor((n - rows) / step) + 1);
          const every = step === 1 ? (rows > 100 ? 2003 : 97) : 1409;
          for (let k = 0; k < rolling.length; k += every) {
            same(rolling[k]!, slice(bars, k * step, k * step + rows), `${rows}/${step} at ${k}`);
          }
          same(
            rolling.at(-1)!,
            slice(bars, (rolling.length - 1) * step, (rolling.length - 1) * step + rows),
            `${rows}/${step} last`,
          );
        }
      }
      const expanding = certain(expandingEdgeSpread(bars, { signed: true }));
      for (const t of [0, 1, 2, 3, 10, 100, n - 1])
        same(expanding[t]!, slice(bars, 0, t + 1), `to ${t}`);
    }
  });
}

function same(found: number | null, bars: PriceBars, what: string): void {
  const plain = edgeSpread(bars, { signed: true });
  if (!plain.ok) assert.is(found, null, what);
  else assert.ok(found !== null && Math.abs(found - plain.value) < 1e-8, `${what}: ${found}`);
}

test("B4.5 EDGE from sums equals EDGE as its authors write it, to 1e-12", () => {
  for (const [rows, ticks] of [
    [40, 3],
    [300, 2],
    [120, 20],
  ] as const) {
    const bars = simulated(rows, ticks, 0.01);
    assert.ok(Math.abs(certain(edgeSpread(bars)) - bySeries(bars)) < 1e-12, `SEED=${SEED} ${rows}`);
    const holed = {
      ...bars,
      open: Array.from(bars.open, (one, t) => (t % 7 === 3 ? Number.NaN : one)),
      close: Array.from(bars.close, (one, t) => (t % 11 === 5 ? Number.NaN : one)),
    };
    assert.ok(
      Math.abs(certain(edgeSpread(holed)) - bySeries(holed)) < 1e-12,
      `SEED=${SEED} ${rows}`,
    );
  }
});

test("B4.5 an absurd price leaves no trace in a rolling estimate once it has left the window", () => {
  const bars = simulated(900, 5, 0.01);
  const [high, low] = [1e300, 1e-300];
  (bars.open as Float64Array)[60] = high;
  (bars.high as Float64Array)[60] = high;
  (bars.low as Float64Array)[60] = low;
  (bars.close as Float64Array)[60] = low;
  const rolling = certain(rollingEdgeSpread(bars, { rows: 100, signed: true }));
  for (const end of [400, 651, 900]) {
    same(rolling[end - 100]!, slice(bars, end - 100, end), `SEED=${SEED} to row ${end}`);
  }
});

test("B4.5 a simulated spread of 1 % is recovered within four standard errors, also with two trades a bar", () => {
  for (const ticks of [2, 60]) {
    const estimates = Array.from({ length: 12 }, (_, k) =>
      certain(edgeSpread(simulated(2000, ticks, 0.01, SEED + k), { signed: true })),
    );
    const mean = estimates.reduce((a, b) => a + b, 0) / 12;
    const error = Math.sqrt(estimates.reduce((s, x) => s + (x - mean) ** 2, 0) / 11 / 12);
    assert.ok(error < 4e-4 && Math.abs(mean - 0.01) < 4 * error, `SEED=${SEED} ${mean} ± ${error}`);
  }
});

test("B4.5 EDGE ignores the scale of prices, and their direction of quotation nearly", () => {
  const bars = simulated(400, 10, 0.01);
  const scaled = {
    open: Array.from(bars.open, (p) => 31 * p),
    high: Array.from(bars.high, (p) => 31 * p),
    low: Array.from(bars.low, (p) => 31 * p),
    close: Array.from(bars.close, (p) => 31 * p),
  };
  const inverse = {
    open: Array.from(bars.open, (p) => 1 / p),
    high: Array.from(bars.low, (p) => 1 / p),
    low: Array.from(bars.high, (p) => 1 / p),
    close: Array.from(bars.close, (p) => 1 / p),
  };
  const spread = certain(edgeSpread(bars));
  assert.ok(Math.abs(certain(edgeSpread(scaled)) - spread) < 1e-9);
  assert.ok(Math.abs(certain(edgeSpread(inverse)) - spread) < 1e-9);
});

test("B4.5 flat rows, too few rows, prices that are none and columns that do not fit are refused", () => {
  const flat = [18.21, 18.21, 18.21];
  assert.is(code(edgeSpread({ open: flat, high: flat, low: flat, close: flat })), "undefined");
  const two = [1, 2];
  assert.is(code(edgeSpread({ open: two, high: two, low: two, close: two })), "undefined");
  assert.is(code(edgeSpread({ open: [], high: [], low: [], close: [] })), "undefined");
  assert.is(code(edgeSpread({ open: two, high: two, low: two, close: flat })), "wrong_shape");
  const zero = [1, 0, 1];
  assert.is(code(edgeSpread({ open: zero, high: zero, low: zero, close: zero })), "out_of_range");
  const bars = simulated(20, 3, 0.01);
  assert.is(code(rollingEdgeSpread(bars, { rows: 0 })), "out_of_range");
  assert.is(code(rollingEdgeSpread(bars, { rows: 5, step: 1.5 })), "out_of_range");
  assert.equal(certain(rollingEdgeSpread(bars, { rows: 50 })), []);
});

test.run();
