#include "reactor/tick_clock.hpp"

#include <ctime>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace meridian::reactor {
namespace {

std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

std::uint64_t monotonic_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }
std::uint64_t realtime_ns() noexcept { return read_clock(CLOCK_REALTIME); }

bool has_steady_counter() noexcept {
#if defined(__x86_64__)
  // Leaf 0x80000007, EDX bit 8: the counter's rate does not change with power and sleep states.
  unsigned int eax = 0;
  unsigned int ebx = 0;
  unsigned int ecx = 0;
  unsigned int edx = 0;
  return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1U << 8U)) != 0;
#else
  return false;
#endif
}

TickClock::TickClock() noexcept : counter_(has_steady_counter()) {
  start_monotonic_ns_ = monotonic_ns();
  start_ticks_ = now();
  if (counter_) {
    const timespec baseline{0, 10'000'000};
    nanosleep(&baseline, nullptr);
  }
  anchor();
}

void TickClock::anchor() noexcept {
  // Of a few tries the quickest is the one that was least interrupted between the clocks.
  std::uint64_t best = ~std::uint64_t{0};
  std::uint64_t ticks = 0;
  std::uint64_t monotonic = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t before = now();
    const std::uint64_t steady = monotonic_ns();
    const std::uint64_t wall = realtime_ns();
    const std::uint64_t after = now();
    if (after - before < best) {
      best = after - before;
      ticks = before + (after - before) / 2;
      monotonic = steady;
      anchor_wall_ns_ = wall;
    }
  }
  anchor_ticks_ = ticks;
  anchor_monotonic_ns_ = monotonic;
  if (counter_ && ticks > start_ticks_) {
    __extension__ using Wide = unsigned __int128;
    const Wide elapsed = monotonic - start_monotonic_ns_;
    ns_per_tick_ = static_cast<std::uint64_t>((elapsed << 32U) / (ticks - start_ticks_));
    ticks_per_second_ = ticks_of(1'000'000'000);
  }
}

}  // namespace meridian::reactor
