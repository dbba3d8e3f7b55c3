// What a loop that does nothing but read the clock sees of this machine: gaps between two readings
// are time that somebody else had. Tails of a measurement below this floor belong to the machine.
//   idle_spinner [--milliseconds N] [--processor N]
// Prints one JSON object; run.ts runs it before and after each measurement.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "micro/machine.hpp"

namespace {

using meridian::bench::Machine;
using meridian::bench::ticks;

// Gaps are counted by size: below ten times this, below a hundred times, …, the last one all above.
constexpr double smallest_gap_ns = 1'000;
constexpr std::size_t sizes = 5;

}  // namespace

int main(int count, char** arguments) {
  int processor = meridian::bench::last_processor();
  std::uint64_t milliseconds = 1'000;
  bool is_understood = count % 2 == 1;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = std::strtoull(arguments[at + 1], nullptr, 10);
    if (word == "--milliseconds" && value > 0 && value <= 60'000) {
      milliseconds = value;
    } else if (word == "--processor") {
      processor = static_cast<int>(value);
    } else {
      is_understood = false;
    }
  }
  if (!is_understood) {
    std::fputs("usage: idle_spinner [--milliseconds N] [--processor N]\n", stderr);
    return 2;
  }
  if (!meridian::bench::pin_to(processor)) {
    std::fprintf(stderr, "processor %d is not there; give another by --processor\n", processor);
    return 1;
  }
  const Machine machine;
  std::array<std::uint64_t, sizes> gaps{};
  double lost_ns = 0;
  double longest_ns = 0;
  const std::uint64_t begin = ticks();
  std::uint64_t before = begin;
  while (machine.nanoseconds(before - begin) < static_cast<double>(milliseconds) * 1e6) {
    const std::uint64_t now = ticks();
    const double gap_ns = machine.nanoseconds(now - before);
    before = now;
    if (gap_ns < smallest_gap_ns) {
      continue;
    }
    lost_ns += gap_ns;
    longest_ns = std::max(longest_ns, gap_ns);
    std::size_t size = 0;
    for (double above = 10 * smallest_gap_ns; size + 1 < sizes && gap_ns >= above; above *= 10) {
      ++size;
    }
    ++gaps[size];
  }
  const double spun_ns = machine.nanoseconds(before - begin);
  std::printf("{\"processor\":%d,\"seconds\":%.3f,\"gaps\":[", processor, spun_ns / 1e9);
  for (std::size_t size = 0; size < sizes; ++size) {
    std::printf("%s%llu", size == 0 ? "" : ",", static_cast<unsigned long long>(gaps[size]));
  }
  std::printf("],\"lostShare\":%.6f,\"longestNs\":%.0f}\n", lost_ns / spun_ns, longest_ns);
  return 0;
}
