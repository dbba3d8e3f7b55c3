import type { Clock } from "../actors/kernel/ports/clock.ts";
import type {
  LatencyAlert,
  LatencySummary,
  MarketEngine,
  MatchingEngine,
  OpenMarket,
} from "../actors/kernel/ports/matching-engine.ts";
import { ok, refuse } from "../actors/kernel/result.ts";
import type { Result } from "../actors/kernel/result.ts";
import type {
  Addon,
  ClientCounters,
  ClientGrant,
  Histogram,
  MachineProbe,
  ReactorHealth,
} from "./addon.ts";
import { loadAddon, regions } from "./addon.ts";
import { histogramOf } from "./histograms.ts";
import type { Host, RingSizes } from "./market-engine.ts";
import { NativeMarket } from "./market-engine.ts";
import { AlertWatch } from "./alert-watch.ts";

export type {
  ClientCounters,
  ClientGrant,
  Histogram,
  HistogramName,
  MachineProbe,
  MarketAlert,
  MarketHistograms,
  MarketLatency,
  ReactorHealth,
  Recovery,
  RingStatistics,
} from "./addon.ts";
export type { Depth, DepthLevel, DepthOrder, DepthSide, OrderPage, TopOfBook } from "./depth.ts";
export type {
  CommandStamps,
  FeedOptions,
  FeedReport,
  MarketDuty,
  OrderEntryMember,
  OrderEntryOptions,
  OrderEntryReport,
} from "./market-duties.ts";
export { octaveEndsNs } from "./histograms.ts";
export { NativeMarket } from "./market-engine.ts";

/** The native matching engine: a match thread and a journal thread beside Node's own. */

export interface NativeEngineOptions extends Partial<RingSizes> {
  /**
   * Core for the match thread; null leaves it to the kernel (cells share hosts); "auto" plans from the
   * machine, and again when it changes. Default null.
   */
  readonly processor?: number | null | "auto";
  /**
   * With "auto": the folder in which processes of this host lock the cores of their match threads, the same
   * for all of them; who finds none free runs on one thread until one is. Absent: nobody else is asked.
   */
  readonly coreLocks?: string;
  /** How long the match thread looks for work before it sleeps, in nanoseconds. Default 50,000. */
  readonly spinNs?: number;
  /**
   * The clock of leases (MarketEngine.gate). With one, markets take nothing of clients before a lease is
   * told; without, times are those of CLOCK_MONOTONIC and a market that is opened is under no lease.
   */
  readonly clock?: Clock;
  /** Accepted records between two snapshots of a market. Default 1,048,576. */
  readonly snapshotInterval?: number;
  /** Records of a market's log that are kept at least, whatever could go. Default 16,777,216: 1.6 GB. */
  readonly recordsKept?: number;
  /** Records in a segment of a log; fewer are for tests. Default 174,762. */
  readonly segmentRecords?: number;
}

const SNAPSHOT_INTERVAL = 2 ** 20;
const RECORDS_KEPT = 2 ** 24;
const SEGMENT_RECORDS = 174_762;

/** The engine this process runs: its threads exist once. */
let running: NativeEngine | null = null;

/**
 * Loads the addon and starts its threads. Refuses with `addon_missing`, `layout_differs`,
 * `options_invalid` or `engine_running`.
 */
export function loadNativeEngine(options: NativeEngineOptions = {}): Result<NativeEngine> {
  if (running !== null) {
    return refuse(
      "engine_running",
      "this process runs a native engine already",
      "use that one, or stop it first",
    );
  }
  const rings: RingSizes = {
    commandSlots: options.commandSlots ?? 16_384,
    eventSlots: options.eventSlots ?? 65_536,
    recordSlots: options.recordSlots ?? 32_768,
  };
  for (const [name, slots] of Object.entries(rings) as [string, number][]) {
    if (!Number.isInteger(Math.log2(slots)) || slots < 16 || slots > 2 ** 24) {
      return refuse(
        "options_invalid",
        `${name} is ${slots}`,
        "give a power of two from 16 to 16,777,216",
      );
    }
  }
  const counts = {
    snapshotInterval: { given: options.snapshotInterval ?? SNAPSHOT_INTERVAL, least: 1 },
    recordsKept: { given: options.recordsKept ?? RECORDS_KEPT, least: 0 },
    segmentRecords: { given: options.segmentRecords ?? SEGMENT_RECORDS, least: 16 },
  };
  for (const [name, { given, least }] of Object.entries(counts)) {
    if (Number.isSafeInteger(given) && given >= least) continue;
    return refuse("options_invalid", `${name} is ${given}`, `give a whole number from ${least}`);
  }
  const loaded = loadAddon();
  if (!loaded.ok) return loaded;
  running = new NativeEngine(loaded.value, rings, options, () => {
    running = null;
  });
  return ok(running);
}

export class NativeEngine implements MatchingEngine {
  readonly implementation = "native";
  readonly #addon: Addon;
  readonly #rings: RingSizes;
  readonly #reactor: Int32Array;
  readonly #log: Pick<Host, "snapshotInterval" | "recordsKept" | "segmentRecords">;
  readonly #clockOriginNs: number;
  readonly #isLeased: boolean;
  readonly #stopped: () => void;
  readonly #markets = new Map<string, Promise<NativeMarket>>();
  readonly #open = new Map<string, NativeMarket>();
  readonly #alerts = new AlertWatch();
  #stopping: Promise<void> | null = null;
  #servesClients = false;

  /** Use loadNativeEngine. */
  constructor(addon: Addon, rings: RingSizes, options: NativeEngineOptions, stopped: () => void) {
    this.#addon = addon;
    this.#rings = rings;
    this.#log = {
      snapshotInterval: options.snapshotInterval ?? SNAPSHOT_INTERVAL,
      recordsKept: options.recordsKept ?? RECORDS_KEPT,
      segmentRecords: options.segmentRecords ?? SEGMENT_RECORDS,
    };
    this.#isLeased = options.clock !== undefined;
    // In this order, so that a lease never seems to hold for longer than it does.
    const monotonicNs = Number(process.hrtime.bigint());
    this.#clockOriginNs = options.clock === undefined ? 0 : monotonicNs - options.clock.monotonic();
    this.#stopped = stopped;
    const { parked } = regions.reactor;
    const memory = addon.start(
      options.processor ?? null,
      options.spinNs ?? 50_000,
      () => this.#alerts.look(),
      options.coreLocks ?? "",
    );
    this.#reactor = new Int32Array(memory, parked, 1);
  }

  async open(request: OpenMarket): Promise<MarketEngine> {
    if (this.#stopping !== null) throw new Error("the native engine is stopped");
    const already = this.#markets.get(request.market);
    if (already !== undefined) {
      const market = await already;
      if (market.closing === null) {
        await market.attach(request.directory);
        return market;
      }
      await market.closing;
      return this.open(request);
    }
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(request.market)) {
      throw new Error(
        `"${request.market}" is no market name: use 1 to 32 of letters, digits, _ and -`,
      );
    }
    const closed = (): void => {
      this.#markets.delete(request.market);
      this.#open.delete(request.market);
      this.#alerts.forget(request.market);
    };
    const host = {
      addon: this.#addon,
      reactor: this.#reactor,
      rings: this.#rings,
      clockOriginNs: this.#clockOriginNs,
      isLeased: this.#isLeased,
      ...this.#log,
    };
    const opening = NativeMarket.open(host, request, closed);
    this.#markets.set(request.market, opening);
    try {
      const market = await opening;
      this.#open.set(request.market, market);
      this.#alerts.follow(market);
      if (this.#servesClients && !this.#isLeased) market.admitClients();
      return market;
    } catch (cause) {
      closed();
      throw cause;
    }
  }

  /**
   * Opens a unix socket where processes of this machine connect to the open markets over shared memory
   * (native/client). Whom it serves, grants decide. Markets that need a lease admit clients when they are told to
   * (NativeMarket.admitClients), others as they are opened. Throws an Error that says what to do.
   */
  async serveClients(path: string): Promise<void> {
    this.#addon.serveClients(path);
    this.#servesClients = true;
    if (this.#isLeased) return;
    for (const market of await Promise.all(this.#markets.values())) market.admitClients();
  }

  grantClient(grant: ClientGrant): void {
    if (grant.token.length !== 32) throw new RangeError("a token has 32 bytes");
    this.#addon.grantClient(grant);
  }

  /** Clients that are connected stay. */
  revokeClient(token: Uint8Array): void {
    this.#addon.revokeClient(token);
  }

  clientCounters(): ClientCounters {
    return this.#addon.clientCounters();
  }

  /** The market of this name, null when none is open. */
  market(name: string): NativeMarket | null {
    return this.#open.get(name) ?? null;
  }

  onLatencyAlert(listener: (alert: LatencyAlert) => void): void {
    this.#alerts.listener = listener;
  }

  /** Closes every market, then ends the threads. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      for (const opened of await Promise.allSettled(this.#markets.values())) {
        if (opened.status === "fulfilled") await opened.value.close();
      }
      await this.#addon.stop();
      this.#stopped();
    })();
    return this.#stopping;
  }

  /** What the machine offers: io_uring and processor features. Some milliseconds. */
  probe(): MachineProbe {
    return this.#addon.probe();
  }

  /** Gaps above 1 µs between two turns of the idle match thread: what the machine takes away. */
  hiccups(): LatencySummary {
    return this.#addon.hiccups();
  }

  hiccupHistogram(): Histogram {
    return histogramOf(this.#addon.hiccupOctaves());
  }

  /** Where its threads run, and whether they go on. */
  health(): ReactorHealth {
    return this.#addon.health();
  }

  /** Times the match thread went to sleep. */
  parkings(): number {
    return this.#addon.parkings();
  }
}
