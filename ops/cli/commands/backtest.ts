import { closeSync, openSync, readSync } from "node:fs";
import { basename, resolve } from "node:path";
import { constants, gunzipSync } from "node:zlib";

import { type Command, InvalidArgumentError, Option } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import type { BacktestReport } from "../../../actors/replay/backtest/report.ts";
import type { BacktestRequest } from "../../../actors/replay/backtest/request.ts";
import { looksLikeBinance } from "../../../actors/replay/binance.ts";
import { parseLobsterName } from "../../../actors/replay/lobster.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { activity, progressBar } from "../progress.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { facts, print, table } from "../terminal.ts";
import { askTool } from "../tool.ts";

interface BacktestCommandOptions {
  readonly output: OutputFormat;
  readonly strategy: BacktestRequest["strategy"];
  readonly engine: BacktestRequest["engine"];
  readonly queue: BacktestRequest["queue"];
  readonly quantity: number;
  readonly inventoryBound: number;
  readonly depth: number;
  readonly riskAversion: number;
  readonly volatility: number;
  readonly arrivalDecay: number;
  readonly horizon: number;
  readonly decay: number;
  readonly feedLatency: number;
  readonly orderLatency: number;
  readonly jitter: number;
  readonly interval: number;
  readonly makerFee: number;
  readonly takerFee: number;
  readonly seed: number;
  readonly levels?: number;
  readonly tick?: number;
  readonly plots?: string;
}

interface Answer {
  readonly file: string;
  readonly engine: string;
  readonly strategy: string;
  readonly tick: number;
  readonly report: BacktestReport;
  readonly plots: readonly string[];
}

/** `meridian backtest FILE`: a strategy against a recorded session in the real engine. */
export function register(program: Command): void {
  program
    .command("backtest")
    .description("run a market maker against a recorded session in the real matching engine")
    .argument("<file>", "LOBSTER message file, or recorded Binance USD-M stream; plain or gzip")
    .addOption(
      new Option(
        "--strategy <name>",
        "touch: fixed depth behind the best prices; inventory: Avellaneda-Stoikov",
      )
        .choices(["touch", "inventory"])
        .default("inventory"),
    )
    .addOption(
      new Option("--engine <name>", "any: native where it is built")
        .choices(["native", "portable", "any"])
        .default("any"),
    )
    .option("--quantity <lots>", "lots of one quote", whole, 100)
    .option("--inventory-bound <lots>", "most lots held either way", whole, 500)
    .option("--depth <ticks>", "ticks behind the best price (touch)", whole, 0)
    .option("--risk-aversion <gamma>", "per tick and quote (inventory)", number, 0.01)
    .option("--volatility <sigma>", "ticks per root second until it is measured", number, 3)
    .option("--arrival-decay <k>", "per tick: how fast fills get rarer", number, 0.1)
    .option("--horizon <seconds>", "of the risk that inventory is priced with", number, 10)
    .option("--decay <seconds>", "of the averages of the features", number, 30)
    .option("--feed-latency <us>", "market data and answers, microseconds", number, 50)
    .option("--order-latency <us>", "orders and cancels, microseconds", number, 100)
    .option("--jitter <sigma>", "of the logarithm of every latency; 0: none", number, 0)
    .option("--interval <us>", "least time between two decisions", number, 0)
    .option("--maker-fee <ppm>", "millionths of a fill's worth; negative: a rebate", number, 0)
    .option("--taker-fee <ppm>", "millionths of a fill's worth", number, 0)
    .addOption(
      new Option("--queue <rule>", "which orders a level loses, where the file has levels only")
        .choices(["newest_first", "proportional", "oldest_first"])
        .default("newest_first"),
    )
    .option("--levels <count>", "price levels a LOBSTER file covers", whole)
    .option("--tick <units>", "price units (10^-4) of a tick", whole)
    .option("--seed <number>", "of the latencies and the bootstrap", whole, 1)
    .option("--plots <folder>", "writes profit.svg, inventory.svg and markouts.svg")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      `
The strategy's orders stand in the same book as the session's. It hears of a row of the file after the feed's
latency, its orders arrive after theirs; the session's own book goes the recorded way whatever it does.

Examples:
  npx meridian backtest AAPL_2012-06-21_34200000_37800000_message_deep.csv --plots plots
  npx meridian backtest btcusdt_20240808.gz --strategy touch --quantity 10 --tick 1000 --maker-fee 200`,
    )
    .action((file: string, options: BacktestCommandOptions) => perform(() => run(file, options)));
}

async function run(file: string, options: BacktestCommandOptions): Promise<Result<ExitCode>> {
  const head = readHead(resolve(file));
  if (!head.ok) return head;
  // The file is read once before its rows are counted.
  const reading = activity("backtest: reading the file");
  let bar: ReturnType<typeof progressBar> | null = null;
  const answer = await askTool<Answer>(
    "backtest-tool",
    [JSON.stringify(requestOf(resolve(file), head.value, options))],
    (row) => {
      if (bar === null) {
        reading.end();
        bar = progressBar("backtest", Number(row["of"]));
      }
      bar.rows(Number(row["rows"]));
    },
  );
  reading.end();
  (bar as ReturnType<typeof progressBar> | null)?.end();
  if (!answer.ok) return answer;
  if (!printed(options, { value: answer.value })) print(reportText(answer.value));
  return ok(exitCodes.ok);
}

interface Head {
  readonly compressed: boolean;
  readonly isBinance: boolean;
}

function requestOf(file: string, head: Head, options: BacktestCommandOptions): BacktestRequest {
  const microseconds = (value: number): number => Math.round(value * 1_000);
  return {
    file,
    format: head.isBinance ? "binance" : "lobster",
    compressed: head.compressed,
    levels: options.levels ?? parseLobsterName(basename(file))?.levels ?? null,
    engine: options.engine,
    strategy: options.strategy,
    quantity: options.quantity,
    inventoryBound: options.inventoryBound,
    depth: options.depth,
    riskAversion: options.riskAversion,
    volatility: options.volatility,
    arrivalDecay: options.arrivalDecay,
    horizonSeconds: options.horizon,
    decaySeconds: options.decay,
    bucketLots: 50 * options.quantity,
    feedLatencyNs: microseconds(options.feedLatency),
    orderLatencyNs: microseconds(options.orderLatency),
    jitter: options.jitter,
    seed: options.seed,
    decisionIntervalNs: microseconds(options.interval),
    sampleNs: 1_000_000_000,
    markoutsNs: [1e8, 1e9, 1e10, 6e10],
    makerFeePpm: options.makerFee,
    takerFeePpm: options.takerFee,
    queue: options.queue,
    quantityDecimals: 3,
    tick: options.tick ?? null,
    plots: options.plots === undefined ? null : resolve(options.plots),
  };
}

const HEAD_BYTES = 8_192;

/** The first bytes of the file. Failure code: file_unreadable. */
function readHead(file: string): Result<Head> {
  try {
    const buffer = Buffer.alloc(HEAD_BYTES);
    const descriptor = openSync(file, "r");
    const bytes = buffer.subarray(0, readSync(descriptor, buffer, 0, HEAD_BYTES, 0));
    closeSync(descriptor);
    const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = compressed ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes;
    return ok({ compressed, isBinance: looksLikeBinance(plain.toString("latin1")) });
  } catch (error) {
    return refuse("file_unreadable", (error as Error).message, "check the path and its mode");
  }
}

export function reportText({ file, engine, strategy, report, plots }: Answer): string {
  const { fills, orders, inventory, session, sharpe } = report;
  const refusals = Object.entries(orders.refused).map(([code, count]) => `${count} ${code}`);
  const lines = facts([
    ["session", `${file}, ${session.rows.toLocaleString("en")} rows`],
    ["engine", engine],
    ["strategy", strategy],
    ["profit", `${money(report.profit)}, fees of ${money(report.fees)} paid`],
    ["largest drawdown", money(report.largestDrawdown)],
    ["Sharpe ratio", sharpe === null ? "-" : sharpeText(sharpe, report.intervals)],
    [
      "inventory",
      `${inventory.last} lots at the end, ${inventory.largest} at most, ${inventory.meanAbsolute.toFixed(1)} on average`,
    ],
    [
      "fills",
      `${fills.count} of ${fills.lots} lots, ${fills.makerLots} as maker: ${(100 * fills.ratio).toFixed(2)} % of the lots sent`,
    ],
    [
      "orders",
      `${orders.quotes} quotes, ${orders.takes} takes, ${orders.cancels} cancels${refusals.length === 0 ? "" : `, refused: ${refusals.join(", ")}`}`,
    ],
    ["queue", `${orders.queueAhead.toFixed(1)} lots ahead of a quote when it came to rest`],
    [
      "session",
      `${session.executionsOfOthers} of its ${session.executions} executions hit other orders than recorded`,
    ],
    ...(plots.length === 0 ? [] : [["plots", plots.join(" ")] as const]),
  ]);
  const rows = report.markouts.map((one) => [
    `${one.horizonNs / 1e9} s`,
    one.mean.toFixed(3),
    one.standardError.toFixed(3),
    `${one.trades}`,
  ]);
  return `${lines}\n\n${table(["MARKOUT AFTER", "TICKS", "STANDARD ERROR", "FILLS"], rows)}`;
}

const money = (value: number): string => value.toFixed(2);

const sharpeText = (
  { ratio, standardError, low, high }: NonNullable<BacktestReport["sharpe"]>,
  intervals: number,
): string =>
  `${ratio.toFixed(4)} per second, 95 %: ${low.toFixed(4)} to ${high.toFixed(4)} (standard error ${standardError.toFixed(4)}, ${intervals} s)`;

function whole(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("a whole number from 0 is wanted.");
  return Number(text);
}

function number(text: string): number {
  if (!/^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text))
    throw new InvalidArgumentError("a number is wanted.");
  return Number(text);
}
