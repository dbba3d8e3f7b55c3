#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "order_entry/support/gateway_market.hpp"

namespace meridian::order_entry {
namespace {

namespace inbound = protocols::ouch::inbound;
namespace outbound = protocols::ouch::outbound;
using protocols::Options;
using protocols::Text;

inbound::CancelOrder cancel_of(std::uint32_t user_ref, std::uint32_t quantity = 0) {
  return {.user_ref = user_ref, .quantity = quantity};
}

inbound::ReplaceOrder replace_of(std::uint32_t original, std::uint32_t user_ref,
                                 std::uint32_t quantity, std::uint64_t price) {
  return {.original_user_ref = original,
          .user_ref = user_ref,
          .quantity = quantity,
          .price = price,
          .time_in_force = '0',
          .display = 'Y',
          .intermarket_sweep = 'N',
          .client_order_id = Text<14>::of("next")};
}

class Ouch : public testing::Test {
 protected:
  GatewayMarket market{{member_of("alice", 1, 1, true), member_of("bob", 2)}};
};

TEST_F(Ouch, A5_1_an_order_is_accepted_executed_and_canceled) {
  EXPECT_EQ(market.say(0, order_of(1, 'S', 100, 10'000)), "A1:100");
  const auto accepted = market.last_as<outbound::OrderAccepted>();
  EXPECT_EQ(accepted.price, 10'000U);
  EXPECT_EQ(accepted.order_reference, (1U << 24U) + 1U);
  EXPECT_EQ(accepted.state, 'L');
  EXPECT_EQ(accepted.client_order_id.trimmed(), "mine");
  EXPECT_EQ(accepted.timestamp, market.now_ns % 86'400'000'000'000U);
  EXPECT_EQ(market.say(1, order_of(1, 'B', 40, 10'100)), "A1:40 E1:40R");
  EXPECT_EQ(market.last_as<outbound::OrderExecuted>().price, 10'000U);
  EXPECT_EQ(market.heard(0), "E1:40A");
  EXPECT_EQ(market.say(0, cancel_of(1, 70)), "C1:30U");
  EXPECT_EQ(market.say(0, cancel_of(1, 90)), "");
  EXPECT_EQ(market.say(0, cancel_of(1)), "C1:30U");
  EXPECT_EQ(market.say(0, cancel_of(1)), "I1");
  EXPECT_EQ(market.gateway.open_orders(), 0U);
}

TEST_F(Ouch, A5_1_a_reference_that_does_not_rise_is_ignored) {
  EXPECT_EQ(market.say(0, order_of(5, 'S', 100, 10'000)), "A5:100");
  EXPECT_EQ(market.say(0, order_of(5, 'S', 100, 10'000)), "");
  EXPECT_EQ(market.say(0, order_of(4, 'S', 100, 10'000)), "");
  EXPECT_EQ(market.gateway.counts().repeated_refs, 2U);
  // Another session has numbers of its own.
  EXPECT_EQ(market.say(1, order_of(4, 'S', 100, 10'000)), "A4:100");
  EXPECT_EQ(market.say(0, inbound::AccountQuery{}), "Q");
  EXPECT_EQ(market.last_as<outbound::AccountQueryResponse>().next_user_ref, 6U);
  // A rejected one is used up as well.
  EXPECT_EQ(market.say(0, order_of(6, 'X', 100, 10'000)), "J6/9");
  EXPECT_EQ(market.say(0, order_of(6, 'S', 100, 10'000)), "");
}

TEST_F(Ouch, A5_1_a_replaced_order_keeps_what_was_executed) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.say(1, order_of(1, 'B', 30, 10'000));
  EXPECT_EQ(market.heard(0), "E1:30A");
  EXPECT_EQ(market.say(0, replace_of(1, 2, 80, 10'200)), "U2:50");
  EXPECT_EQ(market.last_as<outbound::OrderReplaced>().original_user_ref, 1U);
  EXPECT_EQ(market.say(0, cancel_of(1)), "I1");
  EXPECT_EQ(market.say(0, replace_of(2, 3, 30, 10'200)), "J3/19");
  EXPECT_EQ(market.say(0, replace_of(1, 4, 80, 10'200)), "J4/21");
  inbound::ReplaceOrder hides = replace_of(2, 5, 80, 10'200);
  hides.display = 'N';
  EXPECT_EQ(market.say(0, hides), "J5/21");
  EXPECT_EQ(market.say(1, order_of(2, 'B', 80, 10'200)), "A2:80 E2:50R");
  EXPECT_EQ(market.heard(0), "E2:50A");
}

TEST_F(Ouch, A5_1_what_is_about_an_order_without_an_answer_waits_for_it) {
  EXPECT_EQ(market.give(0, order_of(1, 'S', 100, 10'000)), Taken::done);
  EXPECT_EQ(market.give(0, cancel_of(1)), Taken::wait);
  EXPECT_EQ(market.give(0, replace_of(1, 2, 80, 10'200)), Taken::wait);
  market.work();
  EXPECT_EQ(market.give(0, replace_of(1, 2, 80, 10'200)), Taken::done);
  EXPECT_EQ(market.give(0, replace_of(2, 3, 80, 10'200)), Taken::wait);
  market.work();
  EXPECT_EQ(market.heard(0), "A1:100 U2:80");
}

TEST_F(Ouch, A5_1_every_kind_of_order_that_ouch_can_say_becomes_the_engines) {
  inbound::EnterOrder iceberg = order_of(1, 'S', 100, 10'000);
  iceberg.options.max_floor = 10;
  iceberg.options.mark(Options::max_floor_tag);
  EXPECT_EQ(market.say(0, iceberg), "A1:100");
  EXPECT_EQ(market.say(1, order_of(1, 'B', 10, 10'000)), "A1:10 E1:10R");
  EXPECT_EQ(market.heard(0), "E1:10A R1");
  EXPECT_EQ(market.last_as<outbound::OrderRestated>().options.display_quantity, 10U);

  inbound::EnterOrder hidden = order_of(2, 'S', 100, 9'900);
  hidden.display = 'N';
  EXPECT_EQ(market.say(0, hidden), "A2:100");
  EXPECT_EQ(market.say(1, order_of(2, 'B', 10, 9'900)), "A2:10 E2:10R");
  EXPECT_EQ(market.heard(0), "E2:10J");

  inbound::EnterOrder post_only = order_of(3, 'B', 100, 10'000);
  post_only.display = 'P';
  EXPECT_EQ(market.say(0, post_only), "J3/18");

  inbound::EnterOrder immediate = order_of(3, 'B', 20, 9'000);
  immediate.time_in_force = '3';
  EXPECT_EQ(market.say(1, immediate), "A3:20 C3:20I");

  inbound::EnterOrder unmet = order_of(4, 'B', 500, 10'000);
  unmet.time_in_force = '3';
  unmet.options.minimum_quantity = 400;
  unmet.options.mark(Options::minimum_quantity_tag);
  EXPECT_EQ(market.say(1, unmet), "A4:500 C4:500I");

  inbound::EnterOrder at_market = order_of(5, 'B', 5, market_price);
  at_market.time_in_force = '3';
  EXPECT_EQ(market.say(1, at_market), "A5:5 E5:5R");
  market.heard(0);

  inbound::EnterOrder peg = order_of(6, 'B', 5, 0);
  peg.options.price_type = 'R';
  peg.options.mark(Options::price_type_tag);
  peg.options.peg_offset = -100;
  peg.options.mark(Options::peg_offset_tag);
  EXPECT_EQ(market.say(1, peg), "A6:5");
  peg.user_ref = 7;
  peg.options.peg_offset = 100;
  EXPECT_EQ(market.say(1, peg), "J7/5");

  inbound::EnterOrder expires = order_of(8, 'B', 5, 5'000);
  expires.time_in_force = '6';
  EXPECT_EQ(market.say(1, expires), "J8/15");
  expires.user_ref = 9;
  expires.options.expire_time = 1;
  expires.options.mark(Options::expire_time_tag);
  EXPECT_EQ(market.say(1, expires), "A9:5");
  market.now_ns += 2'000'000'000;
  wire::Command tick{};
  tick.kind = static_cast<std::uint8_t>(wire::CommandKind::tick);
  market.apply(tick);
  EXPECT_EQ(market.heard(1), "C9:5T");
}

TEST_F(Ouch, A5_1_what_the_market_refuses_is_rejected_with_a_reason_of_ouch) {
  EXPECT_EQ(market.say(0, order_of(1, 'S', 100, 10'050)), "J1/29");
  EXPECT_EQ(market.say(0, order_of(2, 'S', 0, 10'000)), "J2/19");
  EXPECT_EQ(market.say(0, order_of(3, 'S', 2'000'000, 10'000)), "J3/19");
  inbound::EnterOrder other = order_of(4, 'S', 100, 10'000);
  other.symbol = Text<8>::of("OTHER");
  EXPECT_EQ(market.say(0, other), "J4/23");
  inbound::EnterOrder display = order_of(5, 'S', 100, 10'000);
  display.display = 'Z';
  EXPECT_EQ(market.say(0, display), "J5/3");
  inbound::EnterOrder firm = order_of(6, 'S', 100, 10'000);
  firm.options.firm = Text<4>::of("THEM");
  firm.options.mark(Options::firm_tag);
  EXPECT_EQ(market.say(0, firm), "J6/12");
  wire::Command halt{};
  halt.kind = static_cast<std::uint8_t>(wire::CommandKind::set_state);
  halt.order_type = static_cast<std::uint8_t>(wire::MarketState::halted);
  market.apply(halt);
  EXPECT_EQ(market.say(0, order_of(7, 'S', 100, 10'000)), "J7/7");
  EXPECT_EQ(market.gateway.open_orders(), 0U);
}

TEST_F(Ouch, A5_1_a_modified_order_gets_smaller_and_keeps_its_place) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  EXPECT_EQ(market.say(0, inbound::ModifyOrder{.user_ref = 1, .side = 'T', .quantity = 100}),
            "M1:100");
  EXPECT_EQ(market.say(0, inbound::ModifyOrder{.user_ref = 1, .side = 'E', .quantity = 60}),
            "M1:60");
  EXPECT_EQ(market.last_as<outbound::OrderModified>().side, 'E');
  EXPECT_EQ(market.say(0, inbound::ModifyOrder{.user_ref = 1, .side = 'B', .quantity = 60}),
            "J1/9");
  EXPECT_EQ(market.say(0, inbound::ModifyOrder{.user_ref = 1, .side = 'S', .quantity = 61}),
            "J1/19");
  EXPECT_EQ(market.say(0, inbound::ModifyOrder{.user_ref = 9, .side = 'S', .quantity = 61}),
            "J9/15");
}

TEST_F(Ouch, A5_1_a_trade_is_broken_and_corrected_for_both_sides) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.say(1, order_of(1, 'B', 30, 10'000));
  market.heard(0);
  wire::Command correct{};
  correct.kind = static_cast<std::uint8_t>(wire::CommandKind::correct);
  correct.order_id = 3;
  correct.quantity = 1;
  correct.price = 101;
  correct.display = 20;
  market.apply(correct);
  EXPECT_EQ(market.heard(0), "F1:20");
  EXPECT_EQ(market.last_as<outbound::TradeCorrection>().price, 10'100U);
  EXPECT_EQ(market.heard(1), "F1:20");
  correct.kind = static_cast<std::uint8_t>(wire::CommandKind::bust);
  correct.price = 0;
  correct.display = 0;
  market.apply(correct);
  EXPECT_EQ(market.heard(0), "B1");
  EXPECT_EQ(market.heard(1), "B1");
}

TEST_F(Ouch, A5_1_whose_connection_is_gone_has_its_orders_canceled_if_it_wants) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.say(0, order_of(2, 'S', 100, 10'100));
  market.say(1, order_of(1, 'S', 100, 10'200));
  market.gateway.disconnected(0);
  market.gateway.disconnected(1);
  market.work();
  EXPECT_EQ(market.heard(0), "C1:100U C2:100U");
  EXPECT_EQ(market.heard(1), "");
}

TEST_F(Ouch, A5_1_a_cancel_on_disconnect_that_finds_no_room_is_tried_again) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.room_for_cancels = 0;
  market.gateway.disconnected(0);
  market.gateway.tick();
  market.work();
  EXPECT_EQ(market.heard(0), "");
  market.room_for_cancels = 10;
  market.gateway.tick();
  market.work();
  EXPECT_EQ(market.heard(0), "C1:100U");
}

TEST_F(Ouch, A5_3_without_room_orders_are_refused_and_cancels_go_through) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.room = 0;
  EXPECT_EQ(market.say(0, order_of(2, 'S', 100, 10'000)), "J2/10");
  EXPECT_EQ(market.say(0, replace_of(1, 3, 50, 10'000)), "J3/10");
  EXPECT_EQ(market.say(0, cancel_of(1)), "C1:100U");
  EXPECT_EQ(market.gateway.counts().ring_full, 2U);
  EXPECT_EQ(market.gateway.open_orders(), 0U);
}

TEST(OuchLimits, A5_3_tables_that_are_full_refuse_and_recover) {
  GatewayOptions options = test_options();
  options.orders = 4;
  options.commands = 2;
  GatewayMarket market({member_of("alice", 1)}, options);
  for (std::uint32_t user_ref = 1; user_ref <= 2; ++user_ref) {
    EXPECT_EQ(market.give(0, order_of(user_ref, 'S', 10, 10'000)), Taken::done);
  }
  market.give(0, order_of(3, 'S', 10, 10'000));
  EXPECT_EQ(market.gateway.counts().commands_full, 1U);
  market.work();
  EXPECT_EQ(market.heard(0), "J3/10 A1:10 A2:10");
  market.say(0, order_of(4, 'S', 10, 10'000));
  market.say(0, order_of(5, 'S', 10, 10'000));
  EXPECT_EQ(market.say(0, order_of(6, 'S', 10, 10'000)), "J6/10");
  EXPECT_EQ(market.gateway.counts().orders_full, 1U);
  EXPECT_EQ(market.say(0, cancel_of(1)), "C1:10U");
  EXPECT_EQ(market.say(0, order_of(7, 'S', 10, 10'000)), "A7:10");
}

TEST_F(Ouch, A5_1_orders_that_trade_with_their_own_account_say_so) {
  wire::Command order{};
  order.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
  order.side = static_cast<std::uint8_t>(wire::Side::buy);
  order.account = 1;
  order.quantity = 30;
  order.price = 100;
  order.attributes = static_cast<std::uint16_t>(4U << wire::attribute::self_trade_shift);
  market.say(0, order_of(1, 'S', 100, 10'000));
  market.apply(order);
  EXPECT_EQ(market.heard(0), "D1");
  EXPECT_EQ(market.last_as<outbound::SelfMatchCanceled>().decrement, 30U);
}

TEST_F(Ouch, A5_1_after_the_end_of_the_day_nothing_is_taken) {
  market.gateway.end(market.now_ns);
  EXPECT_EQ(market.heard(0), "S");
  EXPECT_EQ(market.say(0, order_of(1, 'S', 100, 10'000)), "J1/2");
}

TEST_F(Ouch, A5_1_garbage_is_malformed_and_changes_nothing) {
  const std::array<std::byte, 3> garbage = {std::byte{'O'}, std::byte{1}, std::byte{2}};
  EXPECT_EQ(market.gateway.message(0, garbage, market.now_ns), Taken::malformed);
  EXPECT_EQ(market.gateway.message(0, {}, market.now_ns), Taken::malformed);
  EXPECT_EQ(market.heard(0), "");
}

TEST_F(Ouch, A5_1_what_the_market_had_before_is_answered_with_the_first_outcome) {
  market.say(0, order_of(1, 'S', 100, 10'000));
  // The edge that took it is gone; a new one has the same members and knows nothing.
  wire::Command same{};
  same.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
  same.side = static_cast<std::uint8_t>(wire::Side::sell);
  same.session = member_of("bob", 2).market_session;
  same.number = 1;
  same.account = 2;
  same.price = 100;
  same.quantity = 100;
  market.apply(same);
  EXPECT_EQ(market.say(1, order_of(1, 'S', 100, 10'000)), "A1:100");
  EXPECT_EQ(market.say(1, cancel_of(1)), "C1:100U");
}

// The member's orders as a gateway of before had them, and this one as it learns of them.
class OuchResends : public Ouch {
 protected:
  wire::Command order_before(std::uint32_t user_ref, wire::Side side, std::uint32_t quantity) {
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
    command.side = static_cast<std::uint8_t>(side);
    command.session = market.members[1].market_session;
    command.number = user_ref;
    command.account = 2;
    command.price = 100;
    command.quantity = quantity;
    return command;
  }
  void before(std::uint32_t user_ref, wire::Side side, std::uint32_t quantity) {
    market.restore(1, order_before(user_ref, side, quantity));
  }
};

TEST_F(OuchResends, B9_4_what_a_gateway_of_before_took_is_answered_with_its_first_outcome_once) {
  before(1, wire::Side::sell, 100);
  before(2, wire::Side::sell, 0);
  before(5, wire::Side::buy, 30);
  market.gateway.restored();
  EXPECT_EQ(market.say(1, order_of(1, 'S', 100, 10'000)), "A1:100");
  EXPECT_EQ(market.last_as<outbound::OrderAccepted>().state, 'L');
  EXPECT_EQ(market.last_as<outbound::OrderAccepted>().client_order_id.trimmed(), "mine");
  EXPECT_EQ(market.say(1, order_of(2, 'S', 0, 10'000)), "J2/19");
  // Never taken, and lower than what was: the market would not take it any more.
  EXPECT_EQ(market.say(1, order_of(3, 'S', 10, 10'000)), "J3/10");
  EXPECT_EQ(market.say(1, order_of(3, 'S', 10, 10'000)), "");
  EXPECT_EQ(market.say(1, order_of(5, 'B', 30, 10'000)), "A5:30");
  EXPECT_EQ(market.last_as<outbound::OrderAccepted>().state, 'D');
  EXPECT_EQ(market.say(1, order_of(5, 'B', 30, 10'000)), "");
  EXPECT_EQ(market.say(1, order_of(1, 'S', 100, 10'000)), "");
  EXPECT_EQ(market.gateway.counts().resent_refs, 3U);
  EXPECT_EQ(market.gateway.counts().unused_refs, 1U);
  EXPECT_EQ(market.gateway.counts().repeated_refs, 3U);
  // Nothing was executed a second time: 70 of the first order are left, and it is known by its
  // name.
  EXPECT_EQ(market.gateway.open_orders(), 1U);
  EXPECT_EQ(market.say(1, cancel_of(1)), "C1:70U");
  EXPECT_EQ(market.say(1, order_of(6, 'S', 10, 10'000)), "A6:10");
}

TEST_F(OuchResends, B9_4_every_resend_of_a_pipeline_is_answered_whatever_became_of_its_neighbours) {
  // Every third one never came to the market.
  std::uint32_t highest = 0;
  for (std::uint32_t user_ref = 1; user_ref <= 200; ++user_ref) {
    if (user_ref % 3 != 0) {
      before(user_ref, wire::Side::sell, 1);
      highest = user_ref;
    }
  }
  market.gateway.restored();
  const auto told = [](char letter, std::uint32_t user_ref, std::string_view rest) {
    std::string text(1, letter);
    text += std::to_string(user_ref);
    text += rest;
    return text;
  };
  for (std::uint32_t user_ref = 1; user_ref <= highest; ++user_ref) {
    EXPECT_EQ(market.say(1, order_of(user_ref, 'S', 1, 10'000)),
              user_ref % 3 != 0 ? told('A', user_ref, ":1") : told('J', user_ref, "/10"));
  }
  EXPECT_EQ(market.say(1, order_of(highest + 1, 'S', 1, 10'000)), told('A', highest + 1, ":1"));
}

TEST_F(OuchResends, B9_4_of_a_reference_that_is_too_old_to_be_known_nothing_untrue_is_said) {
  before(1, wire::Side::sell, 1);
  before(2'000, wire::Side::sell, 1);
  market.gateway.restored();
  // The market has it still, though the gateway would not know of it by itself.
  EXPECT_EQ(market.say(1, order_of(1, 'S', 1, 10'000)), "A1:1");
  EXPECT_EQ(market.say(1, order_of(2, 'S', 1, 10'000)), "");
  EXPECT_EQ(market.say(1, order_of(977, 'S', 1, 10'000)), "J977/10");
  EXPECT_EQ(market.say(1, order_of(1'999, 'S', 1, 10'000)), "J1999/10");
  EXPECT_EQ(market.say(1, order_of(2'000, 'S', 1, 10'000)), "A2000:1");
}

TEST_F(OuchResends, B9_4_a_resend_without_room_waits_and_a_replaced_order_is_told_as_such) {
  before(1, wire::Side::sell, 100);
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::replace);
  command.session = market.members[1].market_session;
  command.number = 2;
  command.account = 2;
  command.order_id = (1U << 24U) + 1U;
  command.price = 102;
  command.quantity = 80;
  market.restore(1, command);
  market.gateway.restored();
  market.room = 0;
  EXPECT_EQ(market.give(1, replace_of(1, 2, 80, 10'200)), Taken::wait);
  market.room = 10;
  EXPECT_EQ(market.say(1, order_of(1, 'S', 100, 10'000)), "A1:100");
  EXPECT_EQ(market.last_as<outbound::OrderAccepted>().state, 'D');
  EXPECT_EQ(market.say(1, replace_of(1, 2, 80, 10'200)), "U2:80");
  EXPECT_EQ(market.last_as<outbound::OrderReplaced>().original_user_ref, 1U);
  EXPECT_EQ(market.say(1, cancel_of(2)), "C2:80U");
  EXPECT_EQ(market.gateway.open_orders(), 0U);
}

TEST_F(OuchResends, B9_4_of_before_what_could_be_read_an_order_is_known_again_by_its_resend) {
  market.apply(order_before(1, wire::Side::sell, 100));
  market.gateway.restore_reference(1, 1);
  market.gateway.restored();
  EXPECT_EQ(market.say(1, cancel_of(1)), "I1");
  EXPECT_EQ(market.say(1, order_of(1, 'S', 100, 10'000)), "A1:100");
  EXPECT_EQ(market.last_as<outbound::OrderAccepted>().state, 'L');
  EXPECT_EQ(market.say(1, cancel_of(1)), "C1:100U");
}

protocols::soup::LoginRequest login_of(std::string_view user, std::string_view password,
                                       std::string_view session, std::string_view sequence) {
  return {.username = Text<6>::of(user),
          .password = Text<10>::of(password),
          .session = Text<10>::of(session),
          .sequence = Text<20>::of(sequence)};
}

TEST_F(Ouch, A5_1_logins_are_accepted_and_refused_rightly) {
  std::uint32_t member = 99;
  const auto refusal = [&](std::string_view user, std::string_view password,
                           std::string_view session, std::string_view sequence) {
    return market.gateway.login(login_of(user, password, session, sequence), member).refusal;
  };
  EXPECT_EQ(refusal("carol", "secret", "", "1"), 'A');
  EXPECT_EQ(refusal("alice", "wrong", "", "1"), 'A');
  EXPECT_EQ(refusal("alice", "", "", "1"), 'A');
  EXPECT_EQ(refusal("", "", "", "1"), 'A');
  EXPECT_EQ(refusal("alice", "secret", "OTHER", "1"), 'S');
  EXPECT_EQ(refusal("alice", "secret", "", "many"), 'S');
  EXPECT_EQ(refusal("alice", "secret", "", "3"), 'S');
  EXPECT_EQ(member, 99U);
  const LoginAnswer answer =
      market.gateway.login(login_of("bob", "secret", "MERIDIAN1", "1"), member);
  EXPECT_EQ(answer.refusal, 0);
  EXPECT_EQ(answer.next_sequence, 1U);
  EXPECT_EQ(member, 1U);
  EXPECT_EQ(market.gateway.login(login_of("bob", "secret", "", "0"), member).next_sequence, 2U);
}

TEST(OuchLimits, A5_1_a_login_whose_messages_are_no_longer_kept_begins_with_the_oldest) {
  GatewayOptions options = test_options();
  options.messages = 4;
  GatewayMarket market({member_of("alice", 1)}, options);
  for (std::uint32_t user_ref = 1; user_ref <= 9; ++user_ref) {
    market.give(0, order_of(user_ref, 'S', 10, 10'000));
  }
  market.work();
  std::uint32_t member = 0;
  const LoginAnswer answer = market.gateway.login(login_of("alice", "secret", "", "2"), member);
  EXPECT_EQ(answer.next_sequence, 7U);
  EXPECT_EQ(market.gateway.counts().replays_cut, 1U);
}

}  // namespace
}  // namespace meridian::order_entry
