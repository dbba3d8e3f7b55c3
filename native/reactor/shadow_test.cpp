// Snapshots by the shadow, recovery from them, and rollback to any record.
#include "reactor/shadow.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "reactor/rollback.hpp"
#include "reactor/test_support.hpp"

namespace meridian::reactor {
namespace {

using journal::ChainPoint;
using journal::Record;
using journal::SnapshotHeader;

std::uint64_t seed_or(std::uint64_t fixed) {
  const char* given = std::getenv("MERIDIAN_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fixed;
}

ChainPoint point_at(std::uint64_t sequence) {
  ChainPoint point;
  point.sequence = sequence;
  point.epoch = 1;
  point.hash[0] = static_cast<std::byte>(sequence);
  return point;
}

using Engine = OwnEngine;

// Commands of every kind with small numbers in every field: most do something, some are refused.
wire::Command any_command(std::mt19937_64& random) {
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(below(3) != 0 ? 1 : 1 + below(15));
  command.side = static_cast<std::uint8_t>(below(2));
  command.account = static_cast<std::uint32_t>(1 + below(5));
  command.price = static_cast<std::int32_t>(90 + below(21));
  command.quantity = static_cast<std::uint32_t>(1 + below(50));
  if (below(3) == 0) {
    command.session = 1 + below(4);
    command.number = 1 + below(10'000);
  }
  if (command.kind == static_cast<std::uint8_t>(wire::CommandKind::configure)) {
    return configure_command();
  }
  if (command.kind != 1 || below(3) == 0) {
    command.order_type = static_cast<std::uint8_t>(below(8));
    command.time_in_force = static_cast<std::uint8_t>(below(8));
    command.trigger = static_cast<std::int32_t>(below(4) == 0 ? 90 + below(21) : below(6));
    command.display = static_cast<std::uint32_t>(below(3) == 0 ? below(10) : 0);
    command.order_id = below(4) == 0 ? 0 : ((1 + below(4)) << 24U) + below(60);
    command.attributes = static_cast<std::uint16_t>(below(3) == 0 ? below(1U << 12U) : 0);
  }
  return command;
}

// Records of a market, and the digest that each left behind.
struct Story {
  std::vector<Record> records;
  std::vector<std::uint64_t> digests;
};

Story make_story(std::uint64_t seed, std::uint64_t length) {
  std::mt19937_64 random(seed);
  Engine engine;
  Story story;
  std::uint64_t now = 1'000;
  for (std::uint64_t sequence = 1; sequence <= length; ++sequence) {
    now += random() % 3 == 0 ? random() % 400'000'000 : 0;
    const wire::Command command = sequence == 1 ? configure_command() : any_command(random);
    Record record{};
    record.fill(1, sequence, now, command);
    record.seal();
    story.records.push_back(record);
    JournalledMode mode;
    replay(engine.market(), std::span(&record, 1), mode);
    story.digests.push_back(engine.market().digest());
  }
  return story;
}

class ShadowTest : public testing::Test {
 protected:
  // Writes the story as a log, with a snapshot at each of the sequences.
  void write(const Story& story, const std::vector<std::uint64_t>& snapshots) {
    journal::Recovery recovery;
    const auto written = journal::Log::open(
        files, folder.path(), [](std::span<const Record>) {}, recovery, reason, 2'000);
    ASSERT_NE(written, nullptr) << reason;
    ASSERT_EQ(written->append(story.records, reason), journal::Appended::all) << reason;
    Engine fed;
    std::uint64_t applied = 0;
    for (const std::uint64_t at : snapshots) {
      JournalledMode mode;
      replay(fed.market(), std::span(story.records).subspan(applied, at - applied), mode);
      applied = at;
      journal::Snapshot snapshot;
      snapshot.state.resize(fed.market().saved_bytes());
      ASSERT_EQ(fed.market().save(snapshot.state), snapshot.state.size());
      snapshot.header.sequence = at;
      snapshot.header.record_epoch = 1;
      snapshot.header.timestamp_ns = story.records[at - 1].prefix().timestamp_ns;
      snapshot.header.digest = fed.market().digest();
      std::ranges::copy(written->id(), snapshot.header.log_id.begin());
      ASSERT_EQ(journal::write_snapshot(files, folder.path(), snapshot), 0);
    }
  }
  void recover() {
    engine = std::make_unique<Engine>();
    found = {};
    reason.clear();
    log = recover_market(files, folder.path(), engine->market(), found, reason);
  }
  void damage(std::uint64_t sequence, std::streamoff at) {
    std::fstream file(folder.file(journal::snapshot_name(sequence)),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 4));
    ASSERT_TRUE(file.good());
  }

  journal::TemporaryFolder folder;
  journal::PosixFileSystem files;
  std::unique_ptr<Engine> engine;
  MarketRecovery found;
  std::string reason;
  std::unique_ptr<journal::Log> log;
};

TEST_F(ShadowTest, RecoversFromTheNewestGoodSnapshotAndNamesTheOthers) {
  const Story story = make_story(seed_or(7), 5'000);
  write(story, {1'000, 3'000, 4'321});
  recover();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(found.snapshot.sequence, 4'321U);
  EXPECT_EQ(found.replayed, 679U);
  EXPECT_EQ(engine->market().digest(), story.digests.back());
  EXPECT_TRUE(found.faults.empty());
  log.reset();
  EXPECT_FALSE(std::filesystem::exists(folder.file(journal::snapshot_name(1'000))));

  damage(4'321, 1'000);
  recover();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(found.snapshot.sequence, 3'000U);
  EXPECT_EQ(engine->market().digest(), story.digests.back());
  ASSERT_EQ(found.faults.size(), 1U);
  EXPECT_NE(found.faults[0].find("snapshot-0000000000004321.state is damaged"), std::string::npos);
  log.reset();

  damage(3'000, 30);
  recover();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(found.snapshot.sequence, 0U);
  EXPECT_EQ(found.replayed, 5'000U);
  EXPECT_EQ(found.faults.size(), 2U);
  EXPECT_EQ(engine->market().digest(), story.digests.back());
}

TEST_F(ShadowTest, RefusesALogThatEndsBeforeItsSnapshot) {
  const Story story = make_story(seed_or(8), 3'000);
  write(story, {2'900});
  std::filesystem::remove(folder.file(journal::segment_name(2'001)));
  recover();
  EXPECT_EQ(log, nullptr);
  EXPECT_NE(reason.find("damage: the log"), std::string::npos) << reason;
  EXPECT_NE(reason.find("ends at record 2000"), std::string::npos) << reason;
}

TEST_F(ShadowTest, UsesNoSnapshotOfAnotherHistory) {
  const Story story = make_story(seed_or(9), 3'000);
  write(story, {2'000});
  const std::string snapshot = folder.file(journal::snapshot_name(2'000));
  std::filesystem::copy(snapshot, folder.file("kept"));
  std::filesystem::remove(folder.file("log.id"));
  recover();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(found.replayed, 3'000U);
  ASSERT_EQ(found.faults.size(), 1U);
  EXPECT_NE(found.faults[0].find("is of another log"), std::string::npos);
  EXPECT_EQ(engine->market().digest(), story.digests.back());
  log.reset();

  // The same log, but the record is another one.
  journal::Snapshot other;
  ASSERT_TRUE(journal::read_snapshot(files, folder.path(), 2'000, other, reason)) << reason;
  std::ranges::copy(journal::stored_log_id(files, folder.path()), other.header.log_id.begin());
  other.header.timestamp_ns += 1;
  ASSERT_EQ(journal::write_snapshot(files, folder.path(), other), 0);
  recover();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(found.replayed, 3'000U);
  EXPECT_NE(found.faults.back().find("does not continue this log"), std::string::npos);
  EXPECT_EQ(engine->market().digest(), story.digests.back());
}

TEST_F(ShadowTest, RollsBackToAnyRecordWithAndWithoutSnapshots) {
  const std::uint64_t seed = seed_or(11);
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  const Story story = make_story(seed, 6'000);
  write(story, {2'500, 4'000});
  std::mt19937_64 random(seed);
  std::uint64_t with_snapshot = 0;
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t target = random() % 6'001;
    const std::uint64_t expected =
        target == 0 ? Engine().market().digest() : story.digests[target - 1];
    for (const bool uses_snapshots : {true, false}) {
      Engine rolled;
      RolledBack result;
      ASSERT_TRUE(roll_back(files, folder.path(), {.sequence = target}, uses_snapshots,
                            rolled.market(), result, reason))
          << reason;
      ASSERT_EQ(result.sequence, target);
      ASSERT_EQ(result.digest, expected) << "round " << round << " target " << target;
      ASSERT_TRUE(rolled.market().verify());
      with_snapshot += result.snapshot.sequence > 0 ? 1 : 0;
      ASSERT_EQ(result.replayed, target - result.snapshot.sequence);
    }
  }
  EXPECT_GT(with_snapshot, 20U);
}

TEST_F(ShadowTest, RollsBackToATimeAndMakesALogOfIt) {
  const Story story = make_story(seed_or(12), 5'000);
  write(story, {2'500});
  const std::uint64_t time = story.records[3'210].prefix().timestamp_ns;
  std::uint64_t last = 3'211;
  while (last < 5'000 && story.records[last].prefix().timestamp_ns == time) {
    ++last;
  }
  Engine rolled;
  RolledBack result;
  ASSERT_TRUE(roll_back(files, folder.path(), {.timestamp_ns = time}, true, rolled.market(), result,
                        reason));
  EXPECT_EQ(result.sequence, last);
  EXPECT_EQ(result.digest, story.digests[last - 1]);

  const std::string copy = folder.file("copy");
  std::string id;
  ASSERT_TRUE(copy_log(files, folder.path(), copy, last, id, reason)) << reason;
  EXPECT_NE(id, journal::stored_log_id(files, folder.path()));
  engine = std::make_unique<Engine>();
  log = recover_market(files, copy, engine->market(), found, reason);
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(log->last_sequence(), last);
  EXPECT_EQ(engine->market().digest(), result.digest);
  EXPECT_FALSE(copy_log(files, folder.path(), copy, last, id, reason));
  EXPECT_NE(reason.find("is not empty"), std::string::npos);
}

class HostedShadowTest : public testing::Test {
 protected:
  std::unique_ptr<HostedMarket> open() {
    std::string reason;
    MarketOptions options;
    options.directory = folder.path();
    options.epoch = 1;
    options.snapshot_interval = 1'000;
    auto market = HostedMarket::open(
        files, options, reactor.thread(), [](void*) noexcept {}, nullptr, reason);
    EXPECT_NE(market, nullptr) << reason;
    if (market != nullptr) {
      reactor.add(*market);
    }
    return market;
  }
  void close(std::unique_ptr<HostedMarket>& market) {
    market->discard_events();
    reactor.wake();
    reactor.remove(*market);
    market.reset();
  }
  void send(HostedMarket& market, std::uint64_t count) {
    Client client(reactor, market);
    const double before = client.region().matched.load();
    for (std::uint64_t number = 1; number <= count; ++number) {
      const wire::Side side = number % 2 == 0 ? wire::Side::buy : wire::Side::sell;
      const wire::Command command =
          before == 0.0 && number == 1
              ? configure_command(100'000)
              : place_command(side, static_cast<std::int64_t>(500 + number * 7 % 11),
                              number % 5 + 1);
      while (!client.send(command)) {
        client.drain();
      }
      client.drain();
    }
    client.wait_matched(before + static_cast<double>(count));
    client.drain();
    while (market.region().journal.durable.load() < before + static_cast<double>(count)) {
      std::this_thread::yield();
    }
  }
  static ShadowState wait_for(HostedMarket& market, std::uint64_t sequence) {
    while (market.shadow().state().point.sequence < sequence) {
      std::this_thread::yield();
    }
    return market.shadow().state();
  }

  journal::TemporaryFolder folder;
  journal::PosixFileSystem files;
  ReactorRegion region{};
  Reactor reactor{{}, region};
};

TEST_F(HostedShadowTest, FollowsTheAcceptedChainAndNoFurther) {
  auto market = open();
  send(*market, 5'000);
  EXPECT_EQ(market->shadow().state().point.sequence, 0U) << "nothing is accepted yet";
  reactor.accept(*market, point_at(900));
  EXPECT_EQ(wait_for(*market, 900).snapshot, 0U);
  reactor.accept(*market, point_at(3'000));
  const ShadowState reached = wait_for(*market, 3'000);
  EXPECT_EQ(reached.point.sequence, 3'000U);
  EXPECT_EQ(reached.point.hash[0], static_cast<std::byte>(3'000 & 255));
  reactor.accept(*market, point_at(5'000));
  EXPECT_EQ(wait_for(*market, 5'000).digest, market->idle_engine().digest());
  close(market);
}

TEST_F(HostedShadowTest, MakesTheSnapshotFromWhichTheMarketStartsAgain) {
  auto market = open();
  send(*market, 5'000);
  reactor.accept(*market, point_at(4'000));
  wait_for(*market, 4'000);
  while (market->shadow().state().snapshot < 4'000) {
    std::this_thread::yield();
  }
  const std::uint64_t digest = market->idle_engine().digest();
  close(market);

  market = open();
  EXPECT_EQ(market->recovery().snapshot.sequence, 4'000U);
  EXPECT_EQ(market->recovery().snapshot.epoch, 1U);
  EXPECT_EQ(market->recovery().snapshot.chain_hash[0], static_cast<std::byte>(4'000 & 255));
  EXPECT_EQ(market->recovery().replayed, 1'000U);
  EXPECT_EQ(market->idle_engine().digest(), digest);
  EXPECT_EQ(market->idle_sequence(), 5'000U);
  // The shadow starts from it as well.
  send(*market, 10);
  reactor.accept(*market, point_at(5'010));
  EXPECT_EQ(wait_for(*market, 5'010).digest, market->idle_engine().digest());
  close(market);
}

TEST_F(HostedShadowTest, NamesADurableRecordThatTheDiskChanged) {
  auto market = open();
  send(*market, 20'000);
  {
    std::fstream file(folder.file(journal::segment_name(1)),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(96 * 99 + 40);
    file.put('x');
  }
  reactor.accept(*market, point_at(20'000));
  while (market->shadow().state().failure.empty()) {
    std::this_thread::yield();
  }
  EXPECT_NE(market->shadow().state().failure.find("damage: the durable record 100"),
            std::string::npos)
      << market->shadow().state().failure;
  close(market);
}

}  // namespace
}  // namespace meridian::reactor
