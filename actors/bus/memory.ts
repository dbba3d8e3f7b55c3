import type {
  AppendFate,
  Bus,
  BusRequest,
  BusState,
  JournalStream,
  KeyEntry,
  KeyStore,
  StoredMessage,
  Subscription,
} from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { ok, refuse, unreachable, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { fateOf, type PublishAck } from "./publish-ack.ts";
import { StreamStore } from "./stream-store.ts";
import { subjectMatches } from "./subjects.ts";

/**
 * The bus in memory: same port, same answers, no network. Work is done in the order in which it was
 * asked for, so a run under a manual clock repeats exactly. Faults are chosen by the test, call by call.
 */

/** What the broker does to one conditional append instead of the ordinary thing. */
export type AppendFault =
  /** Nobody answers, and nothing is stored. */
  | { readonly fault: "undecided_not_stored"; readonly reason: string }
  /** Nobody answers, but the message is stored if its expected tail holds. */
  | { readonly fault: "undecided_stored"; readonly reason: string }
  /** Nobody answers, and the message is stored later, when the test calls `deliverLate`. */
  | { readonly fault: "undecided_late"; readonly reason: string }
  /** Refused with a wrong tail although the tail is right. */
  | { readonly fault: "wrong_tail" }
  /** Stored and acknowledged although the tail has moved (checked when proposed, not when applied). */
  | { readonly fault: "unchecked" }
  /** Answered like this (10164, 503, sequence 0, duplicate, …), and stored or not. */
  | { readonly fault: "answered"; readonly ack: PublishAck; readonly stored: boolean };

/** What the broker does to one compare-and-set instead of the ordinary thing. */
export type KeyFault = "undecided_stored" | "undecided_not_stored";

/** What a read finds instead of the truth: no leader, or one that has seen only a prefix. */
export type ReadFault = "unavailable" | { readonly asOf: number };

interface LateAppend {
  readonly stream: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly expectedTail: number;
}
interface Handler {
  readonly owner: MemoryBus;
  readonly pattern: string;
  readonly handle: (subject: string, payload: Uint8Array) => void;
}
interface Service {
  readonly owner: MemoryBus;
  readonly pattern: string;
  readonly handle: (request: BusRequest) => void;
}

/** What stands for the servers: several buses (cells) share one broker. */
export class MemoryBroker {
  /** Asked before each conditional append; null lets it pass. */
  appendFault: (subject: string, payload: Uint8Array) => AppendFault | null = () => null;
  /** Asked before each compare-and-set; null lets it pass. */
  keyFault: (key: string) => KeyFault | null = () => null;
  /** Asked before each read of a journal or a key; null lets it pass. Keys are never read stale. */
  readFault: (subject: string) => ReadFault | null = () => null;
  /** While true no stream has a leader: 503 to whoever writes, unavailable to whoever reads. */
  leaderless = false;
  /** Every append to a memory stream, in order. */
  readonly appended: { readonly subject: string; readonly payload: Uint8Array }[] = [];
  /** Conditional appends asked for, whatever became of them. */
  appendsAsked = 0;
  readonly #journals = new Map<string, StreamStore>();
  readonly #keys = new Map<string, Map<string, KeyEntry>>();
  readonly #revisions = new Map<string, number>();
  readonly #handlers = new Set<Handler>();
  readonly #services = new Set<Service>();
  readonly #late: LateAppend[] = [];

  /** Everything stored on a subject, in stream order. */
  messages(stream: string, subject: string): readonly StoredMessage[] {
    return [...this.journal(stream).messages(subject)];
  }

  /** Stores a message whatever the tail is; returns its stream sequence. */
  inject(stream: string, subject: string, payload: Uint8Array): number {
    return this.journal(stream).store(subject, payload);
  }

  /** Forgets the last `count` messages of a stream; their sequence numbers are given again. */
  loseSuffix(stream: string, count: number): void {
    this.journal(stream).loseSuffix(count);
  }

  /** Stores the appends that `undecided_late` held back, each if its expected tail holds now. */
  deliverLate(): void {
    for (const late of this.#late.splice(0)) {
      this.#conditional(late.stream, late.subject, late.payload, late.expectedTail);
    }
  }

  /** The implementation of JournalStream.append. */
  append(stream: string, subject: string, payload: Uint8Array, expectedTail: number): AppendFate {
    this.appendsAsked += 1;
    if (this.leaderless) return { fate: "undecided", reason: "503 no leader" };
    const fault = this.appendFault(subject, payload);
    switch (fault?.fault) {
      case undefined:
        return this.#conditional(stream, subject, payload, expectedTail);
      case "undecided_not_stored":
        return { fate: "undecided", reason: fault.reason };
      case "undecided_stored":
        this.#conditional(stream, subject, payload, expectedTail);
        return { fate: "undecided", reason: fault.reason };
      case "undecided_late":
        this.#late.push({ stream, subject, payload: payload.slice(), expectedTail });
        return { fate: "undecided", reason: fault.reason };
      case "wrong_tail":
        return { fate: "wrong_tail" };
      case "unchecked":
        return { fate: "stored", streamSequence: this.inject(stream, subject, payload) };
      case "answered":
        if (fault.stored) this.#conditional(stream, subject, payload, expectedTail);
        return fateOf(fault.ack);
      default:
        return unreachable(fault);
    }
  }

  journal(stream: string): StreamStore {
    let store = this.#journals.get(stream);
    if (store === undefined) {
      store = new StreamStore();
      this.#journals.set(stream, store);
    }
    return store;
  }

  bucket(name: string): Map<string, KeyEntry> {
    let entries = this.#keys.get(name);
    if (entries === undefined) {
      entries = new Map();
      this.#keys.set(name, entries);
    }
    return entries;
  }

  nextRevision(bucket: string): number {
    const revision = (this.#revisions.get(bucket) ?? 0) + 1;
    this.#revisions.set(bucket, revision);
    return revision;
  }

  addHandler(handler: Handler): Subscription {
    this.#handlers.add(handler);
    return { unsubscribe: () => void this.#handlers.delete(handler) };
  }

  addService(service: Service): Subscription {
    this.#services.add(service);
    return { unsubscribe: () => void this.#services.delete(service) };
  }

  /** To all that listen, and to one of those that serve the subject, who answers nobody. */
  deliver(subject: string, payload: Uint8Array): void {
    for (const handler of this.#handlers) {
      if (!subjectMatches(handler.pattern, subject)) continue;
      const copy = payload.slice();
      queueMicrotask(() => {
        if (this.#handlers.has(handler) && handler.owner.state().connected) {
          handler.handle(subject, copy);
        }
      });
    }
    const service = this.serviceFor(subject);
    if (service === null) return;
    const request = { subject, payload: payload.slice(), user: "", respond: () => {} };
    queueMicrotask(() => service.handle(request));
  }

  /** The first service that listens, as a queue group of one would. */
  serviceFor(subject: string): Service | null {
    for (const service of this.#services) {
      if (service.owner.state().connected && subjectMatches(service.pattern, subject)) {
        return service;
      }
    }
    return null;
  }

  #conditional(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): AppendFate {
    const streamSequence = this.journal(stream).append(subject, payload, expectedTail);
    return streamSequence === null ? { fate: "wrong_tail" } : { fate: "stored", streamSequence };
  }
}

/** One process's connection to a MemoryBroker. */
export class MemoryBus implements Bus {
  readonly journal: JournalStream;
  readonly keys: KeyStore;
  readonly #broker: MemoryBroker;
  readonly #clock: Clock;
  readonly #callbacks: ((state: BusState) => void)[] = [];
  #connected = true;
  #closed = false;
  #reconnects = 0;
  #dropped = 0;

  /** Whose connection it is, as those who are asked see it. */
  readonly #user: string;

  constructor(broker: MemoryBroker, clock: Clock, user = "") {
    this.#broker = broker;
    this.#clock = clock;
    this.#user = user;
    this.journal = new MemoryJournal(broker, this);
    this.keys = new MemoryKeys(broker, this);
  }

  /** Cuts or restores this connection, as a network would. */
  setConnected(connected: boolean): void {
    if (connected === this.#connected || this.#closed) return;
    this.#connected = connected;
    if (connected) this.#reconnects += 1;
    for (const callback of this.#callbacks) callback(this.state());
  }

  publish(subject: string, payload: Uint8Array): void {
    if (!this.#connected) {
      this.#dropped += 1;
      return;
    }
    this.#broker.deliver(subject, payload);
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeout: DurationNs,
  ): Promise<Result<Uint8Array>> {
    if (!this.#connected) return refuse("disconnected", "no connection", "retry when connected");
    const service = this.#broker.serviceFor(subject);
    if (service === null) {
      return refuse("no_responders", `nobody serves ${subject}`, "check the subject");
    }
    const body = payload.slice();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeout, () => {
        resolve(refuse("timeout", `no answer on ${subject}`, "the outcome is unknown: ask again"));
      });
      const respond = (answer: Uint8Array): void => {
        const copy = answer.slice();
        queueMicrotask(() => {
          cancel();
          resolve(ok(copy));
        });
      };
      queueMicrotask(() => service.handle({ subject, payload: body, user: this.#user, respond }));
    });
  }

  serve(subject: string, handler: (request: BusRequest) => void): Subscription {
    return this.#broker.addService({ owner: this, pattern: subject, handle: handler });
  }

  subscribe(
    subject: string,
    handler: (subject: string, payload: Uint8Array) => void,
  ): Subscription {
    return this.#broker.addHandler({ owner: this, pattern: subject, handle: handler });
  }

  async append(subject: string, payload: Uint8Array): Promise<Result<void>> {
    if (!this.#connected) return refuse("unavailable", "no connection", "retry when connected");
    this.#broker.appended.push({ subject, payload: payload.slice() });
    this.#broker.deliver(subject, payload);
    return ok(undefined);
  }

  state(): BusState {
    return {
      connected: this.#connected,
      reconnects: this.#reconnects,
      server: "memory",
      dropped: this.#dropped,
    };
  }

  onState(callback: (state: BusState) => void): void {
    this.#callbacks.push(callback);
  }

  async close(): Promise<void> {
    this.setConnected(false);
    this.#closed = true;
  }
}

class MemoryJournal implements JournalStream {
  readonly #broker: MemoryBroker;
  readonly #bus: MemoryBus;

  constructor(broker: MemoryBroker, bus: MemoryBus) {
    this.#broker = broker;
    this.#bus = bus;
  }

  async append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    if (!this.#bus.state().connected) return { fate: "undecided", reason: "disconnected" };
    return this.#broker.append(stream, subject, payload, expectedTail);
  }

  async tail(stream: string, subject: string): Promise<Result<StoredMessage | null>> {
    const fault = readFault(this.#broker, this.#bus, subject);
    if (fault === "unavailable") return unavailable(subject);
    return ok(privateCopy(this.#broker.journal(stream).tail(subject, fault?.asOf)));
  }

  async next(stream: string, subject: string, from: number): Promise<Result<StoredMessage | null>> {
    const fault = readFault(this.#broker, this.#bus, subject);
    if (fault === "unavailable") return unavailable(subject);
    return ok(privateCopy(this.#broker.journal(stream).next(subject, from, fault?.asOf)));
  }
}

class MemoryKeys implements KeyStore {
  readonly #broker: MemoryBroker;
  readonly #bus: MemoryBus;

  constructor(broker: MemoryBroker, bus: MemoryBus) {
    this.#broker = broker;
    this.#bus = bus;
  }

  async get(bucket: string, key: string): Promise<Result<KeyEntry | null>> {
    if (readFault(this.#broker, this.#bus, key) !== null) return unavailable(key);
    return ok(this.#broker.bucket(bucket).get(key) ?? null);
  }

  async compareAndSet(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<Result<number>> {
    const fault = this.#broker.leaderless ? "undecided_not_stored" : this.#broker.keyFault(key);
    const lost = fault === "undecided_not_stored" || !this.#bus.state().connected;
    const undecided = refuse("undecided", `no answer on ${key}`, "read the key, then decide");
    if (lost) return undecided;
    const entries = this.#broker.bucket(bucket);
    const revision = entries.get(key)?.revision ?? 0;
    if (revision !== expected) {
      return refuse("conflict", `${key} is at ${revision}, not ${expected}`, "read it again");
    }
    const next = this.#broker.nextRevision(bucket);
    entries.set(key, { value: value.slice(), revision: next });
    return fault === "undecided_stored" ? undecided : ok(next);
  }

  async list(bucket: string, prefix: string): Promise<Result<ReadonlyMap<string, KeyEntry>>> {
    if (readFault(this.#broker, this.#bus, prefix) !== null) return unavailable(prefix);
    const entries = [...this.#broker.bucket(bucket)].filter(([key]) => key.startsWith(prefix));
    return ok(new Map(entries));
  }
}

const readFault = (broker: MemoryBroker, bus: MemoryBus, subject: string): ReadFault | null =>
  broker.leaderless || !bus.state().connected ? "unavailable" : broker.readFault(subject);

const unavailable = (what: string): Result<never> =>
  refuse("unavailable", `cannot read ${what}`, "try again");

const privateCopy = (message: StoredMessage | null): StoredMessage | null =>
  message === null
    ? null
    : { streamSequence: message.streamSequence, payload: message.payload.slice() };
