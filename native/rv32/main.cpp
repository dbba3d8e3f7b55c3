// The image: replay() between standard input and output.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/market.hpp"
#include "rv32/replay.hpp"
#include "wire/event.hpp"

namespace {

using meridian::engine::Market;
using meridian::wire::Event;

// Numbers of calls as Linux has them on RISC-V.
constexpr std::int32_t call_read = 63;
constexpr std::int32_t call_write = 64;

// In start.S. Returns what the call left in a0: bytes, or a negative error.
extern "C" std::int32_t environment_call(std::int32_t file, const void* bytes, std::size_t size,
                                         std::int32_t number) noexcept;

struct StandardStreams {
  static std::size_t read(std::span<std::byte> into) noexcept {
    std::size_t done = 0;
    while (done < into.size()) {
      const std::int32_t got =
          environment_call(0, into.data() + done, into.size() - done, call_read);
      if (got <= 0) {
        break;
      }
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  static bool write(std::span<const std::byte> from) noexcept {
    std::size_t done = 0;
    while (done < from.size()) {
      const std::int32_t taken =
          environment_call(1, from.data() + done, from.size() - done, call_write);
      if (taken <= 0) {
        return false;
      }
      done += static_cast<std::size_t>(taken);
    }
    return true;
  }
};

// Zeroed memory for all that the market may ever need; pages are backed when touched.
alignas(64) std::array<std::byte, Market::arena_bytes()> arena;
std::array<Event, meridian::rv32::most_events> slots;

}  // namespace

extern "C" std::int32_t replay_main() noexcept;
extern "C" std::int32_t replay_main() noexcept {
  StandardStreams streams;
  return static_cast<std::int32_t>(meridian::rv32::replay(streams, arena, slots));
}
