// The address space of a 32-bit processor: 4 GiB, backed when touched, in pages with permissions.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace meridian::rv32 {

inline constexpr std::uint32_t page_bytes = 4096;

// Bits of a page's permissions.
inline constexpr std::uint8_t may_read = 1;
inline constexpr std::uint8_t may_write = 2;
inline constexpr std::uint8_t may_execute = 4;

class Memory {
 public:
  // Nothing may be touched at first. Ends the process when the address space is not granted.
  Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  // Lets every page that holds a part of the range be used so. False when one is in use already or
  // the range leaves the address space.
  [[nodiscard]] bool map(std::uint32_t begin, std::uint64_t size, std::uint8_t permissions);

  [[nodiscard]] bool allows(std::uint32_t address, std::uint8_t permission) const {
    return (pages_[address / page_bytes] & permission) != 0;
  }
  [[nodiscard]] bool allows_all(std::uint32_t begin, std::uint64_t size,
                                std::uint8_t permission) const;

  // The bytes themselves, whatever the permissions; the range lies within the address space.
  [[nodiscard]] std::span<std::byte> bytes(std::uint32_t begin, std::size_t size) {
    return {base_ + begin, size};
  }

  // The value at an aligned address, whatever the permissions. RISC-V is little-endian.
  template <class T>
  [[nodiscard]] T load(std::uint32_t address) const {
    static_assert(std::is_integral_v<T> && std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, base_ + address, sizeof(value));
    return value;
  }
  template <class T>
  void store(std::uint32_t address, T value) {
    static_assert(std::is_integral_v<T> && std::endian::native == std::endian::little);
    std::memcpy(base_ + address, &value, sizeof(value));
  }

 private:
  std::byte* base_;
  std::vector<std::uint8_t> pages_;
};

}  // namespace meridian::rv32
