import { NO_LOG, type ChainMessage, type Fence } from "../kernel/accepted-chain.ts";
import {
  RECORD_BYTES,
  type ConfigureCommand,
  type DurabilityMode,
  type EngineCommand,
  type MarketState,
  type SetStateCommand,
} from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { MAX_PRICE_TICKS, type PriceTicks, type QuantityLots } from "../kernel/units.ts";
import type { MarketDefinition } from "./messages.ts";

/**
 * The market's decisions as functions of their arguments: what may leave, what may enter, what
 * became of a journal message, and whether a log and the accepted chain say the same.
 */

/** Matching runs ahead of what is safe by at most this many commands; then orders are refused. */
export const UNSAFE_WINDOW = 2 ** 18;
/** Cancels and reductions are taken this much longer: they are refused last. */
export const CANCEL_RESERVE = 2 ** 16;
/** Orders are refused when what is safe has stood still this long with commands waiting, in ns. */
export const STALLED_AFTER_NS = 250_000_000;

export interface Positions {
  /** Last command whose events are all here. */
  readonly matched: number;
  readonly durable: number;
  /** Last command whose block the follower has read as accepted. */
  readonly committed: number;
}

/**
 * The mode by which acknowledgements leave now (DESIGN §5): after a change of mode in either
 * direction they wait as in `replicated` until the command that changed it is committed.
 */
export function effectiveMode(
  mode: DurabilityMode,
  changedAt: number,
  committed: number,
): DurabilityMode {
  return committed < changedAt ? "replicated" : mode;
}

/**
 * Highest sequence whose outputs may leave. What is committed may always leave, lease or no lease;
 * `matched` and `durable` only while the lease is valid (DESIGN §8.2).
 */
export function safeSequence(
  mode: DurabilityMode,
  positions: Positions,
  leaseValid: boolean,
): number {
  const promised = {
    matched: positions.matched,
    durable: positions.durable,
    replicated: positions.committed,
  }[mode];
  const safe = leaseValid ? Math.max(promised, positions.committed) : positions.committed;
  return Math.min(safe, positions.matched);
}

/** What a request may contain now. */
export type Admission = "all" | "cancels" | "nothing";

/** `waiting`: commands offered whose outputs have not left; `stalledForNs`: since one last left. */
export function admission(waiting: number, stalledForNs: number): Admission {
  if (waiting >= UNSAFE_WINDOW + CANCEL_RESERVE) return "nothing";
  const stalled = waiting > 0 && stalledForNs > STALLED_AFTER_NS;
  return waiting >= UNSAFE_WINDOW || stalled ? "cancels" : "all";
}

/** True for commands that only take risk away. */
export const isRelief = (command: EngineCommand): boolean =>
  command.kind === "cancel" || command.kind === "reduce";

/** The `configure` command of a definition; tag and header are the sender's. */
export function configureCommand(definition: MarketDefinition, tag: number): ConfigureCommand {
  return {
    kind: "configure",
    session: 0,
    number: 0,
    account: 0,
    tag,
    bandLow: Math.max(1, Math.ceil(definition.bandLow / definition.tick)) as PriceTicks,
    bandHigh: Math.min(
      MAX_PRICE_TICKS,
      Math.floor(definition.bandHigh / definition.tick),
    ) as PriceTicks,
    maximumQuantity: Math.floor(definition.maximumQuantity / definition.lot) as QuantityLots,
    orderCapacity: definition.orderCapacity,
    mode: definition.mode,
  };
}

/** The command that brings the market into a state; tag and header are the sender's. */
export function setStateCommand(state: MarketState, tag: number): SetStateCommand {
  return { kind: "set_state", session: 0, number: 0, account: 0, tag, state };
}

const fixedFields = [
  "market",
  "home",
  "group",
  "shard",
  "currency",
  "priceDecimals",
  "tick",
  "lot",
] as const satisfies readonly (keyof MarketDefinition)[];

/** Whether a market of the one definition may get the other. Failure code: definition_invalid. */
export function mayBecome(held: MarketDefinition, wanted: MarketDefinition): Result<void> {
  const field = fixedFields.find((one) => held[one] !== wanted[one]);
  if (field === undefined) return ok(undefined);
  return refuse(
    "definition_invalid",
    `${field} of a market cannot change from ${held[field]} to ${wanted[field]}`,
    "make a market of another name",
  );
}

/** What a journal says about the market besides its orders. */
export interface JournalledReference {
  /** Last `configure` and its sequence; null before the first. */
  readonly configure: (Omit<ConfigureCommand, "tag"> & { readonly sequence: number }) | null;
  /** Sequence of the last command that changed the mode; 0 before the first. */
  readonly modeChangedAt: number;
  readonly state: MarketState;
}

export const referenceStart: JournalledReference = {
  configure: null,
  modeChangedAt: 0,
  state: "open",
};

/** Folds one journalled command in. Refused ones must not be given: their events say `refused`. */
export function evolveReference(
  reference: JournalledReference,
  command: EngineCommand,
  at: number,
): JournalledReference {
  if (command.kind === "set_state") return { ...reference, state: command.state };
  if (command.kind !== "configure") return reference;
  const { tag: _, ...values } = command;
  const changed = reference.configure?.mode !== command.mode;
  return {
    ...reference,
    configure: { ...values, sequence: at },
    modeChangedAt: changed ? at : reference.modeChangedAt,
  };
}

/** True when the engine would refuse it (native/engine/README.md, configure). */
export function configureRefused(
  reference: JournalledReference,
  command: ConfigureCommand,
): boolean {
  const { bandLow, bandHigh, maximumQuantity, orderCapacity } = command;
  const known = reference.configure;
  return (
    bandLow < 1 ||
    bandHigh < bandLow ||
    bandHigh > MAX_PRICE_TICKS ||
    maximumQuantity < 1 ||
    maximumQuantity > 2 ** 31 - 1 ||
    orderCapacity < 1 ||
    orderCapacity > 2 ** 24 - 2 ||
    (known !== null && known.orderCapacity !== orderCapacity)
  );
}

/** Weakest promise first. */
export const modes: readonly DurabilityMode[] = ["matched", "durable", "replicated"];
export const isStronger = (a: DurabilityMode, b: DurabilityMode): boolean =>
  modes.indexOf(a) > modes.indexOf(b);

/**
 * The mode a market goes on in. The definition gives the first one; after that it is a matter of the
 * journal, where a change at run time stands, as far as the servers allow it.
 */
export function modeOf(
  reference: JournalledReference,
  definition: MarketDefinition,
  strongest: DurabilityMode,
): DurabilityMode {
  const wanted = reference.configure?.mode ?? definition.mode;
  return isStronger(wanted, strongest) ? strongest : wanted;
}

/** True when the definition asks for something that the journal does not say yet. */
export function mustConfigure(
  reference: JournalledReference,
  definition: MarketDefinition,
): boolean {
  const known = reference.configure;
  const wanted = configureCommand(definition, 0);
  return (
    known === null ||
    known.bandLow !== wanted.bandLow ||
    known.bandHigh !== wanted.bandHigh ||
    known.maximumQuantity !== wanted.maximumQuantity ||
    known.orderCapacity !== wanted.orderCapacity ||
    known.mode !== wanted.mode
  );
}

/** A message this owner sealed, without its records: they are in the write-ahead log. */
export type Sealed =
  | {
      readonly type: "block";
      readonly epoch: number;
      readonly first: number;
      readonly last: number;
      readonly previousHash: Uint8Array;
      readonly hash: Uint8Array;
    }
  | Fence;

/** What the subject's tail, read at the leader, says about this owner's messages (DESIGN §8.4–8.5). */
export type TailVerdict =
  /** The message in flight is stored. */
  | { readonly tail: "in_flight_stored" }
  /** The last acknowledged message is the tail: what is in flight is not stored. */
  | { readonly tail: "unchanged" }
  /** An older message of ours is the tail: JetStream lost what followed `index`. */
  | { readonly tail: "behind"; readonly index: number }
  /** Somebody else wrote it, or nobody knows: ownership ends. */
  | { readonly tail: "foreign" };

/**
 * `sealed`: own messages in order, the last one acknowledged; `inFlight`: the one whose fate is asked
 * for, null when idle; `tail`: null when the subject is empty or its last message is unreadable.
 */
export function decideTail(
  sealed: readonly Sealed[],
  inFlight: Sealed | null,
  tail: ChainMessage | null,
): TailVerdict {
  if (tail === null) return { tail: "foreign" };
  if (inFlight !== null && sameBytes(tail.hash, inFlight.hash)) return { tail: "in_flight_stored" };
  const index = sealed.findLastIndex((message) => sameBytes(message.hash, tail.hash));
  if (index < 0) return { tail: "foreign" };
  return index === sealed.length - 1 ? { tail: "unchanged" } : { tail: "behind", index };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** First 16 bytes of a record are its checksum and the epoch of whoever took it: not compared. */
const COMPARED_FROM = 16;

/**
 * Index of the first record that differs in sequence or content, epoch aside (DESIGN §8.6); -1 when
 * the shorter of the two is a prefix of the other.
 */
export function firstDifference(ours: Uint8Array, accepted: Uint8Array): number {
  const count = Math.floor(Math.min(ours.length, accepted.length) / RECORD_BYTES);
  for (let index = 0; index < count; index += 1) {
    const from = index * RECORD_BYTES + COMPARED_FROM;
    const to = (index + 1) * RECORD_BYTES;
    if (Buffer.compare(ours.subarray(from, to), accepted.subarray(from, to)) !== 0) return index;
  }
  return -1;
}

/** Epoch of the record at an offset. */
export function recordEpoch(records: Uint8Array, offset: number): number {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return view.getUint32(offset + 8, true) + view.getUint32(offset + 12, true) * 2 ** 32;
}

/** What a log may do with the market, given the accepted chain. */
export type Takeover =
  | { readonly may: "take" }
  /** The log's tail was written before another log was fenced in: quarantine, never merge. */
  | { readonly may: "quarantine"; readonly reason: string }
  /** The market waits for the disk that holds the other log. */
  | { readonly may: "wait"; readonly reason: string };

/**
 * DESIGN §8.6. `fences`: accepted ones since the root, in order; `lastFenceLog`: log of the last
 * accepted fence of all, null when none, NO_LOG when its owner has handed the market over; `tailEpoch`: epoch of the first record after the accepted
 * ones in the log, null when the log has no such tail.
 */
export function decideTakeover(
  log: string,
  fences: readonly { readonly epoch: number; readonly log: string }[],
  lastFenceLog: string | null,
  tailEpoch: number | null,
  acceptedMode: DurabilityMode | null,
): Takeover {
  if (tailEpoch !== null) {
    const foreign = fences.find((fence) => fence.log !== log && fence.epoch > tailEpoch);
    if (foreign !== undefined) {
      return {
        may: "quarantine",
        reason: `log ${foreign.log} took the market with epoch ${foreign.epoch} after this log's tail of epoch ${tailEpoch}`,
      };
    }
    return { may: "take" };
  }
  const isElsewhere = lastFenceLog !== null && lastFenceLog !== log && lastFenceLog !== NO_LOG;
  if (isElsewhere && acceptedMode === "durable") {
    return {
      may: "wait",
      reason: `the market is durable and its last owner wrote log ${lastFenceLog}, this is log ${log}`,
    };
  }
  return { may: "take" };
}
