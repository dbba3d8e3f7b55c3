import {
  chainStart,
  type ChainMessage,
  type ChainState,
  fold,
  type Seal,
  sealOf,
} from "../kernel/accepted-chain.ts";
import type { Bus, StoredMessage } from "../kernel/ports/bus.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import {
  type EngineSlots,
  type MarketEngine,
  RECORD_BYTES,
} from "../kernel/ports/matching-engine.ts";
import { ok, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { type AcceptedRoot, type Anchor, ANCHORS } from "./accepted-root.ts";
import { decodeChainMessage } from "./codec.ts";
import {
  configureRefused,
  evolveReference,
  type JournalledReference,
  referenceStart,
} from "./decide.ts";
import { OwnershipEnded } from "./endings.ts";
import type { HeldLog } from "./held-log.ts";
import { LeaderDoubt } from "./leader-doubt.ts";
import type { MarketDefinition } from "./messages.ts";

const retryDelay = durationNs(200_000_000);
/** Messages of the journal that are asked for together, each at most a block. */
const READS_AT_ONCE = 8;
/** Seals kept until they are written. */
const SEALS_TOGETHER = 4_096;

export interface JournalReaderPorts {
  readonly bus: Bus;
  readonly slots: EngineSlots;
  /** Absent: what the leader shows is believed. */
  readonly replicas?: JournalReplicas;
  readonly log: Log;
  /** Aborted when the market is to end: its log is another's then. */
  readonly signal: AbortSignal;
  /** Resolves after the delay; never when the actor has ended meanwhile. */
  readonly sleep: (delay: DurationNs) => Promise<void>;
  readonly now: () => DurationNs;
  readonly report: (step: "recovering", detail: string) => void;
  /** The stream is gone: whether it comes back is decided there. */
  readonly restoreStream: () => Promise<void>;
}

/**
 * Folds a market's journal as it is read from the stream's leader into the accepted chain (DESIGN §8.0), and
 * brings the log of this cell to the same records.
 */
export class JournalReader {
  readonly #ports: JournalReaderPorts;
  readonly #engine: MarketEngine;
  readonly #held: HeldLog;
  readonly #stream: string;
  readonly #subject: string;
  #chain: ChainState;
  /** Last message of the subject that was folded, accepted or not. */
  #position = 0;
  /** The last accepted messages, oldest first. */
  #anchors: Anchor[] = [];
  #highestEpoch = 0;
  #fenceLog: string | null = null;
  #fenceHolder: string | null = null;
  #fences: { readonly epoch: number; readonly log: string }[] = [];
  #reference: JournalledReference = referenceStart;
  /** Last record of the journal's tail as it was seen last. */
  #tailRecord = 0;
  #atTail: DurationNs | null = null;
  /** Accepted messages whose seals are not on the disk yet. */
  #unsealed: Seal[] = [];
  readonly #doubt: LeaderDoubt | null;

  constructor(
    ports: JournalReaderPorts,
    { market, group, shard }: MarketDefinition,
    engine: MarketEngine,
    held: HeldLog,
  ) {
    this.#ports = ports;
    this.#engine = engine;
    this.#held = held;
    this.#stream = journalStream(group, shard);
    this.#subject = journalSubject(market);
    this.#chain = chainStart(market);
    const { replicas, log } = ports;
    this.#doubt = replicas === undefined ? null : new LeaderDoubt(replicas, log, this.#stream);
  }

  get chain(): ChainState {
    return this.#chain;
  }

  /** Stream sequence of the last message that was folded, accepted or not. */
  get position(): number {
    return this.#position;
  }

  /** Of all messages, accepted or not. */
  get highestEpoch(): number {
    return this.#highestEpoch;
  }

  /** Accepted fences that were read, oldest first; those below the root are not among them. */
  get fences(): readonly { readonly epoch: number; readonly log: string }[] {
    return this.#fences;
  }

  /** Log and holder named by the last accepted fence; null before the first. */
  get lastFence(): { readonly log: string | null; readonly holder: string | null } {
    return { log: this.#fenceLog, holder: this.#fenceHolder };
  }

  get reference(): JournalledReference {
    return this.#reference;
  }

  /** Whether any message has been accepted. */
  get hasAccepted(): boolean {
    return this.#anchors.length > 0;
  }

  /** Records behind the tail at the last look. */
  get lagRecords(): number {
    return Math.max(0, this.#tailRecord - this.#chain.lastSequence);
  }

  /** Monotonic time at which it last stood at the tail; null: not yet. */
  get atTail(): DurationNs | null {
    return this.#atTail;
  }

  /** What has been followed, as the next start finds it on the disk. */
  get root(): Omit<AcceptedRoot, "log"> {
    return {
      streamSequence: this.#anchors.at(-1)?.streamSequence ?? 0,
      epoch: this.#chain.epoch,
      lastSequence: this.#chain.lastSequence,
      hash: this.#chain.hash,
      fenceLog: this.#fenceLog ?? "",
      fenceHolder: this.#fenceHolder ?? "",
      reference: this.#reference,
      anchors: this.#anchors,
    };
  }

  /** Folds from a root of this log on, when the journal and the log still hold it. */
  async startFrom(root: AcceptedRoot): Promise<void> {
    if (root.lastSequence > this.#engine.progress().durable) return;
    if (!(await this.#areInPlace(root.anchors))) {
      this.#ports.log.warn(
        { streamSequence: root.streamSequence },
        "the journal does not hold the stored root any more, folding it from its start",
      );
      return;
    }
    this.#chain = {
      ...this.#chain,
      epoch: root.epoch,
      lastSequence: root.lastSequence,
      hash: root.hash,
    };
    this.#position = root.streamSequence;
    this.#anchors = [...root.anchors];
    this.#highestEpoch = root.epoch;
    this.#fenceLog = root.fenceLog;
    this.#fenceHolder = root.fenceHolder;
    this.#reference = root.reference;
    this.#ports.signal.throwIfAborted();
    await this.#engine.sealFrom({
      sequence: root.lastSequence,
      epoch: root.epoch,
      hash: root.hash,
    });
  }

  /** Whether each message is still in the stream under its number. */
  async #areInPlace(anchors: readonly Anchor[]): Promise<boolean> {
    const { journal } = this.#ports.bus;
    const found = await Promise.all(
      anchors.map(({ streamSequence }) =>
        this.#read(() => journal.next(this.#stream, this.#subject, streamSequence)),
      ),
    );
    return anchors.every(({ streamSequence, hash }, index) => {
      const stored = found[index] ?? null;
      if (stored?.streamSequence !== streamSequence) return false;
      const message = decodeChainMessage(stored.payload);
      return message !== null && Buffer.compare(message.hash, hash) === 0;
    });
  }

  /** Throws when JetStream has lost what was read: only a new start reads what readers read now. */
  async checkInPlace(): Promise<void> {
    if (await this.#areInPlace(this.#anchors)) return;
    throw new OwnershipEnded("the journal holds other messages than those that had been read");
  }

  /**
   * Folds everything up to the tail that the stream's leader names. `expectsMore`: there is likely something new,
   * and its first message is asked for together with the tail.
   */
  async foldToTail(expectsMore = false): Promise<void> {
    const lookedAt = this.#ports.now();
    const { journal } = this.#ports.bus;
    const asked = expectsMore
      ? journal.next(this.#stream, this.#subject, this.#position + 1)
      : ok(null);
    const tail = await this.#tailSequence();
    const next = await asked;
    if (next.ok && next.value !== null && next.value.streamSequence <= tail) {
      await this.#foldOne(next.value);
    }
    await this.foldTo(tail);
    this.#tailRecord = this.#chain.lastSequence;
    this.#atTail = lookedAt;
  }

  #noteTail(tail: StoredMessage): void {
    const message = decodeChainMessage(tail.payload);
    if (message?.type === "block") this.#tailRecord = Math.max(this.#tailRecord, message.last);
  }

  /** The last message of the market's journal; null: it has none. */
  tail(): Promise<StoredMessage | null> {
    const { journal } = this.#ports.bus;
    return this.#read(() => journal.tail(this.#stream, this.#subject));
  }

  /** Stream sequence of the tail, 0 without one. Throws when the tail was read already and is gone. */
  async #tailSequence(): Promise<number> {
    const tail = await this.tail();
    const at = tail?.streamSequence ?? 0;
    if (tail !== null && at > this.#position) this.#noteTail(tail);
    if (at >= this.#position) return at;
    throw new OwnershipEnded(
      `the journal ends at ${at}, ${this.#position} had been read: it lost messages`,
    );
  }

  /** Folds everything up to a message that the stream's leader has named. */
  async foldTo(target: number): Promise<void> {
    while (this.#position < target) {
      if (await this.#foldSome(target)) continue;
      // A missing message below the tail means that the reader is behind, never the end: but the tail
      // itself may have gone since it was named.
      await this.#ports.sleep(retryDelay);
      const tail = await this.#tailSequence();
      if (tail < target) {
        throw new OwnershipEnded(
          `the journal ends at ${tail}, ${target} had been named: it lost messages`,
        );
      }
    }
    await this.#writeSeals();
  }

  /**
   * The next messages, read at once: one after the other, a journal whose leader is far away would be
   * written faster than it is read. False: one is missing.
   */
  async #foldSome(target: number): Promise<boolean> {
    const { journal } = this.#ports.bus;
    const from = this.#position + 1;
    const count = Math.max(1, Math.min(READS_AT_ONCE, target - this.#position));
    const found = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        this.#read(() => journal.next(this.#stream, this.#subject, from + index)),
      ),
    );
    for (const stored of found) {
      if (stored === null) return false;
      // Where other markets' messages lie between, several reads find the same one.
      if (stored.streamSequence <= this.#position) continue;
      await this.#foldOne(stored);
      // It is to be read again, before what is behind it.
      if (this.#position < stored.streamSequence) return true;
    }
    return true;
  }

  async #writeSeals(): Promise<void> {
    this.#ports.signal.throwIfAborted();
    const seals = this.#unsealed;
    this.#unsealed = [];
    await this.#engine.seal(seals);
  }

  async #foldOne(stored: StoredMessage): Promise<void> {
    const message = decodeChainMessage(stored.payload);
    const folded = message === null ? null : fold(this.#chain, message);
    if (folded?.accepted !== true && (await this.#isDoubtful(stored, message))) return;
    this.#position = stored.streamSequence;
    if (message === null || folded === null) {
      this.#chain = { ...this.#chain, dropped: this.#chain.dropped + 1 };
      return;
    }
    this.#highestEpoch = Math.max(this.#highestEpoch, message.epoch);
    this.#chain = folded.state;
    if (!folded.accepted) {
      this.#ports.log.warn(
        { streamSequence: stored.streamSequence, reason: folded.reason },
        "a journal message does not continue the chain, dropped",
      );
      await this.checkInPlace();
      return;
    }
    const { streamSequence } = stored;
    this.#anchors = [...this.#anchors, { streamSequence, hash: message.hash }].slice(-ANCHORS);
    this.#unsealed.push(sealOf(message));
    if (message.type === "fence") {
      this.#fenceLog = message.log;
      this.#fenceHolder = message.holder;
      this.#fences.push({ epoch: message.epoch, log: message.log });
      return;
    }
    this.#ports.signal.throwIfAborted();
    await this.#held.compare(message, this.#chain);
    if (this.#unsealed.length >= SEALS_TOGETHER) await this.#writeSeals();
    this.#reference = evolveByRecords(this.#ports.slots, this.#reference, message.records);
  }

  /** True: the message is to be read again, of another server. */
  async #isDoubtful(stored: StoredMessage, message: ChainMessage | null): Promise<boolean> {
    const what = this.#doubt?.of(this.#chain, message) ?? null;
    if (what === null) return false;
    const answer = await this.#doubt?.ask(stored, what);
    if (answer === undefined || answer === "as_written") return false;
    this.#ports.report("recovering", answer.reason);
    await this.#ports.sleep(retryDelay);
    return true;
  }

  /** Reads until it works: a journal without a leader is waited for. */
  async #read<T>(ask: () => Promise<Result<T>>): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (answer.ok) return answer.value;
      this.#ports.log.warn({ code: answer.failure.code }, answer.failure.reason);
      this.#ports.signal.throwIfAborted();
      if (answer.failure.code === "not_found") await this.#ports.restoreStream();
      await this.#ports.sleep(retryDelay);
    }
  }
}

/** What the journal says about the market with these records, besides its orders. */
export function evolveByRecords(
  slots: EngineSlots,
  reference: JournalledReference,
  records: Uint8Array,
): JournalledReference {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let folded = reference;
  for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
    // Only configure (5) and set_state (6) are of interest: their kind is the command's first byte.
    const kind = view.getUint8(at + RECORD_BYTES - 64);
    if (kind !== 5 && kind !== 6) continue;
    const command = slots.command(view, at + RECORD_BYTES - 64);
    if (command === null) continue;
    if (command.kind === "configure" && configureRefused(folded, command)) continue;
    if (command.kind === "set_state" && folded.configure === null) continue;
    const recordSequence = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 2 ** 32;
    folded = evolveReference(folded, command, recordSequence);
  }
  return folded;
}
