import { setTimeout as sleep } from "node:timers/promises";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { MAX_ORDER_LOTS } from "../../../actors/kernel/units.ts";
import { PRICE_DECIMALS } from "../../../actors/replay/events.ts";
import type { Survey } from "../../../actors/replay/survey.ts";
import type { Cluster } from "../cluster.ts";
import {
  clusterStatus,
  createMarket,
  type DefinitionView,
  findMarket,
  type MarketView,
  type ModeName,
} from "../markets.ts";

/** A market of its own for each replay, with limits that let the whole file through. */
export interface MarketWish {
  /** Given by the user: then it must be free or empty. Null: a free name is made from `name`. */
  readonly exactName: string | null;
  readonly name: string;
  readonly region: string | null;
  readonly mode: ModeName;
  readonly survey: Survey;
}

const SMALLEST_CAPACITY = 65_536;
const LARGEST_CAPACITY = 2 ** 24 - 2;
const NAMES_TRIED = 99;
const OPEN_TIMEOUT_MS = 30_000;

/**
 * Creates the market of a replay, or takes an empty one with the same definition. Failure codes:
 * market_exists, region_unknown, region_not_ready, definition_missing, not_open, and those of the
 * region.
 */
export async function replayMarket(
  cluster: Cluster,
  wish: MarketWish,
): Promise<Result<MarketView>> {
  const { regions, markets } = await clusterStatus(cluster);
  if (wish.region !== null && !cluster.regions.includes(wish.region)) {
    return refuse(
      "region_unknown",
      `the cluster has no region ${wish.region}`,
      `one of: ${cluster.regions.join(", ")}`,
    );
  }
  const ready = regions.filter(
    (region) => region.ready && (wish.region === null || region.name === wish.region),
  );
  if (ready.length === 0) {
    const reasons = regions.map((region) => `${region.name}: ${region.reason ?? "ready"}`);
    return refuse("region_not_ready", reasons.join("; "), "meridian status");
  }
  // Markets of one shard share a home: the replay's market joins the shard of a neighbour.
  const neighbour = markets.find(
    (market) => market.definition !== null && ready.some((region) => region.name === market.home),
  );
  if (neighbour === undefined || neighbour.definition === null) {
    return refuse(
      "definition_missing",
      "no ready region has a market whose replication group and shard could be shared",
      "meridian market create NAME --file FILE, then replay --market NAME",
    );
  }
  const definition = replayDefinition(neighbour.definition, wish);
  const name = freeName(wish, definition, markets);
  if (!name.ok) return name;
  const existing = markets.find((market) => market.market === name.value);
  if (existing !== undefined) return ok(existing);
  const created = await createMarket(cluster, name.value, neighbour.home, definition);
  return created.ok ? untilOpen(cluster, created.value) : created;
}

/** Prices as in the file (10^-4), bands around all of them, room for all orders. */
function replayDefinition(neighbour: DefinitionView, wish: MarketWish): DefinitionView {
  const { survey, mode } = wish;
  const capacity = Math.max(SMALLEST_CAPACITY, 2 ** Math.ceil(Math.log2(survey.peakOrders + 1)));
  return {
    group: neighbour.group,
    shard: neighbour.shard,
    currency: "USD",
    priceDecimals: PRICE_DECIMALS,
    tick: survey.tick,
    lot: 1,
    bandLow: Math.max(survey.tick, survey.lowestPrice),
    bandHigh: Math.max(survey.tick, survey.highestPrice),
    maximumQuantity: Math.min(MAX_ORDER_LOTS, Math.max(1, survey.largestSize)),
    orderCapacity: Math.min(LARGEST_CAPACITY, capacity),
    mode,
    calendar: "always",
    makerFeeBpsE2: 0,
    takerFeeBpsE2: 0,
  };
}

/**
 * The name of a market that is not there yet, or of an empty one with this definition. Failure code:
 * market_exists.
 */
export function freeName(
  wish: Pick<MarketWish, "exactName" | "name">,
  definition: DefinitionView,
  markets: readonly MarketView[],
): Result<string> {
  const first = wish.exactName ?? wish.name;
  const tries = wish.exactName === null ? NAMES_TRIED : 1;
  for (let turn = 1; turn <= tries; turn += 1) {
    const name = turn === 1 ? first : `${first.slice(0, 29)}-${turn}`;
    const existing = markets.find((market) => market.market === name);
    if (existing === undefined) return ok(name);
    if (!sameDefinition(existing.definition, definition)) {
      // Another session of the same symbol and day, or another file of the same name.
      if (wish.exactName === null) continue;
      return refuse(
        "market_exists",
        `the market ${name} exists with other reference data`,
        "choose another name: --market NAME",
      );
    }
    if (existing.restingOrders === 0 && existing.state === "open") return ok(name);
  }
  return refuse(
    "market_exists",
    tries === 1
      ? `the market ${first} holds orders of an earlier replay`
      : `${tries} markets ${first}, ${first}-2, … hold orders of earlier replays or have other reference data`,
    "choose another name: --market NAME",
  );
}

/** Group and shard are where it runs, not what it is. */
function sameDefinition(a: DefinitionView | null, b: DefinitionView): boolean {
  if (a === null) return false;
  const where: readonly string[] = ["group", "shard"];
  return (Object.keys(b) as (keyof DefinitionView)[]).every(
    (key) => where.includes(key) || a[key] === b[key],
  );
}

async function untilOpen(cluster: Cluster, market: MarketView): Promise<Result<MarketView>> {
  const deadline = performance.now() + OPEN_TIMEOUT_MS;
  let last: MarketView = market;
  while (last.state !== "open") {
    if (performance.now() > deadline) {
      return refuse(
        "not_open",
        `the market ${last.market} is ${last.state} after ${OPEN_TIMEOUT_MS / 1000} s${last.detail === null ? "" : `: ${last.detail}`}`,
        "meridian status",
      );
    }
    await sleep(100);
    const found = await findMarket(cluster, market.market);
    if (found.ok) last = found.value;
  }
  return ok(last);
}
