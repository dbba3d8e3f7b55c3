import { type ChainState, type Fence, fenceHash } from "../kernel/accepted-chain.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { DurabilityMode, EngineSlots, MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { Candidacy, Candidate, Ownership, ShardOwner } from "../kernel/ports/ownership.ts";
import type { Result } from "../kernel/result.ts";
import { durationNs, epoch as epochOf, type DurationNs } from "../kernel/units.ts";
import { journalStream, journalSubject, shardName } from "../../schemas/subjects.ts";
import { type AcceptedRoot, loadRoot } from "./accepted-root.ts";
import { encodeChainMessage } from "./codec.ts";
import { decideTakeover, type JournalledReference, recordEpoch } from "./decide.ts";
import { MarketFailed, OwnershipEnded } from "./endings.ts";
import { HeldLog } from "./held-log.ts";
import { evolveByRecords, JournalReader } from "./journal-reader.ts";
import { restoreLostStream } from "./lost-stream.ts";
import type { MarketDefinition } from "./messages.ts";

/**
 * From an open write-ahead log to an owned market (DESIGN §8.3–8.7): fold the accepted chain,
 * compare it with the log record by record, claim an epoch, write the fence, read it back.
 */

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
  /** Aborted when the market is to end: nothing is written any more, for another may run in its place. */
  readonly signal: AbortSignal;
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
/** A look at what had been read is good for a fence that is written so soon after it. */
const placeHolds = durationNs(500_000_000);

export class Recovery {
  readonly #ports: RecoveryPorts;
  readonly #definition: MarketDefinition;
  readonly #directory: string;
  readonly #engine: MarketEngine;
  readonly #held: HeldLog;
  readonly #reader: JournalReader;
  #owner: ShardOwner | null = null;
  #stirred = false;
  #changed = Promise.withResolvers<void>();
  /** An operator takes what may be lost with this takeover. */
  #lossAccepted = false;
  /** The epoch of this log's own fence, when it was the last that it knew of; 0: another's, or none. */
  #ownedAs = 0;

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
    const { files, log } = ports;
    this.#held = new HeldLog(engine, files, log, definition.market, directory);
    const restoreStream = () =>
      restoreLostStream(ports, definition, directory, engine, (blocked) =>
        this.#candidate(blocked),
      );
    this.#reader = new JournalReader({ ...ports, restoreStream }, definition, engine, this.#held);
  }

  /** What is known while it runs. */
  get following(): Following {
    return {
      owner: this.#owner,
      epoch: this.#reader.chain.epoch,
      sequence: this.#reader.chain.lastSequence,
      lagRecords: this.#reader.lagRecords,
      atTail: this.#reader.atTail,
      mode: this.#reader.reference.configure?.mode ?? null,
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
    await this.#notingOwner(this.#reader.foldToTail());
    for (;;) {
      const owned = await this.#fenceAs(await this.#turn());
      if (owned !== null) return owned;
    }
  }

  async #startFromRoot(): Promise<void> {
    const root = await loadRoot(this.#ports.files, this.#directory);
    const { logId } = this.#engine;
    if (root === null || root.log !== logId) return;
    if (root.fenceLog === logId) this.#ownedAs = root.epoch;
    await this.#reader.startFrom(root);
  }

  /** The owner may change while a long journal is read: one of before would send clients where nobody serves. */
  async #notingOwner(folding: Promise<unknown>): Promise<void> {
    let isFolding = true;
    const folded = folding.finally(() => {
      isFolding = false;
    });
    for (;;) {
      await Promise.race([folded, this.#ports.sleep(ownerDelay)]);
      if (!isFolding) break;
      await this.#noteOwner();
    }
    await folded;
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
      await this.#reader.foldToTail();
      const blocked = await this.#blocked();
      if (blocked === null || this.#lossAccepted) {
        await this.#reader.checkInPlace();
        continue;
      }
      // Claimed while the last owner was still writing: whoever has its log comes first.
      const { shard, home } = this.#candidate(blocked);
      this.#ports.signal.throwIfAborted();
      const given = await this.#ports.ownership.handOver(shard, home);
      if (!given.ok) this.#ports.log.warn({ failure: given.failure }, "the shard was not given up");
      return null;
    }
  }

  /** The owner tells of changes: the journal is looked at sooner than when nothing happens. */
  stir(): void {
    this.#stirred = true;
  }

  /** The shard has another record: whose turn it is may be another's. */
  wake(): void {
    this.#changed.resolve();
  }

  /** Applies the journal as it comes until the market can be claimed; the epoch it was claimed with. */
  async #turn(): Promise<number> {
    const { ownership, sleep, now } = this.#ports;
    let lookedAt = now();
    let blocked = await this.#blocked();
    let couldClaim = false;
    const look = async (expectsMore: boolean): Promise<void> => {
      lookedAt = now();
      this.#stirred = false;
      await this.#reader.foldToTail(expectsMore);
      blocked = await this.#blocked();
    };
    this.#stirred = false;
    for (;;) {
      this.#changed = Promise.withResolvers();
      const candidacy = await ownership.candidacy(this.#candidate(blocked));
      const mayClaim = candidacy.may === "claim";
      const lossAccepted = mayClaim && candidacy.lossAccepted;
      // Given up just now: the HANDOVER that lets a durable market be taken is at the tail already.
      const isGivenUp = mayClaim && !couldClaim;
      couldClaim = mayClaim;
      if (mayClaim && (isGivenUp || blocked === null || lossAccepted)) await look(true);
      if (mayClaim && (blocked === null || lossAccepted)) {
        this.#lossAccepted = lossAccepted;
        const epoch = await this.#claim();
        if (epoch !== null) return epoch;
        await sleep(ownerDelay);
      } else {
        this.#standBy(candidacy, blocked);
      }
      await Promise.race([sleep(turnDelay), this.#changed.promise]);
      const stirred = this.#stirred;
      if (now() - lookedAt >= (stirred ? tailDelay : idleTailDelay)) await look(stirred);
    }
  }

  #candidate(blocked: string | null): Candidate {
    const { market, group, shard, home } = this.#definition;
    const lastHolder = this.#reader.lastFence.holder;
    return { market, shard: shardName(group, shard), home, blocked, lastHolder };
  }

  #standBy(candidacy: Candidacy, blocked: string | null): void {
    this.#owner = candidacy.may === "wait" ? candidacy.owner : null;
    const reason = candidacy.may === "wait" ? candidacy.reason : null;
    this.#ports.report("standby", [reason, blocked].filter((text) => text !== null).join("; "));
    if (this.#reader.hasAccepted) this.#ports.onFollowed(this.#reader.root);
  }

  /** Why this log may not take the market; null when it may. */
  async #blocked(): Promise<string | null> {
    const { chain, fences, lastFence, reference } = this.#reader;
    const accepted = chain.lastSequence;
    const begin = this.#engine.trimmed?.sequence ?? 0;
    if (accepted < begin) {
      throw new MarketFailed({
        code: "internal",
        reason: `the journal ends at record ${accepted}, and this log, which begins behind record ${begin}, cannot give the records between again`,
        next: "restore the journal stream, or the log's folder from a copy",
      });
    }
    const hasTail = this.#engine.progress().durable > accepted;
    const first = hasTail ? this.#held.read(accepted + 1, 1) : null;
    const last = hasTail ? recordEpoch(this.#held.read(this.#engine.progress().durable, 1), 0) : 0;
    if (last > chain.epoch && last > this.#ownedAs) {
      // Even the fence of its owner is gone: what that one wrote behind what was followed here, only its log says.
      return `the journal has lost epoch ${last}, which was followed here up to record ${this.#engine.progress().durable}: the log of its owner can give all of it again`;
    }
    const takeover = decideTakeover(
      this.#engine.logId,
      fences,
      lastFence.log,
      first === null ? null : recordEpoch(first, 0),
      reference.configure?.mode ?? null,
    );
    if (takeover.may === "quarantine") {
      this.#ports.signal.throwIfAborted();
      await this.#held.quarantine(accepted + 1, takeover.reason, chain);
    }
    return takeover.may === "wait" ? takeover.reason : null;
  }

  /** Null when somebody was faster, or the store does not answer. */
  async #claim(): Promise<number | null> {
    const { highestEpoch, lastFence } = this.#reader;
    this.#ports.signal.throwIfAborted();
    this.#ports.report("fencing", "claiming the market");
    const { group, shard } = this.#definition;
    const began = this.#ports.now();
    const [claimed] = await Promise.all([
      this.#ports.ownership.claim(shardName(group, shard), epochOf(highestEpoch), lastFence.holder),
      this.#reader.checkInPlace(),
    ]);
    if (!claimed.ok) {
      this.#ports.report("standby", claimed.failure.reason);
      return null;
    }
    if (claimed.value <= highestEpoch) {
      throw new Error(`claimed epoch ${claimed.value}, the journal has ${highestEpoch}`);
    }
    // Somebody was watched before he was fenced: what was read meanwhile may have gone since.
    if (this.#ports.now() - began > placeHolds) await this.#reader.checkInPlace();
    return claimed.value;
  }

  /** Writes the fence on the folded tail. Null when the tail moved: fold and compare first. */
  async #fence(epoch: number): Promise<Owned | null> {
    if (this.#reader.highestEpoch >= epoch) {
      throw new OwnershipEnded(
        `the journal has epoch ${this.#reader.highestEpoch}, claimed was only ${epoch}`,
      );
    }
    this.#ports.report("fencing", `fencing with epoch ${epoch}`);
    const body = {
      market: this.#definition.market,
      epoch,
      previousHash: this.#reader.chain.hash,
      holder: this.#ports.ownership.holder,
      log: this.#engine.logId,
    };
    const fence: Fence = { type: "fence", ...body, hash: fenceHash(body) };
    const storedAt = await this.#store(fence, this.#reader.position);
    if (storedAt === null) return null;
    await this.#reader.foldTo(storedAt);
    const { position, chain, reference, root } = this.#reader;
    if (position !== storedAt || Buffer.compare(chain.hash, fence.hash) !== 0) {
      throw new OwnershipEnded(`the fence of epoch ${epoch} was stored but not accepted`);
    }
    const { slots } = this.#ports;
    return {
      epoch,
      chain,
      fence,
      fenceAt: storedAt,
      reference: this.#held
        .tail(chain.lastSequence)
        .reduce((folded, records) => evolveByRecords(slots, folded, records), reference),
      root,
    };
  }

  /** The table of DESIGN §8.4 for a fence: its stream sequence, or null when the tail moved. */
  async #store(fence: Fence, expectedTail: number): Promise<number | null> {
    const payload = encodeChainMessage(fence);
    const { journal } = this.#ports.bus;
    const { market, group, shard } = this.#definition;
    const stream = journalStream(group, shard);
    const subject = journalSubject(market);
    for (;;) {
      this.#ports.signal.throwIfAborted();
      const fate = await journal.append(stream, subject, payload, expectedTail);
      if (fate.fate === "stored") return fate.streamSequence;
      const tail = await this.#reader.tail();
      if (tail !== null && Buffer.compare(tail.payload, payload) === 0) return tail.streamSequence;
      if ((tail?.streamSequence ?? 0) !== expectedTail) return null;
      await this.#ports.sleep(retryDelay);
    }
  }
}
