// Where orders live: slots taken and given back last-in-first-out, so that live orders stay dense
// in the cache, and ids that name a slot and its generation, so that an order is found without a
// map.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "base/units.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

struct OrderSlotTag {
  static constexpr bool is_amount = false;
};
// Index into the pool, 1 … 2^24 - 1.
using OrderSlot = Strong<OrderSlotTag, std::uint32_t>;
inline constexpr OrderSlot no_slot{0};

// All that matching, canceling and the digest need of an order, in half a cache line.
struct alignas(32) Order {
  OrderSlot previous;            // older order at this price; no_slot at the head
  OrderSlot next;                // younger order at this price; in a free slot: the next free one
  QuantityLots remaining;        // > 0 while the order rests, else 0
  std::uint32_t price_and_side;  // price * 2 + side
  std::uint32_t generation;      // 1 … 2^29 - 1 once the slot was taken
  AccountId account;
  Sequence priority;  // sequence of the command that put it last in its level

  [[nodiscard]] PriceTicks price() const noexcept { return PriceTicks{price_and_side >> 1}; }
  [[nodiscard]] wire::Side side() const noexcept {
    return static_cast<wire::Side>(price_and_side & 1);
  }
  void set_price_and_side(PriceTicks price, wire::Side side) noexcept {
    price_and_side = (price.value() << 1) | static_cast<std::uint32_t>(side);
  }
};
static_assert(sizeof(Order) == 32 && alignof(Order) == 32);

class OrderPool {
 public:
  static constexpr std::uint32_t highest_slot = (1U << 24) - 1;
  static constexpr std::uint32_t highest_generation = (1U << 29) - 1;

  static constexpr std::size_t arena_bytes() noexcept {
    return Arena::bytes_of<Order>(std::size_t{highest_slot} + 1);
  }

  explicit OrderPool(Arena& arena) noexcept
      : orders_(arena.take<Order>(std::size_t{highest_slot} + 1)) {}

  [[nodiscard]] Order& operator[](OrderSlot slot) noexcept { return orders_[slot.value()]; }
  [[nodiscard]] const Order& operator[](OrderSlot slot) const noexcept {
    return orders_[slot.value()];
  }

  // False when all ids of the market are used up.
  [[nodiscard]] bool has_slot() const noexcept {
    return first_free_ != no_slot || lowest_unused_ <= highest_slot;
  }

  // Whether give_back() would make the slot available again.
  [[nodiscard]] bool is_reusable(OrderSlot slot) const noexcept {
    return orders_[slot.value()].generation != highest_generation;
  }

  // Only while has_slot(). The order gets a new generation; the caller fills the rest.
  [[nodiscard]] OrderSlot take() noexcept {
    OrderSlot slot = first_free_;
    if (slot != no_slot) [[likely]] {
      first_free_ = orders_[slot.value()].next;
    } else {
      ensure(lowest_unused_ <= highest_slot);
      slot = OrderSlot{lowest_unused_++};
    }
    ++orders_[slot.value()].generation;
    return slot;
  }

  // The order must rest no more. Its id stays unknown for ever.
  void give_back(OrderSlot slot) noexcept {
    Order& order = orders_[slot.value()];
    order.remaining = QuantityLots{0};
    if (order.generation == highest_generation) [[unlikely]] {
      return;
    }
    order.next = first_free_;
    first_free_ = slot;
  }

  [[nodiscard]] OrderId id_of(OrderSlot slot) const noexcept {
    return OrderId{(std::uint64_t{orders_[slot.value()].generation} << 24) | slot.value()};
  }

  // The slot of a resting order; no_slot for anything else, whatever number it is.
  [[nodiscard]] OrderSlot find(std::uint64_t order_id) const noexcept {
    const auto slot = static_cast<std::uint32_t>(order_id & highest_slot);
    // Memory of slots that were never used is not touched: anybody can name them.
    if (slot >= lowest_unused_) {
      return no_slot;
    }
    const Order& order = orders_[slot];
    const bool rests = order.generation == order_id >> 24 && order.remaining != QuantityLots{0};
    return rests ? OrderSlot{slot} : no_slot;
  }

  // Starts loading the order into the cache; changes nothing.
  void prefetch(std::uint64_t order_id) const noexcept {
    const auto slot = static_cast<std::uint32_t>(order_id & highest_slot);
    if (slot < lowest_unused_) {
      __builtin_prefetch(orders_ + slot, 1);
    }
  }

  // Whether free slots form one chain without resting orders and all slots are accounted for.
  [[nodiscard]] bool verify(std::uint32_t resting_orders) const noexcept;

 private:
  Order* orders_;
  OrderSlot first_free_ = no_slot;
  std::uint32_t lowest_unused_ = 1;
};

}  // namespace meridian::engine
