#include "journal/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string_view>

#include "journal/lock_line.hpp"
#include "journal/log_reader.hpp"
#include "journal/seal_file.hpp"
#include "journal/test_support.hpp"

namespace meridian::journal {
namespace {

// Where the third sector of a segment file begins, in bytes.
constexpr std::size_t third_sector = 1536;

constexpr std::size_t bytes_of(std::uint64_t records) { return records * wire::record_bytes; }

class LogTest : public testing::Test {
 protected:
  // Opens the log; what it replays is in `replayed`, why it was refused in `reason`.
  std::unique_ptr<Log> open(std::uint64_t in_segment = segment_records) {
    replayed.clear();
    recovery = {};
    reason.clear();
    return Log::open(
        files, folder.path(),
        [this](std::span<const Record> records) {
          replayed.insert(replayed.end(), records.begin(), records.end());
        },
        recovery, reason, in_segment);
  }
  void write_log(std::uint64_t first, std::uint64_t count) {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    ASSERT_EQ(log->append(make_records(first, count), reason), Appended::all) << reason;
  }
  void expect_replayed(std::uint64_t count) {
    ASSERT_EQ(replayed.size(), count);
    for (std::uint64_t index = 0; index < count; ++index) {
      ASSERT_EQ(replayed[index].bytes, make_record(index + 1).bytes) << "record " << index + 1;
    }
  }
  // Writes over the first segment, without the log knowing.
  void poke(std::size_t at, std::string_view bytes) {
    std::fstream file(folder.file(segment_name(1)),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }
  void poke_record(std::uint64_t index, const Record& record) {
    poke(bytes_of(index),
         {reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()});
  }

  TemporaryFolder folder;
  FaultyFileSystem files;
  std::vector<Record> replayed;
  Recovery recovery;
  std::string reason;
};

TEST(Checksum, GivesThePublishedValuesWithAndWithoutTheInstruction) {
  constexpr std::string_view text = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(text))), 0xE3069283U);
  EXPECT_EQ(crc32c_portable(std::as_bytes(std::span(text))), 0xE3069283U);
  const Record record = make_record(77);
  for (std::size_t length = 0; length <= record.bytes.size(); ++length) {
    const auto part = std::span(record.bytes).first(length);
    EXPECT_EQ(crc32c(part), crc32c_portable(part)) << length;
    const auto rest = std::span(record.bytes).subspan(length);
    EXPECT_EQ(crc32c(rest, crc32c(part)), crc32c(record.bytes)) << length;
    EXPECT_EQ(crc32c_portable(rest, crc32c_portable(part)), crc32c(record.bytes)) << length;
  }
}

TEST_F(LogTest, ReplaysWhatWasAppendedAndKeepsItsId) {
  std::string id;
  {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    id = log->id();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(log->append(make_records(1, 100), reason), Appended::all);
    EXPECT_EQ(log->append(make_records(101, 23), reason), Appended::all);
  }
  const auto log = open();
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(log->id(), id);
  expect_replayed(123);
  EXPECT_EQ(recovery.last_sequence, 123U);
  EXPECT_EQ(recovery.last_epoch, 1U);
  EXPECT_EQ(recovery.last_timestamp_ns, 1'123U);
  EXPECT_EQ(recovery.cut_bytes, 0U);
}

TEST_F(LogTest, GoesOnInANewSegmentAndReadsAcrossTheBorder) {
  write_log(1, segment_records + 5);
  const auto log = open();
  ASSERT_NE(log, nullptr) << reason;
  expect_replayed(segment_records + 5);
  LogReader reader(*log);
  std::vector<Record> read(10);
  EXPECT_EQ(reader.read(segment_records - 1, segment_records + 4, read), 6U);
  for (std::uint64_t index = 0; index < 6; ++index) {
    EXPECT_EQ(read[index].bytes, make_record(segment_records - 1 + index).bytes);
  }
  EXPECT_EQ(reader.read(1, segment_records, read), 10U) << "as many as fit";
  EXPECT_EQ(reader.read(segment_records + 6, segment_records + 9, read), 0U);
  EXPECT_EQ(reader.read(0, 5, read), 0U);
}

TEST_F(LogTest, GivesReadersTheSameRecordsFromMemoryAndFromTheDisk) {
  const auto log = open();
  ASSERT_NE(log, nullptr) << reason;
  LogReader reader(*log);
  std::vector<Record> read(2 * recent_records);
  std::uint64_t last = 0;
  for (const std::uint64_t count : {5U, 2'730U, 20'000U, 40'000U}) {
    ASSERT_EQ(log->append(make_records(last + 1, count), reason), Appended::all);
    last += count;
    for (const std::uint64_t from : {std::uint64_t{1}, last > 16'500 ? last - 16'500 : 1, last}) {
      const std::size_t expected = std::min<std::size_t>(last - from + 1, read.size());
      ASSERT_EQ(reader.read(from, UINT64_MAX - 1, read), expected);
      for (std::size_t index = 0; index < expected; ++index) {
        ASSERT_EQ(read[index].bytes, make_record(from + index).bytes) << from + index;
      }
    }
  }
}

TEST_F(LogTest, CutsATornRecordReportsItAndGoesOnFromThere) {
  write_log(1, 10);
  const Record next = make_record(11);
  poke(bytes_of(10), {reinterpret_cast<const char*>(next.bytes.data()), 40});
  {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    expect_replayed(10);
    EXPECT_GT(recovery.cut_bytes, 0U);
    EXPECT_LE(recovery.cut_bytes, 40U);
    EXPECT_EQ(recovery.cut_file, folder.file(segment_name(1)));
    EXPECT_EQ(log->append(make_records(11, 2), reason), Appended::all);
  }
  const auto log = open();
  ASSERT_NE(log, nullptr) << reason;
  expect_replayed(12);
  EXPECT_EQ(recovery.cut_bytes, 0U);
}

TEST_F(LogTest, CutsAFileThatEndsInTheMiddleOfARecord) {
  write_log(1, 10);
  ASSERT_EQ(truncate(folder.file(segment_name(1)).c_str(), static_cast<off_t>(bytes_of(9) + 33)),
            0);
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(9);
  EXPECT_EQ(recovery.cut_bytes, 33U);
}

TEST_F(LogTest, CutsALostSectorOfTheLastGroupAndNeverRevivesWhatStoodBehindIt) {
  write_log(1, 40);
  // This sector of the file never reached the disk; the records behind it did.
  poke(third_sector, std::string(512, '\0'));
  {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    expect_replayed(third_sector / wire::record_bytes);
    EXPECT_GT(recovery.cut_bytes, bytes_of(20));
    // Fill exactly the hole: the old record 22 would continue the sequence.
    EXPECT_EQ(log->append(make_records(17, 5), reason), Appended::all);
  }
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(21);
}

TEST_F(LogTest, RefusesAFlippedBitInFrontOfWholeRecordsAndLeavesTheFileAsItIs) {
  write_log(1, 40);
  Record bad = make_record(18);
  bad.bytes[50] ^= std::byte{4};
  poke_record(17, bad);
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("damage: the record 18"), std::string::npos) << reason;
  EXPECT_NE(reason.find("restore"), std::string::npos) << reason;
  poke_record(17, make_record(18));
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(40);
}

TEST_F(LogTest, RefusesAHoleThatIsFurtherAwayThanTheLastGroup) {
  write_log(1, group_records + 100);
  poke(third_sector, std::string(512, '\0'));
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("damage"), std::string::npos) << reason;
}

TEST_F(LogTest, RefusesABrokenSegmentThatIsNotTheLast) {
  write_log(1, segment_records + 5);
  poke(bytes_of(segment_records - 1), "x");
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("damage"), std::string::npos) << reason;
}

TEST_F(LogTest, RefusesAMissingSegment) {
  write_log(1, segment_records + 5);
  std::filesystem::remove(folder.file(segment_name(1)));
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("segment is missing"), std::string::npos) << reason;
}

TEST_F(LogTest, RefusesAWholeRecordThatDoesNotContinueTheSequence) {
  write_log(1, 10);
  poke_record(10, make_record(12));
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("sequence 12 stands where 11 belongs"), std::string::npos) << reason;
}

TEST_F(LogTest, RefusesRecordsOfAVersionItDoesNotKnow) {
  write_log(1, 10);
  Record newer = make_record(11);
  newer.bytes[4] = std::byte{wire::record_version + 1};
  newer.seal();
  poke_record(10, newer);
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("of version 3"), std::string::npos) << reason;
}

TEST_F(LogTest, IsCompleteAfterShortWritesAndShortReads) {
  // Room for one block and a bit: the bit is written again.
  files.longest_write = block_bytes + 100;
  write_log(1, 500);
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(500);
}

TEST_F(LogTest, AppendsNothingMoreAfterAWriteFailed) {
  {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    EXPECT_EQ(log->append(make_records(1, 10), reason), Appended::all);
    files.good_writes = 0;
    EXPECT_EQ(log->append(make_records(11, 10), reason), Appended::failed);
    EXPECT_NE(reason.find(std::strerror(EIO)), std::string::npos) << reason;
    files.good_writes = SIZE_MAX;
    EXPECT_EQ(log->append(make_records(11, 10), reason), Appended::failed)
        << "a second sync would lie";
  }
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(10);
}

TEST_F(LogTest, SaysThatTheDiskIsFullWhenNoSegmentCanBeMade) {
  files.allocate_error = -ENOSPC;
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find(std::strerror(ENOSPC)), std::string::npos) << reason;
  EXPECT_NE(reason.find("free space"), std::string::npos) << reason;
  files.allocate_error = 0;
  EXPECT_NE(open(), nullptr) << reason;
}

TEST_F(LogTest, CountsWhatWasDurableBeforeTheNextSegmentFoundNoRoom) {
  {
    const auto log = open();
    ASSERT_NE(log, nullptr) << reason;
    files.allocate_error = -ENOSPC;
    EXPECT_EQ(log->append(make_records(1, segment_records + 5), reason), Appended::no_room);
    EXPECT_EQ(log->last_sequence(), segment_records);
  }
  files.allocate_error = 0;
  write_log(segment_records + 1, 5);
  ASSERT_NE(open(), nullptr) << reason;
  expect_replayed(segment_records + 5);
}

TEST_F(LogTest, HasOneHolderAtATime) {
  const auto holder = open();
  ASSERT_NE(holder, nullptr) << reason;
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("in use by process " + std::to_string(getpid())), std::string::npos)
      << reason;
}

TEST_F(LogTest, RefusesALineOfALivingProcessAndTakesOverFromADeadOne) {
  // As the portable engine leaves it: a line, no flock.
  std::ofstream(folder.file("lock")) << lock_line(getppid());
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("in use by process " + std::to_string(getppid())), std::string::npos);

  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  // The child is dead but not waited for: its id still exists.
  siginfo_t ended{};
  waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  std::ofstream(folder.file("lock")) << child << " 1\n";
  EXPECT_NE(open(), nullptr) << reason;
  EXPECT_EQ(lock_line(child), "");
  waitpid(child, nullptr, 0);
  std::ofstream(folder.file("lock")) << "what is this\n";
  EXPECT_NE(open(), nullptr) << reason;
  EXPECT_EQ(std::filesystem::file_size(folder.file("lock")), 0U) << "released";
}

TEST_F(LogTest, RefusesAnIdThatIsNotOne) {
  write_log(1, 1);
  std::ofstream(folder.file("log.id")) << "garbage\n";
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("log.id"), std::string::npos) << reason;
}

SealEntry sealed_to(std::uint64_t last) {
  SealEntry entry{};
  entry.version = seal_version;
  entry.kind = static_cast<std::uint16_t>(SealKind::block);
  entry.first = last;
  entry.last = last;
  entry.crc32c = crc32c(std::as_bytes(std::span(&entry, 1)).subspan(sizeof(entry.crc32c)));
  return entry;
}

// Seals of one record each, up to `last`, and room behind them.
std::vector<SealEntry> seals_to(std::uint64_t last) {
  std::vector<SealEntry> entries;
  for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
    entries.push_back(sealed_to(sequence));
  }
  entries.resize(entries.size() + seal_group);
  return entries;
}

void write_seals(const std::string& path, std::span<const SealEntry> entries) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(entries.data()),
             static_cast<std::streamsize>(entries.size_bytes()));
  ASSERT_TRUE(file.good());
}

TEST_F(LogTest, RefusesALogThatEndsBetweenTwoRecordsBeforeItsLastSeal) {
  write_log(1, 20);
  write_seals(folder.file("seals"), seals_to(20));
  EXPECT_NE(open(), nullptr) << reason;
  std::filesystem::resize_file(folder.file(segment_name(1)), bytes_of(19));
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("ends at record 19, but it went on: it was durable up to 20"),
            std::string::npos)
      << reason;
  write_seals(folder.file("seals"), seals_to(19));
  EXPECT_NE(open(), nullptr) << reason;
  expect_replayed(19);
}

TEST_F(LogTest, BeginsBehindTheSegmentsThatWereTrimmed) {
  constexpr std::uint64_t in_segment = 50;
  const auto is_there = [this](std::uint64_t first) {
    return std::filesystem::exists(folder.file(segment_name(first)));
  };
  {
    const auto log = open(in_segment);
    ASSERT_NE(log, nullptr) << reason;
    ASSERT_EQ(log->append(make_records(1, 280), reason), Appended::all);
    EXPECT_EQ(log->oldest_segment_end(), 50U);
    std::filesystem::copy_file(folder.file(segment_name(51)), folder.file("kept"));
    ASSERT_EQ(begin_seals(files, folder.path(), {.sequence = 120}), 0);
    EXPECT_EQ(log->trim(120), 0);
    EXPECT_FALSE(is_there(1) || is_there(51));
    EXPECT_TRUE(is_there(101));
    EXPECT_EQ(log->oldest_segment_end(), 150U);
    Segment segment{};
    EXPECT_FALSE(log->find_segment(100, segment));
    EXPECT_TRUE(log->find_segment(101, segment));
    ASSERT_EQ(log->append(make_records(281, 40), reason), Appended::all);
  }
  // A crash while segments went can leave any of them.
  std::filesystem::copy_file(folder.file("kept"), folder.file(segment_name(51)));
  const auto again = open(in_segment);
  ASSERT_NE(again, nullptr) << reason;
  EXPECT_FALSE(is_there(51));
  EXPECT_EQ(recovery.first_sequence, 101U);
  ASSERT_EQ(replayed.size(), 220U);
  EXPECT_EQ(replayed.front().bytes, make_record(101).bytes);
}

TEST_F(LogTest, RefusesALogThatBeginsLaterThanItsSealsSay) {
  constexpr std::uint64_t in_segment = 50;
  {
    const auto log = open(in_segment);
    ASSERT_EQ(log->append(make_records(1, 180), reason), Appended::all);
  }
  ASSERT_EQ(begin_seals(files, folder.path(), {.sequence = 60}), 0);
  std::filesystem::remove(folder.file(segment_name(1)));
  EXPECT_NE(open(in_segment), nullptr) << reason;
  std::filesystem::remove(folder.file(segment_name(51)));
  EXPECT_EQ(open(in_segment), nullptr);
  EXPECT_NE(reason.find("stands where the record 61 belongs, so a segment is missing"),
            std::string::npos)
      << reason;
}

TEST_F(LogTest, TellsATornWriteOfSealsFromDamage) {
  write_log(1, 2 * seal_group);
  auto seals = seals_to(2 * seal_group);
  const auto write = [&] { write_seals(folder.file("seals"), seals); };
  // A sector that never came, of the last write; the seals behind it count for nothing.
  seals[2 * seal_group - 3] = {};
  write();
  EXPECT_NE(open(), nullptr) << reason;
  // Of a write before.
  seals[10] = {};
  write();
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("damage: seal 11 in"), std::string::npos) << reason;
  // A bit of an entry that did come.
  seals = seals_to(2 * seal_group);
  seals[2 * seal_group - 3].hash[5] = std::byte{1};
  write();
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("is broken, but seal 511 behind it is whole"), std::string::npos) << reason;
  seals = seals_to(2);
  seals[1].version = seal_version + 1;
  seals[1].crc32c = crc32c(std::as_bytes(std::span(&seals[1], 1)).subspan(sizeof(seals[1].crc32c)));
  write();
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(reason.find("start the release that wrote them"), std::string::npos) << reason;
}

}  // namespace
}  // namespace meridian::journal
