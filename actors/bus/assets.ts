import {
  DiscardPolicy,
  jetstreamManager,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";

import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";
import {
  actorSnapshotBucket,
  auditStream,
  directoryBucket,
  eventLogStream,
  eventStream,
  eventSubject,
  journalStream,
  journalSubject,
  leaseBucket,
  patterns,
} from "../../schemas/subjects.ts";
import type { AssetPlacement } from "../../schemas/placement.ts";
import type { NatsBus } from "./nats.ts";
import { anywhere, type Placement } from "./placement.ts";
import { keptMessages } from "./replicated-event-log.ts";

/**
 * The streams the product needs, made where they are missing. Every cell does this at its start, at
 * the same time; a stream that another cell makes first is just as good.
 */

/** Bounds of what we store, in bytes. */
export const assetBounds = {
  lease: 64 * 1024 * 1024,
  directory: 64 * 1024 * 1024,
  journal: 8 * 1024 * 1024 * 1024,
  events: 64 * 1024 * 1024,
  eventLogs: 1024 * 1024 * 1024,
  snapshots: 256 * 1024 * 1024,
  audit: 256 * 1024 * 1024,
} as const;

const retryDelay = durationNs(250_000_000);
/** JetStream has a leader some seconds after the servers are up; this long it is waited for. */
const LEADER_WAIT_MS = 60_000;
const API_TIMEOUT_MS = 5_000;
/**
 * A stream without a leader does not answer at all: whoever asks one for long learns late that it has
 * one. The first look is this long, each further one a quarter longer, so that slow servers are heard too.
 */
const FIRST_LOOK_TIMEOUT_MS = 500;
const LONGER_LOOK = 1.25;
const STREAM_NAME_IN_USE = 10_058;
const STREAM_NOT_FOUND = 10_059;
const SUBJECTS_OVERLAP = 10_065;

export interface AssetPorts {
  readonly bus: NatsBus;
  readonly clock: Clock;
  readonly log: Log;
}

/** A market whose journal and events need a place. */
export interface MarketAssets {
  readonly market: string;
  readonly home: string;
  readonly group: string;
  readonly shard: number;
}

/**
 * Makes the buckets LEASE and DIR, the region's event stream, and the event logs and snapshots of its
 * actors, all at once: each waits for an election of its own. `placement`: where, or a number of replicas
 * anywhere. Failure code: unavailable (JetStream had no leader for a minute).
 */
export async function ensureAssets(
  ports: AssetPorts,
  region: string,
  placement: Placement | number,
): Promise<Result<void>> {
  const { control, positions, events } = placed(placement);
  const actors = positions(region);
  const logs: StreamPlan = {
    ...replicatedFile(actors),
    name: eventLogStream(region),
    subjects: [patterns.eventLogsOf(region)],
    max_msgs_per_subject: keptMessages,
    max_msg_size: 1024 * 1024,
    max_bytes: assetBounds.eventLogs,
  };
  const snapshots = bucketStream(actorSnapshotBucket(region), actors, assetBounds.snapshots);
  const wanted: readonly StreamPlan[] = [
    bucketStream(leaseBucket, control, assetBounds.lease),
    bucketStream(directoryBucket, control, assetBounds.directory),
    logs,
    { ...snapshots, max_msg_size: 1024 * 1024 },
    eventStreamConfig(region, events(region)),
  ];
  const made = await Promise.all(wanted.map((config) => ensureStream(ports, config, [])));
  return made.find((each) => !each.ok) ?? ok(undefined);
}

/**
 * Makes the stream of the group's audit trail and puts the region's part into it; a region without a group is
 * its own, and keeps its trail where the events of its actors are. Failure code: unavailable.
 */
export function ensureAuditAssets(
  ports: AssetPorts,
  region: string,
  group: string,
  placement: Placement | number,
): Promise<Result<void>> {
  const { journals, positions } = placed(placement);
  const subjects = [patterns.auditsOf(region)];
  const plan: StreamPlan = {
    ...replicatedFile(group === region ? positions(region) : journals(group, region)),
    name: auditStream(group),
    subjects,
    // The newest commands are those that somebody will ask for: they must never be refused for old ones.
    discard: DiscardPolicy.Old,
    allow_direct: true,
    max_msg_size: 64 * 1024,
    max_bytes: assetBounds.audit,
  };
  return ensureStream(ports, plan, subjects);
}

/**
 * Makes the stream of the market's shard and puts the market's subjects into it and into the event
 * stream of its home. To be called before the market's actor starts: a takeover makes no asset.
 * `isNew` false: a journal stream that is not there is lost, and not made. Failure codes: unavailable, not_found;
 * market_exists (another shard has a journal of that name).
 */
export async function ensureMarketAssets(
  ports: AssetPorts,
  market: MarketAssets,
  placement: Placement | number,
  isNew = true,
): Promise<Result<void>> {
  const { journals, events } = placed(placement);
  const journal: StreamPlan = {
    ...replicatedFile(journals(market.group, market.home)),
    name: journalStream(market.group, market.shard),
    subjects: [journalSubject(market.market)],
    // A block is up to 768 KiB of records; nothing larger is ours.
    max_msg_size: 1024 * 1024,
    max_bytes: assetBounds.journal,
  };
  const made = await ensureStream(ports, journal, journal.subjects, isNew);
  if (!made.ok) return made;
  return ensureStream(ports, eventStreamConfig(market.home, events(market.home)), [
    eventSubject(market.market, "block"),
  ]);
}

const placed = (placement: Placement | number): Placement =>
  typeof placement === "number" ? anywhere(placement) : placement;

type StreamPlan = Partial<StreamConfig> & {
  readonly name: string;
  readonly subjects: string[];
};

/** An empty cluster and no tags: wherever there is room. */
const where = ({ cluster, tags, replicas }: AssetPlacement): Partial<StreamConfig> => ({
  num_replicas: replicas,
  ...(cluster === "" && tags.length === 0 ? {} : { placement: { cluster, tags: [...tags] } }),
});

const replicatedFile = (placement: AssetPlacement): Partial<StreamConfig> => ({
  ...where(placement),
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  deny_delete: true,
  allow_direct: false,
});

const bucketStream = (bucket: string, placement: AssetPlacement, bytes: number): StreamPlan => ({
  ...replicatedFile(placement),
  name: `KV_${bucket}`,
  subjects: [`$KV.${bucket}.>`],
  max_msgs_per_subject: 1,
  max_msg_size: 64 * 1024,
  max_bytes: bytes,
  allow_rollup_hdrs: true,
});

/** A memory stream needs a subject from the start; this one is nobody's market. */
const eventStreamConfig = (region: string, placement: AssetPlacement): StreamPlan => ({
  ...where(placement),
  name: eventStream(region),
  subjects: [`evt.${region}.region`],
  storage: StorageType.Memory,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_bytes: assetBounds.events,
  allow_direct: false,
});

/** Makes the stream, or adds the subjects that it lacks. */
async function ensureStream(
  ports: AssetPorts,
  plan: StreamPlan,
  subjects: readonly string[],
  mayMake = true,
): Promise<Result<void>> {
  const until = ports.clock.monotonic() + LEADER_WAIT_MS * 1e6;
  for (
    let lookMs = FIRST_LOOK_TIMEOUT_MS;
    ;
    lookMs = Math.min(LONGER_LOOK * lookMs, API_TIMEOUT_MS)
  ) {
    const failure = await tryStream(ports, plan, subjects, mayMake, lookMs);
    if (failure === null) return ok(undefined);
    if (failure.code === STREAM_NOT_FOUND) {
      return refuse(
        "not_found",
        `there is no stream ${plan.name}`,
        "its last owner makes it again",
      );
    }
    if (failure.code === SUBJECTS_OVERLAP) {
      return refuse(
        "market_exists",
        `${subjects.join(", ")} is in another stream already: ${failure.reason}`,
        "choose another name, or the group and shard it was made with",
      );
    }
    if (ports.clock.monotonic() > until) {
      return refuse(
        "unavailable",
        `stream ${plan.name} could not be made: ${failure.reason}`,
        "check that a majority of the servers is up: npx meridian doctor",
      );
    }
    ports.log.info({ stream: plan.name, reason: failure.reason }, "waiting for JetStream");
    await new Promise<void>((resolve) => {
      ports.clock.after(retryDelay, resolve);
    });
  }
}

interface StreamFailure {
  readonly code: number;
  readonly reason: string;
}

async function tryStream(
  ports: AssetPorts,
  plan: StreamPlan,
  subjects: readonly string[],
  mayMake: boolean,
  lookMs: number,
): Promise<StreamFailure | null> {
  const managerOf = (timeout: number): Promise<JetStreamManager> =>
    jetstreamManager(ports.bus.connection, { timeout, checkAPI: false });
  try {
    const held = await heldSubjects(await managerOf(lookMs), plan.name);
    const manager = await managerOf(API_TIMEOUT_MS);
    if (held === null) {
      if (!mayMake) return { code: STREAM_NOT_FOUND, reason: "not found" };
      const all = [...new Set([...plan.subjects, ...subjects])];
      await manager.streams.add({ ...plan, subjects: all });
      return null;
    }
    const missing = subjects.filter((subject) => !held.includes(subject));
    if (missing.length === 0) return null;
    await manager.streams.update(plan.name, { subjects: [...held, ...missing] });
    // Two cells may add to one stream at once, and the later update wins: look again. One that was begun before
    // this look and lands behind it is not seen: the trail ensures its subject when no stream takes an entry, and
    // that of a market each cell that follows it.
    const now = await heldSubjects(manager, plan.name);
    const lost = missing.filter((subject) => now?.includes(subject) !== true);
    return lost.length === 0 ? null : { code: 0, reason: `${lost.join(", ")} not added yet` };
  } catch (error) {
    const code = error instanceof JetStreamApiError ? error.apiError().err_code : 0;
    // Another cell was faster: look at what it made.
    const reason = error instanceof Error ? error.message : String(error);
    return { code, reason: code === STREAM_NAME_IN_USE ? "being made by another cell" : reason };
  }
}

async function heldSubjects(
  manager: JetStreamManager,
  name: string,
): Promise<readonly string[] | null> {
  try {
    return (await manager.streams.info(name)).config.subjects;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.apiError().err_code === STREAM_NOT_FOUND) {
      return null;
    }
    throw error;
  }
}
