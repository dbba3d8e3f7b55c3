import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { MemoryBroker, MemoryBus } from "../../actors/bus/memory.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import type { ActorDefinition, ActorRef, ActorSystem } from "../../actors/kernel/actor.ts";
import { supervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import type { Bus } from "../../actors/kernel/ports/bus.ts";
import type { Clock } from "../../actors/kernel/ports/clock.ts";
import type { JournalReplicas } from "../../actors/kernel/ports/journal-replicas.ts";
import type { EngineSlots, MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import type { Candidacy, Candidate, Ownership } from "../../actors/kernel/ports/ownership.ts";
import { ok, type Result } from "../../actors/kernel/result.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { SystemFiles } from "../../actors/kernel/system-files.ts";
import {
  durationNs,
  epoch as epochOf,
  type DurationNs,
  type Epoch,
} from "../../actors/kernel/units.ts";
import { marketActor, type MarketPorts } from "../../actors/market/actor.ts";
import type { MarketMachine } from "../../actors/market/machine.ts";
import type {
  MarketDefinition,
  MarketMessage,
  MarketReply,
  MarketStart,
  MarketStatus,
} from "../../actors/market/messages.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { decodeCommand } from "../../native/command-slots.ts";
import { encodeEvent, EventReader } from "../../native/event-slots.ts";
import { wire } from "../../schemas/messages.ts";
import { silentLog } from "./ports.ts";

/** One cell with one market, for tests: real actor system, real engine and log, a chosen bus. */

export const testDefinition: MarketDefinition = {
  market: "TEST",
  home: "eu-central",
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

/** Claims always succeed, each with a higher epoch; the lease holds until the test says otherwise. */
export class TestOwnership implements Ownership {
  readonly holder: string;
  refusal: Result<Epoch> | null = null;
  /** Epochs of shards of actors, as recorded. */
  readonly shards = new Map<string, Epoch>();
  #recorded = 0;
  #looks = Number.POSITIVE_INFINITY;

  constructor(holder = "eu-central/test#1") {
    this.holder = holder;
  }

  async claim(_shard: string, floor: Epoch): Promise<Result<Epoch>> {
    if (this.refusal !== null) return this.refusal;
    this.#recorded = Math.max(this.#recorded, floor) + 1;
    return ok(epochOf(this.#recorded));
  }

  /** What is said to a market that asks; it may claim until the test says otherwise. */
  mayClaim: Candidacy = { may: "claim", lossAccepted: false };
  /** Regions that shards were handed to. */
  readonly handedTo: string[] = [];

  async candidacy(_candidate: Candidate): Promise<Candidacy> {
    return this.mayClaim;
  }

  readonly #successions = new Set<() => void>();

  watchSuccession(_shard: string, listener: () => void): () => void {
    this.#successions.add(listener);
    return () => this.#successions.delete(listener);
  }

  /** The market's turn has come, or is over, and who waits for it is told. */
  succeed(candidacy: Candidacy): void {
    this.mayClaim = candidacy;
    for (const listener of this.#successions) listener();
  }

  async handOver(_shard: string, region: string): Promise<Result<void>> {
    this.handedTo.push(region);
    return ok(undefined);
  }

  async recordedEpoch(shard: string): Promise<Result<Epoch | null>> {
    return ok(this.shards.get(shard) ?? null);
  }

  /** As if no other cell had ever had the shard, until the test says otherwise. */
  since: Epoch | null = epochOf(1);

  async heldSince(_shard: string): Promise<Result<Epoch | null>> {
    return ok(this.since);
  }

  readonly #listeners = new Set<(validUntil: DurationNs) => void>();

  watch(listener: (validUntil: DurationNs) => void): () => void {
    this.#listeners.add(listener);
    listener(durationNs(this.#looks >= 0 ? Number.MAX_SAFE_INTEGER : 0));
    return () => this.#listeners.delete(listener);
  }

  /** The lease is lost, or there again, from now on. */
  hold(holds: boolean): void {
    this.#looks = holds ? Number.POSITIVE_INFINITY : 0;
    for (const listener of this.#listeners) {
      listener(durationNs(holds ? Number.MAX_SAFE_INTEGER : 0));
    }
  }

  /** The lease is found valid this many times more. */
  lapseAfter(looks: number): void {
    this.#looks = looks;
  }

  validUntil(): DurationNs {
    this.#looks -= 1;
    return durationNs(this.#looks >= 0 ? Number.MAX_SAFE_INTEGER : 0);
  }
}

const reader = new EventReader();
export const engineSlots: EngineSlots = {
  encode: encodeEvent,
  read: (view, offset) => reader.read(view, offset),
  command(view, offset) {
    const command = decodeCommand(view, offset);
    return command.kind === "unreadable" ? null : command;
  },
};

export interface CellOptions {
  readonly definition?: Partial<MarketDefinition>;
  readonly broker?: MemoryBroker;
  readonly bus?: Bus;
  readonly ownership?: TestOwnership;
  readonly directory?: string;
  readonly engine?: MatchingEngine;
  readonly replicas?: JournalReplicas;
  readonly ensureJournal?: (definition: MarketDefinition) => Promise<Result<void>>;
  /** Records of own blocks that can be sent again; few, and the log is trimmed soon. */
  readonly recordsRemembered?: number;
  /** Absent: the machine's. */
  readonly clock?: Clock;
  /** What is told to the doors beside the actor. */
  readonly doors?: Required<Pick<MarketPorts, "onServing" | "onLeaving">>;
}

/** Durations are a thousandth of the machine's, so that how busy it is decides nothing; timers are its own. */
export function slowClock(): Clock {
  const clock = systemClock();
  return { ...clock, monotonic: () => Math.floor(clock.monotonic() / 1_000) as DurationNs };
}

/** For a busy machine: what is answered at all is answered within it. */
const answersWithin = durationNs(60e9);

export class MarketCell {
  readonly broker: MemoryBroker;
  readonly bus: Bus;
  readonly memory: MemoryBus | null;
  readonly ownership: TestOwnership;
  readonly directory: string;
  readonly engine: MatchingEngine;
  readonly definition: MarketDefinition;
  readonly system: ActorSystem;
  readonly market: ActorRef<MarketMessage, MarketReply>;
  readonly #ownsDirectory: boolean;

  private constructor(options: CellOptions) {
    const clock = options.clock ?? systemClock();
    this.broker = options.broker ?? new MemoryBroker();
    this.memory = options.bus === undefined ? new MemoryBus(this.broker, clock) : null;
    this.bus = options.bus ?? this.memory ?? new MemoryBus(this.broker, clock);
    this.ownership = options.ownership ?? new TestOwnership();
    this.#ownsDirectory = options.directory === undefined;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), "meridian-market-"));
    this.engine = options.engine ?? new PortableEngine({ clock });
    this.definition = { ...testDefinition, ...options.definition };
    const actor = marketActor({
      bus: this.bus,
      engine: this.engine,
      slots: engineSlots,
      ownership: this.ownership,
      files: new SystemFiles(),
      ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
      ...(options.ensureJournal === undefined ? {} : { ensureJournal: options.ensureJournal }),
      ...(options.recordsRemembered === undefined
        ? {}
        : { recordsRemembered: options.recordsRemembered }),
      ...options.doors,
    });
    this.system = actorSystem({
      definitions: [actor],
      clock,
      randomness: seededRandomness(1),
      log: silentLog,
      deadLetters: deadLetterStore(clock),
    });
    this.market = marketRef(this.system, actor, this.definition.market);
  }

  /** Starts the cell; resolves at once, the market may still recover. */
  static async start(options: CellOptions = {}): Promise<MarketCell> {
    const cell = new MarketCell(options);
    const start: MarketStart = { definition: cell.definition, directory: cell.directory };
    const spec = {
      id: cell.definition.market,
      type: "market",
      start,
      restart: "permanent" as const,
      shutdown: durationNs(10e9),
    };
    const started = await cell.system.start(
      supervisorSpec("markets", [spec], {
        intensity: { maximumRestarts: 100, within: durationNs(60e9) },
        backoff: {
          initial: durationNs(1e6),
          maximum: durationNs(20e6),
          jitter: 0,
          resetAfter: durationNs(1e9),
        },
      }),
    );
    if (!started.ok) throw new Error(started.failure.reason);
    return cell;
  }

  static async open(options: CellOptions = {}): Promise<MarketCell> {
    const cell = await MarketCell.start(options);
    await cell.until((status) => status.state === "open");
    return cell;
  }

  async status(): Promise<MarketStatus> {
    const reply = await this.market.ask({ type: "status" }, answersWithin);
    if (!reply.ok || reply.value.type !== "status") throw new Error(JSON.stringify(reply));
    return reply.value.status;
  }

  /** Waits until the status is as wanted; a minute at most, then says what it was. */
  async until(wanted: (status: MarketStatus) => boolean): Promise<MarketStatus> {
    let last = "no answer";
    for (let attempt = 0; attempt < 6_000; attempt += 1) {
      const reply = await this.market.ask({ type: "status" }, answersWithin);
      if (reply.ok && reply.value.type === "status") {
        if (wanted(reply.value.status)) return reply.value.status;
        last = JSON.stringify(reply.value.status);
      } else last = JSON.stringify(reply);
      await sleep(10);
    }
    throw new Error(`waited in vain: ${last}`);
  }

  /** Sends a SubmitRequest through the actor; rejects when no reply comes in `seconds`. */
  async submit(
    request: wire.market.v1.ISubmitRequest,
    seconds = 60,
  ): Promise<wire.market.v1.SubmitReply> {
    return this.submitBytes(wire.market.v1.SubmitRequest.encode(request).finish(), seconds);
  }

  async submitBytes(payload: Uint8Array, seconds = 60): Promise<wire.market.v1.SubmitReply> {
    const reply = await this.market.ask({ type: "submit", payload }, durationNs(seconds * 1e9));
    if (!reply.ok) throw new Error(reply.failure.code);
    if (reply.value.type !== "payload") throw new Error(reply.value.type);
    return wire.market.v1.SubmitReply.decode(reply.value.payload);
  }

  async book(levels = 10): Promise<wire.market.v1.BookReply> {
    const payload = wire.market.v1.BookRequest.encode({ levels }).finish();
    const reply = await this.market.ask({ type: "book", payload }, answersWithin);
    if (!reply.ok || reply.value.type !== "payload") throw new Error(JSON.stringify(reply));
    return wire.market.v1.BookReply.decode(reply.value.payload);
  }

  /** Halts or resumes; the failure code, or an empty text. */
  async command(message: MarketMessage): Promise<string> {
    const reply = await this.market.ask(message, answersWithin);
    if (!reply.ok || reply.value.type !== "done") throw new Error(JSON.stringify(reply));
    return reply.value.result.ok ? "" : reply.value.result.failure.code;
  }

  /** Stops the actors and the engine, keeps the folder. */
  async stop(): Promise<void> {
    await this.system.stop();
    await this.engine.stop();
  }

  /** Stops and removes the folder. */
  async end(): Promise<void> {
    await this.stop();
    if (this.#ownsDirectory) rmSync(this.directory, { recursive: true, force: true });
  }
}

function marketRef(
  system: ActorSystem,
  actor: ActorDefinition<MarketStart, MarketMessage, MarketReply, MarketMachine>,
  market: string,
): ActorRef<MarketMessage, MarketReply> {
  const path = `/markets/${market}`;
  const ref = (): Result<ActorRef<MarketMessage, MarketReply>> => system.find(actor, path);
  return {
    path,
    send(message) {
      const found = ref();
      return found.ok ? found.value.send(message) : found;
    },
    signal(message) {
      const found = ref();
      return found.ok ? found.value.signal(message) : found;
    },
    async ask(message, timeout, lane) {
      const found = ref();
      return found.ok ? found.value.ask(message, timeout, lane) : found;
    },
  };
}
