import type { ActorBehaviour, ActorContext, ActorRef, RecentEvent } from "./actor.ts";
import { CommandMemory } from "./command-memory.ts";
import { messageText } from "./dead-letters.ts";
import { decodeRecord, encodeRecord, isEventRecord, type RecordedChange } from "./event-record.ts";
import type { EventSourcedMachine } from "./event-sourced-machine.ts";
import { type EventCodec, type StateCodec, upcastEvents } from "./event-versions.ts";
import { JournalledTimers, TimerDue } from "./journalled-timers.ts";
import { type EventLog, keepsSnapshots, type SnapshotLog } from "./ports/event-log.ts";
import type { Failure } from "./result.ts";
import { decodeSnapshotState, encodeSnapshotState } from "./snapshot-state.ts";
import { durationNs, epoch as epochOf, type Epoch, type TimestampNs } from "./units.ts";

/** What a command or a question comes to. */
export type Decision<Event, Reply> =
  /** These events happened; they are kept, with the timers, before anybody is told. */
  | {
      readonly type: "happened";
      readonly events: readonly Event[];
      readonly timers?: readonly TimerChange[];
    }
  /** A refusal, or the answer to a question: nothing is kept, and the same may come to something else later. */
  | { readonly type: "answered"; readonly reply: Reply };

/** `due` in Unix nanoseconds. Setting an id that is set replaces it. */
export type TimerChange =
  | { readonly set: string; readonly due: TimestampNs }
  | { readonly clear: string };

/** What the author of an event-sourced actor writes: data and pure functions. */
export interface EventSourced<Start, State, Message, Event, Reply> {
  readonly machine: EventSourcedMachine;
  /** Name of the actor's event log. */
  log(start: Start): string;
  initial(start: Start): State;
  /** Stable id of a command, by which a resend is known; null for a question, which changes nothing. */
  commandId(message: Message): string | null;
  /** What a command asks for, in a few words; a resend asks for the same. */
  asked(message: Message): string;
  /** Pure. */
  decide(state: State, message: Message, now: TimestampNs): Decision<Event, Reply>;
  /** Pure. */
  evolve(state: State, event: Event): State;
  /** Pure: what the sender of a command is told when it is done; `state` is what stands then. */
  outcome(state: State): Reply;
  /** The first reply as a resend gets it. */
  repeated(reply: Reply): Reply;
  /** A refusal by the kernel: command_id_reused, log_full, limit_exceeded (timers), stale_epoch. */
  refusal(failure: Failure, state: State): Reply;
  /** What a timer that is due asks for; it is decided like a command, once. Absent: it sets none. */
  due?(timer: string): Message;
  readonly events: EventCodec<Event>;
  /** Absent: the log is read whole at a start. */
  readonly snapshots?: StateCodec<State, Reply> & {
    /** Entries of the log between two snapshots. */
    readonly every: number;
  };
  /** Resends of commands older than this many later ones are not known any more. */
  readonly remembered: number;
  /**
   * Whoever is refused takes that for the truth and does not ask again: a command is refused only once the log was
   * read and had nothing new. Absent: by what is known here, which an owner that was replaced may not know to be old.
   */
  readonly refusalsAreFinal?: true;
}

export interface EventSourcedPorts {
  readonly events: EventLog;
  /** The epoch under which this cell owns the actor; absent: 0, one owner for ever. */
  readonly epoch?: () => Epoch;
}

const entriesPerRead = 512;
/** Pause before a log that could not be read is read again. */
const readAgainAfter = durationNs(200_000_000);
/** Most timers set at a time. */
const timerLimit = 1_024;

/**
 * One incarnation of an event-sourced actor: what `create` of its definition returns. `settled` is told
 * the state after a start and whenever something was kept: for effects that follow from what stands, not
 * from what happened, since states in between may be left out.
 */
export function eventSourcedBehaviour<Start, State, Message, Event, Reply>(
  context: ActorContext<Message, EventSourcedMachine>,
  start: Start,
  rules: EventSourced<Start, State, Message, Event, Reply>,
  ports: EventSourcedPorts,
  settled: (state: State) => void = () => {},
): ActorBehaviour<Message, Reply, EventSourcedMachine> {
  const life = new EventSourcedLife(context, start, rules, ports, settled);
  return {
    machine: rules.machine,
    input: undefined,
    restore: () => life.restore(),
    receive: (message, reply) => life.receive(message, reply),
    recentEvents: (count) => life.recentEvents(count),
  };
}

type Kept = "kept" | "uncertain" | Failure;

class EventSourcedLife<Start, State, Message, Event, Reply> {
  readonly #context: ActorContext<Message, EventSourcedMachine>;
  readonly #rules: EventSourced<Start, State, Message, Event, Reply>;
  readonly #log: EventLog | SnapshotLog;
  readonly #name: string;
  readonly #epoch: Epoch;
  readonly #done: CommandMemory<Reply>;
  readonly #timers: JournalledTimers;
  readonly #settled: (state: State) => void;
  #state: State;
  /** Number of the last entry known; 0 before the first. */
  #sequence = 0;
  /** Of the last snapshot, or of the last try to take one. */
  #snapshotAt = 0;
  #fenced = false;

  constructor(
    context: ActorContext<Message, EventSourcedMachine>,
    start: Start,
    rules: EventSourced<Start, State, Message, Event, Reply>,
    ports: EventSourcedPorts,
    settled: (state: State) => void,
  ) {
    this.#context = context;
    this.#settled = settled;
    this.#rules = rules;
    this.#log = ports.events;
    this.#name = rules.log(start);
    // Read once: an incarnation acts under the epoch it began with, whatever its cell gets later.
    this.#epoch = ports.epoch?.() ?? epochOf(0);
    this.#done = new CommandMemory(rules.remembered);
    this.#state = rules.initial(start);
    const self = context.self as ActorRef<unknown, never>;
    this.#timers = new JournalledTimers({
      clock: context.clock,
      after: (delay, callback) => context.after(delay, callback),
      deliver: (timer) => self.signal(timer).ok,
    });
  }

  async restore(): Promise<void> {
    await this.#readNew();
    if (!(await this.#own())) return;
    this.#context.lifecycle.send({ type: "caught_up" });
    this.#timers.start();
    this.#settled(this.#state);
  }

  /**
   * An owner that was replaced and does not know it may be about to write. What it has written is read; from
   * here on the log refuses it, so that nothing is decided that leaves out what it acknowledges. False: it is
   * this one that was replaced.
   */
  async #own(): Promise<boolean> {
    for (;;) {
      const owned = await this.#log.append(this.#name, this.#sequence, [], this.#epoch);
      this.#context.signal.throwIfAborted();
      if (owned.ok) return true;
      const { failure } = owned;
      switch (failure.code) {
        case "stale_epoch":
          this.#endAsReplaced(failure);
          return false;
        case "wrong_sequence":
          break;
        case "log_full":
          // Nothing is appended to it, so there is nothing that could be left out.
          if (!(await this.#storeSnapshot())) return true;
          break;
        case "unavailable":
          this.#context.log.warn({ failure }, "the event log cannot be written");
          await this.#pause();
          break;
        default:
          throw new Error(`${failure.code}: ${failure.reason}`);
      }
      await this.#readNew();
    }
  }

  #endAsReplaced(failure: Failure): void {
    this.#fenced = true;
    this.#timers.clearAll();
    this.#context.lifecycle.send({ type: "fenced" });
    this.#context.log.warn({ failure }, "another cell owns this actor now");
  }

  /** Read from the log: an actor that nobody looks at keeps nothing for it. */
  async recentEvents(count: number): Promise<readonly RecentEvent[]> {
    const from = Math.max(0, this.#sequence - count);
    const read = await this.#log.read(this.#name, from, count);
    if (!read.ok) return [];
    const events = read.value.flatMap((entry, index) => this.#told(entry, from + index + 1));
    return events.slice(-count);
  }

  #told(entry: Uint8Array, sequence: number): readonly RecentEvent[] {
    const { events: codec } = this.#rules;
    const legacy = isEventRecord(entry) ? undefined : codec.legacy?.(entry);
    if (legacy !== undefined) {
      const events = upcastEvents(codec, legacy.eventVersion, legacy.events);
      return events.map((event) => toldEvent(event, sequence, 0));
    }
    const { at, changes, eventVersion } = decodeRecord(entry);
    return changes.flatMap((change) => {
      if (change.kind !== "event") return [];
      const event = codec.decode(change.content, eventVersion);
      return upcastEvents(codec, eventVersion, [event]).map((one) =>
        toldEvent(one, sequence, Number(at / 1_000_000n)),
      );
    });
  }

  async receive(message: Message, reply: (reply: Reply) => void): Promise<void> {
    const before = this.#sequence;
    if (message instanceof TimerDue) await this.#timerDue(message);
    else reply(await this.#answer(message));
    if (this.#sequence !== before && !this.#fenced) this.#settled(this.#state);
    await this.#snapshot();
  }

  async #answer(message: Message): Promise<Reply> {
    const commandId = this.#rules.commandId(message);
    for (;;) {
      if (this.#fenced) return this.#refused(fencedFailure(this.#name));
      const before = commandId === null ? null : this.#earlier(commandId, message);
      if (before !== null) return before;
      const now = this.#context.clock.now();
      const decision = this.#rules.decide(this.#state, message, now);
      if (decision.type === "answered") {
        const isFinal = commandId !== null && this.#rules.refusalsAreFinal === true;
        if (!isFinal || (await this.#isNewest())) return decision.reply;
        continue;
      }
      if (commandId === null) {
        throw new Error(`${this.#name}: a message without a command id came to events`);
      }
      const asked = this.#rules.asked(message);
      const kept = await this.#keep({ commandId, asked, now, ...decision });
      if (kept === "kept") return this.#rules.outcome(this.#state);
      if (kept !== "uncertain") return this.#refused(kept);
      // It may have been kept. What the log says decides: then this command is a resend of itself.
    }
  }

  /**
   * Whether the log has nothing that is not known here; else it is known afterwards. Who refuses a command writes
   * nothing that could tell that it was replaced, and its clock may have stood still with it: what it would say of
   * a reservation that its successor keeps is taken for the truth. A refusal costs a read where a change costs a write.
   */
  async #isNewest(): Promise<boolean> {
    const read = await this.#log.read(this.#name, this.#sequence, 1);
    this.#context.signal.throwIfAborted();
    if (read.ok && read.value.length === 0) return true;
    await this.#readAgain();
    return false;
  }

  /** The reply to a command that was done before; null when it is new. */
  #earlier(commandId: string, message: Message): Reply | null {
    const done = this.#done.get(commandId);
    if (done === undefined) return null;
    if (done.asked === this.#rules.asked(message)) return this.#rules.repeated(done.reply);
    return this.#refused({
      code: "command_id_reused",
      reason: `command ${commandId} was ${done.asked} before`,
      next: "give each command an id of its own",
    });
  }

  #refused(failure: Failure): Reply {
    return this.#rules.refusal(failure, this.#state);
  }

  /** Decided once for each time it is set: the entry that says so clears it. */
  async #timerDue(timer: TimerDue): Promise<void> {
    if (this.#rules.due === undefined)
      throw new Error(`${this.#name} has a timer and no rule for it`);
    while (this.#timers.isSet(timer) && !this.#fenced) {
      const now = this.#context.clock.now();
      const decision = this.#rules.decide(this.#state, this.#rules.due(timer.id), now);
      const happened = decision.type === "happened" ? decision : { events: [], timers: [] };
      const kept = await this.#keep({
        commandId: `timer/${timer.id}/${timer.due}`,
        asked: "a timer is due",
        now,
        events: happened.events,
        timers: [{ clear: timer.id }, ...(happened.timers ?? [])],
      });
      if (kept === "kept") return;
      if (kept === "uncertain") continue;
      this.#context.log.warn({ failure: kept, timer: timer.id }, "a due timer was not kept");
      this.#timers.again(timer);
      return;
    }
  }

  /** Appends what came of a command and, when it is kept, makes it the state. */
  async #keep(command: {
    readonly commandId: string;
    readonly asked: string;
    readonly now: TimestampNs;
    readonly events: readonly Event[];
    readonly timers?: readonly TimerChange[];
  }): Promise<Kept> {
    const { commandId, asked, events, timers = [] } = command;
    if (this.#timers.size + timers.filter((change) => "set" in change).length > timerLimit) {
      return tooManyTimers(this.#name);
    }
    const changes: RecordedChange[] = [
      ...events.map((event) => ({
        kind: "event" as const,
        content: this.#rules.events.encode(event),
      })),
      ...timers.map(recordedTimer),
    ];
    const { version: eventVersion } = this.#rules.events;
    const entry = encodeRecord({ eventVersion, at: command.now, commandId, asked, changes });
    const expected = this.#sequence;
    const appended = await this.#log.append(this.#name, expected, [entry], this.#epoch);
    // An incarnation that has ended meanwhile must not write again: its successor does.
    this.#context.signal.throwIfAborted();
    if (appended.ok) {
      for (const event of events) this.#state = this.#rules.evolve(this.#state, event);
      this.#applyTimers(changes);
      this.#remember(commandId, asked);
      this.#sequence = appended.value;
      return "kept";
    }
    return this.#notKept(appended.failure);
  }

  async #notKept(failure: Failure): Promise<Kept> {
    switch (failure.code) {
      case "log_full":
        return failure;
      case "stale_epoch":
        this.#endAsReplaced(failure);
        return failure;
      case "unavailable":
        await this.#readAgain();
        return "uncertain";
      default:
        // Two writers under one epoch are a fault of ownership: the supervisor answers, and the next
        // incarnation starts from the log.
        throw new Error(`${failure.code}: ${failure.reason}`);
    }
  }

  async #readAgain(): Promise<void> {
    this.#context.lifecycle.send({ type: "log_uncertain" });
    await this.#readNew();
    this.#context.lifecycle.send({ type: "caught_up" });
  }

  /** Reads what the log has beyond what is known, waiting for the log as long as it takes. */
  async #readNew(): Promise<void> {
    if (this.#sequence === 0) await this.#readSnapshot();
    for (;;) {
      const read = await this.#log.read(this.#name, this.#sequence, entriesPerRead);
      this.#context.signal.throwIfAborted();
      if (!read.ok && read.failure.code === "trimmed") {
        await this.#readSnapshot();
      } else if (!read.ok) {
        this.#context.log.warn({ failure: read.failure }, "the event log cannot be read");
        await this.#pause();
      } else if (read.value.length === 0) {
        break;
      } else {
        for (const entry of read.value) this.#apply(entry);
      }
    }
  }

  #apply(entry: Uint8Array): void {
    const { events: codec } = this.#rules;
    if (!isEventRecord(entry)) {
      const legacy = codec.legacy?.(entry);
      if (legacy === undefined) throw new Error(`${this.#name}: an entry is damaged`);
      this.#evolve(upcastEvents(codec, legacy.eventVersion, legacy.events));
      this.#remember(legacy.commandId, legacy.asked);
    } else {
      const { eventVersion, changes, commandId, asked } = decodeRecord(entry);
      for (const change of changes) {
        if (change.kind !== "event") continue;
        const event = codec.decode(change.content, eventVersion);
        this.#evolve(upcastEvents(codec, eventVersion, [event]));
      }
      this.#applyTimers(changes);
      this.#remember(commandId, asked);
    }
    this.#sequence += 1;
  }

  #evolve(events: readonly Event[]): void {
    this.#state = events.reduce((state, event) => this.#rules.evolve(state, event), this.#state);
  }

  #applyTimers(changes: readonly RecordedChange[]): void {
    for (const change of changes) {
      if (change.kind === "timer_set") this.#timers.set(change.id, change.due);
      else if (change.kind === "timer_cleared") this.#timers.clear(change.id);
    }
  }

  #remember(commandId: string, asked: string): void {
    this.#done.add(commandId, { asked, reply: this.#rules.outcome(this.#state) });
  }

  /** Takes over the newest snapshot, when it knows more than this. */
  async #readSnapshot(): Promise<void> {
    const codec = this.#rules.snapshots;
    if (codec === undefined || !keepsSnapshots(this.#log)) return;
    for (;;) {
      const read = await this.#log.readSnapshot(this.#name);
      this.#context.signal.throwIfAborted();
      if (read.ok) {
        if (read.value === null || read.value.sequence <= this.#sequence) return;
        const kept = decodeSnapshotState(codec, read.value.state);
        this.#state = kept.state;
        this.#done.clear();
        for (const [commandId, done] of kept.done) this.#done.add(commandId, done);
        this.#timers.clearAll();
        for (const [id, due] of kept.timers) this.#timers.set(id, due);
        this.#sequence = read.value.sequence;
        this.#snapshotAt = this.#sequence;
        return;
      }
      this.#context.log.warn({ failure: read.failure }, "the snapshot cannot be read");
      await this.#pause();
    }
  }

  /** After the reply: the sender need not wait for it, the next message does. */
  async #snapshot(): Promise<void> {
    const every = this.#rules.snapshots?.every ?? Number.POSITIVE_INFINITY;
    if (this.#sequence - this.#snapshotAt >= every && !this.#fenced) await this.#storeSnapshot();
  }

  /** False: none was stored. */
  async #storeSnapshot(): Promise<boolean> {
    const codec = this.#rules.snapshots;
    if (codec === undefined || !keepsSnapshots(this.#log)) return false;
    this.#snapshotAt = this.#sequence;
    const state = encodeSnapshotState(codec, {
      state: this.#state,
      done: this.#done.entries(),
      timers: this.#timers.inOrder(),
    });
    const snapshot = { sequence: this.#sequence, state };
    const stored = await this.#log.storeSnapshot(this.#name, snapshot, this.#epoch);
    this.#context.signal.throwIfAborted();
    // Nothing is lost: the events are there, and the next snapshot is tried after as many again.
    if (!stored.ok) this.#context.log.warn({ failure: stored.failure }, "no snapshot was taken");
    return stored.ok;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#context.after(readAgainAfter, resolve);
    });
  }
}

function toldEvent(event: unknown, sequence: number, atUnixMs: number): RecentEvent {
  const { type } = event as { readonly type?: unknown };
  return {
    sequence,
    atUnixMs,
    type: typeof type === "string" ? type : "event",
    detail: messageText(event),
  };
}

const recordedTimer = (change: TimerChange): RecordedChange =>
  "set" in change
    ? { kind: "timer_set", id: change.set, due: change.due }
    : { kind: "timer_cleared", id: change.clear };

const fencedFailure = (log: string): Failure => ({
  code: "stale_epoch",
  reason: `${log} is owned by another cell now`,
  next: "send the same command id again; it reaches the present owner",
});

const tooManyTimers = (log: string): Failure => ({
  code: "limit_exceeded",
  reason: `${log} may have ${timerLimit} timers at a time`,
  next: "wait until some are due",
});
