import {
  blockHash,
  type ChainMessage,
  fold,
  handoverOf,
  sealOf,
  type Block,
  type ChainState,
} from "../kernel/accepted-chain.ts";
import type { Bus, StoredMessage } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import { RECORD_BYTES, type MarketEngine } from "../kernel/ports/matching-engine.ts";
import { unreachable, type Result } from "../kernel/result.ts";
import { durationNs, sequence, type DurationNs } from "../kernel/units.ts";
import { ANCHORS, type Anchor } from "./accepted-root.ts";
import { decodeChainMessage, encodeChainMessage } from "./codec.ts";
import { decideTail, type Sealed } from "./decide.ts";
import { OwnershipEnded } from "./endings.ts";
import type { Owned } from "./recovery.ts";

/**
 * Sends a market's durable records to its journal, one block in flight, and follows the stream to
 * learn what was accepted (DESIGN §5, §8.0, §8.4–8.5). JetStream's ack says stored; only the
 * follower says accepted.
 */

/** Most record bytes in a block: 8,192 records, so that a message stays below max_payload. */
export const MAXIMUM_BLOCK_BYTES = 768 * 1024;
/** Own messages remembered, to send again what JetStream loses; older ones need a new takeover. */
export const SEALED_REMEMBERED = 4_096;
/** Records in them at most: the log is not trimmed below the first. */
export const RECORDS_REMEMBERED = 2 ** 22;

const retryDelay = durationNs(50_000_000);
const longestRetryDelay = durationNs(1_000_000_000);
const readBackDelay = durationNs(10_000_000);
/** So many answers in a row that there is no such stream, and the ownership ends. */
const GONE_TIMES = 5;
/** An idle owner reads its tail this often, else it would not notice that it was replaced. */
export const IDLE_CHECK = durationNs(1_000_000_000);
/** An owner that is never idle looks after this many blocks whether what it built on is in place. */
const BLOCKS_BETWEEN_LOOKS = 256;

export interface ShipperPorts {
  readonly bus: Bus;
  readonly engine: Pick<MarketEngine, "records" | "seal">;
  readonly log: Log;
  readonly sleep: (delay: DurationNs) => Promise<void>;
  /** Runs the callback once after the delay; the returned function cancels it. */
  readonly after: (delay: DurationNs, callback: () => void) => () => void;
  /** RECORDS_REMEMBERED, or fewer. */
  readonly recordsRemembered: number;
  /** The follower has accepted everything up to this sequence. */
  readonly onCommitted: (committed: number) => void;
}

export interface ShipperCounters {
  readonly blocks: number;
  readonly undecided: number;
  readonly resent: number;
  readonly dropped: number;
}

/** What a root is made of: the follower's last accepted message. */
export interface Followed {
  readonly streamSequence: number;
  readonly epoch: number;
  readonly lastSequence: number;
  readonly hash: Uint8Array;
  /** None while what JetStream has lost is being found out, and when the follower is far behind. */
  readonly anchors: readonly Anchor[];
}

/** An own message and where it was stored first. */
type Stored = Sealed & { readonly at: number };

/** A wake-up that is remembered until somebody waits for it. */
class Signal {
  #pending = false;
  #wake: (() => void) | null = null;

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    this.#pending = false;
  }
}

export class JournalShipper {
  readonly #ports: ShipperPorts;
  readonly #market: string;
  readonly #stream: string;
  readonly #subject: string;
  readonly #epoch: number;
  readonly #work = new Signal();
  readonly #stored = new Signal();
  /** Own messages in order, the last one acknowledged; never empty. */
  readonly #sealed: Stored[];
  /** Last record before this owner's fence. */
  readonly #fencedAt: number;
  #inFlight: Sealed | null = null;
  /** Stream sequence of the last acknowledged own message. */
  #tail: number;
  /** Last sequence in a stored block. */
  #shipped: number;
  #follower: { readonly position: number; readonly chain: ChainState };
  #blocks = 0;
  #undecided = 0;
  #resent = 0;
  #gone = 0;
  #looks = 0;
  #stopping = false;
  /** Set when the epoch is to end with a HANDOVER. */
  #handover: { readonly region: string; readonly accepted: () => void } | null = null;

  constructor(
    ports: ShipperPorts,
    stream: string,
    subject: string,
    owned: Pick<Owned, "epoch" | "chain" | "fence" | "fenceAt">,
  ) {
    this.#ports = ports;
    this.#market = owned.fence.market;
    this.#stream = stream;
    this.#subject = subject;
    this.#epoch = owned.epoch;
    this.#sealed = [{ ...owned.fence, at: owned.fenceAt }];
    this.#fencedAt = owned.chain.lastSequence;
    this.#tail = owned.fenceAt;
    this.#shipped = owned.chain.lastSequence;
    this.#follower = { position: owned.fenceAt, chain: owned.chain };
  }

  /** Tells the shipper that there may be durable records to send. */
  wake(): void {
    this.#work.notify();
  }

  /** Last sequence read back as accepted. */
  get committed(): number {
    return this.#follower.chain.lastSequence;
  }

  /** The log must have every record from here on: own messages may have to be sent again. */
  get resentFrom(): number {
    const [oldest] = this.#sealed;
    return oldest?.type === "block" ? oldest.first : this.#fencedAt + 1;
  }

  get followed(): Followed {
    const { position, chain } = this.#follower;
    return {
      streamSequence: position,
      epoch: chain.epoch,
      lastSequence: chain.lastSequence,
      hash: chain.hash,
      anchors: this.#anchors(chain),
    };
  }

  counters(): ShipperCounters {
    return {
      blocks: this.#blocks,
      undecided: this.#undecided,
      resent: this.#resent,
      dropped: this.#follower.chain.dropped,
    };
  }

  /** Both loops end at their next step. */
  stop(): void {
    this.#stopping = true;
    this.#work.notify();
    this.#stored.notify();
  }

  /**
   * Ends the epoch with a HANDOVER, after everything that is in the log; nothing is sent behind it.
   * Resolves when the follower has read it as accepted.
   */
  handOver(region: string): Promise<void> {
    return new Promise((resolve) => {
      this.#handover = { region, accepted: resolve };
      this.#work.notify();
    });
  }

  /** Sends blocks until stopped. Throws OwnershipEnded. */
  async ship(): Promise<void> {
    while (!this.#stopping) {
      const records = this.#ports.engine.records(sequence(this.#shipped + 1), MAXIMUM_BLOCK_BYTES);
      if (records.length === 0 && this.#handover !== null) {
        await this.#sendHandover(this.#handover.region);
        return;
      }
      if (records.length === 0) {
        const idle = { long: false };
        const cancel = this.#ports.after(IDLE_CHECK, () => {
          idle.long = true;
          this.#work.notify();
        });
        await this.#work.wait();
        cancel();
        if (idle.long && !this.#stopping && this.#nothingToSend()) await this.#checkIdleTail();
        continue;
      }
      const block = this.#seal(this.#shipped + 1, records, this.#last().hash);
      await this.#ports.engine.seal([sealOf(block)]);
      if (this.#stopping) return;
      await this.#publish(block);
      this.#blocks += 1;
      this.#shipped = block.last;
      if (this.#blocks % BLOCKS_BETWEEN_LOOKS === 0) await this.#lookBelow();
    }
  }

  async #sendHandover(region: string): Promise<void> {
    const last = this.#last();
    const base = { market: this.#market, epoch: this.#epoch, hash: last.hash };
    await this.#publish(handoverOf({ ...this.#follower.chain, ...base }, region));
  }

  /** Reads stored blocks back and folds them until stopped. Throws OwnershipEnded. */
  async follow(): Promise<void> {
    while (!this.#stopping) {
      const follower = this.#follower;
      if (follower.position >= this.#tail) {
        await this.#stored.wait();
        continue;
      }
      const read = await this.#ports.bus.journal.next(
        this.#stream,
        this.#subject,
        follower.position + 1,
      );
      if (this.#stopping) return;
      // Put back meanwhile, because JetStream lost what this reads.
      if (follower !== this.#follower) continue;
      if (!read.ok || read.value === null) {
        await this.#ports.sleep(readBackDelay);
        continue;
      }
      this.#accept(read.value);
    }
  }

  #accept(stored: StoredMessage): void {
    const message = decodeChainMessage(stored.payload);
    if (message === null || !this.#isOwn(message.hash)) {
      throw new OwnershipEnded(
        `message ${stored.streamSequence} on ${this.#subject} is not from this owner`,
      );
    }
    const { chain } = this.#follower;
    const verdict = fold(chain, message);
    if (!verdict.accepted && !this.#isAccepted(message.hash, chain)) {
      throw new OwnershipEnded(
        `block at ${stored.streamSequence} was dropped by the chain: ${verdict.reason}`,
      );
    }
    this.#follower = { position: stored.streamSequence, chain: verdict.state };
    if (!verdict.accepted) return;
    if (message.type === "fence" && message.epoch > this.#epoch) this.#handover?.accepted();
    else this.#ports.onCommitted(verdict.state.lastSequence);
  }

  /** The last messages up to where the follower stands, as far as they are this owner's. */
  #anchors(chain: ChainState): readonly Anchor[] {
    const reached = this.#sealed.findLastIndex(({ hash }) => same(hash, chain.hash));
    return this.#sealed
      .slice(Math.max(0, reached + 1 - ANCHORS), reached + 1)
      .map(({ at, hash }) => ({ streamSequence: at, hash }));
  }

  #isOwn(hash: Uint8Array): boolean {
    if (this.#inFlight !== null && same(this.#inFlight.hash, hash)) return true;
    return this.#sealed.findLastIndex((sealed) => same(sealed.hash, hash)) >= 0;
  }

  /** A second copy of a block that the chain has passed already is dropped and means nothing. */
  #isAccepted(hash: Uint8Array, chain: ChainState): boolean {
    const index = this.#sealed.findIndex((sealed) => same(sealed.hash, hash));
    const reached = this.#sealed.findIndex((sealed) => same(sealed.hash, chain.hash));
    return index >= 0 && index <= reached;
  }

  #nothingToSend(): boolean {
    return this.#ports.engine.records(sequence(this.#shipped + 1), RECORD_BYTES).length === 0;
  }

  #last(): Stored {
    const last = this.#sealed.at(-1);
    if (last === undefined) throw new OwnershipEnded("the journal lost this owner's fence");
    return last;
  }

  #seal(first: number, records: Uint8Array, previousHash: Uint8Array): Block {
    const body = {
      market: this.#market,
      epoch: this.#epoch,
      first,
      last: first + records.length / RECORD_BYTES - 1,
      previousHash,
      records,
    };
    return { type: "block", ...body, hash: blockHash(body) };
  }

  /** Sends one message until it is known to be stored on top of the last own message. */
  async #publish(message: ChainMessage): Promise<void> {
    const payload = encodeChainMessage(message);
    const sealed = sealOf(message);
    this.#inFlight = sealed;
    let delay = retryDelay;
    for (;;) {
      const fate = await this.#ports.bus.journal.append(
        this.#stream,
        this.#subject,
        payload,
        this.#tail,
      );
      if (fate.fate === "stored") {
        this.#acknowledged(sealed, fate.streamSequence);
        return;
      }
      this.#undecided += 1;
      const reason = fate.fate === "undecided" ? fate.reason : "wrong tail";
      const what = message.type === "block" ? { first: message.first, last: message.last } : {};
      this.#ports.log.warn({ type: message.type, ...what, reason }, "append undecided");
      const tail = await this.#readTail();
      if (await this.#settle(tail)) {
        this.#acknowledged(sealed, tail?.streamSequence ?? 0);
        return;
      }
      await this.#ports.sleep(delay);
      delay = durationNs(Math.min(delay * 2, longestRetryDelay));
    }
  }

  #acknowledged(sealed: Sealed, streamSequence: number): void {
    if (streamSequence <= this.#tail) {
      // The block stands behind a gap, and the follower beyond it: only a new epoch closes the gap.
      throw new OwnershipEnded(
        `the journal gave number ${streamSequence} again although ${this.#tail} was acknowledged: it lost messages`,
      );
    }
    this.#sealed.push({ ...sealed, at: streamSequence });
    while (
      this.#sealed.length > SEALED_REMEMBERED ||
      (this.#sealed.length > 2 && this.#shipped - this.resentFrom > this.#ports.recordsRemembered)
    ) {
      this.#sealed.shift();
    }
    this.#inFlight = null;
    this.#tail = streamSequence;
    this.#stored.notify();
  }

  async #checkIdleTail(): Promise<void> {
    const { journal } = this.#ports.bus;
    const tail = await journal.tail(this.#stream, this.#subject);
    this.#checkGone(tail);
    // Without an answer nothing is known, and nothing is promised meanwhile.
    if (!tail.ok) return;
    await this.#settle(tail.value);
    await this.#lookBelow();
  }

  /**
   * A tail of its own is not enough: had JetStream lost what is below it and given those numbers to
   * another owner's fence, a late block of this one would fit behind it, and every reader drop it.
   * One of the messages below the tail a time, by turns.
   */
  async #lookBelow(): Promise<void> {
    const below = this.#sealed.slice(-ANCHORS, -1);
    const one = below[this.#looks % below.length];
    this.#looks += 1;
    if (one === undefined || (await this.#isInPlace(one))) return;
    throw new OwnershipEnded(
      `message ${one.at} of ${this.#subject} is not this owner's any more: what follows it is off the chain`,
    );
  }

  /** Decides by the tail. True: what is in flight is stored. False: it is to be sent (again). */
  async #settle(tail: StoredMessage | null): Promise<boolean> {
    const message = tail === null ? null : decodeChainMessage(tail.payload);
    const verdict = decideTail(this.#sealed, this.#inFlight, message);
    switch (verdict.tail) {
      case "in_flight_stored":
        return true;
      case "unchanged":
      case "behind":
        if (tail !== null && tail.streamSequence !== this.#tail) {
          await this.#relocate(tail.streamSequence);
        }
        return false;
      case "foreign":
        throw new OwnershipEnded(
          tail === null
            ? `${this.#subject} is empty: JetStream lost the journal`
            : `the tail of ${this.#subject} at ${tail.streamSequence} is not from this owner`,
        );
      default:
        return unreachable(verdict);
    }
  }

  /**
   * The tail is an own message, but not where the last one was acknowledged: a second copy of it was
   * stored late, or JetStream lost what followed. Readers go by what is in the stream, so what is still
   * where it was stays accepted, and only what is gone is sent again, built from the write-ahead log.
   */
  async #relocate(tail: number): Promise<void> {
    const lost: Sealed[] = [];
    while (!(await this.#isInPlace(this.#last()))) {
      const gone = this.#sealed.pop();
      if (gone !== undefined) lost.unshift(gone);
    }
    const base = this.#last();
    this.#tail = tail;
    this.#stored.notify();
    if (lost.length === 0) {
      this.#ports.log.warn({ streamSequence: tail }, "a second copy of an own message was stored");
      return;
    }
    this.#ports.log.error(
      { blocks: lost.length, streamSequence: tail },
      "the journal lost acknowledged blocks, sending them again",
    );
    if (this.#follower.position > base.at) this.#followFrom(base);
    const inFlight = this.#inFlight;
    for (const sealed of lost) await this.#sendAgain(sealed);
    this.#inFlight = inFlight;
  }

  /** Whether the message is still in the stream under its number. Reads until it works. */
  async #isInPlace({ hash, at }: Stored): Promise<boolean> {
    const { journal } = this.#ports.bus;
    const found = await this.#read(() => journal.next(this.#stream, this.#subject, at));
    if (found === null || found.streamSequence !== at) return false;
    const held = decodeChainMessage(found.payload);
    return held !== null && same(held.hash, hash);
  }

  #followFrom(stored: Stored): void {
    this.#follower = {
      position: stored.at,
      chain: {
        ...this.#follower.chain,
        epoch: stored.epoch,
        hash: stored.hash,
        lastSequence: stored.type === "block" ? stored.last : this.#fencedAt,
      },
    };
  }

  async #sendAgain(sealed: Sealed): Promise<void> {
    if (sealed.type !== "block") throw new OwnershipEnded("the journal lost this owner's fence");
    const count = sealed.last - sealed.first + 1;
    const records = this.#ports.engine.records(sequence(sealed.first), count * RECORD_BYTES);
    const block = this.#seal(sealed.first, records, sealed.previousHash);
    if (!same(block.hash, sealed.hash)) {
      throw new OwnershipEnded(`the log does not give block ${sealed.first} again`);
    }
    await this.#publish(block);
    this.#resent += 1;
  }

  /** A stream that is gone does not come back by itself: recovery makes it again from the log. */
  #checkGone(answer: Result<unknown>): void {
    this.#gone = !answer.ok && answer.failure.code === "not_found" ? this.#gone + 1 : 0;
    if (this.#gone >= GONE_TIMES) {
      throw new OwnershipEnded(`there is no stream ${this.#stream} any more`);
    }
  }

  #readTail(): Promise<StoredMessage | null> {
    const { journal } = this.#ports.bus;
    return this.#read(() => journal.tail(this.#stream, this.#subject));
  }

  /** Reads until it works: without an answer nothing can be decided. */
  async #read(ask: () => Promise<Result<StoredMessage | null>>): Promise<StoredMessage | null> {
    let delay = retryDelay;
    for (;;) {
      const answer = await ask();
      this.#checkGone(answer);
      if (answer.ok) return answer.value;
      await this.#ports.sleep(delay);
      delay = durationNs(Math.min(delay * 2, longestRetryDelay));
    }
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
