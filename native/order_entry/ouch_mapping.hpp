// What an OUCH message means to the engine, and what the engine's codes mean to OUCH. The tables
// are in README.md.
#pragma once
#include <cstdint>

#include "protocols/codec.hpp"
#include "wire/command.hpp"
#include "wire/refusal.hpp"

namespace meridian::order_entry {

// Reasons of a Rejected message. The numbers are Nasdaq's.
enum class Reject : std::uint16_t {
  none = 0,
  quote_unavailable = 0x01,
  destination_closed = 0x02,
  display_invalid = 0x03,
  max_floor_invalid = 0x04,
  peg_type_invalid = 0x05,
  fat_finger = 0x06,
  halted = 0x07,
  side_invalid = 0x09,
  processing = 0x0A,
  firm_invalid = 0x0C,
  minimum_invalid = 0x0D,
  other = 0x0F,
  crossed = 0x12,
  quantity_invalid = 0x13,
  replace_not_allowed = 0x15,
  symbol_invalid = 0x17,
  price_invalid = 0x1D,
  shares_over_limit = 0x1E,
  notional_over_limit = 0x1F,
};

// How a market's units become those of OUCH.
struct Listing {
  protocols::Text<8> symbol = protocols::Text<8>::of("");
  std::uint32_t price_per_tick = 100;  // in 10^-4
};

// A price that stands for "at the market".
inline constexpr std::uint64_t market_price = 0x7FFFFFFF;

// Fills a place command but for account, group, session, number and tag. `day_start_s`: seconds
// since 1970 of the midnight from which expiry times count.
[[nodiscard]] Reject place_of(const protocols::ouch::inbound::EnterOrder& order,
                              const Listing& listing, protocols::Text<4> firm,
                              std::uint32_t day_start_s, wire::Command& command) noexcept;

// Ticks of a price; false when it is none.
[[nodiscard]] bool ticks_of(std::uint64_t price, std::uint32_t price_per_tick,
                            std::int32_t& ticks) noexcept;

[[nodiscard]] Reject reject_of(wire::Refusal refusal) noexcept;
[[nodiscard]] char cancel_reason_of(wire::CancelReason reason) noexcept;

}  // namespace meridian::order_entry
