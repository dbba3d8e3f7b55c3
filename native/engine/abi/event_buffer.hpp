// Events that wait for poll: a ring in one thread. A writer that finds it full is made to wait.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "engine/abi/side_stack.hpp"
#include "wire/event.hpp"

namespace meridian::engine {

// Written on the side stack only, which pauses while there is no room.
class EventBuffer {
 public:
  // The number of slots is a power of two.
  EventBuffer(std::span<wire::Event> slots, SideStack& stack) noexcept
      : slots_(slots.data()), capacity_(slots.size()), stack_(stack) {}
  EventBuffer(const EventBuffer&) = delete;
  EventBuffer& operator=(const EventBuffer&) = delete;

  // What an engine's sink offers: next() and finish(). The slots before the one that next() waits
  // for are final, because the engine writes an event's last flag before the next command only into
  // the slot it was given last.
  [[gnu::always_inline]] wire::Event& next() noexcept {
    if (!has_room()) [[unlikely]] {
      wait_for_room();
    }
    return slots_[written_++ & (capacity_ - 1)];
  }
  void finish() noexcept {}

  [[nodiscard]] bool has_room() const noexcept { return written_ - read_ != capacity_; }
  [[nodiscard]] std::uint64_t waiting() const noexcept { return written_ - read_; }

  // Copies the oldest events out; returns how many.
  std::size_t take(std::byte* to, std::size_t most) noexcept {
    const std::size_t count = std::min<std::size_t>(most, waiting());
    const std::size_t begin = read_ & (capacity_ - 1);
    const std::size_t first = std::min<std::size_t>(count, capacity_ - begin);
    if (count != 0) {
      std::memcpy(to, slots_ + begin, first * sizeof(wire::Event));
      std::memcpy(to + first * sizeof(wire::Event), slots_, (count - first) * sizeof(wire::Event));
    }
    read_ += count;
    return count;
  }

 private:
  [[gnu::noinline]] void wait_for_room() noexcept {
    while (!has_room()) {
      stack_.pause();
    }
  }

  wire::Event* slots_;
  std::uint64_t capacity_;
  std::uint64_t written_ = 0;
  std::uint64_t read_ = 0;
  SideStack& stack_;
};

}  // namespace meridian::engine
