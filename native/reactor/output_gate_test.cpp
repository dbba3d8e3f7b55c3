#include "reactor/output_gate.hpp"

#include <gtest/gtest.h>

namespace meridian::reactor {
namespace {

constexpr std::uint8_t matched = 0;
constexpr std::uint8_t durable = 1;
constexpr std::uint8_t replicated = 2;

OutputGate gate_of(std::uint8_t mode) {
  OutputGate gate;
  gate.configured(mode, 1);
  return gate;
}

TEST(OutputGate, PromisesWhatTheModeSays) {
  const GatePositions positions{90, 60, 30, 0, 0};
  EXPECT_EQ(gate_of(matched).safe(positions), 90U);
  EXPECT_EQ(gate_of(durable).safe(positions), 60U);
  EXPECT_EQ(gate_of(replicated).safe(positions), 30U);
  EXPECT_TRUE(gate_of(matched).is_open(positions));
  EXPECT_FALSE(gate_of(durable).is_open(positions));
}

TEST(OutputGate, PromisesOnlyWhatIsCommittedWhenTheLeaseHasLapsed) {
  GatePositions positions{90, 60, 30, 1'000, 999};
  EXPECT_EQ(gate_of(matched).safe(positions), 90U);
  EXPECT_FALSE(gate_of(matched).is_open(positions)) << "the clock has to be looked at";
  positions.now_ns = 1'000;
  EXPECT_FALSE(OutputGate::has_lease(positions));
  EXPECT_EQ(gate_of(matched).safe(positions), 30U);
  EXPECT_EQ(gate_of(durable).safe(positions), 30U);
}

TEST(OutputGate, LetsANewModeHoldFromWhereItIsCommitted) {
  OutputGate gate = gate_of(matched);
  gate.configured(durable, 80);
  EXPECT_EQ(gate.safe({90, 85, 79, 0, 0}), 79U);
  EXPECT_EQ(gate.safe({90, 85, 80, 0, 0}), 85U);
  gate.configured(durable, 88);
  EXPECT_EQ(gate.safe({90, 85, 80, 0, 0}), 85U) << "the mode did not change";
}

TEST(OutputGate, DoesNotWaitForAChainThatNobodyFollows) {
  EXPECT_EQ(gate_of(matched).safe({90, 60, -1, 0, 0}), 90U);
  EXPECT_EQ(gate_of(durable).safe({90, 60, -1, 0, 0}), 60U);
  EXPECT_EQ(gate_of(replicated).safe({90, 60, -1, 0, 0}), 0U);
}

TEST(OutputGate, NeverPromisesMoreThanIsMatched) {
  EXPECT_EQ(gate_of(durable).safe({90, 95, 99, 0, 0}), 90U);
}

TEST(OutputGate, PromisesNothingBeforeTheMarketIsConfigured) {
  const OutputGate gate;
  EXPECT_FALSE(gate.is_open({0, 0, -1, 0, 0}));
  EXPECT_EQ(gate.safe({5, 5, -1, 0, 0}), 0U);
}

}  // namespace
}  // namespace meridian::reactor
