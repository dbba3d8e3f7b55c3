import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { BacktestResult } from "./backtest.ts";
import { chart } from "./chart.ts";
import { reportOf, type ReportOptions } from "./report.ts";

const test = suite("backtest report");

const second = 1_000_000_000;
const summary = {
  used: 12,
  refusals: {},
  executions: { visible: 5, same: 3 },
} as unknown as BacktestResult["replay"]["summary"];

/** Two fills: 10 bought at 100 as maker, 10 sold at 103 as taker; the mid is 101, then 104. */
const result: BacktestResult = {
  replay: { summary, stopped: null },
  decisions: 9,
  counts: {
    quotes: 3,
    takes: 1,
    cancels: 2,
    lots: 40,
    filledLots: 20,
    makerFills: 1,
    takerFills: 1,
    queueAhead: 60,
    rested: 3,
    refused: { post_only: 1 },
  },
  fills: [
    { time: 1.5 * second, side: "buy", price: 100, quantity: 10, maker: true },
    { time: 3.5 * second, side: "sell", price: 103, quantity: 10, maker: false },
  ],
  samples: {
    times: Array.from({ length: 10 }, (_, at) => at * second),
    equity: [0, 0, 10, 10, 30, 30, 30, 30, 30, 30],
    inventory: [0, 0, 10, 10, 0, 0, 0, 0, 0, 0],
  },
  midPath: { times: [0, 3 * second, 9 * second], mids: [101, 104, 104] },
  unusableQuotes: 0,
};
const options: ReportOptions = {
  makerFeePpm: -1_000,
  takerFeePpm: 2_000,
  markoutsNs: [1_000_000_000, 60_000_000_000],
  sharpe: { confidence: 0.95, samples: 200, meanBlock: 3 },
  seed: 1,
  tickValue: 0.5,
};

test("fees are taken off from the fill on, rebates added, and money is in currency", () => {
  const reported = reportOf(result, options);
  assert.ok(reported.ok);
  if (!reported.ok) return;
  const { report, curves } = reported.value;
  // A rebate of 0.1 % of 1,000 is 1 tick x lot, a fee of 0.2 % of 1,030 is 2.06; a tick x lot is worth 0.5.
  assert.ok(Math.abs((curves.profit[2] ?? 0) - 0.5 * 11) < 1e-12);
  assert.ok(Math.abs(report.profit - 0.5 * (30 + 1 - 2.06)) < 1e-12);
  assert.ok(Math.abs(report.fees - 0.5 * 1.06) < 1e-12);
  assert.is(report.largestDrawdown, 0);
  assert.equal(report.fills, { count: 2, lots: 20, makerLots: 10, ratio: 0.5 });
  assert.equal(report.inventory, { last: 0, largest: 10, meanAbsolute: 2 });
  assert.is(report.orders.queueAhead, 20);
  assert.is(report.session.executionsOfOthers, 2);
  assert.ok(report.sharpe !== null && report.sharpe.ratio > 0);
});

test("a markout counts the fills whose horizon ends within the session", () => {
  const reported = reportOf(result, options);
  assert.ok(reported.ok);
  if (!reported.ok) return;
  const [near, far] = reported.value.report.markouts;
  // A second later the mid is 101 for the buy at 100, and 104 for the sale at 103.
  assert.is(near?.mean, 0);
  assert.is(near?.trades, 2);
  assert.is(far?.trades, 0);
});

test("a session without a sample is a refusal", () => {
  const empty = { ...result, samples: { times: [], equity: [], inventory: [] } };
  const reported = reportOf(empty, options);
  assert.is(reported.ok ? "ok" : reported.failure.code, "session_empty");
});

test("a chart holds its curves, its errors and what its text says, escaped", () => {
  const svg = chart({ title: "a < b & c", x: "minutes", y: "lots" }, [
    { name: "one", x: [0, 1, 2], y: [5, -5, 0], error: [1, 1, 1] },
    { name: "none", x: [], y: [] },
  ]);
  assert.match(svg, "a &lt; b &amp; c");
  assert.is(svg.match(/<polyline/g)?.length, 1);
  assert.not.match(svg, /NaN|Infinity/);
  const [, points = ""] = /points="([^"]+)"/.exec(svg) ?? [];
  const heights = points.split(" ").map((point) => Number(point.split(",")[1]));
  assert.ok((heights[0] ?? 0) < (heights[2] ?? 0) && (heights[2] ?? 0) < (heights[1] ?? 0));
  assert.not.match(chart({ title: "", x: "", y: "" }, []), /NaN|Infinity/);
});

test.run();
