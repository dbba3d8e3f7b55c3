// The program of the image (native/rv32/replay.hpp) on this machine: records in, answers out.
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "rv32/replay.hpp"
#include "wire/event.hpp"

namespace {

struct StandardStreams {
  static std::size_t read(std::span<std::byte> into) noexcept {
    return std::fread(into.data(), 1, into.size(), stdin);
  }
  static bool write(std::span<const std::byte> from) noexcept {
    return std::fwrite(from.data(), 1, from.size(), stdout) == from.size();
  }
};

}  // namespace

int main() {
  const meridian::engine::LazyMemory arena(meridian::engine::Market::arena_bytes());
  std::vector<meridian::wire::Event> slots(meridian::rv32::most_events);
  StandardStreams streams;
  const auto ending = meridian::rv32::replay(streams, arena.bytes(), slots);
  if (std::fflush(stdout) != 0) {
    return static_cast<int>(meridian::rv32::Ending::output_refused);
  }
  return static_cast<int>(ending);
}
