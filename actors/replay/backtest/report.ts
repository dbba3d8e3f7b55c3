import { ok, type Result, refuse } from "../../kernel/result.ts";
import {
  largestDrawdown,
  type Markout,
  markout,
  type SharpeInterval,
  type SharpeRatio,
  sharpeRatio,
} from "../../models/backtest/performance.ts";
import { modelRandomness } from "../../models/random/generator.ts";
import type { BacktestResult } from "./backtest.ts";

export interface ReportOptions {
  /** Fees in millionths of what a fill is worth; negative is a rebate. */
  readonly makerFeePpm: number;
  readonly takerFeePpm: number;
  readonly markoutsNs: readonly number[];
  readonly sharpe: SharpeInterval;
  /** Of the bootstrap. */
  readonly seed: number;
  /** Currency that one tick of one lot is worth. */
  readonly tickValue: number;
}

/** Money in the market's currency, prices in ticks, quantities in lots. */
export interface BacktestReport {
  /** Marked at the mid, fees paid. */
  readonly profit: number;
  readonly fees: number;
  readonly largestDrawdown: number;
  /** Null where profits never vary or the session has fewer than 8 intervals. */
  readonly sharpe: SharpeRatio | null;
  readonly intervals: number;
  readonly inventory: {
    readonly last: number;
    readonly largest: number;
    readonly meanAbsolute: number;
  };
  readonly orders: {
    readonly quotes: number;
    readonly takes: number;
    readonly cancels: number;
    readonly refused: Readonly<Record<string, number>>;
    /** Mean lots before a quote when it came to rest. */
    readonly queueAhead: number;
  };
  readonly fills: {
    readonly count: number;
    readonly lots: number;
    readonly makerLots: number;
    /** Lots filled of the lots sent. */
    readonly ratio: number;
  };
  readonly markouts: readonly Markout[];
  readonly decisions: number;
  readonly unusableQuotes: number;
  /** What the strategy changed of the session: executions of the file that hit other orders. */
  readonly session: {
    readonly rows: number;
    readonly executions: number;
    readonly executionsOfOthers: number;
    readonly refusals: Readonly<Record<string, number>>;
  };
}

/** Columns to plot, fees taken off. */
export interface Curves {
  readonly times: readonly number[];
  /** Currency. */
  readonly profit: readonly number[];
  readonly inventory: readonly number[];
}

export interface ReportedBacktest {
  readonly report: BacktestReport;
  readonly curves: Curves;
}

/** Failure code: session_empty, when not one sample was taken. */
export function reportOf(result: BacktestResult, options: ReportOptions): Result<ReportedBacktest> {
  if (result.samples.times.length === 0) {
    return refuse(
      "session_empty",
      "the session has no rows with a time, so nothing was sampled",
      "give a session with orders",
    );
  }
  const { profit, fees } = profits(result, options);
  const changes = profit.slice(1).map((value, at) => value - (profit[at] ?? 0));
  const sharpe = sharpeRatio(changes, options.sharpe, modelRandomness(options.seed));
  const drawdown = largestDrawdown(profit);
  const { inventory } = result.samples;
  const { counts, fills } = result;
  const { summary } = result.replay;
  const lots = fills.reduce((sum, fill) => sum + fill.quantity, 0);
  const report: BacktestReport = {
    profit: profit[profit.length - 1] ?? 0,
    fees,
    largestDrawdown: drawdown.ok ? drawdown.value : 0,
    sharpe: sharpe.ok ? sharpe.value : null,
    intervals: changes.length,
    inventory: {
      last: inventory[inventory.length - 1] ?? 0,
      largest: inventory.reduce((most, held) => Math.max(most, Math.abs(held)), 0),
      meanAbsolute: inventory.reduce((sum, held) => sum + Math.abs(held), 0) / inventory.length,
    },
    orders: {
      quotes: counts.quotes,
      takes: counts.takes,
      cancels: counts.cancels,
      refused: counts.refused,
      queueAhead: counts.rested === 0 ? 0 : counts.queueAhead / counts.rested,
    },
    fills: {
      count: fills.length,
      lots,
      makerLots: fills.reduce((sum, fill) => sum + (fill.maker ? fill.quantity : 0), 0),
      ratio: counts.lots === 0 ? 0 : lots / counts.lots,
    },
    markouts: options.markoutsNs.map((horizon) => markout(fills, result.midPath, horizon)),
    decisions: result.decisions,
    unusableQuotes: result.unusableQuotes,
    session: {
      rows: summary.used,
      executions: summary.executions.visible,
      executionsOfOthers: summary.executions.visible - summary.executions.same,
      refusals: summary.refusals,
    },
  };
  const { times } = result.samples;
  return ok({ report, curves: { times, profit, inventory } });
}

/** Profit at each sample with the fees of the fills until then taken off; currency. */
function profits(
  { samples, fills }: BacktestResult,
  { makerFeePpm, takerFeePpm, tickValue }: ReportOptions,
): { readonly profit: readonly number[]; readonly fees: number } {
  let [next, paid] = [0, 0];
  const profit = samples.times.map((time, at) => {
    for (let fill = fills[next]; fill !== undefined && fill.time < time; fill = fills[next]) {
      paid += fill.price * fill.quantity * (fill.maker ? makerFeePpm : takerFeePpm);
      next += 1;
    }
    return tickValue * ((samples.equity[at] ?? 0) - paid / 1e6);
  });
  return { profit, fees: (tickValue * paid) / 1e6 };
}
