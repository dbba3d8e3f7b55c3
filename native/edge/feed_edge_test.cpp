#include "edge/feed_edge.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "edge/support/client.hpp"
#include "edge/support/receiver.hpp"
#include "engine/support/test_market.hpp"
#include "feed/support/fed_market.hpp"
#include "feed/support/random_commands.hpp"

namespace meridian::edge {
namespace {

namespace mold = protocols::mold;
using feed::RebuiltBook;

constexpr std::uint64_t second = 1'000'000'000;

class Feed : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { start(test_options()); }

  static FeedOptions test_options() {
    FeedOptions options;
    options.instrument = feed::test_instrument();
    options.session = protocols::Text<10>::of("MERIDIAN1");
    options.messages = 1U << 14U;
    options.connections = 8;
    options.snapshots = 2;
    options.snapshot_messages = 1U << 10U;
    return options;
  }
  void start(const FeedOptions& options) {
    std::string reason;
    network_ = open_network(GetParam(), {.connections = options.connections}, reason);
    if (network_ == nullptr) {
      GTEST_SKIP() << reason;
    }
    udp_ = UdpPort::open({.to_port = receiver.port, .backend = GetParam()}, reason);
    ASSERT_NE(udp_, nullptr) << reason;
    memory_ = std::make_unique<engine::LazyMemory>(FeedEdge::arena_bytes(options));
    edge =
        std::make_unique<FeedEdge>(options, subscribers_, memory_->bytes(), *network_, *udp_, now);
    // The engine's own feed is not used: what it is told goes to the edge.
    fed = std::make_unique<feed::FedMarket>([](Bytes) {});
    apply(feed::RandomCommands::configure());
  }
  void apply(const wire::Command& command) const {
    const std::vector<wire::Event> events = fed->apply(command);
    edge->command(command, fed->now_ns);
    for (const wire::Event& event : events) {
      edge->event(event);
    }
  }
  void trade(feed::RandomCommands& commands, int count) {
    for (int step = 0; step < count; ++step) {
      fed->now_ns += 1000;
      const wire::Command command = commands.next(fed->now_ns / second);
      const std::vector<wire::Event> events = fed->apply(command);
      edge->command(command, fed->now_ns);
      for (const wire::Event& event : events) {
        edge->event(event);
        commands.take(event);
      }
      turn();
    }
  }
  void turn() {
    now.steady_ns += 1000;
    edge->do_work(now);
  }
  template <class Condition>
  bool until(Condition&& holds) {
    for (int count = 0; count < 20'000; ++count) {
      turn();
      if (holds()) {
        return true;
      }
    }
    return false;
  }
  std::unique_ptr<Client> log_in(std::string_view session, std::uint64_t sequence,
                                 std::string_view user = "reader") {
    auto client = std::make_unique<Client>(network_->port());
    client->log_in(user, "secret", sequence, session);
    return client;
  }
  // Hands sequenced messages to a book; true when the end of the session came.
  static bool read(Client& client, RebuiltBook& book) {
    bool is_ended = false;
    client.listen([&](Bytes content) {
      const auto letter = static_cast<char>(content[0]);
      if (letter == 'S') {
        book.take(content.subspan(1));
      }
      is_ended = is_ended || letter == 'Z';
    });
    return is_ended;
  }
  [[nodiscard]] bool is_same_book(const RebuiltBook& book) const {
    return book.fault.empty() && feed::is_same(book.side('B'), fed->side('B')) &&
           feed::is_same(book.side('S'), fed->side('S'));
  }

  Receiver receiver;
  Time now{.steady_ns = second, .wall_ns = 1'764'028'800'000'000'000};

 private:
  std::vector<Subscriber> subscribers_{{.username = protocols::Text<6>::of("reader"),
                                        .password = protocols::Text<10>::of("secret")}};
  std::unique_ptr<Network> network_;
  std::unique_ptr<engine::LazyMemory> memory_;

 public:
  std::unique_ptr<UdpPort> udp_;
  std::unique_ptr<FeedEdge> edge;
  std::unique_ptr<feed::FedMarket> fed;
};

TEST_P(Feed, B5_6_a_subscriber_of_packets_sees_the_book_and_asks_for_what_it_lacks) {
  feed::RandomCommands commands(3);
  RebuiltBook book;
  std::uint64_t next = 1;
  std::uint64_t lost = 0;
  const auto take = [&](const std::vector<std::byte>& packet) {
    mold::Header header;
    EXPECT_EQ(mold::decode_packet(packet, header,
                                  [&](std::uint64_t sequence, Bytes message) {
                                    if (sequence == next) {
                                      book.take(message);
                                      ++next;
                                    }
                                  }),
              mold::Fault::none);
  };
  for (int round = 0; round < 300; ++round) {
    trade(commands, 3);
    for (auto packet = receiver.packet(); !packet.empty(); packet = receiver.packet()) {
      if (round % 3 == 0) {
        ++lost;
      } else {
        take(packet);
      }
    }
  }
  const std::uint64_t end = edge->book().sequence() + 1;
  EXPECT_TRUE(until([&] {
    receiver.ask(udp_->requests_port(), {protocols::Text<10>::of("MERIDIAN1"), next, 100});
    turn();
    for (auto packet = receiver.packet(); !packet.empty(); packet = receiver.packet()) {
      take(packet);
    }
    return next == end;
  }));
  EXPECT_GT(lost, 50U);
  EXPECT_TRUE(is_same_book(book)) << book.fault;
}

TEST_P(Feed, B5_6_a_replay_gives_all_messages_and_goes_on_with_new_ones) {
  feed::RandomCommands commands(4);
  trade(commands, 800);
  const auto reader = log_in("MERIDIAN1", 1);
  RebuiltBook book;
  EXPECT_TRUE(until([&] {
    read(*reader, book);
    return book.messages == edge->book().sequence();
  }));
  EXPECT_TRUE(is_same_book(book)) << book.fault;
  trade(commands, 400);
  EXPECT_TRUE(until([&] {
    read(*reader, book);
    return book.messages == edge->book().sequence();
  }));
  EXPECT_TRUE(is_same_book(book)) << book.fault;
  edge->end(now);
  EXPECT_TRUE(until([&] { return read(*reader, book); }));
}

TEST_P(Feed, B5_6_a_snapshot_and_the_replay_behind_it_are_the_book) {
  feed::RandomCommands commands(6);
  trade(commands, 800);
  const auto snapshot = log_in("SNAPSHOT", 1);
  EXPECT_TRUE(until([&] { return edge->counts().snapshots == 1; }));
  const std::uint64_t follows = edge->book().sequence() + 1;
  trade(commands, 400);
  RebuiltBook book;
  EXPECT_TRUE(until([&] { return read(*snapshot, book); }));
  EXPECT_EQ(book.letters.back(), 'G');
  const auto replay = log_in("MERIDIAN1", follows);
  const std::uint64_t expected = book.messages + edge->book().sequence() + 1 - follows;
  EXPECT_TRUE(until([&] {
    read(*replay, book);
    return book.messages == expected;
  }));
  EXPECT_TRUE(is_same_book(book)) << book.fault;
}

TEST_P(Feed, B5_6_who_may_not_read_and_what_is_not_there_is_refused) {
  const auto refusal = [this](Client& client) {
    EXPECT_TRUE(until([&] { return client.hear() == "J"; })) << client.heard;
    return client.last.size() > 1 ? static_cast<char>(client.last[1]) : ' ';
  };
  EXPECT_EQ(refusal(*log_in("", 1, "nobody")), 'A');
  EXPECT_EQ(refusal(*log_in("OTHER", 1)), 'S');
  EXPECT_EQ(refusal(*log_in("MERIDIAN1", 1'000'000)), 'S');
}

TEST_P(Feed, B5_6_a_book_that_is_too_large_for_a_snapshot_is_refused_and_counted) {
  FeedOptions options = test_options();
  options.snapshot_messages = 4;
  edge.reset();
  start(options);
  apply(engine::limit(engine::sell, 5, 101, 1));
  apply(engine::limit(engine::sell, 5, 102, 1));
  const auto reader = log_in("SNAPSHOT", 1);
  EXPECT_TRUE(until([&] { return reader->hear() == "J"; }));
  EXPECT_EQ(edge->counts().snapshots_refused, 1U);
}

TEST_P(Feed, A5_1_a_feed_without_news_sends_heartbeats_and_at_last_the_end) {
  turn();
  while (!receiver.packet().empty()) {
  }
  const auto count = [this] {
    mold::Header header;
    const std::vector<std::byte> packet = receiver.packet();
    return mold::decode_header(packet, header) == mold::Fault::none ? header.count : -1;
  };
  now.steady_ns += second;
  turn();
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(count(), -1);
  edge->end(now);
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(count(), 0xFFFF);
}

INSTANTIATE_TEST_SUITE_P(Both, Feed, testing::Values(Backend::uring, Backend::epoll),
                         [](const testing::TestParamInfo<Backend>& backend) {
                           return backend.param == Backend::uring ? "io_uring" : "epoll";
                         });

}  // namespace
}  // namespace meridian::edge
