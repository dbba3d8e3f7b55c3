import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { encodeCommand, readCommandFields } from "../command-slots.ts";
import { SLOT_BYTES } from "../slots.ts";
import type { CommandFields } from "../command-slots.ts";

/**
 * The twin takes commands as the raw fields of their 64 bytes, before any check. A journal can hold
 * commands that no `EngineCommand` can express, because a ring is written by other processes; the
 * engine refuses them, and a replay has to refuse them in the same way.
 */
export type { CommandFields } from "../command-slots.ts";

const slot = new DataView(new ArrayBuffer(SLOT_BYTES));

/** The fields of a typed command; those it does not use are 0. */
export function commandFields(command: EngineCommand): CommandFields {
  encodeCommand(slot, 0, command);
  return readCommandFields(slot, 0);
}

/** A command of which only `given` is set; everything else is 0. */
export function emptyFields(given: Partial<CommandFields>): CommandFields {
  return {
    kind: 0,
    side: 0,
    orderType: 0,
    timeInForce: 0,
    tag: 0,
    session: 0n,
    number: 0n,
    orderId: 0n,
    price: 0,
    trigger: 0,
    quantity: 0,
    display: 0,
    minimum: 0,
    expiry: 0,
    account: 0,
    attributes: 0,
    discretion: 0,
    group: 0,
    ...given,
  };
}
