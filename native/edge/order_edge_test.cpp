#include "edge/order_edge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "edge/support/client.hpp"
#include "edge/support/edge_market.hpp"

namespace meridian::edge {
namespace {

namespace inbound = protocols::ouch::inbound;
using order_entry::Closing;
using order_entry::member_of;
using order_entry::order_of;

constexpr std::uint64_t second = 1'000'000'000;

class Edge : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { start(test_options()); }

  void start(const EdgeOptions& options, std::uint32_t command_slots = 4096) {
    market = std::make_unique<EdgeMarket>(
        GetParam(),
        std::vector{member_of("alice", 1, 1, true), member_of("bob", 2), member_of("carol", 3)},
        options, command_slots);
    if (market->network == nullptr) {
      GTEST_SKIP() << market->reason;
    }
  }
  // Turns until `holds` does, or for long enough to be sure that it never will.
  template <class Condition>
  bool until(Condition&& holds) {
    for (int turn = 0; turn < 20'000; ++turn) {
      market->turn();
      if (holds()) {
        return true;
      }
    }
    return false;
  }
  bool hears(Client& client, const std::string& letters) {
    const bool is_heard = until([&] { return client.hear() == letters; });
    EXPECT_EQ(client.heard, letters);
    client.heard.clear();
    return is_heard;
  }
  std::unique_ptr<Client> connect() {
    auto client = std::make_unique<Client>(market->network->port());
    EXPECT_TRUE(client->is_connected);
    return client;
  }
  // Logged in, and the start of the day heard.
  std::unique_ptr<Client> log_in(std::string_view user) {
    std::unique_ptr<Client> client = connect();
    client->log_in(user);
    EXPECT_TRUE(hears(*client, "AS"));
    return client;
  }
  bool ends(Client& client, Closing closing) {
    const bool has_ended = until([&] {
      client.hear();
      return client.is_closed;
    });
    EXPECT_EQ(market->closed(closing), 1U) << order_entry::name_of(closing);
    return has_ended;
  }

  std::unique_ptr<EdgeMarket> market;
};

TEST_P(Edge, A5_1_clients_trade_with_each_other) {
  const auto alice = log_in("alice");
  const auto bob = log_in("bob");
  alice->say(order_of(1, 'S', 100, 10'000));
  hears(*alice, "A");
  bob->say(order_of(1, 'B', 40, 10'000));
  hears(*bob, "AE");
  hears(*alice, "E");
  alice->say(inbound::CancelOrder{.user_ref = 1, .quantity = 0});
  hears(*alice, "C");
  EXPECT_EQ(market->edge->counts().orders, 2U);
  EXPECT_EQ(market->edge->counts().cancels, 1U);
}

TEST_P(Edge, A5_1_an_order_and_what_is_about_it_can_come_in_one_segment) {
  const auto alice = log_in("alice");
  alice->add(order_of(1, 'S', 100, 10'000));
  alice->add(inbound::ReplaceOrder{.original_user_ref = 1,
                                   .user_ref = 2,
                                   .quantity = 60,
                                   .price = 10'100,
                                   .time_in_force = '0',
                                   .display = 'Y',
                                   .intermarket_sweep = 'N',
                                   .client_order_id = protocols::Text<14>::of("")});
  alice->add(inbound::CancelOrder{.user_ref = 2, .quantity = 0});
  alice->add(order_of(3, 'S', 1, 10'000));
  alice->flush();
  hears(*alice, "AUCA");
}

TEST_P(Edge, A5_1_bytes_may_come_one_by_one) {
  const auto alice = log_in("alice");
  std::array<std::byte, 64> bytes{};
  const std::size_t size = protocols::encode(order_of(1, 'S', 100, 10'000), bytes.data() + 3);
  protocols::soup::encode_data_header('U', size, bytes.data());
  for (std::size_t at = 0; at < size + 3; ++at) {
    alice->send_raw(Bytes(bytes).subspan(at, 1));
    market->turn();
    market->turn();
  }
  hears(*alice, "A");
}

TEST_P(Edge, A5_1_a_login_is_refused_with_the_code_of_the_protocol) {
  const auto nobody = connect();
  nobody->log_in("mallory");
  hears(*nobody, "J");
  EXPECT_EQ(static_cast<char>(nobody->last[1]), 'A');
  ends(*nobody, Closing::login_refused);
  const auto elsewhere = connect();
  elsewhere->log_in("alice", "secret", 1, "OTHER");
  hears(*elsewhere, "J");
  EXPECT_EQ(static_cast<char>(elsewhere->last[1]), 'S');
}

TEST_P(Edge, A5_1_who_comes_back_is_sent_what_it_missed) {
  auto bob = log_in("bob");
  const auto alice = log_in("alice");
  bob->say(order_of(1, 'S', 100, 10'000));
  hears(*bob, "A");
  bob->hang_up();
  EXPECT_TRUE(until([&] { return market->closed(Closing::peer) == 1; }));
  alice->say(order_of(1, 'B', 40, 10'000));
  hears(*alice, "AE");
  const auto again = connect();
  again->log_in("bob", "secret", 3);
  hears(*again, "AE");
  const auto all = connect();
  all->log_in("bob", "secret", 1);
  hears(*all, "ASAE");
  // The second login took the session.
  ends(*again, Closing::replaced);
}

TEST_P(Edge, A5_1_whose_connection_breaks_has_its_orders_canceled) {
  auto alice = log_in("alice");
  alice->say(order_of(1, 'S', 100, 10'000));
  hears(*alice, "A");
  EXPECT_EQ(market->matcher.market.open_orders(), 1U);
  alice->hang_up();
  EXPECT_TRUE(until([&] { return market->matcher.market.open_orders() == 0; }));
}

TEST_P(Edge, A5_1_silence_is_answered_with_heartbeats_and_then_with_the_end) {
  const auto alice = log_in("alice");
  market->pass(second);
  hears(*alice, "H");
  for (int beat = 0; beat < 20; ++beat) {
    alice->heartbeat();
    EXPECT_TRUE(until([&, before = market->edge->host_counts().packets] {
      return market->edge->host_counts().packets > before;
    }));
    market->pass(second);
  }
  EXPECT_EQ(market->edge->open_connections(), 1U);
  market->pass(14 * second);
  ends(*alice, Closing::silent);
}

TEST_P(Edge, A5_1_the_end_of_the_session_is_told_and_a_logout_closes) {
  const auto alice = log_in("alice");
  const auto bob = log_in("bob");
  bob->log_out();
  ends(*bob, Closing::logged_out);
  market->edge->end(market->now);
  hears(*alice, "SZ");
  ends(*alice, Closing::ended);
}

TEST_P(Edge, A5_1_half_open_connections_and_login_floods_are_ended_and_counted) {
  std::vector<std::unique_ptr<Client>> flood;
  flood.reserve(20);
  for (int client = 0; client < 20; ++client) {
    flood.push_back(connect());
  }
  EXPECT_TRUE(until([&] { return market->network->counts().accepted == 8; }));
  EXPECT_TRUE(until([&] { return market->network->counts().turned_away == 12; }));
  EXPECT_EQ(market->edge->open_connections(), 8U);
  market->pass(5 * second);
  EXPECT_TRUE(until([&] { return market->closed(Closing::login_late) == 8; }));
  EXPECT_TRUE(until([&] { return market->edge->open_connections() == 0; }));
  log_in("alice");
}

TEST_P(Edge, A5_1_whatever_breaks_the_protocol_is_told_why_and_ended) {
  const auto violate = [&](std::string_view bytes, Closing closing) {
    const auto client = connect();
    client->send_text(bytes);
    EXPECT_TRUE(ends(*client, closing));
    EXPECT_EQ(client->debug, order_entry::name_of(closing));
  };
  violate({"\0\0", 2}, Closing::length_zero);
  violate({"\xFF\xFF", 2}, Closing::length_too_big);
  violate({"\0\1U", 3}, Closing::not_logged_in);
  violate({"\0\1S", 3}, Closing::packet_unknown);
  violate({"\0\3Lxx", 5}, Closing::packet_malformed);
  const auto alice = log_in("alice");
  alice->send_text({"\0\4Uabc", 6});
  EXPECT_TRUE(ends(*alice, Closing::message_malformed));
  log_in("alice");
}

TEST_P(Edge, A5_1_a_client_that_does_not_read_is_ended_and_holds_up_nobody) {
  auto slow = std::make_unique<Client>(market->network->port(), 4096);
  slow->log_in("bob");
  const auto alice = log_in("alice");
  std::uint32_t user_ref = 0;
  EXPECT_TRUE(until([&] {
    for (int order = 0; order < 8; ++order) {
      ++user_ref;
      slow->add(order_of(user_ref, 'S', 1, 10'000 + 100 * (user_ref % 500)));
    }
    slow->flush();
    return market->closed(Closing::reader_slow) == 1;
  }));
  alice->say(order_of(1, 'B', 1, 9'000));
  hears(*alice, "A");
  EXPECT_TRUE(until([&] {
    market->pass(SoupHost::farewell_ns / 100);
    alice->heartbeat();
    return market->edge->open_connections() == 1;
  }));
}

TEST_P(Edge, A5_3_a_client_that_sends_without_end_is_slowed_down_by_the_kernel) {
  const auto alice = log_in("alice");
  market->is_matching = false;
  std::uint32_t user_ref = 1;
  alice->say(order_of(user_ref, 'S', 1, 10'000));
  // The cancel waits for the answer of a market that stands still; everything behind it waits too.
  alice->say(inbound::CancelOrder{.user_ref = user_ref, .quantity = 0});
  for (int turn = 0; turn < 5'000; ++turn) {
    alice->add(inbound::CancelOrder{.user_ref = user_ref, .quantity = 0});
    alice->flush();
    market->turn();
  }
  EXPECT_EQ(market->closed(Closing::input_full), 0U);
  EXPECT_GE(market->edge->host_counts().pauses, 1U);
  EXPECT_EQ(market->edge->open_connections(), 1U);
  market->is_matching = true;
  EXPECT_TRUE(until([&] { return alice->hear().size() > 1; }));
  EXPECT_EQ(alice->heard.substr(0, 2), "AC");
}

TEST_P(Edge, A5_4_cancels_find_room_where_orders_are_refused) {
  EdgeOptions options = test_options();
  options.slots_for_cancels = 8;
  market.reset();
  start(options, 16);
  const auto alice = log_in("alice");
  const auto bob = log_in("bob");
  alice->say(order_of(1, 'S', 100, 10'000));
  hears(*alice, "A");
  market->is_matching = false;
  for (std::uint32_t user_ref = 1; user_ref <= 12; ++user_ref) {
    bob->add(order_of(user_ref, 'B', 1, 9'000));
  }
  bob->flush();
  hears(*bob, "JJJJ");
  alice->say(inbound::CancelOrder{.user_ref = 1, .quantity = 0});
  EXPECT_TRUE(until([&] { return market->edge->counts().cancels == 1; }));
  market->is_matching = true;
  hears(*alice, "C");
  hears(*bob, "AAAAAAAA");
}

TEST_P(Edge, A5_4_cancels_go_before_orders_that_came_in_the_same_turn) {
  EdgeOptions options = test_options();
  market.reset();
  start(options);
  const auto alice = log_in("alice");
  const auto bob = log_in("bob");
  alice->say(order_of(1, 'S', 10, 10'000));
  hears(*alice, "A");
  // Bob's order is there first, but alice's cancel goes before it: they do not trade.
  bob->say(order_of(1, 'B', 10, 10'000));
  alice->say(inbound::CancelOrder{.user_ref = 1, .quantity = 0});
  hears(*alice, "C");
  hears(*bob, "A");
}

TEST_P(Edge, A5_1_connections_come_and_go_and_nothing_is_left_behind) {
  for (int round = 0; round < 200; ++round) {
    const auto bob = connect();
    bob->log_in("bob", "secret", 1);
    if (round % 3 == 0) {
      bob->hang_up();
    } else {
      EXPECT_TRUE(until([&] { return bob->hear().substr(0, 2) == "AS"; }))
          << "round " << round << " heard " << bob->heard.substr(0, 20) << " debug " << bob->debug
          << " closed " << bob->is_closed << " open " << market->edge->open_connections()
          << " away " << market->network->counts().turned_away << " replaced "
          << market->closed(Closing::replaced);
      bob->say(order_of(static_cast<std::uint32_t>(round + 1), 'S', 1, 10'000));
    }
    market->turn();
  }
  EXPECT_TRUE(until([&] { return market->edge->open_connections() == 0; }));
}

std::string name_of_backend(const testing::TestParamInfo<Backend>& backend) {
  return backend.param == Backend::uring ? "io_uring" : "epoll";
}
INSTANTIATE_TEST_SUITE_P(Both, Edge, testing::Values(Backend::uring, Backend::epoll),
                         name_of_backend);

TEST(Networks, A5_1_without_io_uring_epoll_is_taken_and_the_reason_given) {
  std::string reason;
  const std::unique_ptr<Network> best = open_network(Backend::best, {.connections = 4}, reason);
  ASSERT_NE(best, nullptr);
  EXPECT_EQ(reason.empty(), std::string_view(best->name()) == "io_uring") << reason;
  const std::unique_ptr<Network> taken =
      open_network(Backend::epoll, {.port = best->port(), .connections = 4}, reason);
  EXPECT_EQ(taken, nullptr);
  EXPECT_NE(reason.find("choose another port"), std::string::npos) << reason;
}

}  // namespace
}  // namespace meridian::edge
