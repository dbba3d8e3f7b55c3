import type { Decision } from "../kernel/event-sourced.ts";
import { type Failure, unreachable } from "../kernel/result.ts";
import { quantityLots } from "../kernel/units.ts";
import type {
  Limits,
  Outcome,
  RiskLimitCommand,
  RiskLimitEvent,
  RiskLimitFailure,
  RiskLimitMessage,
  RiskLimitReply,
} from "./messages.ts";

/**
 * Resends of commands older than this many later ones are not recognised: a sender must not resend
 * what it sent so long ago, but ask for the present state.
 */
export const REMEMBERED_COMMANDS = 1_024;

export type RiskLimitState = Outcome;
export type RiskLimitDecision = Decision<RiskLimitEvent, RiskLimitReply>;

export function initialState(limits: Limits): RiskLimitState {
  return { limits, reserved: quantityLots(0) };
}

/** Pure. A refusal is not remembered: the same command may succeed later. */
export function decide(state: RiskLimitState, message: RiskLimitMessage): RiskLimitDecision {
  switch (message.type) {
    case "describe":
      return { type: "answered", reply: done(state) };
    case "set_limits": {
      const { commandId, limits, requestedBy } = message;
      return happened({ type: "limits_set", commandId, limits, requestedBy });
    }
    case "reserve": {
      const { commandId, quantity } = message;
      const failure = reserveFailure(state, quantity);
      if (failure !== null) return { type: "answered", reply: refusal(failure, state) };
      return happened({ type: "reserved", commandId, quantity });
    }
    case "release": {
      const { commandId, quantity } = message;
      const failure = releaseFailure(state, quantity);
      if (failure !== null) return { type: "answered", reply: refusal(failure, state) };
      return happened({ type: "released", commandId, quantity });
    }
    default:
      return unreachable(message);
  }
}

/** What the sender of a command is told when it is done, and who asks what stands. */
export function done({ limits, reserved }: RiskLimitState): RiskLimitReply {
  return { type: "done", outcome: { limits, reserved }, repeated: false };
}

/** The first reply as a resend gets it. */
export function repeated(reply: RiskLimitReply): RiskLimitReply {
  return reply.type === "done" ? { ...reply, repeated: true } : reply;
}

/** Of the rules here, or of the kernel: those are not about a quantity. */
export function refusal(
  failure: Failure | RiskLimitFailure,
  { limits, reserved }: RiskLimitState,
): RiskLimitReply {
  const about = "limit" in failure ? failure : { ...failure, limit: 0, requested: 0 };
  return {
    type: "refused",
    failure: about as RiskLimitFailure,
    outcome: { limits, reserved },
  };
}

const happened = (event: RiskLimitEvent): RiskLimitDecision => ({
  type: "happened",
  events: [event],
});

/** Pure. Folding an actor's events over its initial state gives its state. */
export function evolve(state: RiskLimitState, event: RiskLimitEvent): RiskLimitState {
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

function reserveFailure(state: RiskLimitState, quantity: number): RiskLimitFailure | null {
  const { maximumOrderQuantity, maximumOpenQuantity } = state.limits;
  if (quantity <= 0) return notPositive(quantity);
  if (quantity > maximumOrderQuantity) {
    return failureOf(
      "limit_exceeded",
      `an order may have ${maximumOrderQuantity} lots, not ${quantity}`,
      "send smaller orders, or have the account's limits raised",
      maximumOrderQuantity,
      quantity,
    );
  }
  // Subtraction, because a sum of two quantities may leave the safe integers.
  if (quantity > maximumOpenQuantity - state.reserved) {
    return failureOf(
      "limit_exceeded",
      `${state.reserved} of ${maximumOpenQuantity} lots are reserved, ${quantity} more do not fit`,
      "cancel open orders, or have the account's limits raised",
      maximumOpenQuantity,
      quantity,
    );
  }
  return null;
}

function releaseFailure(state: RiskLimitState, quantity: number): RiskLimitFailure | null {
  if (quantity <= 0) return notPositive(quantity);
  if (quantity <= state.reserved) return null;
  return failureOf(
    "not_reserved",
    `${state.reserved} lots are reserved, ${quantity} cannot be released`,
    "ask for the present state with describe",
    state.reserved,
    quantity,
  );
}

const notPositive = (quantity: number): RiskLimitFailure =>
  failureOf(
    "quantity_not_positive",
    `a quantity is at least 1 lot, not ${quantity}`,
    "send the lots of the order",
  );

function failureOf(
  code: RiskLimitFailure["code"],
  reason: string,
  next: string,
  limit = 0,
  requested = 0,
): RiskLimitFailure {
  return { code, reason, next, limit, requested };
}

/** The command that an event answers. */
export function commandOf(event: RiskLimitEvent): RiskLimitCommand {
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
export function askedBy(command: RiskLimitCommand): string {
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
