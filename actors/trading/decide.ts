import type { Decision } from "../kernel/event-sourced.ts";
import { type Failure, unreachable } from "../kernel/result.ts";
import type { TimestampNs } from "../kernel/units.ts";
import { flattening } from "./flatten.ts";
import {
  emptyLedger,
  type Ledger,
  openLots,
  type Order,
  placesOf,
  planned,
  reconciled,
  settled,
} from "./ledger.ts";
import type { MarketView } from "./market-view.ts";
import type {
  Instrument,
  Phase,
  SteerVerb,
  TraderEvent,
  TraderMessage,
  TraderReply,
  TraderState,
} from "./messages.ts";

/** What is to be done next: orders, what the plan remembers, and whether the end is reached. */
export interface Plan<Memo> {
  readonly orders: readonly Order[];
  readonly memo: Memo | null;
  readonly done?: boolean;
  /** Nothing more is to be tried: what rests is canceled, then it stops. */
  readonly stop?: boolean;
}

export interface PlanInput<Memo> {
  readonly ledger: Ledger;
  readonly memo: Memo | null;
  readonly view: MarketView;
  readonly now: TimestampNs;
  /** Of the kind's own asking (TraderKind.adviser); absent where it asks nothing. */
  readonly advice?: unknown;
}

/** The one thing in which actors that trade differ. Pure; null: nothing is to be done now. */
export type Planner<Memo> = (input: PlanInput<Memo>) => Plan<Memo> | null;

export type TraderDecision<Memo> = Decision<TraderEvent<Memo>, TraderReply<Memo>>;

export const initialTrader = <Memo>(): TraderState<Memo> => ({
  ledger: emptyLedger,
  phase: "running",
  memo: null,
});

/** Pure. Orders are decided one lot at a time: never while the outcome of earlier ones is unknown. */
export function decideTrader<Memo>(
  planner: Planner<Memo>,
  state: TraderState<Memo>,
  message: TraderMessage,
  instrument: Bounds,
): TraderDecision<Memo> {
  switch (message.type) {
    case "look":
      return { type: "answered", reply: { type: "state", state } };
    case "plan":
      return planNow(planner, state, message, instrument);
    case "settle":
      return state.ledger.pending === null
        ? nothing()
        : happened({ type: "settled", settlements: message.settlements });
    case "reconcile":
      return happened({ type: "reconciled", resting: message.resting });
    case "steer":
      return steer(state, message.verb);
    default:
      return unreachable(message);
  }
}

type Bounds = Pick<Instrument, "lot" | "maximumQuantity">;
type PlanMessage = Extract<TraderMessage, { readonly type: "plan" }>;

/** Pure. What the planner wants now; null: nothing, or its turn has not come. */
export function wantedNow<Memo>(
  planner: Planner<Memo>,
  { ledger, phase, memo }: TraderState<Memo>,
  { view, at, advice }: Pick<PlanMessage, "view" | "at" | "advice">,
  instrument: Bounds,
): Plan<Memo> | null {
  if (ledger.pending !== null) return null;
  if (phase === "flattening") return { ...flattening(ledger, view, instrument), memo };
  if (phase !== "running") return null;
  return planner({ ledger, memo, view, now: at, advice });
}

function planNow<Memo>(
  planner: Planner<Memo>,
  state: TraderState<Memo>,
  message: PlanMessage,
  instrument: Bounds,
): TraderDecision<Memo> {
  const { ledger, phase, memo } = state;
  const { session, barred, allowance } = message;
  if (ledger.pending !== null) return nothing();
  if ((phase !== "running" && phase !== "flattening") || barred) {
    if (ledger.live.length > 0) {
      return happened({ type: "planned", session, orders: cancelsOf(ledger), memo });
    }
    return phase === "stopping" ? happened({ type: "steered", phase: "stopped" }) : nothing();
  }
  const plan = wantedNow(planner, state, message, instrument);
  if (plan === null) return nothing();
  if (phase === "flattening") {
    if (plan.done === true) return happened({ type: "steered", phase: "paused" });
    if (plan.orders.length === 0) return nothing();
  }
  if (plan.stop === true) return happened({ type: "steered", phase: "stopping" });
  if (plan.done === true) return happened({ type: "steered", phase: "done" });
  if (
    placesOf(plan.orders).length === 0 ||
    openLots(ledger, plan.orders, instrument.lot) <= (allowance ?? -1)
  ) {
    return happened({ type: "planned", session, orders: plan.orders, memo: plan.memo });
  }
  // The plan is made again when there is room: it remembers nothing of what was not sent.
  const orders = plan.orders.filter(({ kind }) => kind === "cancel");
  return orders.length === 0 ? nothing() : happened({ type: "planned", session, orders, memo });
}

function steer<Memo>(state: TraderState<Memo>, verb: SteerVerb): TraderDecision<Memo> {
  const { phase } = state;
  switch (verb) {
    case "pause":
      return phase === "running" || phase === "flattening"
        ? to("paused")
        : misplaced(verb, phase, "running");
    case "resume":
      return phase === "paused" || phase === "flattening"
        ? to("running")
        : misplaced(verb, phase, "paused");
    case "flatten":
      if (phase === "flattening") return nothing();
      return phase === "running" || phase === "paused"
        ? to("flattening")
        : misplaced(verb, phase, "running or paused");
    case "stop":
      if (phase === "stopped" || phase === "done") return misplaced(verb, phase, "not ended");
      return phase === "stopping" ? nothing() : to("stopping");
    case "start":
      if (phase === "done") return misplaced(verb, phase, "stopped");
      return phase === "running" ? nothing() : to("running");
    default:
      return unreachable(verb);
  }
}

const to = <Memo>(phase: Phase): TraderDecision<Memo> => happened({ type: "steered", phase });

function misplaced<Memo>(verb: string, phase: Phase, wanted: string): TraderDecision<Memo> {
  const ended = phase === "stopped" || phase === "done";
  const failure: Failure = {
    code: ended ? "actor_stopped" : "not_in_phase",
    reason: `${verb} is for an actor that is ${wanted}; this one is ${phase}`,
    next: ended ? "spawn another one under a new key" : "describe tells its state",
  };
  return { type: "answered", reply: { type: "refused", failure } };
}

const cancelsOf = (ledger: Ledger): readonly Order[] =>
  ledger.live.map(({ orderId }) => ({ kind: "cancel", orderId }));

const happened = <Memo>(event: TraderEvent<Memo>): TraderDecision<Memo> => ({
  type: "happened",
  events: [event],
});
const nothing = <Memo>(): TraderDecision<Memo> => ({ type: "answered", reply: { type: "done" } });

/** Pure. */
export function evolveTrader<Memo>(
  state: TraderState<Memo>,
  event: TraderEvent<Memo>,
): TraderState<Memo> {
  switch (event.type) {
    case "planned": {
      const { session, orders, memo } = event;
      const ledger = orders.length === 0 ? state.ledger : planned(state.ledger, session, orders);
      return { ...state, memo, ledger };
    }
    case "settled":
      return { ...state, ledger: settled(state.ledger, event.settlements) };
    case "reconciled":
      return { ...state, ledger: reconciled(state.ledger, event.resting) };
    case "steered":
      return { ...state, phase: event.phase };
    default:
      return unreachable(event);
  }
}
