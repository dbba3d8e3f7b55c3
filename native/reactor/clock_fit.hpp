// A counter's rate, from readings of it beside the kernel's clock.
#pragma once
#include <cstdint>

namespace meridian::reactor {

class ClockFit {
 public:
  // Off by more than this at a check, the counter is not what it was: a machine that was moved or
  // paused. The rate is then measured anew.
  static constexpr std::uint64_t largest_error_ns = 100'000;

  struct Reading {
    std::uint64_t ticks = 0;
    std::uint64_t monotonic_ns = 0;
    std::uint64_t wall_ns = 0;
  };

  // The first reading: until there is a second, a tick is a nanosecond.
  void start(const Reading& reading) noexcept {
    first_ = reading;
    last_ = reading;
  }

  // A later reading. Returns how far the fit was off, in nanoseconds; 0 for the second one, which
  // there was nothing to compare with.
  std::uint64_t check(const Reading& reading) noexcept {
    const std::uint64_t predicted = monotonic_ns_at(reading.ticks);
    const std::uint64_t error = predicted > reading.monotonic_ns ? predicted - reading.monotonic_ns
                                                                 : reading.monotonic_ns - predicted;
    if (checks_++ > 0 && error > largest_error_ns) {
      // What was measured before the jump says nothing of the time after it; the rate, most likely,
      // is as it was.
      first_ = reading;
      ++restarts_;
    }
    last_ = reading;
    if (reading.ticks > first_.ticks) {
      __extension__ using Wide = unsigned __int128;
      const Wide elapsed = reading.monotonic_ns - first_.monotonic_ns;
      ns_per_tick_ = static_cast<std::uint64_t>((elapsed << 32U) / (reading.ticks - first_.ticks));
    }
    return checks_ == 1 ? 0 : error;
  }

  [[nodiscard]] std::uint64_t duration_ns(std::uint64_t ticks) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{ticks} * ns_per_tick_) >> 32U);
  }
  [[nodiscard]] std::uint64_t ticks_of(std::uint64_t ns) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return ns_per_tick_ == 0 ? ns : static_cast<std::uint64_t>((Wide{ns} << 32U) / ns_per_tick_);
  }
  // At stamps after the last reading.
  [[nodiscard]] std::uint64_t monotonic_ns_at(std::uint64_t ticks) const noexcept {
    return last_.monotonic_ns + duration_ns(ticks - last_.ticks);
  }
  [[nodiscard]] std::uint64_t wall_ns_at(std::uint64_t ticks) const noexcept {
    return last_.wall_ns + duration_ns(ticks - last_.ticks);
  }
  [[nodiscard]] std::uint64_t last_ticks() const noexcept { return last_.ticks; }
  // Times the rate was measured anew.
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }

 private:
  Reading first_;
  Reading last_;
  // Nanoseconds a tick, times 2^32.
  std::uint64_t ns_per_tick_ = std::uint64_t{1} << 32U;
  std::uint64_t checks_ = 0;
  std::uint64_t restarts_ = 0;
};

}  // namespace meridian::reactor
