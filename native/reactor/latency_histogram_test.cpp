#include "reactor/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
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

TEST(LatencyHistogram, GivesEveryValueToItsOctaveAndASumWithinOneThirtySecond) {
  LatencyHistogram histogram;
  double sum = 0;
  for (const std::uint64_t value : {0U, 31U, 32U, 63U, 64U, 1'000U, 1'023U, 1'024U}) {
    histogram.record(value);
    sum += static_cast<double>(value);
  }
  histogram.record(UINT64_MAX);
  const LatencyHistogram::Octaves found = histogram.octaves();
  // 0 … 31, 32 … 63, 64 … 127, …, the last one holds what is beyond the range.
  EXPECT_EQ(found.counts[0], 2U);
  EXPECT_EQ(found.counts[1], 2U);
  EXPECT_EQ(found.counts[2], 1U);
  EXPECT_EQ(found.counts[5], 2U);
  EXPECT_EQ(found.counts[6], 1U);
  EXPECT_EQ(found.counts.back(), 1U);
  EXPECT_EQ(std::accumulate(found.counts.begin(), found.counts.end(), std::uint64_t{0}), 9U);
  const double largest = static_cast<double>((std::uint64_t{1} << 37U) - 1);
  EXPECT_GE(found.sum_ns, sum + largest);
  EXPECT_LE(found.sum_ns, (sum + largest) * 33 / 32);
}

}  // namespace
}  // namespace meridian::reactor
