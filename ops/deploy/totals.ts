import { wire } from "../../schemas/messages.ts";
import { askStatus, connectObserver } from "./status.ts";
import type { ClusterPlan } from "./topology.ts";

/** Time from a request's arrival at the cell to its reply, in nanoseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
}

/** What a market has done since its cell started. */
export interface MarketTotals {
  readonly market: string;
  readonly orders: number;
  readonly trades: number;
  readonly refusals: number;
  readonly latency: LatencySummary;
}

function marketTotals(status: wire.control.v1.MarketStatus): MarketTotals {
  const latency = status.acknowledgement;
  return {
    market: status.market,
    orders: status.orders,
    trades: status.trades,
    refusals: sumOf(status.refusals),
    latency: {
      count: latency?.count ?? 0,
      p50Ns: latency?.p50Ns ?? 0,
      p99Ns: latency?.p99Ns ?? 0,
      p999Ns: latency?.p999Ns ?? 0,
    },
  };
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/**
 * Totals of every market, asked from the cells, by name. `outside` are the refusals of the cells
 * before a market was reached, `silent` the regions that did not answer.
 */
export async function readTotals(plan: ClusterPlan): Promise<{
  readonly markets: readonly MarketTotals[];
  readonly outside: number;
  readonly silent: readonly string[];
}> {
  const regions = plan.regions.map(({ name }) => name);
  try {
    const connection = await connectObserver(plan);
    try {
      const answers = await Promise.all(
        regions.map(async (region) => ({ region, status: await askStatus(connection, region) })),
      );
      const markets = answers.flatMap(({ status }) =>
        typeof status === "string"
          ? []
          : status.markets.map((market) =>
              marketTotals(wire.control.v1.MarketStatus.create(market)),
            ),
      );
      return {
        markets: markets.sort((a, b) => (a.market < b.market ? -1 : 1)),
        outside: answers.reduce(
          (sum, { status }) => sum + (typeof status === "string" ? 0 : sumOf(status.refusals)),
          0,
        ),
        silent: answers.flatMap(({ region, status }) =>
          typeof status === "string" ? [region] : [],
        ),
      };
    } finally {
      await connection.close();
    }
  } catch {
    return { markets: [], outside: 0, silent: regions };
  }
}
