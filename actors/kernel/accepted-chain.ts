import { createHash } from "node:crypto";

import { RECORD_BYTES } from "./ports/matching-engine.ts";

/**
 * The accepted chain of a market's journal (DESIGN §8.0): one function shared by owner, taker,
 * standby, reader and verifier. Messages are folded in stream order; what does not continue the
 * chain is dropped and counted, whoever wrote it.
 */

export interface Block {
  readonly type: "block";
  readonly market: string;
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly records: Uint8Array;
}
export interface Fence {
  readonly type: "fence";
  readonly market: string;
  readonly epoch: number;
  readonly previousHash: Uint8Array;
  /** region/cell#incarnation of the new owner. */
  readonly holder: string;
  /** Id of the owner's write-ahead log. */
  readonly log: string;
  readonly hash: Uint8Array;
}
/**
 * HANDOVER (DESIGN §8.9): a fence of nobody. With it the epoch before it is over for every reader, its
 * writer's too, and its own epoch has no block: whoever goes on needs a higher one.
 */
export const NO_LOG = "0".repeat(32);
export const isHandover = (fence: Fence): boolean => fence.log === NO_LOG;

/** The handover that ends the chain as it stands, in favour of a region. */
export function handoverOf(state: ChainState, region: string): Fence {
  const body = {
    market: state.market,
    epoch: state.epoch + 1,
    previousHash: state.hash,
    holder: `handover/${region}`,
    log: NO_LOG,
  };
  return { type: "fence", ...body, hash: fenceHash(body) };
}

export type ChainMessage = Block | Fence;
/** A message without its records, which are in the write-ahead log. */
export type Seal = Omit<Block, "records"> | Fence;

export function sealOf(message: ChainMessage): Seal {
  if (message.type === "fence") return message;
  const { records: _, ...seal } = message;
  return seal;
}

/** Where a reader stands on the chain. Plain data except the hash. */
export interface ChainState {
  readonly market: string;
  readonly epoch: number;
  /** Sequence of the last accepted record; 0 at the start. */
  readonly lastSequence: number;
  /** Hash of the last accepted message; 32 zero bytes at the start. */
  readonly hash: Uint8Array;
  readonly accepted: number;
  readonly dropped: number;
}

export type ChainVerdict =
  | { readonly accepted: true; readonly state: ChainState }
  | { readonly accepted: false; readonly reason: DropReason; readonly state: ChainState };
export type DropReason =
  | "other_market"
  | "hash_mismatch"
  | "stale_epoch"
  | "epoch_not_higher"
  | "previous_hash"
  | "sequence_gap"
  | "record_count";

export const HASH_BYTES = 32;

export function chainStart(market: string): ChainState {
  return {
    market,
    epoch: 0,
    lastSequence: 0,
    hash: new Uint8Array(HASH_BYTES),
    accepted: 0,
    dropped: 0,
  };
}

/** SHA-256 over type, market, epoch, first, last, previous hash and the SHA-256 of the records. */
export function blockHash(block: Omit<Block, "hash" | "type">): Uint8Array {
  const records = createHash("sha256").update(block.records).digest("hex");
  return sha256(
    `block|${block.market}|${block.epoch}|${block.first}|${block.last}|${hex(block.previousHash)}|${records}`,
  );
}

export function fenceHash(fence: Omit<Fence, "hash" | "type">): Uint8Array {
  return sha256(
    `fence|${fence.market}|${fence.epoch}|${hex(fence.previousHash)}|${fence.holder}|${fence.log}`,
  );
}

/** Folds one message into the state. Never throws: a message is outside input. */
export function fold(state: ChainState, message: ChainMessage): ChainVerdict {
  const reason = message.type === "block" ? blockFault(state, message) : fenceFault(state, message);
  if (reason !== null) {
    return { accepted: false, reason, state: { ...state, dropped: state.dropped + 1 } };
  }
  return {
    accepted: true,
    state: {
      ...state,
      epoch: message.epoch,
      lastSequence: message.type === "block" ? message.last : state.lastSequence,
      hash: message.hash,
      accepted: state.accepted + 1,
    },
  };
}

function blockFault(state: ChainState, block: Block): DropReason | null {
  if (block.market !== state.market) return "other_market";
  if (block.epoch !== state.epoch) return "stale_epoch";
  if (!same(block.previousHash, state.hash)) return "previous_hash";
  if (block.first !== state.lastSequence + 1 || block.last < block.first) return "sequence_gap";
  if (block.records.length !== (block.last - block.first + 1) * RECORD_BYTES) return "record_count";
  return same(block.hash, blockHash(block)) ? null : "hash_mismatch";
}

function fenceFault(state: ChainState, fence: Fence): DropReason | null {
  if (fence.market !== state.market) return "other_market";
  if (fence.epoch <= state.epoch) return "epoch_not_higher";
  if (!same(fence.previousHash, state.hash)) return "previous_hash";
  return same(fence.hash, fenceHash(fence)) ? null : "hash_mismatch";
}

function sha256(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
