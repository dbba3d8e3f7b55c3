#include "journal/snapshot_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string_view>

#include "journal/crc32c.hpp"

namespace meridian::journal {
namespace {

constexpr std::string_view prefix = "snapshot-";
constexpr std::string_view suffix = ".state";
constexpr std::size_t digits = 16;
const std::string new_name = "snapshot.new";

// A sequence, or SIZE_MAX when the name is not a snapshot's.
std::uint64_t sequence_of(std::string_view name) {
  if (name.size() != prefix.size() + digits + suffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(suffix)) {
    return UINT64_MAX;
  }
  std::uint64_t sequence = 0;
  const char* const begin = name.data() + prefix.size();
  const auto parsed = std::from_chars(begin, begin + digits, sequence);
  return parsed.ec == std::errc{} && parsed.ptr == begin + digits ? sequence : UINT64_MAX;
}

std::uint32_t checksum_of(SnapshotHeader header, std::span<const std::byte> state) {
  header.crc32c = 0;
  const std::uint32_t head = crc32c(std::as_bytes(std::span(&header, 1)));
  return crc32c(state, head);
}

int write_fully(FileSystem& files, int file, std::span<const std::byte> bytes, std::size_t at) {
  while (!bytes.empty()) {
    const ssize_t count = files.write(file, bytes, static_cast<off_t>(at));
    if (count <= 0) {
      return count < 0 ? static_cast<int>(count) : -EIO;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::size_t>(count);
  }
  return 0;
}

int write_new(FileSystem& files, const std::string& path, const Snapshot& snapshot) {
  const int file = files.open(path);
  if (file < 0) {
    return file;
  }
  int outcome = files.truncate(file, 0);
  if (outcome == 0) {
    outcome = write_fully(files, file, std::as_bytes(std::span(&snapshot.header, 1)), 0);
  }
  if (outcome == 0) {
    outcome = write_fully(files, file, snapshot.state, sizeof(SnapshotHeader));
  }
  if (outcome == 0) {
    outcome = files.sync(file);
  }
  files.close(file);
  return outcome;
}

}  // namespace

std::string snapshot_name(std::uint64_t sequence) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "snapshot-%016" PRIu64 ".state", sequence);
  return text.data();
}

int list_snapshots(FileSystem& files, const std::string& directory,
                   std::vector<std::uint64_t>& sequences) {
  std::vector<std::string> names;
  const int listed = files.list(directory, names);
  for (const std::string& name : names) {
    if (const std::uint64_t sequence = sequence_of(name); sequence != UINT64_MAX) {
      sequences.push_back(sequence);
    }
  }
  std::ranges::sort(sequences, std::greater{});
  return listed;
}

int write_snapshot(FileSystem& files, const std::string& directory, Snapshot& snapshot) {
  snapshot.header.magic = snapshot_magic;
  snapshot.header.version = snapshot_version;
  snapshot.header.state_bytes = snapshot.state.size();
  snapshot.header.crc32c = checksum_of(snapshot.header, snapshot.state);
  const std::string path = directory + "/" + new_name;
  int outcome = write_new(files, path, snapshot);
  if (outcome < 0) {
    // Gives the room back, which records need more.
    files.remove(path);
    return outcome;
  }
  outcome = files.rename(path, directory + "/" + snapshot_name(snapshot.header.sequence));
  // Before older ones go: else none of them may be left after a power cut.
  if (outcome == 0) {
    outcome = files.sync_directory(directory);
  }
  std::vector<std::uint64_t> sequences;
  if (outcome == 0) {
    outcome = list_snapshots(files, directory, sequences);
  }
  for (std::size_t index = snapshots_kept; outcome == 0 && index < sequences.size(); ++index) {
    outcome = files.remove(directory + "/" + snapshot_name(sequences[index]));
  }
  return outcome;
}

bool read_snapshot(FileSystem& files, const std::string& directory, std::uint64_t sequence,
                   Snapshot& snapshot, std::string& reason) {
  const std::string path = directory + "/" + snapshot_name(sequence);
  const int file = files.open_to_read(path);
  const off_t size = file < 0 ? file : files.size(file);
  std::vector<std::byte> bytes(size < 0 ? 0 : static_cast<std::size_t>(size));
  const ssize_t read = size < 0 ? size : read_fully(files, file, bytes, 0);
  if (file >= 0) {
    files.close(file);
  }
  if (read < 0) {
    reason = path + " cannot be read: " + error_text(static_cast<int>(read));
    return false;
  }
  if (!parse_snapshot(std::span(bytes).first(static_cast<std::size_t>(read)), snapshot, reason)) {
    reason = path + " " + reason;
    return false;
  }
  if (snapshot.header.sequence != sequence) {
    reason = path + " is of sequence " + std::to_string(snapshot.header.sequence);
    return false;
  }
  return true;
}

bool parse_snapshot(std::span<const std::byte> bytes, Snapshot& snapshot, std::string& reason) {
  if (bytes.size() < sizeof(SnapshotHeader)) {
    reason = "is too short";
    return false;
  }
  SnapshotHeader& header = snapshot.header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const auto state = bytes.subspan(sizeof(header));
  if (header.magic != snapshot_magic) {
    reason = "is no snapshot";
    return false;
  }
  if (header.state_bytes != state.size() || header.crc32c != checksum_of(header, state)) {
    reason = "is damaged: its checksum is wrong";
    return false;
  }
  if (header.version != snapshot_version) {
    reason = "is of version " + std::to_string(header.version) + ", this release knows version " +
             std::to_string(snapshot_version);
    return false;
  }
  snapshot.state.assign(state.begin(), state.end());
  return true;
}

}  // namespace meridian::journal
