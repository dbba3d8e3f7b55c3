/**
 * The state digest of native/engine/README.md: a sum modulo 2^64 over open orders, remembered
 * outcomes and accounts, so that it can be kept by adding and subtracting terms.
 */

const MODULUS_BITS = 64;

const K1 = 0xc2b2ae3d27d4eb4fn;
const K2 = 0x165667b19e3779f9n;
const K3 = 0xd6e8feb86659fd93n;
const K4 = 0xa0761d6478bd642fn;
const K5 = 0xe7037ed1a0b428dbn;

const wrap = (value: bigint): bigint => BigInt.asUintN(MODULUS_BITS, value);

export function mix(value: bigint): bigint {
  const wrapped = wrap(value);
  return wrap((wrapped ^ (wrapped >> 32n)) * 0x9e3779b97f4a7c15n);
}

/** One open order, as far as the digest looks at every one. `side`: 0 buy, 1 sell. */
export interface OrderTerm {
  readonly orderId: number;
  readonly account: number;
  readonly side: number;
  /** Limit, cap or 0; of a resting peg the price at which it rests. */
  readonly price: number;
  readonly remaining: number;
  /** Sequence of the command that put the order last where it stands. */
  readonly priority: number;
}

/** What a plain order resting lit does not have. */
export interface SpecialTerm {
  readonly orderId: number;
  readonly standing: number;
  readonly shown: number;
  readonly minimum: number;
  readonly trigger: number;
  readonly attributes: number;
  readonly discretion: number;
  readonly group: number;
  readonly orderType: number;
  readonly timeInForce: number;
  readonly extreme: number;
  readonly display: number;
}

/** One remembered outcome. `refusal`: its number, 0 when the command was not refused. */
export interface OutcomeTerm {
  readonly session: bigint;
  readonly number: bigint;
  readonly sequence: number;
  readonly orderId: number;
  readonly refusal: number;
  readonly executed: number;
  readonly remaining: number;
}

/** One account; the limits by their number. */
export interface AccountTerm {
  readonly account: number;
  readonly position: number;
  readonly messages: number;
  readonly executions: number;
  readonly limits: readonly number[];
  readonly killed: boolean;
}

export interface MarketTerm {
  readonly lastTrade: number;
  readonly reference: number;
  readonly state: number;
  readonly inLimitState: boolean;
  readonly random: bigint;
}

export function orderTerm(order: OrderTerm): bigint {
  return mix(
    BigInt(order.orderId) * K1 +
      BigInt(order.price) * K2 +
      BigInt(order.remaining) * K3 +
      BigInt(order.account * 2 + order.side) * K4 +
      BigInt(order.priority) * K5,
  );
}

const pair = (high: number, low: number): bigint => (BigInt(high) << 32n) + BigInt(low);

export function specialTerm(order: SpecialTerm): bigint {
  const kind =
    (order.attributes * 2 ** 16 + order.discretion * 2 ** 8 + order.group) * 2 ** 16 +
    order.orderType * 2 ** 8 +
    order.timeInForce;
  return mix(
    BigInt(order.orderId) * K2 +
      pair(order.standing, order.shown) * K3 +
      pair(order.minimum, order.trigger) * K4 +
      BigInt(kind) * K5 +
      pair(order.extreme, order.display) * K1,
  );
}

export function outcomeTerm(outcome: OutcomeTerm): bigint {
  return mix(
    outcome.session * K1 +
      outcome.number * K2 +
      BigInt(outcome.sequence) * K3 +
      (BigInt(outcome.orderId) ^ BigInt(outcome.refusal)) * K4 +
      pair(outcome.executed, outcome.remaining) * K5,
  );
}

export function accountTerm(account: AccountTerm): bigint {
  const number = BigInt(account.account);
  let sum =
    mix(number * K1) * BigInt(account.position) +
    mix(number * K2) * BigInt(account.messages) +
    mix(number * K3) * BigInt(account.executions);
  for (const [which, value] of account.limits.entries()) {
    if (value !== 0) sum += mix(number * K4 + BigInt(which)) * BigInt(value);
  }
  if (account.killed) sum += mix(number * K5);
  return wrap(sum);
}

export function marketTerm(market: MarketTerm): bigint {
  return mix(
    BigInt(market.lastTrade) * K1 +
      BigInt(market.reference) * K2 +
      BigInt(market.state) * K3 +
      (market.inLimitState ? K4 : 0n) +
      market.random * K5,
  );
}

export const addTerm = (digest: bigint, term: bigint): bigint => wrap(digest + term);
export const removeTerm = (digest: bigint, term: bigint): bigint => wrap(digest - term);
