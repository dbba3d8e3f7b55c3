import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
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
  /** Signed; all other 64-bit fields are unsigned. */
  readonly price: bigint;
  readonly bandHigh: bigint;
  readonly quantity: bigint;
  readonly account: number;
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
} as const;
export const sideNames = ["buy", "sell"] as const;
export const orderTypeNames = ["limit", "market"] as const;
export const timeInForceNames = ["day", "ioc", "fok"] as const;
export const marketStateNames = ["open", "halted"] as const;
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
    price: view.getBigInt64(offset + 32, true),
    bandHigh: view.getBigInt64(offset + 40, true),
    quantity: view.getBigUint64(offset + 48, true),
    account: view.getUint32(offset + 56, true),
    reserved: view.getUint32(offset + 60, true),
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
  view.setBigInt64(offset + 32, fields.price, true);
  view.setBigInt64(offset + 40, fields.bandHigh, true);
  view.setBigUint64(offset + 48, fields.quantity, true);
  view.setUint32(offset + 56, fields.account, true);
  view.setUint32(offset + 60, fields.reserved, true);
}

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
        orderType: orderTypeNames.indexOf(command.orderType),
        timeInForce: timeInForceNames.indexOf(command.timeInForce),
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
      return { ...empty, orderType: marketStateNames.indexOf(command.state) };
    default:
      return unreachable(command);
  }
}
