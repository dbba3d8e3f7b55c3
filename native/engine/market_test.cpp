// One scenario for each rule of README.md.
#include "engine/market.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

using wire::TimeInForce;

// ---- what every command is checked for

TEST(Market, RefusesEverythingBeforeTheFirstConfigure) {
  TestMarket market;
  EXPECT_EQ(market(limit(buy, 1, 100, 7)), "refused not_configured 0.0 of 7");
  EXPECT_EQ(market(cancel(id(1, 1), 7)), "refused not_configured 1.1 of 7");
  EXPECT_EQ(market(reduce(id(1, 1), 1, 7)), "refused not_configured 1.1 of 7");
  EXPECT_EQ(market(replace(id(1, 1), 1, 1, 7)), "refused not_configured 1.1 of 7");
  EXPECT_EQ(market(set_state(wire::MarketState::open)), "refused not_configured 0.0 of 0");
  EXPECT_EQ(market(configure(1, 10, 10, 10)), "configured 1..10");
}

TEST(Market, RefusesUnknownEnumerations) {
  TestMarket market(10);
  for (const int kind : {0, 16, 255}) {
    wire::Command command = limit(buy, 1, 100, 7);
    command.kind = static_cast<std::uint8_t>(kind);
    EXPECT_EQ(market(command), "refused command_invalid 0.0 of 7");
  }
  wire::Command command = limit(buy, 1, 100, 7);
  command.side = 2;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 7");
  command = limit(buy, 1, 100, 7);
  command.order_type = 8;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 7");
  command = limit(buy, 1, 100, 7);
  command.time_in_force = 8;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 7");
  command = set_state(wire::MarketState::open);
  command.order_type = 7;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 0");
  command = configure(1, 1000, 10, 10);
  command.order_type = 3;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 0");
}

// Sets each field of a good command to 1 in turn. Returns the fields, in the order of the struct,
// whose value makes the command invalid.
std::string fields_refused(const wire::Command& good) {
  const auto is_refused = [&](auto set) {
    TestMarket market(10);
    market.run(limit(buy, 5, 100, 1));
    wire::Command command = good;
    set(command);
    const wire::Event& first = market.run(command).front();
    return first.kind == static_cast<std::uint8_t>(wire::EventKind::refused) &&
           first.code == static_cast<std::uint8_t>(wire::Refusal::command_invalid);
  };
  std::string names;
  const auto note = [&](const char* name, bool refused) {
    if (refused) {
      names.append(names.empty() ? "" : " ").append(name);
    }
  };
  note("side", is_refused([](wire::Command& command) { command.side = 1; }));
  note("order_type", is_refused([](wire::Command& command) { command.order_type = 1; }));
  note("time_in_force", is_refused([](wire::Command& command) { command.time_in_force = 1; }));
  note("tag", is_refused([](wire::Command& command) { command.tag = 1; }));
  note("order_id", is_refused([](wire::Command& command) { command.order_id = 1; }));
  note("price", is_refused([](wire::Command& command) { command.price = 1; }));
  note("trigger", is_refused([](wire::Command& command) { command.trigger = 1; }));
  note("quantity", is_refused([](wire::Command& command) { command.quantity = 1; }));
  note("account", is_refused([](wire::Command& command) { command.account = 1; }));
  note("discretion", is_refused([](wire::Command& command) { command.discretion = 1; }));
  return names;
}

TEST(Market, RefusesValuesInFieldsThatTheCommandDoesNotUse) {
  EXPECT_EQ(fields_refused(limit(buy, 1, 100, 1)), "order_type order_id trigger");
  EXPECT_EQ(fields_refused(market_order(buy, 1, 1)), "order_id price discretion");
  EXPECT_EQ(fields_refused(cancel(id(1, 1), 1)),
            "side order_type time_in_force price trigger quantity discretion");
  EXPECT_EQ(fields_refused(reduce(id(1, 1), 2, 1)),
            "side order_type time_in_force price trigger discretion");
  EXPECT_EQ(fields_refused(replace(id(1, 1), 2, 3, 1)),
            "side order_type time_in_force trigger discretion");
  EXPECT_EQ(fields_refused(configure(1, 1, 1, 10)), "side time_in_force discretion");
  EXPECT_EQ(fields_refused(set_state(wire::MarketState::halted)),
            "side time_in_force order_id price trigger quantity discretion");
}

TEST(Market, EchoesTheTagInEveryEvent) {
  TestMarket market(10);
  market.run(limit(buy, 5, 100, 1));
  wire::Command command = limit(sell, 5, 100, 2);
  command.tag = 0xDEADBEEF;
  EXPECT_EQ(market.run(command).size(), 3U);  // run() compares the tags
}

TEST(Market, NamesNoOrderInARefusalThatIsTooLargeForJavaScript) {
  TestMarket market(10);
  EXPECT_EQ(market(cancel((std::uint64_t{1} << 53) - 1, 1)),
            "refused order_unknown 536870911.16777215 of 1");
  EXPECT_EQ(market(cancel(std::uint64_t{1} << 53, 1)), "refused order_unknown 0.0 of 1");
  EXPECT_EQ(market(cancel(~std::uint64_t{0}, 1)), "refused order_unknown 0.0 of 1");
}

// ---- place: checks

TEST(Place, ChecksAccountStateQuantityAndPriceInThisOrder) {
  TestMarket market(10);
  market(configure(50, 150, 100, 10));
  market(set_state(wire::MarketState::halted));
  EXPECT_EQ(market(limit(buy, 0, 0, 0)), "refused account_invalid 0.0 of 0");
  EXPECT_EQ(market(limit(buy, 0, 0, 1)), "refused market_halted 0.0 of 1");
  market(set_state(wire::MarketState::open));
  EXPECT_EQ(market(limit(buy, 0, 0, 1)), "refused not_positive 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 101, 0, 1)), "refused quantity_too_large 0.0 of 1");
  EXPECT_EQ(market(limit(buy, ~0U, 0, 1)), "refused quantity_too_large 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, 0, 1)), "refused price_not_positive 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, -5, 1)), "refused price_not_positive 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, 49, 1)), "refused price_out_of_band 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, 151, 1)), "refused price_out_of_band 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, 0x7FFFFFFF, 1)), "refused price_out_of_band 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 100, 50, 1)), "accepted 1.1 buy 100@50 of 1");
  EXPECT_EQ(market(limit(sell, 100, 150, 1)), "accepted 1.2 sell 100@150 of 1");
}

TEST(Place, RefusesAMarketOrderWithAPriceWhateverItsQuantity) {
  TestMarket market(10);
  wire::Command command = market_order(buy, 0, 1);
  EXPECT_EQ(market(command), "refused not_positive 0.0 of 1");
  command.price = 5;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 1");
  command.quantity = 1;
  EXPECT_EQ(market(command), "refused command_invalid 0.0 of 1");
}

// ---- place: matching

TEST(Place, RestsWhatCannotTrade) {
  TestMarket market(10);
  EXPECT_EQ(market(limit(buy, 10, 100, 1)), "accepted 1.1 buy 10@100 of 1");
  EXPECT_EQ(market.touch(), "touch 10@100 0@0");
  EXPECT_EQ(market(limit(sell, 4, 101, 2)), "accepted 1.2 sell 4@101 of 2");
  EXPECT_EQ(market.touch(), "touch 10@100 4@101");
  EXPECT_EQ(market.resting(buy), "1.1 10@100");
  EXPECT_EQ(market.resting(sell), "1.2 4@101");
  EXPECT_EQ(market.market().open_orders(), 2U);
}

TEST(Place, TradesInPriceThenTimeOrderAtTheMakersPrice) {
  TestMarket market(10);
  market(limit(sell, 5, 103, 1));
  market(limit(sell, 5, 101, 2));
  market(limit(sell, 5, 102, 3));
  market(limit(sell, 5, 101, 4));
  EXPECT_EQ(market(limit(buy, 12, 102, 9)),
            "accepted 1.5 buy 12@102 of 9\n"
            "executed 1.5 buy 5@101 of 9 with 1.2 of 2 leaving 0\n"
            "executed 1.5 buy 5@101 of 9 with 1.4 of 4 leaving 0\n"
            "executed 1.5 buy 2@102 of 9 with 1.3 of 3 leaving 3");
  EXPECT_EQ(market.touch(), "touch 0@0 3@102");
  EXPECT_EQ(market.resting(sell), "1.3 3@102, 1.1 5@103");
}

TEST(Place, RestsTheRestOfACrossingDayOrder) {
  TestMarket market(10);
  market(limit(buy, 5, 100, 1));
  market(limit(buy, 5, 99, 1));
  market(limit(buy, 5, 98, 1));
  EXPECT_EQ(market(limit(sell, 12, 99, 2)),
            "accepted 1.4 sell 12@99 of 2\n"
            "executed 1.4 sell 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "executed 1.4 sell 5@99 of 2 with 1.2 of 1 leaving 0");
  EXPECT_EQ(market.touch(), "touch 5@98 2@99");
  EXPECT_EQ(market.resting(sell), "1.4 2@99");
}

TEST(Place, KeepsTimePriorityOfAPartlyFilledMaker) {
  TestMarket market(10);
  market(limit(buy, 5, 100, 1));
  market(limit(buy, 5, 100, 2));
  market(limit(sell, 3, 100, 3));
  EXPECT_EQ(market(limit(sell, 3, 100, 3)),
            "accepted 2.3 sell 3@100 of 3\n"
            "executed 2.3 sell 2@100 of 3 with 1.1 of 1 leaving 0\n"
            "executed 2.3 sell 1@100 of 3 with 1.2 of 2 leaving 4");
}

TEST(Place, CancelsTheRestOfAnImmediateOrCancelOrder) {
  TestMarket market(10);
  market(limit(sell, 5, 100, 1));
  EXPECT_EQ(market(limit(buy, 8, 100, 2, TimeInForce::ioc)),
            "accepted 1.2 buy 8@100 of 2\n"
            "executed 1.2 buy 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "canceled 1.2 buy 3@100 of 2 ioc_rest");
  EXPECT_EQ(market.market().open_orders(), 0U);
  market(limit(sell, 5, 100, 1));
  EXPECT_EQ(market(limit(buy, 5, 100, 2, TimeInForce::ioc)),
            "accepted 2.1 buy 5@100 of 2\n"
            "executed 2.1 buy 5@100 of 2 with 2.2 of 1 leaving 0");
}

TEST(Place, FillsAFillOrKillOrderAtOnceOrNotAtAll) {
  TestMarket market(10);
  market(limit(sell, 5, 100, 1));
  market(limit(sell, 5, 102, 1));
  EXPECT_EQ(market(limit(buy, 10, 101, 2, TimeInForce::fok)),
            "accepted 1.3 buy 10@101 of 2\n"
            "canceled 1.3 buy 10@101 of 2 fok_unfilled");
  EXPECT_EQ(market.touch(), "");
  EXPECT_EQ(market(limit(buy, 11, 102, 2, TimeInForce::fok)),
            "accepted 2.3 buy 11@102 of 2\n"
            "canceled 2.3 buy 11@102 of 2 fok_unfilled");
  EXPECT_EQ(market(limit(buy, 10, 102, 2, TimeInForce::fok)),
            "accepted 3.3 buy 10@102 of 2\n"
            "executed 3.3 buy 5@100 of 2 with 1.1 of 1 leaving 0\n"
            "executed 3.3 buy 5@102 of 2 with 1.2 of 1 leaving 0");
}

TEST(Place, TradesAMarketOrderAtAnyPriceAndCancelsTheRest) {
  TestMarket market;
  market(configure(1, 0x7FFFFFFE, 1000, 10));
  market(limit(sell, 5, 0x7FFFFFFE, 1));
  EXPECT_EQ(market(market_order(buy, 8, 2)),
            "accepted 1.2 buy 8@0 of 2\n"
            "executed 1.2 buy 5@2147483646 of 2 with 1.1 of 1 leaving 0\n"
            "canceled 1.2 buy 3@0 of 2 no_liquidity");
  market(limit(buy, 5, 1, 1));
  EXPECT_EQ(market(market_order(sell, 5, 2, TimeInForce::ioc)),
            "accepted 2.1 sell 5@0 of 2\n"
            "executed 2.1 sell 5@1 of 2 with 2.2 of 1 leaving 0");
  EXPECT_EQ(market(market_order(sell, 5, 2)),
            "accepted 3.1 sell 5@0 of 2\n"
            "canceled 3.1 sell 5@0 of 2 no_liquidity");
}

TEST(Place, TreatsAFillOrKillMarketOrderAsFillOrKill) {
  TestMarket market(10);
  market(limit(sell, 5, 100, 1));
  EXPECT_EQ(market(market_order(buy, 6, 2, TimeInForce::fok)),
            "accepted 1.2 buy 6@0 of 2\n"
            "canceled 1.2 buy 6@0 of 2 fok_unfilled");
  EXPECT_EQ(market(market_order(buy, 5, 2, TimeInForce::fok)),
            "accepted 2.2 buy 5@0 of 2\n"
            "executed 2.2 buy 5@100 of 2 with 1.1 of 1 leaving 0");
}

// ---- cancel, reduce, replace

TEST(Cancel, TakesTheOrderOutOfTheBook) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  market(limit(buy, 7, 100, 2));
  EXPECT_EQ(market(cancel(id(1, 1), 1)), "canceled 1.1 buy 10@100 of 1 user");
  EXPECT_EQ(market.touch(), "touch 7@100 0@0");
  EXPECT_EQ(market(cancel(id(1, 1), 1)), "refused order_unknown 1.1 of 1");
  EXPECT_EQ(market.resting(buy), "1.2 7@100");
}

TEST(Cancel, ChecksAccountOrderAndOwnerInThisOrder) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(cancel(id(9, 9), 0)), "refused account_invalid 9.9 of 0");
  EXPECT_EQ(market(cancel(id(1, 2), 2)), "refused order_unknown 1.2 of 2");
  EXPECT_EQ(market(cancel(id(2, 1), 2)), "refused order_unknown 2.1 of 2");
  EXPECT_EQ(market(cancel(0, 2)), "refused order_unknown 0.0 of 2");
  EXPECT_EQ(market(cancel(id(1, 1), 2)), "refused order_not_yours 1.1 of 2");
  EXPECT_EQ(market.resting(buy), "1.1 10@100");
}

TEST(Cancel, WorksWhileHaltedAndFromEveryPlaceInALevel) {
  TestMarket market(10);
  for (int order = 0; order < 5; ++order) {
    market(limit(sell, 10, 100, 1));
  }
  market(set_state(wire::MarketState::halted));
  EXPECT_EQ(market(cancel(id(1, 3), 1)), "canceled 1.3 sell 10@100 of 1 user");
  EXPECT_EQ(market(cancel(id(1, 1), 1)), "canceled 1.1 sell 10@100 of 1 user");
  EXPECT_EQ(market(cancel(id(1, 5), 1)), "canceled 1.5 sell 10@100 of 1 user");
  EXPECT_EQ(market.resting(sell), "1.2 10@100, 1.4 10@100");
}

TEST(Reduce, KeepsPriority) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  market(limit(buy, 10, 100, 2));
  EXPECT_EQ(market(reduce(id(1, 1), 4, 1)), "reduced 1.1 buy 4@100 of 1 leaving 6");
  EXPECT_EQ(market.touch(), "touch 16@100 0@0");
  EXPECT_EQ(market.resting(buy), "1.1 6@100, 1.2 10@100");
}

TEST(Reduce, CancelsWhenNothingWouldRemain) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(reduce(id(1, 1), 10, 1)), "canceled 1.1 buy 10@100 of 1 reduced_to_zero");
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(reduce(id(2, 1), ~0U, 1)), "canceled 2.1 buy 10@100 of 1 reduced_to_zero");
  EXPECT_EQ(market.market().open_orders(), 0U);
}

TEST(Reduce, ChecksTheOrderBeforeTheQuantity) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(reduce(id(1, 2), 0, 1)), "refused order_unknown 1.2 of 1");
  EXPECT_EQ(market(reduce(id(1, 1), 0, 2)), "refused order_not_yours 1.1 of 2");
  EXPECT_EQ(market(reduce(id(1, 1), 0, 1)), "refused not_positive 1.1 of 1");
  market(set_state(wire::MarketState::halted));
  EXPECT_EQ(market(reduce(id(1, 1), 1, 1)), "reduced 1.1 buy 1@100 of 1 leaving 9");
}

TEST(Replace, LosesPriorityAndTakesANewId) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  market(limit(buy, 10, 100, 2));
  EXPECT_EQ(market(replace(id(1, 1), 10, 100, 1)),
            "replaced 1.1 with 10 open by 2.1 buy 10@100 of 1");
  EXPECT_EQ(market.touch(), "");
  EXPECT_EQ(market.resting(buy), "1.2 10@100, 2.1 10@100");
  EXPECT_EQ(market(cancel(id(1, 1), 1)), "refused order_unknown 1.1 of 1");
}

TEST(Replace, TradesWhenTheNewPriceCrosses) {
  TestMarket market(10);
  market(limit(buy, 10, 99, 1));
  market(limit(sell, 4, 101, 2));
  EXPECT_EQ(market(replace(id(1, 1), 6, 101, 1)),
            "replaced 1.1 with 10 open by 2.1 buy 6@101 of 1\n"
            "executed 2.1 buy 4@101 of 1 with 1.2 of 2 leaving 0");
  EXPECT_EQ(market.touch(), "touch 2@101 0@0");
}

TEST(Replace, ChecksAsPlaceThenAsCancel) {
  TestMarket market(10);
  market(configure(50, 150, 100, 10));
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(replace(id(9, 9), 0, 0, 0)), "refused account_invalid 9.9 of 0");
  EXPECT_EQ(market(replace(id(9, 9), 0, 0, 2)), "refused not_positive 9.9 of 2");
  EXPECT_EQ(market(replace(id(9, 9), 101, 0, 2)), "refused quantity_too_large 9.9 of 2");
  EXPECT_EQ(market(replace(id(9, 9), 1, 0, 2)), "refused order_unknown 9.9 of 2");
  EXPECT_EQ(market(replace(id(1, 1), 1, 0, 2)), "refused order_not_yours 1.1 of 2");
  EXPECT_EQ(market(replace(id(1, 1), 1, 0, 1)), "refused price_not_positive 1.1 of 1");
  EXPECT_EQ(market(replace(id(1, 1), 1, 151, 1)), "refused price_out_of_band 1.1 of 1");
  market(set_state(wire::MarketState::halted));
  EXPECT_EQ(market(replace(id(9, 9), 0, 0, 2)), "refused market_halted 9.9 of 2");
  EXPECT_EQ(market.resting(buy), "1.1 10@100");
}

// ---- configure and set_state

TEST(Configure, RefusesLimitsOutOfRange) {
  TestMarket market;
  EXPECT_EQ(market(configure(0, 10, 10, 10)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(11, 10, 10, 10)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(1, 0x7FFFFFFF, 10, 10)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(1, 10, 0, 10)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(1, 10, 0x80000000, 10)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(1, 10, 10, 0)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(1, 10, 10, (1U << 24) - 1)), "refused command_invalid 0.0 of 0");
  EXPECT_EQ(market(configure(0x7FFFFFFE, 0x7FFFFFFE, 0x7FFFFFFF, (1U << 24) - 2)),
            "configured 2147483646..2147483646");
}

TEST(Configure, KeepsTheFirstCapacityAndTheRestingOrders) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market(configure(200, 300, 5, 11)), "refused capacity_fixed 0.0 of 0");
  EXPECT_EQ(market(configure(200, 300, 5, 10)), "configured 200..300");
  EXPECT_EQ(market.resting(buy), "1.1 10@100");
  EXPECT_EQ(market(limit(buy, 1, 100, 1)), "refused price_out_of_band 0.0 of 1");
  EXPECT_EQ(market(limit(sell, 5, 200, 2)), "accepted 1.2 sell 5@200 of 2");
  EXPECT_EQ(market(market_order(sell, 5, 2)),
            "accepted 1.3 sell 5@0 of 2\n"
            "executed 1.3 sell 5@100 of 2 with 1.1 of 1 leaving 5");
}

TEST(SetState, HaltsAndOpensAndIsNotChangedByConfigure) {
  TestMarket market(10);
  EXPECT_EQ(market(set_state(wire::MarketState::halted)), "state_set 1");
  market(configure(1, 1000, 10, 10));
  EXPECT_EQ(market(limit(buy, 1, 100, 1)), "refused market_halted 0.0 of 1");
  EXPECT_EQ(market(set_state(wire::MarketState::open)), "state_set 0");
  EXPECT_EQ(market(limit(buy, 1, 100, 1)), "accepted 1.1 buy 1@100 of 1");
}

// ---- touch

TEST(Touch, FollowsOnlyWhenTheBestPricesOrTheirLotsChange) {
  TestMarket market(10);
  market(limit(buy, 10, 100, 1));
  EXPECT_EQ(market.touch(), "touch 10@100 0@0");
  market(limit(buy, 10, 99, 1));
  EXPECT_EQ(market.touch(), "");
  market(limit(buy, 5, 100, 1));
  EXPECT_EQ(market.touch(), "touch 15@100 0@0");
  market(cancel(id(1, 1), 1));
  EXPECT_EQ(market.touch(), "touch 5@100 0@0");
  market(cancel(id(1, 3), 1));
  EXPECT_EQ(market.touch(), "touch 10@99 0@0");
  market(cancel(id(1, 2), 1));
  EXPECT_EQ(market.touch(), "touch 0@0 0@0");
}

TEST(Touch, SumsLotsBeyondThirtyTwoBits) {
  TestMarket market;
  market(configure(1, 10, 0x7FFFFFFF, 10));
  for (int order = 0; order < 4; ++order) {
    market(limit(buy, 0x7FFFFFFF, 5, 1));
  }
  EXPECT_EQ(market.touch(), "touch 8589934588@5 0@0");
  EXPECT_EQ(market(limit(sell, 0x7FFFFFFF, 5, 2, TimeInForce::fok)),
            "accepted 1.5 sell 2147483647@5 of 2\n"
            "executed 1.5 sell 2147483647@5 of 2 with 1.1 of 1 leaving 0");
}

// ---- when an event is told

// Sees how many orders were open when each command's last event was told.
struct Telling {
  explicit Telling(const Market& watched) : market(watched) {}
  wire::Event& next() noexcept { return events[count++ % 8]; }
  void finish() noexcept { open_orders = market.open_orders(); }
  const Market& market;
  wire::Event events[8]{};
  std::size_t count = 0;
  std::uint32_t open_orders = 0;
};

TEST(Cancel, IsToldBeforeItIsDoneUnlessTheTouchFollows) {
  const LazyMemory memory(Market::arena_bytes());
  Market market(memory.bytes());
  Telling sink(market);
  std::uint64_t sequence = 0;
  const auto apply = [&](const wire::Command& command) {
    ++sequence;
    market.apply(command, sequence, sequence, sink);
    ASSERT_TRUE(market.verify());
  };
  apply(configure(1, 1000, 100, 100));
  apply(limit(buy, 10, 100, 1));
  apply(limit(buy, 10, 99, 1));
  apply(limit(buy, 10, 98, 1));
  apply(cancel(id(1, 2), 1));
  EXPECT_EQ(sink.open_orders, 3U) << "told first";
  EXPECT_EQ(market.open_orders(), 2U) << "and done when the call returns";
  apply(cancel(id(1, 1), 1));
  EXPECT_EQ(sink.open_orders, 1U) << "the touch is told as it is afterwards";
  EXPECT_EQ(market.open_orders(), 1U);
}

}  // namespace
}  // namespace meridian::engine
