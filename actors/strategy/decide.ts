import { unreachable } from "../kernel/result.ts";
import {
  decideFlow,
  type FlowDecision,
  type ZeroIntelligenceParameters,
} from "../models/zero-intelligence.ts";
import type {
  FlowCommand,
  FlowOutcome,
  FlowState,
  LiveOrder,
  StrategyStart,
  Touch,
} from "./messages.ts";

/** Own resting orders about which the book settles, and the most there may be. */
export const targetOrders = 200;
export const maximumOrders = 400;
/** Mean order quantity in lots, where the market's maximum allows. */
const meanLots = 20;

export const startOfFlow: FlowState = {
  number: 0,
  touch: { bid: 0, ask: 0 },
  touchSequence: 0,
  last: 0,
  live: [],
};

/** How a market's flow behaves: a book of some hundred orders around the middle of its bands. */
export function flowParameters(start: StrategyStart): ZeroIntelligenceParameters {
  const maximumLots = Math.floor(start.maximumQuantity / start.lot);
  const anchor = Math.round((start.bandLow + start.bandHigh) / 2 / start.tick) * start.tick;
  return {
    tick: start.tick,
    lot: start.lot,
    bandLow: start.bandLow,
    bandHigh: start.bandHigh,
    anchor,
    // Half a percent: far enough for the price to wander, near enough to stay in the bands for good.
    leash: Math.max(start.tick * 100, anchor / 200),
    meanDistanceTicks: 8,
    meanLots: Math.min(meanLots, maximumLots),
    maximumLots: Math.min(maximumLots, 10 * meanLots),
    limitWeight: 5,
    marketWeight: 1.5,
    cancelWeight: 3.5,
    targetOrders,
    maximumOrders,
  };
}

/**
 * The next command and the state after it was sent. A canceled order counts as gone at once, so that
 * two cancels in one request never name the same order.
 */
export function decide(
  parameters: ZeroIntelligenceParameters,
  state: FlowState,
  uniform: () => number,
): { readonly command: FlowCommand; readonly state: FlowState } {
  const { bid, ask } = state.touch;
  const view = { bid, ask, last: state.last, liveOrders: state.live.length };
  const decision = decideFlow(parameters, view, uniform);
  const number = state.number + 1;
  const command = commandOf(decision, number, state.live);
  const live =
    command.type === "cancel"
      ? state.live.filter(({ orderId }) => orderId !== command.order.orderId)
      : state.live;
  return { command, state: { ...state, number, live } };
}

function commandOf(
  decision: FlowDecision,
  number: number,
  live: readonly LiveOrder[],
): FlowCommand {
  switch (decision.type) {
    case "limit":
    case "market":
      return { ...decision, number };
    case "cancel": {
      const order = live[decision.age];
      if (order === undefined) throw new RangeError(`no live order of age ${decision.age}`);
      return { type: "cancel", number, order };
    }
    default:
      return unreachable(decision);
  }
}

/** Refusals of a cancel after which the order may still rest. */
const orderStillThere = new Set(["not_durable", "ring_full", "busy", "market_stopped"]);

/** What an outcome, or the lack of one, teaches. */
export function evolve(state: FlowState, command: FlowCommand, outcome: FlowOutcome): FlowState {
  let live = [...state.live];
  let last = state.last;
  for (const fill of outcome.fills) {
    last = fill.price;
    live = live.flatMap((order) => {
      if (order.orderId !== fill.makerOrderId) return [order];
      return fill.makerRemaining === 0 ? [] : [{ ...order, remaining: fill.makerRemaining }];
    });
  }
  if (command.type === "limit" && outcome.refusal === null && outcome.remaining > 0) {
    const { side, price } = command;
    live.push({ orderId: outcome.orderId, side, price, remaining: outcome.remaining });
  }
  if (command.type === "cancel" && outcome.refusal !== null) {
    if (orderStillThere.has(outcome.refusal)) live = [command.order, ...live];
  }
  const after = { ...state, live, last };
  return outcome.touch === null ? after : seen(after, outcome.touch, outcome.sequence, last);
}

/** Commands of a request that was refused whole: their orders are still there. */
export function undone(state: FlowState, commands: readonly FlowCommand[]): FlowState {
  const restored = commands.flatMap((command) =>
    command.type === "cancel" ? [command.order] : [],
  );
  return { ...state, live: [...restored, ...state.live] };
}

/** The touch as somebody else reports it. */
export function seen(state: FlowState, touch: Touch, sequence: number, last: number): FlowState {
  if (sequence < state.touchSequence) return state;
  return { ...state, touch, touchSequence: sequence, last: last === 0 ? state.last : last };
}

/** Refusals that mean "not now": the flow slows down instead of knocking on. */
const notNow = new Set([
  "not_durable",
  "market_halted",
  "market_stopped",
  "market_unknown",
  "ring_full",
  "busy",
  "not_owner",
  "unknown",
]);
export const isNotNow = (code: string): boolean => notNow.has(code);

/** Nanoseconds to wait after the k-th "not now" in a row (1, 2, …): 250 ms doubling up to 5 s. */
export function backoff(failures: number): number {
  return Math.min(5_000_000_000, 250_000_000 * 2 ** Math.min(failures - 1, 10));
}
