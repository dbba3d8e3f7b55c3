#include "reactor/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace meridian::reactor {
namespace {

TEST(LatencyHistogram, PutsEveryValueIntoABucketThatEndsCloseAboveIt) {
  for (std::uint64_t value = 0; value < (std::uint64_t{1} << 37U); value += 1 + value / 97) {
    const std::size_t bucket = LatencyHistogram::bucket_of(value);
    ASSERT_GE(LatencyHistogram::upper_end(bucket), value);
    ASSERT_LE(LatencyHistogram::upper_end(bucket) - value, value / 32);
    ASSERT_TRUE(bucket == 0 || LatencyHistogram::upper_end(bucket - 1) < value);
  }
}

TEST(LatencyHistogram, IsEmptyAtFirstAndTakesValuesBeyondItsRange) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.summary().count, 0U);
  EXPECT_EQ(histogram.summary().p999, 0U);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.summary().count, 1U);
  EXPECT_EQ(histogram.summary().maximum, UINT64_MAX);
}

TEST(LatencyHistogram, GivesQuantilesOfASortedListWithinOneThirtySecond) {
  std::mt19937_64 random(20261122);
  std::lognormal_distribution<double> spread(6.0, 2.0);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  for (int count = 0; count < 100'000; ++count) {
    values.push_back(static_cast<std::uint64_t>(spread(random)));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const LatencySummary summary = histogram.summary();
  EXPECT_EQ(summary.count, values.size());
  EXPECT_EQ(summary.maximum, values.back());
  const auto expect_near = [](std::uint64_t found, std::uint64_t truth) {
    EXPECT_GE(found, truth);
    EXPECT_LE(found, truth + truth / 32);
  };
  expect_near(summary.p50, values[49'999]);
  expect_near(summary.p99, values[98'999]);
  expect_near(summary.p999, values[99'899]);
}

}  // namespace
}  // namespace meridian::reactor
