// What a saved state begins with.
#pragma once
#include <cstdint>

namespace meridian::engine {

inline constexpr std::uint64_t snapshot_magic = 0x4B4F4F424E52444D;  // "MDRNBOOK"
inline constexpr std::uint32_t snapshot_version = 1;

}  // namespace meridian::engine
