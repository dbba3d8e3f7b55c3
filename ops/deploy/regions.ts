import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TomlError, parse } from "smol-toml";
import type { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import {
  type MarketFile,
  type RegionFile,
  marketFileSchema,
  regionFileSchema,
} from "../../schemas/configuration.ts";
import { isToken } from "../../schemas/subjects.ts";

/** A region as its folder declares it. */
export interface Region {
  readonly name: string;
  readonly title: string;
  readonly groups: readonly string[];
  /** Markets that live here, by name. */
  readonly markets: Readonly<Record<string, MarketFile>>;
}

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
  const file: Result<RegionFile> = readToml(join(folder, "region.toml"), regionFileSchema);
  if (!file.ok) return file;
  const markets: Record<string, MarketFile> = {};
  const marketsFolder = join(folder, "markets");
  const entries = existsSync(marketsFolder) ? readdirSync(marketsFolder).sort() : [];
  for (const entry of entries.filter((each) => each.endsWith(".toml"))) {
    const market: Result<MarketFile> = readToml(join(marketsFolder, entry), marketFileSchema);
    if (!market.ok) return market;
    markets[entry.slice(0, -".toml".length)] = market.value;
  }
  return ok({ name, title: file.value.title, groups: file.value.groups, markets });
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
