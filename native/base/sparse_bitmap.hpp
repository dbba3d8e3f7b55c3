// A set of small integers over memory given by the owner, with neighbours found in a few loads.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"

namespace meridian {

// Members are 0 … 2^LogSize - 1. Every level of 64-bit words summarizes the one below it, one bit
// a word, so untouched regions cost nothing to skip and no memory when it is lazily backed.
template <unsigned LogSize>
class SparseBitmap {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  static constexpr std::size_t arena_bytes() noexcept {
    std::size_t bytes = 0;
    for (unsigned level = 0; level < level_count; ++level) {
      bytes += Arena::bytes_of<std::uint64_t>(words_at(level));
    }
    return bytes;
  }

  explicit SparseBitmap(Arena& arena) noexcept {
    for (unsigned level = 0; level < level_count; ++level) {
      words_[level] = arena.take<std::uint64_t>(words_at(level));
    }
  }

  [[nodiscard]] bool contains(std::uint32_t member) const noexcept {
    return ((words_[0][member / 64] >> (member % 64)) & 1) != 0;
  }

  void insert(std::uint32_t member) noexcept {
    for (unsigned level = 0; level < level_count; ++level) {
      std::uint64_t& word = words_[level][member / 64];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << (member % 64);
      if (!was_empty) {
        return;
      }
      member /= 64;
    }
  }

  void erase(std::uint32_t member) noexcept {
    for (unsigned level = 0; level < level_count; ++level) {
      std::uint64_t& word = words_[level][member / 64];
      word &= ~(std::uint64_t{1} << (member % 64));
      if (word != 0) {
        return;
      }
      member /= 64;
    }
  }

  // The lowest member above `from`, or none.
  [[nodiscard]] std::uint32_t next_above(std::uint32_t from) const noexcept {
    for (unsigned level = 0; level < level_count; ++level) {
      // Shifted in two steps because a shift by 64 is undefined.
      const std::uint64_t above = (~std::uint64_t{0} << (from % 64)) << 1;
      const std::uint64_t found = words_[level][from / 64] & above;
      if (found != 0) {
        return descend<false>(level, from / 64, found);
      }
      from /= 64;
    }
    return none;
  }

  // The highest member below `from`, or none.
  [[nodiscard]] std::uint32_t next_below(std::uint32_t from) const noexcept {
    for (unsigned level = 0; level < level_count; ++level) {
      const std::uint64_t below = (std::uint64_t{1} << (from % 64)) - 1;
      const std::uint64_t found = words_[level][from / 64] & below;
      if (found != 0) {
        return descend<true>(level, from / 64, found);
      }
      from /= 64;
    }
    return none;
  }

  // Whether every summary bit that is reachable stands for a word with members, and the reverse.
  [[nodiscard]] bool verify() const noexcept { return verify_word(level_count - 1, 0); }

 private:
  static constexpr unsigned level_count = (LogSize + 5) / 6;

  static constexpr std::size_t words_at(unsigned level) noexcept {
    const unsigned shift = 6 * (level + 1);
    return LogSize > shift ? std::size_t{1} << (LogSize - shift) : 1;
  }

  template <bool Highest>
  static std::uint32_t pick(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(Highest ? 63 - std::countl_zero(word)
                                              : std::countr_zero(word));
  }

  template <bool Highest>
  [[nodiscard]] std::uint32_t descend(unsigned level, std::uint32_t index,
                                      std::uint64_t word) const noexcept {
    std::uint32_t member = index * 64 + pick<Highest>(word);
    while (level > 0) {
      --level;
      member = member * 64 + pick<Highest>(words_[level][member]);
    }
    return member;
  }

  [[nodiscard]] bool verify_word(unsigned level, std::uint32_t index) const noexcept {
    if (level == 0) {
      return true;
    }
    const std::size_t children = words_at(level - 1);
    for (std::uint32_t bit = 0; bit < 64 && index * 64 + bit < children; ++bit) {
      const std::uint32_t child = index * 64 + bit;
      const bool marked = ((words_[level][index] >> bit) & 1) != 0;
      if (marked != (words_[level - 1][child] != 0)) {
        return false;
      }
      if (marked && !verify_word(level - 1, child)) {
        return false;
      }
    }
    return true;
  }

  std::array<std::uint64_t*, level_count> words_{};
};

}  // namespace meridian
