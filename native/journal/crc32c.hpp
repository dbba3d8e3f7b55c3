// CRC-32C (Castagnoli polynomial, reflected 0x82F63B78), as in every journal record.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace meridian::journal {

// Of `bytes`, after bytes with the checksum `before`. Uses the processor's instruction where it has
// one, found out once.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes,
                                   std::uint32_t before = 0) noexcept;
// The same from a table, on any processor; tests compare both.
[[nodiscard]] std::uint32_t crc32c_portable(std::span<const std::byte> bytes,
                                            std::uint32_t before = 0) noexcept;

}  // namespace meridian::journal
