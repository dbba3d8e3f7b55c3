import type { Clock } from "../kernel/ports/clock.ts";
import { durationNs } from "../kernel/units.ts";
import type { NatsBus } from "./nats.ts";

/** A stream as its leader tells of it. */
export interface StreamState {
  readonly stream: string;
  readonly messages: number;
  readonly bytes: number;
  /** 0: none. */
  readonly limitBytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly subjects: number;
  readonly consumers: number;
  readonly hasLeader: boolean;
  /** Name of the server that leads it; empty: none, or the stream is not replicated. */
  readonly leader: string;
  /** Servers that hold it, the leader included, and those of them that are up to date and in reach. */
  readonly replicas: number;
  readonly replicasCurrent: number;
  /** Messages that the replica furthest behind lacks. */
  readonly replicaLag: number;
}

export interface AccountState {
  readonly storageBytes: number;
  readonly memoryBytes: number;
  readonly streams: number;
  readonly consumers: number;
  readonly apiRequests: number;
  readonly apiErrors: number;
}

export interface StreamsReport {
  /** Of the last answer; 0 before the first. */
  readonly takenUnixMs: number;
  /** Questions without an answer, since the start. */
  readonly failures: number;
  readonly roundTripMs: number | null;
  readonly account: AccountState | null;
  readonly streams: readonly StreamState[];
}

const lookEvery = durationNs(10_000_000_000);
const firstLook = durationNs(500_000_000);
const TIMEOUT_MS = 2_000;
const ROUND_TRIP_TIMEOUT_MS = 2_000;

/** What JetStream's API answers, as far as it is read here. */
interface StreamInfo {
  readonly error?: { readonly description?: string };
  readonly config?: { readonly name: string; readonly max_bytes?: number };
  readonly state?: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
    readonly num_subjects?: number;
    readonly consumer_count: number;
  };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly {
      readonly current: boolean;
      readonly offline?: boolean;
      readonly lag?: number;
    }[];
  };
}
interface AccountInfo {
  readonly error?: { readonly description?: string };
  readonly memory?: number;
  readonly storage?: number;
  readonly streams?: number;
  readonly consumers?: number;
  readonly api?: { readonly total?: number; readonly errors?: number };
}

/**
 * Asks for the state of a cell's streams every ten seconds, so that a scrape never waits for JetStream:
 * it is shown what was answered last, and how old that is.
 */
export class StreamsWatch {
  readonly #bus: NatsBus;
  readonly #clock: Clock;
  readonly #streams: () => readonly string[];
  #report: StreamsReport = {
    takenUnixMs: 0,
    failures: 0,
    roundTripMs: null,
    account: null,
    streams: [],
  };
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(bus: NatsBus, clock: Clock, streams: () => readonly string[]) {
    this.#bus = bus;
    this.#clock = clock;
    this.#streams = streams;
  }

  get report(): StreamsReport {
    return this.#report;
  }

  start(): void {
    this.#cancel = this.#clock.after(firstLook, () => void this.#tick());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #tick(): Promise<void> {
    await this.look();
    if (!this.#stopped) this.#cancel = this.#clock.after(lookEvery, () => void this.#tick());
  }

  /** Asks now. Never rejects: what gets no answer is counted, and the older answer stays. */
  async look(): Promise<void> {
    const account = accountOf(await this.#ask("$JS.API.INFO"));
    const streams: StreamState[] = [];
    let failures = account === null ? 1 : 0;
    for (const name of this.#streams()) {
      const state = streamOf(await this.#ask(`$JS.API.STREAM.INFO.${name}`));
      if (state === null) failures += 1;
      else streams.push(state);
    }
    const roundTripMs = await this.#roundTrip();
    const before = this.#report;
    const answered = account !== null || streams.length > 0;
    this.#report = {
      takenUnixMs: answered ? Number(this.#clock.now() / 1_000_000n) : before.takenUnixMs,
      failures: before.failures + failures,
      roundTripMs: roundTripMs ?? before.roundTripMs,
      account: account ?? before.account,
      streams: answered ? streams : before.streams,
    };
  }

  async #ask(subject: string): Promise<unknown> {
    const answer = await this.#bus.ask(subject, "", TIMEOUT_MS);
    if (!answer.ok) return null;
    try {
      return JSON.parse(Buffer.from(answer.value.data).toString("utf8"));
    } catch {
      return null;
    }
  }

  async #roundTrip(): Promise<number | null> {
    let cancel = (): void => {};
    const late = new Promise<null>((resolve) => {
      cancel = this.#clock.after(durationNs(ROUND_TRIP_TIMEOUT_MS * 1e6), () => resolve(null));
    });
    try {
      return await Promise.race([this.#bus.connection.rtt(), late]);
    } catch {
      return null;
    } finally {
      cancel();
    }
  }
}

/** Null when the answer tells of no stream. */
export function streamOf(answer: unknown): StreamState | null {
  const info = (answer ?? {}) as StreamInfo;
  if (info.config === undefined || info.state === undefined) return null;
  const others = info.cluster?.replicas ?? [];
  const hasLeader = info.cluster === undefined || (info.cluster.leader ?? "") !== "";
  const current = others.filter((one) => one.current && one.offline !== true).length;
  return {
    stream: info.config.name,
    messages: info.state.messages,
    bytes: info.state.bytes,
    limitBytes: Math.max(info.config.max_bytes ?? 0, 0),
    firstSequence: info.state.first_seq,
    lastSequence: info.state.last_seq,
    subjects: info.state.num_subjects ?? 0,
    consumers: info.state.consumer_count,
    hasLeader,
    leader: info.cluster?.leader ?? "",
    replicas: others.length + 1,
    replicasCurrent: current + (hasLeader ? 1 : 0),
    replicaLag: Math.max(0, ...others.map(({ lag }) => lag ?? 0)),
  };
}

/** Null when the answer tells of no account. */
export function accountOf(answer: unknown): AccountState | null {
  const info = (answer ?? {}) as AccountInfo;
  if (info.error !== undefined || info.storage === undefined) return null;
  return {
    storageBytes: info.storage,
    memoryBytes: info.memory ?? 0,
    streams: info.streams ?? 0,
    consumers: info.consumers ?? 0,
    apiRequests: info.api?.total ?? 0,
    apiErrors: info.api?.errors ?? 0,
  };
}
