import { readFileSync } from "node:fs";

import { ok, refuse, type Result } from "../../actors/kernel/result.ts";
import { edgeAccessSchema, edgesFileSchema } from "../../schemas/configuration.ts";
import { dataFolder, readCluster } from "./data-folder.ts";

/** Where a market of a cluster on this machine takes orders by OUCH, and a member who may. */
export interface LocalGateway {
  /** Of every region that has had the market; only its owner listens. */
  readonly gateways: readonly string[];
  readonly symbol: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Looks into the data folder of a cluster that runs here. `username` absent: the first member.
 * Failure codes: those of readCluster; not_found.
 */
export function findGateway(
  data: string | undefined,
  market: string,
  username: string | undefined,
): Result<LocalGateway> {
  const folder = dataFolder(data);
  const cluster = readCluster(folder.value);
  if (!cluster.ok) return cluster;
  const gateways: string[] = [];
  let found: Omit<LocalGateway, "gateways"> | null = null;
  for (const { edges } of cluster.value.regions) {
    if (edges === undefined) continue;
    const place = read(edges.edgesFile, edgesFileSchema)?.markets[market];
    if (place === undefined || place.orders === 0) continue;
    gateways.push(`${place.host}:${place.orders}`);
    const members = read(edges.accessFile, edgeAccessSchema)?.members ?? [];
    const member = members.find((one) => username === undefined || one.username === username);
    if (member === undefined) {
      return refuse(
        "not_found",
        username === undefined ? "nobody may enter orders" : `${username} is no member`,
        `add a member to ${edges.accessFile}, or --user and --password`,
      );
    }
    found ??= { symbol: place.symbol, username: member.username, password: member.password };
  }
  if (found !== null) return ok({ ...found, gateways });
  return refuse(
    "not_found",
    `no cell of ${folder.value} takes orders of ${market} by OUCH`,
    "npx meridian status; or --gateway HOST:PORT",
  );
}

/** Null when it is not there yet, or is somebody else's to read. */
function read<Data>(file: string, schema: { parse(data: unknown): Data }): Data | null {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}
