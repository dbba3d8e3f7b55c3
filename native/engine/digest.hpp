// The state digest: a sum modulo 2^64 of one term for each open order, remembered outcome and
// account, so that each change costs a subtraction and an addition. Formulas: README.md, "State
// digest".
#pragma once
#include <cstdint>

#include "base/units.hpp"
#include "wire/command.hpp"

namespace meridian::engine::digest {

inline constexpr std::uint64_t first_factor = 0xC2B2AE3D27D4EB4F;
inline constexpr std::uint64_t second_factor = 0x165667B19E3779F9;
inline constexpr std::uint64_t third_factor = 0xD6E8FEB86659FD93;
inline constexpr std::uint64_t fourth_factor = 0xA0761D6478BD642F;
inline constexpr std::uint64_t fifth_factor = 0xE7037ED1A0B428DB;

constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  return (value ^ (value >> 32)) * 0x9E3779B97F4A7C15;
}

// What of an order's term stays the same while lots are taken off it.
constexpr std::uint64_t order_constant(OrderId id, PriceTicks price, AccountId account,
                                       wire::Side side, Sequence priority) noexcept {
  const std::uint64_t owner = std::uint64_t{account.value()} * 2 + static_cast<std::uint64_t>(side);
  return id.value() * first_factor + price.value() * second_factor + owner * fourth_factor +
         priority.value() * fifth_factor;
}

constexpr std::uint64_t order_term(std::uint64_t constant, QuantityLots remaining) noexcept {
  return mix(constant + remaining.value() * third_factor);
}

constexpr std::uint64_t outcome_term(std::uint64_t session, std::uint64_t number,
                                     std::uint64_t sequence, std::uint64_t order_id_and_refusal,
                                     QuantityLots executed, QuantityLots remaining) noexcept {
  return mix(session * first_factor + number * second_factor + sequence * third_factor +
             order_id_and_refusal * fourth_factor +
             ((std::uint64_t{executed.value()} << 32) + remaining.value()) * fifth_factor);
}

}  // namespace meridian::engine::digest
