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

  // `buys` and `sells`: the pools that the pages of the two sides are.
  LevelBook(Arena& arena, OrderPool& pool, const Backing* backing, GrowingPool buys,
            GrowingPool sells) noexcept
      : pool_(pool),
        ladders_{PriceLadder(arena, backing, buys), PriceLadder(arena, backing, sells)} {}
  LevelBook(const LevelBook&) = delete;
  LevelBook& operator=(const LevelBook&) = delete;

  [[nodiscard]] const PriceLadder& ladder(wire::Side side) const noexcept {
    return ladders_[index_of(side)];
  }

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

  // Whether a side has as many levels as allowed.
  [[nodiscard]] bool is_full(wire::Side side) const noexcept {
    return ladders_[index_of(side)].occupied() == PriceLadder::highest_occupied;
  }

  // Starts loading one more of the orders that a sweep would meet first, of one side and then of
  // the other: a sweep follows their links, and each miss would wait for the one before.
  // Gives the order it came to.
  [[gnu::always_inline]] OrderSlot walk_ahead(const OrderPool& pool) noexcept {
    const std::uint32_t side = ++walk_steps_ & 1;
    const bool is_over = (walk_steps_ & walk_mask) <= 1;
    // What was walked to may have left meanwhile: its links lead to some slot or other.
    const OrderSlot next = pool[walkers_[side]].next;
    const OrderSlot head = best_[side].level->head;
    walkers_[side] = is_over || next == no_slot ? head : next;
    pool.prefetch(walkers_[side]);
    return walkers_[side];
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

  // Puts an order that shows `lots` last in its level. True when that is the best level now. The
  // pool is handed in, as below, because the caller has its address already.
  // Links to no_slot are written like any other, into the slot that holds no order: that costs less
  // than branches which guess wrong.
  [[gnu::always_inline]] bool append(OrderPool& pool, OrderSlot slot, wire::Side side,
                                     PriceTicks price, TotalLots lots) noexcept {
    Best& best = best_[index_of(side)];
    Level& level = ladders_[index_of(side)].occupy(price, best.price);
    const OrderSlot older = level.tail;
    const OrderSlot head = level.head;
    pool[slot].previous = older;
    pool[slot].next = no_slot;
    pool[older].next = slot;
    level.head = older == no_slot ? OrderSlot{slot.value()} : head;
    level.tail = slot;
    level.lots = level.lots + lots;
    const bool is_best = !is_better(side, best.price, price);
    best = is_best ? Best{price, &level} : best;
    return is_best;
  }
  // … with the price, side and lots that the order says.
  [[gnu::always_inline]] bool append(OrderPool& pool, OrderSlot slot) noexcept {
    const Order& order = pool[slot];
    return append(pool, slot, order.side(), order.price(), TotalLots{order.remaining.value()});
  }

  // Takes an order out of its level. True when that was the best level.
  [[gnu::always_inline]] bool remove(OrderPool& pool, OrderSlot slot) noexcept {
    const Order& order = pool[slot];
    const wire::Side side = order.side();
    const PriceTicks price = order.price();
    const OrderSlot older = order.previous;
    const OrderSlot younger = order.next;
    Level& level = ladders_[index_of(side)].at(price);
    level.lots = level.lots - TotalLots{order.remaining.value()};
    pool[older].next = younger;
    pool[younger].previous = older;
    level.head = older == no_slot ? younger : level.head;
    level.tail = younger == no_slot ? older : level.tail;
    const bool is_best = price == best(side);
    if (level.head == no_slot) {
      leave_level(side, price);
    }
    return is_best;
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
    if (price == best(side)) {
      leave_best(side, price, worse(side, price));
    } else {
      ladders_[index_of(side)].vacate(price);
    }
  }
  // … of the best level, when the next occupied price is known.
  [[gnu::always_inline]] void leave_best(wire::Side side, PriceTicks price,
                                         PriceTicks next) noexcept {
    PriceLadder& ladder = ladders_[index_of(side)];
    // An empty side must not point into a page: the page can go to other prices.
    best_[index_of(side)] = {next,
                             next == no_price(side) ? &ladder.empty_level() : &ladder.at(next)};
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

  // Of walk_ahead(): steps of both sides between two starts at the head.
  static constexpr std::uint32_t walk_mask = 63;

  OrderPool& pool_;
  std::uint32_t walk_steps_ = 0;
  std::array<OrderSlot, 2> walkers_{no_slot, no_slot};
  std::array<PriceLadder, 2> ladders_;
  std::array<Best, 2> best_{Best{below_every_price, &ladders_[0].empty_level()},
                            Best{above_every_price, &ladders_[1].empty_level()}};
};

}  // namespace meridian::engine
