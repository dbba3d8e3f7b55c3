import {
  chainStart,
  fenceHash,
  fold,
  type ChainMessage,
  type ChainState,
  sealOf,
  type Fence,
  type Seal,
} from "../kernel/accepted-chain.ts";
import type { Bus, StoredMessage } from "../kernel/ports/bus.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import {
  type DurabilityMode,
  RECORD_BYTES,
  type EngineSlots,
  type MarketEngine,
} from "../kernel/ports/matching-engine.ts";
import type { Candidacy, Candidate, Ownership, ShardOwner } from "../kernel/ports/ownership.ts";
import type { Failure, Result } from "../kernel/result.ts";
import { durationNs, epoch as epochOf, sequence, type DurationNs } from "../kernel/units.ts";
import { journalStream, journalSubject, shardName } from "../../schemas/subjects.ts";
import { ANCHORS, type AcceptedRoot, type Anchor, loadRoot } from "./accepted-root.ts";
import { decodeChainMessage, encodeChainMessage } from "./codec.ts";
import {
  configureRefused,
  decideTakeover,
  evolveReference,
  firstDifference,
  recordEpoch,
  referenceStart,
  type JournalledReference,
} from "./decide.ts";
import { LeaderDoubt } from "./leader-doubt.ts";
import type { MarketDefinition } from "./messages.ts";

/**
 * From an open write-ahead log to an owned market (DESIGN §8.3–8.7): fold the accepted chain,
 * compare it with the log record by record, claim an epoch, write the fence, read it back.
 */

/** Thrown to the supervisor when this cell's ownership of the market ended: a restart claims it anew. */
export class OwnershipEnded extends Error {
  override readonly name = "OwnershipEnded";
}

/** The log has gone another way than the journal; the records that the chain cut off are written down. */
export class Diverged extends Error {
  override readonly name = "Diverged";
  /** Sequences of the records that were put in quarantine. */
  readonly first: number;
  readonly last: number;

  constructor(reason: string, first: number, last: number) {
    super(reason);
    this.first = first;
    this.last = last;
  }
}

/** Only an operator can help: the market stays in the tree as `failed` and says why. */
export class MarketFailed extends Error {
  override readonly name = "MarketFailed";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.reason}; ${failure.next}`);
    this.failure = failure;
  }
}

export interface RecoveryPorts {
  readonly bus: Bus;
  readonly slots: EngineSlots;
  readonly ownership: Ownership;
  readonly files: Files;
  /** Absent: what the leader shows is believed. */
  readonly replicas?: JournalReplicas;
  /** Absent: a stream that is gone waits for an operator. */
  readonly ensureJournal?: (definition: MarketDefinition) => Promise<Result<void>>;
  readonly log: Log;
  /** Resolves after the delay; never when the actor has ended meanwhile. */
  readonly sleep: (delay: DurationNs) => Promise<void>;
  readonly now: () => DurationNs;
  /** Told at each step, for the lifecycle. */
  readonly report: (step: "recovering" | "standby" | "fencing", detail: string) => void;
  /** Told what has been followed so far, whenever a standby stands at the journal's tail. */
  readonly onFollowed: (root: Omit<AcceptedRoot, "log">) => void;
}

/** Where a market that is followed stands against the journal. */
export interface Following {
  readonly owner: ShardOwner | null;
  readonly epoch: number;
  readonly sequence: number;
  /** Records behind the tail at the last look. */
  readonly lagRecords: number;
  /** Monotonic time at which it last stood at the tail; null: not yet. */
  readonly atTail: DurationNs | null;
  readonly mode: DurabilityMode | null;
}

export interface Owned {
  readonly epoch: number;
  /** The chain up to this owner's fence. */
  readonly chain: ChainState;
  readonly fence: Fence;
  /** Stream sequence of the fence: the tail on which the first block is built. */
  readonly fenceAt: number;
  /** What the whole log says, the records that are not accepted yet included. */
  readonly reference: JournalledReference;
  /** What the accepted records say. */
  readonly acceptedReference: JournalledReference;
  /** The chain up to the fence, as the next start finds it on the disk. */
  readonly root: Omit<AcceptedRoot, "log">;
}

const retryDelay = durationNs(200_000_000);
const ownerDelay = durationNs(500_000_000);
/** How often a standby asks whether it is its turn. */
const turnDelay = durationNs(100_000_000);
/** How often it looks for the journal's tail while market data says that there is more, and else. */
const tailDelay = durationNs(200_000_000);
const idleTailDelay = durationNs(1_000_000_000);
/** Messages of the journal that are asked for together, each at most a block. */
const READS_AT_ONCE = 8;
/** Seals kept until they are written. */
const SEALS_TOGETHER = 4_096;
/** Records read from the log at a time. */
const readBytes = 8_192 * RECORD_BYTES;

export class Recovery {
  readonly #ports: RecoveryPorts;
  readonly #definition: MarketDefinition;
  readonly #directory: string;
  readonly #engine: MarketEngine;
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
  #owner: ShardOwner | null = null;
  #stirred = false;
  /** An operator takes what may be lost with this takeover. */
  #lossAccepted = false;
  /** Last record of the journal's tail as it was seen last. */
  #tailRecord = 0;
  #atTail: DurationNs | null = null;
  /** The epoch of this log's own fence, when it was the last that it knew of; 0: another's, or none. */
  #ownedAs = 0;
  /** Accepted messages whose seals are not on the disk yet. */
  #unsealed: Seal[] = [];
  readonly #doubt: LeaderDoubt | null;

  constructor(
    ports: RecoveryPorts,
    definition: MarketDefinition,
    directory: string,
    engine: MarketEngine,
  ) {
    this.#ports = ports;
    this.#definition = definition;
    this.#directory = directory;
    this.#engine = engine;
    this.#stream = journalStream(definition.group, definition.shard);
    this.#subject = journalSubject(definition.market);
    this.#chain = chainStart(definition.market);
    const { replicas, log } = ports;
    this.#doubt = replicas === undefined ? null : new LeaderDoubt(replicas, log, this.#stream);
  }

  /** What is known while it runs. */
  get following(): Following {
    return {
      owner: this.#owner,
      epoch: this.#chain.epoch,
      sequence: this.#chain.lastSequence,
      lagRecords: Math.max(0, this.#tailRecord - this.#chain.lastSequence),
      atTail: this.#atTail,
      mode: this.#reference.configure?.mode ?? null,
    };
  }

  /**
   * Follows the journal until the market may be taken here, and takes it. Resolves when the market is
   * owned. Throws MarketFailed, Diverged or OwnershipEnded (DESIGN §8.6–8.8).
   */
  async run(): Promise<Owned> {
    this.#ports.report("recovering", "reading the accepted journal");
    await this.#noteOwner();
    await this.#startFromRoot();
    await this.#foldToTail();
    for (;;) {
      const owned = await this.#fenceAs(await this.#turn());
      if (owned !== null) return owned;
    }
  }

  /** A long journal takes its time: clients are told meanwhile where the market is. */
  async #noteOwner(): Promise<void> {
    const candidate = this.#candidate("its journal is being read");
    const candidacy = await this.#ports.ownership.candidacy(candidate);
    this.#owner = candidacy.may === "wait" ? candidacy.owner : null;
  }

  /** Null when the market has turned out not to be this log's to take. */
  async #fenceAs(epoch: number): Promise<Owned | null> {
    for (;;) {
      const owned = await this.#fence(epoch);
      if (owned !== null) return owned;
      // Somebody's block came in before the fence: compare it, then fence on the new tail.
      this.#ports.report("recovering", "the journal moved, comparing again");
      await this.#foldToTail();
      const blocked = await this.#blocked();
      if (blocked === null || this.#lossAccepted) continue;
      // Claimed while the last owner was still writing: whoever has its log comes first.
      const { shard, home } = this.#candidate(blocked);
      const given = await this.#ports.ownership.handOver(shard, home);
      if (!given.ok) this.#ports.log.warn({ failure: given.failure }, "the shard was not given up");
      return null;
    }
  }

  /** The owner tells of changes: the journal is looked at sooner than when nothing happens. */
  stir(): void {
    this.#stirred = true;
  }

  /** Applies the journal as it comes until the market can be claimed; the epoch it was claimed with. */
  async #turn(): Promise<number> {
    let lookedAt = this.#ports.now();
    let blocked = await this.#blocked();
    let couldClaim = false;
    this.#stirred = false;
    for (;;) {
      const candidacy = await this.#ports.ownership.candidacy(this.#candidate(blocked));
      const mayTake = candidacy.may === "claim" && (blocked === null || candidacy.lossAccepted);
      if (mayTake) {
        await this.#foldToTail();
        blocked = await this.#blocked();
        if (blocked === null || candidacy.lossAccepted) {
          this.#lossAccepted = candidacy.lossAccepted;
          const epoch = await this.#claim();
          if (epoch !== null) return epoch;
          await this.#ports.sleep(ownerDelay);
        }
      } else {
        this.#standBy(candidacy, blocked);
      }
      // Given up just now: the HANDOVER that lets a durable market be taken is at the tail already.
      const isGivenUp = candidacy.may === "claim" && !couldClaim;
      couldClaim = candidacy.may === "claim";
      if (!isGivenUp) {
        await this.#ports.sleep(turnDelay);
        const waited = this.#ports.now() - lookedAt;
        if (waited < (this.#stirred ? tailDelay : idleTailDelay)) continue;
      }
      lookedAt = this.#ports.now();
      this.#stirred = false;
      await this.#foldToTail();
      blocked = await this.#blocked();
    }
  }

  #candidate(blocked: string | null): Candidate {
    const { market, group, shard, home } = this.#definition;
    return { market, shard: shardName(group, shard), home, blocked };
  }

  #standBy(candidacy: Candidacy, blocked: string | null): void {
    this.#owner = candidacy.may === "wait" ? candidacy.owner : null;
    const reason = candidacy.may === "wait" ? candidacy.reason : null;
    this.#ports.report("standby", [reason, blocked].filter((text) => text !== null).join("; "));
    if (this.#anchors.length === 0) return;
    this.#ports.onFollowed(this.#root());
  }

  #root(): Omit<AcceptedRoot, "log"> {
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

  async #startFromRoot(): Promise<void> {
    const root = await loadRoot(this.#ports.files, this.#directory);
    if (root === null || root.log !== this.#engine.logId) return;
    if (root.fenceLog === this.#engine.logId) this.#ownedAs = root.epoch;
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
  async #checkInPlace(): Promise<void> {
    if (await this.#areInPlace(this.#anchors)) return;
    throw new OwnershipEnded("the journal holds other messages than those that had been read");
  }

  /** Folds everything up to the tail that the stream's leader names. */
  async #foldToTail(): Promise<void> {
    const lookedAt = this.#ports.now();
    await this.#foldTo(await this.#tailSequence());
    this.#tailRecord = this.#chain.lastSequence;
    this.#atTail = lookedAt;
  }

  #noteTail(tail: StoredMessage): void {
    const message = decodeChainMessage(tail.payload);
    if (message?.type === "block") this.#tailRecord = Math.max(this.#tailRecord, message.last);
  }

  /** Stream sequence of the tail, 0 without one. Throws when the tail was read already and is gone. */
  async #tailSequence(): Promise<number> {
    const { journal } = this.#ports.bus;
    const tail = await this.#read(() => journal.tail(this.#stream, this.#subject));
    const at = tail?.streamSequence ?? 0;
    if (tail !== null && at > this.#position) this.#noteTail(tail);
    if (at >= this.#position) return at;
    throw new OwnershipEnded(
      `the journal ends at ${at}, ${this.#position} had been read: it lost messages`,
    );
  }

  /** Folds everything up to a message that the stream's leader has named. */
  async #foldTo(target: number): Promise<void> {
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
      await this.#checkInPlace();
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
    await this.#compare(message);
    if (this.#unsealed.length >= SEALS_TOGETHER) await this.#writeSeals();
    this.#reference = this.#evolve(this.#reference, message.records);
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

  /** An accepted block against the log: equal where both have records, adopted where only it has. */
  async #compare(block: Extract<ChainMessage, { type: "block" }>): Promise<void> {
    const { trimmed } = this.#engine;
    if (trimmed !== null && block.first <= trimmed.sequence) {
      // Its records are gone from the log; that it was this chain, the point behind which it begins says.
      if (block.last < trimmed.sequence) return;
      if (Buffer.compare(block.hash, trimmed.hash) === 0) return;
      await this.#quarantine(
        trimmed.sequence + 1,
        `this log was trimmed at record ${trimmed.sequence} of another chain than the accepted journal (epoch ${block.epoch})`,
      );
    }
    const held = this.#engine.progress().durable;
    const shared = Math.min(block.last, held) - block.first + 1;
    if (shared > 0) {
      const ours = this.#readLog(block.first, shared);
      const difference = firstDifference(ours, block.records);
      if (difference >= 0 || ours.length < shared * RECORD_BYTES) {
        const at = block.first + Math.max(0, difference);
        await this.#quarantine(
          at,
          `record ${at} of this log differs from the accepted journal (epoch ${block.epoch})`,
        );
      }
    }
    if (block.last > held) {
      const missing = block.records.slice(Math.max(0, shared) * RECORD_BYTES);
      await this.#engine.adopt(missing);
    }
  }

  #readLog(first: number, count: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let next = first; next < first + count; ) {
      const bytes = Math.min(readBytes, (first + count - next) * RECORD_BYTES);
      const part = this.#engine.records(sequence(next), bytes);
      if (part.length === 0) break;
      parts.push(part);
      next += part.length / RECORD_BYTES;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Why this log may not take the market; null when it may. */
  async #blocked(): Promise<string | null> {
    const accepted = this.#chain.lastSequence;
    const begin = this.#engine.trimmed?.sequence ?? 0;
    if (accepted < begin) {
      throw new MarketFailed({
        code: "internal",
        reason: `the journal ends at record ${accepted}, and this log, which begins behind record ${begin}, cannot give the records between again`,
        next: "restore the journal stream, or the log's folder from a copy",
      });
    }
    const hasTail = this.#engine.progress().durable > accepted;
    const first = hasTail ? this.#readLog(accepted + 1, 1) : null;
    const last = hasTail ? recordEpoch(this.#readLog(this.#engine.progress().durable, 1), 0) : 0;
    if (last > this.#chain.epoch && last > this.#ownedAs) {
      // Even the fence of its owner is gone: what that one wrote behind what was followed here, only its log says.
      return `the journal has lost epoch ${last}, which was followed here up to record ${this.#engine.progress().durable}: the log of its owner can give all of it again`;
    }
    const takeover = decideTakeover(
      this.#engine.logId,
      this.#fences,
      this.#fenceLog,
      first === null ? null : recordEpoch(first, 0),
      this.#reference.configure?.mode ?? null,
    );
    if (takeover.may === "quarantine") await this.#quarantine(accepted + 1, takeover.reason);
    return takeover.may === "wait" ? takeover.reason : null;
  }

  /** Writes the log's records from `first` on, with the reason, beside the log; then gives up. */
  async #quarantine(first: number, reason: string): Promise<never> {
    const last = this.#engine.progress().durable;
    const name = `${this.#directory}/quarantine-${first}-${last}`;
    const { files } = this.#ports;
    for (let from = first, part = 0; from <= last; part += 1) {
      const records = this.#readLog(from, Math.min(65_536, last - from + 1));
      if (records.length === 0) break;
      await files.replace(`${name}.${part}.records`, records);
      from += records.length / RECORD_BYTES;
    }
    const report = {
      market: this.#definition.market,
      log: this.#engine.logId,
      reason,
      first,
      last,
      accepted: {
        lastSequence: this.#chain.lastSequence,
        epoch: this.#chain.epoch,
        hash: Buffer.from(this.#chain.hash).toString("hex"),
      },
    };
    await files.replace(`${name}.json`, Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
    this.#ports.log.error(report, "the log and the accepted journal diverge");
    throw new Diverged(reason, first, last);
  }

  /** Null when somebody was faster, or the store does not answer. */
  async #claim(): Promise<number | null> {
    this.#ports.report("fencing", "claiming the market");
    const claimed = await this.#ports.ownership.claim(
      shardName(this.#definition.group, this.#definition.shard),
      epochOf(this.#highestEpoch),
      this.#fenceHolder,
    );
    if (!claimed.ok) {
      this.#ports.report("standby", claimed.failure.reason);
      return null;
    }
    if (claimed.value <= this.#highestEpoch) {
      throw new Error(`claimed epoch ${claimed.value}, the journal has ${this.#highestEpoch}`);
    }
    return claimed.value;
  }

  /** Writes the fence on the folded tail. Null when the tail moved: fold and compare first. */
  async #fence(epoch: number): Promise<Owned | null> {
    if (this.#highestEpoch >= epoch) {
      throw new OwnershipEnded(
        `the journal has epoch ${this.#highestEpoch}, claimed was only ${epoch}`,
      );
    }
    await this.#checkInPlace();
    this.#ports.report("fencing", `fencing with epoch ${epoch}`);
    const body = {
      market: this.#definition.market,
      epoch,
      previousHash: this.#chain.hash,
      holder: this.#ports.ownership.holder,
      log: this.#engine.logId,
    };
    const fence: Fence = { type: "fence", ...body, hash: fenceHash(body) };
    const storedAt = await this.#store(fence, this.#position);
    if (storedAt === null) return null;
    await this.#foldTo(storedAt);
    if (this.#position !== storedAt || Buffer.compare(this.#chain.hash, fence.hash) !== 0) {
      throw new OwnershipEnded(`the fence of epoch ${epoch} was stored but not accepted`);
    }
    const tail = this.#readTail();
    return {
      epoch,
      chain: this.#chain,
      fence,
      fenceAt: storedAt,
      reference: tail.reduce(
        (reference, records) => this.#evolve(reference, records),
        this.#reference,
      ),
      acceptedReference: this.#reference,
      root: this.#root(),
    };
  }

  /** The table of DESIGN §8.4 for a fence: its stream sequence, or null when the tail moved. */
  async #store(fence: Fence, expectedTail: number): Promise<number | null> {
    const payload = encodeChainMessage(fence);
    const { journal } = this.#ports.bus;
    for (;;) {
      const fate = await journal.append(this.#stream, this.#subject, payload, expectedTail);
      if (fate.fate === "stored") return fate.streamSequence;
      const tail = await this.#read(() => journal.tail(this.#stream, this.#subject));
      if (tail !== null && Buffer.compare(tail.payload, payload) === 0) return tail.streamSequence;
      if ((tail?.streamSequence ?? 0) !== expectedTail) return null;
      await this.#ports.sleep(retryDelay);
    }
  }

  #readTail(): readonly Uint8Array[] {
    const parts: Uint8Array[] = [];
    const last = this.#engine.progress().durable;
    for (let next = this.#chain.lastSequence + 1; next <= last; ) {
      const part = this.#engine.records(sequence(next), readBytes);
      if (part.length === 0) break;
      parts.push(part);
      next += part.length / RECORD_BYTES;
    }
    return parts;
  }

  #evolve(reference: JournalledReference, records: Uint8Array): JournalledReference {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    let folded = reference;
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
      // Only configure (5) and set_state (6) are of interest: their kind is the command's first byte.
      const kind = view.getUint8(at + RECORD_BYTES - 64);
      if (kind !== 5 && kind !== 6) continue;
      const command = this.#ports.slots.command(view, at + RECORD_BYTES - 64);
      if (command === null) continue;
      if (command.kind === "configure" && configureRefused(folded, command)) continue;
      if (command.kind === "set_state" && folded.configure === null) continue;
      const recordSequence =
        view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 2 ** 32;
      folded = evolveReference(folded, command, recordSequence);
    }
    return folded;
  }

  /**
   * The journal's stream is gone. Only the log of its last owner can give all of it again; any other
   * would lose without a word what was acknowledged, and gives what it has when an operator takes that loss.
   */
  async #restoreStream(): Promise<void> {
    const { ensureJournal, files, log, ownership, report } = this.#ports;
    if (ensureJournal === undefined) {
      return report("recovering", `there is no stream ${this.#stream}: restore it`);
    }
    const root = await loadRoot(files, this.#directory);
    const fault = await this.#notWhole(root);
    if (fault !== null) {
      const what = `there is no stream ${this.#stream}, and this log cannot give all of it again: ${fault}`;
      const candidacy = await ownership.candidacy(this.#candidate(what));
      report(
        "standby",
        `${what}; start the cell of its last owner, restore the stream, or accept the loss`,
      );
      if (candidacy.may === "wait" || !candidacy.lossAccepted) return;
    }
    const made = await ensureJournal(this.#definition);
    if (!made.ok) return log.warn({ failure: made.failure }, "the stream could not be made yet");
    const restored = {
      market: this.#definition.market,
      stream: this.#stream,
      log: this.#engine.logId,
      records: this.#engine.progress().durable,
      fencedAs: root?.epoch ?? 0,
      lossAcceptedBecause: fault ?? "",
    };
    log.error(restored, "the journal's stream was gone and is made again from this log");
    const name = `${this.#directory}/restored-${restored.fencedAs}-${restored.records}.json`;
    await files.replace(name, Buffer.from(`${JSON.stringify(restored, null, 2)}\n`));
  }

  /** Why this log may lack something that was accepted; null when that is excluded. */
  async #notWhole(root: AcceptedRoot | null): Promise<string | null> {
    const { logId, trimmed } = this.#engine;
    const { group, shard } = this.#definition;
    const { ownership } = this.#ports;
    const recorded = await ownership.recordedEpoch(shardName(group, shard));
    const held = await ownership.heldSince(shardName(group, shard));
    if (!recorded.ok || !held.ok) return "the store of leases does not answer";
    if (root === null) return recorded.value === null ? null : "it has never owned the market";
    if (root.log !== logId) return "its notes are of another log";
    if (root.fenceLog !== logId) return `log ${root.fenceLog} of ${root.fenceHolder} was the last`;
    if (root.lastSequence > this.#engine.progress().durable) return "its end is gone";
    if (trimmed !== null) return `it begins behind record ${trimmed.sequence}`;
    // Whoever has fenced behind this log's fence had an epoch of the shard.
    if (root.epoch >= (recorded.value ?? 0)) return null;
    if (held.value !== null && held.value <= root.epoch) return null;
    return `epoch ${recorded.value} was given to another cell after its own ${root.epoch}`;
  }

  /** Reads until it works: a journal without a leader is waited for. */
  async #read<T>(ask: () => Promise<Result<T>>): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (answer.ok) return answer.value;
      this.#ports.log.warn({ code: answer.failure.code }, answer.failure.reason);
      if (answer.failure.code === "not_found") await this.#restoreStream();
      await this.#ports.sleep(retryDelay);
    }
  }
}
