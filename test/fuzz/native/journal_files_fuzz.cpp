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

// The records of the log, or null with a reason.
std::unique_ptr<Log> open(TestDisk& disk, std::uint64_t& count, Recovery& recovery) {
  std::string reason;
  recovery = {};
  count = 0;
  auto log = Log::open(
      disk, folder,
      [&count](std::span<const Record> records) {
        for (const Record& record : records) {
          expect(record.is_whole() && record.prefix().sequence == ++count,
                 "records follow each other");
        }
      },
      recovery, reason, records_in_segment);
  expect(log != nullptr || !reason.empty(), "a log that is refused has a reason");
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  TestDisk disk(1);
  switch (input.below(5)) {
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
