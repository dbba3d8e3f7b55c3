// A fuzzer's bytes read as numbers. When they are used up, everything is 0.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace meridian::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  template <class T>
  T take() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const std::size_t size = std::min(sizeof(T), bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }

  // 0 … bound − 1, from one byte for bounds up to 256, else from two.
  std::uint32_t below(std::uint32_t bound) {
    return (bound <= 256 ? take<std::uint8_t>() : take<std::uint16_t>()) % bound;
  }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) {
    return low + below(high - low + 1);
  }
  // True for one in `count`; false when the bytes are used up, if count > 1.
  bool one_in(std::uint32_t count) { return below(count) == count - 1; }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace meridian::fuzz
