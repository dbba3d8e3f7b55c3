import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Seal } from "../actors/kernel/accepted-chain.ts";

import type {
  EngineCommand,
  EngineEvent,
  LatencySummary,
  MarketEngine,
  OpenMarket,
  ChainPoint,
  Shadow,
  Progress,
  RestingOrder,
  Side,
} from "../actors/kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../actors/kernel/ports/matching-engine.ts";
import type {
  AccountId,
  Epoch,
  OrderId,
  PriceTicks,
  QuantityLots,
  Sequence,
} from "../actors/kernel/units.ts";
import { durationNs, type DurationNs } from "../actors/kernel/units.ts";
import type {
  Addon,
  MarketAlert,
  MarketHistograms,
  MarketLatency,
  OpenedMarket,
  Recovery,
  RingStatistics,
} from "./addon.ts";
import { regions } from "./addon.ts";
import { histogramOf } from "./histograms.ts";
import { MarketDuties } from "./market-duties.ts";
import { SealLog, systemSealStorage } from "./seal-log.ts";
import { readRecordHeader } from "./records.ts";
import { DepthView } from "./depth.ts";
import type { Depth, OrderPage, TopOfBook } from "./depth.ts";
import { encodeCommand } from "./command-slots.ts";
import { EventReader, isForeign } from "./event-slots.ts";
import { SLOT_BYTES } from "./slots.ts";

/** Slots of a market's rings, powers of two. */
export interface RingSizes {
  /** Commands that may wait; `offer` refuses more. */
  readonly commandSlots: number;
  /** Events that may wait; then the engine waits. */
  readonly eventSlots: number;
  /** Records on their way to the disk; then the engine waits. */
  readonly recordSlots: number;
}

/** Values of the match thread's `parked` word (native/rings/parking.hpp). */
const AWAKE = 0;
const BLOCKED = 2;

/** Most levels of a side that a snapshot holds. */
const DEPTH_LEVELS = 32;

/**
 * Tries for an answer to a reader of depth, one a turn of the event loop, then one a millisecond. The
 * engine answers within its interval (100 µs) unless it has no processor, or waits for room for events.
 */
const QUICK_TRIES = 100;
const SLOW_TRIES = 5_000;

/** How often a full disk is tried again for a seal, in milliseconds. */
const ROOM_RETRY = 100;
/** More than this of a drill would be an outage. */
const LONGEST_DRILL_NS = 1_000_000;

/** Events drained before their slots are given back: the engine may be waiting for them. */
const EVENTS_PER_RELEASE = 1024;

/** Places of the market's words, in the units of the array they are read through. */
const at = regions.market;
const COMMANDS_TAIL = at.commands_tail / 4;
const COMMANDS_HEAD = at.commands_head / 4;
const EVENTS_TAIL = at.events_tail / 4;
const EVENTS_HEAD = at.events_head / 4;
const EVENTS_ARMED = at.events_armed / 4;
const DURABLE_ARMED = at.durable_armed / 4;
const FAILED = at.failed / 4;
const WAITING_FOR_ROOM = at.waiting_for_room / 4;
const DIGEST_LOW = at.digest / 4;
const MATCHED = at.matched / 8;
const STALLS = at.event_ring_stalls / 8;
const RESTING = at.resting_orders / 8;
const DURABLE = at.durable / 8;
const COMMITTED = at.committed / 8;
const LEASE_UNTIL = at.lease_until_ns / 8;
const PARKED = regions.reactor.parked / 4;

/** What a market needs of the engine it is open in. */
export interface Host {
  readonly addon: Addon;
  /** Memory of the reactor. */
  readonly reactor: Int32Array;
  readonly rings: RingSizes;
  readonly snapshotInterval: number;
  /** What to add to a time of the engine's clock to have one of CLOCK_MONOTONIC. */
  readonly clockOriginNs: number;
  /** Markets wait for a lease before they take anything of clients. */
  readonly isLeased: boolean;
  readonly recordsKept: number;
  readonly segmentRecords: number;
}

/**
 * A market of the native engine: the JavaScript side of its rings. Positions are free-running 32-bit
 * counts, kept as signed integers. Every store into a ring's position is followed by a look at the
 * word of whoever may sleep; native/rings/parking.hpp says why no wake-up is lost.
 */
export class NativeMarket implements MarketEngine {
  readonly market: string;
  readonly logId: string;
  /** What opening the log found. */
  readonly recovery: Recovery;
  /** Order entry and the feed, hosted beside it. */
  readonly duties: MarketDuties;
  readonly #host: Host;
  readonly #id: number;
  readonly #directory: string;
  readonly #closed: () => void;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #view: DataView;
  readonly #eventsOffset: number;
  readonly #commandMask: number;
  readonly #eventMask: number;
  readonly #depth: DepthView;
  readonly #reader = new EventReader();
  readonly #seals: SealLog;

  /** Commands written, made visible, and known to be taken. */
  #commandTail = 0;
  #commandsVisible = 0;
  #commandHead = 0;
  #eventHead = 0;
  #epoch: number;
  #durableSeen: number;
  #failureSeen = 0;
  #commandRingRefusals = 0;
  #discarding = false;
  #adopting = false;
  #leaseUntil: DurationNs | null = null;
  #closing: Promise<void> | null = null;
  #trimming: Promise<unknown> = Promise.resolve();
  /** The last page of orders asked for: one at a time. */
  #paging: Promise<unknown> = Promise.resolve();
  /** Set when the memory is gone: what was last known. */
  #final: { readonly progress: Progress; readonly serviceTime: LatencySummary } | null = null;
  #onEvents: () => void = () => {};
  #onDurable: () => void = () => {};
  /** Called after each bell, by those who wait for idleness. */
  readonly #watchers = new Set<() => void>();

  private constructor(
    host: Host,
    request: OpenMarket,
    opened: OpenedMarket,
    seals: SealLog,
    closed: () => void,
  ) {
    this.market = request.market;
    this.logId = opened.logId;
    this.recovery = opened.recovery;
    this.#host = host;
    this.#seals = seals;
    this.#id = opened.id;
    this.duties = new MarketDuties(host.addon, opened.id, host.clockOriginNs);
    this.#directory = request.directory;
    this.#closed = closed;
    this.#epoch = opened.epoch;
    this.#words = new Int32Array(opened.region);
    this.#numbers = new Float64Array(opened.region);
    this.#view = new DataView(opened.region);
    this.#depth = new DepthView(opened.depth, opened.depthRequests);
    this.#eventsOffset = at.slots + host.rings.commandSlots * SLOT_BYTES;
    this.#commandMask = host.rings.commandSlots - 1;
    this.#eventMask = host.rings.eventSlots - 1;
    this.#durableSeen = this.#numbers[DURABLE] ?? 0;
    Atomics.store(this.#words, EVENTS_ARMED, 1);
    Atomics.store(this.#words, DURABLE_ARMED, 1);
  }

  /** Recovers a market from its log. Rejects with an Error that says what to do. */
  static async open(host: Host, request: OpenMarket, closed: () => void): Promise<NativeMarket> {
    const { directory, epoch } = request;
    let market: NativeMarket | null = null;
    const ring = (): void => {
      if (market !== null) market.#rang();
    };
    const opened = await host.addon.open(
      {
        directory,
        epoch,
        ...host.rings,
        snapshotInterval: host.snapshotInterval,
        segmentRecords: host.segmentRecords,
      },
      ring,
    );
    let seals: SealLog | null = null;
    try {
      seals = await SealLog.open(directory, systemSealStorage, () => sleep(ROOM_RETRY), ring);
      market = new NativeMarket(host, request, opened, seals, closed);
      if (host.isLeased) market.gate(null, durationNs(0));
      await market.mark();
    } catch (cause) {
      try {
        await seals?.close();
      } finally {
        await host.addon.close(opened.id);
      }
      throw cause;
    }
    return market;
  }

  offer(command: EngineCommand): boolean {
    if (((this.#commandTail - this.#commandHead) | 0) > this.#commandMask) {
      this.#commandHead = this.#final === null ? Atomics.load(this.#words, COMMANDS_HEAD) : 0;
    }
    const full = ((this.#commandTail - this.#commandHead) | 0) > this.#commandMask;
    if (full || this.#closing !== null) {
      this.#commandRingRefusals += 1;
      return false;
    }
    const slot = this.#commandTail & this.#commandMask;
    encodeCommand(this.#view, at.slots + slot * SLOT_BYTES, command);
    this.#commandTail = (this.#commandTail + 1) | 0;
    return true;
  }

  flush(): void {
    // Adopted records come first: they were checked to follow the last command before.
    if (this.#commandsVisible === this.#commandTail || this.#adopting || this.#final !== null) {
      return;
    }
    this.#commandsVisible = this.#commandTail;
    Atomics.store(this.#words, COMMANDS_TAIL, this.#commandTail);
    if (Atomics.load(this.#host.reactor, PARKED) !== AWAKE) this.#host.addon.wake();
  }

  drain(sink: (event: EngineEvent, foreign: boolean) => void, limit: number): number {
    if (this.#final !== null) return 0;
    let count = 0;
    try {
      while (count < limit) {
        const tail = Atomics.load(this.#words, EVENTS_TAIL);
        while (count < limit && this.#eventHead !== tail) {
          const slot = this.#eventHead & this.#eventMask;
          const offset = this.#eventsOffset + slot * SLOT_BYTES;
          const event = this.#reader.read(this.#view, offset);
          const foreign = isForeign(this.#view, offset);
          this.#eventHead = (this.#eventHead + 1) | 0;
          count += 1;
          sink(event, foreign);
          if (count % EVENTS_PER_RELEASE === 0) this.#releaseEvents();
        }
        if (count === limit || !this.#armEvents()) break;
      }
    } finally {
      this.#releaseEvents();
    }
    return count;
  }

  onEvents(callback: () => void): void {
    this.#onEvents = callback;
    // The bell may have rung before anybody listened.
    if (this.#hasEvents()) setImmediate(() => this.#rang());
  }

  onDurable(callback: () => void): void {
    this.#onDurable = callback;
  }

  progress(): Progress {
    if (this.#final !== null) return this.#final.progress;
    const digest = [this.#words[DIGEST_LOW + 1] ?? 0, this.#words[DIGEST_LOW] ?? 0]
      .map((half) => (half >>> 0).toString(16).padStart(8, "0"))
      .join("");
    return {
      matched: (this.#numbers[MATCHED] ?? 0) as Sequence,
      durable: (this.#numbers[DURABLE] ?? 0) as Sequence,
      eventRingStalls: this.#numbers[STALLS] ?? 0,
      commandRingRefusals: this.#commandRingRefusals,
      digest,
      restingOrders: this.#numbers[RESTING] ?? 0,
      logFailure: this.#hasFailed() ? this.#host.addon.failure(this.#id) : this.#seals.failure,
      logWaiting: this.#isWaitingForRoom()
        ? this.#host.addon.failure(this.#id)
        : this.#seals.waiting,
    };
  }

  serviceTime(): LatencySummary {
    return this.#final?.serviceTime ?? this.#host.addon.serviceTime(this.#id);
  }

  /** Where its time goes, and whether it has become slower. */
  latency(): MarketLatency {
    this.#mustBeOpen();
    return this.#host.addon.latency(this.#id);
  }

  /** Its durations as histograms, for whoever scrapes: read from shared memory, nothing is disturbed. */
  histograms(): MarketHistograms {
    this.#mustBeOpen();
    const { committedRecords, ...found } = this.#host.addon.histograms(this.#id);
    return {
      committedRecords,
      histograms: {
        service: histogramOf(found.service),
        sequence: histogramOf(found.sequence),
        match: histogramOf(found.match),
        handOn: histogramOf(found.handOn),
        commit: histogramOf(found.commit),
      },
    };
  }

  /** Whether it has become slower than usual. */
  alert(): MarketAlert {
    this.#mustBeOpen();
    return this.#host.addon.alert(this.#id);
  }

  /**
   * A drill: each command takes so many nanoseconds longer until the next call (0 ends it). For seeing
   * whether anybody notices.
   */
  plantDelay(ns: number): void {
    this.#mustBeOpen();
    if (!Number.isSafeInteger(ns) || ns < 0 || ns > LONGEST_DRILL_NS) {
      throw new RangeError(
        `a planted delay is a whole number of nanoseconds up to 1 ms, not ${ns}`,
      );
    }
    this.#host.addon.plantDelay(this.#id, ns);
  }

  /** How full the rings are. */
  statistics(): RingStatistics {
    this.#mustBeOpen();
    return this.#host.addon.statistics(this.#id);
  }

  records(from: Sequence, maximumBytes: number): Uint8Array {
    this.#mustBeOpen();
    return this.#host.addon.records(this.#id, from, maximumBytes);
  }

  setEpoch(epoch: Epoch): void {
    this.#mustBeQuiet("setEpoch");
    if (epoch < this.#epoch) {
      throw new RangeError(
        `the epoch of ${this.market} is ${this.#epoch} and cannot fall to ${epoch}`,
      );
    }
    this.#epoch = epoch;
    this.#host.addon.setEpoch(this.#id, epoch);
  }

  async adopt(records: Uint8Array): Promise<Sequence> {
    this.#mustBeQuiet("adopt");
    if (records.length % RECORD_BYTES !== 0) throw new Error("adopt takes whole records");
    this.#adopting = true;
    try {
      await this.#host.addon.adopt(this.#id, records);
      this.#epoch = Math.max(this.#epoch, lastEpoch(records));
      await this.#until(() => this.#isDurable());
      const { logFailure, matched } = this.progress();
      if (logFailure !== null) throw new Error(logFailure);
      return matched;
    } finally {
      this.#adopting = false;
      this.flush();
    }
  }

  seal(seals: readonly Seal[]): Promise<void> {
    this.#mustBeOpen();
    return this.#seals.append(seals);
  }

  sealFrom(point: ChainPoint): Promise<void> {
    this.#mustBeOpen();
    return this.#seals.appendBegin(point);
  }

  get trimmed(): ChainPoint | null {
    return this.#seals.trimmed;
  }

  trim(floor: number): Promise<ChainPoint | null> {
    this.#mustBeOpen();
    const trimming = this.#trimming.then(() => this.#trim(floor));
    this.#trimming = trimming.catch(() => {});
    return trimming;
  }

  async #trim(floor: number): Promise<ChainPoint | null> {
    const { recordsKept, segmentRecords, addon } = this.#host;
    const limit = Math.min(floor, (this.#numbers[DURABLE] ?? 0) - recordsKept);
    const first = this.trimmed?.sequence ?? 0;
    if (this.#closing !== null || limit - first < segmentRecords) return null;
    const { oldestEnd, snapshot } = await addon.trimRange(this.#id);
    const highest = Math.min(limit, snapshot - 1);
    if (oldestEnd === 0 || highest < oldestEnd) return null;
    const point = await this.#seals.trim(highest);
    if (point !== null) await addon.trim(this.#id, point.sequence);
    return point;
  }

  mark(): Promise<void> {
    this.#mustBeOpen();
    return this.#seals.mark(this.#numbers[DURABLE] ?? 0);
  }

  accept({ sequence, epoch, hash }: ChainPoint): void {
    this.#mustBeOpen();
    this.#host.addon.accept(this.#id, sequence, epoch, hash);
  }

  shadow(): Shadow | null {
    this.#mustBeOpen();
    const { hash, failure, ...known } = this.#host.addon.shadow(this.#id);
    if (known.sequence === 0 && failure === "") return null;
    return {
      ...known,
      hash: new Uint8Array(Buffer.from(hash, "hex")),
      failure: failure === "" ? null : failure,
    };
  }

  restingOrders(side: Side, limit: number): readonly RestingOrder[] {
    this.#mustBeQuiet("restingOrders");
    const numbers = this.#host.addon.restingOrders(this.#id, side === "buy" ? 0 : 1, limit);
    return Array.from({ length: numbers.length / 4 }, (_, index) => {
      const [orderId, account, price, remaining] = numbers.subarray(index * 4, index * 4 + 4);
      return {
        orderId: orderId as OrderId,
        account: account as AccountId,
        side,
        price: price as PriceTicks,
        remaining: remaining as QuantityLots,
      };
    });
  }

  /** The best bid and offer, at any time. Null when the engine was stopped while it wrote them. */
  topOfBook(): TopOfBook | null {
    this.#mustBeOpen();
    return this.#depth.top();
  }

  /**
   * The best levels and orders of the book, at any time, in one state: not older than what the engine
   * had made known at the call. Rejects when the engine gives no answer because nobody drains its
   * events, or is closed.
   */
  async depth(levels = DEPTH_LEVELS): Promise<Depth> {
    this.#mustBeOpen();
    const floor = this.#depth.known();
    return this.#answer(() => this.#depth.read(floor, levels));
  }

  /**
   * Orders of a side from a price on, at any time, as whole levels: at most 256. Calls wait for each
   * other. Rejects like `depth`.
   */
  ordersFrom(side: Side, price: PriceTicks): Promise<OrderPage> {
    const paged = this.#paging
      .catch(() => null)
      .then(() => {
        this.#mustBeOpen();
        this.#depth.askPage(side, price);
        if (Atomics.load(this.#host.reactor, PARKED) !== AWAKE) this.#host.addon.wake();
        return this.#answer(() => this.#depth.page());
      });
    this.#paging = paged;
    return paged;
  }

  /**
   * The events of clients wait for it (native/reactor/output_gate.hpp). Until it is called first, a
   * market follows no chain and is under no lease, or under one that has lapsed: NativeEngineOptions.clock.
   */
  gate(committed: Sequence | null, leaseUntil: DurationNs | null): void {
    this.#mustBeOpen();
    this.#leaseUntil = leaseUntil;
    this.#numbers[COMMITTED] = committed ?? -1;
    // 0 is no lease at all, which is not the same as none left.
    const lapsed = leaseUntil !== null && leaseUntil <= 0;
    this.#numbers[LEASE_UNTIL] =
      leaseUntil === null ? 0 : lapsed ? 1 : leaseUntil + this.#host.clockOriginNs;
    // An atomic access orders the plain stores before the look at the sleeper.
    Atomics.add(this.#words, EVENTS_ARMED, 0);
    if (Atomics.load(this.#host.reactor, PARKED) === BLOCKED) this.#host.addon.wake();
  }

  turn(): Promise<void> {
    this.#mustBeOpen();
    return this.#host.addon.turn();
  }

  /** Lets clients of the engine's socket connect under the market's name. */
  admitClients(): void {
    this.#mustBeOpen();
    this.#host.addon.admitClients(this.#id, this.market);
  }

  /**
   * Ends those clients (`market_closed`) and refuses others (`market_unknown`), until they are admitted again:
   * what they have in their rings is never taken, and none of their orders is canceled.
   */
  dismissClients(): void {
    if (this.#closing === null) this.#host.addon.dismissClients(this.#id);
  }

  /** As gate() was told last; null: no lease is needed. */
  get leaseUntil(): DurationNs | null {
    return this.#leaseUntil;
  }

  get closing(): Promise<void> | null {
    return this.#closing;
  }

  /** Opens the open market again for another owner of the callbacks (MatchingEngine.open). */
  async attach(directory: string): Promise<void> {
    if (resolve(directory) !== resolve(this.#directory)) {
      throw new Error(
        `${this.market} is open with its log in ${this.#directory}, not ${directory}: close it first`,
      );
    }
    this.#onEvents = () => {};
    this.#onDurable = () => {};
    if (this.#host.isLeased) this.gate(null, durationNs(0));
    this.#discarding = true;
    this.flush();
    this.#discardEvents();
    // Whatever the match thread took before it saw the gate closed is counted after another turn.
    await this.#host.addon.turn();
    await this.#until(() => this.#isIdle());
    this.#discardEvents();
    this.#discarding = false;
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.duties.close();
      this.flush();
      await this.#until(() => {
        // Who still listens gets every event; when nobody takes them they may not block the engine.
        Atomics.store(this.#words, EVENTS_ARMED, 1);
        if (this.#waitingEvents() > this.#eventMask / 2) this.#discardEvents();
        return this.#isIdle() || this.#isWaitingForRoom();
      });
      if (this.#hasEvents()) this.#onEvents();
      // A disk that takes no mark is reported by what it does to records.
      this.#seals.leave();
      await this.#trimming;
      await this.mark().catch(() => {});
      await this.#seals.close();
      this.#final = { progress: this.progress(), serviceTime: this.serviceTime() };
      this.#wakeWatchers();
      try {
        await this.#host.addon.close(this.#id);
      } finally {
        this.#closed();
      }
    })();
    return this.#closing;
  }

  /** Runs on the event loop, soon after one of the native threads found a bell armed. */
  #rang(): void {
    if (this.#final !== null) return;
    try {
      if (this.#discarding) this.#discardEvents();
      else if (this.#hasEvents()) this.#onEvents();
    } finally {
      // A callback that throws may not silence the other bell.
      while (this.#armDurable()) this.#onDurable();
      this.#wakeWatchers();
    }
  }

  #wakeWatchers(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }

  /** Asks to be told of new events. True when there are some already: nobody will ring for those. */
  #armEvents(): boolean {
    Atomics.store(this.#words, EVENTS_ARMED, 1);
    if (!this.#hasEvents()) return false;
    Atomics.store(this.#words, EVENTS_ARMED, 0);
    return true;
  }

  /** Asks to be told when the durable sequence moves. True when it has moved, or the log has failed, waits or goes on. */
  #armDurable(): boolean {
    Atomics.store(this.#words, DURABLE_ARMED, 1);
    // An atomic load between the store and the plain reads keeps them in this order.
    const failure =
      Atomics.load(this.#words, FAILED) * 2 +
      Atomics.load(this.#words, WAITING_FOR_ROOM) +
      (this.#seals.failure === null ? 0 : 8) +
      (this.#seals.waiting === null ? 0 : 4);
    const durable = this.#numbers[DURABLE] ?? 0;
    if (durable === this.#durableSeen && failure === this.#failureSeen) return false;
    this.#durableSeen = durable;
    this.#failureSeen = failure;
    return true;
  }

  #hasEvents(): boolean {
    return this.#waitingEvents() !== 0;
  }

  #waitingEvents(): number {
    if (this.#final !== null) return 0;
    return (Atomics.load(this.#words, EVENTS_TAIL) - this.#eventHead) | 0;
  }

  /** Gives back the slots of drained events, and wakes an engine that waits for them. */
  #releaseEvents(): void {
    if (this.#final !== null) return;
    Atomics.store(this.#words, EVENTS_HEAD, this.#eventHead);
    if (Atomics.load(this.#host.reactor, PARKED) === BLOCKED) this.#host.addon.wake();
  }

  #discardEvents(): void {
    if (this.#final !== null) return;
    do {
      this.#eventHead = Atomics.load(this.#words, EVENTS_TAIL);
      this.#releaseEvents();
    } while (this.#armEvents());
  }

  #hasFailed(): boolean {
    return Atomics.load(this.#words, FAILED) !== 0;
  }

  /** Records wait for room on a full disk, and may do so for ever. */
  #isWaitingForRoom(): boolean {
    return Atomics.load(this.#words, WAITING_FOR_ROOM) !== 0;
  }

  /** Every visible command was processed. */
  #isTaken(): boolean {
    return Atomics.load(this.#words, COMMANDS_HEAD) === this.#commandsVisible;
  }
  #isDurable(): boolean {
    return this.#hasFailed() || this.#numbers[DURABLE] === this.#numbers[MATCHED];
  }
  #isIdle(): boolean {
    return this.#isTaken() && this.#isDurable();
  }

  async #answer<T>(attempt: () => T | null): Promise<T> {
    for (let tried = 0; tried < QUICK_TRIES + SLOW_TRIES; tried += 1) {
      this.#mustBeOpen();
      const answer = attempt();
      if (answer !== null) return answer;
      await new Promise((wake) => {
        if (tried < QUICK_TRIES) setImmediate(wake);
        else setTimeout(wake, 1);
      });
    }
    throw new Error(`${this.market} does not answer a reader of its book: are its events drained?`);
  }

  /** Rejects when the market is closed meanwhile: its memory is gone then. */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      this.#mustBeOpen();
      if (condition()) return;
      await new Promise<void>((wake) => {
        this.#watchers.add(wake);
      });
    }
  }

  #mustBeOpen(): void {
    if (this.#final !== null) throw new Error(`${this.market} is closed: open it again`);
  }

  #mustBeQuiet(call: string): void {
    this.#mustBeOpen();
    if (this.#adopting) throw new Error(`${call} while records are adopted`);
    if (this.#commandTail !== this.#commandsVisible || !this.#isTaken()) {
      throw new Error(`${call} while commands are in the ring`);
    }
  }
}

/** Epoch of the last of whole records; 0 when there is none. */
function lastEpoch(records: Uint8Array): number {
  if (records.length === 0) return 0;
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return readRecordHeader(view, records.length - RECORD_BYTES).epoch;
}
