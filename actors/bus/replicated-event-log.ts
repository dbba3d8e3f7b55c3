import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { wire } from "../../schemas/messages.ts";
import { actorSnapshotBucket, eventLogStream, eventLogSubject } from "../../schemas/subjects.ts";
import { logFull, staleEpoch, trimmed, wrongSequence } from "../kernel/event-log-refusals.ts";
import type { JournalStream, KeyStore } from "../kernel/ports/bus.ts";
import type { Snapshot, SnapshotLog } from "../kernel/ports/event-log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { epoch as epochOf, type Epoch } from "../kernel/units.ts";

const { EventLogMessage, EventLogSnapshot } = wire.control.v1;

/** Messages of one log that the stream keeps; older ones leave it by themselves. */
export const keptMessages = 4_096;
/** Messages since the last snapshot; beyond it nothing is appended, or the stream would drop what no snapshot holds. */
const unsnapshotted = 2_000;
/** A state as it was before it was deflated; more is damage. */
const largestState = 16 * 1024 * 1024;

export interface ReplicatedEventLogOf {
  readonly journal: JournalStream;
  readonly keys: KeyStore;
  readonly region: string;
}

/** What this process knows of one log. */
interface Known {
  /** Stream sequence of the last message seen on the subject, accepted or not; 0: none. */
  tail: number;
  /** Highest epoch accepted. */
  epoch: number;
  /** Number of the last entry. */
  last: number;
  /** Entries base + 1 … last. */
  base: number;
  entries: Uint8Array[];
  /** Stream sequence of the message that entry `last` came in. */
  lastMessage: number;
  messages: number;
}

/**
 * Event logs of actors in the stream ALOG_<region>, one subject a log, kept by a majority of regions.
 * Each append states the last message it knows of its subject, so that of two writers one fails; and
 * its epoch, which readers compare: what a replaced owner writes is refused when it knows of its
 * successor and accepted by nobody when it does not. What the stream's server said nothing about is
 * `unavailable`; the caller reads the log again, and its own bytes there are its answer.
 */
export class ReplicatedEventLog implements SnapshotLog {
  readonly #of: ReplicatedEventLogOf;
  readonly #logs = new Map<string, Known>();

  constructor(of: ReplicatedEventLogOf) {
    this.#of = of;
  }

  /** Forgets what is known of the log: its actor runs elsewhere now. */
  forget(log: string): void {
    this.#logs.delete(log);
  }

  async append(
    log: string,
    expected: number,
    events: readonly Uint8Array[],
    epoch: Epoch = epochOf(0),
  ): Promise<Result<number>> {
    const found = this.#logs.get(log);
    const known = found === undefined ? await this.#catchUp(log) : ok(found);
    if (!known.ok) return known;
    const held = known.value;
    if (epoch < held.epoch) return staleEpoch(log, held.epoch, epoch);
    if (held.last !== expected) return wrongSequence(log, held.last, expected);
    // Its own epoch is in the log: whoever has a lower one is refused already.
    if (events.length === 0 && epoch === held.epoch) return ok(held.last);
    if (held.messages >= unsnapshotted) return logFull(log, held.messages, unsnapshotted);
    const entries = events.map((event) => new Uint8Array(event));
    const payload = EventLogMessage.encode({ epoch, first: expected + 1, entries }).finish();
    const fate = await this.#of.journal.append(
      eventLogStream(this.#of.region),
      eventLogSubject(this.#of.region, log),
      payload,
      held.tail,
    );
    if (fate.fate === "stored") {
      this.#accept(held, { epoch, first: expected + 1, entries }, fate.streamSequence);
      return ok(held.last);
    }
    if (fate.fate === "undecided") {
      return refuse("unavailable", `${log}: ${fate.reason}`, "read the log again");
    }
    const after = await this.#catchUp(log);
    if (!after.ok) return after;
    if (epoch < held.epoch) return staleEpoch(log, held.epoch, epoch);
    // The tail may be a message that nobody accepts: then the log is as it was, and can be tried again.
    return held.last === expected
      ? refuse("unavailable", `${log}: the tail had moved`, "read the log again")
      : wrongSequence(log, held.last, expected);
  }

  async read(log: string, after: number, limit: number): Promise<Result<readonly Uint8Array[]>> {
    const known = await this.#catchUp(log);
    if (!known.ok) return known;
    const { base, entries } = known.value;
    if (after < base) return trimmed(log, base + 1);
    return ok(entries.slice(after - base, after - base + limit).map((one) => new Uint8Array(one)));
  }

  async storeSnapshot(
    log: string,
    { sequence, state }: Snapshot,
    epoch: Epoch = epochOf(0),
  ): Promise<Result<void>> {
    const held = this.#logs.get(log);
    if (held === undefined || held.last !== sequence) {
      return wrongSequence(log, held?.last ?? 0, sequence);
    }
    if (epoch < held.epoch) return staleEpoch(log, held.epoch, epoch);
    const bucket = actorSnapshotBucket(this.#of.region);
    const entry = await this.#of.keys.get(bucket, log);
    if (!entry.ok) return entry;
    const before = entry.value === null ? null : decodeSnapshot(entry.value.value);
    if (before !== null && before.epoch > epoch) return staleEpoch(log, before.epoch, epoch);
    const bytes = encodeSnapshot({ epoch, sequence, streamSequence: held.lastMessage, state });
    const stored = await this.#of.keys.compareAndSet(
      bucket,
      log,
      bytes,
      entry.value?.revision ?? 0,
    );
    if (!stored.ok) return refuse("unavailable", stored.failure.reason, "it is tried again");
    held.entries = [];
    held.base = sequence;
    held.messages = 0;
    return ok(undefined);
  }

  async readSnapshot(log: string): Promise<Result<Snapshot | null>> {
    const found = await this.#snapshot(log);
    if (!found.ok || found.value === null) return found;
    return ok({ sequence: found.value.sequence, state: found.value.state });
  }

  async #snapshot(log: string): Promise<Result<KeptSnapshot | null>> {
    const entry = await this.#of.keys.get(actorSnapshotBucket(this.#of.region), log);
    if (!entry.ok) return entry;
    // A damaged snapshot costs the time to read the log from its beginning, as far as it is kept.
    return ok(entry.value === null ? null : decodeSnapshot(entry.value.value));
  }

  /** Reads what is new on the log's subject; the first time from its snapshot on. */
  async #catchUp(log: string): Promise<Result<Known>> {
    let held = this.#logs.get(log);
    if (held === undefined) {
      const snapshot = await this.#snapshot(log);
      if (!snapshot.ok) return snapshot;
      held = knownFrom(snapshot.value);
    }
    const { journal, region } = this.#of;
    const subject = eventLogSubject(region, log);
    for (;;) {
      const next = await journal.next(eventLogStream(region), subject, held.tail + 1);
      if (!next.ok) return next;
      if (next.value === null) break;
      const message = decodeMessage(next.value.payload);
      held.tail = next.value.streamSequence;
      if (message === null) continue;
      // The oldest messages have left the stream: what they said is in no snapshot that is whole.
      if (held.tail > 0 && held.last === 0 && message.first > 1) {
        return refuse(
          "unavailable",
          `${log} begins at entry ${message.first} and has no whole snapshot`,
          "restore the key of its snapshot from a backup",
        );
      }
      this.#accept(held, message, next.value.streamSequence);
    }
    this.#logs.set(log, held);
    return ok(held);
  }

  #accept(held: Known, message: LogMessage, streamSequence: number): void {
    held.tail = streamSequence;
    if (message.epoch < held.epoch || message.first !== held.last + 1) return;
    held.epoch = message.epoch;
    held.entries.push(...message.entries);
    held.last += message.entries.length;
    held.lastMessage = streamSequence;
    held.messages += 1;
  }
}

interface LogMessage {
  readonly epoch: number;
  readonly first: number;
  readonly entries: readonly Uint8Array[];
}

function decodeMessage(payload: Uint8Array): LogMessage | null {
  try {
    const { epoch, first, entries } = EventLogMessage.decode(payload);
    return { epoch, first, entries: entries.map((entry) => new Uint8Array(entry)) };
  } catch {
    return null;
  }
}

interface KeptSnapshot {
  readonly epoch: number;
  readonly sequence: number;
  readonly streamSequence: number;
  readonly state: Uint8Array;
}

const knownFrom = (snapshot: KeptSnapshot | null): Known => ({
  tail: snapshot?.streamSequence ?? 0,
  epoch: snapshot?.epoch ?? 0,
  last: snapshot?.sequence ?? 0,
  base: snapshot?.sequence ?? 0,
  entries: [],
  lastMessage: snapshot?.streamSequence ?? 0,
  messages: 0,
});

function hashOf({ epoch, sequence, streamSequence, state }: KeptSnapshot): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(24));
  numbers.setBigUint64(0, BigInt(epoch));
  numbers.setBigUint64(8, BigInt(sequence));
  numbers.setBigUint64(16, BigInt(streamSequence));
  return createHash("sha256").update(new Uint8Array(numbers.buffer)).update(state).digest();
}

/** A thousand remembered outcomes are alike: deflated they fit into a message many times over. */
function encodeSnapshot(snapshot: KeptSnapshot): Uint8Array {
  const kept = { ...snapshot, state: new Uint8Array(deflateRawSync(snapshot.state)) };
  return EventLogSnapshot.encode({ ...kept, hash: hashOf(kept), deflated: true }).finish();
}

/** Null when the bytes are damaged. */
function decodeSnapshot(bytes: Uint8Array): KeptSnapshot | null {
  try {
    const { epoch, sequence, streamSequence, state, hash, deflated } =
      EventLogSnapshot.decode(bytes);
    const kept = { epoch, sequence, streamSequence, state: new Uint8Array(state) };
    if (Buffer.compare(hashOf(kept), hash) !== 0) return null;
    if (!deflated) return kept;
    const whole = inflateRawSync(kept.state, { maxOutputLength: largestState });
    return { ...kept, state: new Uint8Array(whole) };
  } catch {
    return null;
  }
}
