/**
 * The chain of the microprice out of observed quotes: Stoikov 2018, section 3. Prices in half ticks are
 * avoided by counting moves of the mid as the sum of both prices' moves, divided by 2 at the end.
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  allPositive,
  atLeast,
  firstFailure,
  integerWithin,
  type ModelResult,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import {
  type MicropriceAdjustment,
  micropriceAdjustment,
  type MicropriceChain,
} from "./microprice.ts";
import type { QuoteColumns } from "./order-flow-imbalance.ts";
import { imbalanceOfQueues } from "./queue-imbalance.ts";

export interface MicropriceStates {
  /** Buckets of the imbalance, equally wide; an odd number gives balanced queues one of their own. */
  readonly imbalances: number;
  /** Spreads told apart, from one tick; a wider one counts as the last. */
  readonly spreads: number;
  /** Moves of the mid beyond this count as this, in ticks. */
  readonly largestMove: number;
  /** False leaves out the mirrored observations; the sum then mostly has no limit. */
  readonly symmetrise?: boolean;
}

export interface Microprice extends MicropriceAdjustment {
  readonly states: MicropriceStates;
  readonly chain: MicropriceChain;
  /** Transitions counted in each state, mirrored ones included. */
  readonly observations: Float64Array;
}

/**
 * Counts transitions and solves the chain. O(observations + states^3).
 * A state that was never left, or in which the mid never moved on, is refused: its row would be a guess.
 * Failure codes: wrong_shape, too_short, not_finite, out_of_range, and those of micropriceAdjustment.
 */
export function estimateMicroprice(
  quotes: QuoteColumns,
  states: MicropriceStates,
): ModelResult<Microprice> {
  const { bidPrice, bidQuantity, askPrice, askQuantity } = quotes;
  const wrong = firstFailure(
    integerWithin("imbalances", states.imbalances, 2, 100),
    integerWithin("spreads", states.spreads, 1, 100),
    integerWithin("largestMove", states.largestMove, 1, 1000),
    sameLength("bidQuantity", bidQuantity, "bidPrice", bidPrice),
    sameLength("askPrice", askPrice, "bidPrice", bidPrice),
    sameLength("askQuantity", askQuantity, "bidPrice", bidPrice),
    atLeast("bidPrice", bidPrice, 2),
    allFinite("bidPrice", bidPrice),
    allFinite("askPrice", askPrice),
    allPositive("bidQuantity", bidQuantity),
    allPositive("askQuantity", askQuantity),
  );
  if (wrong !== null) return refused(wrong);
  for (let at = 0; at < bidPrice.length; at += 1) {
    if (askPrice[at]! > bidPrice[at]!) continue;
    return refusal(
      "out_of_range",
      `quote ${at}: ask ${askPrice[at]} at or below bid ${bidPrice[at]}`,
      "a spread is at least one tick",
      "leave out locked and crossed quotes",
    );
  }
  const counts = countTransitions(quotes, states);
  const never = counts.observations.findIndex((count) => count === 0);
  if (never >= 0) {
    return refusal(
      "too_short",
      `state ${never} (${describe(never, states)})`,
      "it was never left, so nothing is known of it",
      "give more observations, or fewer buckets and spreads",
    );
  }
  const chain = chainOf(counts, states);
  const adjustment = micropriceAdjustment(chain);
  if (!adjustment.ok) return adjustment;
  return ok({ ...adjustment.value, states, chain, observations: counts.observations });
}

/** The state of a quote: imbalance bucket within spread. O(1). */
export function micropriceState(
  { imbalances, spreads }: MicropriceStates,
  bidPrice: number,
  bidQuantity: number,
  askPrice: number,
  askQuantity: number,
): number {
  const imbalance = imbalanceOfQueues(bidQuantity, askQuantity);
  const bucket = Math.min(imbalances - 1, Math.floor(imbalance * imbalances));
  const spread = Math.min(spreads, Math.max(1, Math.round(askPrice - bidPrice)));
  return (spread - 1) * imbalances + bucket;
}

/** mid + G*, in ticks, of a book with both sides. O(1), allocates nothing. */
export function micropriceOf(
  model: Microprice,
  bidPrice: number,
  bidQuantity: number,
  askPrice: number,
  askQuantity: number,
): number {
  const state = micropriceState(model.states, bidPrice, bidQuantity, askPrice, askQuantity);
  return (bidPrice + askPrice) / 2 + model.limit[state]!;
}

interface Counts {
  readonly observations: Float64Array;
  /** From state to state with the mid unmoved. */
  readonly still: Float64Array;
  /** From state by move, in half ticks from -2 largestMove. */
  readonly moving: Float64Array;
  /** From state to state with the mid moved. */
  readonly after: Float64Array;
}

const stateCount = ({ imbalances, spreads }: MicropriceStates): number => imbalances * spreads;
const moveCount = ({ largestMove }: MicropriceStates): number => 4 * largestMove + 1;

/** The state of the book seen in a mirror: bid and ask change places. */
const mirrored = (state: number, { imbalances }: MicropriceStates): number => {
  const bucket = state % imbalances;
  return state - bucket + (imbalances - 1 - bucket);
};

function countTransitions(quotes: QuoteColumns, states: MicropriceStates): Counts {
  const size = stateCount(states);
  const moves = moveCount(states);
  const zero = 2 * states.largestMove;
  const counts: Counts = {
    observations: new Float64Array(size),
    still: new Float64Array(size * size),
    moving: new Float64Array(size * moves),
    after: new Float64Array(size * size),
  };
  const add = (from: number, to: number, move: number): void => {
    counts.observations[from]! += 1;
    if (move === 0) {
      counts.still[from * size + to]! += 1;
      return;
    }
    counts.moving[from * moves + zero + move]! += 1;
    counts.after[from * size + to]! += 1;
  };
  const { bidPrice, bidQuantity, askPrice, askQuantity } = quotes;
  const stateAt = (at: number): number =>
    micropriceState(states, bidPrice[at]!, bidQuantity[at]!, askPrice[at]!, askQuantity[at]!);
  for (let at = 1; at < bidPrice.length; at += 1) {
    const [from, to] = [stateAt(at - 1), stateAt(at)];
    const halfTicks = bidPrice[at]! + askPrice[at]! - bidPrice[at - 1]! - askPrice[at - 1]!;
    const move = Math.max(-zero, Math.min(zero, Math.round(halfTicks)));
    add(from, to, move);
    if (states.symmetrise !== false)
      add(mirrored(from, states), mirrored(to, states), move === 0 ? 0 : -move);
  }
  return counts;
}

function chainOf(counts: Counts, states: MicropriceStates): MicropriceChain {
  const size = stateCount(states);
  const moves = moveCount(states);
  const rows = (values: Float64Array, width: number): number[][] =>
    Array.from({ length: size }, (_, state) =>
      Array.from(
        values.subarray(state * width, (state + 1) * width),
        (count) => count / counts.observations[state]!,
      ),
    );
  return {
    still: rows(counts.still, size),
    moving: rows(counts.moving, moves),
    after: rows(counts.after, size),
    moves: Array.from({ length: moves }, (_, index) => index / 2 - states.largestMove),
  };
}

const describe = (state: number, { imbalances }: MicropriceStates): string =>
  `imbalance bucket ${state % imbalances} of ${imbalances}, spread ${Math.floor(state / imbalances) + 1}`;
