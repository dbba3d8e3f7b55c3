import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "smol-toml";
import type { z } from "zod";

import { marketFileSchema, regionFileSchema } from "../../schemas/configuration.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { checkDefinition } from "../region/definition.ts";
import type { MarketDefinition } from "../region/messages.ts";

/** The declarative data of the folder regions/. */
export interface ReferenceData {
  /** Replication groups by region. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Markets of all regions. */
  readonly markets: readonly MarketDefinition[];
}

/**
 * Reads regions/<region>/region.toml and regions/<home>/markets/<market>.toml. Failure code:
 * definition_invalid, naming the file, the key and what is wrong with it.
 */
export function readReferenceData(
  directory: string,
  regions: readonly string[],
): Result<ReferenceData> {
  const groups: Record<string, readonly string[]> = {};
  const markets = new Map<string, MarketDefinition>();
  for (const region of regions) {
    const file = join(directory, region, "region.toml");
    const read = readToml(file, regionFileSchema);
    if (!read.ok) return read;
    groups[region] = read.value.groups;
    const folder = join(directory, region, "markets");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    for (const name of names.filter((entry) => entry.endsWith(".toml")).sort()) {
      const market = readMarket(join(folder, name), region, name.slice(0, -".toml".length));
      if (!market.ok) return market;
      const definition = market.value;
      const fault = clash(definition, [...markets.values()], read.value.groups);
      if (fault !== null) return invalid(join(folder, name), fault);
      markets.set(definition.market, definition);
    }
  }
  return ok({ groups, markets: [...markets.values()] });
}

function readMarket(file: string, home: string, market: string): Result<MarketDefinition> {
  const read = readToml(file, marketFileSchema);
  if (!read.ok) return read;
  const { price_decimals, bands, maximum_quantity, order_capacity, fees, ...same } = read.value;
  const checked = checkDefinition({
    ...same,
    market,
    home,
    priceDecimals: price_decimals,
    bandLow: bands.low,
    bandHigh: bands.high,
    maximumQuantity: maximum_quantity,
    orderCapacity: order_capacity,
    makerFeeBpsE2: fees.maker_bps_e2,
    takerFeeBpsE2: fees.taker_bps_e2,
  });
  return checked.ok ? checked : invalid(file, checked.failure.reason);
}

function clash(
  definition: MarketDefinition,
  others: readonly MarketDefinition[],
  groups: readonly string[],
): string | null {
  const { market, home, group, shard } = definition;
  if (!groups.includes(group)) return `group: ${home} takes part in ${groups.join(", ")} only`;
  const named = others.find((other) => other.market === market);
  if (named !== undefined) return `a market of this name is defined in ${named.home} as well`;
  const sharing = others.find(
    (other) => other.group === group && other.shard === shard && other.home !== home,
  );
  if (sharing === undefined) return null;
  return `shard: ${sharing.market} gives ${group}/${shard} its home in ${sharing.home}`;
}

function readToml<T>(file: string, schema: z.ZodType<T>): Result<T> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return invalid(file, error instanceof Error ? error.message : "it cannot be read");
  }
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    return invalid(file, error instanceof Error ? error.message : "it is no TOML");
  }
  const checked = schema.safeParse(data);
  return checked.success ? ok(checked.data) : invalid(file, describeIssues(checked.error));
}

/** One line of what is wrong, each with the key it is wrong at. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.join(".") || "file"}: ${issue.message}`)
    .join("; ");
}

const invalid = (file: string, fault: string): Result<never> =>
  refuse("definition_invalid", `${file}: ${fault}`, "correct the file and start again");
