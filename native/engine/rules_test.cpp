// Scenarios of README.md, one or more for each rule. Prices 1 … 1,000.
#include <string>

#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

namespace attribute = wire::attribute;
using wire::OrderType;
using wire::TimeInForce;

template <class Change>
wire::Command with(wire::Command command, Change change) {
  change(command);
  return command;
}

wire::Command having(wire::Command command, unsigned attributes) {
  command.attributes = static_cast<std::uint16_t>(command.attributes | attributes);
  return command;
}

constexpr unsigned preventing(wire::SelfTrade mode) {
  return static_cast<unsigned>(mode) << attribute::self_trade_shift;
}

wire::Command typed(OrderType type, wire::Side side, std::uint32_t quantity, std::int32_t price,
                    std::int32_t trigger, std::uint32_t account) {
  wire::Command command = limit(side, quantity, price, account);
  command.order_type = static_cast<std::uint8_t>(type);
  command.trigger = trigger;
  return command;
}

wire::Command iceberg(wire::Side side, std::uint32_t quantity, std::int32_t price,
                      std::uint32_t display, std::uint32_t account) {
  return with(limit(side, quantity, price, account),
              [&](wire::Command& command) { command.display = display; });
}

wire::Command linked(wire::Command command, wire::Link link, std::uint64_t order_id) {
  command.order_id = order_id;
  return having(command, static_cast<unsigned>(link) << attribute::link_shift);
}

wire::Command account_limit(wire::AccountLimit which, std::uint64_t value, std::uint32_t account,
                            std::uint32_t window_ms = 0) {
  wire::Command command = command_of(wire::CommandKind::set_limit, account);
  command.order_type = static_cast<std::uint8_t>(which);
  command.order_id = value;
  command.quantity = window_ms;
  return command;
}

wire::Command position(std::int64_t lots, std::uint32_t account) {
  wire::Command command = command_of(wire::CommandKind::set_position, account);
  command.side = lots < 0 ? 1 : 0;
  command.order_id = static_cast<std::uint64_t>(lots < 0 ? -lots : lots);
  return command;
}

wire::Command breaker(wire::BreakerMode mode, std::int32_t reference, std::uint32_t width,
                      std::uint32_t seconds = 0) {
  wire::Command command = command_of(wire::CommandKind::set_breaker, 0);
  command.order_type = static_cast<std::uint8_t>(mode);
  command.price = reference;
  command.quantity = width;
  command.expiry_s = seconds;
  return command;
}

wire::Command plain(wire::CommandKind kind, std::uint32_t account = 0) {
  return command_of(kind, account);
}

// A market of 100 orders in which 5 lots have traded at 100.
class Rules : public testing::Test {
 protected:
  void trade_at(std::int32_t price) {
    market(limit(sell, 5, price, 98));
    market(limit(buy, 5, price, 99));
  }
  TestMarket market{100};
};

// ---- icebergs, hidden orders

TEST_F(Rules, AnIcebergShowsItsDisplayAndRefreshesLastAtItsPrice) {
  EXPECT_EQ(market(iceberg(sell, 25, 100, 10, 1)),
            "accepted 1.1 sell 25@100 of 1\nrested 1.1 sell 10@100 of 1");
  market(limit(sell, 5, 100, 2));
  EXPECT_EQ(market(limit(buy, 12, 100, 3)),
            "accepted 1.3 buy 12@100 of 3\n"
            "executed 1.3 buy 10@100 of 3 with 1.1 of 1 leaving 0\n"
            "rested 1.1 sell 10@100 of 1\n"
            "executed 1.3 buy 2@100 of 3 with 1.2 of 2 leaving 3");
  EXPECT_EQ(market.resting(sell), "1.2 3@100, 1.1 10@100");
  EXPECT_EQ(market(reduce(id(1, 1), 7, 1)), "reduced 1.1 sell 7@100 of 1 leaving 8");
  EXPECT_EQ(market.resting(sell), "1.2 3@100, 1.1 8@100");
}

TEST_F(Rules, AnIcebergCanBeHitAgainByTheSameAggressor) {
  market(iceberg(sell, 12, 100, 5, 1));
  EXPECT_EQ(market(limit(buy, 12, 100, 2)),
            "accepted 1.2 buy 12@100 of 2\n"
            "executed 1.2 buy 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "rested 1.1 sell 5@100 of 1\n"
            "executed 1.2 buy 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "rested 1.1 sell 2@100 of 1\n"
            "executed 1.2 buy 2@100 of 2 with 1.1 of 1 leaving 0");
}

TEST_F(Rules, ARandomRefreshFollowsTheSeed) {
  market(with(plain(wire::CommandKind::seed), [](auto& command) { command.order_id = 42; }));
  market(having(iceberg(sell, 100, 100, 10, 1), attribute::random_refresh));
  EXPECT_EQ(market.resting(sell), "1.1 10@100");
  market(limit(buy, 10, 100, 2));
  // xorshift64* of 42: r >> 32 = 1423660381, below(19) = 6
  std::uint64_t x = 42;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  const std::uint64_t shown = 1 + ((((x * 0x2545F4914F6CDD1D) >> 32) * 19) >> 32);
  EXPECT_EQ(market.resting(sell), "1.1 " + std::to_string(shown) + "@100");
}

TEST_F(Rules, AHiddenOrderTradesAfterTheLitOnesOfItsPriceAndIsNeverShown) {
  EXPECT_EQ(market(having(limit(sell, 5, 100, 1), attribute::hidden)),
            "accepted 1.1 sell 5@100 of 1");
  EXPECT_EQ(market.touch(), "");
  market(limit(sell, 5, 100, 2));
  EXPECT_EQ(market(limit(buy, 7, 100, 3)),
            "accepted 1.3 buy 7@100 of 3\n"
            "executed 1.3 buy 5@100 of 3 with 1.2 of 2 leaving 0\n"
            "executed 1.3 buy 2@100 of 3 with 1.1 of 1 leaving 0 dark");
  EXPECT_EQ(market.resting(sell), "");
  EXPECT_EQ(market.market().open_orders(), 1U);
}

// ---- post_only, reduce_only

TEST_F(Rules, APostOnlyOrderIsRefusedOrRepricedWhenItWouldTrade) {
  market(limit(sell, 5, 100, 1));
  EXPECT_EQ(market(having(limit(buy, 5, 100, 2), attribute::post_only)),
            "refused post_only 0.0 of 2");
  EXPECT_EQ(market(having(limit(buy, 5, 105, 2), attribute::post_only | attribute::reprice)),
            "accepted 1.2 buy 5@99 of 2");
  EXPECT_EQ(market.resting(buy), "1.2 5@99");
  EXPECT_EQ(market(having(limit(buy, 5, 98, 2), attribute::post_only)),
            "accepted 1.3 buy 5@98 of 2");
}

TEST_F(Rules, AReduceOnlyOrderNeverExceedsThePosition) {
  EXPECT_EQ(market(having(limit(sell, 9, 100, 1), attribute::reduce_only)),
            "refused reduce_only 0.0 of 1");
  market(position(6, 1));
  EXPECT_EQ(market(having(limit(sell, 9, 100, 1), attribute::reduce_only)),
            "accepted 1.1 sell 6@100 of 1");
  market(position(4, 1));
  EXPECT_EQ(market(limit(buy, 9, 100, 2)),
            "accepted 1.2 buy 9@100 of 2\n"
            "reduced 1.1 sell 2@100 of 1 leaving 4 reduce_only\n"
            "executed 1.2 buy 4@100 of 2 with 1.1 of 1 leaving 0");
}

TEST_F(Rules, AReduceOnlyMakerWithoutAPositionIsCanceled) {
  market(position(6, 1));
  market(having(limit(sell, 6, 100, 1), attribute::reduce_only));
  market(position(-1, 1));
  EXPECT_EQ(market(limit(buy, 9, 100, 2)),
            "accepted 1.2 buy 9@100 of 2\n"
            "canceled 1.1 sell 6@100 of 1 reduce_only");
  EXPECT_EQ(market.resting(buy), "1.2 9@100");
}

// ---- self-trade prevention

TEST_F(Rules, SelfTradePreventionCancelsTheNewestOldestOrBoth) {
  const auto enter = [&](wire::SelfTrade mode) {
    TestMarket one(10);
    one(limit(sell, 5, 100, 2));
    one(limit(sell, 5, 100, 1));
    return one(having(limit(buy, 8, 100, 1), preventing(mode)));
  };
  const std::string first =
      "accepted 1.3 buy 8@100 of 1\nexecuted 1.3 buy 5@100 of 1 with 1.1 of 2 leaving 0\n";
  EXPECT_EQ(enter(wire::SelfTrade::cancel_newest),
            first + "canceled 1.3 buy 3@100 of 1 self_trade");
  EXPECT_EQ(enter(wire::SelfTrade::cancel_oldest),
            first + "canceled 1.2 sell 5@100 of 1 self_trade");
  EXPECT_EQ(enter(wire::SelfTrade::cancel_both), first +
                                                     "canceled 1.2 sell 5@100 of 1 self_trade\n"
                                                     "canceled 1.3 buy 3@100 of 1 self_trade");
  EXPECT_EQ(enter(wire::SelfTrade::decrement),
            first +
                "reduced 1.2 sell 3@100 of 1 leaving 2 self_trade\n"
                "canceled 1.3 buy 3@100 of 1 self_trade");
  EXPECT_EQ(enter(wire::SelfTrade::none),
            first + "executed 1.3 buy 3@100 of 1 with 1.2 of 1 leaving 2");
}

// ---- minimum, all_or_none, discretion

TEST_F(Rules, AnOrderWithAMinimumRestsDarkUntilItCanExecuteIt) {
  market(limit(sell, 3, 100, 1));
  EXPECT_EQ(market(with(limit(buy, 10, 100, 2), [](auto& command) { command.minimum = 5; })),
            "accepted 1.2 buy 10@100 of 2");
  EXPECT_EQ(market.resting(buy), "");
  EXPECT_EQ(market(limit(sell, 4, 100, 3)),
            "accepted 1.3 sell 4@100 of 3\n"
            "executed 1.2 buy 3@100 of 2 with 1.1 of 1 leaving 0\n"
            "executed 1.2 buy 4@100 of 2 with 1.3 of 3 leaving 0\n"
            "rested 1.2 buy 3@100 of 2");
  EXPECT_EQ(market.resting(buy), "1.2 3@100");
}

TEST_F(Rules, AConditionalCandidateIsSkippedUnlessItsMinimumIsLeft) {
  market(having(limit(sell, 10, 99, 1), attribute::all_or_none));
  market(limit(sell, 5, 100, 2));
  EXPECT_EQ(market(limit(buy, 8, 100, 3, TimeInForce::ioc)),
            "accepted 1.3 buy 8@100 of 3\n"
            "executed 1.3 buy 5@100 of 3 with 1.2 of 2 leaving 0\n"
            "canceled 1.3 buy 3@100 of 3 ioc_rest");
  EXPECT_EQ(market(limit(buy, 10, 100, 3, TimeInForce::ioc)),
            "accepted 2.3 buy 10@100 of 3\n"
            "executed 2.3 buy 10@99 of 3 with 1.1 of 1 leaving 0 dark");
}

TEST_F(Rules, AMinimumThatAnImmediateOrderCannotMeetCancelsIt) {
  market(limit(sell, 3, 100, 1));
  EXPECT_EQ(market(with(limit(buy, 10, 100, 2, TimeInForce::ioc),
                        [](auto& command) { command.minimum = 4; })),
            "accepted 1.2 buy 10@100 of 2\ncanceled 1.2 buy 10@100 of 2 minimum_unmet");
}

TEST_F(Rules, ADiscretionaryOrderTradesBeyondItsPriceWhenSomebodyReachesIt) {
  market(with(limit(buy, 5, 100, 1), [](auto& command) { command.discretion = 3; }));
  EXPECT_EQ(market(limit(sell, 2, 103, 2)),
            "accepted 1.2 sell 2@103 of 2\n"
            "executed 1.2 sell 2@103 of 2 with 1.1 of 1 leaving 3");
  EXPECT_EQ(market(limit(sell, 2, 104, 2)), "accepted 2.2 sell 2@104 of 2");
  EXPECT_EQ(market(with(limit(buy, 2, 101, 1), [](auto& command) { command.discretion = 3; })),
            "accepted 1.3 buy 2@101 of 1\n"
            "executed 1.3 buy 2@104 of 1 with 2.2 of 2 leaving 0");
}

// ---- market orders

TEST_F(Rules, AProtectedMarketOrderStopsAtItsProtection) {
  market(limit(sell, 5, 100, 1));
  market(limit(sell, 5, 103, 1));
  EXPECT_EQ(market(with(market_order(buy, 9, 2), [](auto& command) { command.trigger = 2; })),
            "accepted 1.3 buy 9@0 of 2\n"
            "executed 1.3 buy 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "canceled 1.3 buy 4@0 of 2 no_liquidity");
  EXPECT_EQ(market(with(market_order(sell, 9, 2), [](auto& command) { command.trigger = 2; })),
            "accepted 2.3 sell 9@0 of 2\ncanceled 2.3 sell 9@0 of 2 no_liquidity");
}

// ---- stops

TEST_F(Rules, AStopWaitsForATradeAtItsTriggerAndEntersByWork) {
  EXPECT_EQ(market(typed(OrderType::stop, buy, 4, 0, 105, 1)), "accepted 1.1 buy 4@0 of 1");
  market(limit(sell, 5, 105, 2));
  market(limit(sell, 5, 106, 2));
  EXPECT_EQ(market(limit(buy, 2, 105, 3)),
            "accepted 1.4 buy 2@105 of 3\n"
            "executed 1.4 buy 2@105 of 3 with 1.2 of 2 leaving 3\n"
            "triggered 1.1 buy 4@0 of 1 at 105\n"
            "executed 1.1 buy 3@105 of 1 with 1.2 of 2 leaving 0\n"
            "executed 1.1 buy 1@106 of 1 with 1.3 of 2 leaving 4");
}

TEST_F(Rules, AStopThatTheLastTradeSatisfiesIsTriggeredAtOnce) {
  trade_at(100);
  EXPECT_EQ(market(typed(OrderType::stop_limit, sell, 4, 99, 100, 1)),
            "accepted 2.2 sell 4@99 of 1\n"
            "triggered 2.2 sell 4@99 of 1 at 100\n"
            "rested 2.2 sell 4@99 of 1");
}

TEST_F(Rules, StopsAreElectedByTriggerThenEntryAndNeverRecurse) {
  trade_at(100);
  market(typed(OrderType::stop, sell, 1, 0, 97, 1));
  market(typed(OrderType::stop, sell, 1, 0, 98, 2));
  market(typed(OrderType::stop, sell, 1, 0, 98, 3));
  market(limit(buy, 1, 98, 4));
  market(limit(buy, 1, 97, 4));
  market(limit(buy, 5, 96, 4));
  EXPECT_EQ(market(limit(sell, 1, 98, 5)),
            "accepted 1.7 sell 1@98 of 5\n"
            "executed 1.7 sell 1@98 of 5 with 1.4 of 4 leaving 0\n"
            "triggered 2.1 sell 1@0 of 2 at 98\n"
            "triggered 1.3 sell 1@0 of 3 at 98\n"
            "executed 2.1 sell 1@97 of 2 with 1.5 of 4 leaving 0\n"
            "triggered 2.2 sell 1@0 of 1 at 97\n"
            "executed 1.3 sell 1@96 of 3 with 1.6 of 4 leaving 4\n"
            "executed 2.2 sell 1@96 of 1 with 1.6 of 4 leaving 3");
}

TEST_F(Rules, ATrailingStopFollowsTheTradesAndTurns) {
  EXPECT_EQ(market(typed(OrderType::trailing_stop, sell, 2, 0, 5, 1)),
            "refused no_reference 0.0 of 1");
  trade_at(100);
  EXPECT_EQ(market(typed(OrderType::trailing_stop, sell, 2, 0, 5, 1)),
            "accepted 2.2 sell 2@0 of 1");
  trade_at(110);
  trade_at(106);
  market(limit(buy, 9, 90, 3));
  market(limit(sell, 1, 105, 4));
  EXPECT_EQ(market(limit(buy, 1, 105, 5)).substr(0, 125),
            std::string("accepted 1.4 buy 1@105 of 5\n"
                        "executed 1.4 buy 1@105 of 5 with 3.3 of 4 leaving 0\n"
                        "triggered 2.2 sell 2@0 of 1 at 105\n"
                        "executed 2.2 sell 2@90 of 1 with")
                .substr(0, 125));
}

TEST_F(Rules, ACascadeOfStopsStopsAtTheBoundAndGoesOnWithTheNextCommand) {
  TestMarket large(500);
  large(limit(buy, 1000, 1, 9));
  for (int count = 0; count < 100; ++count) {
    large(typed(OrderType::stop, sell, 1, 0, 50, 1));
  }
  large(limit(buy, 1, 50, 9));
  large(limit(sell, 1, 50, 8));
  EXPECT_TRUE(large.market().has_work());
  EXPECT_EQ(large.market().open_orders(), 1U + 100U - 64U);
  large(plain(wire::CommandKind::tick));
  EXPECT_FALSE(large.market().has_work());
  EXPECT_EQ(large.market().open_orders(), 1U);
}

// ---- pegs

TEST_F(Rules, APegFollowsTheTouchAndTradesDark) {
  market(limit(buy, 5, 100, 1));
  market(limit(sell, 5, 110, 1));
  EXPECT_EQ(market(typed(OrderType::pegged_mid, buy, 3, 0, 0, 2)), "accepted 1.3 buy 3@0 of 2");
  EXPECT_EQ(market(limit(sell, 1, 105, 3)),
            "accepted 1.4 sell 1@105 of 3\n"
            "executed 1.4 sell 1@105 of 3 with 1.3 of 2 leaving 0 dark");
  market(limit(buy, 5, 104, 1));  // mid 107
  EXPECT_EQ(market(limit(sell, 1, 107, 3)),
            "accepted 1.5 sell 1@107 of 3\n"
            "executed 1.5 sell 1@107 of 3 with 1.3 of 2 leaving 0 dark");
  market(cancel(id(1, 2), 1));  // no offer: parked
  EXPECT_EQ(market(limit(sell, 1, 104, 3)),
            "accepted 2.2 sell 1@104 of 3\n"
            "executed 2.2 sell 1@104 of 3 with 2.4 of 1 leaving 4");
}

TEST_F(Rules, APegIsHeldByItsCap) {
  market(limit(buy, 5, 100, 1));
  market(typed(OrderType::pegged_primary, buy, 3, 97, 1, 2));
  EXPECT_EQ(market(limit(sell, 1, 97, 3)),
            "accepted 1.3 sell 1@97 of 3\n"
            "executed 1.3 sell 1@100 of 3 with 1.1 of 1 leaving 4");
  market(cancel(id(1, 1), 1));  // no bid: parked
  EXPECT_EQ(market(limit(sell, 1, 97, 3)), "accepted 2.1 sell 1@97 of 3");
}

// ---- links

TEST_F(Rules, OneCancelsTheOtherAlsoWhenItExecutesInPart) {
  market(limit(buy, 5, 95, 1));
  EXPECT_EQ(market(linked(limit(sell, 5, 105, 1), wire::Link::oco, id(1, 1))),
            "accepted 1.2 sell 5@105 of 1");
  EXPECT_EQ(market(limit(buy, 2, 105, 2)),
            "accepted 1.3 buy 2@105 of 2\n"
            "executed 1.3 buy 2@105 of 2 with 1.2 of 1 leaving 3\n"
            "canceled 1.1 buy 5@95 of 1 linked");
  EXPECT_EQ(market.resting(sell), "1.2 3@105");
}

TEST_F(Rules, ALinkedOrderMustBeOpenOwnAndFree) {
  market(limit(buy, 5, 95, 1));
  EXPECT_EQ(market(linked(limit(buy, 5, 94, 1), wire::Link::oco, id(7, 7))),
            "refused order_unknown 0.0 of 1");
  EXPECT_EQ(market(linked(limit(buy, 5, 94, 2), wire::Link::oco, id(1, 1))),
            "refused order_not_yours 0.0 of 2");
  market(linked(limit(buy, 5, 94, 1), wire::Link::oco, id(1, 1)));
  EXPECT_EQ(market(linked(limit(buy, 5, 94, 1), wire::Link::child, id(1, 1))),
            "refused link_invalid 0.0 of 1");
}

TEST_F(Rules, ABracketIsActivatedWithWhatItsParentExecuted) {
  market(limit(buy, 10, 100, 1));
  market(linked(limit(sell, 10, 110, 1), wire::Link::child, id(1, 1)));
  market(linked(typed(OrderType::stop, sell, 10, 0, 90, 1), wire::Link::child, id(1, 1)));
  market(limit(sell, 4, 100, 2));
  EXPECT_EQ(market(cancel(id(1, 1), 1)),
            "canceled 1.1 buy 6@100 of 1 user\n"
            "reduced 1.2 sell 6@110 of 1 leaving 4 linked\n"
            "activated 1.2 sell 4@110 of 1 by 1.1\n"
            "reduced 1.3 sell 6@0 of 1 leaving 4 linked\n"
            "activated 1.3 sell 4@0 of 1 by 1.1\n"
            "rested 1.2 sell 4@110 of 1");
  EXPECT_EQ(market(cancel(id(1, 2), 1)),
            "canceled 1.2 sell 4@110 of 1 user\ncanceled 1.3 sell 4@0 of 1 linked");
}

TEST_F(Rules, ChildrenOfAParentWithoutExecutionsAreCanceled) {
  market(limit(buy, 10, 100, 1));
  market(linked(limit(sell, 10, 110, 1), wire::Link::child, id(1, 1)));
  EXPECT_EQ(market(cancel(id(1, 1), 1)),
            "canceled 1.1 buy 10@100 of 1 user\ncanceled 1.2 sell 10@110 of 1 linked");
}

TEST_F(Rules, ExecutionsOfAReplacedParentCount) {
  market(limit(buy, 10, 100, 1));
  market(limit(sell, 4, 100, 2));
  market(replace(id(1, 1), 8, 99, 1));
  market(linked(limit(sell, 10, 110, 1), wire::Link::child, id(2, 1)));
  market(replace(id(2, 1), 8, 98, 1));
  EXPECT_EQ(market(cancel(id(3, 1), 1)),
            "canceled 3.1 buy 8@98 of 1 user\n"
            "reduced 2.2 sell 6@110 of 1 leaving 4 linked\n"
            "activated 2.2 sell 4@110 of 1 by 3.1\n"
            "rested 2.2 sell 4@110 of 1");
}

// ---- time

TEST_F(Rules, AnOrderGoodTillADateExpires) {
  market(
      with(limit(buy, 5, 100, 1, TimeInForce::gtd), [](auto& command) { command.expiry_s = 20; }));
  market(
      with(limit(buy, 5, 101, 1, TimeInForce::gtd), [](auto& command) { command.expiry_s = 10; }));
  market.pass_to(9);
  EXPECT_EQ(market(plain(wire::CommandKind::tick)), "ticked");
  market.pass_to(30);
  EXPECT_EQ(market(plain(wire::CommandKind::tick)),
            "canceled 1.2 buy 5@101 of 1 expired\ncanceled 1.1 buy 5@100 of 1 expired\nticked");
}

TEST_F(Rules, TimeDoesNotPassForACommandThatSaysNothing) {
  market(
      with(limit(buy, 5, 100, 1, TimeInForce::gtd), [](auto& command) { command.expiry_s = 20; }));
  market.pass_to(30);
  EXPECT_EQ(market(with(plain(wire::CommandKind::tick), [](auto& command) { command.price = 1; })),
            "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(cancel(id(1, 1), 1)),
            "canceled 1.1 buy 5@100 of 1 expired\nrefused order_unknown 1.1 of 1");
}

// ---- sweeps and risk

TEST_F(Rules, AMassCancelTakesWhatPassesItsFiltersInEntryOrder) {
  market(limit(buy, 5, 100, 1));
  market(limit(sell, 5, 110, 1));
  market(with(limit(buy, 5, 90, 1), [](auto& command) { command.group = 7; }));
  market(limit(buy, 5, 95, 2));
  wire::Command command = plain(wire::CommandKind::mass_cancel, 1);
  command.order_type = wire::filter::by_price;
  command.price = 80;
  command.trigger = 100;
  EXPECT_EQ(market(command),
            "mass_canceled of 1\n"
            "canceled 1.1 buy 5@100 of 1 mass_cancel\n"
            "canceled 1.3 buy 5@90 of 1 mass_cancel");
  EXPECT_EQ(market(plain(wire::CommandKind::mass_cancel, 1)),
            "mass_canceled of 1\ncanceled 1.2 sell 5@110 of 1 mass_cancel");
}

TEST_F(Rules, ALongMassCancelGoesOnWithTheNextCommandsAndSparesLaterOrders) {
  for (int count = 0; count < 100; ++count) {
    market(limit(buy, 1, 100, 1));
  }
  market(plain(wire::CommandKind::mass_cancel, 1));
  EXPECT_EQ(market.market().open_orders(), 36U);
  market(cancel(id(1, 65), 1));  // the very next one: the work before it takes it
  EXPECT_EQ(market.market().open_orders(), 0U);
}

TEST_F(Rules, AKilledAccountLosesItsOrdersAndIsRefused) {
  market(limit(buy, 5, 100, 1));
  EXPECT_EQ(market(plain(wire::CommandKind::kill, 1)),
            "killed 1\ncanceled 1.1 buy 5@100 of 1 killed");
  EXPECT_EQ(market(limit(buy, 5, 100, 1)), "refused account_killed 0.0 of 1");
  market(with(plain(wire::CommandKind::kill, 1), [](auto& command) { command.order_type = 1; }));
  EXPECT_EQ(market(limit(buy, 5, 100, 1)), "accepted 2.1 buy 5@100 of 1");
}

TEST_F(Rules, EveryLimitOfAnAccountHasItsRefusal) {
  using wire::AccountLimit;
  const auto refusal = [&](AccountLimit which, std::uint64_t value, const wire::Command& command,
                           std::uint32_t window = 0) {
    TestMarket one(10);
    one(limit(sell, 5, 100, 98));
    one(limit(buy, 5, 100, 99));
    one(account_limit(which, value, 1, window));
    one(limit(buy, 2, 100, 1));
    return one(command);
  };
  const wire::Command order = limit(buy, 4, 101, 1);
  EXPECT_EQ(refusal(AccountLimit::quantity, 3, order), "refused limit_quantity 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::notional, 403, order), "refused limit_notional 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::notional, 399, market_order(buy, 4, 1)),
            "refused limit_notional 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::collar, 1, limit(buy, 4, 102, 1)),
            "refused limit_collar 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::open_orders, 1, order), "refused limit_open_orders 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::position, 5, order), "refused limit_position 0.0 of 1");
  EXPECT_EQ(refusal(AccountLimit::message_rate, 1, order, 1000), "refused limit_messages 0.0 of 1");
  const std::string taken = "accepted 2.1 buy 4@101 of 1";
  EXPECT_EQ(refusal(AccountLimit::quantity, 4, order), taken);
  EXPECT_EQ(refusal(AccountLimit::notional, 404, order), taken);
  EXPECT_EQ(refusal(AccountLimit::collar, 1, order), taken);
  EXPECT_EQ(refusal(AccountLimit::open_orders, 2, order), taken);
  EXPECT_EQ(refusal(AccountLimit::position, 6, order), taken);
  EXPECT_EQ(refusal(AccountLimit::message_rate, 2, order, 1000), taken);
}

TEST_F(Rules, ARateIsCountedInWindows) {
  market(account_limit(wire::AccountLimit::execution_rate, 1, 1, 1000));
  market.pass_to(10);
  market(limit(sell, 1, 100, 2));
  market(limit(buy, 1, 100, 1));
  EXPECT_EQ(market(limit(buy, 1, 90, 1)), "refused limit_executions 0.0 of 1");
  market.pass_to(12);
  EXPECT_EQ(market(limit(buy, 1, 90, 1)), "accepted 2.2 buy 1@90 of 1");
}

// ---- states and auctions

TEST_F(Rules, AnAuctionUncrossesAtThePriceOfMostVolume) {
  market(set_state(wire::MarketState::opening_auction));
  EXPECT_EQ(market(limit(buy, 10, 105, 1)), "accepted 1.1 buy 10@105 of 1");
  EXPECT_EQ(market(limit(sell, 4, 100, 2)),
            "accepted 1.2 sell 4@100 of 2\nindicative 4@105 surplus 6 buy");
  EXPECT_EQ(market(limit(sell, 4, 103, 3)),
            "accepted 1.3 sell 4@103 of 3\nindicative 8@105 surplus 2 buy");
  EXPECT_EQ(market(with(limit(sell, 9, 106, 4, TimeInForce::at_open), [](auto&) {})),
            "accepted 1.4 sell 9@106 of 4");
  EXPECT_EQ(market(set_state(wire::MarketState::open)),
            "executed 1.1 buy 4@105 of 1 with 1.2 of 2 leaving 0 at uncross\n"
            "executed 1.1 buy 4@105 of 1 with 1.3 of 3 leaving 0 at uncross\n"
            "canceled 1.4 sell 9@106 of 4 auction_rest\n"
            "state_set 0");
  EXPECT_EQ(market.resting(buy), "1.1 2@105");
}

TEST_F(Rules, MarketOrdersOfAnAuctionComeFirstAndTheirRestIsCanceled) {
  trade_at(50);
  market(set_state(wire::MarketState::volatility_auction));
  market(limit(sell, 4, 60, 2));
  market(market_order(sell, 2, 3, TimeInForce::good_for_auction));
  EXPECT_EQ(market(market_order(buy, 9, 1, TimeInForce::good_for_auction)),
            "accepted 1.3 buy 9@0 of 1\nindicative 6@60 surplus 3 buy");
  EXPECT_EQ(market(set_state(wire::MarketState::open)),
            "executed 1.3 buy 2@60 of 1 with 2.1 of 3 leaving 0 at uncross\n"
            "executed 1.3 buy 4@60 of 1 with 2.2 of 2 leaving 0 at uncross\n"
            "canceled 1.3 buy 3@0 of 1 auction_rest\n"
            "state_set 0");
}

TEST_F(Rules, OrdersForALaterAuctionAreParkedUntilItBegins) {
  EXPECT_EQ(market(limit(buy, 5, 100, 1, TimeInForce::at_close)), "accepted 1.1 buy 5@100 of 1");
  EXPECT_EQ(market(limit(buy, 5, 101, 1, TimeInForce::good_for_auction)),
            "accepted 1.2 buy 5@101 of 1");
  EXPECT_EQ(market.resting(buy), "");
  EXPECT_EQ(market(set_state(wire::MarketState::closing_auction)),
            "state_set 5\nrested 1.1 buy 5@100 of 1\nrested 1.2 buy 5@101 of 1");
  EXPECT_EQ(market(limit(buy, 5, 100, 1, TimeInForce::at_open)), "refused not_in_phase 0.0 of 1");
}

TEST_F(Rules, TheDayEndCancelsTheOrdersOfTheDay) {
  market(limit(buy, 5, 100, 1));
  market(limit(buy, 5, 99, 1, TimeInForce::gtc));
  market(limit(buy, 5, 98, 2));
  EXPECT_EQ(market(set_state(wire::MarketState::closed)),
            "state_set 6\ncanceled 1.1 buy 5@100 of 1 day_end\ncanceled 1.3 buy 5@98 of 2 day_end");
  EXPECT_EQ(market.resting(buy), "1.2 5@99");
  EXPECT_EQ(market(limit(buy, 5, 98, 2)), "refused market_closed 0.0 of 2");
}

TEST_F(Rules, TheClosingAuctionCancelsWhatItLeavesOfOrdersForTheClose) {
  market(set_state(wire::MarketState::closing_auction));
  market(limit(sell, 5, 100, 1));
  market(limit(buy, 8, 100, 2));
  market(limit(buy, 1, 90, 3, TimeInForce::at_close));
  EXPECT_EQ(market(set_state(wire::MarketState::closed)),
            "executed 1.2 buy 5@100 of 2 with 1.1 of 1 leaving 0 at uncross\n"
            "canceled 1.3 buy 1@90 of 3 auction_rest\n"
            "state_set 6\n"
            "canceled 1.2 buy 3@100 of 2 day_end");
}

TEST_F(Rules, AnUncrossHasOnePriceUnlessCutsLeaveVolume) {
  market(set_state(wire::MarketState::opening_auction));
  market(limit(buy, 5, 100, 1));
  market(market_order(buy, 10, 2, TimeInForce::at_open));
  market(limit(sell, 4, 99, 3));
  EXPECT_EQ(market(limit(sell, 4, 105, 3)), "accepted 1.4 sell 4@105 of 3");
  EXPECT_EQ(market(set_state(wire::MarketState::open)),
            "executed 1.2 buy 4@100 of 2 with 1.3 of 3 leaving 0 at uncross\n"
            "canceled 1.2 buy 6@0 of 2 auction_rest\n"
            "state_set 0");
}

// ---- breakers

TEST_F(Rules, AnInterruptCallsAnAuctionInsteadOfAFarTrade) {
  trade_at(100);
  market(breaker(wire::BreakerMode::interrupt, 0, 5));
  market(limit(sell, 5, 105, 1));
  market(limit(sell, 5, 106, 1));
  EXPECT_EQ(market(limit(buy, 8, 110, 2)),
            "accepted 1.3 buy 8@110 of 2\n"
            "executed 1.3 buy 5@105 of 2 with 2.2 of 1 leaving 0\n"
            "state_set 4\n"
            "indicative 3@106 surplus 2 sell");
}

TEST_F(Rules, AnInterruptedOrderRestsAndTheMarketBecomesAnAuction) {
  trade_at(100);
  market(breaker(wire::BreakerMode::interrupt, 0, 5));
  market(limit(sell, 5, 106, 1));
  EXPECT_EQ(market(limit(buy, 8, 110, 2)),
            "accepted 2.1 buy 8@110 of 2\nstate_set 4\nindicative 5@110 surplus 3 buy");
  EXPECT_EQ(market(market_order(buy, 8, 2)), "refused not_in_phase 0.0 of 2");
}

TEST_F(Rules, ALimitStateHoldsOrdersAtItsEdge) {
  market(breaker(wire::BreakerMode::limit_state, 100, 5, 10));
  market.pass_to(1);
  EXPECT_EQ(market(limit(buy, 8, 110, 2)),
            "accepted 1.1 buy 8@110 of 2\nrepriced 1.1 buy 8@105 of 2 from 110\n"
            "limit_state begins buy 105");
  market.pass_to(12);
  EXPECT_EQ(market(plain(wire::CommandKind::tick)),
            "state_set 4\nticked\nlimit_state ends buy 105");
}

// ---- busts

TEST_F(Rules, ATradeIsBustedOnceAndCorrectedToLess) {
  trade_at(100);
  wire::Command command = plain(wire::CommandKind::correct);
  command.order_id = market.sequence();
  command.quantity = 1;
  command.price = 99;
  command.display = 3;
  EXPECT_EQ(market(command), "corrected 3/1 from 5 to 3@99 of 99 from 98");
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::bust);
  command.price = 0;
  command.display = 0;
  EXPECT_EQ(market(command), "busted 3/1 3@99 of 99 from 98");
  EXPECT_EQ(market(command), "refused trade_unknown 0.0 of 0");
  // Positions are back: nothing to reduce.
  EXPECT_EQ(market(having(limit(sell, 1, 100, 99), attribute::reduce_only)),
            "refused reduce_only 0.0 of 99");
}

}  // namespace
}  // namespace meridian::engine
