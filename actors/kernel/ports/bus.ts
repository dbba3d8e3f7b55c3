import type { Result } from "../result.ts";
import type { DurationNs } from "../units.ts";

/**
 * Messages between actors as logic sees them. actors/bus has two implementations: over NATS with
 * JetStream, and one in memory. Payloads are bytes; a payload handed to a handler is private to it.
 */
export interface Bus {
  /** Fire and forget (core NATS). Dropped while disconnected; counted in `dropped`. */
  publish(subject: string, payload: Uint8Array): void;
  /** Failure codes: no_responders, timeout, disconnected. A timeout is ambiguous, not a failure. */
  request(subject: string, payload: Uint8Array, timeout: DurationNs): Promise<Result<Uint8Array>>;
  /** Serves requests on a subject (wildcards allowed). */
  serve(subject: string, handler: (request: BusRequest) => void): Subscription;
  subscribe(subject: string, handler: (subject: string, payload: Uint8Array) => void): Subscription;
  /** Publishes to a memory stream without expectations (evt, sup). Rejected counts are kept by the caller. */
  append(subject: string, payload: Uint8Array): Promise<Result<void>>;
  readonly journal: JournalStream;
  readonly keys: KeyStore;
  state(): BusState;
  /** Called at each change of `state().connected`. */
  onState(callback: (state: BusState) => void): void;
  close(): Promise<void>;
}

export interface BusRequest {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Whose inbox the answer goes to, as the server allows nobody else to listen there; empty: unknown. */
  readonly user: string;
  /** The header `traceparent` that came with it; absent: none. */
  readonly trace?: string;
  respond(payload: Uint8Array): void;
}
export interface Subscription {
  unsubscribe(): void;
}
export interface BusState {
  readonly connected: boolean;
  readonly reconnects: number;
  readonly server: string;
  readonly dropped: number;
}

/** What became of a conditional append (DESIGN §8.4). */
export type AppendFate =
  | { readonly fate: "stored"; readonly streamSequence: number }
  /** The subject's tail is another one: 10071. */
  | { readonly fate: "wrong_tail" }
  /** Time-out, 503, 10164, 10158, sequence 0, duplicate: may or may not be stored; re-read, then decide. */
  | { readonly fate: "undecided"; readonly reason: string };

export interface StoredMessage {
  readonly streamSequence: number;
  readonly payload: Uint8Array;
}

/** Journal streams: file, R3, read at the leader only, never with a message id. */
export interface JournalStream {
  /** Stores the message iff the last one on the subject is `expectedTail` (0: none). */
  append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate>;
  /** Last message on the subject, null when none. Failure codes: unavailable, not_found (the stream). */
  tail(stream: string, subject: string): Promise<Result<StoredMessage | null>>;
  /** First message on the subject at or after `from`, null when none. Failure codes as of tail. */
  next(stream: string, subject: string, from: number): Promise<Result<StoredMessage | null>>;
}

export interface KeyEntry {
  readonly value: Uint8Array;
  readonly revision: number;
}
/** Small R3 keys with compare-and-set (LEASE, DIR), read at the leader. */
export interface KeyStore {
  get(bucket: string, key: string): Promise<Result<KeyEntry | null>>;
  /** `expected` 0: the key must not exist. Failure codes: conflict, undecided, unavailable. */
  compareAndSet(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<Result<number>>;
  /** All live keys that start with the prefix. */
  list(bucket: string, prefix: string): Promise<Result<ReadonlyMap<string, KeyEntry>>>;
}
