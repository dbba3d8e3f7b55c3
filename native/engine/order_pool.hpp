// Where orders live: slots taken and given back last-in-first-out, so that live orders stay dense
// in the cache, and ids that name a slot and its generation, so that an order is found without a
// map.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "base/units.hpp"
#include "engine/backing.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

struct OrderSlotTag {
  static constexpr bool is_amount = false;
};
// Index into the pool, 1 … 2^24 - 1.
using OrderSlot = Strong<OrderSlotTag, std::uint32_t>;
inline constexpr OrderSlot no_slot{0};

// All that matching, canceling and the digest need of a plain order, in half a cache line.
struct alignas(32) Order {
  OrderSlot previous;            // older order at this price; no_slot at the head
  OrderSlot next;                // younger order at this price; in a free slot: the next free one
  QuantityLots remaining;        // open lots, of a lit iceberg those it shows; 0 in a free slot
  std::uint32_t price_and_side;  // price * 2 + side; price 0 where the type has none
  std::uint32_t generation;      // 1 … 2^29 - 1 once the slot was taken
  std::uint32_t owner;           // row of the account, and the two bits below
  Sequence priority;             // sequence of the command that put it last in its level or queue

  static constexpr std::uint32_t has_terms_bit = 1U << 31;
  static constexpr std::uint32_t has_executed_bit = 1U << 30;

  [[nodiscard]] PriceTicks price() const noexcept { return PriceTicks{price_and_side >> 1}; }
  [[nodiscard]] wire::Side side() const noexcept {
    return static_cast<wire::Side>(price_and_side & 1);
  }
  void set_price_and_side(PriceTicks price, wire::Side side) noexcept {
    price_and_side = (price.value() << 1) | static_cast<std::uint32_t>(side);
  }
  [[nodiscard]] bool has_terms() const noexcept { return (owner & has_terms_bit) != 0; }
  [[nodiscard]] std::uint32_t row() const noexcept { return owner & (has_executed_bit - 1); }
};
static_assert(sizeof(Order) == 32 && alignof(Order) == 32);

enum class OrderState : std::uint8_t {
  entering = 0,  // matching right now: in no book, in no digest
  lit = 1,
  dark = 2,
  waiting = 3,
  queued = 4,
  parked = 5,
};

enum class LinkRole : std::uint8_t { none = 0, partner = 1, child = 2, parent = 3 };

// The rest of an order, for those that have more than a limit and a quantity. A lit limit order of
// the day without attributes, links and a changed priority has none: has_terms() is false.
struct alignas(64) Terms {
  wire::OrderType type;
  wire::TimeInForce time_in_force;
  OrderState state;
  std::uint8_t discretion;
  std::uint16_t attributes;
  std::uint8_t group;
  LinkRole role : 2;
  bool is_unmet : 1;       // conditional: minimum or all_or_none not met yet
  bool is_triggered : 1;   // a stop that has been triggered
  QuantityLots reserve;    // open lots that a lit iceberg does not show
  QuantityLots display;    // 0: no iceberg
  QuantityLots minimum;    // unmet; 0 with all_or_none
  std::uint32_t trigger;   // field of the command: stop price, distance or protection
  std::uint32_t expiry_s;  // gtd
  PriceTicks extreme;      // trailing stop: best trade since it waits; peg: its cap, 0 = none
  std::uint64_t accepted;  // sequence of the command that accepted it: the entry order
  // gtd: node of the heap of expiries; auction time in force: list of that kind (child unused).
  OrderSlot child;
  OrderSlot next;
  OrderSlot previous;
  OrderSlot link;           // partner, parent, or first child
  OrderSlot other_link;     // second child
  OrderSlot stop_previous;  // of a waiting stop: node of its heap

  [[nodiscard]] bool is(std::uint16_t attribute) const noexcept {
    return (attributes & attribute) != 0;
  }
  [[nodiscard]] wire::SelfTrade self_trade() const noexcept {
    return static_cast<wire::SelfTrade>((attributes & wire::attribute::self_trade_bits) >>
                                        wire::attribute::self_trade_shift);
  }
  [[nodiscard]] bool is_peg() const noexcept { return type >= wire::OrderType::pegged_primary; }
  [[nodiscard]] bool is_stop() const noexcept {
    return type == wire::OrderType::stop || type == wire::OrderType::stop_limit;
  }
  [[nodiscard]] bool is_auction() const noexcept {
    return time_in_force >= wire::TimeInForce::at_open;
  }
};
static_assert(sizeof(Terms) == 64);

// Place of an open order among those of its account, in entry order.
struct Chain {
  OrderSlot older;
  OrderSlot younger;
};
static_assert(sizeof(Chain) == 8);

class OrderPool {
 public:
  // The part of an order id that names the slot.
  static constexpr std::uint32_t slot_mask = (1U << 24) - 1;
#ifdef MERIDIAN_HIGHEST_SLOT
  // An address space too small for all slots: ids run out earlier, nothing else differs.
  static constexpr std::uint32_t highest_slot = MERIDIAN_HIGHEST_SLOT;
#else
  static constexpr std::uint32_t highest_slot = slot_mask;
#endif
  static constexpr std::uint32_t highest_generation = (1U << 29) - 1;

  static constexpr std::size_t arena_bytes() noexcept {
    return Arena::bytes_of<Order>(slot_count) + Arena::bytes_of<Terms>(slot_count) +
           Arena::bytes_of<Chain>(slot_count) + Arena::bytes_of<std::uint32_t>(slot_count);
  }

  explicit OrderPool(Arena& arena, const Backing* backing) noexcept
      : orders_(arena.take<Order>(slot_count)),
        chains_(arena.take<Chain>(slot_count)),
        terms_(arena.take<Terms>(slot_count)),
        executed_(arena.take<std::uint32_t>(slot_count)),
        backed_(backing, GrowingPool::orders) {}

  // Calls visitor(part) for the memory of the pool, in the order in which it lies.
  template <class Visitor>
  void visit_memory(Visitor&& visitor) const noexcept {
    const auto part = [&](auto* elements, bool is_random) {
      visitor(MemoryPart{.begin = reinterpret_cast<std::byte*>(elements),
                         .element_bytes = sizeof(*elements),
                         .count = slot_count,
                         .is_growing = true,
                         .pool = GrowingPool::orders,
                         .is_random = is_random});
    };
    part(orders_, true);
    part(chains_, true);
    part(terms_, false);
    part(executed_, false);
  }

  [[nodiscard]] Order& operator[](OrderSlot slot) noexcept { return orders_[slot.value()]; }
  [[nodiscard]] const Order& operator[](OrderSlot slot) const noexcept {
    return orders_[slot.value()];
  }

  [[nodiscard]] Terms& terms(OrderSlot slot) noexcept { return terms_[slot.value()]; }
  [[nodiscard]] const Terms& terms(OrderSlot slot) const noexcept { return terms_[slot.value()]; }
  [[nodiscard]] Chain& chain(OrderSlot slot) noexcept { return chains_[slot.value()]; }
  [[nodiscard]] const Chain& chain(OrderSlot slot) const noexcept { return chains_[slot.value()]; }

  // Lots that the order has executed over its life, replaces included; stays at 2^32 - 1.
  [[nodiscard]] std::uint32_t executed(OrderSlot slot) const noexcept {
    const bool has_executed = (orders_[slot.value()].owner & Order::has_executed_bit) != 0;
    return has_executed ? executed_[slot.value()] : 0;
  }
  void add_executed(OrderSlot slot, std::uint32_t lots) noexcept {
    const std::uint32_t sum = executed(slot) + lots;
    executed_[slot.value()] = sum < lots ? 0xFFFFFFFF : sum;
    orders_[slot.value()].owner |= Order::has_executed_bit;
  }

  // All open lots.
  [[nodiscard]] QuantityLots lots(OrderSlot slot) const noexcept {
    const Order& order = orders_[slot.value()];
    return order.has_terms() ? order.remaining + terms_[slot.value()].reserve : order.remaining;
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
      prefetch(first_free_);  // for the next one
    } else {
      ensure(lowest_unused_ <= highest_slot);
      backed_.prepare(lowest_unused_);
      slot = OrderSlot{lowest_unused_++};
    }
    ++orders_[slot.value()].generation;
    return slot;
  }

  // The order must be in no list any more. Its id stays unknown for ever.
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

  // The slot of an open order; no_slot for anything else, whatever number it is.
  [[nodiscard]] OrderSlot find(std::uint64_t order_id) const noexcept {
    const auto slot = static_cast<std::uint32_t>(order_id & slot_mask);
    // Memory of slots that were never used is not touched: anybody can name them.
    if (slot >= lowest_unused_) {
      return no_slot;
    }
    const Order& order = orders_[slot];
    const bool is_open = order.generation == order_id >> 24 && order.remaining != QuantityLots{0};
    return is_open ? OrderSlot{slot} : no_slot;
  }

  // The slot that an id names, be it open or not; no_slot for one that was never used.
  [[nodiscard]] OrderSlot named_by(std::uint64_t order_id) const noexcept {
    const auto slot = static_cast<std::uint32_t>(order_id & slot_mask);
    return slot < lowest_unused_ ? OrderSlot{slot} : no_slot;
  }

  // Starts loading an order and its place among those of its account into the cache; changes
  // nothing.
  [[gnu::always_inline]] void prefetch(OrderSlot slot) const noexcept {
    __builtin_prefetch(orders_ + slot.value(), 1);
    __builtin_prefetch(chains_ + slot.value(), 1);
  }

  // Slots below this one have been taken at some time.
  [[nodiscard]] std::uint32_t lowest_unused() const noexcept { return lowest_unused_; }
  [[nodiscard]] OrderSlot first_free() const noexcept { return first_free_; }

  // Only on a new pool: as it was when these were read. The owner restores the slots.
  void restore(OrderSlot first_free, std::uint32_t lowest_unused) noexcept {
    backed_.prepare(lowest_unused - 1);
    first_free_ = first_free;
    lowest_unused_ = lowest_unused;
  }

  // Whether free slots form one chain without open orders and all slots are accounted for.
  [[nodiscard]] bool verify(std::uint32_t open_orders) const noexcept;

 private:
  static constexpr std::size_t slot_count = std::size_t{highest_slot} + 1;

  Order* orders_;
  Chain* chains_;
  Terms* terms_;
  std::uint32_t* executed_;  // of orders with has_executed_bit
  BackedPool backed_;
  OrderSlot first_free_ = no_slot;
  std::uint32_t lowest_unused_ = 1;
};

}  // namespace meridian::engine
