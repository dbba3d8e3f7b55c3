// The book of one market: who rests where, in which order, and what that state's digest is. It
// knows nothing of commands, limits or refusals; the caller has checked them.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "base/units.hpp"
#include "engine/digest.hpp"
#include "engine/order_pool.hpp"
#include "engine/price_ladder.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

constexpr wire::Side opposite(wire::Side side) noexcept {
  return side == wire::Side::buy ? wire::Side::sell : wire::Side::buy;
}

// Best price of a side and the lots there. Without orders: no lots, and a price worse than any.
struct Quote {
  PriceTicks price;
  TotalLots lots;
};

class Book {
 public:
  static constexpr std::size_t arena_bytes() noexcept {
    return OrderPool::arena_bytes() + PriceLadder::arena_bytes();
  }

  explicit Book(Arena& arena) noexcept : pool_(arena), ladder_(arena) {}
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  [[nodiscard]] OrderPool& pool() noexcept { return pool_; }
  [[nodiscard]] const OrderPool& pool() const noexcept { return pool_; }
  [[nodiscard]] std::uint32_t resting_orders() const noexcept { return resting_orders_; }

  // Sum of the digest terms of all resting orders.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

  // The best price of a side without orders: worse than any.
  static constexpr PriceTicks nothing(wire::Side side) noexcept {
    return side == wire::Side::buy ? below_every_price : above_every_price;
  }

  [[nodiscard]] Quote quote(wire::Side side) const noexcept {
    const Best& best = best_[index(side)];
    return {best.price, best.level->lots};
  }

  // Whether an order resting on `side` at `price` would need a level that is not there, and there
  // are as many levels as allowed.
  [[nodiscard]] bool lacks_level(wire::Side side, PriceTicks price) const noexcept {
    return ladder_.occupied() == PriceLadder::highest_occupied && !has_level(side, price);
  }

  [[nodiscard]] bool is_alone(OrderSlot slot) const noexcept {
    const Order& order = pool_[slot];
    return order.previous == no_slot && order.next == no_slot;
  }

  // Whether an aggressor of `side` with this limit can trade at least `wanted` lots at once.
  [[nodiscard]] bool can_match(wire::Side side, PriceTicks limit,
                               QuantityLots wanted) const noexcept {
    const wire::Side resting = opposite(side);
    TotalLots found{0};
    for (PriceTicks price = best(resting); crosses(side, price, limit);
         price = worse(resting, price)) {
      found = found + ladder_.at(price).lots;
      if (found.value() >= wanted.value()) {
        return true;
      }
    }
    return wanted == QuantityLots{0};
  }

  // Trades an aggressor of `side` against the book in price-time order, up to its limit. Calls
  // on_trade(maker id, maker's account, price, traded, maker's rest) for each maker and frees the
  // slots of those that are filled. Returns what is left of `wanted`.
  template <class OnTrade>
  [[gnu::always_inline]] QuantityLots match(wire::Side side, PriceTicks limit, QuantityLots wanted,
                                            OnTrade&& on_trade) noexcept {
    const wire::Side resting = opposite(side);
    for (PriceTicks price = best(resting); wanted != QuantityLots{0} && crosses(side, price, limit);
         price = best(resting)) {
      wanted = match_level(resting, price, wanted, on_trade);
    }
    return wanted;
  }

  // Puts the order of a slot that was taken last in its level.
  [[gnu::always_inline]] void append(OrderSlot slot, wire::Side side, PriceTicks price,
                                     QuantityLots lots, AccountId account,
                                     Sequence priority) noexcept {
    Level& level = ladder_.occupy(price);
    Order& order = pool_[slot];
    order.previous = level.tail;
    order.next = no_slot;
    order.remaining = lots;
    order.set_price_and_side(price, side);
    order.account = account;
    order.priority = priority;
    if (level.tail == no_slot) {
      level.head = slot;
      if (is_better(side, price, best(side))) {
        best_[index(side)] = {price, &level};
      }
    } else {
      pool_[level.tail].next = slot;
    }
    level.tail = slot;
    level.lots = level.lots + TotalLots{lots.value()};
    ++resting_orders_;
    digest_ += term_of(slot, order);
  }

  // Takes a resting order out of the book and frees its slot.
  void remove(OrderSlot slot) noexcept {
    Order& order = pool_[slot];
    const PriceTicks price = order.price();
    Level& level = ladder_.at(price);
    digest_ -= term_of(slot, order);
    --resting_orders_;
    level.lots = level.lots - TotalLots{order.remaining.value()};
    if (order.previous == no_slot) {
      level.head = order.next;
    } else {
      pool_[order.previous].next = order.next;
    }
    if (order.next == no_slot) {
      level.tail = order.previous;
    } else {
      pool_[order.next].previous = order.previous;
    }
    if (level.head == no_slot) {
      leave_level(order.side(), price);
    }
    pool_.give_back(slot);
  }

  // Takes lots off a resting order, fewer than remain; it keeps its place.
  void reduce(OrderSlot slot, QuantityLots lots) noexcept {
    Order& order = pool_[slot];
    Level& level = ladder_.at(order.price());
    digest_ -= term_of(slot, order);
    order.remaining = order.remaining - lots;
    level.lots = level.lots - TotalLots{lots.value()};
    digest_ += term_of(slot, order);
  }

  // Calls visitor(slot, order) for the orders of a side, best price first and oldest first within
  // a price, until it returns false.
  template <class Visitor>
  void visit(wire::Side side, Visitor&& visitor) const noexcept {
    for (PriceTicks price = best(side); price != nothing(side); price = worse(side, price)) {
      for (OrderSlot slot = ladder_.at(price).head; slot != no_slot; slot = pool_[slot].next) {
        if (!visitor(slot, pool_[slot])) {
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
      price = ladder_.is_occupied(from) ? from : worse(side, from);
    }
    for (; price != nothing(side); price = worse(side, price)) {
      if (!visitor(price, ladder_.at(price).lots)) {
        return;
      }
    }
  }

  // Calls visitor(slot, order) for the orders at one price, oldest first, until it returns false.
  template <class Visitor>
  void visit_level(PriceTicks price, Visitor&& visitor) const noexcept {
    for (OrderSlot slot = ladder_.at(price).head; slot != no_slot; slot = pool_[slot].next) {
      if (!visitor(slot, pool_[slot])) {
        return;
      }
    }
  }

  // Every invariant of the book, and the digest recomputed. Cost: the whole book.
  [[nodiscard]] bool verify() const noexcept;

 private:
  struct Best {
    PriceTicks price;
    const Level* level;
  };

  static constexpr std::size_t index(wire::Side side) noexcept {
    return static_cast<std::size_t>(side);
  }

  // Flipping all bits turns the order of prices round, so one comparison serves both sides.
  static constexpr std::uint32_t flipped_if(bool flip, PriceTicks price) noexcept {
    return price.value() ^ (0U - static_cast<std::uint32_t>(flip));
  }

  // Whether an aggressor of `side` with this limit accepts `price`; never the price of an empty
  // side.
  static constexpr bool crosses(wire::Side side, PriceTicks price, PriceTicks limit) noexcept {
    const bool flip = side == wire::Side::sell;
    return flipped_if(flip, price) <= flipped_if(flip, limit);
  }

  static constexpr bool is_better(wire::Side side, PriceTicks price, PriceTicks than) noexcept {
    const bool flip = side == wire::Side::buy;
    return flipped_if(flip, price) < flipped_if(flip, than);
  }

  [[nodiscard]] PriceTicks best(wire::Side side) const noexcept { return best_[index(side)].price; }

  // The next occupied price of the same side further from the other side, or nothing(side).
  [[nodiscard]] PriceTicks worse(wire::Side side, PriceTicks price) const noexcept {
    return side == wire::Side::buy ? ladder_.next_below(price) : ladder_.next_above(price);
  }

  [[nodiscard]] bool has_level(wire::Side side, PriceTicks price) const noexcept {
    return ladder_.is_occupied(price) && !is_better(side, price, best(side));
  }

  [[nodiscard]] std::uint64_t constant_of(OrderSlot slot, const Order& order) const noexcept {
    return digest::order_constant(pool_.id_of(slot), order.price(), order.account, order.side(),
                                  order.priority);
  }
  [[nodiscard]] std::uint64_t term_of(OrderSlot slot, const Order& order) const noexcept {
    return digest::order_term(constant_of(slot, order), order.remaining);
  }

  // The level has no orders left. The best price moves on before the level's page can go.
  void leave_level(wire::Side side, PriceTicks price) noexcept {
    if (price == best(side)) {
      const PriceTicks next = worse(side, price);
      // An empty side must not point into a page: the page can go to other prices.
      best_[index(side)] = {next,
                            next == nothing(side) ? &ladder_.empty_level() : &ladder_.at(next)};
    }
    ladder_.vacate(price);
  }

  template <class OnTrade>
  [[gnu::always_inline]] QuantityLots match_level(wire::Side resting, PriceTicks price,
                                                  QuantityLots wanted, OnTrade& on_trade) noexcept {
    Level& level = ladder_.at(price);
    OrderSlot slot = level.head;
    do {
      Order& maker = pool_[slot];
      const OrderSlot next = maker.next;
      __builtin_prefetch(&pool_[next], 1);
      const QuantityLots traded = std::min(wanted, maker.remaining);
      const QuantityLots rest = maker.remaining - traded;
      const std::uint64_t constant = constant_of(slot, maker);
      digest_ -= digest::order_term(constant, maker.remaining);
      level.lots = level.lots - TotalLots{traded.value()};
      wanted = wanted - traded;
      on_trade(pool_.id_of(slot), maker.account, price, traded, rest);
      if (rest != QuantityLots{0}) {
        maker.remaining = rest;
        digest_ += digest::order_term(constant, rest);
        break;
      }
      pool_.give_back(slot);
      --resting_orders_;
      slot = next;
    } while (slot != no_slot && wanted != QuantityLots{0});
    level.head = slot;
    if (slot == no_slot) {
      level.tail = no_slot;
      leave_level(resting, price);
    } else {
      pool_[slot].previous = no_slot;
    }
    return wanted;
  }

  [[nodiscard]] bool verify_level(wire::Side side, PriceTicks price, std::uint32_t& orders,
                                  std::uint64_t& terms) const noexcept;

  OrderPool pool_;
  PriceLadder ladder_;
  std::array<Best, 2> best_{Best{below_every_price, &ladder_.empty_level()},
                            Best{above_every_price, &ladder_.empty_level()}};
  std::uint32_t resting_orders_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace meridian::engine
