import { join } from "node:path";

import { repository } from "../support/shared-data.ts";
import { type StageResult, check } from "./process.ts";

const LIMIT_MS = 120_000;
const tool = (name: string): string => join(repository, "node_modules", ".bin", name);

/** Types, lint and formatting of the TypeScript side. */
export async function staticChecks(): Promise<StageResult[]> {
  return [
    await check("types: tsc", tool("tsc"), ["--noEmit"], LIMIT_MS),
    await check("types of the console: tsc", tool("tsc"), ["-p", "ops/console"], LIMIT_MS),
    await check("lint: oxlint", tool("oxlint"), ["--type-aware"], LIMIT_MS),
    await check("format: biome", tool("biome"), ["format", "."], LIMIT_MS),
  ];
}
