/**
 * Every refusal code a client can receive, with its meaning. Codes are stable; a test checks that
 * the engine's own codes (native/wire/refusal.hpp) are all here.
 */
export const refusals = {
  // by the engine
  command_invalid: "a field has no meaning in this command",
  not_configured: "the market has no reference data yet",
  market_halted: "the market is halted; cancels are taken",
  quantity_not_positive: "the quantity is zero or negative",
  quantity_too_large: "the quantity is above the market's maximum",
  price_not_positive: "the price is zero or negative",
  price_out_of_band: "the price is outside the market's band",
  order_unknown: "no such order rests in this market",
  order_not_yours: "the order belongs to another account",
  account_invalid: "the account is missing",
  order_pool_full: "the market holds as many orders as it is configured for",
  level_pool_full: "the market has as many price levels as it can hold",
  number_stale: "the command number was used too long ago to know its outcome",
  capacity_fixed: "the order capacity of a market cannot change",
  // by the cell, before the engine
  malformed: "the request cannot be decoded",
  too_large: "the request is larger than allowed",
  price_off_tick: "the price is not a multiple of the tick",
  quantity_off_lot: "the quantity is not a multiple of the lot",
  market_unknown: "no such market in this region",
  market_stopped: "the market is stopped or starting",
  verb_unknown: "no such request",
  ring_full: "the market's command ring is full",
  busy: "a queue is full",
  timeout: "no reply in time; it may have been done",
  not_durable: "too many commands wait to become durable",
  not_owner: "this cell does not own the market",
  stale_epoch: "the sender's epoch is over",
  market_exists: "a market of that name exists",
  definition_invalid: "the market definition is not usable",
  limit_exceeded: "a risk limit would be exceeded",
  not_reserved: "more would be released than is reserved",
  command_id_reused: "the command id was used for another command",
  log_full: "the actor's event log takes no more events",
  not_found: "no such thing",
  not_permitted: "the user's role does not allow it",
  unavailable: "the store of leases, definitions and journals does not answer",
  internal: "a fault on our side; it was reported",
} as const;

export type RefusalCode = keyof typeof refusals;
