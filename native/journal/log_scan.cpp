#include "journal/log_scan.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace meridian::journal {
namespace {

constexpr std::size_t sector_bytes = 512;
constexpr std::string_view segment_prefix = "segment-";
constexpr std::string_view segment_suffix = ".log";
constexpr std::size_t segment_digits = 16;
// Records handed over at a time: they are still in the cache of the processor then.
constexpr std::size_t visited_together = 256;

// Compares the bytes with themselves one place on, which the C library does a vector at a time.
bool all_zero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes.front() == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Whether the record that should stand at `offset` of the file can have been left half written:
// then a sector that it touches never reached the disk, and the zeros from before are still there.
bool is_half_written(std::span<const std::byte> content, std::size_t offset) {
  const std::size_t end = std::min(offset + wire::record_bytes, content.size());
  for (std::size_t at = offset; at < end;) {
    const std::size_t next = std::min((at / sector_bytes + 1) * sector_bytes, end);
    if (all_zero(content.subspan(at, next - at))) {
      return true;
    }
    at = next;
  }
  return false;
}

// Sequence of the first record of the segment of this name, 0 when the name is not a segment's.
std::uint64_t first_of(std::string_view name) {
  if (name.size() != segment_prefix.size() + segment_digits + segment_suffix.size() ||
      !name.starts_with(segment_prefix) || !name.ends_with(segment_suffix)) {
    return 0;
  }
  const std::string_view digits = name.substr(segment_prefix.size(), segment_digits);
  std::uint64_t first = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), first);
  return parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size() ? first : 0;
}

// First sequences of the segments, ascending. 0 or an error.
int list_segments(FileSystem& files, const std::string& directory,
                  std::vector<std::uint64_t>& firsts) {
  std::vector<std::string> names;
  const int listed = files.list(directory, names);
  for (const std::string& name : names) {
    if (const std::uint64_t first = first_of(name); first != 0) {
      firsts.push_back(first);
    }
  }
  std::ranges::sort(firsts);
  return listed;
}

// One pass over a log.
class Scanner {
 public:
  Scanner(FileSystem& files, const std::string& directory, const RecordVisitor& visit,
          Recovery& recovery, std::string& reason)
      : files_(files), directory_(directory), visit_(visit), recovery_(recovery), reason_(reason) {}

  bool list(std::vector<std::uint64_t>& firsts);
  // The segment that follows what was read; its count and size are filled in.
  bool read(Segment& segment, bool is_last);

 private:
  bool load(const Segment& segment);
  bool check(const wire::RecordPrefix& prefix, std::uint64_t sequence);
  bool look_behind(const Segment& segment, bool is_last);
  [[nodiscard]] std::span<const std::byte> content() const {
    return std::as_bytes(std::span(records_)).first(length_);
  }

  FileSystem& files_;
  const std::string& directory_;
  const RecordVisitor& visit_;
  Recovery& recovery_;
  std::string& reason_;
  std::string path_;
  // The segment's bytes, where they are used as what they are.
  std::vector<Record> records_;
  std::size_t length_ = 0;
};

bool Scanner::list(std::vector<std::uint64_t>& firsts) {
  if (const int listed = list_segments(files_, directory_, firsts); listed < 0) {
    reason_ = "cannot list " + directory_ + ": " + error_text(listed);
    return false;
  }
  return true;
}

bool Scanner::load(const Segment& segment) {
  path_ = directory_ + "/" + segment_name(segment.first);
  const int file = files_.open_to_read(path_);
  const off_t size = file < 0 ? file : files_.size(file);
  ssize_t length = size;
  if (size >= 0) {
    const auto needed = static_cast<std::size_t>(size) / wire::record_bytes + 1;
    if (needed > records_.size()) {
      records_.resize(needed);
    }
    length = read_fully(
        files_, file,
        std::as_writable_bytes(std::span(records_)).first(static_cast<std::size_t>(size)), 0);
  }
  if (file >= 0) {
    files_.close(file);
  }
  if (length < 0) {
    reason_ = "cannot read " + path_ + ": " + error_text(static_cast<int>(length));
    return false;
  }
  length_ = static_cast<std::size_t>(length);
  return true;
}

bool Scanner::check(const wire::RecordPrefix& prefix, std::uint64_t sequence) {
  if (prefix.version != wire::record_version) {
    reason_ = path_ + " holds records of version " + std::to_string(prefix.version) +
              ", this release knows version " + std::to_string(wire::record_version) +
              "; start the release that wrote it";
    return false;
  }
  if (prefix.sequence != sequence || prefix.epoch < recovery_.last_epoch ||
      prefix.timestamp_ns < recovery_.last_timestamp_ns) {
    reason_ = "damage: a record in " + path_ + " with sequence " + std::to_string(prefix.sequence) +
              " stands where " + std::to_string(sequence) +
              " belongs; restore the folder from a copy, or move it away";
    return false;
  }
  recovery_.last_sequence = prefix.sequence;
  recovery_.last_epoch = prefix.epoch;
  recovery_.last_timestamp_ns = prefix.timestamp_ns;
  return true;
}

bool Scanner::read(Segment& segment, bool is_last) {
  if (!load(segment)) {
    return false;
  }
  segment.bytes = length_;
  const std::size_t most = length_ / wire::record_bytes;
  std::size_t visited = 0;
  const auto hand_over = [&] {
    if (segment.count > visited) {
      visit_(std::span(records_).subspan(visited, segment.count - visited));
      visited = segment.count;
    }
  };
  for (; segment.count < most && records_[segment.count].is_whole(); ++segment.count) {
    if (!check(records_[segment.count].prefix(), segment.first + segment.count)) {
      return false;
    }
    if (segment.count - visited + 1 == visited_together) {
      ++segment.count;
      hand_over();
      --segment.count;
    }
  }
  hand_over();
  return look_behind(segment, is_last);
}

// What stands behind the last whole record: zeros, a torn tail, or damage.
bool Scanner::look_behind(const Segment& segment, bool is_last) {
  const std::size_t offset = segment.count * wire::record_bytes;
  if (all_zero(content().subspan(offset))) {
    return true;
  }
  if (!is_last) {
    reason_ = "damage: " + path_ + " is broken after record " +
              std::to_string(recovery_.last_sequence) + " although later segments exist; " +
              "restore the folder from a copy, or move it away";
    return false;
  }
  for (std::size_t index = segment.count + 1; (index + 1) * wire::record_bytes <= length_;
       ++index) {
    const Record& later = records_[index];
    const bool continues = later.is_whole() && later.prefix().sequence == segment.first + index;
    if (continues &&
        (index - segment.count >= group_records || !is_half_written(content(), offset))) {
      reason_ =
          "damage: the record " + std::to_string(segment.first + segment.count) + " in " + path_ +
          " is broken, but the record " + std::to_string(segment.first + index) +
          " behind it is whole, so this is no torn write; restore the folder from a copy, or " +
          "move it away";
      return false;
    }
  }
  const auto bytes = content();
  const auto used = std::find_if(bytes.rbegin(), bytes.rend(),
                                 [](std::byte byte) { return byte != std::byte{0}; });
  recovery_.cut_bytes = static_cast<std::size_t>(bytes.rend() - used) - offset;
  recovery_.cut_file = path_;
  return true;
}

// Leaves out segments that lie below the point up to which the log was trimmed: a crash can leave
// any of them. What follows begins at that point, or before it in the same segment.
void drop_trimmed(std::vector<std::uint64_t>& firsts, Recovery& recovery) {
  const std::uint64_t trimmed = recovery.seals.trimmed.sequence;
  while (firsts.size() > 1 && firsts[1] <= trimmed + 1) {
    recovery.leftovers.push_back(firsts.front());
    firsts.erase(firsts.begin());
  }
  recovery.last_sequence = firsts.empty() ? trimmed : std::min(firsts.front() - 1, trimmed);
  recovery.first_sequence = recovery.last_sequence + 1;
}

}  // namespace

std::string segment_name(std::uint64_t first) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "segment-%016" PRIu64 ".log", first);
  return text.data();
}

bool scan_log(FileSystem& files, const std::string& directory, const RecordVisitor& visit,
              std::vector<Segment>& segments, Recovery& recovery, std::string& reason) {
  Scanner scanner(files, directory, visit, recovery, reason);
  std::vector<std::uint64_t> firsts;
  if (!scanner.list(firsts)) {
    return false;
  }
  if (!read_seals(files, directory, recovery.seals, reason)) {
    return false;
  }
  drop_trimmed(firsts, recovery);
  for (std::size_t index = 0; index < firsts.size(); ++index) {
    if (firsts[index] != recovery.last_sequence + 1) {
      reason = "damage: " + directory + "/" + segment_name(firsts[index]) +
               " stands where the record " + std::to_string(recovery.last_sequence + 1) +
               " belongs, so a segment is missing; restore the folder from a copy, or move it " +
               "away and let the journal fill a new one";
      return false;
    }
    segments.push_back({firsts[index], 0, 0});
    if (!scanner.read(segments.back(), index + 1 == firsts.size())) {
      return false;
    }
  }
  return true;
}

bool read_record(FileSystem& files, const std::string& directory, std::uint64_t sequence,
                 Record& record) {
  std::vector<std::uint64_t> firsts;
  list_segments(files, directory, firsts);
  const auto after = std::ranges::upper_bound(firsts, sequence);
  if (after == firsts.begin()) {
    return false;
  }
  const std::uint64_t first = *std::prev(after);
  const int file = files.open_to_read(directory + "/" + segment_name(first));
  if (file < 0) {
    return false;
  }
  const ssize_t read = read_fully(files, file, std::as_writable_bytes(std::span(&record, 1)),
                                  (sequence - first) * wire::record_bytes);
  files.close(file);
  return read == static_cast<ssize_t>(sizeof(record)) && record.is_whole() &&
         record.prefix().sequence == sequence;
}

}  // namespace meridian::journal
