// Loads a linked program: ELF for 32-bit RISC-V, little-endian, at fixed addresses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "memory.hpp"

namespace meridian::rv32 {

struct LoadedImage {
  const char* fault = nullptr;  // why the file was refused; null when it is loaded
  std::uint32_t entry = 0;
};

// Maps each segment with its permissions and copies what the file holds of it; the rest of a
// segment stays zeroed. Any bytes may come in.
LoadedImage load_image(std::span<const std::byte> file, Memory& memory);

}  // namespace meridian::rv32
