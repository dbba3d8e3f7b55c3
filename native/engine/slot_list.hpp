// A few orders in a fixed array, in an order that the owner keeps.
#pragma once
#include <array>
#include <cstdint>

#include "base/ensure.hpp"
#include "engine/order_pool.hpp"

namespace meridian::engine {

template <std::uint32_t Capacity>
class SlotList {
 public:
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_empty() const noexcept { return size_ == 0; }
  [[nodiscard]] OrderSlot operator[](std::uint32_t place) const noexcept { return slots_[place]; }
  [[nodiscard]] const OrderSlot* begin() const noexcept { return slots_.data(); }
  [[nodiscard]] const OrderSlot* end() const noexcept { return slots_.data() + size_; }

  // Before the first order that `comes_after(other)` says comes after it.
  template <class ComesAfter>
  void insert(OrderSlot slot, ComesAfter&& comes_after) noexcept {
    ensure(size_ < Capacity);
    std::uint32_t place = size_++;
    for (; place > 0 && comes_after(slots_[place - 1]); --place) {
      slots_[place] = slots_[place - 1];
    }
    slots_[place] = slot;
  }

  // False when it is not there.
  bool erase(OrderSlot slot) noexcept {
    std::uint32_t place = 0;
    while (place < size_ && slots_[place] != slot) {
      ++place;
    }
    if (place == size_) {
      return false;
    }
    --size_;
    for (; place < size_; ++place) {
      slots_[place] = slots_[place + 1];
    }
    return true;
  }

  [[nodiscard]] bool contains(OrderSlot slot) const noexcept {
    for (const OrderSlot other : *this) {
      if (other == slot) {
        return true;
      }
    }
    return false;
  }

  void clear() noexcept { size_ = 0; }

 private:
  std::array<OrderSlot, Capacity> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace meridian::engine
