#include "duties/order_duty.hpp"

#include <gtest/gtest.h>

#include <string>

#include "duties/feed_duty.hpp"
#include "duties/support/hosted.hpp"
#include "edge/support/client.hpp"
#include "journal/seal_file.hpp"
#include "protocols/codec.hpp"

namespace meridian::duties {
namespace {

namespace inbound = protocols::ouch::inbound;
using protocols::Text;

order_entry::Member member_of(std::string_view name, std::uint32_t account, bool cancels = false) {
  return {.username = Text<6>::of(name),
          .password = Text<10>::of("secret"),
          .market_session = 7'000 + account,
          .account = account,
          .firm = Text<4>::of("FIRM"),
          .group = 0,
          .cancels_on_disconnect = cancels};
}

inbound::EnterOrder order_of(std::uint32_t user_ref, char side, std::uint32_t quantity,
                             std::uint64_t price = 10'000) {
  return {.user_ref = user_ref,
          .side = side,
          .quantity = quantity,
          .symbol = Text<8>::of("ACME"),
          .price = price,
          .time_in_force = '0',
          .display = 'Y',
          .capacity = 'P',
          .intermarket_sweep = 'N',
          .cross_type = 'N',
          .client_order_id = Text<14>::of("mine")};
}

// With two processors the duty has a thread of its own, with one the match thread does its turns.
class OrderDutyTest : public testing::TestWithParam<const char*> {
 protected:
  OrderDutyTest() { hosted.configure(wire::DurabilityMode::matched); }
  ~OrderDutyTest() override { duty.reset(); }

  void open() {
    OrderDutyOptions options;
    options.edge.gateway.session = Text<10>::of("DAY1");
    options.edge.gateway.listing = {.symbol = Text<8>::of("ACME"), .price_per_tick = 100};
    options.edge.connections = 16;
    options.network.connections = 16;
    options.members = {member_of("alice", 1), member_of("bob", 2), member_of("carol", 3, true)};
    options.event_slots = event_slots;
    std::string reason;
    duty = OrderDuty::open(*hosted.reactor, *hosted.market, std::move(options), reason);
    ASSERT_NE(duty, nullptr) << reason;
  }
  std::unique_ptr<edge::Client> log_in(std::string_view user) const {
    auto client = std::make_unique<edge::Client>(duty->port());
    client->log_in(user);
    hears(*client, "AS");
    return client;
  }
  // Without heartbeats, of which a slow machine makes some.
  static std::string said_to(edge::Client& client) {
    std::string letters = client.hear();
    std::erase(letters, 'H');
    return letters;
  }
  static void hears(edge::Client& client, const std::string& letters) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (said_to(client) != letters && std::chrono::steady_clock::now() < limit) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    EXPECT_EQ(said_to(client), letters);
    client.heard.clear();
  }
  static std::string heard_within(edge::Client& client, std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return said_to(client);
  }
  // An order of the market's owner, as those that come over NATS are.
  void apply(wire::Side side, std::int32_t price, std::uint64_t quantity) const {
    wire::Command command = reactor::place_command(side, price, quantity);
    command.account = 90;
    hosted.apply(command);
  }

  std::uint32_t event_slots = 1U << 12U;
  Hosted hosted{GetParam()};
  std::unique_ptr<OrderDuty> duty;
};

TEST_P(OrderDutyTest, A5_1_an_order_over_tcp_trades_with_one_of_the_owner) {
  open();
  const auto alice = log_in("alice");
  alice->say(order_of(1, 'S', 100));
  hears(*alice, "A");
  apply(wire::Side::buy, 100, 30);
  hears(*alice, "E");
  apply(wire::Side::buy, 99, 5);
  alice->say(order_of(2, 'S', 5, 9'900));
  hears(*alice, "AE");
  wait_for([this] { return duty->counts().orders.load() == 2; });
  EXPECT_EQ(hosted.reactor->placement().is_split, std::string(GetParam()) == "0-1");
}

TEST_P(OrderDutyTest, B9_3_an_answer_waits_until_its_sequence_is_safe_in_the_markets_mode) {
  hosted.configure(wire::DurabilityMode::replicated);
  hosted.commit(hosted.owner->region().matched.load());
  open();
  const auto alice = log_in("alice");
  alice->say(order_of(1, 'S', 100));
  const double before = hosted.owner->region().matched.load();
  wait_for([&] { return hosted.owner->region().matched.load() == 3; });
  EXPECT_EQ(heard_within(*alice, std::chrono::milliseconds(50)), "") << before;
  hosted.commit(3);
  hears(*alice, "A");
  hosted.lease_until(1);
  alice->say(order_of(2, 'S', 100));
  EXPECT_EQ(heard_within(*alice, std::chrono::milliseconds(50)), "");
  EXPECT_EQ(hosted.owner->region().matched.load(), 3);
  hosted.lease_until(static_cast<double>(reactor::monotonic_ns()) + 60e9);
  wait_for([&] { return hosted.owner->region().matched.load() == 4; });
  hosted.commit(4);
  hears(*alice, "A");
}

TEST_P(OrderDutyTest, A5_1_a_restart_forgets_neither_orders_nor_references) {
  open();
  {
    const auto alice = log_in("alice");
    const auto bob = log_in("bob");
    const auto carol = log_in("carol");
    alice->say(order_of(1, 'S', 100));
    hears(*alice, "A");
    carol->say(order_of(1, 'S', 7, 11'000));
    hears(*carol, "A");
    bob->say(order_of(4, 'B', 30));
    hears(*bob, "AE");
    hears(*alice, "E");
    alice->say(inbound::ReplaceOrder{.original_user_ref = 1,
                                     .user_ref = 2,
                                     .quantity = 90,
                                     .price = 10'100,
                                     .time_in_force = '0',
                                     .display = 'Y',
                                     .intermarket_sweep = 'N',
                                     .client_order_id = Text<14>::of("next")});
    hears(*alice, "U");
    bob->say(order_of(6, 'B', 8, 9'000));
    hears(*bob, "A");
    duty.reset();
  }
  hosted.reopen();
  open();
  // Carol's went with her connection.
  wait_for([this] { return hosted.owner->region().resting_orders.load() == 2; });
  const auto alice = log_in("alice");
  const auto bob = log_in("bob");
  // A resend gets its first outcome and no second order; 30 of the 90 were executed before.
  alice->say(order_of(2, 'S', 60, 10'100));
  hears(*alice, "A");
  bob->say(inbound::AccountQuery{});
  hears(*bob, "Q");
  bob->say(inbound::CancelOrder{.user_ref = 6, .quantity = 0});
  hears(*bob, "C");
  apply(wire::Side::buy, 101, 10);
  hears(*alice, "E");
  alice->say(inbound::CancelOrder{.user_ref = 2, .quantity = 0});
  hears(*alice, "C");
  wait_for([this] { return hosted.owner->region().resting_orders.load() == 0; });
}

TEST_P(OrderDutyTest, A5_1_a_trimmed_log_still_tells_references_and_the_orders_in_it) {
  open();
  {
    const auto alice = log_in("alice");
    alice->say(order_of(3, 'S', 100));
    hears(*alice, "A");
    for (std::int32_t round = 0; round < 4; ++round) {
      for (std::int32_t price = 1; price <= 100; ++price) {
        apply(wire::Side::sell, 500 + price, 1);
      }
      hosted.accept_all();
    }
    alice->say(order_of(5, 'S', 10));
    hears(*alice, "A");
  }
  duty.reset();
  std::string reason;
  journal::Log& log = hosted.market->log();
  journal::ChainPoint begin;
  begin.sequence = 128;
  begin.epoch = 1;
  ASSERT_EQ(journal::begin_seals(log.files(), log.directory(), begin), 0);
  // The shadow may be replacing its oldest snapshot just now: that is no time to trim.
  wait_for([&] { return reactor::trim_market(log, begin.sequence, reason); });
  // What was just written is in memory still.
  hosted.reopen();
  open();
  const auto alice = log_in("alice");
  alice->say(inbound::CancelOrder{.user_ref = 3, .quantity = 0});
  hears(*alice, "I");
  alice->say(inbound::CancelOrder{.user_ref = 5, .quantity = 0});
  hears(*alice, "C");
  alice->say(inbound::AccountQuery{});
  hears(*alice, "Q");
  // The market remembers its number, though what was under it is trimmed away.
  alice->say(order_of(3, 'S', 1));
  hears(*alice, "A");
  alice->say(inbound::CancelOrder{.user_ref = 3, .quantity = 0});
  hears(*alice, "C");
  FeedDutyOptions feed;
  feed.feed.messages = 1U << 10U;
  feed.feed.snapshot_messages = 1U << 10U;
  EXPECT_EQ(FeedDuty::open(*hosted.reactor, *hosted.market, std::move(feed), reason), nullptr);
  EXPECT_NE(reason.find("was trimmed"), std::string::npos) << reason;
}

TEST_P(OrderDutyTest, A5_1_members_of_an_edge_that_fell_behind_are_told_the_end) {
  event_slots = 16;
  open();
  const auto alice = log_in("alice");
  for (std::int32_t price = 1; price <= 40; ++price) {
    apply(wire::Side::sell, 500 + price, 1);
  }
  // A sweep has more events than its ring.
  apply(wire::Side::buy, 600, 40);
  wait_for([this] { return duty->ended() != client::EndReason::none; });
  EXPECT_EQ(duty->ended(), client::EndReason::event_ring_full);
  hears(*alice, "SZ");
  event_slots = 1U << 12U;
  duty.reset();
  open();
  const auto again = log_in("alice");
  again->say(order_of(9, 'S', 1));
  hears(*again, "A");
}

INSTANTIATE_TEST_SUITE_P(Placements, OrderDutyTest, testing::Values("0-1", "0"),
                         [](const testing::TestParamInfo<const char*>& online) {
                           return online.index == 0 ? "split" : "fused";
                         });

}  // namespace
}  // namespace meridian::duties
