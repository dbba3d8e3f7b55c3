import type { Decision } from "../kernel/event-sourced.ts";
import { type Failure, unreachable } from "../kernel/result.ts";
import { durationNs, quantityLots, timestampNs, type TimestampNs } from "../kernel/units.ts";
import { isTighter } from "./limits.ts";
import {
  failureOf,
  heldOf,
  marketsOf,
  MAXIMUM_MEMBERS,
  releaseFailure,
  reserveFailure,
  safe,
  takeFailure,
  takenOf,
  tooManyMembers,
} from "./taken.ts";
import type {
  Holding,
  Limits,
  Outcome,
  RiskLimitCommand,
  RiskLimitEvent,
  RiskLimitFailure,
  RiskLimitMessage,
  RiskLimitReply,
  Scope,
} from "./messages.ts";

/**
 * Resends of commands older than this many later ones are not recognised: a sender must not resend
 * what it sent so long ago, but ask for the present state.
 */
export const REMEMBERED_COMMANDS = 1_024;
/** Reservations taken back that are known by id. */
const UNDONE_KNOWN = 256;
/** A proposal that nobody approves lapses after a day. */
export const PROPOSAL_LIFE = durationNs(86_400_000_000_000);
export const PROPOSAL_TIMER = "proposal";

export type Proposal =
  | { readonly to: "limits"; readonly id: string; readonly by: string; readonly limits: Limits }
  | { readonly to: "resume"; readonly id: string; readonly by: string };

export interface Hold {
  readonly epoch: number;
  readonly number: number;
  readonly quantity: number;
  readonly markets: readonly string[];
}

export interface RiskLimitState {
  readonly limits: Limits;
  readonly reserved: number;
  readonly scope: Scope | null;
  readonly parent: string;
  readonly account: number;
  readonly proposal: Proposal | null;
  /** Why no order is taken; empty: they are. */
  readonly stopped: string;
  /** By who reported it. */
  readonly holdings: Readonly<Record<string, Holding>>;
  /** By who trades, or by the level below. */
  readonly holds: Readonly<Record<string, Hold>>;
  /** Rises with every change of what is held. */
  readonly revision: number;
  /** Limits go to the markets of those who hold, not to all. */
  readonly tradedOnly: boolean;
  /** Ids of reservations taken back, oldest first. */
  readonly undone: readonly string[];
}

export type RiskLimitDecision = Decision<RiskLimitEvent, RiskLimitReply>;

export function initialState(limits: Limits): RiskLimitState {
  return {
    limits,
    reserved: 0,
    scope: null,
    parent: "",
    account: 0,
    proposal: null,
    stopped: "",
    holdings: {},
    holds: {},
    revision: 0,
    tradedOnly: false,
    undone: [],
  };
}

/** Pure. A refusal is not remembered: the same command may succeed later. */
export function decide(
  state: RiskLimitState,
  message: RiskLimitMessage,
  now: TimestampNs,
): RiskLimitDecision {
  switch (message.type) {
    case "describe":
      return { type: "answered", reply: described(state, message) };
    case "define":
      return define(state, message);
    case "set_limits":
      return setLimits(state, message, now);
    case "approve":
      return approve(state, message);
    case "stop": {
      if (state.stopped !== "") return { type: "answered", reply: done(state) };
      const { commandId, reason, requestedBy } = message;
      return happened({ type: "stopped", commandId, reason, requestedBy });
    }
    case "resume": {
      if (state.stopped === "") return { type: "answered", reply: done(state) };
      const { commandId, requestedBy } = message;
      return proposed({ type: "resume_proposed", commandId, requestedBy }, now);
    }
    case "reserve": {
      const { commandId, quantity } = message;
      return unless(reserveFailure(state, quantity), state, {
        type: "reserved",
        commandId,
        quantity,
      });
    }
    case "release": {
      const { commandId, quantity } = message;
      return unless(releaseFailure(state, quantity), state, {
        type: "released",
        commandId,
        quantity,
      });
    }
    case "undo": {
      const { commandId, reservation, quantity } = message;
      return unless(releaseFailure(state, quantity), state, {
        type: "undone",
        commandId,
        reservation,
        quantity,
      });
    }
    case "hold":
      return hold(state, message);
    case "report":
      return report(state, message);
    case "proposal_due":
      return state.proposal === null
        ? { type: "answered", reply: done(state) }
        : happened({ type: "proposal_lapsed", proposal: state.proposal.id });
    default:
      return unreachable(message);
  }
}

/** What the sender of a command is told when it is done, and who asks what stands. */
export function done(state: RiskLimitState): RiskLimitReply {
  return { type: "done", outcome: outcomeOf(state, false), repeated: false };
}

function described(
  state: RiskLimitState,
  { reservation = "", wanted = null }: Extract<RiskLimitMessage, { readonly type: "describe" }>,
): RiskLimitReply {
  const outcome = outcomeOf(state, state.undone.includes(reservation));
  const looser = wanted !== null && !isTighter(wanted, state.limits);
  return {
    type: "done",
    outcome: looser ? { ...outcome, approvalNeeded: true } : outcome,
    repeated: false,
  };
}

/** What all who report have together; a number that would leave the safe integers stops at their end. */
export function holdingOf(state: RiskLimitState): Holding {
  const held = Object.values(state.holdings);
  const accounts = new Set(held.flatMap(({ accounts: each }) => each));
  if (state.account !== 0) accounts.add(state.account);
  return {
    profit: safe(held.reduce((sum, { profit }) => sum + profit, 0)),
    position: safe(held.reduce((sum, { position }) => sum + position, 0)),
    accounts: [...accounts].sort((a, b) => a - b),
  };
}

function outcomeOf(state: RiskLimitState, undone: boolean): Outcome {
  const { limits, scope, parent, account, proposal, stopped, revision } = state;
  const { profit, position } = holdingOf(state);
  return {
    limits,
    reserved: quantityLots(takenOf(state)),
    scope,
    parent,
    account,
    proposal: proposal?.id ?? "",
    stopped,
    profit,
    position,
    undone,
    held: quantityLots(heldOf(state)),
    revision,
    markets: marketsOf(state),
  };
}

/** The first reply as a resend gets it. */
export function repeated(reply: RiskLimitReply): RiskLimitReply {
  return reply.type === "done" ? { ...reply, repeated: true } : reply;
}

/** Of the rules here, or of the kernel: those are not about a quantity. */
export function refusal(
  failure: Failure | RiskLimitFailure,
  state: RiskLimitState,
): RiskLimitReply {
  const about = "limit" in failure ? failure : { ...failure, limit: 0, requested: 0 };
  return {
    type: "refused",
    failure: about as RiskLimitFailure,
    outcome: outcomeOf(state, false),
  };
}

const happened = (...events: readonly RiskLimitEvent[]): RiskLimitDecision => ({
  type: "happened",
  events,
});

const proposed = (event: RiskLimitEvent, now: TimestampNs): RiskLimitDecision => ({
  type: "happened",
  events: [event],
  timers: [{ set: PROPOSAL_TIMER, due: timestampNs(now + BigInt(PROPOSAL_LIFE)) }],
});

const unless = (
  failure: RiskLimitFailure | null,
  state: RiskLimitState,
  event: RiskLimitEvent,
): RiskLimitDecision =>
  failure === null ? happened(event) : { type: "answered", reply: refusal(failure, state) };

function define(
  state: RiskLimitState,
  command: Extract<RiskLimitCommand, { readonly type: "define" }>,
): RiskLimitDecision {
  const { commandId, scope, parent, account, tradedOnly, requestedBy } = command;
  if (state.scope === null) {
    return happened({
      type: "defined",
      commandId,
      scope,
      parent,
      account,
      tradedOnly,
      requestedBy,
    });
  }
  if (state.scope === scope && state.parent === parent && state.account === account) {
    return { type: "answered", reply: done(state) };
  }
  const held = `${state.scope}, parent ${state.parent || "none"}, account ${state.account}`;
  const failure = failureOf(
    "already_defined",
    `it is defined as ${held}`,
    "choose another name: what counts towards a parent must not move",
  );
  return { type: "answered", reply: refusal(failure, state) };
}

/** Risk is taken away at once; more of it needs a second person. */
function setLimits(
  state: RiskLimitState,
  command: Extract<RiskLimitCommand, { readonly type: "set_limits" }>,
  now: TimestampNs,
): RiskLimitDecision {
  const { commandId, limits, requestedBy } = command;
  if (!isTighter(limits, state.limits)) {
    return proposed({ type: "limits_proposed", commandId, limits, requestedBy }, now);
  }
  return happened({ type: "limits_set", commandId, limits, requestedBy, approvedBy: "" });
}

function approve(
  state: RiskLimitState,
  command: Extract<RiskLimitCommand, { readonly type: "approve" }>,
): RiskLimitDecision {
  const { commandId, approvedBy } = command;
  const { proposal } = state;
  if (proposal?.id !== command.proposal) {
    const waits = proposal === null ? "nothing waits" : `${proposal.id} waits`;
    const failure = failureOf(
      "not_found",
      `${command.proposal} is no proposal that waits for approval: ${waits}`,
      "ask for the present state with describe",
    );
    return { type: "answered", reply: refusal(failure, state) };
  }
  if (proposal.by === approvedBy) {
    const failure = failureOf(
      "not_permitted",
      `${approvedBy} asked for it and cannot approve it`,
      "have somebody else approve it",
    );
    return { type: "answered", reply: refusal(failure, state) };
  }
  const { by: requestedBy } = proposal;
  const event: RiskLimitEvent =
    proposal.to === "limits"
      ? { type: "limits_set", commandId, limits: proposal.limits, requestedBy, approvedBy }
      : { type: "resumed", commandId, requestedBy, approvedBy };
  return { type: "happened", events: [event], timers: [{ clear: PROPOSAL_TIMER }] };
}

/**
 * What a member holds is absolute, so that one that was lost or comes twice is of no consequence, and of one
 * that comes late nothing is taken but the question whether an order may follow.
 */
function hold(
  state: RiskLimitState,
  command: Extract<RiskLimitCommand, { readonly type: "hold" }>,
): RiskLimitDecision {
  const { commandId, from, epoch, number, quantity, largest, markets } = command;
  const held = state.holds[from];
  if (held === undefined && Object.keys(state.holds).length >= MAXIMUM_MEMBERS) {
    return { type: "answered", reply: refusal(tooManyMembers(MAXIMUM_MEMBERS), state) };
  }
  if (held !== undefined && epoch < held.epoch) {
    const failure = failureOf(
      "not_permitted",
      `${from} holds here under epoch ${held.epoch}, not ${epoch}`,
      "stop: it runs elsewhere",
    );
    return { type: "answered", reply: refusal(failure, state) };
  }
  const overtaken = held !== undefined && epoch === held.epoch && number < held.number;
  const more = overtaken ? 0 : quantity - (held?.quantity ?? 0);
  const failure = more > 0 || largest > 0 ? takeFailure(state, more, largest) : null;
  if (failure !== null) return { type: "answered", reply: refusal(failure, state) };
  const stands =
    held !== undefined &&
    held.epoch === epoch &&
    held.number === number &&
    more === 0 &&
    held.markets.join() === markets.join();
  if (overtaken || stands) return { type: "answered", reply: done(state) };
  return happened({ type: "held", commandId, from, epoch, number, quantity, markets });
}

function report(
  state: RiskLimitState,
  command: Extract<RiskLimitCommand, { readonly type: "report" }>,
): RiskLimitDecision {
  const { commandId, from, profit, position, accounts } = command;
  const members = Object.keys(state.holdings).length;
  if (state.holdings[from] === undefined && members >= MAXIMUM_MEMBERS) {
    return { type: "answered", reply: refusal(tooManyMembers(members), state) };
  }
  const reported: RiskLimitEvent = {
    type: "reported",
    commandId,
    from,
    profit,
    position,
    accounts,
  };
  const breach = state.stopped === "" ? breachOf(evolve(state, reported)) : null;
  if (breach === null) return happened(reported);
  return happened(reported, { type: "breached", commandId, ...breach });
}

type Breach = Omit<Extract<RiskLimitEvent, { readonly type: "breached" }>, "type" | "commandId">;

function breachOf(state: RiskLimitState): Breach | null {
  const { maximumLoss, maximumPosition } = state.limits;
  const { profit, position } = holdingOf(state);
  if (maximumLoss > 0 && -profit > maximumLoss) {
    return { limit: "maximum_loss", allowed: maximumLoss, reached: -profit };
  }
  if (maximumPosition > 0 && position > maximumPosition) {
    return { limit: "maximum_position", allowed: maximumPosition, reached: position };
  }
  return null;
}

/** Pure. Folding an actor's events over its initial state gives its state. */
export function evolve(state: RiskLimitState, event: RiskLimitEvent): RiskLimitState {
  switch (event.type) {
    case "defined": {
      const { scope, parent, account, tradedOnly } = event;
      return { ...state, scope, parent, account, tradedOnly };
    }
    case "limits_proposed": {
      const { commandId: id, requestedBy: by, limits } = event;
      return { ...state, proposal: { to: "limits", id, by, limits } };
    }
    case "limits_set": {
      // Whatever waited was decided on other limits than these.
      return { ...state, limits: event.limits, proposal: null };
    }
    case "resume_proposed":
      return {
        ...state,
        proposal: { to: "resume", id: event.commandId, by: event.requestedBy },
      };
    case "resumed":
      return { ...state, stopped: "", proposal: null };
    case "stopped":
      return { ...state, stopped: event.reason, proposal: null };
    case "breached":
      return {
        ...state,
        stopped: `${event.limit}: ${event.reached} reached, ${event.allowed} allowed`,
        proposal: null,
      };
    case "proposal_lapsed":
      return { ...state, proposal: null };
    case "reserved":
      return { ...state, reserved: state.reserved + event.quantity };
    case "released":
      return { ...state, reserved: state.reserved - event.quantity };
    case "undone":
      return {
        ...state,
        reserved: state.reserved - event.quantity,
        undone: [...state.undone, event.reservation].slice(-UNDONE_KNOWN),
      };
    case "held": {
      const { from, epoch, number, quantity, markets } = event;
      const holds = { ...state.holds, [from]: { epoch, number, quantity, markets } };
      return { ...state, holds, revision: state.revision + 1 };
    }
    case "reported": {
      const { from, profit, position, accounts } = event;
      return { ...state, holdings: { ...state.holdings, [from]: { profit, position, accounts } } };
    }
    default:
      return unreachable(event);
  }
}

/** What a command asks for, without its id and its sender. */
export function askedBy(command: RiskLimitCommand): string {
  switch (command.type) {
    case "define":
      return `define ${command.scope} ${command.parent} ${command.account}`;
    case "set_limits":
      return `set_limits ${askedLimits(command.limits)}`;
    case "approve":
      return `approve ${command.proposal}`;
    case "stop":
    case "resume":
      return command.type;
    case "reserve":
    case "release":
      return `${command.type} ${command.quantity}`;
    case "undo":
      return `undo ${command.reservation} ${command.quantity}`;
    case "hold":
      return `hold ${command.from} ${command.quantity}`;
    case "report": {
      const { from, profit, position, accounts } = command;
      return `report ${from} ${profit} ${position} ${accounts.join(" ")}`;
    }
    default:
      return unreachable(command);
  }
}

/** The first two alone where nothing else is limited: so older entries said it. */
function askedLimits(limits: Limits): string {
  const { maximumOrderQuantity, maximumOpenQuantity, ...others } = limits;
  const more = Object.values(others).some((value) => value !== 0)
    ? ` ${Object.values(others).join(" ")}`
    : "";
  return `${maximumOrderQuantity} ${maximumOpenQuantity}${more}`;
}
