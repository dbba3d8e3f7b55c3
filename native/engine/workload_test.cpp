// Workload W through the market: the stated trades, volume and hash.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "workloads/market_workload.hpp"
#include "workloads/workload_w.hpp"

namespace meridian::bench {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_instrumented = true;
#else
constexpr bool is_instrumented = false;
#endif

class Workload : public testing::TestWithParam<WorkloadCase> {};

TEST_P(Workload, TradesAsStatedInTheReferenceBookAndInTheMarket) {
  const WorkloadCase& one = GetParam();
  if (is_instrumented && one.target > 50000) {
    GTEST_SKIP() << "too slow under a sanitizer, where a shorter one below takes its place";
  }
  const MarketWorkload run = record_workload(one.target, one.block, one.operations);
  EXPECT_EQ(run.reference.trades(), one.trades);
  EXPECT_EQ(run.reference.volume(), one.volume);
  EXPECT_EQ(run.reference.value(), one.hash);
  EXPECT_EQ(run.levels, one.levels);
  EXPECT_EQ(run.traded.trades(), one.trades);
  EXPECT_EQ(run.traded.volume(), one.volume);
  EXPECT_EQ(run.traded.value(), one.hash);
  EXPECT_EQ(run.refusals, 0U);
  EXPECT_TRUE(run.is_sound);
}

INSTANTIATE_TEST_SUITE_P(W, Workload, testing::ValuesIn(workload_cases), [](const auto& given) {
  std::string name = given.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

class OtherWorkload : public testing::TestWithParam<std::pair<std::uint64_t, std::uint64_t>> {};

TEST_P(OtherWorkload, MarketTradesAsTheReferenceBook) {
  const auto [target, block] = GetParam();
  const MarketWorkload run = record_workload(target, block, 100'000);
  EXPECT_GT(run.reference.trades(), 0U);
  EXPECT_EQ(run.traded, run.reference);
  EXPECT_EQ(run.refusals, 0U);
  EXPECT_TRUE(run.is_sound);
}

INSTANTIATE_TEST_SUITE_P(W, OtherWorkload,
                         testing::Values(std::pair{1'000U, 16U}, std::pair{1'000U, 1024U},
                                         std::pair{50'000U, 1024U}, std::pair{200'000U, 16U}));

// A slip in the generator shows here first.
TEST(WorkloadGenerator, NarrowPreloadEndsAsStated) {
  WorkloadW workload(50000, 16);
  while (!workload.is_preloaded()) {
    workload.next_preload();
  }
  EXPECT_EQ(workload.orders_made(), 58195U);
  EXPECT_EQ(workload.middle(), 99982U);
  EXPECT_EQ(workload.bid_levels(), 181U);
  EXPECT_EQ(workload.ask_levels(), 192U);
}

TEST(WorkloadGenerator, NarrowLiveOrdersStayWithinTheStatedRange) {
  WorkloadW workload(50000, 16);
  while (!workload.is_preloaded()) {
    workload.next_preload();
  }
  std::size_t lowest = workload.live();
  std::size_t highest = 0;
  for (int done = 0; done < 2'000'000; ++done) {
    workload.next();
    lowest = std::min(lowest, workload.live());
    highest = std::max(highest, workload.live());
  }
  EXPECT_EQ(lowest, 18290U);
  EXPECT_EQ(highest, 50112U);
}

}  // namespace
}  // namespace meridian::bench
