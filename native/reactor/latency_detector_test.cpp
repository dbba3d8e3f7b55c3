#include "reactor/latency_detector.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace meridian::reactor {
namespace {

using Change = LatencyDetector::Change;

// Windows of a market whose commands take about `usual_ns`, with a tail as shared machines have it.
class Market {
 public:
  explicit Market(std::uint64_t seed) : random_(seed) {}

  HistogramWindow::Summary window(std::uint64_t usual_ns, std::uint64_t count = 2'000) {
    for (std::uint64_t command = 0; command < count; ++command) {
      std::uint64_t ns = usual_ns + random_() % 60;
      if (random_() % 100 < 3) {
        ns += random_() % 400'000;
      }
      histogram_->record(ns);
    }
    return window_.next(*histogram_);
  }

 private:
  std::mt19937_64 random_;
  std::unique_ptr<LatencyHistogram> histogram_ = std::make_unique<LatencyHistogram>();
  HistogramWindow window_;
};

TEST(HistogramWindow, SeesOnlyWhatIsNew) {
  auto histogram = std::make_unique<LatencyHistogram>();
  HistogramWindow window;
  for (int count = 0; count < 100; ++count) {
    histogram->record(10);
  }
  EXPECT_EQ(window.next(*histogram).p50, 10U);
  for (int count = 0; count < 100; ++count) {
    histogram->record(count < 90 ? 20 : 30);
  }
  const HistogramWindow::Summary second = window.next(*histogram);
  EXPECT_EQ(second.count, 100U);
  EXPECT_EQ(second.p50, 20U);
  EXPECT_EQ(second.p99, 30U);
  EXPECT_EQ(window.next(*histogram).count, 0U);
}

TEST(LatencyDetector, RaisesAnAlertWithinTwoWindowsOfThreeMicrosecondsTwentyTimesOfTwenty) {
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    Market market(trial);
    LatencyDetector detector;
    for (int window = 0; window < 40; ++window) {
      ASSERT_EQ(detector.observe(market.window(120)), Change::none);
    }
    EXPECT_EQ(detector.observe(market.window(3'120)), Change::none);
    EXPECT_EQ(detector.observe(market.window(3'120)), Change::raised) << trial;
    EXPECT_LT(detector.usual_ns(), 200U);
  }
}

TEST(LatencyDetector, StaysSilentForTenMinutesOfNoise) {
  Market market(20261126);
  LatencyDetector detector;
  std::mt19937_64 random(7);
  for (int window = 0; window < 6'000; ++window) {
    // The processors move near and far, and now and then a whole window is lost to somebody else.
    const std::uint64_t usual = window / 300 % 2 == 0 ? 120 : 700;
    const std::uint64_t lost = random() % 200 == 0 ? 5'000 : 0;
    ASSERT_EQ(detector.observe(market.window(usual + lost, 200)), Change::none) << window;
  }
}

TEST(LatencyDetector, EndsAnAlertWhenAllIsAsBeforeAndNotSooner) {
  Market market(3);
  LatencyDetector detector;
  for (int window = 0; window < 10; ++window) {
    detector.observe(market.window(120));
  }
  detector.observe(market.window(4'000));
  ASSERT_EQ(detector.observe(market.window(4'000)), Change::raised);
  for (int window = 0; window < 100; ++window) {
    ASSERT_EQ(detector.observe(market.window(4'000)), Change::none) << "raised once";
  }
  for (std::uint32_t window = 1; window < LatencyDetector::windows_to_clear; ++window) {
    ASSERT_EQ(detector.observe(market.window(120)), Change::none);
  }
  EXPECT_EQ(detector.observe(market.window(120)), Change::cleared);
}

TEST(LatencyDetector, SaysNothingOfAMarketWithoutOrders) {
  Market market(5);
  LatencyDetector detector;
  for (int window = 0; window < 10; ++window) {
    detector.observe(market.window(120));
  }
  for (int window = 0; window < 100; ++window) {
    ASSERT_EQ(detector.observe(market.window(9'000, 10)), Change::none);
  }
}

Evidence quiet() {
  Evidence evidence;
  evidence.window_ns = 100'000'000;
  evidence.commands = 1'000;
  evidence.usual_commands = 1'000;
  evidence.cancels = 450;
  evidence.page_faults = 3;
  evidence.involuntary_switches = 20;
  evidence.not_durable = 200;
  evidence.record_slots = 32'768;
  return evidence;
}

TEST(Cause, NamesEachCauseOfItsEvidenceAndNoneOfAQuietWindow) {
  EXPECT_EQ(cause_of(quiet()), Cause::unknown);
  Evidence evidence = quiet();
  evidence.page_faults = 400;
  EXPECT_EQ(cause_of(evidence), Cause::page_faults);
  evidence = quiet();
  evidence.stolen_ns = 8'000'000;
  EXPECT_EQ(cause_of(evidence), Cause::steal);
  evidence = quiet();
  evidence.waited_ns = 6'000'000;
  EXPECT_EQ(cause_of(evidence), Cause::steal);
  evidence = quiet();
  evidence.involuntary_switches = 150;
  EXPECT_EQ(cause_of(evidence), Cause::steal);
  evidence = quiet();
  evidence.event_stalls = 1;
  EXPECT_EQ(cause_of(evidence), Cause::ring_full);
  evidence = quiet();
  evidence.commands = 9'000;
  evidence.cancels = 7'000;
  EXPECT_EQ(cause_of(evidence), Cause::cancel_burst);
  evidence = quiet();
  evidence.not_durable = 30'000;
  EXPECT_EQ(cause_of(evidence), Cause::disk);
}

TEST(Cause, HasANameEach) {
  EXPECT_STREQ(name_of(Cause::disk), "disk");
  EXPECT_STREQ(name_of(Cause::unknown), "unknown");
}

}  // namespace
}  // namespace meridian::reactor
