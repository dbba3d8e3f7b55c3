// Little-endian numbers into and out of a span of bytes, whatever the machine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace meridian::engine {

// Of bytes, one after the other: FNV-1a, 64 bits.
inline constexpr std::uint64_t empty_checksum = 0xCBF29CE484222325;
constexpr std::uint64_t add_to_checksum(std::uint64_t checksum, std::byte value) noexcept {
  return (checksum ^ std::to_integer<std::uint64_t>(value)) * 0x100000001B3;
}

// Counts on when the span is full, so that a first run over no span tells the size.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}

  void put(std::uint64_t value, unsigned size) noexcept {
    for (unsigned byte = 0; byte < size; ++byte, ++used_) {
      const auto one = static_cast<std::byte>((value >> (8 * byte)) & 0xFF);
      checksum_ = add_to_checksum(checksum_, one);
      if (used_ < bytes_.size()) {
        bytes_[used_] = one;
      }
    }
  }
  void put8(std::uint8_t value) noexcept { put(value, 1); }
  void put16(std::uint16_t value) noexcept { put(value, 2); }
  void put32(std::uint32_t value) noexcept { put(value, 4); }
  void put64(std::uint64_t value) noexcept { put(value, 8); }
  void put_checksum() noexcept { put64(checksum_); }

  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] bool fits() const noexcept { return used_ <= bytes_.size(); }

 private:
  std::span<std::byte> bytes_;
  std::size_t used_ = 0;
  std::uint64_t checksum_ = empty_checksum;
};

// Gives zeros behind the end; is_good() tells.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t take(unsigned size) noexcept {
    std::uint64_t value = 0;
    if (bytes_.size() - used_ < size) {
      is_good_ = false;
      return 0;
    }
    for (unsigned byte = 0; byte < size; ++byte, ++used_) {
      value |= std::to_integer<std::uint64_t>(bytes_[used_]) << (8 * byte);
    }
    return value;
  }
  [[nodiscard]] std::uint8_t take8() noexcept { return static_cast<std::uint8_t>(take(1)); }
  [[nodiscard]] std::uint16_t take16() noexcept { return static_cast<std::uint16_t>(take(2)); }
  [[nodiscard]] std::uint32_t take32() noexcept { return static_cast<std::uint32_t>(take(4)); }
  [[nodiscard]] std::uint64_t take64() noexcept { return take(8); }

  // A value that must not be above `most`; 0 and not good when it is.
  [[nodiscard]] std::uint32_t take_at_most(std::uint32_t most) noexcept {
    const std::uint32_t value = take32();
    is_good_ = is_good_ && value <= most;
    return is_good_ ? value : 0;
  }
  [[nodiscard]] std::uint8_t take8_at_most(std::uint8_t most) noexcept {
    const std::uint8_t value = take8();
    is_good_ = is_good_ && value <= most;
    return is_good_ ? value : std::uint8_t{0};
  }
  // The value of an enumeration whose highest one is `most`.
  template <class Enumeration>
  [[nodiscard]] Enumeration take_enumeration(Enumeration most) noexcept {
    return static_cast<Enumeration>(take8_at_most(static_cast<std::uint8_t>(most)));
  }
  void fail() noexcept { is_good_ = false; }

  [[nodiscard]] bool is_good() const noexcept { return is_good_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - used_; }
  [[nodiscard]] bool is_at_end() const noexcept { return used_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::size_t used_ = 0;
  bool is_good_ = true;
};

}  // namespace meridian::engine
