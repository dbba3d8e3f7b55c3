// Time for the hot path: the processor's counter, tied to the kernel's clocks now and then.
#pragma once
#include <cstdint>

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

  // Ties the counter to the kernel's clocks again, at most once a second.
  void keep_anchored(std::uint64_t now) noexcept {
    if (now - anchor_ticks_ >= ticks_per_second_) {
      anchor();
    }
  }

  // Nanoseconds since 1970-01-01 UTC at a stamp taken after the last anchor. Follows steps of the
  // system clock within a second; the sequencer keeps it from going backwards.
  [[nodiscard]] std::uint64_t wall_ns(std::uint64_t stamp) const noexcept {
    return anchor_wall_ns_ + duration_ns(stamp - anchor_ticks_);
  }

  // CLOCK_MONOTONIC at a stamp taken after the last anchor.
  [[nodiscard]] std::uint64_t monotonic_ns_at(std::uint64_t stamp) const noexcept {
    return anchor_monotonic_ns_ + duration_ns(stamp - anchor_ticks_);
  }

  [[nodiscard]] std::uint64_t duration_ns(std::uint64_t ticks) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{ticks} * ns_per_tick_) >> 32U);
  }
  [[nodiscard]] std::uint64_t ticks_of(std::uint64_t ns) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{ns} << 32U) / ns_per_tick_);
  }

 private:
  void anchor() noexcept;

  bool counter_;
  // Nanoseconds a tick, times 2^32.
  std::uint64_t ns_per_tick_ = std::uint64_t{1} << 32U;
  std::uint64_t ticks_per_second_ = 1'000'000'000;
  std::uint64_t start_ticks_ = 0;
  std::uint64_t start_monotonic_ns_ = 0;
  std::uint64_t anchor_ticks_ = 0;
  std::uint64_t anchor_monotonic_ns_ = 0;
  std::uint64_t anchor_wall_ns_ = 0;
};

}  // namespace meridian::reactor
