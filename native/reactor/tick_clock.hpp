// Time for the hot path: the processor's counter, tied to the kernel's clocks now and then.
#pragma once
#include <cstdint>

#include "reactor/clock_fit.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace meridian::reactor {

// CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds, through the vDSO: no system call.
std::uint64_t monotonic_ns() noexcept;
std::uint64_t realtime_ns() noexcept;

// True when the processor's counter runs at one rate on all cores and through sleep states.
bool has_steady_counter() noexcept;

// Converts counter values to nanoseconds. One thread owns it; others may not read it.
class TickClock {
 public:
  // Blocks for about 10 ms to measure the counter's rate (the rate printed by the firmware is not
  // to be trusted); every anchor() makes it more exact.
  TickClock() noexcept;

  // A stamp: ticks of the counter where it is steady, else nanoseconds of CLOCK_MONOTONIC.
  [[nodiscard]] std::uint64_t now() const noexcept {
#if defined(__x86_64__)
    if (counter_) {
      return __rdtsc();
    }
#endif
    return monotonic_ns();
  }

  // Ties the counter to the kernel's clocks again, at most once a second. True when it did:
  // last_error_ns() then says how far it had been off.
  bool keep_anchored(std::uint64_t now) noexcept {
    if (now - fit_.last_ticks() < ticks_per_second_) {
      return false;
    }
    anchor();
    return true;
  }
  [[nodiscard]] std::uint64_t last_error_ns() const noexcept { return last_error_ns_; }
  // Times the counter was so far off that its rate was measured anew.
  [[nodiscard]] std::uint64_t restarts() const noexcept { return fit_.restarts(); }

  // Nanoseconds since 1970-01-01 UTC at a stamp taken after the last anchor. Follows steps of the
  // system clock within a second; the sequencer keeps it from going backwards.
  [[nodiscard]] std::uint64_t wall_ns(std::uint64_t stamp) const noexcept {
    return fit_.wall_ns_at(stamp);
  }
  // CLOCK_MONOTONIC at a stamp taken after the last anchor.
  [[nodiscard]] std::uint64_t monotonic_ns_at(std::uint64_t stamp) const noexcept {
    return fit_.monotonic_ns_at(stamp);
  }
  [[nodiscard]] std::uint64_t duration_ns(std::uint64_t ticks) const noexcept {
    return fit_.duration_ns(ticks);
  }
  [[nodiscard]] std::uint64_t ticks_of(std::uint64_t ns) const noexcept {
    return fit_.ticks_of(ns);
  }

 private:
  void anchor() noexcept;
  [[nodiscard]] ClockFit::Reading read() const noexcept;

  bool counter_;
  ClockFit fit_;
  std::uint64_t ticks_per_second_ = 1'000'000'000;
  std::uint64_t last_error_ns_ = 0;
};

}  // namespace meridian::reactor
