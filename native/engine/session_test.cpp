// Resent commands: the table of sessions and its outcomes.
#include <gtest/gtest.h>

#include <cstdint>

#include "engine/market.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

TEST(Session, GetsTheFirstOutcomeWhenACommandIsResent) {
  TestMarket market(10);
  market(limit(sell, 4, 100, 2));
  const wire::Command command = in_session(limit(buy, 10, 100, 1), 5, 1);
  EXPECT_EQ(market(command),
            "accepted 1.2 buy 10@100 of 1\n"
            "executed 1.2 buy 4@100 of 1 with 1.1 of 2 leaving 0");
  market(limit(sell, 6, 100, 2));
  const std::uint64_t digest = market.digest();
  EXPECT_EQ(market(command), "repeated none 1.2 executed 4 resting 6 from 3");
  EXPECT_EQ(market(command), "repeated none 1.2 executed 4 resting 6 from 3");
  EXPECT_EQ(market.touch(), "");
  EXPECT_EQ(market.digest(), digest);
}

TEST(Session, RemembersWhatEachKindOfCommandDid) {
  TestMarket market(10);
  const auto resent = [&](const wire::Command& command, std::uint64_t number) {
    market.run(in_session(command, 5, number));
    return market(in_session(command, 5, number));
  };
  EXPECT_EQ(resent(limit(buy, 10, 100, 1), 1), "repeated none 1.1 executed 0 resting 10 from 2");
  EXPECT_EQ(resent(reduce(id(1, 1), 3, 1), 2), "repeated none 1.1 executed 0 resting 7 from 4");
  EXPECT_EQ(resent(replace(id(1, 1), 9, 99, 1), 3),
            "repeated none 2.1 executed 0 resting 9 from 6");
  EXPECT_EQ(resent(cancel(id(2, 1), 1), 4), "repeated none 2.1 executed 0 resting 0 from 8");
  EXPECT_EQ(resent(cancel(id(2, 1), 1), 5),
            "repeated order_unknown 0.0 executed 0 resting 0 from 10");
  EXPECT_EQ(resent(set_state(wire::MarketState::halted), 6),
            "repeated none 0.0 executed 0 resting 0 from 12");
  EXPECT_EQ(resent(configure(1, 5, 5, 10), 7), "repeated none 0.0 executed 0 resting 0 from 14");
  wire::Command invalid = limit(buy, 1, 1, 1);
  invalid.trigger = 1;
  EXPECT_EQ(resent(invalid, 8), "repeated command_invalid 0.0 executed 0 resting 0 from 16");
}

TEST(Session, RemembersARefusalBeforeTheFirstConfigure) {
  TestMarket market;
  EXPECT_EQ(market(in_session(cancel(id(1, 1), 1), 5, 1)), "refused not_configured 1.1 of 1");
  EXPECT_EQ(market(in_session(cancel(id(1, 1), 1), 5, 1)),
            "repeated not_configured 0.0 executed 0 resting 0 from 1");
}

TEST(Session, NeedsANumberAndANumberNeedsASession) {
  TestMarket market(10);
  const std::uint64_t digest = market.digest();
  EXPECT_EQ(market(in_session(limit(buy, 1, 1, 1), 5, 0)), "refused command_invalid 0.0 of 1");
  EXPECT_EQ(market(in_session(limit(buy, 1, 1, 1), 0, 5)), "refused command_invalid 0.0 of 1");
  EXPECT_EQ(market(in_session(cancel(id(3, 4), 1), 0, 5)), "refused command_invalid 3.4 of 1");
  EXPECT_EQ(market.digest(), digest);
}

TEST(Session, RecognizesAResendByItsNumberAlone) {
  TestMarket market(10);
  market(in_session(limit(buy, 10, 100, 1), 5, 1));
  wire::Command other = in_session(limit(sell, 0, -1, 0), 5, 1);
  other.kind = 99;
  EXPECT_EQ(market(other), "repeated none 1.1 executed 0 resting 10 from 2");
}

TEST(Session, RefusesNumbersThatAreTooOldOrWereLeftOut) {
  TestMarket market(10);
  market(in_session(limit(buy, 10, 100, 1), 5, 10));
  const std::uint64_t digest = market.digest();
  EXPECT_EQ(market(in_session(cancel(id(1, 1), 1), 5, 9)), "refused number_stale 1.1 of 1");
  EXPECT_EQ(market(in_session(cancel(id(1, 1), 1), 5, 9)), "refused number_stale 1.1 of 1");
  EXPECT_EQ(market.digest(), digest);
  // Another session has numbers of its own.
  EXPECT_EQ(market(in_session(cancel(id(1, 1), 1), 6, 9)), "canceled 1.1 buy 10@100 of 1 user");
}

TEST(Session, RemembersTheLast1024Outcomes) {
  TestMarket market(10);
  const auto command = [](std::uint64_t number) {
    return in_session(cancel(id(1, 1), 1), 5, number * 3);  // with gaps
  };
  for (std::uint64_t number = 1; number <= 1024; ++number) {
    market.run(command(number), false);
  }
  EXPECT_EQ(market(command(1)), "repeated order_unknown 0.0 executed 0 resting 0 from 2");
  for (std::uint64_t number = 1025; number <= 2500; ++number) {
    market.run(command(number), false);
  }
  EXPECT_EQ(market(command(2500 - 1024)), "refused number_stale 1.1 of 1");
  for (std::uint64_t number = 2500 - 1023; number <= 2500; ++number) {
    const wire::Event& event = market.run(command(number), number == 2500).front();
    // Sequence 1 configured, one command was resent and one was stale.
    EXPECT_EQ(event.other_order_id, number <= 1024 ? number + 1 : number + 2) << number;
    EXPECT_EQ(describe(event).substr(0, 27), "repeated order_unknown 0.0 ");
    const wire::Event& between = market.run(in_session(cancel(1, 1), 5, number * 3 - 1), false)[0];
    EXPECT_EQ(describe(between), "refused number_stale 0.1 of 1");
  }
}

TEST(Session, TakesTheRowOfTheSessionUsedLongestAgo) {
  TestMarket market(10);
  const auto use = [&](std::uint64_t session, std::uint64_t number) {
    return describe(market.run(in_session(cancel(1, 1), session, number), false)[0]);
  };
  const auto is_resend = [](const std::string& answer) { return answer.starts_with("repeated"); };
  for (std::uint64_t session = 1; session <= 256; ++session) {
    use(session * 1024, 1);
  }
  use(1024, 2);                          // now session 2 is the one used longest ago
  EXPECT_TRUE(is_resend(use(2048, 1)));  // a resend is not a use
  use(777, 1);
  EXPECT_TRUE(market.market().verify());
  EXPECT_TRUE(is_resend(use(1024, 1)));
  EXPECT_FALSE(is_resend(use(2048, 1)));  // forgotten, and in again: number 3 is out
  EXPECT_FALSE(is_resend(use(3072, 1)));
  EXPECT_TRUE(is_resend(use(777, 1)));
  EXPECT_TRUE(market.market().verify());
}

TEST(Session, TableStaysSoundUnderManySessions) {
  TestMarket market(10);
  std::uint64_t random = 42;
  for (int command = 0; command < 20'000; ++command) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t session = 1 + (random >> 33) % 700;
    market.run(in_session(cancel(1, 1), session, 1 + (random >> 20) % 50), command % 500 == 0);
  }
  EXPECT_TRUE(market.market().verify());
}

TEST(Session, OutcomesAreInTheDigest) {
  TestMarket market(10);
  const std::uint64_t before = market.digest();
  market(in_session(cancel(id(1, 1), 1), 5, 1));
  // README.md: session 5, number 1, sequence 2, order id 0 xor refusal 8, nothing executed or
  // resting.
  const std::uint64_t sum = 5 * 0xC2B2AE3D27D4EB4F + 1 * 0x165667B19E3779F9 +
                            2 * 0xD6E8FEB86659FD93 + 8 * 0xA0761D6478BD642F;
  EXPECT_EQ(market.digest() - before, (sum ^ (sum >> 32)) * 0x9E3779B97F4A7C15);
}

}  // namespace
}  // namespace meridian::engine
