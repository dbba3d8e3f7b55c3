// The trades that can still be busted or corrected: the last 65,536.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"

namespace meridian::engine {

struct Trade {
  std::uint64_t sequence;  // of the command
  std::uint32_t index;     // of its `executed` event
  std::uint32_t price;
  std::uint32_t quantity;  // 0 when busted
  std::uint16_t buyer;     // row
  std::uint16_t seller;    // row
};
static_assert(sizeof(Trade) == 24);

class TradeRing {
 public:
  static constexpr std::uint32_t capacity = 1U << 16;

  static constexpr std::size_t arena_bytes() noexcept { return Arena::bytes_of<Trade>(capacity); }

  explicit TradeRing(Arena& arena) noexcept : trades_(arena.take<Trade>(capacity)) {}

  [[gnu::always_inline]] void add(const Trade& trade) noexcept {
    trades_[count_ % capacity] = trade;
    ++count_;
  }

  // The trade, or null when it is not remembered. Trades stand in order of sequence and index.
  [[nodiscard]] Trade* find(std::uint64_t sequence, std::uint32_t index) noexcept {
    std::uint64_t low = count_ > capacity ? count_ - capacity : 0;
    std::uint64_t high = count_;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      const Trade& trade = trades_[middle % capacity];
      if (trade.sequence < sequence || (trade.sequence == sequence && trade.index < index)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == count_) {
      return nullptr;
    }
    Trade& found = trades_[low % capacity];
    return found.sequence == sequence && found.index == index ? &found : nullptr;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] Trade* data() noexcept { return trades_; }
  [[nodiscard]] const Trade* data() const noexcept { return trades_; }
  void restore(std::uint64_t count) noexcept { count_ = count; }

 private:
  Trade* trades_;
  std::uint64_t count_ = 0;
};

}  // namespace meridian::engine
