#include "reactor/tick_clock.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace meridian::reactor {
namespace {

TEST(TickClock, AgreesWithTheKernelsClocks) {
  TickClock clock;
  const std::uint64_t ticks = clock.now();
  const std::uint64_t before = monotonic_ns();
  const timespec pause{0, 50'000'000};
  nanosleep(&pause, nullptr);
  const std::uint64_t after = monotonic_ns();
  const std::uint64_t measured = clock.duration_ns(clock.now() - ticks);
  // Within 1 %, or within what a loaded machine may take between two of these lines.
  const std::uint64_t truth = after - before;
  EXPECT_GE(measured, truth - truth / 100);
  const std::uint64_t wall = clock.wall_ns(clock.now());
  const std::uint64_t kernel = realtime_ns();
  EXPECT_LE(wall, kernel + 1'000'000);
  EXPECT_LE(kernel - wall + 1'000'000, 2'000'000'000U);
}

TEST(TickClock, ConvertsThereAndBack) {
  const TickClock clock;
  for (std::uint64_t ns = 1'000; ns < 1'000'000'000'000U; ns *= 7) {
    const std::uint64_t back = clock.duration_ns(clock.ticks_of(ns));
    EXPECT_LE(back, ns);
    EXPECT_LE(ns - back, 2 + ns / 1'000'000);
  }
}

}  // namespace
}  // namespace meridian::reactor
