import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MemoryBroker, MemoryBus } from "../../actors/bus/memory.ts";
import type { Bus } from "../../actors/kernel/ports/bus.ts";
import type { DurabilityMode, MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import { ok } from "../../actors/kernel/result.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { SystemFiles } from "../../actors/kernel/system-files.ts";
import { type DurationNs, durationNs } from "../../actors/kernel/units.ts";
import type { MarketDefinition, RegionReport } from "../../actors/region/messages.ts";
import {
  type Cell,
  type CellPorts,
  defaultHosting,
  type HostingSettings,
  startCell,
} from "../../actors/root/cell.ts";
import { type CellDirectory, openCellDirectory } from "../../actors/root/cell-directory.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { wire } from "../../schemas/messages.ts";
import {
  actorShards,
  commandSubject,
  controlSubject,
  type ControlVerb,
  operationsSubject,
} from "../../schemas/subjects.ts";
import { silentLog } from "./ports.ts";
import { until } from "./until.ts";

/** A whole cell in this process: real actors, real engine and log, the bus in memory. */
export interface MemoryCell {
  readonly cell: Cell;
  readonly name: string;
  readonly bus: MemoryBus;
  /** A client's own connection. */
  readonly client: MemoryBus;
  readonly broker: MemoryBroker;
  report(): Promise<RegionReport>;
  /** Waits until the cell is ready. */
  ready(): Promise<RegionReport>;
  /** Waits until it owns every shard of its region's actors, as a cell does that is alone. */
  hostsActors(): Promise<void>;
  submit(
    market: string,
    request: wire.market.v1.ISubmitRequest,
  ): Promise<wire.market.v1.SubmitReply>;
  /** Any bytes to any subject; null when nobody answers. */
  raw(subject: string, payload: Uint8Array): Promise<Uint8Array | null>;
  operation(
    verb: Parameters<typeof operationsSubject>[1],
    payload: Uint8Array,
  ): Promise<Uint8Array>;
  /** A request to a control service, as JSON. */
  control(verb: ControlVerb, request: object): Promise<ControlJson>;
  stop(): Promise<void>;
}

/** Answers of the control services as JSON. */
export interface ControlJson {
  readonly refusal?: { readonly code: string; readonly reason: string; readonly next: string };
  readonly actor?: ActorJson;
  readonly actors?: readonly ActorJson[];
  readonly repeated?: boolean;
  readonly subject?: string;
  readonly types?: readonly { readonly type: string; readonly schema: string }[];
}
export interface ActorJson {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly detail: string;
  readonly cell: string;
  readonly shard: number;
  readonly incarnation: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly strategy?: {
    readonly inventory: number;
    readonly cash: string;
    readonly profit: string;
    readonly sent: number;
    readonly fills: number;
    readonly doubtful: number;
    readonly limit: string;
    readonly held: number;
    readonly limited: number;
    readonly bid?: { readonly price: number; readonly quantity: number } | null;
    readonly ask?: { readonly price: number; readonly quantity: number } | null;
  };
  readonly execution?: {
    readonly executed: number;
    readonly scheduled: number;
    readonly paid: string;
  };
}

export const cellRegion = "eu-central";

export const cellMarket: MarketDefinition = {
  market: "TEST",
  home: cellRegion,
  group: "atlas",
  shard: 0,
  currency: "EUR",
  priceDecimals: 2,
  tick: 5,
  lot: 10,
  bandLow: 5,
  bandHigh: 1_000_000,
  maximumQuantity: 1_000_000,
  orderCapacity: 100_000,
  mode: "replicated",
  calendar: "always",
  makerFeeBpsE2: 0,
  takerFeeBpsE2: 0,
};

export interface MemoryCellOptions {
  readonly broker?: MemoryBroker;
  /** The cell's folder; made, and removed at the stop, when absent. */
  readonly directory?: string;
  readonly markets?: readonly MarketDefinition[];
  /** Absent: the streams of a market are always there. */
  readonly ensureJournal?: CellPorts["ensureJournal"];
  /** Absent: a portable one. It is stopped with the cell. */
  readonly engine?: MatchingEngine;
  /** What the servers allow; absent: everything. */
  readonly strongestMode?: DurabilityMode;
  /** Arrivals per second and market; absent: the flow is off. */
  readonly rate?: number;
  /** Absent: that of the market. */
  readonly region?: string;
  /** Name of the cell; absent: `test`. */
  readonly name?: string;
  /** False: hosts actors only. Absent: true. */
  readonly servesMarkets?: boolean;
  readonly hosting?: Partial<HostingSettings>;
  /** Runs users' strategies; absent: none. */
  readonly processes?: CellPorts["processes"];
  /** Absent: the log has one level. */
  readonly logs?: NonNullable<CellPorts["logs"]>;
  /** What stands between the cell and its connection; absent: nothing. */
  readonly wrapBus?: (bus: Bus) => Bus;
  /** How long the client waits for an answer; absent: five seconds. */
  readonly answersWithin?: DurationNs;
}

const answersWithin = durationNs(5_000_000_000);
/** For a busy machine: a cell that starts at all is ready within it. */
const startLimitMs = 60_000;

export async function startMemoryCell(options: MemoryCellOptions = {}): Promise<MemoryCell> {
  const clock = systemClock();
  const broker = options.broker ?? new MemoryBroker();
  const bus = new MemoryBus(broker, clock);
  const client = new MemoryBus(broker, clock, "tester");
  const folder = options.directory ?? mkdtempSync(join(tmpdir(), "meridian-memory-cell-"));
  const opened = openCellDirectory(folder);
  if (!opened.ok) throw new Error(opened.failure.reason);
  const directory: CellDirectory = opened.value;
  const engine = options.engine ?? new PortableEngine({ clock });
  const started = await startCell(
    {
      region: options.region ?? cellRegion,
      cell: options.name ?? "test",
      servesMarkets: options.servesMarkets ?? true,
      hosting: { ...defaultHosting, ...options.hosting },
      reference: {
        groups: { [cellRegion]: ["atlas"] },
        markets: options.markets ?? [cellMarket],
      },
      strongestMode: options.strongestMode ?? "replicated",
      flow: { enabled: options.rate !== undefined, seed: 7, rate: options.rate ?? 1 },
    },
    {
      bus: options.wrapBus?.(bus) ?? bus,
      engine,
      slots: engineSlots(),
      clock,
      files: new SystemFiles(),
      log: silentLog,
      randomBytes: (count) => new Uint8Array(randomBytes(count)),
      directory,
      ...(options.processes === undefined ? {} : { processes: options.processes }),
      ensureJournal: options.ensureJournal ?? (() => Promise.resolve(ok(undefined))),
      ...(options.logs === undefined ? {} : { logs: options.logs }),
      facts: () => ({
        engine: "portable",
        natsServer: "memory",
        http: "",
        startedUnixMs: Date.now(),
        build: "test",
      }),
    },
  );
  if (!started.ok) throw new Error(started.failure.reason);
  const cell = started.value;

  async function report(): Promise<RegionReport> {
    const found = await cell.report();
    if (!found.ok) throw new Error(found.failure.reason);
    return found.value;
  }
  async function raw(subject: string, payload: Uint8Array): Promise<Uint8Array | null> {
    const reply = await client.request(subject, payload, options.answersWithin ?? answersWithin);
    return reply.ok ? reply.value : null;
  }
  async function answered(subject: string, payload: Uint8Array): Promise<Uint8Array> {
    const reply = await raw(subject, payload);
    if (reply === null) throw new Error(`no answer on ${subject}`);
    return reply;
  }
  return {
    cell,
    name: options.name ?? "test",
    bus,
    client,
    broker,
    report,
    raw,
    async ready() {
      let reason = "";
      for (const end = performance.now() + startLimitMs; performance.now() < end; ) {
        const found = await cell.report();
        if (found.ok && found.value.ready) return found.value;
        reason = found.ok ? found.value.notReadyReason : found.failure.reason;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      throw new Error(`the cell is not ready: ${reason}`);
    },
    async hostsActors() {
      await until("the cell owns the shards of its region's actors", async () => {
        const { hosting } = cell.measured(await report());
        return hosting?.hosted?.shards.length === actorShards;
      });
    },
    async submit(market, request) {
      const payload = wire.market.v1.SubmitRequest.encode(request).finish();
      const reply = await answered(commandSubject(cellRegion, market, "submit"), payload);
      return wire.market.v1.SubmitReply.decode(reply);
    },
    async control(verb, request) {
      const payload = new TextEncoder().encode(JSON.stringify(request));
      const reply = await answered(controlSubject(cellRegion, verb), payload);
      return JSON.parse(new TextDecoder().decode(reply)) as ControlJson;
    },
    operation: (verb, payload) => answered(operationsSubject(cellRegion, verb), payload),
    async stop() {
      await cell.drain();
      await cell.system.stop();
      await engine.stop();
      await bus.close();
      directory.release();
      if (options.directory === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
