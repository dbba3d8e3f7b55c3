// Units of a market. Money, prices and quantities are integers everywhere.
#pragma once
#include <cstdint>

#include "base/strong.hpp"

namespace meridian {

struct PriceTicksTag {
  static constexpr bool is_amount = false;
};
// Price in ticks of the market; an order's limit is 1 … 2^31 - 2.
using PriceTicks = Strong<PriceTicksTag, std::uint32_t>;

struct QuantityLotsTag {
  static constexpr bool is_amount = true;
};
// Quantity of one order in lots, 0 … 2^31 - 1.
using QuantityLots = Strong<QuantityLotsTag, std::uint32_t>;

struct TotalLotsTag {
  static constexpr bool is_amount = true;
};
// Lots of many orders together: 2^24 orders of 2^31 lots fit.
using TotalLots = Strong<TotalLotsTag, std::uint64_t>;

struct AccountIdTag {
  static constexpr bool is_amount = false;
};
// Owner of orders; 0 is nobody.
using AccountId = Strong<AccountIdTag, std::uint32_t>;

struct OrderIdTag {
  static constexpr bool is_amount = false;
};
// Public name of an order, below 2^53; 0 is none.
using OrderId = Strong<OrderIdTag, std::uint64_t>;

struct SequenceTag {
  static constexpr bool is_amount = false;
};
// Place of a command in its market: 1, 2, 3, …
using Sequence = Strong<SequenceTag, std::uint64_t>;

// 0 and above every price: what a side without orders has as its best price.
inline constexpr PriceTicks below_every_price{0};
inline constexpr PriceTicks above_every_price{0x7FFFFFFF};

}  // namespace meridian
