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
};

enum class CancelReason : std::uint8_t {
  user = 1,
  reduced_to_zero = 2,
  ioc_rest = 3,
  fok_unfilled = 4,
  no_liquidity = 5,
};

}  // namespace meridian::wire
