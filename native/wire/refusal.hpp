// Refusals and reasons that travel in events. Numbers never change meaning; new ones go at the end.
#pragma once
#include <cstdint>

namespace meridian::wire {

enum class Refusal : std::uint8_t {
  none = 0,
  command_invalid = 1,
  not_configured = 2,
  market_halted = 3,
  quantity_not_positive = 4,
  quantity_too_large = 5,
  price_not_positive = 6,
  price_out_of_band = 7,
  order_unknown = 8,
  order_not_yours = 9,
  account_invalid = 10,
  order_pool_full = 11,
  level_pool_full = 12,
  number_stale = 13,
  capacity_fixed = 14,
  market_closed = 15,
  not_in_phase = 16,
  link_invalid = 17,
  no_reference = 18,
  reduce_only = 19,
  post_only = 20,
  account_table_full = 21,
  special_pool_full = 22,
  trade_unknown = 23,
  busy = 24,
  account_killed = 25,
  limit_messages = 26,
  limit_executions = 27,
  limit_quantity = 28,
  limit_notional = 29,
  limit_collar = 30,
  limit_open_orders = 31,
  limit_position = 32,
};

// Why an order left, or lots were taken off it.
enum class CancelReason : std::uint8_t {
  user = 1,
  reduced_to_zero = 2,
  ioc_rest = 3,
  fok_unfilled = 4,
  no_liquidity = 5,
  self_trade = 6,
  reduce_only = 7,
  minimum_unmet = 8,
  breaker = 9,
  linked = 10,
  expired = 11,
  mass_cancel = 12,
  killed = 13,
  day_end = 14,
  auction_rest = 15,
  no_room = 16,
};

}  // namespace meridian::wire
