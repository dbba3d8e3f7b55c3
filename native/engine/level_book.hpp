// Two sides of price levels with their best prices. It knows where orders stand, not what they are:
// counting, digests and limits are the owner's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/units.hpp"
#include "engine/order_pool.hpp"
#include "engine/price_ladder.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

constexpr wire::Side opposite(wire::Side side) noexcept {
  return side == wire::Side::buy ? wire::Side::sell : wire::Side::buy;
}
constexpr std::size_t index_of(wire::Side side) noexcept { return static_cast<std::size_t>(side); }

// Flipping all bits turns the order of prices round, so one comparison serves both sides.
constexpr std::uint32_t flipped_if(bool flip, PriceTicks price) noexcept {
  return price.value() ^ (0U - static_cast<std::uint32_t>(flip));
}

// Whether an aggressor of `side` with this limit accepts `price`; never the price of an empty side.
constexpr bool crosses(wire::Side side, PriceTicks price, PriceTicks limit) noexcept {
  const bool flip = side == wire::Side::sell;
  return flipped_if(flip, price) <= flipped_if(flip, limit);
}

// Whether `price` is a better price for an order of `side` than the other.
constexpr bool is_better(wire::Side side, PriceTicks price, PriceTicks than) noexcept {
  const bool flip = side == wire::Side::buy;
  return flipped_if(flip, price) < flipped_if(flip, than);
}

// The best price of a side without orders: worse than any.
constexpr PriceTicks no_price(wire::Side side) noexcept {
  return side == wire::Side::buy ? below_every_price : above_every_price;
}

// Best price of a side and the lots there. Without orders: no lots, and a price worse than any.
struct Quote {
  PriceTicks price;
  TotalLots lots;
};

class LevelBook {
 public:
  static constexpr std::size_t arena_bytes() noexcept { return 2 * PriceLadder::arena_bytes(); }

  LevelBook(Arena& arena, OrderPool& pool) noexcept
      : pool_(pool), ladders_{PriceLadder(arena), PriceLadder(arena)} {}
  LevelBook(const LevelBook&) = delete;
  LevelBook& operator=(const LevelBook&) = delete;

  [[nodiscard]] PriceTicks best(wire::Side side) const noexcept {
    return best_[index_of(side)].price;
  }
  [[nodiscard]] Quote quote(wire::Side side) const noexcept {
    const Best& best = best_[index_of(side)];
    return {best.price, best.level->lots};
  }
  [[nodiscard]] bool is_empty(wire::Side side) const noexcept {
    return best(side) == no_price(side);
  }

  [[nodiscard]] Level& level(wire::Side side, PriceTicks price) noexcept {
    return ladders_[index_of(side)].at(price);
  }
  [[nodiscard]] const Level& level(wire::Side side, PriceTicks price) const noexcept {
    return ladders_[index_of(side)].at(price);
  }

  // The next occupied price of the same side further from the other side, or no_price(side).
  [[nodiscard]] PriceTicks worse(wire::Side side, PriceTicks price) const noexcept {
    const PriceLadder& ladder = ladders_[index_of(side)];
    return side == wire::Side::buy ? ladder.next_below(price) : ladder.next_above(price);
  }

  // The highest occupied price of a side that is not above `price`, or below_every_price.
  [[nodiscard]] PriceTicks at_or_below(wire::Side side, PriceTicks price) const noexcept {
    const PriceLadder& ladder = ladders_[index_of(side)];
    return ladder.is_occupied(price) ? price : ladder.next_below(price);
  }

  // Whether an order at this price would need a level that is not there, and there are as many
  // levels as allowed.
  [[nodiscard]] bool lacks_level(wire::Side side, PriceTicks price) const noexcept {
    const PriceLadder& ladder = ladders_[index_of(side)];
    return ladder.occupied() == PriceLadder::highest_occupied && !ladder.is_occupied(price);
  }

  [[nodiscard]] bool is_alone(OrderSlot slot) const noexcept {
    const Order& order = pool_[slot];
    return order.previous == no_slot && order.next == no_slot;
  }

  // Puts an order whose price, side and lots are set last in its level. The pool is handed in, as
  // below, because the caller has its address already.
  [[gnu::always_inline]] void append(OrderPool& pool, OrderSlot slot) noexcept {
    Order& order = pool[slot];
    const wire::Side side = order.side();
    const PriceTicks price = order.price();
    Level& level = ladders_[index_of(side)].occupy(price);
    order.previous = level.tail;
    order.next = no_slot;
    if (level.tail == no_slot) {
      level.head = slot;
      if (is_better(side, price, best(side))) {
        best_[index_of(side)] = {price, &level};
      }
    } else {
      pool[level.tail].next = slot;
    }
    level.tail = slot;
    level.lots = level.lots + TotalLots{order.remaining.value()};
  }

  // Takes an order out of its level.
  [[gnu::always_inline]] void remove(OrderPool& pool, OrderSlot slot) noexcept {
    const Order& order = pool[slot];
    const wire::Side side = order.side();
    const PriceTicks price = order.price();
    Level& level = ladders_[index_of(side)].at(price);
    level.lots = level.lots - TotalLots{order.remaining.value()};
    if (order.previous == no_slot) {
      level.head = order.next;
    } else {
      pool[order.previous].next = order.next;
    }
    if (order.next == no_slot) {
      level.tail = order.previous;
    } else {
      pool[order.next].previous = order.previous;
    }
    if (level.head == no_slot) {
      leave_level(side, price);
    }
  }

  // Takes lots off what an order has here.
  void reduce(OrderSlot slot, QuantityLots lots) noexcept {
    Order& order = pool_[slot];
    Level& level = ladders_[index_of(order.side())].at(order.price());
    order.remaining = order.remaining - lots;
    level.lots = level.lots - TotalLots{lots.value()};
  }

  // The level has no orders left. The best price moves on before the level's page can go.
  void leave_level(wire::Side side, PriceTicks price) noexcept {
    PriceLadder& ladder = ladders_[index_of(side)];
    if (price == best(side)) {
      const PriceTicks next = worse(side, price);
      // An empty side must not point into a page: the page can go to other prices.
      best_[index_of(side)] = {next,
                               next == no_price(side) ? &ladder.empty_level() : &ladder.at(next)};
    }
    ladder.vacate(price);
  }

  // Calls visitor(slot) for the orders of a side, best price first and oldest first within a price,
  // until it returns false.
  template <class Visitor>
  void visit(wire::Side side, Visitor&& visitor) const noexcept {
    for (PriceTicks price = best(side); price != no_price(side); price = worse(side, price)) {
      for (OrderSlot slot = level(side, price).head; slot != no_slot; slot = pool_[slot].next) {
        if (!visitor(slot)) {
          return;
        }
      }
    }
  }

  // Calls visitor(price, lots) for the levels of a side at `from` and worse, best first, until it
  // returns false. A `from` better than the best price starts at the best.
  template <class Visitor>
  void visit_levels(wire::Side side, PriceTicks from, Visitor&& visitor) const noexcept {
    PriceTicks price = best(side);
    if (is_better(side, price, from)) {
      price = ladders_[index_of(side)].is_occupied(from) ? from : worse(side, from);
    }
    for (; price != no_price(side); price = worse(side, price)) {
      if (!visitor(price, level(side, price).lots)) {
        return;
      }
    }
  }

  // Calls visitor(slot) for the orders of a side at one price, oldest first, until it returns
  // false.
  template <class Visitor>
  void visit_level(wire::Side side, PriceTicks price, Visitor&& visitor) const noexcept {
    for (OrderSlot slot = level(side, price).head; slot != no_slot; slot = pool_[slot].next) {
      if (!visitor(slot)) {
        return;
      }
    }
  }

  // Whether ladders, levels and orders agree. Adds the number of orders to `orders`. Cost: all.
  [[nodiscard]] bool verify(std::uint32_t& orders) const noexcept;

 private:
  struct Best {
    PriceTicks price;
    const Level* level;
  };

  [[nodiscard]] bool verify_level(wire::Side side, PriceTicks price,
                                  std::uint32_t& orders) const noexcept;

  OrderPool& pool_;
  std::array<PriceLadder, 2> ladders_;
  std::array<Best, 2> best_{Best{below_every_price, &ladders_[0].empty_level()},
                            Best{above_every_price, &ladders_[1].empty_level()}};
};

}  // namespace meridian::engine
