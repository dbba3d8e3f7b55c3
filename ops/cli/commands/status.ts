import type { Command } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { connectTo, findTarget } from "../cluster.ts";
import {
  type ClusterStatus,
  clusterStatus,
  type MarketView,
  type ModeName,
  modeNames,
  silentRegion,
} from "../markets.ts";
import { formatPrice } from "../prices.ts";
import { type OutputFormat, outputOption, printed, quietOption } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

/**
 * `meridian status`: regions and markets. A silent region is part of the answer; only when all are
 * silent the command has failed.
 */
export function register(program: Command): void {
  withClusterOptions(program.command("status"))
    .description("show regions and markets")
    .addOption(quietOption("names of regions"))
    .option("--ready", "exit code 1 unless every market of every region that answers is open")
    .option("--region <region>", "with --ready: this region only, which has to answer")
    .option("--market <market>", "with --ready: this market only, wherever it is")
    .addOption(outputOption())
    .action((options: StatusOptions) =>
      perform(async () => {
        const target = findTarget(options);
        if (!target.ok) return target;
        const status = await statusOf(target.value);
        const regions = status.regions.map(({ name }) => name);
        // Markets are the rows: `-o json` has the regions too, and so has -q.
        const told = { value: status, rows: status.markets, ids: regions };
        if (!printed(options, told)) printStatus(status);
        const silent = status.regions.every((region) => region.cell === null);
        return ok(silent || !isReady(status, options) ? exitCodes.failed : exitCodes.ok);
      }),
    );
}

type StatusOptions = ClusterOptions & {
  readonly output: OutputFormat;
  readonly ready?: true;
  readonly region?: string;
  readonly market?: string;
};

function isReady(status: ClusterStatus, { ready, region, market }: StatusOptions): boolean {
  if (ready !== true) return true;
  if (market !== undefined) {
    return status.markets.some((one) => one.market === market && one.state === "open");
  }
  const regions = status.regions.filter(({ name, cell }) =>
    region === undefined ? cell !== null : name === region,
  );
  return regions.length > 0 && regions.every((one) => one.ready);
}

async function statusOf(target: Parameters<typeof connectTo>[0]): Promise<ClusterStatus> {
  const cluster = await connectTo(target);
  if (!cluster.ok) {
    const regions = target.cluster.regions.map((region) =>
      silentRegion(region.name, cluster.failure.reason),
    );
    return { regions, markets: [] };
  }
  try {
    return await clusterStatus(cluster.value);
  } finally {
    await cluster.value.close();
  }
}

function printStatus(status: ClusterStatus): void {
  print(
    table(
      ["REGION", "READY", "CELL", "ENGINE", "NATS", "RECONNECTS", "REFUSED", "HTTP", "REASON"],
      status.regions.map((region) => [
        region.name,
        region.stale ? "stale" : region.ready ? "yes" : "no",
        region.cell ?? "-",
        region.engine ?? "-",
        region.natsState === null ? "-" : `${region.natsState} ${region.natsServer ?? ""}`,
        String(region.reconnects ?? "-"),
        region.refusals === null ? "-" : String(sum(region.refusals)),
        region.http ?? "-",
        region.reason ?? "",
      ]),
    ),
  );
  if (status.regions.every((region) => region.cell === null)) {
    print("next: npm start, or npx meridian doctor to look for the cause");
    return;
  }
  print("");
  print(marketTable(status.markets));
}

/** Markets one a line, prices in the market's currency. */
export function marketTable(markets: readonly MarketView[]): string {
  return table(
    [
      "MARKET",
      "HOME",
      "STATE",
      "MODE",
      "BID",
      "ASK",
      "ORDERS",
      "TRADES",
      "REFUSED",
      "ACK P50/P99",
      "NOTE",
    ],
    markets.map((market) => [
      market.market,
      market.home,
      market.state,
      market.mode,
      side(market, market.bidPrice, market.bidQuantity),
      side(market, market.askPrice, market.askQuantity),
      String(market.orders),
      String(market.trades),
      String(sum(market.refusals)),
      `${duration(market.acknowledgement.p50Ns)}/${duration(market.acknowledgement.p99Ns)}`,
      note(market),
    ]),
  );
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

const isStronger = (a: ModeName, b: string): boolean =>
  modeNames.indexOf(a) > modeNames.findIndex((name) => name === b);

/** Why a market is not as its reference data says. */
function note({ detail, state, mode, definition }: MarketView): string {
  if (detail !== null) return detail;
  if (state !== "open" || definition === null || !isStronger(definition.mode, mode)) return "";
  return `declared ${definition.mode}, which its nats-server does not allow`;
}

const side = (market: MarketView, price: number, quantity: number): string =>
  price === 0 ? "-" : `${quantity} @ ${formatPrice(price, market.definition?.priceDecimals ?? 0)}`;

/** Nanoseconds with three digits and the unit that fits. */
export function duration(ns: number): string {
  if (ns < 1_000) return `${ns} ns`;
  if (ns < 1_000_000) return `${(ns / 1_000).toPrecision(3)} us`;
  if (ns < 1_000_000_000) return `${(ns / 1_000_000).toPrecision(3)} ms`;
  return `${(ns / 1_000_000_000).toPrecision(3)} s`;
}
