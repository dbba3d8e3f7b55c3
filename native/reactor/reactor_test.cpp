#include "reactor/reactor.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "reactor/test_support.hpp"

namespace meridian::reactor {
namespace {

using journal::FaultyFileSystem;
using journal::Record;
using journal::TemporaryFolder;

class ReactorTest : public testing::Test {
 protected:
  std::unique_ptr<HostedMarket> open(const std::string& directory, MarketOptions options = {}) {
    options.directory = directory;
    std::string reason;
    auto market = HostedMarket::open(
        files, options, reactor.thread(),
        [](void* count) noexcept { ++*static_cast<std::atomic<int>*>(count); }, &rung, reason);
    EXPECT_NE(market, nullptr) << reason;
    if (market != nullptr) {
      reactor.add(*market);
    }
    return market;
  }
  static std::vector<Record> records_of(HostedMarket& market) {
    std::vector<Record> records(market.idle_sequence());
    EXPECT_EQ(market.reader().read(1, records.size(), records), records.size());
    return records;
  }

  // The reader that the market's owner has.
  static engine::DepthReader depth_reader(HostedMarket& market) {
    return {depth_region(market.depth_memory().memory().data()),
            reinterpret_cast<engine::DepthRequests*>(market.depth_requests().memory().data()),
            depth_owner_lane};
  }
  static const engine::DepthRegion& depth_region(const void* memory) {
    return *static_cast<const engine::DepthRegion*>(memory);
  }
  void wait_parked() const {
    while (region.parked.load() == 0) {
      std::this_thread::yield();
    }
  }

  TemporaryFolder folder;
  TemporaryFolder other_folder;
  FaultyFileSystem files;
  std::atomic<int> rung{0};
  ReactorRegion region{};
  Reactor reactor{{}, region};
};

TEST_F(ReactorTest, TurnsAnOrderIntoATradeAndADurableRecord) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  EXPECT_TRUE(client.send(configure_command()));
  EXPECT_TRUE(client.send(place_command(wire::Side::sell, 100, 5, 11)));
  EXPECT_TRUE(client.send(place_command(wire::Side::buy, 101, 3, 12)));
  const std::vector<wire::Event> events = client.drain_through(3);
  const auto executed = std::ranges::find(
      events, static_cast<std::uint8_t>(wire::EventKind::executed), &wire::Event::kind);
  ASSERT_NE(executed, events.end());
  EXPECT_EQ(executed->price, 100);
  EXPECT_EQ(executed->quantity, 3U);
  EXPECT_EQ(executed->tag, 12U);
  EXPECT_EQ(executed->sequence, 3U);
  reactor.remove(*market);
  EXPECT_EQ(client.region().journal.durable.load(), 3.0);
  EXPECT_EQ(client.region().service_time.summary().count, 3U);
}

TEST_F(ReactorTest, RecoversTheSameBookFromItsLogWithTimeNeverGoingBack) {
  std::uint64_t digest = 0;
  std::uint64_t before = 0;
  {
    const auto market = open(folder.path());
    Client client(reactor, *market);
    client.send(configure_command());
    for (std::uint32_t order = 1; order <= 100; ++order) {
      client.send(place_command(wire::Side::sell, 100 + order % 7, 5, order));
    }
    client.drain_through(101);
    reactor.remove(*market);
    digest = market->idle_engine().digest();
    before = market->idle_timestamp_ns();
    EXPECT_NE(digest, 0U);
  }
  const auto market = open(folder.path());
  EXPECT_EQ(market->idle_engine().digest(), digest);
  EXPECT_EQ(market->idle_engine().open_orders(), 100U);
  EXPECT_EQ(market->recovery().log.last_sequence, 101U);
  Client client(reactor, *market);
  EXPECT_EQ(client.region().matched.load(), 101.0);
  EXPECT_EQ(client.region().journal.durable.load(), 101.0);
  EXPECT_EQ(client.region().digest.load(), digest);
  client.send(place_command(wire::Side::buy, 1, 1));
  client.drain_through(102);
  reactor.remove(*market);
  std::uint64_t last = 0;
  for (const Record& record : records_of(*market)) {
    EXPECT_GE(record.prefix().timestamp_ns, last);
    last = record.prefix().timestamp_ns;
  }
  EXPECT_GT(last, before);
  EXPECT_LT(last - before, 60'000'000'000U) << "the wall clock, not some counter";
}

TEST_F(ReactorTest, WaitsForALateReaderAndLosesNoEvent) {
  MarketOptions options;
  options.event_slots = 16;
  const auto market = open(folder.path(), options);
  Client client(reactor, *market);
  client.send(configure_command());
  client.drain_through(1);
  for (std::uint64_t order = 1; order <= 100; ++order) {
    client.send(place_command(wire::Side::sell, 100, 1));
    client.drain_through(1 + order);
  }
  // One command with over a hundred events into sixteen slots, and nobody reads.
  client.send(place_command(wire::Side::buy, 100, 100));
  while (client.region().event_ring_stalls.load() < 1.0) {
    std::this_thread::yield();
  }
  const std::vector<wire::Event> events = client.drain_through(102);
  EXPECT_EQ(events.size(), 102U) << "accepted, a hundred executions, touch";
  for (std::uint32_t index = 0; index < events.size(); ++index) {
    EXPECT_EQ(events[index].index, index);
    EXPECT_EQ((events[index].flags & wire::event_is_last) != 0, index + 1 == events.size());
  }
  reactor.remove(*market);
}

TEST_F(ReactorTest, ServesOtherMarketsWhileOneReaderIsLate) {
  MarketOptions options;
  options.event_slots = 16;
  const auto late = open(folder.path(), options);
  const auto prompt = open(other_folder.path());
  Client late_client(reactor, *late);
  Client prompt_client(reactor, *prompt);
  late_client.send(configure_command());
  std::uint64_t sent = 1;
  while (late_client.region().event_ring_stalls.load() < 1.0) {
    sent += late_client.send(place_command(wire::Side::sell, 100, 1)) ? 1U : 0U;
  }
  prompt_client.send(configure_command());
  for (std::uint64_t order = 1; order <= 1000; ++order) {
    prompt_client.send(place_command(wire::Side::sell, 100, 1));
    prompt_client.drain_through(1 + order);
  }
  EXPECT_LT(late_client.region().matched.load(), static_cast<double>(sent));
  late_client.drain_through(sent);
  reactor.remove(*late);
  reactor.remove(*prompt);
  EXPECT_EQ(late->idle_sequence(), sent);
}

TEST_F(ReactorTest, ClosesAMarketWhoseReaderHasGone) {
  MarketOptions options;
  options.event_slots = 16;
  const auto market = open(folder.path(), options);
  Client client(reactor, *market);
  client.send(configure_command());
  for (int order = 0; order < 500; ++order) {
    client.send(place_command(wire::Side::sell, 100, 1));
  }
  market->discard_events();
  reactor.wake();
  reactor.remove(*market);
  EXPECT_EQ(market->idle_sequence(), 501U);
  EXPECT_EQ(client.region().journal.durable.load(), 501.0);
}

TEST_F(ReactorTest, KeepsMatchingButClaimsNothingDurableWhenTheDiskIsFull) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  client.send(configure_command());
  while (client.region().journal.durable.load() < 1.0) {
    std::this_thread::yield();
  }
  files.write_error = -ENOSPC;
  files.good_writes = 0;
  client.region().durable_armed.store(1);
  for (int order = 0; order < 200; ++order) {
    client.send(place_command(wire::Side::sell, 100, 1));
  }
  client.drain_through(201);
  while (client.region().journal.failed.load() == 0) {
    std::this_thread::yield();
  }
  reactor.remove(*market);
  EXPECT_EQ(client.region().journal.durable.load(), 1.0);
  EXPECT_EQ(rung.load(), 1);
  EXPECT_NE(market->channel().failure().find(std::strerror(ENOSPC)), std::string::npos);
}

TEST_F(ReactorTest, AdoptsRecordsOfAnotherLogByteForByte) {
  const auto source = open(folder.path());
  Client client(reactor, *source);
  client.send(configure_command(5000));
  for (std::uint32_t order = 1; order <= 2000; ++order) {
    client.send(place_command(order % 3 == 0 ? wire::Side::buy : wire::Side::sell, 100 + order % 11,
                              5, order));
  }
  client.drain_through(2001);
  reactor.remove(*source);
  const std::vector<Record> records = records_of(*source);

  MarketOptions options;
  options.record_slots = 64;
  const auto target = open(other_folder.path(), options);
  reactor.adopt(*target, records);
  Client other(reactor, *target);
  EXPECT_EQ(other.region().matched.load(), 2001.0);
  EXPECT_TRUE(other.drain().empty()) << "no events of what is long past";
  other.send(place_command(wire::Side::buy, 1, 1));
  EXPECT_EQ(other.drain_through(2002).front().sequence, 2002U);
  reactor.remove(*target);
  std::vector<Record> copy = records_of(*target);
  ASSERT_EQ(copy.size(), 2002U);
  copy.pop_back();
  EXPECT_TRUE(std::ranges::equal(copy, records, {}, &Record::bytes, &Record::bytes));
}

TEST_F(ReactorTest, WritesTheEpochThatWasSetWhenTheCommandWasSent) {
  MarketOptions options;
  options.epoch = 3;
  const auto market = open(folder.path(), options);
  Client client(reactor, *market);
  client.send(configure_command());
  client.drain_through(1);
  market->set_epoch(9);
  client.send(place_command(wire::Side::sell, 100, 1));
  client.drain_through(2);
  reactor.remove(*market);
  const std::vector<Record> records = records_of(*market);
  EXPECT_EQ(records[0].prefix().epoch, 3U);
  EXPECT_EQ(records[1].prefix().epoch, 9U);
}

TEST_F(ReactorTest, CarriesASweepOnWhenNobodySendsAnotherCommand) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  client.send(configure_command());
  constexpr std::uint32_t orders = 300;
  for (std::uint32_t number = 0; number < orders; ++number) {
    client.send(place_command(wire::Side::buy, 100 + number % 7, 1));
  }
  wire::Command sweep{};
  sweep.kind = static_cast<std::uint8_t>(wire::CommandKind::mass_cancel);
  sweep.account = 7;
  client.send(sweep);
  client.wait_matched(2 + orders + 1);  // one command does not cancel them all
  while (client.region().resting_orders.load() > 0) {
    std::this_thread::yield();
  }
  const std::vector<wire::Event> events = client.drain();
  EXPECT_EQ(std::ranges::count(events, static_cast<std::uint8_t>(wire::EventKind::canceled),
                               &wire::Event::kind),
            orders);
  EXPECT_NE(events.back().flags & wire::event_is_foreign, 0);
  reactor.remove(*market);
  const std::vector<Record> records = records_of(*market);
  EXPECT_EQ(records.back().command().kind, static_cast<std::uint8_t>(wire::CommandKind::tick));
}

TEST_F(ReactorTest, SleepsWhenIdleAndWakesForACommand) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  for (int round = 0; round < 20; ++round) {
    while (region.parked.load() == 0) {
      std::this_thread::yield();
    }
    client.send(configure_command());
    client.drain_through(static_cast<std::uint64_t>(round) + 1);
  }
  EXPECT_GE(region.parkings.load(), 20U);
  reactor.remove(*market);
}

// Both rings tiny, both sides sleeping and waking all the time, while the journal follows.
TEST_F(ReactorTest, LosesNothingUnderStress) {
  constexpr std::uint64_t commands = 20'000;
  MarketOptions options;
  options.command_slots = 32;
  options.event_slots = 64;
  options.record_slots = 32;
  const auto market = open(folder.path(), options);
  Client client(reactor, *market);
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint32_t index = 0;
  while (answered < commands) {
    while (sent < commands &&
           client.send(sent == 0 ? configure_command()
                                 : place_command(sent % 2 == 0 ? wire::Side::buy : wire::Side::sell,
                                                 100 + static_cast<std::int64_t>(sent % 5),
                                                 1 + sent % 9, static_cast<std::uint32_t>(sent)))) {
      ++sent;
    }
    for (const wire::Event& event : client.drain(7)) {
      ASSERT_EQ(event.sequence, answered + 1);
      ASSERT_EQ(event.tag, answered);
      ASSERT_EQ(event.index, index++);
      if ((event.flags & wire::event_is_last) != 0) {
        ++answered;
        index = 0;
      }
    }
  }
  reactor.remove(*market);
  EXPECT_EQ(client.region().journal.durable.load(), static_cast<double>(commands));
  EXPECT_TRUE(market->idle_engine().verify());
  const std::uint64_t digest = market->idle_engine().digest();
  const auto records = records_of(*market);
  EXPECT_EQ(records.back().prefix().sequence, commands);
  const auto copy = open(other_folder.path());
  reactor.adopt(*copy, records);
  reactor.remove(*copy);
  EXPECT_EQ(copy->idle_engine().digest(), digest);
}

TEST_F(ReactorTest, ShowsDepthWhileItMatches) {
  constexpr std::uint64_t commands = 20'000;
  const auto market = open(folder.path());
  Client client(reactor, *market);
  std::atomic<bool> is_done{false};
  std::atomic<std::uint64_t> reads{0};
  std::uint64_t last = 0;
  std::thread thread([&] {
    engine::DepthReader reader = depth_reader(*market);
    engine::DepthSnapshot snapshot;
    for (bool is_last = false; !is_last;) {
      is_last = is_done.load();
      const std::uint64_t floor = reader.begin();
      while (!reader.read(floor, snapshot)) {
        std::this_thread::yield();
      }
      ASSERT_GE(snapshot.sequence, std::max(floor, last));
      last = snapshot.sequence;
      const engine::DepthSide& bids = snapshot.sides[0];
      const engine::DepthSide& asks = snapshot.sides[1];
      if (bids.level_count > 0 && asks.level_count > 0) {
        ASSERT_LT(bids.levels[0].price, asks.levels[0].price);
      }
      ++reads;
    }
  });
  client.send(configure_command(commands));
  for (std::uint64_t sent = 1; sent < commands;) {
    sent += client.send(place_command(sent % 2 == 0 ? wire::Side::buy : wire::Side::sell,
                                      100 + static_cast<std::int64_t>(sent % 5), 1 + sent % 9))
                ? 1U
                : 0U;
    client.drain();
    while (sent == commands / 2 && reads.load() == 0) {
      std::this_thread::yield();  // a reader that gets its turn late still reads in the middle
    }
  }
  client.drain_through(commands);
  is_done.store(true);
  thread.join();
  EXPECT_EQ(last, commands);
  EXPECT_GT(reads.load(), 1U);
  reactor.remove(*market);
}

TEST_F(ReactorTest, LeavesDepthBehindWhenItSleepsRecoversAdoptsAndCloses) {
  const auto expect_shown = [](HostedMarket& market, std::uint64_t sequence, std::uint64_t lots) {
    engine::DepthReader stranger(depth_region(market.depth_memory().memory().data()), nullptr, 1);
    engine::DepthSnapshot snapshot;
    engine::DepthTopView top;
    const std::uint64_t floor = stranger.begin();
    EXPECT_EQ(floor, sequence);
    ASSERT_TRUE(stranger.read(floor, snapshot));
    EXPECT_EQ(snapshot.sides[1].levels[0].lots.value(), lots);
    ASSERT_TRUE(stranger.top(top));
    EXPECT_EQ(top.ask_lots.value(), lots);
  };
  std::vector<Record> records;
  {
    const auto market = open(folder.path());
    Client client(reactor, *market);
    client.send(configure_command());
    client.send(place_command(wire::Side::sell, 100, 5));
    client.drain_through(2);
    wait_parked();
    expect_shown(*market, 2, 5);
    client.send(place_command(wire::Side::sell, 100, 2));
    reactor.remove(*market);
    expect_shown(*market, 3, 7);
    records = records_of(*market);
  }
  const auto market = open(folder.path());
  expect_shown(*market, 3, 7);
  reactor.remove(*market);
  const auto copy = open(other_folder.path());
  reactor.adopt(*copy, records);
  wait_parked();
  expect_shown(*copy, 3, 7);
  reactor.remove(*copy);
}

TEST_F(ReactorTest, WakesForThePageThatItsOwnerAsksFor) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  client.send(configure_command());
  client.send(place_command(wire::Side::sell, 100, 5));
  client.drain_through(2);
  engine::DepthReader reader = depth_reader(*market);
  engine::DepthPage page;
  for (std::uint32_t round = 0; round < 20; ++round) {
    if (round % 2 == 0) {
      wait_parked();
    }
    reader.ask_page(wire::Side::sell, PriceTicks{round % 4 < 2 ? 100U : 101U});
    reactor.wake();
    while (!reader.page(page)) {
      std::this_thread::yield();
    }
    EXPECT_EQ(page.count, round % 4 < 2 ? 1U : 0U);
    EXPECT_EQ(page.sequence, 2U);
  }
  reactor.remove(*market);
}

TEST_F(ReactorTest, LetsAnotherProcessReadDepthAndWriteNone) {
  const auto market = open(folder.path());
  Client client(reactor, *market);
  client.send(configure_command());
  client.send(place_command(wire::Side::sell, 100, 5));
  client.drain_through(2);
  wait_parked();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int descriptor = market->depth_memory().descriptor();
    constexpr std::size_t bytes = sizeof(engine::DepthRegion);
    void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    const bool is_writable =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) != MAP_FAILED ||
        mprotect(memory, bytes, PROT_READ | PROT_WRITE) == 0;
    const engine::DepthRegion& shown = depth_region(memory);
    engine::DepthReader reader(shown, nullptr, 1);
    engine::DepthSnapshot snapshot;
    const bool is_read = shown.magic == engine::DepthRegion::expected_magic &&
                         reader.read(reader.begin(), snapshot) && snapshot.sequence == 2 &&
                         snapshot.sides[1].orders[0].lots.value() == 5;
    _exit(is_read && !is_writable ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  reactor.remove(*market);
}

}  // namespace
}  // namespace meridian::reactor
