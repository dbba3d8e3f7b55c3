#include "journal/journal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#include "journal/test_support.hpp"

namespace meridian::journal {
namespace {

constexpr std::uint32_t ring_records = 64;

// A market's side of the journal, with this thread as the match thread.
class JournalTest : public testing::Test {
 protected:
  void open() {
    std::string reason;
    Recovery recovery;
    replayed = 0;
    log = Log::open(
        files, folder.path(), [this](std::span<const Record> some) { replayed += some.size(); },
        recovery, reason, 1'000);
    ASSERT_NE(log, nullptr) << reason;
    channel = std::make_unique<Channel>(
        rings::RingReader<Record>(cursors, slots.data(), ring_records), *log, status,
        rings::Doorbell(
            armed, [](void* count) noexcept { ++*static_cast<std::atomic<int>*>(count); }, &rung),
        rings::Parking(parked),
        CommitObserver{[](void* context, std::uint64_t took_ns, std::uint32_t records) noexcept {
                         static_cast<Told*>(context)->groups += 1;
                         static_cast<Told*>(context)->records += records;
                         static_cast<Told*>(context)->took_ns += took_ns;
                       },
                       &told});
    journal.add(*channel);
  }
  void send(std::uint64_t first, std::uint64_t count) {
    rings::Parking own(parked);
    for (std::uint64_t sequence = first; sequence < first + count; ++sequence) {
      Record* slot = writer.next();
      while (slot == nullptr) {
        own.park(rings::Parked::blocked, [this] { return writer.has_room_ordered(1); });
        slot = writer.next();
      }
      *slot = make_record(sequence);
      writer.publish_ordered();
      journal.parking().wake();
    }
  }

  // Written by the journal thread.
  struct Told {
    std::atomic<std::uint64_t> groups{0};
    std::atomic<std::uint64_t> records{0};
    std::atomic<std::uint64_t> took_ns{0};
  };

  TemporaryFolder folder;
  FaultyFileSystem files;
  Told told;
  rings::RingCursors cursors{};
  std::array<Record, ring_records> slots{};
  rings::RingWriter<Record> writer{cursors, slots.data(), ring_records};
  JournalStatus status{};
  std::atomic<std::uint32_t> armed{0};
  std::atomic<std::uint32_t> parked{0};
  std::atomic<int> rung{0};
  std::uint64_t replayed = 0;
  std::unique_ptr<Log> log;
  std::unique_ptr<Channel> channel;
  Journal journal;
};

TEST_F(JournalTest, MakesEverythingDurableBeforeAChannelIsRemoved) {
  open();
  send(1, 5'000);
  journal.remove(*channel);
  EXPECT_EQ(status.durable.load(), 5'000.0);
  EXPECT_EQ(status.failed.load(), 0U);
  log.reset();
  open();
  EXPECT_EQ(replayed, 5'000U);
  journal.remove(*channel);
}

TEST_F(JournalTest, TellsWhatEachGroupTookAndHowManyRecordsItHad) {
  open();
  send(1, 1'000);
  journal.remove(*channel);
  EXPECT_EQ(told.records.load(), 1'000U);
  EXPECT_GE(told.groups.load(), 1'000U / ring_records);
  EXPECT_GT(told.took_ns.load(), 0U);
}

TEST_F(JournalTest, RingsOncePerArmingWhenTheDurableSequenceMoves) {
  open();
  send(1, 10);
  journal.remove(*channel);
  EXPECT_EQ(rung.load(), 0) << "nobody listened";
  journal.add(*channel);
  armed.store(1);
  send(11, 10);
  journal.remove(*channel);
  EXPECT_EQ(rung.load(), 1);
}

TEST_F(JournalTest, ReportsAFullDiskAndNeverHoldsUpTheProducerAfterwards) {
  open();
  files.good_writes = 1;
  files.write_error = -ENOSPC;
  send(1, 1);
  while (status.durable.load() < 1.0) {
    std::this_thread::yield();
  }
  armed.store(1);
  send(2, std::uint64_t{10} * ring_records);
  journal.remove(*channel);
  EXPECT_EQ(status.durable.load(), 1.0);
  EXPECT_EQ(status.failed.load(), 1U);
  EXPECT_EQ(rung.load(), 1) << "a failure is news too";
  EXPECT_NE(channel->failure().find(std::strerror(ENOSPC)), std::string::npos);
}

TEST_F(JournalTest, WaitsForRoomOnAFullDiskAndGoesOnByItself) {
  open();
  send(1, 1'000);
  while (status.durable.load() < 1'000.0) {
    std::this_thread::yield();
  }
  // Neither the spare of the next segment, if it is not there yet, nor the segment after it.
  files.allocate_error = -ENOSPC;
  std::thread sender([this] { send(1'001, 3'000); });
  while (status.waiting_for_room.load() == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(status.failed.load(), 0U);
  EXPECT_LE(status.durable.load(), 3'000.0);
  EXPECT_NE(channel->failure().find(std::strerror(ENOSPC)), std::string::npos);
  files.allocate_error = 0;
  sender.join();
  journal.remove(*channel);
  EXPECT_EQ(status.durable.load(), 4'000.0);
  EXPECT_EQ(status.waiting_for_room.load(), 0U);
  EXPECT_EQ(channel->failure(), "");
  log.reset();
  open();
  EXPECT_EQ(replayed, 4'000U);
  journal.remove(*channel);
}

TEST_F(JournalTest, FailsRatherThanKeepsAClosingMarketOnAFullDisk) {
  open();
  files.allocate_error = -ENOSPC;
  send(1, 1'000);
  send(1'001, ring_records);
  journal.remove(*channel);
  // With a spare there was room for one more segment, and nothing failed.
  EXPECT_EQ(status.failed.load(), status.durable.load() == 1'000.0 ? 1U : 0U);
}

}  // namespace
}  // namespace meridian::journal
