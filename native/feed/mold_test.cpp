#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "feed/mold_publisher.hpp"
#include "feed/support/fed_market.hpp"
#include "feed/support/random_commands.hpp"

namespace meridian::feed {
namespace {

namespace mold = protocols::mold;

using Packet = std::vector<std::byte>;

Packet copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// A network that loses, doubles, delays and reorders packets.
class BadNetwork {
 public:
  BadNetwork(std::uint64_t seed, bool is_bad) : random_(seed), is_bad_(is_bad) {}

  void send(Bytes packet) {
    if (is_bad_ && random_.one_in(5)) {
      return;
    }
    queue_.push_back(copy_of(packet));
    if (is_bad_ && random_.one_in(8)) {
      queue_.push_back(copy_of(packet));
    }
    if (is_bad_ && queue_.size() > 1 && random_.one_in(3)) {
      std::swap(queue_.back(),
                queue_[random_.below(static_cast<std::uint32_t>(queue_.size() - 1))]);
    }
  }
  // Some of what is under way arrives; all of it when the network is good.
  template <class Receiver>
  void deliver(Receiver&& receiver) {
    while (!queue_.empty() && (!is_bad_ || !random_.one_in(4))) {
      const Packet packet = queue_.front();
      queue_.pop_front();
      receiver(Bytes(packet));
    }
  }

 private:
  Random random_;
  bool is_bad_;
  std::deque<Packet> queue_;
};

// Puts messages in order, and asks for those that are missing.
class Subscriber {
 public:
  explicit Subscriber(const mold::Session& session) : session_(session) {}

  void take(Bytes packet) {
    mold::Header header;
    const mold::Fault fault =
        mold::decode_packet(packet, header, [this](std::uint64_t sequence, Bytes message) {
          if (sequence >= next) {
            early_.emplace(sequence, copy_of(message));
          }
        });
    ASSERT_EQ(fault, mold::Fault::none);
    ASSERT_EQ(header.session, session_);
    is_ended = is_ended || header.count == mold::end_of_session_count;
    if (header.count == mold::heartbeat_count || header.count == mold::end_of_session_count) {
      known_ = std::max(known_, header.sequence);
    } else {
      known_ = std::max(known_, header.sequence + header.count);
    }
  }
  // Calls apply(sequence, message) for what is there in order.
  template <class Apply>
  void apply_in_order(Apply&& apply) {
    for (auto found = early_.find(next); found != early_.end(); found = early_.find(next)) {
      apply(next, Bytes(found->second));
      early_.erase(found);
      ++next;
    }
  }
  [[nodiscard]] bool has_gap() const { return next < known_; }
  [[nodiscard]] Packet request() const {
    Packet bytes(mold::header_bytes);
    const std::uint64_t until = early_.empty() ? known_ : early_.begin()->first;
    mold::encode_header({session_, next, static_cast<std::uint16_t>(until - next)}, bytes.data());
    return bytes;
  }

  std::uint64_t next = 1;
  bool is_ended = false;

 private:
  mold::Session session_;
  std::uint64_t known_ = 1;
  std::map<std::uint64_t, Packet> early_;
};

struct Books {
  std::vector<DisplayedOrder> bids;
  std::vector<DisplayedOrder> asks;
};

class Wire {
 public:
  explicit Wire(std::uint64_t seed, bool is_bad, std::size_t slots = 1U << 16U)
      : network(seed, is_bad),
        back(seed + 1, is_bad),
        slots_(slots),
        store(slots_),
        publisher(session, store,
                  {this,
                   [](void* context, Bytes packet) noexcept {
                     static_cast<Wire*>(context)->network.send(packet);
                   }}),
        replayer(session, store),
        subscriber(session) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // One turn of the subscriber: packets come, gaps are asked for.
  template <class Apply>
  void turn(Apply&& apply) {
    network.deliver([this](Bytes packet) { subscriber.take(packet); });
    subscriber.apply_in_order(apply);
    if (subscriber.has_gap()) {
      back.send(subscriber.request());
    }
    back.deliver([this](Bytes request) {
      std::array<std::byte, packet_bytes> packet{};
      std::size_t size = 0;
      if (replayer.answer(request, packet, size) == MoldReplayer::Answer::sent) {
        network.send(Bytes(packet).first(size));
      }
    });
  }

  mold::Session session = mold::Session::of("MERIDIAN1");
  BadNetwork network;
  BadNetwork back;

 private:
  std::vector<ItchStore::Slot> slots_;

 public:
  ItchStore store;
  MoldPublisher publisher;
  MoldReplayer replayer;
  Subscriber subscriber;
};

void run(std::uint64_t seed, bool is_bad) {
  Wire wire(seed, is_bad);
  RebuiltBook book;
  FedMarket fed([&wire](Bytes message) { wire.publisher.put(message); });
  std::map<std::uint64_t, Books> expected;  // after which message the engine showed what
  std::uint64_t compared = 0;
  const auto apply = [&](std::uint64_t sequence, Bytes message) {
    book.take(message);
    const auto found = expected.find(sequence);
    if (found != expected.end()) {
      ++compared;
      ASSERT_TRUE(is_same(book.side('B'), found->second.bids)) << "SEED=" << seed;
      ASSERT_TRUE(is_same(book.side('S'), found->second.asks)) << "SEED=" << seed;
      expected.erase(found);
    }
  };
  RandomCommands stream(seed);
  std::uint64_t kept = 0;
  for (int step = 0; step < 1500; ++step) {
    fed.now_ns += 100'000;
    const wire::Command command =
        step == 0 ? RandomCommands::configure() : stream.next(fed.now_ns / 1'000'000'000);
    const std::uint64_t before = fed.feed.sequence();
    for (const wire::Event& event : fed.apply(command)) {
      stream.take(event);
    }
    if (fed.feed.sequence() != before) {
      expected[fed.feed.sequence()] = {fed.side('B'), fed.side('S')};
      ++kept;
    }
    if (step % 3 == 0) {
      wire.publisher.flush(fed.now_ns);
    }
    wire.turn(apply);
  }
  fed.feed.end(fed.now_ns);
  wire.publisher.end(fed.now_ns);
  for (int turn = 0; turn < 2000 && (!wire.subscriber.is_ended || wire.subscriber.has_gap() ||
                                     wire.subscriber.next < wire.store.next());
       ++turn) {
    fed.now_ns += MoldPublisher::heartbeat_ns;
    if (!wire.publisher.is_over(fed.now_ns)) {
      wire.publisher.tick(fed.now_ns);
    }
    wire.turn(apply);
  }
  EXPECT_EQ(book.fault, "") << "SEED=" << seed;
  EXPECT_TRUE(wire.subscriber.is_ended);
  EXPECT_EQ(wire.subscriber.next, wire.store.next()) << "SEED=" << seed;
  EXPECT_EQ(compared, kept);
  EXPECT_GT(kept, 400U);
  if (is_bad) {
    EXPECT_GT(wire.replayer.count(MoldReplayer::Answer::sent), 50U);
  }
}

std::uint64_t seed_or(std::uint64_t fixed) {
  const char* given = std::getenv("MERIDIAN_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fixed;
}

TEST(Mold, B5_6_a_subscriber_sees_the_engines_book_at_every_sequence) { run(seed_or(1), false); }

TEST(Mold, B5_6_a_subscriber_sees_it_although_packets_are_lost_doubled_and_reordered) {
  for (std::uint64_t seed = seed_or(1); seed < seed_or(1) + 20; ++seed) {
    run(seed, true);
  }
}

TEST(Mold, B5_6_who_comes_late_begins_with_a_snapshot) {
  Wire wire(1, false, 64);
  FedMarket fed([&wire](Bytes message) { wire.publisher.put(message); });
  RandomCommands stream(5);
  const auto apply = [&](const wire::Command& command) {
    for (const wire::Event& event : fed.apply(command)) {
      stream.take(event);
    }
  };
  apply(RandomCommands::configure());
  for (int step = 0; step < 600; ++step) {
    apply(stream.next(fed.now_ns / 1'000'000'000));
  }
  wire.publisher.flush(fed.now_ns);
  // What it asks for from the beginning is no longer kept.
  EXPECT_TRUE(wire.subscriber.request().size() == mold::header_bytes);
  std::array<std::byte, packet_bytes> packet{};
  std::size_t size = 0;
  Packet first(mold::header_bytes);
  mold::encode_header({wire.session, 1, 10}, first.data());
  EXPECT_EQ(wire.replayer.answer(first, packet, size), MoldReplayer::Answer::too_old);
  EXPECT_EQ(size, 0U);
  RebuiltBook book;
  fed.feed.snapshot(
      {&book, [](void* context,
                 Bytes message) noexcept { static_cast<RebuiltBook*>(context)->take(message); }},
      fed.now_ns);
  wire.subscriber.next = fed.feed.sequence() + 1;
  for (int step = 0; step < 600; ++step) {
    apply(stream.next(fed.now_ns / 1'000'000'000));
    wire.publisher.flush(fed.now_ns);
    wire.turn([&book](std::uint64_t, Bytes message) { book.take(message); });
    ASSERT_EQ(book.fault, "");
    ASSERT_TRUE(is_same(book.side('B'), fed.side('B')));
    ASSERT_TRUE(is_same(book.side('S'), fed.side('S')));
  }
}

TEST(Mold, B5_6_requests_that_cannot_be_answered_are_counted) {
  Wire wire(1, false);
  std::array<std::byte, packet_bytes> packet{};
  std::size_t size = 0;
  const auto answer = [&](const mold::Header& header, std::size_t bytes) {
    Packet request(mold::header_bytes + 1);
    mold::encode_header(header, request.data());
    return wire.replayer.answer(Bytes(request).first(bytes), packet, size);
  };
  using Answer = MoldReplayer::Answer;
  wire.publisher.put(Packet(19));
  EXPECT_EQ(answer({wire.session, 1, 1}, 19), Answer::malformed);
  EXPECT_EQ(answer({wire.session, 1, 1}, 21), Answer::malformed);
  EXPECT_EQ(answer({mold::Session::of("OTHER"), 1, 1}, 20), Answer::other_session);
  EXPECT_EQ(answer({wire.session, 2, 1}, 20), Answer::unknown);
  EXPECT_EQ(answer({wire.session, 1, 0}, 20), Answer::unknown);
  EXPECT_EQ(answer({wire.session, UINT64_MAX, 9}, 20), Answer::unknown);
  EXPECT_EQ(answer({wire.session, 0, 9}, 20), Answer::too_old);
  EXPECT_EQ(answer({wire.session, 1, 9}, 20), Answer::sent);
  EXPECT_EQ(size, 20U + 2U + 19U);
  EXPECT_EQ(wire.replayer.count(Answer::malformed), 2U);
}

TEST(Mold, A5_1_silence_is_filled_with_heartbeats_and_the_end_is_repeated_for_a_while) {
  std::vector<std::uint16_t> counts;
  std::vector<ItchStore::Slot> slots(8);
  ItchStore store(slots);
  MoldPublisher publisher(
      mold::Session::of("S"), store,
      {&counts, [](void* context, Bytes packet) noexcept {
         mold::Header header;
         static_cast<void>(mold::decode_header(packet, header));
         static_cast<std::vector<std::uint16_t>*>(context)->push_back(header.count);
       }});
  constexpr std::uint64_t second = 1'000'000'000;
  publisher.put(Packet(12));
  publisher.tick(10 * second);
  publisher.tick(10 * second + second / 2);
  publisher.tick(11 * second);
  EXPECT_EQ(counts, (std::vector<std::uint16_t>{1, 0}));
  publisher.end(12 * second);
  publisher.tick(13 * second);
  EXPECT_EQ(counts, (std::vector<std::uint16_t>{1, 0, 0xFFFF, 0xFFFF}));
  EXPECT_FALSE(publisher.is_over(41 * second));
  EXPECT_TRUE(publisher.is_over(42 * second));
  publisher.tick(50 * second);
  EXPECT_EQ(counts.size(), 4U);
}

}  // namespace
}  // namespace meridian::feed
