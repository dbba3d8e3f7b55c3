/** Numbers of the wire (native/engine/README.md), under the names that the rules use. */

/** 0 buy, 1 sell, as on the wire. */
export type SideNumber = 0 | 1;
export const BUY = 0;
export const SELL = 1;

export const opposite = (side: SideNumber): SideNumber => (side === 0 ? 1 : 0);

/** Values of the `kind` byte of a command. */
export const commandKinds = {
  place: 1,
  cancel: 2,
  reduce: 3,
  replace: 4,
  configure: 5,
  set_state: 6,
  set_breaker: 7,
  mass_cancel: 8,
  set_limit: 9,
  kill: 10,
  set_position: 11,
  bust: 12,
  correct: 13,
  tick: 14,
  seed: 15,
} as const;

export const orderTypes = {
  limit: 0,
  market: 1,
  stop: 2,
  stop_limit: 3,
  trailing_stop: 4,
  pegged_primary: 5,
  pegged_market: 6,
  pegged_mid: 7,
} as const;

export const timesInForce = {
  day: 0,
  ioc: 1,
  fok: 2,
  gtc: 3,
  gtd: 4,
  at_open: 5,
  at_close: 6,
  good_for_auction: 7,
} as const;

/** Bits and fields of `attributes`. */
export const attributes = {
  post_only: 1,
  reprice: 2,
  hidden: 4,
  reduce_only: 8,
  all_or_none: 16,
  random_refresh: 32,
  trail_bps: 2048,
} as const;

export const selfTradeModes = { none: 0, newest: 1, oldest: 2, both: 3, decrement: 4 } as const;
export const linkKinds = { none: 0, oco: 1, child: 2 } as const;

/** Self-trade prevention within `attributes`. */
export const selfTradeModeOf = (bits: number): number => (bits >> 6) & 7;
/** Kind of link within `attributes`. */
export const linkOf = (bits: number): number => (bits >> 9) & 3;

export const marketStates = {
  open: 0,
  halted: 1,
  pre_open: 2,
  opening_auction: 3,
  volatility_auction: 4,
  closing_auction: 5,
  closed: 6,
} as const;

/** Whether orders gather in this state without being matched. */
export const isCallPhase = (state: number): boolean =>
  state >= marketStates.pre_open && state <= marketStates.closing_auction;

export const breakerModes = { none: 0, interrupt: 1, limit_state: 2 } as const;

export const massCancelFilters = { side: 1, price: 2, group: 4 } as const;

export const limitKinds = {
  quantity: 0,
  notional: 1,
  collar: 2,
  open_orders: 3,
  position: 4,
  message_rate: 5,
  execution_rate: 6,
} as const;

export const eventKinds = {
  accepted: 1,
  executed: 2,
  canceled: 3,
  reduced: 4,
  replaced: 5,
  refused: 6,
  repeated: 7,
  configured: 8,
  state_set: 9,
  touch: 10,
  rested: 11,
  triggered: 12,
  activated: 13,
  repriced: 14,
  indicative: 15,
  limit_state: 16,
  breaker_set: 17,
  mass_canceled: 18,
  limit_set: 19,
  killed: 20,
  position_set: 21,
  busted: 22,
  corrected: 23,
  ticked: 24,
  seeded: 25,
} as const;

/** Reasons of `canceled`; `reduced` has some of them. */
export const reasons = {
  user: 1,
  reduced_to_zero: 2,
  ioc_rest: 3,
  fok_unfilled: 4,
  no_liquidity: 5,
  self_trade: 6,
  reduce_only: 7,
  minimum_unmet: 8,
  breaker: 9,
  linked: 10,
  expired: 11,
  mass_cancel: 12,
  killed: 13,
  day_end: 14,
  auction_rest: 15,
  no_room: 16,
} as const;

export const refusals = {
  none: 0,
  command_invalid: 1,
  not_configured: 2,
  market_halted: 3,
  quantity_not_positive: 4,
  quantity_too_large: 5,
  price_not_positive: 6,
  price_out_of_band: 7,
  order_unknown: 8,
  order_not_yours: 9,
  account_invalid: 10,
  order_pool_full: 11,
  level_pool_full: 12,
  number_stale: 13,
  capacity_fixed: 14,
  market_closed: 15,
  not_in_phase: 16,
  link_invalid: 17,
  no_reference: 18,
  reduce_only: 19,
  post_only: 20,
  account_table_full: 21,
  special_pool_full: 22,
  trade_unknown: 23,
  busy: 24,
  account_killed: 25,
  limit_messages: 26,
  limit_executions: 27,
  limit_quantity: 28,
  limit_notional: 29,
  limit_collar: 30,
  limit_open_orders: 31,
  limit_position: 32,
} as const;

export const MAX_PRICE = 2 ** 31 - 2;
export const MAX_QUANTITY = 2 ** 31 - 1;
export const MAX_CAPACITY = 2 ** 24 - 2;
