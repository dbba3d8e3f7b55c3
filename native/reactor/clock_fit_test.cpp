#include "reactor/clock_fit.hpp"

#include <gtest/gtest.h>

namespace meridian::reactor {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

// A counter of 2.5 GHz that began at `offset`, read after `ns`.
ClockFit::Reading reading(std::uint64_t ns, std::uint64_t offset = 7'000) {
  return {offset + ns * 5 / 2, second + ns, 100 * second + ns};
}

TEST(ClockFit, LearnsTheRateAndThenIsHardlyOff) {
  ClockFit fit;
  fit.start(reading(0));
  EXPECT_EQ(fit.check(reading(10'000'000)), 0U) << "there was nothing to compare with";
  for (std::uint64_t at = 1; at <= 20; ++at) {
    EXPECT_LE(fit.check(reading(at * second)), 2U) << at;
  }
  EXPECT_EQ(fit.restarts(), 0U);
  EXPECT_EQ(fit.duration_ns(2'500), 999U) << "rounded down";
  EXPECT_NEAR(static_cast<double>(fit.ticks_of(1'000)), 2'500.0, 1.0);
  EXPECT_NEAR(static_cast<double>(fit.monotonic_ns_at(reading(20 * second + 500).ticks)),
              static_cast<double>(21 * second + 500), 2.0);
  EXPECT_NEAR(static_cast<double>(fit.wall_ns_at(reading(20 * second + 500).ticks)),
              static_cast<double>(120 * second + 500), 2.0);
}

TEST(ClockFit, MeasuresTheRateAnewWhenTheCounterJumped) {
  ClockFit fit;
  fit.start(reading(0));
  for (std::uint64_t at = 1; at <= 5; ++at) {
    fit.check(reading(at * second));
  }
  // The machine was paused for a minute, and its counter with it.
  const auto paused = [](std::uint64_t ns) {
    ClockFit::Reading after = reading(ns);
    after.monotonic_ns += 60 * second;
    return after;
  };
  EXPECT_GT(fit.check(paused(6 * second)), 59 * second);
  EXPECT_EQ(fit.restarts(), 1U);
  EXPECT_EQ(fit.duration_ns(2'500), 999U) << "a minute in no time is no rate";
  EXPECT_LE(fit.check(paused(7 * second)), 2U);
  EXPECT_LE(fit.check(paused(8 * second)), 2U);
}

TEST(ClockFit, FollowsARateThatDrifts) {
  ClockFit fit;
  ClockFit::Reading now{0, 0, 0};
  fit.start(now);
  std::uint64_t worst = 0;
  for (std::uint64_t at = 1; at <= 100; ++at) {
    // 2.5 GHz, 0.1 parts in a million slower each second.
    now.ticks += 2'500'000'000 - at * 250;
    now.monotonic_ns += second;
    const std::uint64_t error = fit.check(now);
    worst = error > worst ? error : worst;
  }
  EXPECT_LT(worst, ClockFit::largest_error_ns);
}

}  // namespace
}  // namespace meridian::reactor
