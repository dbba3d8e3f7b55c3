import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

import type {
  LatencyCause,
  LatencySummary,
  Recovered,
} from "../actors/kernel/ports/matching-engine.ts";
import { ok, refuse } from "../actors/kernel/result.ts";
import type { Result } from "../actors/kernel/result.ts";
import type { FeedOptions, OrderEntryOptions } from "./market-duties.ts";
import { sealLayout } from "./seal-entry.ts";
import { layout } from "./slots.ts";

/** The addon's functions as they are (native/addon/addon.cpp): no checks behind them. */
export interface Addon {
  layout(): unknown;
  probe(): MachineProbe;
  /**
   * Starts the threads; once until `stop`. Gives the memory shared by all markets. `alerted` is called
   * after an alert of some market has begun or ended.
   */
  start(
    processor: number | null | "auto",
    spinNs: number,
    alerted: () => void,
    coreLocks: string,
  ): ArrayBuffer;
  /** Ends the threads; every market is closed before. */
  stop(): Promise<void>;
  /** Resolves when the match thread has begun another turn. */
  turn(): Promise<void>;
  /** Wakes the match thread; only needed when its `parked` word is not 0. */
  wake(): void;
  hiccups(): LatencySummary;
  parkings(): number;
  open(request: OpenRequest, bell: () => void): Promise<OpenedMarket>;
  close(id: number): Promise<void>;
  adopt(id: number, records: Uint8Array): Promise<void>;
  setEpoch(id: number, epoch: number): void;
  accept(id: number, sequence: number, epoch: number, hash: Uint8Array): void;
  shadow(id: number): ShadowReport;
  /** Reads a log that nobody has open; stops at the last record not behind sequence or time (ns). */
  rollBack(
    directory: string,
    sequence: number | null,
    timestamp: string | null,
    usesSnapshots: boolean,
  ): Promise<RolledBack>;
  /** Last record of the oldest segment, and the older of two snapshots; 0 for none. */
  trimRange(id: number): Promise<{ readonly oldestEnd: number; readonly snapshot: number }>;
  /** Removes the segments below `base`, where the seals begin, if two snapshots can be restored. */
  trim(id: number, base: number): Promise<void>;
  /** Makes a log of its own in `to` with the records up to `last`; gives its id. */
  copyLog(from: string, to: string, last: number): Promise<string>;
  records(id: number, from: number, maximumBytes: number): Uint8Array;
  /** Order id, account, price, remaining of each resting order. Throws while the market works. */
  restingOrders(id: number, side: 0 | 1, limit: number): Float64Array;
  serviceTime(id: number): LatencySummary;
  statistics(id: number): RingStatistics;
  /** Why the log failed or waits for room; empty while it does neither. */
  failure(id: number): string;
  latency(id: number): MarketLatency;
  histograms(id: number): Readonly<Record<HistogramName, Float64Array>> & {
    readonly committedRecords: number;
  };
  hiccupOctaves(): Float64Array;
  alert(id: number): MarketAlert;
  plantDelay(id: number, ns: number): void;
  health(): ReactorHealth;
  /** Opens the socket for shared-memory clients; throws an Error that says what to do. */
  serveClients(path: string): void;
  grantClient(grant: ClientGrant): void;
  revokeClient(token: Uint8Array): void;
  /** Clients may connect to the market under this name. */
  admitClients(id: number, market: string): void;
  /** Ends them all, and lets nobody in any more. */
  dismissClients(id: number): void;
  clientCounters(): ClientCounters;
  /** Opens a duty of the market. It is closed before the market is. */
  openOrderEntry(market: number, options: OrderEntryOptions): Promise<DutyOpened>;
  openFeed(market: number, options: FeedOptions): Promise<DutyOpened>;
  dutyReport(id: number): unknown;
  /** Sequence, received, offered, taken, told of each traced command; ns by CLOCK_MONOTONIC. */
  dutyStamps(id: number): Float64Array;
  closeDuty(id: number): Promise<void>;
  /** Rejects with "CODE: why", the code as in ConnectRefusal of native/client/client_region.hpp. */
  connectClient(request: ClientRequest): Promise<ConnectedClient>;
  wakeForClient(id: number): void;
  /** Resolves when there is an event beyond `head`, the connection has ended, or the time is over. */
  waitForClient(id: number, head: number, timeoutMs: number): Promise<void>;
  isPeerGone(id: number): boolean;
  closeClient(id: number): void;
}

export interface DutyOpened {
  readonly id: number;
  readonly port: number;
  /** 0 for order entry. */
  readonly requestsPort: number;
  readonly backend: string;
}

/** Of every command; of one in 64 by stage; of every group of records that the journal made durable. */
export type HistogramName = "service" | "sequence" | "match" | "handOn" | "commit";

/** Counts of durations by octave. */
export interface Histogram {
  /** Counts; `octaveEndsNs` has the largest value of each. */
  readonly counts: readonly number[];
  /** At most 1/32 above the true sum. */
  readonly sumNs: number;
}

export interface MarketHistograms {
  readonly histograms: Readonly<Record<HistogramName, Histogram>>;
  /** Records made durable since the market was opened. */
  readonly committedRecords: number;
}

/** Where a market's time goes; nanoseconds, of one command in 64. */
export interface MarketLatency {
  readonly stages: {
    /** From the ring to its stamp and record. */
    readonly sequence: LatencySummary;
    /** Checks, matching, events. */
    readonly match: LatencySummary;
    /** Its record passed to the journal. */
    readonly handOn: LatencySummary;
  };
  /** By kind number; unknown kinds in the first. */
  readonly commands: readonly number[];
  readonly alert: MarketAlert;
}

/** Whether a market's median is above what is usual for it, and what speaks for which cause. */
export interface MarketAlert {
  readonly isSlow: boolean;
  /** Alerts since the market was opened. */
  readonly raised: number;
  readonly p50: number;
  readonly usual: number;
  readonly cause: LatencyCause;
}

/** What the reactor's threads got and did (native/reactor/README.md). */
export interface ReactorHealth {
  readonly placement: {
    readonly isSplit: boolean;
    readonly match: number | null;
    readonly journal: number | null;
    readonly memoryNode: number | null;
    readonly why: string;
    readonly isPinned: boolean;
    readonly isFifo: boolean;
    readonly changes: number;
  };
  /** Times a thread made no turn, by cause. */
  readonly stuck: { readonly busy: number; readonly starved: number };
  readonly forcedRests: number;
  /** The processor's counter beside the kernel's clock, once a second. */
  readonly clock: {
    readonly checks: number;
    readonly worstErrorNs: number;
    readonly restarts: number;
  };
}

/** Who may connect as what (native/client/README.md). */
export interface ClientGrant {
  /** 32 bytes, not to be guessed. */
  readonly token: Uint8Array;
  /** User id of the client's process. */
  readonly user: number;
  readonly account: number;
  /** Sum of 1 (stream) and 2 (administer). */
  readonly permissions: number;
}

export interface ClientCounters {
  readonly accepted: number;
  /** Times a client woke a reactor that slept. */
  readonly wakes: number;
  /** By number of the refusal, and of the reason. */
  readonly refused: readonly number[];
  readonly ended: readonly number[];
}

export interface ClientRequest {
  readonly socket: string;
  readonly market: string;
  readonly token: Uint8Array;
  readonly account: number;
  readonly session: number;
  readonly permissions: number;
  readonly cancelScope: number;
  readonly commandSlots: number;
  readonly eventSlots: number;
}

export interface ConnectedClient {
  readonly id: number;
  readonly region: ArrayBuffer;
  /** Read-only: a store ends the process. */
  readonly reactor: ArrayBuffer;
  readonly parkedOffset: number;
  readonly session: number;
  readonly commandSlots: number;
  readonly eventSlots: number;
}

export interface OpenRequest {
  readonly directory: string;
  readonly epoch: number;
  readonly commandSlots: number;
  readonly eventSlots: number;
  readonly recordSlots: number;
  /** Accepted records between two snapshots. */
  readonly snapshotInterval: number;
  readonly segmentRecords: number;
}

/** Hash and digest as hexadecimal digits; a failure is empty when there is none. */
export interface ShadowReport {
  readonly sequence: number;
  readonly epoch: number;
  readonly hash: string;
  readonly digest: string;
  readonly snapshot: number;
  readonly failure: string;
}

/** The snapshot that a replay began with. */
export interface SnapshotPoint {
  readonly sequence: number;
  readonly epoch: number;
  readonly hash: string;
  readonly digest: string;
}

/** A market as it was at a record. */
export interface RolledBack {
  /** Of the record; 0 before the first. */
  readonly sequence: number;
  readonly epoch: number;
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly timestamp: string;
  readonly digest: string;
  readonly openOrders: number;
  readonly snapshot: SnapshotPoint | null;
  /** Snapshots that could not be used, and why. */
  readonly faults: readonly string[];
  /** Of the log: its last record, and a torn tail behind it. */
  readonly last: number;
  readonly cutBytes: number;
  readonly cutFile: string;
  readonly replayed: number;
  readonly elapsedNs: number;
}

export interface OpenedMarket {
  readonly id: number;
  readonly region: ArrayBuffer;
  /** A DepthRegion, which JavaScript only reads, and the DepthRequests of this process. */
  readonly depth: ArrayBuffer;
  readonly depthRequests: ArrayBuffer;
  readonly logId: string;
  readonly epoch: number;
  readonly recovery: Recovery;
}

/** What was found in a market's log when it was opened. */
export interface Recovery extends Recovered {
  readonly snapshot: SnapshotPoint | null;
}

interface RingUse {
  readonly capacity: number;
  readonly used: number;
  /** Slots that went through, modulo 2^32. */
  readonly passed: number;
}
export interface RingStatistics {
  readonly commands: RingUse;
  readonly events: RingUse;
  /** Times the engine had to wait for room for events. */
  readonly eventRingStalls: number;
  readonly memory: MarketMemory;
}

/** Memory behind a market's pools: native/memory/README.md. */
export interface MarketMemory {
  readonly backedBytes: number;
  readonly lockedBytes: number;
  /** Slabs handed over since the market was opened, and those of them that matching waited for. */
  readonly slabs: number;
  readonly lateSlabs: number;
  /** Why not all of it is locked; empty when it is. */
  readonly lockError: string;
}

/** What the machine offers. */
export interface MachineProbe {
  readonly uring: {
    readonly available: boolean;
    /** Why io_uring cannot be used, and what would change it; empty when it can. */
    readonly reason: string;
    readonly featureBits: number;
    readonly features: readonly string[];
    readonly setupFlags: readonly string[];
    /** Operation codes the kernel knows. */
    readonly operations: readonly number[];
  };
  readonly processor: {
    readonly features: readonly string[];
    /** The time stamp counter runs at one rate on all cores. */
    readonly steadyCounter: boolean;
    /** Processors this process may use. */
    readonly usable: number;
  };
}

/**
 * Byte offsets in the memory of a market and of the reactor (native/reactor/market_region.hpp,
 * native/engine/depth_region.hpp). Of depth: the words of a buffer count from its start, those of a
 * page from the start of the page.
 */
export const regions = {
  market: {
    commands_tail: 0,
    commands_head: 128,
    events_tail: 256,
    events_head: 384,
    matched: 512,
    event_ring_stalls: 520,
    resting_orders: 528,
    digest: 536,
    durable: 640,
    failed: 648,
    waiting_for_room: 652,
    events_armed: 768,
    durable_armed: 772,
    committed: 896,
    lease_until_ns: 904,
    slots: 16384,
  },
  client: {
    commands_tail: 128,
    commands_head: 256,
    events_tail: 384,
    events_head: 512,
    ended: 640,
    slots: 4096,
  },
  reactor: { parked: 0 },
  depth: {
    top_version: 128,
    top_sequence: 136,
    top_prices: 144,
    top_bid_lots: 152,
    top_ask_lots: 160,
    applied: 256,
    latest: 384,
    buffers: 512,
    buffer_count: 4,
    buffer_bytes: 5248,
    buffer_sequence: 8,
    level_counts: 16,
    order_counts: 24,
    more: 32,
    levels: 48,
    side_levels_bytes: 512,
    orders: 1072,
    side_orders_bytes: 2048,
    pages: 21504,
    page_request: 8,
    page_sequence: 16,
    page_count: 24,
    page_next: 32,
    page_is_cut: 40,
    page_orders: 48,
  },
  depth_requests: { raised: 0, page: 8 },
} as const;

/** Where the build puts the addon; $MERIDIAN_ADDON names another file. */
export function addonPath(): string {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const built = join(root, "build", "native", "release", "addon", "meridian.node");
  return process.env["MERIDIAN_ADDON"] ?? built;
}

/** Loads the addon and compares its memory layouts with the ones compiled into this side. */
export function loadAddon(path = addonPath()): Result<Addon> {
  const build = "node ops/bootstrap.mjs builds it; without it the portable engine runs";
  if (!existsSync(path)) return refuse("addon_missing", `there is no addon at ${path}`, build);
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return refuse("addon_missing", `the addon at ${path} cannot be loaded: ${reason}`, build);
  }
  const difference = layoutDifference(addon.layout(), { ...layout, ...regions, seal: sealLayout });
  if (difference !== null) {
    return refuse(
      "layout_differs",
      `the addon at ${path} was built from other sources: ${difference}`,
      "build it again (node ops/bootstrap.mjs)",
    );
  }
  return ok(addon);
}

/** The first field that lies elsewhere in the addon, in words; null when both sides agree. */
export function layoutDifference(theirs: unknown, ours: object): string | null {
  const table = new Map(Object.entries(theirs ?? {}));
  for (const [name, offsets] of Object.entries(ours)) {
    const fields = new Map(Object.entries(table.get(name) ?? {}));
    for (const [field, offset] of Object.entries(offsets as object)) {
      if (fields.get(field) !== offset) {
        return `${name}.${field} is at ${String(fields.get(field))}, not at ${String(offset)}`;
      }
    }
  }
  return isDeepStrictEqual(theirs, ours) ? null : "it has fields that this release does not know";
}
