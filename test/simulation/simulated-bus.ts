import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
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
} from "../../actors/kernel/ports/bus.ts";
import type { Clock } from "../../actors/kernel/ports/clock.ts";
import { ok, refuse, unreachable, type Result } from "../../actors/kernel/result.ts";
import type { DurationNs } from "../../actors/kernel/units.ts";
import { subjectMatches } from "../../actors/bus/subjects.ts";
import type { StreamStore } from "../../actors/bus/stream-store.ts";
import type { Life, Scheduler } from "./scheduler.ts";
import type { SimulatedJetStream } from "./simulated-jetstream.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";

/** As the client library is set up (actors/bus/nats.ts). */
const APPEND_TIMEOUT_NS = 5e9 as DurationNs;
const READ_TIMEOUT_NS = 2e9 as DurationNs;
const PING_TIMEOUT_NS = 10e9;
const RECONNECT_NS = [250e6, 750e6] as const;

/** What the network does to core messages, of 10,000. */
export interface MessageTrouble {
  readonly lost: number;
  readonly doubled: number;
  /** Overtaken by others: up to three seconds late. */
  readonly late: number;
}

interface Listener {
  readonly bus: SimulatedBus;
  readonly pattern: string;
  readonly handle: (subject: string, payload: Uint8Array) => void;
}
interface Server {
  readonly bus: SimulatedBus;
  readonly pattern: string;
  readonly handle: (request: BusRequest) => void;
}

/** What all buses of a simulated cluster share. */
export class SimulatedSwitch {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly jetstream: SimulatedJetStream;
  readonly random: SeededRandomness;
  readonly listeners = new Set<Listener>();
  readonly services = new Set<Server>();
  trouble: MessageTrouble = { lost: 0, doubled: 0, late: 0 };
  /** Every message that reached a memory stream, in order of arrival. */
  onAppended: (subject: string, payload: Uint8Array) => void = () => {};

  constructor(
    scheduler: Scheduler,
    network: SimulatedNetwork,
    jetstream: SimulatedJetStream,
    random: SeededRandomness,
  ) {
    this.scheduler = scheduler;
    this.network = network;
    this.jetstream = jetstream;
    this.random = random;
  }

  /** A core message: at most once in order, unless the run's troubles say otherwise. */
  carry(from: SimulatedBus, to: SimulatedBus, label: string, arrive: () => void): void {
    const { lost, doubled, late } = this.trouble;
    const drawn = this.random.below(10_000);
    if (drawn < lost) return;
    const send = (): void => from.travel(to, label, arrive);
    if (drawn < lost + doubled) send();
    if (drawn >= lost + doubled && drawn < lost + doubled + late) {
      this.scheduler.in(3e9 * this.random.unit(), to.life, label, send);
      return;
    }
    send();
  }
}

/** One process's connection to the simulated servers: its own site's first, else another. */
export class SimulatedBus implements Bus {
  readonly journal: JournalStream;
  readonly keys: KeyStore;
  readonly life: Life;
  readonly site: number;
  readonly #shared: SimulatedSwitch;
  readonly #clock: Clock;
  readonly #callbacks: ((state: BusState) => void)[] = [];
  /** Requests under way; each is told when the connection is lost. */
  readonly #underWay = new Set<() => void>();
  #server: number | null = null;
  #closed = false;
  #reconnects = -1;
  #dropped = 0;

  constructor(shared: SimulatedSwitch, life: Life, site: number, clock: Clock) {
    this.#shared = shared;
    this.life = life;
    this.site = site;
    this.#clock = clock;
    this.journal = {
      append: (stream, subject, payload, expectedTail) =>
        this.#append(stream, subject, payload, expectedTail, APPEND_TIMEOUT_NS),
      tail: (stream, subject) =>
        this.#read(stream, (store, asOf) => copyOf(store.tail(subject, asOf))),
      next: (stream, subject, from) =>
        this.#read(stream, (store, asOf) => copyOf(store.next(subject, from, asOf))),
    };
    this.keys = {
      get: (bucket, key) =>
        this.#read(`KV_${bucket}`, (store, asOf) =>
          entryOf(store.tail(subjectOf(bucket, key), asOf)),
        ),
      compareAndSet: (bucket, key, value, expected) =>
        this.#compareAndSet(bucket, key, value, expected),
      list: (bucket, prefix) => this.#list(bucket, prefix),
    };
    shared.jetstream.onCrash((site_) => {
      if (site_ === this.#server) shared.scheduler.in(1e6, life, "reset", () => this.drop());
    });
    shared.network.onChange(() => this.#watchLink());
    this.#connect();
  }

  /** The server's site, while connected. */
  get server(): number | null {
    return this.#server;
  }

  /** The connection breaks: what is under way ends, and another server is looked for. */
  drop(): void {
    if (this.#server === null) return;
    this.#server = null;
    for (const lost of Array.from(this.#underWay)) lost();
    this.#tell();
    this.#retry();
  }

  publish(subject: string, payload: Uint8Array): void {
    if (this.#server === null) {
      this.#dropped += 1;
      return;
    }
    const { listeners, scheduler } = this.#shared;
    scheduler.trace.bytes(payload);
    for (const listener of listeners) {
      if (!subjectMatches(listener.pattern, subject)) continue;
      const copy = payload.slice();
      this.#shared.carry(this, listener.bus, "message", () => {
        if (listeners.has(listener)) listener.handle(subject, copy);
      });
    }
  }

  request(subject: string, payload: Uint8Array, timeout: DurationNs): Promise<Result<Uint8Array>> {
    const body = payload.slice();
    return this.#ask<Result<Uint8Array>>(timeout, requestFailure(subject), (answer) => {
      const able = [...this.#shared.services].filter(
        (service) => subjectMatches(service.pattern, subject) && this.#reaches(service.bus),
      );
      const chosen = able[this.#shared.random.below(Math.max(1, able.length))];
      if (chosen === undefined) {
        this.#shared.scheduler.in(200_000, this.life, "no responders", () =>
          answer(refuse("no_responders", `nobody serves ${subject}`, "check the subject")),
        );
        return;
      }
      this.#shared.scheduler.trace.bytes(body);
      this.#shared.carry(this, chosen.bus, "request", () => {
        if (!this.#shared.services.has(chosen)) return;
        const respond = (reply: Uint8Array): void => {
          const copy = reply.slice();
          this.#shared.scheduler.trace.bytes(copy);
          this.#shared.carry(chosen.bus, this, "reply", () => answer(ok(copy)));
        };
        chosen.handle({ subject, user: "", payload: body.slice(), respond });
      });
    });
  }

  serve(subject: string, handler: (request: BusRequest) => void): Subscription {
    const service = { bus: this, pattern: subject, handle: handler };
    this.#shared.services.add(service);
    return { unsubscribe: () => void this.#shared.services.delete(service) };
  }

  subscribe(
    subject: string,
    handler: (subject: string, payload: Uint8Array) => void,
  ): Subscription {
    const listener = { bus: this, pattern: subject, handle: handler };
    this.#shared.listeners.add(listener);
    return { unsubscribe: () => void this.#shared.listeners.delete(listener) };
  }

  append(subject: string, payload: Uint8Array): Promise<Result<void>> {
    const body = payload.slice();
    return this.#ask<Result<void>>(APPEND_TIMEOUT_NS, requestFailure(subject), (answer) => {
      const server = this.#server;
      if (server === null) return;
      const { network, jetstream } = this.#shared;
      network.send(this.site, server, jetstream.server(server), "event block", () => {
        this.#shared.onAppended(subject, body);
        network.send(server, this.site, this.life, "ack", () => answer(ok(undefined)));
      });
    });
  }

  state(): BusState {
    return {
      connected: this.#server !== null,
      reconnects: Math.max(0, this.#reconnects),
      server: `server-${this.#server ?? "none"}`,
      dropped: this.#dropped,
    };
  }

  onState(callback: (state: BusState) => void): void {
    this.#callbacks.push(callback);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.drop();
    this.forget();
    return Promise.resolve();
  }

  /** The servers notice that the process has gone. */
  forget(): void {
    this.#closed = true;
    for (const set of [this.#shared.listeners, this.#shared.services] as Set<Listener | Server>[]) {
      for (const entry of set) if (entry.bus === this) set.delete(entry);
    }
  }

  /** A message to another process, over the servers of both. */
  travel(to: SimulatedBus, label: string, arrive: () => void): void {
    const [mine, other] = [this.#server, to.#server];
    if (mine === null || other === null) return;
    const { network, jetstream } = this.#shared;
    const deliver = (): void => {
      if (to.#server === other) network.send(other, to.site, to.life, label, arrive);
    };
    if (mine === other && this.site === mine) deliver();
    else if (this.site === mine)
      network.send(mine, other, jetstream.server(other), "route", deliver);
    else {
      network.send(this.site, mine, jetstream.server(mine), "route", () => {
        network.send(mine, other, jetstream.server(other), "route", deliver);
      });
    }
  }

  #reaches(other: SimulatedBus): boolean {
    const [mine, theirs] = [this.#server, other.#server];
    return (
      other.life.alive &&
      mine !== null &&
      theirs !== null &&
      this.#shared.network.joined(mine, theirs)
    );
  }

  #append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
    timeout: DurationNs,
  ): Promise<AppendFate> {
    const body = payload.slice();
    this.#shared.scheduler.trace.bytes(body);
    const failed = (code: string): AppendFate => ({ fate: "undecided", reason: code });
    return this.#ask<AppendFate>(timeout, failed, (answer) => {
      this.#atLeader(
        stream,
        () => answer({ fate: "undecided", reason: "503 no leader" }),
        (leader, back) => {
          this.#shared.jetstream.append(leader, stream, subject, body, expectedTail, (fate) =>
            back(() => answer(fate)),
          );
        },
      );
    });
  }

  #read<T>(stream: string, look: (store: StreamStore, asOf: number) => T): Promise<Result<T>> {
    const failed = (code: string): Result<T> =>
      refuse("unavailable", `${stream}: ${code}`, "try again");
    return this.#ask<Result<T>>(READ_TIMEOUT_NS, failed, (answer) => {
      this.#atLeader(
        stream,
        () => answer(failed("no leader")),
        (leader, back) => {
          this.#shared.jetstream.read(leader, stream, (store, asOf) => {
            const found = look(store, asOf);
            back(() => answer(ok(found)));
          });
        },
      );
    });
  }

  async #compareAndSet(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<Result<number>> {
    const subject = subjectOf(bucket, key);
    const fate = await this.#append(`KV_${bucket}`, subject, value, expected, READ_TIMEOUT_NS);
    switch (fate.fate) {
      case "stored":
        return ok(fate.streamSequence);
      case "wrong_tail":
        return refuse("conflict", `${key} is not at revision ${expected}`, "read it again");
      case "undecided":
        return refuse("undecided", `${key}: ${fate.reason}`, "read the key, then decide");
      default:
        return unreachable(fate);
    }
  }

  #list(bucket: string, prefix: string): Promise<Result<ReadonlyMap<string, KeyEntry>>> {
    const from = subjectOf(bucket, prefix);
    return this.#read(`KV_${bucket}`, (store, asOf) => {
      const entries = new Map<string, KeyEntry>();
      for (const subject of [...store.subjects()].sort()) {
        const entry = subject.startsWith(from) ? entryOf(store.tail(subject, asOf)) : null;
        if (entry !== null) entries.set(subject.slice(subjectOf(bucket, "").length), entry);
      }
      return entries;
    });
  }

  /** Goes to the stream's leader; `back` carries an answer home. */
  #atLeader(
    stream: string,
    noLeader: () => void,
    there: (leader: number, back: (deliver: () => void) => void) => void,
  ): void {
    const server = this.#server;
    if (server === null) return;
    const { network, jetstream, random } = this.#shared;
    const home = (deliver: () => void): void => {
      network.send(server, this.site, this.life, "answer", () => {
        if (this.#server === server) deliver();
      });
    };
    const atServer = (): void => {
      const leader = jetstream.route(server, stream);
      if (leader === null) {
        if (jetstream.knowsNoLeader(server, stream) && random.below(2) === 0) home(noLeader);
        return;
      }
      if (leader === server) {
        there(leader, home);
        return;
      }
      network.send(server, leader, jetstream.server(leader), "to leader", () => {
        there(leader, (deliver) => {
          network.send(leader, server, jetstream.server(server), "from leader", () =>
            home(deliver),
          );
        });
      });
    };
    network.send(this.site, server, jetstream.server(server), "to server", atServer);
  }

  /** One question; ends by an answer, the time-out, or the loss of the connection. */
  #ask<T>(
    timeout: DurationNs,
    failed: (code: string) => T,
    send: (answer: (value: T) => void) => void,
  ): Promise<T> {
    if (this.#server === null) return Promise.resolve(failed("disconnected"));
    return new Promise((resolve) => {
      let settled = false;
      const settle = (value: T): void => {
        if (settled) return;
        settled = true;
        cancel();
        this.#underWay.delete(lost);
        resolve(value);
      };
      const lost = (): void => settle(failed("disconnected"));
      const cancel = this.#clock.after(timeout, () => settle(failed("timeout")));
      this.#underWay.add(lost);
      send(settle);
    });
  }

  #connect(): void {
    if (this.#closed || this.#server !== null) return;
    const { network, jetstream } = this.#shared;
    const order = [this.site, ...network.sites.filter((site) => site !== this.site)];
    const found = order.find((site) => jetstream.up(site) && network.joined(this.site, site));
    if (found === undefined) {
      this.#retry();
      return;
    }
    this.#server = found;
    this.#reconnects += 1;
    this.#tell();
  }

  #retry(): void {
    if (this.#closed) return;
    const [least, most] = RECONNECT_NS;
    const delay = least + (most - least) * this.#shared.random.unit();
    this.#shared.scheduler.in(delay, this.life, "reconnect", () => this.#connect());
  }

  /** A cut link to a distant server is noticed by pings. */
  #watchLink(): void {
    const server = this.#server;
    const { network, scheduler } = this.#shared;
    if (server === null || server === this.site || network.joined(this.site, server)) return;
    scheduler.in(PING_TIMEOUT_NS, this.life, "pings", () => {
      if (this.#server === server && !network.joined(this.site, server)) this.drop();
    });
  }

  #tell(): void {
    for (const callback of this.#callbacks) callback(this.state());
  }
}

const subjectOf = (bucket: string, key: string): string => `$KV.${bucket}.${key}`;

const copyOf = (message: StoredMessage | null): StoredMessage | null =>
  message === null
    ? null
    : { streamSequence: message.streamSequence, payload: message.payload.slice() };

const entryOf = (message: StoredMessage | null): KeyEntry | null =>
  message === null ? null : { value: message.payload.slice(), revision: message.streamSequence };

const requestFailure =
  (subject: string) =>
  (code: string): Result<never> =>
    code === "timeout"
      ? refuse("timeout", `no answer on ${subject}`, "the outcome is unknown: ask again")
      : refuse("disconnected", `${subject}: no connection`, "retry when connected");
