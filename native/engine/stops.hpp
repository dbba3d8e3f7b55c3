// Stop orders that wait for their trigger, and gtd orders that wait for their expiry.
#pragma once
#include "engine/order_heap.hpp"
#include "engine/order_pool.hpp"
#include "engine/slot_list.hpp"

namespace meridian::engine {

// Waiting stops of one side: buys by rising, sells by falling trigger, then in entry order. A
// waiting order is in no level, so its links there serve the heap.
class StopNodes {
 public:
  StopNodes(OrderPool& pool, wire::Side side) noexcept : pool_(pool), side_(side) {}

  [[nodiscard]] OrderSlot& child(OrderSlot slot) noexcept { return pool_[slot].previous; }
  [[nodiscard]] OrderSlot& next(OrderSlot slot) noexcept { return pool_[slot].next; }
  [[nodiscard]] OrderSlot& previous(OrderSlot slot) noexcept {
    return pool_.terms(slot).stop_previous;
  }
  [[nodiscard]] OrderSlot child(OrderSlot slot) const noexcept { return pool_[slot].previous; }
  [[nodiscard]] OrderSlot next(OrderSlot slot) const noexcept { return pool_[slot].next; }
  [[nodiscard]] OrderSlot previous(OrderSlot slot) const noexcept {
    return pool_.terms(slot).stop_previous;
  }
  [[nodiscard]] bool is_before(OrderSlot left, OrderSlot right) const noexcept {
    const Terms& one = pool_.terms(left);
    const Terms& other = pool_.terms(right);
    if (one.trigger != other.trigger) {
      return (one.trigger < other.trigger) == (side_ == wire::Side::buy);
    }
    return one.accepted < other.accepted;
  }

 private:
  OrderPool& pool_;
  wire::Side side_;
};
using StopHeap = OrderHeap<StopNodes>;

// Orders with an expiry, earliest first, then in entry order.
class ExpiryNodes {
 public:
  explicit ExpiryNodes(OrderPool& pool) noexcept : pool_(pool) {}

  [[nodiscard]] OrderSlot& child(OrderSlot slot) noexcept { return pool_.terms(slot).child; }
  [[nodiscard]] OrderSlot& next(OrderSlot slot) noexcept { return pool_.terms(slot).next; }
  [[nodiscard]] OrderSlot& previous(OrderSlot slot) noexcept { return pool_.terms(slot).previous; }
  [[nodiscard]] OrderSlot child(OrderSlot slot) const noexcept { return pool_.terms(slot).child; }
  [[nodiscard]] OrderSlot next(OrderSlot slot) const noexcept { return pool_.terms(slot).next; }
  [[nodiscard]] OrderSlot previous(OrderSlot slot) const noexcept {
    return pool_.terms(slot).previous;
  }
  [[nodiscard]] bool is_before(OrderSlot left, OrderSlot right) const noexcept {
    const Terms& one = pool_.terms(left);
    const Terms& other = pool_.terms(right);
    return one.expiry_s != other.expiry_s ? one.expiry_s < other.expiry_s
                                          : one.accepted < other.accepted;
  }

 private:
  OrderPool& pool_;
};
using ExpiryHeap = OrderHeap<ExpiryNodes>;

}  // namespace meridian::engine
