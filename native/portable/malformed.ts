import {
  attributes as bits,
  breakerModes,
  commandKinds,
  limitKinds,
  linkKinds,
  linkOf,
  massCancelFilters,
  MAX_PRICE,
  marketStates,
  orderTypes,
  selfTradeModeOf,
  selfTradeModes,
  timesInForce,
} from "./codes.ts";
import { emptyFields } from "./command-fields.ts";
import type { CommandFields } from "./command-fields.ts";

/** Step 3 of the checks: whether a command says something that has no meaning for its kind. */

type Field = keyof CommandFields;

const always: readonly Field[] = ["kind", "tag", "session", "number", "account"];
const checked = (Object.keys(emptyFields({})) as Field[]).filter((name) => !always.includes(name));

/** Fields that a kind uses; all others must be 0. */
const usedFields: Readonly<Record<number, readonly Field[]>> = {
  [commandKinds.cancel]: ["orderId"],
  [commandKinds.reduce]: ["orderId", "quantity"],
  [commandKinds.replace]: ["orderId", "price", "quantity", "trigger"],
  [commandKinds.configure]: ["orderType", "orderId", "price", "trigger", "quantity"],
  [commandKinds.set_state]: ["orderType"],
  [commandKinds.set_breaker]: ["orderType", "price", "quantity", "expiry"],
  [commandKinds.mass_cancel]: ["orderType", "side", "price", "trigger", "group"],
  [commandKinds.set_limit]: ["orderType", "orderId", "quantity"],
  [commandKinds.kill]: ["orderType"],
  [commandKinds.set_position]: ["side", "orderId"],
  [commandKinds.bust]: ["orderId", "quantity"],
  [commandKinds.correct]: ["orderId", "quantity", "price", "display"],
  [commandKinds.tick]: [],
  [commandKinds.seed]: ["orderId"],
};

const unusedFields: Readonly<Record<number, readonly Field[]>> = Object.fromEntries(
  Object.entries(usedFields).map(([kind, used]) => [
    kind,
    checked.filter((name) => !used.includes(name)),
  ]),
);

const LARGEST_DURABILITY_MODE = 2;
const LARGEST_POSITION = 2n ** 40n;
const LARGEST_LIMIT = BigInt(Number.MAX_SAFE_INTEGER);

export function malformed(command: CommandFields): boolean {
  if (command.kind === commandKinds.place) return malformedPlace(command);
  if (usedFields[command.kind] === undefined) return true;
  for (const name of unusedFields[command.kind] ?? []) {
    if (command[name] !== 0 && command[name] !== 0n) return true;
  }
  const { orderType: which, orderId, price, quantity, side, trigger, group } = command;
  switch (command.kind) {
    case commandKinds.configure:
      return which > LARGEST_DURABILITY_MODE;
    case commandKinds.set_state:
      return which > marketStates.closed;
    case commandKinds.set_breaker: {
      if (which > breakerModes.limit_state || price < 0 || price > MAX_PRICE) return true;
      return which !== breakerModes.none && quantity === 0;
    }
    case commandKinds.mass_cancel: {
      if (which > 7 || side > 1) return true;
      const bySide = (which & massCancelFilters.side) !== 0;
      const byPrice = (which & massCancelFilters.price) !== 0;
      const byGroup = (which & massCancelFilters.group) !== 0;
      if (!bySide && side !== 0) return true;
      if (!byPrice && (price !== 0 || trigger !== 0)) return true;
      return !byGroup && group !== 0;
    }
    case commandKinds.set_limit: {
      if (which > limitKinds.execution_rate || orderId > LARGEST_LIMIT) return true;
      return which >= limitKinds.message_rate ? quantity === 0 : quantity !== 0;
    }
    case commandKinds.kill:
      return which > 1;
    case commandKinds.set_position:
      return side > 1 || orderId > LARGEST_POSITION;
    case commandKinds.seed:
      return orderId === 0n;
    default:
      return false;
  }
}

const ALL_ATTRIBUTES = 0b1111_1111_1111;
/** All but the fields of self-trade prevention and link. */
const PLAIN_BITS = 0b1000_0011_1111;

/** What each type may have beyond price, quantity, self-trade prevention and reduce_only. */
interface Shape {
  readonly timesInForce: readonly number[];
  /** Attribute bits, without self-trade prevention and link. */
  readonly attributes: number;
  readonly link: boolean;
  readonly display: boolean;
}

const { day, ioc, fok, gtc, gtd, at_open, at_close, good_for_auction } = timesInForce;

const stop: Shape = {
  timesInForce: [day, gtc, gtd],
  attributes: bits.reduce_only,
  link: true,
  display: false,
};
const pegged: Shape = { ...stop, link: false };

const shapes: readonly Shape[] = [
  {
    timesInForce: [day, ioc, fok, gtc, gtd, at_open, at_close, good_for_auction],
    attributes:
      bits.post_only |
      bits.reprice |
      bits.hidden |
      bits.reduce_only |
      bits.all_or_none |
      bits.random_refresh,
    link: true,
    display: true,
  },
  { ...stop, timesInForce: [day, ioc, fok, at_open, at_close, good_for_auction] },
  stop,
  {
    ...stop,
    attributes: bits.reduce_only | bits.hidden,
    display: true,
  },
  { ...stop, attributes: bits.reduce_only | bits.trail_bps },
  pegged,
  pegged,
  pegged,
];

const MAX_TRAIL_BPS = 9_999;

/** Whether a distance of a trailing stop has a meaning. */
export const trailFits = (distance: number, attributes: number): boolean =>
  distance >= 1 && ((attributes & bits.trail_bps) === 0 || distance <= MAX_TRAIL_BPS);

function malformedPlace(command: CommandFields): boolean {
  const { side, orderType, timeInForce, price, trigger, quantity, display, minimum } = command;
  const { attributes, discretion } = command;
  const shape = shapes[orderType];
  if (shape === undefined || side > 1 || timeInForce > good_for_auction) return true;
  if (!shape.timesInForce.includes(timeInForce)) return true;
  if (attributes > ALL_ATTRIBUTES) return true;
  const link = linkOf(attributes);
  if (selfTradeModeOf(attributes) > selfTradeModes.decrement || link > linkKinds.child) return true;
  if ((attributes & PLAIN_BITS & ~shape.attributes) !== 0) return true;
  if ((link !== linkKinds.none) !== (command.orderId !== 0n)) return true;
  if (link !== linkKinds.none && !shape.link) return true;
  if (display !== 0 && !shape.display) return true;
  if ((command.expiry !== 0) !== (timeInForce === gtd)) return true;

  const isLimit = orderType === orderTypes.limit;
  if (discretion !== 0 && !isLimit) return true;
  const mayHaveMinimum = isLimit || (orderType === orderTypes.market && timeInForce === ioc);
  if (minimum !== 0 && !mayHaveMinimum) return true;
  switch (orderType) {
    case orderTypes.limit:
      if (trigger !== 0) return true;
      break;
    case orderTypes.market:
      if (price !== 0 || trigger < 0) return true;
      break;
    case orderTypes.stop:
      if (price !== 0) return true;
      break;
    case orderTypes.trailing_stop:
      if (price !== 0 || !trailFits(trigger, attributes)) return true;
      break;
    case orderTypes.pegged_primary:
    case orderTypes.pegged_mid:
      if (price < 0 || trigger < 0) return true;
      break;
    case orderTypes.pegged_market:
      if (price < 0 || trigger < 1) return true;
      break;
    default:
      break;
  }
  return malformedCombination(command, quantity);
}

/** An iceberg shows at least one in so many of its lots: each showing costs events. */
const LARGEST_RESERVE = 1_024;

/** Whether an iceberg of `quantity` lots would show anew too often. */
export const showsTooLittle = (display: number, quantity: number): boolean =>
  display !== 0 && display * LARGEST_RESERVE < quantity;

/** What excludes what, for all types. */
function malformedCombination(command: CommandFields, quantity: number): boolean {
  const { attributes, display, minimum, discretion, timeInForce } = command;
  const has = (bit: number): boolean => (attributes & bit) !== 0;
  const postOnly = has(bits.post_only);
  const hidden = has(bits.hidden);
  const allOrNone = has(bits.all_or_none);
  if (has(bits.reprice) && !postOnly) return true;
  if (has(bits.random_refresh) && display === 0) return true;
  if (display !== 0 && (display >= quantity || showsTooLittle(display, quantity))) return true;
  if (minimum > quantity) return true;
  if (allOrNone && minimum !== 0) return true;
  if (hidden && (display !== 0 || discretion !== 0)) return true;
  const stays = timeInForce === day || timeInForce === gtc || timeInForce === gtd;
  if (!stays && (postOnly || display !== 0 || discretion !== 0)) return true;
  if (postOnly && (allOrNone || minimum !== 0 || hidden || discretion !== 0)) return true;
  if (discretion !== 0 && (allOrNone || minimum !== 0 || hidden)) return true;
  if (display !== 0 && (discretion !== 0 || minimum !== 0 || allOrNone)) return true;
  const wholeOrLater =
    timeInForce === fok ||
    timeInForce === at_open ||
    timeInForce === at_close ||
    timeInForce === good_for_auction;
  return wholeOrLater && (allOrNone || minimum !== 0);
}
