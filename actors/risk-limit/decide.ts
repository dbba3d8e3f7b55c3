import { unreachable } from "../kernel/result.ts";
import { quantityLots } from "../kernel/units.ts";
import type {
  Limits,
  Outcome,
  RiskLimitCommand,
  RiskLimitEvent,
  RiskLimitFailure,
} from "./messages.ts";

/** A command that was done, and what came of it, for its resends. */
export interface DoneCommand {
  readonly commandId: string;
  /** What the command asked for: a resend asks for the same. */
  readonly asked: string;
  readonly outcome: Outcome;
}

export interface RiskLimitState extends Outcome {
  /** The last REMEMBERED_COMMANDS done, oldest first. */
  readonly done: readonly DoneCommand[];
}

/**
 * Resends of commands older than this many later ones are not recognised: a sender must not resend
 * what it sent so long ago, but ask for the present state.
 */
export const REMEMBERED_COMMANDS = 1_024;

export type Decision =
  | { readonly type: "happened"; readonly event: RiskLimitEvent }
  | { readonly type: "repeated"; readonly outcome: Outcome }
  | { readonly type: "refused"; readonly failure: RiskLimitFailure };

export function initialState(limits: Limits): RiskLimitState {
  return { limits, reserved: quantityLots(0), done: [] };
}

/** Pure. A refusal is not remembered: the same command may succeed later. */
export function decide(state: RiskLimitState, command: RiskLimitCommand): Decision {
  const before = state.done.find(({ commandId }) => commandId === command.commandId);
  if (before !== undefined) {
    return before.asked === askedBy(command)
      ? { type: "repeated", outcome: before.outcome }
      : refused(
          "command_id_reused",
          `command ${command.commandId} was ${before.asked} before`,
          "give each command an id of its own",
        );
  }
  const { commandId } = command;
  switch (command.type) {
    case "set_limits": {
      const { limits, requestedBy } = command;
      return { type: "happened", event: { type: "limits_set", commandId, limits, requestedBy } };
    }
    case "reserve": {
      const { quantity } = command;
      const failure = reserveFailure(state, quantity);
      return failure ?? { type: "happened", event: { type: "reserved", commandId, quantity } };
    }
    case "release": {
      const { quantity } = command;
      const failure = releaseFailure(state, quantity);
      return failure ?? { type: "happened", event: { type: "released", commandId, quantity } };
    }
    default:
      return unreachable(command);
  }
}

/** Pure. Folding an actor's events over its initial state gives its state. */
export function evolve(state: RiskLimitState, event: RiskLimitEvent): RiskLimitState {
  const outcome = outcomeOf(state, event);
  const done = { commandId: event.commandId, asked: askedBy(commandOf(event)), outcome };
  return { ...outcome, done: [...state.done.slice(1 - REMEMBERED_COMMANDS), done] };
}

function outcomeOf(state: RiskLimitState, event: RiskLimitEvent): Outcome {
  const { limits, reserved } = state;
  switch (event.type) {
    case "limits_set":
      return { limits: event.limits, reserved };
    case "reserved":
      return { limits, reserved: quantityLots(reserved + event.quantity) };
    case "released":
      return { limits, reserved: quantityLots(reserved - event.quantity) };
    default:
      return unreachable(event);
  }
}

function reserveFailure(state: RiskLimitState, quantity: number): Decision | null {
  const { maximumOrderQuantity, maximumOpenQuantity } = state.limits;
  if (quantity <= 0) return notPositive(quantity);
  if (quantity > maximumOrderQuantity) {
    return refused(
      "limit_exceeded",
      `an order may have ${maximumOrderQuantity} lots, not ${quantity}`,
      "send smaller orders, or have the account's limits raised",
      maximumOrderQuantity,
      quantity,
    );
  }
  // Subtraction, because a sum of two quantities may leave the safe integers.
  if (quantity > maximumOpenQuantity - state.reserved) {
    return refused(
      "limit_exceeded",
      `${state.reserved} of ${maximumOpenQuantity} lots are reserved, ${quantity} more do not fit`,
      "cancel open orders, or have the account's limits raised",
      maximumOpenQuantity,
      quantity,
    );
  }
  return null;
}

function releaseFailure(state: RiskLimitState, quantity: number): Decision | null {
  if (quantity <= 0) return notPositive(quantity);
  if (quantity <= state.reserved) return null;
  return refused(
    "not_reserved",
    `${state.reserved} lots are reserved, ${quantity} cannot be released`,
    "ask for the present state with describe",
    state.reserved,
    quantity,
  );
}

const notPositive = (quantity: number): Decision =>
  refused(
    "quantity_not_positive",
    `a quantity is at least 1 lot, not ${quantity}`,
    "send the lots of the order",
  );

function refused(
  code: RiskLimitFailure["code"],
  reason: string,
  next: string,
  limit = 0,
  requested = 0,
): Decision {
  return { type: "refused", failure: { code, reason, next, limit, requested } };
}

/** The command that an event answers. */
function commandOf(event: RiskLimitEvent): RiskLimitCommand {
  switch (event.type) {
    case "limits_set":
      return { ...event, type: "set_limits" };
    case "reserved":
      return { ...event, type: "reserve" };
    case "released":
      return { ...event, type: "release" };
    default:
      return unreachable(event);
  }
}

/** What a command asks for, without its id and its sender. */
function askedBy(command: RiskLimitCommand): string {
  switch (command.type) {
    case "set_limits": {
      const { maximumOrderQuantity, maximumOpenQuantity } = command.limits;
      return `set_limits ${maximumOrderQuantity} ${maximumOpenQuantity}`;
    }
    case "reserve":
    case "release":
      return `${command.type} ${command.quantity}`;
    default:
      return unreachable(command);
  }
}
