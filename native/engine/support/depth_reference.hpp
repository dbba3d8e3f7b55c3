// What a snapshot and a page of orders must show, taken from the orders alone and without a line of
// depth.hpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/depth.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

struct ReferenceSide {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> levels;  // price, lots
  std::vector<std::array<std::uint64_t, 3>> orders;             // id, price, lots
  bool has_more_levels = false;
  bool has_more_orders = false;

  friend bool operator==(const ReferenceSide&, const ReferenceSide&) = default;
};

// The best `level_limit` levels and the first `order_limit` orders of a side.
inline ReferenceSide reference_side(const Market& market, wire::Side side, std::size_t level_limit,
                                    std::size_t order_limit) {
  ReferenceSide all;
  market.visit_resting(side, [&](OrderId id, AccountId, PriceTicks price, QuantityLots lots) {
    if (all.levels.empty() || all.levels.back().first != price.value()) {
      if (all.levels.size() == level_limit) {
        all.has_more_levels = true;
        all.has_more_orders = true;
        return false;
      }
      all.levels.emplace_back(price.value(), 0);
    }
    all.levels.back().second += lots.value();
    if (all.orders.size() < order_limit) {
      all.orders.push_back({id.value(), price.value(), lots.value()});
    } else {
      all.has_more_orders = true;
    }
    return true;
  });
  return all;
}

// The same of what a reader was given.
inline ReferenceSide shown_side(const DepthSnapshot& snapshot, wire::Side side) {
  const DepthSide& shown = snapshot.sides[static_cast<std::size_t>(side)];
  ReferenceSide all;
  for (std::uint32_t place = 0; place < shown.level_count; ++place) {
    all.levels.emplace_back(shown.levels[place].price.value(), shown.levels[place].lots.value());
  }
  for (std::uint32_t place = 0; place < shown.order_count; ++place) {
    const DepthOrder& order = shown.orders[place];
    all.orders.push_back({order.id.value(), order.price.value(), order.lots.value()});
  }
  all.has_more_levels = shown.has_more_levels;
  all.has_more_orders = shown.has_more_orders;
  return all;
}

// 64 bits that tell two states of a side apart.
inline std::uint64_t fingerprint(const ReferenceSide& side) {
  std::uint64_t hash = 1469598103934665603ULL;
  const auto add = [&hash](std::uint64_t value) {
    hash = (hash ^ (value * 0x9E3779B97F4A7C15)) * 1099511628211ULL;
    hash ^= hash >> 29;
  };
  for (const auto& [price, lots] : side.levels) {
    add(price);
    add(lots);
  }
  add(side.levels.size());
  for (const auto& order : side.orders) {
    add(order[0]);
    add(order[1]);
    add(order[2]);
  }
  add(side.orders.size());
  add((side.has_more_levels ? 1U : 0U) + (side.has_more_orders ? 2U : 0U));
  return hash;
}

// What is wrong with a snapshot by itself; empty when nothing is. The book of a market in
// continuous trading is never crossed.
inline std::string fault_of(const DepthSnapshot& snapshot) {
  const DepthSide& bids = snapshot.sides[0];
  const DepthSide& asks = snapshot.sides[1];
  if (bids.level_count > 0 && asks.level_count > 0 &&
      bids.levels[0].price >= asks.levels[0].price) {
    return "crossed";
  }
  for (std::size_t number = 0; number < 2; ++number) {
    const DepthSide& side = snapshot.sides[number];
    std::uint32_t order = 0;
    for (std::uint32_t place = 0; place < side.level_count; ++place) {
      const DepthLevel& level = side.levels[place];
      if (level.lots == TotalLots{0}) {
        return "a level without lots";
      }
      if (place > 0 && (number == 0 ? level.price >= side.levels[place - 1].price
                                    : level.price <= side.levels[place - 1].price)) {
        return number == 0 ? "bids do not descend" : "asks do not ascend";
      }
      std::uint64_t lots = 0;
      for (; order < side.order_count && side.orders[order].price == level.price; ++order) {
        lots += side.orders[order].lots.value();
      }
      const bool is_partly_shown = order == side.order_count && side.has_more_orders;
      if (is_partly_shown ? lots > level.lots.value() : lots != level.lots.value()) {
        return "the orders of a level do not sum up to its lots";
      }
    }
    if (order != side.order_count) {
      return "an order at a price that is no level";
    }
  }
  return "";
}

}  // namespace meridian::engine
