/**
 * The state digest of native/engine/README.md: a sum modulo 2^64 over resting orders and remembered
 * outcomes, so that it can be kept by adding and subtracting terms.
 */

const MODULUS_BITS = 64;

const wrap = (value: bigint): bigint => BigInt.asUintN(MODULUS_BITS, value);

function mix(value: bigint): bigint {
  const wrapped = wrap(value);
  return wrap((wrapped ^ (wrapped >> 32n)) * 0x9e3779b97f4a7c15n);
}

/** One resting order, as far as the digest looks at it. `side`: 0 buy, 1 sell. */
export interface OrderTerm {
  readonly orderId: number;
  readonly account: number;
  readonly side: number;
  readonly price: number;
  readonly remaining: number;
  /** Sequence of the command that put the order last in its level. */
  readonly priority: number;
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

export function orderTerm(order: OrderTerm): bigint {
  return mix(
    BigInt(order.orderId) * 0xc2b2ae3d27d4eb4fn +
      BigInt(order.price) * 0x165667b19e3779f9n +
      BigInt(order.remaining) * 0xd6e8feb86659fd93n +
      BigInt(order.account * 2 + order.side) * 0xa0761d6478bd642fn +
      BigInt(order.priority) * 0xe7037ed1a0b428dbn,
  );
}

export function outcomeTerm(outcome: OutcomeTerm): bigint {
  return mix(
    outcome.session * 0xc2b2ae3d27d4eb4fn +
      outcome.number * 0x165667b19e3779f9n +
      BigInt(outcome.sequence) * 0xd6e8feb86659fd93n +
      (BigInt(outcome.orderId) ^ BigInt(outcome.refusal)) * 0xa0761d6478bd642fn +
      ((BigInt(outcome.executed) << 32n) + BigInt(outcome.remaining)) * 0xe7037ed1a0b428dbn,
  );
}

export const addTerm = (digest: bigint, term: bigint): bigint => wrap(digest + term);
export const removeTerm = (digest: bigint, term: bigint): bigint => wrap(digest - term);
