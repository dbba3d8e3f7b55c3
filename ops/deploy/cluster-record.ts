import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import type { Region } from "./regions.ts";
import { type Profile, profiles } from "./roles.ts";
import { type Topology, topologies } from "./topology.ts";
import { writeWhole } from "./whole-file.ts";

const recordSchema = z.strictObject({
  version: z.literal(1),
  topology: z.enum(topologies),
  /** In the order in which they joined: a region keeps its number, and with it its ports. */
  regions: z.array(z.string()).min(1),
  /** Absent: demo. */
  profile: z.enum(profiles).optional(),
});

/** What a data folder's streams are spread over; written when a cluster is ready or changes. */
export type ClusterRecord = Omit<z.infer<typeof recordSchema>, "version">;

const recordFile = (dataDirectory: string): string => join(dataDirectory, "members.json");

/** Null when no cluster has run on the folder. Failure code: data_folder_unusable. */
export function readRecord(dataDirectory: string): Result<ClusterRecord | null> {
  const file = recordFile(dataDirectory);
  if (!existsSync(file)) return ok(null);
  try {
    return ok(recordSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return refuse("data_folder_unusable", `${file}: ${reason}`, "restore it from your backup");
  }
}

export function writeRecord(dataDirectory: string, record: ClusterRecord): void {
  const text = JSON.stringify({ version: 1, ...record }, null, 2);
  writeWhole(recordFile(dataDirectory), `${text}\n`);
}

/**
 * The profile to start with; `wish` null: as the folder has it, else demo. What the demo profile has given
 * away cannot be taken back, and what production keeps is not for a demo to give. Failure code: profile_differs.
 */
export function profileToStart(
  wish: Profile | null,
  recorded: ClusterRecord | null,
): Result<Profile> {
  if (recorded === null) return ok(wish ?? "demo");
  const { profile = "demo" } = recorded;
  if (wish === null || wish === profile) return ok(profile);
  return refuse(
    "profile_differs",
    `the data folder holds a cluster of the ${profile} profile`,
    `leave out --profile ${wish}, or name another folder by --data`,
  );
}

/** What was asked for; null: as the folder has it, else the default. */
export interface Wish {
  readonly topology: Topology | null;
  readonly regions: readonly string[] | null;
}

/**
 * The topology and regions to start. A folder that has run before keeps its topology and all of its
 * regions; further ones join behind them. Failure codes: topology_differs, region_missing.
 */
export function membersToStart(
  wish: Wish,
  recorded: ClusterRecord | null,
  declared: readonly Region[],
): Result<ClusterRecord> {
  const asked =
    wish.regions ?? declared.filter((region) => region.enabled).map((region) => region.name);
  if (recorded === null) {
    return ok({ topology: wish.topology ?? "compact", regions: [...new Set(asked)] });
  }
  if (wish.topology !== null && wish.topology !== recorded.topology) {
    return refuse(
      "topology_differs",
      `the data folder holds a ${recorded.topology} cluster`,
      `start it as ${recorded.topology}, or name another folder by --data`,
    );
  }
  if (wish.regions === null) return ok(recorded);
  const left = recorded.regions.filter((name) => !asked.includes(name));
  if (left.length > 0) {
    return refuse(
      "region_missing",
      `the data folder's cluster has ${recorded.regions.join(", ")}: without ${left.join(", ")} its streams lack replicas`,
      `name ${left.length === 1 ? "it" : "them"} too, or take a region out of the running cluster: meridian region remove ${left[0]}`,
    );
  }
  return ok({
    topology: recorded.topology,
    regions: [...recorded.regions, ...asked.filter((name) => !recorded.regions.includes(name))],
  });
}
