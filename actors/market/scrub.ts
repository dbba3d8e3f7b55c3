import {
  blockHash,
  chainStart,
  fenceHash,
  fold,
  type ChainMessage,
  type ChainState,
} from "../kernel/accepted-chain.ts";
import type { StoredMessage } from "../kernel/ports/bus.ts";
import { decodeChainMessage } from "./codec.ts";

/**
 * What one replica of a journal holds, message by message, and what is wrong with it (DESIGN §5, §8.0).
 * Message counts prove nothing: a server leaves out a message that fails its checksum and goes on.
 */

export type ReplicaFaultKind =
  /** The message is not what its writer wrote: no message at all, or another one than its hash says. */
  | "damaged"
  /** What the replica shows next proves that a message before it is missing. */
  | "missing"
  /** The replica ends before what was accepted. */
  | "short"
  /** The replica could not be read several times in a row: its server is down, or not in step. */
  | "unread";

export interface ReplicaFault {
  readonly kind: ReplicaFaultKind;
  /** Stream sequence at which it was seen. */
  readonly streamSequence: number;
  /** Last record that this replica proves. */
  readonly lastSequence: number;
}

/** True when the message is what its writer wrote, as far as it can tell itself. */
export const isWhole = (message: ChainMessage): boolean =>
  Buffer.compare(
    message.hash,
    message.type === "block" ? blockHash(message) : fenceHash(message),
  ) === 0;

/**
 * Whether a message that the chain does not accept shows that one before it is missing: it was written
 * on top of something that this reader was not shown. A stale block and a second copy do not.
 */
export function provesGap(chain: ChainState, message: ChainMessage): boolean {
  if (message.type === "block") {
    // A block of an epoch whose fence was not shown, or one behind the next.
    if (message.epoch !== chain.epoch) return message.epoch > chain.epoch;
    return message.first > chain.lastSequence + 1;
  }
  return message.epoch > chain.epoch && Buffer.compare(message.previousHash, chain.hash) !== 0;
}

/** Folds one replica's messages of a market as they come. */
export class ReplicaFold {
  #chain: ChainState;
  #position = 0;
  #fault: ReplicaFault | null = null;

  constructor(market: string) {
    this.#chain = chainStart(market);
  }

  /** Stream sequence of the last message. */
  get position(): number {
    return this.#position;
  }
  get lastSequence(): number {
    return this.#chain.lastSequence;
  }
  /** The first fault. */
  get fault(): ReplicaFault | null {
    return this.#fault;
  }

  take({ streamSequence, payload }: StoredMessage): void {
    this.#position = streamSequence;
    const message = decodeChainMessage(payload);
    if (message === null || !isWhole(message)) {
      this.#found("damaged", streamSequence);
      return;
    }
    const verdict = fold(this.#chain, message);
    if (!verdict.accepted && provesGap(this.#chain, message)) {
      this.#found("missing", streamSequence);
    }
    this.#chain = verdict.state;
  }

  /** Everything was read: `accepted` is the last record that was accepted before the reading began. */
  end(accepted: number): void {
    if (this.#chain.lastSequence < accepted) this.#found("short", this.#position);
  }

  #found(kind: ReplicaFaultKind, streamSequence: number): void {
    this.#fault ??= { kind, streamSequence, lastSequence: this.#chain.lastSequence };
  }
}
