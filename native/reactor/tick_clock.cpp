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
  fit_.start(read());
  if (counter_) {
    const timespec baseline{0, 10'000'000};
    nanosleep(&baseline, nullptr);
  }
  anchor();
}

ClockFit::Reading TickClock::read() const noexcept {
  // Of a few tries the quickest is the one that was least interrupted between the clocks.
  std::uint64_t best = ~std::uint64_t{0};
  ClockFit::Reading reading;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t before = now();
    const std::uint64_t monotonic = monotonic_ns();
    const std::uint64_t wall = realtime_ns();
    const std::uint64_t after = now();
    if (after - before < best) {
      best = after - before;
      reading = {before + (after - before) / 2, monotonic, wall};
    }
  }
  return reading;
}

void TickClock::anchor() noexcept {
  const ClockFit::Reading reading = read();
  if (counter_) {
    last_error_ns_ = fit_.check(reading);
    ticks_per_second_ = fit_.ticks_of(1'000'000'000);
  } else {
    // Ticks are the kernel's nanoseconds already.
    fit_.start(reading);
  }
}

}  // namespace meridian::reactor
