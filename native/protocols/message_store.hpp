// The last messages of a numbered stream, for those who missed some.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/ensure.hpp"
#include "protocols/codec.hpp"

namespace meridian::protocols {

// Each message takes a slot, so that finding one is a look at an index.
template <std::size_t SlotBytes>
class MessageStore {
 public:
  struct Slot {
    std::uint16_t size;
    std::byte bytes[SlotBytes - sizeof(std::uint16_t)];
  };
  static_assert(sizeof(Slot) == SlotBytes);
  static constexpr std::size_t most_message_bytes = sizeof(Slot::bytes);

  // The number of slots is a power of two: how many messages are kept. Numbers begin at `first`.
  explicit MessageStore(std::span<Slot> slots, std::uint64_t first = 1) noexcept
      : slots_(slots), oldest_(first), next_(first) {
    ensure(std::has_single_bit(slots.size()));
  }

  // The message must fit a slot. The oldest one makes room when there is none.
  void append(Bytes message) noexcept {
    ensure(message.size() <= most_message_bytes);
    Slot& slot = slots_[next_ & (slots_.size() - 1)];
    slot.size = static_cast<std::uint16_t>(message.size());
    std::memcpy(slot.bytes, message.data(), message.size());
    ++next_;
    if (next_ - oldest_ > slots_.size()) {
      ++oldest_;
    }
  }

  // oldest() <= sequence < next().
  [[nodiscard]] Bytes at(std::uint64_t sequence) const noexcept {
    ensure(has(sequence));
    const Slot& slot = slots_[sequence & (slots_.size() - 1)];
    return {slot.bytes, slot.size};
  }
  [[nodiscard]] bool has(std::uint64_t sequence) const noexcept {
    return sequence >= oldest_ && sequence < next_;
  }
  [[nodiscard]] std::uint64_t oldest() const noexcept { return oldest_; }
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }

 private:
  std::span<Slot> slots_;
  std::uint64_t oldest_;
  std::uint64_t next_;
};

// Every ITCH message fits.
using ItchStore = MessageStore<64>;

}  // namespace meridian::protocols
