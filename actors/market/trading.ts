import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type {
  DurabilityMode,
  EngineCommand,
  EngineEvent,
  EngineSlots,
  MarketEngine,
} from "../kernel/ports/matching-engine.ts";
import { IncarnationFence, type SenderIdentity } from "../kernel/incarnation-fence.ts";
import type { Ownership } from "../kernel/ports/ownership.ts";
import type { RequestTrace, Tracing } from "../kernel/ports/tracing.ts";
import { ok, refuse, type Failure, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { refusals, type RefusalCode } from "../../schemas/refusals.ts";
import { AccountLimits } from "./account-limits.ts";
import { BookView } from "./book-view.ts";
import {
  decodeBookRequest,
  decodeLimits,
  decodeOrdersRequest,
  decodeSubmit,
  encodeBookRefusal,
  encodeBookReply,
  encodeLimitsReply,
  encodeOrdersRefusal,
  encodeOrdersReply,
  encodeSubmitRefusal,
  encodeSubmitReply,
  MAXIMUM_ORDERS_LISTED,
  nextStep,
  type WireOutcome,
} from "./codec.ts";
import type { MarketCounters } from "./counters.ts";
import {
  admission,
  effectiveMode,
  evolveReference,
  isRelief,
  safeSequence,
  type Admission,
  type JournalledReference,
} from "./decide.ts";
import { DirectTraces } from "./direct-traces.ts";
import { EventQueue } from "./event-queue.ts";
import { CANCELS_HELD, HeldCancels, type HeldRequest } from "./held-cancels.ts";
import type { MarketDefinition, TouchUnits } from "./messages.ts";
import { OrdersView } from "./orders-view.ts";
import { Phase } from "./phase.ts";
import { CanceledQuantities, OutcomeQueue, RequestOutcomes } from "./outcomes.ts";
import { EventBlocks, MarketData } from "./publication.ts";
import { TracedRequests } from "./traced-requests.ts";

/** Requests whose outcomes have not left at most; one more is refused `busy`. */
export const REQUESTS_WAITING = 8_192;
/** Events taken from the engine per turn of the event loop. */
const EVENTS_PER_TURN = 8_192;
/** How often outputs that wait for the lease are looked at again. */
const LEASE_POLL = durationNs(50_000_000);
const ringRetry = durationNs(5_000_000);
/** A reply must fit max_payload (1 MiB). */
const MAXIMUM_REPLY_BYTES = 1_000_000;
/** Resting orders read back after recovery: all a market can hold. */
const ALL_ORDERS = 2 ** 24;

export interface TradingPorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly slots: EngineSlots;
  readonly ownership: Ownership;
  readonly after: (delay: DurationNs, callback: () => void) => () => void;
  readonly sleep: (delay: DurationNs) => Promise<void>;
  readonly run: (work: () => Promise<void>) => void;
  /** Absent: no order is traced. */
  readonly tracing?: Tracing;
}

/**
 * An owned market at work: requests into the engine, events out of it, and the gate between: nothing
 * leaves before its sequence is safe (DESIGN §5).
 */
export class Trading {
  readonly #ports: TradingPorts;
  readonly #engine: MarketEngine;
  readonly #counters: MarketCounters;
  readonly #events: EventQueue;
  readonly #outcomes = new OutcomeQueue();
  readonly #book: BookView;
  readonly #orders: OrdersView;
  readonly #blocks: EventBlocks;
  readonly #marketData: MarketData;
  readonly #senders: IncarnationFence;
  readonly #canceled = new CanceledQuantities();
  readonly #limits = new AccountLimits();
  readonly #held = new HeldCancels();
  readonly #traced: TracedRequests;
  /** Null: what comes by OUCH and shared memory is not traced. */
  readonly #direct: DirectTraces | null;
  readonly #phase: Phase;
  readonly #epoch: number;
  /** Commands of our own under way, by tag. */
  readonly #internal = new Map<number, EngineCommand>();
  /** What the journal says, by the sequence from which it holds; the first entry holds now. */
  readonly #references: { readonly from: number; readonly reference: JournalledReference }[];
  #definition: MarketDefinition;
  #mode: DurabilityMode;
  #modeChangedAt: number;
  /** Last command whose events have all been drained. */
  #drained: number;
  #committed: number;
  #released: number;
  #tag = 0;
  /** Commands offered whose outputs have not left, and when that last changed for the better. */
  #waiting = 0;
  #progressAt: number;
  #pumpArmed = false;
  #leasePolled = false;
  #leavingAs: DurabilityMode = "replicated";

  constructor(
    ports: TradingPorts,
    definition: MarketDefinition,
    engine: MarketEngine,
    counters: MarketCounters,
    owned: {
      readonly epoch: number;
      readonly committed: number;
      readonly reference: JournalledReference;
    },
  ) {
    this.#ports = ports;
    this.#definition = definition;
    this.#engine = engine;
    this.#counters = counters;
    this.#epoch = owned.epoch;
    this.#senders = new IncarnationFence((shard) => ports.ownership.recordedEpoch(shard));
    this.#events = new EventQueue(ports.slots);
    this.#traced = new TracedRequests(engine, ports.slots, ports.clock);
    const { tracing, slots, clock } = ports;
    this.#direct =
      tracing === undefined
        ? null
        : new DirectTraces(tracing, definition.market, engine, slots, clock);
    const resting = [
      ...engine.restingOrders("buy", ALL_ORDERS),
      ...engine.restingOrders("sell", ALL_ORDERS),
    ];
    this.#book = BookView.from(resting);
    this.#orders = OrdersView.from(resting);
    this.#drained = engine.progress().matched;
    this.#released = this.#drained;
    this.#committed = owned.committed;
    this.#references = [{ from: 0, reference: owned.reference }];
    this.#phase = new Phase(owned.reference.state);
    this.#mode = owned.reference.configure?.mode ?? definition.mode;
    this.#modeChangedAt = owned.reference.modeChangedAt;
    this.#progressAt = ports.clock.monotonic();
    this.#blocks = new EventBlocks(ports, definition.market, counters);
    this.#blocks.epoch = owned.epoch;
    this.#marketData = new MarketData(ports, definition, counters, this.#book, this.#drained);
  }

  /** Mode of what leaves now. */
  get mode(): DurabilityMode {
    return effectiveMode(this.#mode, this.#modeChangedAt, this.#committed);
  }

  get phase(): Pick<Phase, "state" | "indication"> {
    return this.#phase;
  }

  get touch(): TouchUnits {
    return this.#marketData.touch();
  }

  /** Requests and commands that have not been answered. */
  get waiting(): { readonly requests: number; readonly commands: number } {
    return { requests: this.#outcomes.length, commands: this.#waiting };
  }

  get committed(): number {
    return this.#committed;
  }

  /** What the journal says up to a committed sequence. */
  referenceAt(sequence: number): JournalledReference {
    const held = this.#references;
    while (held[1] !== undefined && held[1].from <= sequence) held.shift();
    const first = held[0];
    if (first === undefined) throw new Error("a market has a reference");
    return first.reference;
  }

  /** Publishes the recovered book. */
  announce(): void {
    this.#marketData.announce();
  }

  /** Takes a SubmitRequest; `reply` gets an encoded SubmitReply, at once or when it is safe. */
  submit(payload: Uint8Array, reply: (payload: Uint8Array) => void, trace?: RequestTrace): void {
    const receivedAt = this.#ports.clock.monotonic();
    if (this.#isUncertain(receivedAt)) {
      this.#whileUncertain({ payload, reply, trace });
      return;
    }
    this.#takeHeld();
    const refused = this.#refuseRequest();
    if (refused !== null) {
      this.#counters.refuse(refused.code);
      reply(encodeSubmitRefusal(refused));
      return;
    }
    const firstTag = this.#tag;
    const decoded = decodeSubmit(payload, this.#definition, firstTag);
    if (!decoded.ok) {
      this.#counters.refuse(decoded.failure.code);
      reply(encodeSubmitRefusal(decoded.failure));
      return;
    }
    const { sender, session, commands } = decoded.value;
    const sent = sender === null ? "passes" : this.#senders.check(sender);
    if (sender !== null && sent === "unknown") {
      this.#introduced(sender, payload, reply, trace);
      return;
    }
    if (typeof sent !== "string") {
      this.#counters.refuse(sent.code);
      reply(encodeSubmitRefusal(sent));
      return;
    }
    this.#tag = (firstTag + commands.length) % 2 ** 32;
    const admitted = this.#admission(receivedAt);
    const outcomes: WireOutcome[] = [];
    let offered = 0;
    // Once a command is refused for a reason that passes, the rest of its session's batch is refused
    // too: a number below one that was taken could not be sent again.
    let stopped: "not_durable" | "ring_full" | null = null;
    for (const { number, command, refused: fault } of commands) {
      if (command === null) {
        outcomes.push({ number, refusal: fault });
        this.#counters.refuse(fault.code);
        continue;
      }
      const passing: "not_durable" | "ring_full" | null = stopped ?? this.#offer(command, admitted);
      if (passing === null) {
        offered += 1;
        outcomes.push({ number });
        continue;
      }
      if (passing === "ring_full" || session !== 0) stopped = passing;
      outcomes.push({ number, refusal: passingFailure(passing) });
      this.#counters.refuse(passing);
    }
    const finish = (): void => {
      if (session !== 0) this.#canceled.complete(session, outcomes);
      this.#counters.acknowledged(this.#ports.clock.monotonic() - receivedAt);
      if (trace !== undefined) {
        this.#blocks.follow(trace, this.#traced.released(trace, this.#leavingAs));
      }
      reply(this.#encodeReply(outcomes));
    };
    if (offered === 0) {
      this.#leavingAs = this.mode;
      finish();
      return;
    }
    if (trace !== undefined) {
      this.#traced.offered(trace, receivedAt, lastOffered(commands, outcomes));
    }
    if (this.#waiting === 0) this.#progressAt = receivedAt;
    this.#waiting += offered;
    const request = new RequestOutcomes(outcomes, firstTag, this.#definition, (event) =>
      this.#count(event),
    );
    this.#outcomes.push({
      remaining: offered,
      onEvent: (event) => request.apply(event),
      onDone: finish,
    });
    this.#engine.flush();
  }

  /** A sender whose incarnation is not known yet: once it is looked up the request goes on, or is refused. */
  #introduced(
    sender: SenderIdentity,
    payload: Uint8Array,
    reply: (payload: Uint8Array) => void,
    trace?: RequestTrace,
  ): void {
    this.#ports.run(async () => {
      const failure = await this.#senders.admit(sender);
      if (failure === null) {
        this.submit(payload, reply, trace);
        return;
      }
      this.#counters.refuse(failure.code);
      reply(encodeSubmitRefusal(failure));
    });
  }

  /** Answers a BookRequest from what is safe. */
  book(payload: Uint8Array): Uint8Array {
    const levels = decodeBookRequest(payload);
    if (!levels.ok) {
      this.#counters.refuse(levels.failure.code);
      return encodeBookRefusal(levels.failure);
    }
    const { bids, asks } = this.#marketData.levels(levels.value);
    const { digest } = this.#engine.progress();
    const isStale = this.#isUncertain(this.#ports.clock.monotonic());
    return encodeBookReply(bids, asks, this.#marketData.sequence, digest, isStale);
  }

  /** Answers an OrdersRequest from what is safe. */
  orders(payload: Uint8Array): Uint8Array {
    const query = decodeOrdersRequest(payload);
    if (!query.ok) {
      this.#counters.refuse(query.failure.code);
      return encodeOrdersRefusal(query.failure);
    }
    const { account, after } = query.value;
    const found = this.#orders.ofAccount(account, after, MAXIMUM_ORDERS_LISTED + 1);
    const listed = found.slice(0, MAXIMUM_ORDERS_LISTED);
    const more = found.length > listed.length;
    const isStale = this.#isUncertain(this.#ports.clock.monotonic());
    return encodeOrdersReply(this.#definition, listed, more, this.#marketData.sequence, isStale);
  }

  /** Answers an ApplyLimits once everything it asks for is safe. */
  async limits(payload: Uint8Array): Promise<Uint8Array> {
    const request = decodeLimits(payload);
    if (!request.ok) return this.#limitsRefused(request.failure);
    if (!this.#limits.admit(request.value)) {
      const { actor, incarnation } = request.value;
      return this.#limitsRefused({
        code: "stale_epoch",
        reason: `${actor} has been heard under a younger incarnation than ${incarnation}`,
        next: nextStep("stale_epoch"),
      });
    }
    // Offered together: they stand in the journal side by side, and are awaited together.
    const asked = this.#limits.missing(request.value).map(async ({ make, done }) => {
      const result = await this.command(make);
      if (result.ok) done();
      return result;
    });
    for (const result of await Promise.all(asked)) {
      if (!result.ok) return this.#limitsRefused(result.failure);
    }
    return encodeLimitsReply(null);
  }

  #limitsRefused(failure: Failure): Uint8Array {
    this.#counters.refuse(failure.code);
    return encodeLimitsReply(failure);
  }

  /** One command of the market's own (configure, set_state, limits), resolved when it is safe. */
  async command(make: (tag: number) => EngineCommand): Promise<Result<void>> {
    for (;;) {
      const tag = this.#tag;
      const command = make(tag);
      this.#tag = (tag + 1) % 2 ** 32;
      if (this.#engine.offer(command)) {
        return new Promise((resolve) => this.#expect(tag, command, resolve));
      }
      await this.#ports.sleep(ringRetry);
    }
  }

  /** New reference data that keeps tick and lot. */
  redefine(definition: MarketDefinition): void {
    this.#definition = definition;
  }

  /** The follower has accepted everything up to this sequence. */
  onCommitted(committed: number): void {
    this.#committed = Math.max(this.#committed, committed);
    this.#release();
  }

  /** Events or durable records may be there. */
  pump(): void {
    const limit = Math.min(EVENTS_PER_TURN, this.#events.room);
    if (limit > 0) {
      const taken = this.#engine.drain(this.#take, limit);
      if (taken === limit) this.#armPump();
    }
    if (this.#traced.any) this.#traced.durable(this.#engine.progress().durable);
    if (this.#direct?.any === true) this.#direct.durable(this.#engine.progress().durable);
    this.#release();
  }

  /** Sends what has gathered; nothing is taken after it. */
  flush(): void {
    this.pump();
    this.#blocks.flush();
  }

  #offer(command: EngineCommand, admitted: Admission): "not_durable" | "ring_full" | null {
    if (admitted === "nothing" || (admitted === "cancels" && !isRelief(command))) {
      return "not_durable";
    }
    return this.#engine.offer(command) ? null : "ring_full";
  }

  /** Without a valid lease another region may own the market already. */
  #isUncertain(now: number): boolean {
    return now >= this.#ports.ownership.validUntil();
  }

  /** Cancels wait for the lease; what would add risk is sent away at once. */
  #whileUncertain(request: HeldRequest): void {
    const decoded = decodeSubmit(request.payload, this.#definition, this.#tag);
    const commands = decoded.ok ? decoded.value.commands : [];
    const isRelieving =
      commands.length > 0 && commands.every(({ command }) => command !== null && isRelief(command));
    if (isRelieving && this.#held.hold(request)) {
      this.#pollLease();
      return;
    }
    const { market, group } = this.#definition;
    const failure: Failure = isRelieving
      ? {
          code: "busy",
          reason: `${CANCELS_HELD} requests to cancel wait for the cell's lease`,
          next: nextStep("busy"),
        }
      : {
          code: "not_owner",
          reason:
            "the cell's lease has lapsed: it is cut off, and another region may own the market",
          next: `send the same session and numbers to cmd.<region>.${market}.submit of another region of group ${group}`,
        };
    this.#counters.refuse(failure.code);
    request.reply(encodeSubmitRefusal(failure));
  }

  /** Before anything newer: a number below one that was taken could not be used any more. */
  #takeHeld(): void {
    if (this.#held.length === 0) return;
    for (const { payload, reply, trace } of this.#held.take()) this.submit(payload, reply, trace);
  }

  #refuseRequest(): Failure | null {
    if (this.#outcomes.length >= REQUESTS_WAITING) {
      return {
        code: "busy",
        reason: `${REQUESTS_WAITING} requests wait for their outcomes`,
        next: nextStep("busy"),
      };
    }
    return null;
  }

  #admission(now: number): Admission {
    const admitted = admission(this.#waiting, now - this.#progressAt);
    if (admitted === "all") return admitted;
    // Outputs may be ready and only this process late in taking them.
    this.pump();
    return admission(this.#waiting, now - this.#progressAt);
  }

  #expect(tag: number, command: EngineCommand, resolve: (result: Result<void>) => void): void {
    let result: Result<void> = ok(undefined);
    this.#internal.set(tag, command);
    if (this.#waiting === 0) this.#progressAt = this.#ports.clock.monotonic();
    this.#waiting += 1;
    this.#outcomes.push({
      remaining: 1,
      onEvent: (event) => {
        if (event.kind === "refused") {
          result = refuse(event.refusal, refusals[event.refusal], nextStep(event.refusal));
        } else if (event.kind === "configured" || event.kind === "state_set") {
          const current = this.#references.at(-1)?.reference;
          if (current === undefined) throw new Error("a market has a reference");
          const reference = evolveReference(current, command, event.sequence);
          this.#references.push({ from: event.sequence, reference });
        }
      },
      onDone: () => {
        this.#internal.delete(tag);
        resolve(result);
      },
    });
    this.#engine.flush();
  }

  /** Events as they are drained, before they are safe. */
  readonly #take = (event: EngineEvent, foreign = false): void => {
    this.#events.push(event, foreign);
    if (event.last) this.#drained = event.sequence;
    if (this.#traced.any && event.last && !foreign) this.#traced.drained(event);
    if (this.#direct !== null && event.last && foreign) this.#direct.drained(event);
    // Only the market's owner configures: no grant lets a client administer.
    if (foreign || event.kind !== "configured") return;
    const command = this.#internal.get(event.tag);
    if (command?.kind !== "configure" || command.mode === this.#mode) return;
    this.#mode = command.mode;
    this.#modeChangedAt = event.sequence;
  };

  #release(): void {
    if (this.#events.length === 0) return;
    const { clock, ownership } = this.#ports;
    const leaseValid = clock.monotonic() < ownership.validUntil();
    const mode = this.mode;
    const positions = {
      matched: this.#drained,
      durable: mode === "durable" ? this.#engine.progress().durable : 0,
      committed: this.#committed,
    };
    const safe = safeSequence(mode, positions, leaseValid);
    if (safe > this.#released) {
      this.#leavingAs = leaseValid ? mode : "replicated";
      this.#released = safe;
      this.#progressAt = clock.monotonic();
      const wasFull = this.#events.room === 0;
      this.#events.release(safe, this.#give);
      if (wasFull) this.#armPump();
    }
    if (!leaseValid && this.#events.length > 0) this.#pollLease();
  }

  /** Events as they leave. */
  readonly #give = (event: EngineEvent, slot: Uint8Array, foreign: boolean): void => {
    this.#book.apply(event);
    this.#orders.apply(event);
    this.#marketData.apply(event);
    this.#phase.apply(event, this.#definition);
    this.#blocks.add(event.sequence, slot);
    if (foreign) {
      if (this.#direct?.any === true && event.last)
        this.#followDirect(this.#direct, event.sequence);
      return;
    }
    if (event.last) this.#waiting -= 1;
    this.#outcomes.apply(event);
  };

  #followDirect(direct: DirectTraces, sequence: number): void {
    const trace = direct.released(sequence, this.#leavingAs);
    if (trace !== null) this.#blocks.follow(trace, sequence);
  }

  #count(event: EngineEvent): void {
    switch (event.kind) {
      case "accepted":
      case "replaced":
        this.#counters.orders += 1;
        return;
      case "executed":
        this.#counters.trades += 1;
        this.#counters.volumeLots += event.quantity;
        return;
      case "refused":
        this.#counters.refuse(event.refusal);
        return;
      case "canceled":
      case "reduced":
      case "repeated":
      case "configured":
      case "state_set":
      case "rested":
      case "triggered":
      case "activated":
      case "repriced":
      case "indicative":
      case "limit_state":
      case "breaker_set":
      case "mass_canceled":
      case "limit_set":
      case "killed":
      case "position_set":
      case "busted":
      case "corrected":
      case "ticked":
      case "seeded":
      case "touch":
    }
  }

  #encodeReply(outcomes: readonly WireOutcome[]): Uint8Array {
    const payload = encodeSubmitReply(outcomes, this.#leavingAs, this.#epoch);
    if (payload.length <= MAXIMUM_REPLY_BYTES) return payload;
    const totals = outcomes.map((outcome) => ({ ...outcome, fills: [] }));
    return encodeSubmitReply(totals, this.#leavingAs, this.#epoch);
  }

  #armPump(): void {
    if (this.#pumpArmed) return;
    this.#pumpArmed = true;
    this.#ports.after(durationNs(0), () => {
      this.#pumpArmed = false;
      this.pump();
    });
  }

  #pollLease(): void {
    if (this.#leasePolled) return;
    this.#leasePolled = true;
    this.#ports.after(LEASE_POLL, () => {
      this.#leasePolled = false;
      this.#release();
      if (this.#held.length === 0) return;
      if (this.#isUncertain(this.#ports.clock.monotonic())) this.#pollLease();
      else this.#takeHeld();
    });
  }
}

/** Tag of the last command that was offered: one whose outcome is not known yet. */
function lastOffered(
  commands: readonly { readonly command: EngineCommand | null }[],
  outcomes: readonly WireOutcome[],
): number {
  const index = outcomes.findLastIndex(({ refusal }) => refusal === undefined);
  return commands[index]?.command?.tag ?? 0;
}

function passingFailure(code: RefusalCode): Failure {
  return { code, reason: refusals[code], next: nextStep(code) };
}
