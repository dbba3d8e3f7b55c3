#include "duties/feed_duty.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "duties/support/hosted.hpp"
#include "edge/support/client.hpp"
#include "edge/support/receiver.hpp"
#include "feed/support/fed_market.hpp"
#include "feed/support/random_commands.hpp"

namespace meridian::duties {
namespace {

namespace mold = protocols::mold;
using feed::RebuiltBook;
using protocols::Text;

// A subscriber that loses some packets, gets others late, and asks for what it lacks.
class LossySubscriber {
 public:
  // `end`: the last message there is, which a subscriber learns of by a heartbeat at the latest.
  void hear(std::uint16_t requests_port, std::uint64_t end) {
    for (auto packet = receiver.packet(); !packet.empty(); packet = receiver.packet()) {
      ++heard_;
      if (heard_ % 5 == 0) {
        ++lost;
      } else if (heard_ % 7 == 0) {
        late_.push_back(packet);
      } else {
        take(packet);
      }
    }
    for (const auto& packet : late_) {
      take(packet);
    }
    late_.clear();
    if (const std::uint64_t next = book.messages + 1; next <= end && ++waited_ % 20 == 0) {
      receiver.ask(requests_port, {Text<10>::of("ACME"), next, 200});
    }
  }

  RebuiltBook book;
  std::uint64_t lost = 0;
  edge::Receiver receiver;

 private:
  void take(const std::vector<std::byte>& packet) {
    mold::Header header;
    EXPECT_EQ(mold::decode_packet(packet, header,
                                  [this](std::uint64_t sequence, protocols::Bytes message) {
                                    if (sequence == book.messages + 1) {
                                      book.take(message);
                                    }
                                  }),
              mold::Fault::none);
  }

  std::uint64_t heard_ = 0;
  std::uint64_t waited_ = 0;
  std::vector<std::vector<std::byte>> late_;
};

class FeedDutyTest : public testing::TestWithParam<const char*> {
 protected:
  FeedDutyTest() {
    fed = std::make_unique<feed::FedMarket>([](protocols::Bytes) {});
    hosted.apply(feed::RandomCommands::configure());
  }
  ~FeedDutyTest() override { duty.reset(); }

  void open() {
    FeedDutyOptions options;
    options.feed.instrument = feed::test_instrument();
    options.feed.session = Text<10>::of("ACME");
    options.feed.messages = 1U << 14U;
    options.feed.connections = 8;
    options.feed.snapshots = 2;
    options.feed.snapshot_messages = 1U << 10U;
    options.network.connections = 8;
    options.udp.to_port = subscriber.receiver.port;
    options.subscribers = {{.username = Text<6>::of("reader"), .password = Text<10>::of("secret")}};
    std::string reason;
    duty = FeedDuty::open(*hosted.reactor, *hosted.market, std::move(options), reason);
    ASSERT_NE(duty, nullptr) << reason;
  }
  // The twin takes what the log has. Its timestamps are the reactor's.
  void follow() {
    std::vector<journal::Record> records(64);
    const auto durable = [this] {
      return static_cast<std::uint64_t>(hosted.owner->region().journal.durable.load());
    };
    while (fed->sequence < static_cast<std::uint64_t>(hosted.owner->region().matched.load())) {
      const std::size_t count = hosted.market->reader().read(fed->sequence + 1, durable(), records);
      for (std::size_t at = 0; at < count; ++at) {
        fed->now_ns = records[at].prefix().timestamp_ns;
        for (const wire::Event& event : fed->apply(records[at].command())) {
          commands.take(event);
        }
      }
    }
  }
  [[nodiscard]] bool is_same_book(const RebuiltBook& book) const {
    return book.fault.empty() && feed::is_same(book.side('B'), fed->side('B')) &&
           feed::is_same(book.side('S'), fed->side('S'));
  }
  void trade(int count) {
    for (int step = 0; step < count; ++step) {
      hosted.apply(commands.next(fed->now_ns / 1'000'000'000));
      follow();
    }
  }

  feed::RandomCommands commands{11};
  LossySubscriber subscriber;
  Hosted hosted{GetParam()};
  std::unique_ptr<feed::FedMarket> fed;
  std::unique_ptr<FeedDuty> duty;
};

TEST_P(FeedDutyTest, B5_6_the_book_out_of_lossy_packets_is_the_engines_at_every_sequence) {
  open();
  for (int step = 0; step < 400; ++step) {
    trade(1);
    wait_for([&] {
      subscriber.hear(duty->requests_port(), fed->feed.sequence());
      return subscriber.book.messages == fed->feed.sequence();
    });
    ASSERT_TRUE(is_same_book(subscriber.book)) << "step " << step << ": " << subscriber.book.fault;
    wait_for([&] { return duty->counts().sequence.load() == fed->sequence; });
    ASSERT_EQ(duty->counts().digest.load(), fed->market.digest());
  }
  EXPECT_GT(subscriber.lost, 10U);
}

TEST_P(FeedDutyTest, B5_6_a_feed_that_is_opened_again_goes_on_and_sends_nothing_twice) {
  open();
  trade(200);
  wait_for([&] { return duty->counts().sequence.load() == fed->sequence; });
  duty.reset();
  while (!subscriber.receiver.packet().empty()) {
  }
  trade(100);
  hosted.reopen();
  open();
  EXPECT_EQ(duty->counts().messages.load(), fed->feed.sequence());
  for (auto packet = subscriber.receiver.packet(); !packet.empty();
       packet = subscriber.receiver.packet()) {
    mold::Header header;
    ASSERT_EQ(mold::decode_header(packet, header), mold::Fault::none);
    EXPECT_EQ(header.count, mold::heartbeat_count) << "what was there before is only kept";
  }
  trade(100);
  // All of it, from the first message on, over TCP.
  edge::Client reader(duty->port());
  reader.log_in("reader", "secret", 1, "ACME");
  RebuiltBook book;
  wait_for([&] {
    reader.listen([&](protocols::Bytes content) {
      if (static_cast<char>(content[0]) == 'S') {
        book.take(content.subspan(1));
      }
    });
    return book.messages == fed->feed.sequence();
  });
  EXPECT_TRUE(is_same_book(book)) << book.fault;
}

TEST_P(FeedDutyTest, B9_3_nothing_is_told_before_it_is_safe_in_the_markets_mode) {
  wire::Command replicated = feed::RandomCommands::configure();
  replicated.order_type = static_cast<std::uint8_t>(wire::DurabilityMode::replicated);
  hosted.commit(1);
  hosted.apply(replicated);
  open();
  trade(50);
  const std::uint64_t last = fed->sequence;
  wait_for(
      [&] { return hosted.owner->region().journal.durable.load() >= static_cast<double>(last); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(duty->counts().sequence.load(), 1U);
  hosted.commit(20);
  wait_for([&] { return duty->counts().sequence.load() == 20; });
  hosted.lease_until(1);
  hosted.commit(static_cast<double>(last));
  wait_for([&] { return duty->counts().sequence.load() == last; });
  EXPECT_EQ(duty->counts().digest.load(), fed->market.digest());
}

INSTANTIATE_TEST_SUITE_P(Placements, FeedDutyTest, testing::Values("0-1", "0"),
                         [](const testing::TestParamInfo<const char*>& online) {
                           return online.index == 0 ? "split" : "fused";
                         });

}  // namespace
}  // namespace meridian::duties
