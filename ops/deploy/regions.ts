import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { TomlError, parse } from "smol-toml";
import type { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import {
  type MarketFile,
  type RegionFile,
  marketFileSchema,
  regionFileSchema,
} from "../../schemas/configuration.ts";
import { reservedNames } from "../../schemas/placement.ts";
import { isToken } from "../../schemas/subjects.ts";

/** A region as its folder declares it. */
export interface Region {
  readonly name: string;
  readonly title: string;
  /** Its region.toml. */
  readonly file: string;
  /** False: part of a cluster only when it is named. */
  readonly enabled: boolean;
  readonly jurisdiction: string;
  readonly profile: string;
  readonly groups: readonly string[];
  /** Nearest first. */
  readonly neighbours: readonly string[];
  readonly tags: readonly string[];
  /** Servers of its own cluster, in supercluster form. */
  readonly serverCount: number;
  readonly ports: RegionFile["ports"];
  /** Regions that may keep what originates here; a class without a list: any. */
  readonly residency: RegionFile["residency"];
  /** Markets that live here, by name. */
  readonly markets: Readonly<Record<string, MarketFile>>;
}

/** The file that declares a market. */
export const marketFile = (region: Region, market: string): string =>
  join(dirname(region.file), "markets", `${market}.toml`);

function readToml<T>(path: string, schema: z.ZodType<T>): Result<T> {
  const invalid = (reason: string): Result<T> =>
    refuse("regions_invalid", `${path}: ${reason}`, "correct the file, then start again");
  let content: unknown;
  try {
    content = parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof TomlError) {
      return invalid(`line ${error.line}: ${error.message.split("\n")[0] ?? "not TOML"}`);
    }
    return invalid((error as Error).message);
  }
  const checked = schema.safeParse(content);
  if (checked.success) return ok(checked.data);
  const issue = checked.error.issues[0];
  return invalid(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
}

function readRegion(folder: string, name: string): Result<Region> {
  if (!isToken(name)) {
    return refuse(
      "regions_invalid",
      `${folder}: a region's folder is named with [A-Za-z0-9_-] only`,
      "rename the folder",
    );
  }
  if (reservedNames.includes(name)) {
    return refuse("regions_invalid", `${folder}: ${name} is a name of ours`, "rename the folder");
  }
  const path = join(folder, "region.toml");
  const file: Result<RegionFile> = readToml(path, regionFileSchema);
  if (!file.ok) return file;
  const { servers, name: declared = name, ...same } = file.value;
  if (declared !== name) {
    return refuse(
      "regions_invalid",
      `${path}: name: it says ${declared}, and its folder is ${name}`,
      "make them the same",
    );
  }
  const markets: Record<string, MarketFile> = {};
  const marketsFolder = join(folder, "markets");
  const entries = existsSync(marketsFolder) ? readdirSync(marketsFolder).sort() : [];
  for (const entry of entries.filter((each) => each.endsWith(".toml"))) {
    const market: Result<MarketFile> = readToml(join(marketsFolder, entry), marketFileSchema);
    if (!market.ok) return market;
    markets[entry.slice(0, -".toml".length)] = market.value;
  }
  return ok({ ...same, name, file: path, serverCount: servers.count, markets });
}

/** All regions of the folder regions/, by name. Failure code: regions_invalid. */
export function readRegions(folder: string): Result<readonly Region[]> {
  if (!existsSync(folder)) {
    return refuse("regions_invalid", `${folder} does not exist`, "name it by --regions-directory");
  }
  const regions: Region[] = [];
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "region.toml")))
    .map((entry) => entry.name)
    .sort();
  for (const name of names) {
    const region = readRegion(join(folder, name), name);
    if (!region.ok) return region;
    regions.push(region.value);
  }
  if (regions.length === 0) {
    return refuse("regions_invalid", `${folder} has no <region>/region.toml`, "add a region");
  }
  return ok(regions);
}
