import { resolve } from "node:path";
import { createHistogram } from "node:perf_hooks";

import type { Seal } from "../../actors/kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import type { Clock } from "../../actors/kernel/ports/clock.ts";
import type {
  EngineCommand,
  EngineEvent,
  LatencySummary,
  MarketEngine,
  OpenMarket,
  ChainPoint,
  Recovered,
  Shadow,
  Progress,
  RestingOrder,
  Side,
} from "../../actors/kernel/ports/matching-engine.ts";
import type { DurationNs, Epoch, Sequence, TimestampNs } from "../../actors/kernel/units.ts";
import { readRecordHeader, recordFault, sealRecord } from "../records.ts";
import { encodeCommand, readCommandFields } from "../command-slots.ts";
import { layout, SLOT_BYTES } from "../slots.ts";
import type { LogStorage } from "./log-storage.ts";
import { WriteAheadLog } from "./log.ts";
import type { Recovery } from "./log-recovery.ts";
import { Market } from "./market.ts";

/** Commands applied in one turn of the event loop, so that other work gets its turn. */
const COMMANDS_PER_TURN = 256;

export interface PortableEngineOptions {
  /** Stamps commands, measures the service time, and gives the turns in which commands are applied. */
  readonly clock: Clock;
  /** Commands that may wait per market; `offer` refuses more. Default 16,384. */
  readonly commandCapacity?: number;
  /** Events that may wait per market; then the engine waits. Default 65,536. */
  readonly eventCapacity?: number;
  /** Where the logs are; default: the files of this machine. */
  readonly storage?: LogStorage;
}

interface Opened {
  readonly request: OpenMarket;
  readonly options: Required<PortableEngineOptions>;
  readonly market: Market;
  readonly log: WriteAheadLog;
  readonly recovered: Recovery;
  readonly elapsedNs: number;
  readonly closed: () => void;
}

/** One market of the portable engine. Commands are applied on the event loop, a batch per turn. */
export class PortableMarket implements MarketEngine {
  readonly market: string;
  /** What was found in the log when the market was opened. */
  readonly recovery: Recovered;
  readonly #options: Required<PortableEngineOptions>;
  readonly #book: Market;
  readonly #log: WriteAheadLog;
  readonly #onClosed: () => void;

  /** Ring of encoded commands: `#taken` of `#offered` are done, those from `#visible` on unflushed. */
  readonly #commands: Uint8Array;
  readonly #commandView: DataView;
  #offered = 0;
  #visible = 0;
  #taken = 0;
  #events: EngineEvent[] = [];
  #drained = 0;

  #epoch: number;
  #matched: number;
  #timestamp: bigint;
  #turnScheduled = false;
  #stalled = false;
  #discarding = false;
  #eventsAwaited = true;
  #closing: Promise<void> | null = null;
  /** The log is given back: it may be another's. */
  #closed = false;
  #eventRingStalls = 0;
  #commandRingRefusals = 0;
  readonly #serviceTime = createHistogram();
  #onEvents: () => void = () => {};
  #onDurable: () => void = () => {};
  /** Called when commands were taken or the log moved, by those who wait for idleness. */
  readonly #watchers = new Set<() => void>();

  private constructor({ request, options, market, log, recovered, elapsedNs, closed }: Opened) {
    this.market = request.market;
    this.#options = options;
    this.#book = market;
    this.#log = log;
    this.#onClosed = closed;
    this.recovery = {
      ...recovered,
      snapshot: null,
      faults: [],
      replayed: recovered.sequence,
      elapsedNs,
    };
    this.#commands = new Uint8Array(options.commandCapacity * SLOT_BYTES);
    this.#commandView = new DataView(this.#commands.buffer);
    this.#epoch = Math.max(request.epoch, recovered.epoch);
    this.#matched = recovered.sequence;
    this.#timestamp = recovered.timestamp;
    log.onProgress(() => {
      this.#onDurable();
      this.#progressed();
      this.#schedule();
    });
  }

  /** Recovers a market from its log and opens it. Rejects with an Error that says what to do. */
  static async open(
    request: OpenMarket,
    options: Required<PortableEngineOptions>,
    closed: () => void,
  ): Promise<PortableMarket> {
    const market = new Market();
    const started = options.clock.monotonic();
    const { log, recovered } = await WriteAheadLog.open(
      request.directory,
      (view, offset, header) => {
        const fields = readCommandFields(view, offset + layout.record.command);
        market.applyRaw(fields, header.sequence, header.timestamp);
      },
      options.storage,
      () =>
        new Promise((turn) => {
          options.clock.after(0 as DurationNs, turn);
        }),
    );
    const elapsedNs = options.clock.monotonic() - started;
    return new PortableMarket({
      request,
      options,
      market,
      log,
      recovered,
      elapsedNs,
      closed,
    });
  }

  get logId(): string {
    return this.#log.id;
  }

  offer(command: EngineCommand): boolean {
    const full = this.#offered - this.#taken >= this.#options.commandCapacity;
    if (full || this.#closing !== null) {
      this.#commandRingRefusals += 1;
      return false;
    }
    encodeCommand(this.#commandView, this.#slot(this.#offered), command);
    this.#offered += 1;
    return true;
  }

  flush(): void {
    this.#visible = this.#offered;
    this.#schedule();
  }

  drain(sink: (event: EngineEvent) => void, limit: number): number {
    let count = 0;
    while (count < limit) {
      const event = this.#events[this.#drained];
      if (event === undefined) break;
      this.#drained += 1;
      count += 1;
      sink(event);
    }
    if (this.#drained === this.#events.length || this.#drained >= this.#options.eventCapacity) {
      this.#events = this.#events.slice(this.#drained);
      this.#drained = 0;
    }
    if (count < limit) this.#eventsAwaited = true;
    if (this.#stalled) this.#schedule();
    return count;
  }

  onEvents(callback: () => void): void {
    this.#onEvents = callback;
    this.#eventsAwaited = true;
    this.#schedule();
  }

  onDurable(callback: () => void): void {
    this.#onDurable = callback;
  }

  progress(): Progress {
    return {
      matched: this.#matched as Sequence,
      durable: this.#log.durable as Sequence,
      eventRingStalls: this.#eventRingStalls,
      commandRingRefusals: this.#commandRingRefusals,
      digest: this.#book.digest().toString(16).padStart(16, "0"),
      restingOrders: this.#book.restingCount(),
      logFailure: this.#log.failure,
      logWaiting: this.#log.waiting,
    };
  }

  serviceTime(): LatencySummary {
    const times = this.#serviceTime;
    const at = (percentile: number): number =>
      times.count === 0 ? 0 : times.percentile(percentile);
    return {
      count: times.count,
      p50: at(50),
      p99: at(99),
      p999: at(99.9),
      maximum: times.count === 0 ? 0 : times.max,
    };
  }

  records(from: Sequence, maximumBytes: number): Uint8Array {
    return this.#log.records(from, maximumBytes);
  }

  setEpoch(epoch: Epoch): void {
    this.#mustBeOpen();
    if (this.#taken !== this.#offered) throw new Error("setEpoch while commands are in the ring");
    if (epoch < this.#epoch) {
      throw new RangeError(
        `the epoch of ${this.market} is ${this.#epoch} and cannot fall to ${epoch}`,
      );
    }
    this.#epoch = epoch;
  }

  async adopt(records: Uint8Array): Promise<Sequence> {
    this.#mustBeOpen();
    if (this.#taken !== this.#offered) throw new Error("adopt while commands are in the ring");
    if (records.length % RECORD_BYTES !== 0) throw new Error("adopt takes whole records");
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    this.#checkContinues(view);
    for (let offset = 0; offset < records.length; offset += RECORD_BYTES) {
      await this.#until(() => this.#log.hasRoom || this.#log.failure !== null);
      this.#throwOnFailure();
      this.#mustBeOpen();
      const { epoch, sequence, timestamp } = readRecordHeader(view, offset);
      const place = this.#log.reserve();
      const target = new Uint8Array(place.view.buffer, place.offset, RECORD_BYTES);
      target.set(records.subarray(offset, offset + RECORD_BYTES));
      const fields = readCommandFields(view, offset + layout.record.command);
      this.#book.applyRaw(fields, sequence, timestamp);
      this.#epoch = Math.max(this.#epoch, epoch);
      this.#matched = sequence;
      this.#timestamp = timestamp;
    }
    await this.#log.flushed();
    this.#throwOnFailure();
    return this.#matched as Sequence;
  }

  async seal(seals: readonly Seal[]): Promise<void> {
    this.#mustBeOpen();
    await this.#log.seals.append(seals);
  }

  async sealFrom(point: ChainPoint): Promise<void> {
    this.#mustBeOpen();
    await this.#log.seals.appendBegin(point);
  }

  /** Without a snapshot to start from every record is needed. */
  readonly trimmed = null;
  trim(): Promise<null> {
    return Promise.resolve(null);
  }

  async mark(): Promise<void> {
    this.#mustBeOpen();
    await this.#log.mark();
  }

  /** This engine has no shadow: it makes no snapshots and replays its whole log. */
  accept(_point: ChainPoint): void {}
  /** It serves no clients of its own. */
  gate(_committed: Sequence | null, _leaseUntil: DurationNs | null): void {}
  turn(): Promise<void> {
    return Promise.resolve();
  }
  shadow(): Shadow | null {
    return null;
  }

  restingOrders(side: Side, limit: number): readonly RestingOrder[] {
    return this.#book.restingOrders(side, limit);
  }

  get closing(): Promise<void> | null {
    return this.#closing;
  }

  /** Opens the open market again for another owner of the callbacks (MatchingEngine.open). */
  async attach(directory: string): Promise<void> {
    if (resolve(directory) !== resolve(this.#log.directory)) {
      throw new Error(
        `${this.market} is open with its log in ${this.#log.directory}, not ${directory}: close it first`,
      );
    }
    this.#onEvents = () => {};
    this.#onDurable = () => {};
    this.#discarding = true;
    this.#discardEvents();
    this.flush();
    await this.#idle();
    this.#discardEvents();
    this.#discarding = false;
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.flush();
      this.#log.leave();
      await this.#idle();
      this.#closed = true;
      try {
        await this.#log.close();
      } finally {
        this.#onClosed();
      }
    })();
    return this.#closing;
  }

  #slot(index: number): number {
    return (index % this.#options.commandCapacity) * SLOT_BYTES;
  }

  #schedule(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#options.clock.after(0 as DurationNs, () => {
      this.#turnScheduled = false;
      this.#turn();
    });
  }

  /** Applies what is waiting, as far as the log and the event queue have room. */
  #turn(): void {
    for (let count = 0; count < COMMANDS_PER_TURN && this.#taken < this.#visible; count += 1) {
      if (!this.#log.hasRoom) break;
      if (!this.#hasEventRoom()) {
        if (!this.#stalled) this.#eventRingStalls += 1;
        this.#stalled = true;
        break;
      }
      this.#stalled = false;
      this.#applyNext();
    }
    if (this.#taken < this.#visible && this.#log.hasRoom && !this.#stalled) this.#schedule();
    if (this.#eventsAwaited && this.#events.length > this.#drained) {
      this.#eventsAwaited = false;
      this.#onEvents();
    }
    this.#progressed();
  }

  #applyNext(): void {
    const started = this.#options.clock.monotonic();
    const slot = this.#slot(this.#taken);
    const sequence = this.#matched + 1;
    const now: bigint = this.#options.clock.now();
    if (now > this.#timestamp) this.#timestamp = now;
    const { view, offset } = this.#log.reserve();
    const bytes = new Uint8Array(view.buffer, offset + layout.record.command, SLOT_BYTES);
    bytes.set(this.#commands.subarray(slot, slot + SLOT_BYTES));
    sealRecord(view, offset, {
      epoch: this.#epoch as Epoch,
      sequence: sequence as Sequence,
      timestamp: this.#timestamp as TimestampNs,
    });
    const fields = readCommandFields(this.#commandView, slot);
    const events = this.#book.applyFields(fields, sequence, this.#timestamp);
    this.#taken += 1;
    this.#matched = sequence;
    if (!this.#discarding) for (const event of events) this.#events.push(event);
    this.#serviceTime.record(Math.max(1, this.#options.clock.monotonic() - started));
  }

  #hasEventRoom(): boolean {
    const waiting = this.#events.length - this.#drained;
    // Nobody may drain a market that is closing: what is left then is bounded by the command ring.
    return waiting < this.#options.eventCapacity || this.#closing !== null;
  }

  #discardEvents(): void {
    this.#events = [];
    this.#drained = 0;
    this.#stalled = false;
    this.#eventsAwaited = true;
  }

  #checkContinues(view: DataView): void {
    let { epoch, sequence, timestamp } = {
      epoch: 0,
      sequence: this.#matched,
      timestamp: this.#timestamp,
    };
    for (let offset = 0; offset < view.byteLength; offset += RECORD_BYTES) {
      const fault = recordFault(view, offset);
      const header = readRecordHeader(view, offset);
      const continues =
        header.sequence === sequence + 1 && header.epoch >= epoch && header.timestamp >= timestamp;
      if (fault !== null || !continues) {
        const reason = fault === null ? "does not continue the log" : `has a bad ${fault}`;
        throw new Error(
          `record after ${sequence} of ${this.market} ${reason}: nothing was adopted`,
        );
      }
      ({ epoch, sequence, timestamp } = header);
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error(`${this.market} is closed: open it again`);
  }

  #throwOnFailure(): void {
    if (this.#log.failure !== null) throw new Error(this.#log.failure);
  }

  /** Resolves when every visible command is applied and fsynced, or the log has failed. */
  async #idle(): Promise<void> {
    await this.#until(() => this.#taken === this.#visible || this.#log.failure !== null);
    await this.#log.flushed();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((wake) => {
        this.#watchers.add(wake);
      });
    }
  }

  #progressed(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }
}
