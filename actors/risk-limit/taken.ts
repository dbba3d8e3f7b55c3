import type { RiskLimitState } from "./decide.ts";
import type { RiskLimitFailure } from "./messages.ts";

/** What is taken of a limit, and why no more of it may be: pure functions of what stands. */

/** Members of a subtree that report to one name; one more is refused. */
export const MAXIMUM_MEMBERS = 1_024;

export const safe = (value: number): number =>
  Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));

/** Lots held by all members that trade. */
export const heldOf = ({ holds }: RiskLimitState): number =>
  Object.values(holds).reduce((sum, { quantity }) => safe(sum + quantity), 0);

/** Where members trade, sorted. */
export const marketsOf = ({ holds }: RiskLimitState): readonly string[] =>
  [...new Set(Object.values(holds).flatMap(({ markets }) => markets))].sort();

/** Lots that are taken: reserved by clients, and held by members that trade. */
export const takenOf = (state: RiskLimitState): number => safe(state.reserved + heldOf(state));

export function reserveFailure(state: RiskLimitState, quantity: number): RiskLimitFailure | null {
  if (quantity <= 0) return notPositive(quantity);
  return takeFailure(state, quantity, quantity);
}

/**
 * `more` lots, which may be none or fewer, and an order of `largest` of them after that; 0: none follows. No
 * order follows what is beyond the limit already.
 */
export function takeFailure(
  state: RiskLimitState,
  more: number,
  largest: number,
): RiskLimitFailure | null {
  const { maximumOrderQuantity, maximumOpenQuantity } = state.limits;
  if (state.stopped !== "") {
    return failureOf(
      "account_killed",
      `no order is taken: ${state.stopped}`,
      "have it resumed by two persons",
    );
  }
  if (largest > maximumOrderQuantity) {
    return failureOf(
      "limit_exceeded",
      `an order may have ${maximumOrderQuantity} lots, not ${largest}`,
      "send smaller orders, or have the limits raised",
      maximumOrderQuantity,
      largest,
    );
  }
  const taken = takenOf(state);
  // Subtraction, because a sum of two quantities may leave the safe integers.
  if (more > maximumOpenQuantity - taken) {
    return failureOf(
      "limit_exceeded",
      `${taken} of ${maximumOpenQuantity} lots are reserved, ${more} more do not fit`,
      "cancel open orders, or have the limits raised",
      maximumOpenQuantity,
      more,
    );
  }
  return null;
}

export function releaseFailure(state: RiskLimitState, quantity: number): RiskLimitFailure | null {
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

export const tooManyMembers = (members: number): RiskLimitFailure =>
  failureOf(
    "limit_exceeded",
    `${members} members report here already`,
    "make a level between them and this name",
    MAXIMUM_MEMBERS,
    members + 1,
  );

export function failureOf(
  code: RiskLimitFailure["code"],
  reason: string,
  next: string,
  limit = 0,
  requested = 0,
): RiskLimitFailure {
  return { code, reason, next, limit, requested };
}
