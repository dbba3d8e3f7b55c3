import type {
  EngineCommand,
  MarketState,
  OrderType,
  PlaceCommand,
  TimeInForce,
} from "../../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../../actors/kernel/result.ts";

/**
 * A command exactly as its 64 bytes say it (native/wire/command.hpp), before any check. A journal can
 * hold commands that no `EngineCommand` can express, because a ring is written by other processes;
 * the engine refuses them, and a replay has to refuse them in the same way.
 */
export interface CommandFields {
  readonly kind: number;
  readonly side: number;
  readonly orderType: number;
  readonly timeInForce: number;
  readonly tag: number;
  readonly session: bigint;
  readonly number: bigint;
  readonly orderId: bigint;
  /** Signed, 32 bits, like `bandHigh`; all other fields are unsigned. */
  readonly price: bigint;
  readonly bandHigh: bigint;
  readonly quantity: bigint;
  readonly account: number;
  /** Not 0 when a field is set that no command of this twin uses. */
  readonly reserved: number;
}

/** Values of the `kind` byte. */
export const commandKinds = {
  place: 1,
  cancel: 2,
  reduce: 3,
  replace: 4,
  configure: 5,
  set_state: 6,
  set_breaker: 7,
  mass_cancel: 8,
  set_limit: 9,
  kill: 10,
  set_position: 11,
  bust: 12,
  correct: 13,
  tick: 14,
  seed: 15,
} as const;
export const sideNames = ["buy", "sell"] as const;
export const orderTypeNames: readonly OrderType[] = ["limit", "market"];
export const timeInForceNames: readonly TimeInForce[] = ["day", "ioc", "fok"];
export const marketStateNames: readonly MarketState[] = ["open", "halted"];
export const durabilityModeNames = ["matched", "durable", "replicated"] as const;

/** Bytes of a command in a ring slot and in a journal record. */
export const COMMAND_BYTES = 64;

/** Reads the command that starts at `offset`; any 64 bytes give some fields. */
export function readCommandFields(view: DataView, offset: number): CommandFields {
  return {
    kind: view.getUint8(offset),
    side: view.getUint8(offset + 1),
    orderType: view.getUint8(offset + 2),
    timeInForce: view.getUint8(offset + 3),
    tag: view.getUint32(offset + 4, true),
    session: view.getBigUint64(offset + 8, true),
    number: view.getBigUint64(offset + 16, true),
    orderId: view.getBigUint64(offset + 24, true),
    price: BigInt(view.getInt32(offset + 32, true)),
    bandHigh: BigInt(view.getInt32(offset + 36, true)),
    quantity: BigInt(view.getUint32(offset + 40, true)),
    account: view.getUint32(offset + 56, true),
    reserved:
      (view.getUint32(offset + 44, true) |
        view.getUint32(offset + 48, true) |
        view.getUint32(offset + 52, true) |
        view.getUint32(offset + 60, true)) >>>
      0,
  };
}

/** Writes the 64 bytes of a command at `offset`. */
export function writeCommandFields(fields: CommandFields, view: DataView, offset: number): void {
  view.setUint8(offset, fields.kind);
  view.setUint8(offset + 1, fields.side);
  view.setUint8(offset + 2, fields.orderType);
  view.setUint8(offset + 3, fields.timeInForce);
  view.setUint32(offset + 4, fields.tag, true);
  view.setBigUint64(offset + 8, fields.session, true);
  view.setBigUint64(offset + 16, fields.number, true);
  view.setBigUint64(offset + 24, fields.orderId, true);
  view.setInt32(offset + 32, saturated(fields.price, -(2n ** 31n), 2n ** 31n - 1n), true);
  view.setInt32(offset + 36, saturated(fields.bandHigh, -(2n ** 31n), 2n ** 31n - 1n), true);
  view.setUint32(offset + 40, saturated(fields.quantity, 0n, 2n ** 32n - 1n), true);
  for (const unused of [44, 48, 52]) view.setUint32(offset + unused, 0, true);
  view.setUint32(offset + 56, fields.account, true);
  view.setUint32(offset + 60, fields.reserved, true);
}

/** The nearest value from `low` to `high`. */
const saturated = (value: bigint, low: bigint, high: bigint): number =>
  Number(value < low ? low : value > high ? high : value);

/** The fields of a typed command; those it does not use are 0. Throws when a number is no integer. */
export function commandFields(command: EngineCommand): CommandFields {
  const empty = {
    kind: commandKinds[command.kind],
    side: 0,
    orderType: 0,
    timeInForce: 0,
    tag: command.tag,
    session: BigInt(command.session),
    number: BigInt(command.number),
    orderId: 0n,
    price: 0n,
    bandHigh: 0n,
    quantity: 0n,
    account: command.account,
    reserved: 0,
  };
  switch (command.kind) {
    case "place":
      return {
        ...empty,
        side: sideNames.indexOf(command.side),
        // What this twin does not know gets a number without a meaning.
        orderType: orderTypeNames.indexOf(command.orderType) & 0xff,
        timeInForce: timeInForceNames.indexOf(command.timeInForce) & 0xff,
        reserved: isPlain(command) ? 0 : 1,
        price: BigInt(command.price),
        quantity: BigInt(command.quantity),
      };
    case "cancel":
      return { ...empty, orderId: BigInt(command.orderId) };
    case "reduce":
      return { ...empty, orderId: BigInt(command.orderId), quantity: BigInt(command.quantity) };
    case "replace":
      return {
        ...empty,
        orderId: BigInt(command.orderId),
        price: BigInt(command.price),
        quantity: BigInt(command.quantity),
      };
    case "configure":
      return {
        ...empty,
        orderType: durabilityModeNames.indexOf(command.mode),
        orderId: BigInt(command.orderCapacity),
        price: BigInt(command.bandLow),
        bandHigh: BigInt(command.bandHigh),
        quantity: BigInt(command.maximumQuantity),
      };
    case "set_state":
      return { ...empty, orderType: marketStateNames.indexOf(command.state) & 0xff };
    case "set_breaker":
    case "mass_cancel":
    case "set_limit":
    case "kill":
    case "set_position":
    case "bust":
    case "correct":
    case "tick":
    case "seed":
      return empty;
    default:
      return unreachable(command);
  }
}

/** Whether the order has none of the terms that this twin does not know. */
const isPlain = (command: PlaceCommand): boolean =>
  command.trigger === undefined &&
  command.display === undefined &&
  command.minimum === undefined &&
  command.expirySeconds === undefined &&
  command.discretion === undefined &&
  command.group === undefined &&
  command.attributes === undefined &&
  command.linkedOrderId === undefined;
