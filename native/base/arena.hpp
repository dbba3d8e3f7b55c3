// Hands out parts of one block of zeroed memory, front to back, once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/ensure.hpp"

namespace meridian {

class Arena {
 public:
  static constexpr std::size_t alignment = 64;

  // Bytes that `count` objects take from an arena.
  template <class T>
  static constexpr std::size_t bytes_of(std::size_t count) noexcept {
    return (count * sizeof(T) + alignment - 1) / alignment * alignment;
  }

  // `memory` is zeroed and aligned to a cache line.
  explicit Arena(std::span<std::byte> memory) noexcept : memory_(memory) {
    ensure(reinterpret_cast<std::uintptr_t>(memory.data()) % alignment == 0);
  }

  // `count` objects of all-zero bytes, aligned to a cache line. The memory must suffice.
  template <class T>
  T* take(std::size_t count) noexcept {
    static_assert(std::is_trivially_default_constructible_v<T> &&
                      std::is_trivially_destructible_v<T> && alignof(T) <= alignment,
                  "zeroed bytes must be a valid T");
    const std::size_t bytes = bytes_of<T>(count);
    ensure(bytes <= memory_.size());
    auto* objects = reinterpret_cast<T*>(memory_.data());
    memory_ = memory_.subspan(bytes);
    return objects;
  }

 private:
  std::span<std::byte> memory_;
};

}  // namespace meridian
