// The files of a log folder as anybody may have left them: opening refuses with a reason, or gives
// records that follow each other, and the log then goes on from there.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "input.hpp"
#include "journal/crc32c.hpp"
#include "journal/log.hpp"
#include "journal/seal_file.hpp"
#include "journal/snapshot_file.hpp"
#include "journal/test_disk.hpp"
#include "observed_market.hpp"

namespace {

using meridian::fuzz::expect;
using meridian::fuzz::Input;
using meridian::journal::Appended;
using meridian::journal::Log;
using meridian::journal::Record;
using meridian::journal::Recovery;
using meridian::journal::SealEntry;
using meridian::journal::SnapshotHeader;
using meridian::journal::TestDisk;

const std::string folder = "/log";
constexpr std::uint64_t records_in_segment = 50;

void put(TestDisk& disk, const std::string& name, std::span<const std::byte> bytes) {
  const int file = disk.open(folder + "/" + name);
  disk.write(file, bytes, 0);
  disk.sync(file);
  disk.close(file);
  disk.sync_directory(folder);
}

std::vector<std::byte> rest_of(Input& input, std::size_t most) {
  std::vector<std::byte> bytes;
  while (!input.is_empty() && bytes.size() < most) {
    bytes.push_back(input.take<std::byte>());
  }
  return bytes;
}

// Records with checksums, because no fuzzer finds them: right ones, and wrong in one way or
// another.
void put_records(TestDisk& disk, Input& input) {
  std::vector<Record> records;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp = 1;
  while (!input.is_empty() && records.size() < 3 * records_in_segment) {
    const auto way = input.take<std::uint8_t>();
    Record& record = records.emplace_back();
    if (way < 8) {
      continue;  // zeros
    }
    timestamp += way % 3;
    ++sequence;
    record.fill(1 + sequence / 40, sequence, timestamp, meridian::wire::Command{});
    if (way < 16) {
      record.bytes[input.below(96)] = input.take<std::byte>();
    }
    if (way >= 12) {
      record.seal();
    }
    if (way >= 16 && way < 22) {
      record.bytes[input.below(96)] = input.take<std::byte>();
    }
    if (way >= 22 && way < 26) {
      std::fill_n(record.bytes.begin() + input.below(96), 1, std::byte{0});
    }
  }
  for (std::size_t first = 0; first < records.size(); first += records_in_segment) {
    const auto part = std::span(records).subspan(first);
    auto bytes = std::as_bytes(part.first(std::min<std::size_t>(part.size(), records_in_segment)));
    put(disk, meridian::journal::segment_name(first + 1), bytes);
  }
}

void put_snapshot(TestDisk& disk, Input& input) {
  const std::uint64_t sequence = input.below(4);
  std::vector<std::byte> bytes = rest_of(input, 4096);
  if (bytes.size() >= sizeof(SnapshotHeader)) {
    SnapshotHeader header{};
    std::memcpy(&header, bytes.data(), sizeof(header));
    header.magic = meridian::journal::snapshot_magic;
    header.state_bytes = bytes.size() - sizeof(header);
    header.crc32c = 0;
    std::memcpy(bytes.data(), &header, sizeof(header));
    header.crc32c = meridian::journal::crc32c(bytes);
    std::memcpy(bytes.data(), &header, sizeof(header));
  }
  put(disk, meridian::journal::snapshot_name(sequence), bytes);
  meridian::journal::Snapshot snapshot;
  std::string reason;
  const bool is_whole = meridian::journal::read_snapshot(disk, folder, sequence, snapshot, reason);
  expect(is_whole != !reason.empty(), "a snapshot that is refused has a reason");
  expect(!is_whole || snapshot.header.sequence == sequence, "a snapshot is of its sequence");
}

// Seals with checksums over what the input says, beside a log of three segments or what is left of
// it.
void put_seals(TestDisk& disk, Input& input) {
  std::vector<Record> records(3 * records_in_segment);
  for (std::size_t index = 0; index < records.size(); ++index) {
    records[index].fill(1, index + 1, 1, meridian::wire::Command{});
    records[index].seal();
  }
  for (std::size_t first = input.below(2) * records_in_segment; first < records.size();
       first += records_in_segment) {
    put(disk, meridian::journal::segment_name(first + 1),
        std::as_bytes(std::span(records).subspan(first, records_in_segment)));
  }
  std::vector<SealEntry> entries(1 + input.below(6));
  for (SealEntry& entry : entries) {
    const auto way = input.take<std::uint8_t>();
    entry.version = way % 16 == 0 ? 2 : meridian::journal::seal_version;
    entry.kind = static_cast<std::uint16_t>(1 + input.below(6));
    entry.last = way % 8 == 1 ? input.take<std::uint64_t>() : input.below(200);
    entry.crc32c = meridian::journal::crc32c(
        std::as_bytes(std::span(&entry, 1)).subspan(sizeof(entry.crc32c)));
    if (way % 16 == 2) {
      entry = {};
    }
  }
  put(disk, "seals", std::as_bytes(std::span(entries)));
}

// The records of the log, or null with a reason.
std::unique_ptr<Log> open(TestDisk& disk, std::uint64_t& count, Recovery& recovery) {
  std::string reason;
  recovery = {};
  count = 0;
  auto log = Log::open(
      disk, folder,
      [&count](std::span<const Record> records) {
        // A trimmed log begins later than with record 1.
        count = count == 0 ? records.front().prefix().sequence - 1 : count;
        for (const Record& record : records) {
          expect(record.is_whole() && record.prefix().sequence == ++count,
                 "records follow each other");
        }
      },
      recovery, reason, records_in_segment);
  expect(log != nullptr || !reason.empty(), "a log that is refused has a reason");
  count = std::max(count, log == nullptr ? 0 : recovery.first_sequence - 1);
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  TestDisk disk(1);
  switch (input.below(6)) {
    case 0:
      put(disk, meridian::journal::segment_name(1), rest_of(input, 8192));
      break;
    case 1:
      put(disk, "log.id", rest_of(input, 64));
      break;
    case 2:
      put(disk, "lock", rest_of(input, 64));
      break;
    case 3:
      put_snapshot(disk, input);
      break;
    case 4:
      put_seals(disk, input);
      break;
    default:
      put_records(disk, input);
      break;
  }
  std::uint64_t count = 0;
  Recovery recovery;
  auto log = open(disk, count, recovery);
  if (log == nullptr) {
    return 0;
  }
  expect(log->last_sequence() == count && recovery.last_sequence == count, "the last is the last");
  std::vector<Record> more(3);
  std::uint64_t next = count;
  for (Record& record : more) {
    record.fill(recovery.last_epoch, ++next, recovery.last_timestamp_ns, meridian::wire::Command{});
    record.seal();
  }
  std::string reason;
  expect(log->append(more, reason) == Appended::all, "an opened log takes records");
  log.reset();
  disk.cut_power();
  std::uint64_t again = 0;
  expect(open(disk, again, recovery) != nullptr && again == count + 3 && recovery.cut_bytes == 0,
         "what was appended is there");
  return 0;
}
