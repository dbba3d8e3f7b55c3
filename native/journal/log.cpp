#include "journal/log.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/ensure.hpp"
#include "journal/lock_line.hpp"

namespace meridian::journal {
namespace {

constexpr std::size_t segment_bytes = segment_records * wire::record_bytes;
constexpr std::size_t sector_bytes = 512;
constexpr std::string_view segment_prefix = "segment-";
constexpr std::string_view segment_suffix = ".log";
constexpr std::size_t segment_digits = 16;
constexpr std::size_t id_digits = 32;

std::string error_text(int error) { return std::strerror(-error); }

// Compares the bytes with themselves one place on, which the C library does a vector at a time.
bool all_zero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes.front() == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Reads until the span is full or the file ends. Bytes read or an error.
ssize_t read_fully(FileSystem& files, int file, std::span<std::byte> into, std::size_t at) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = files.read(file, into.subspan(done), static_cast<off_t>(at + done));
    if (count < 0) {
      return count;
    }
    if (count == 0) {
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

// The record at `index` of a segment's bytes.
Record record_at(std::span<const std::byte> content, std::size_t index) {
  Record record{};
  std::memcpy(record.bytes.data(), content.data() + index * wire::record_bytes, wire::record_bytes);
  return record;
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

}  // namespace

std::string segment_name(std::uint64_t first) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "segment-%016" PRIu64 ".log", first);
  return text.data();
}

std::unique_ptr<Log> Log::open(FileSystem& files, const std::string& directory,
                               const std::function<void(const Record&)>& visit, Recovery& recovery,
                               std::string& reason) {
  if (const int made = files.make_directory(directory); made < 0) {
    reason = "cannot make the log folder " + directory + ": " + error_text(made) +
             "; check the path and its permissions";
    return nullptr;
  }
  std::unique_ptr<Log> log(new Log(files, directory));
  if (!log->take_lock(reason) || !log->load_id(reason) || !log->recover(visit, recovery, reason)) {
    return nullptr;
  }
  return log;
}

Log::~Log() {
  replace(file_, -1);
  replace(reading_, -1);
  if (lock_ >= 0) {
    files_.truncate(lock_, 0);
    files_.close(lock_);
  }
}

std::string Log::path_of(const std::string& name) const { return directory_ + "/" + name; }

void Log::replace(int& file, int with) {
  if (file >= 0) {
    files_.close(file);
  }
  file = with;
}

bool Log::take_lock(std::string& reason) {
  const int file = files_.open(path_of("lock"));
  if (file < 0) {
    reason = "cannot open " + path_of("lock") + ": " + error_text(file);
    return false;
  }
  // Read after the attempt: a holder that has just gone took its line with it.
  const int locked = files_.lock(file);
  std::array<std::byte, 64> content{};
  const ssize_t length = read_fully(files_, file, content, 0);
  const std::string line(reinterpret_cast<const char*>(content.data()),
                         length < 0 ? 0 : static_cast<std::size_t>(length));
  if (locked < 0 || holder_lives(line)) {
    reason = "the log in " + directory_ + " is in use by process " +
             line.substr(0, line.find_first_of(" \n")) +
             "; stop that process or give this market another folder";
    files_.close(file);
    return false;
  }
  const std::string own = lock_line(::getpid());
  const ssize_t written = files_.truncate(file, 0) < 0
                              ? -1
                              : files_.write_durably(file, std::as_bytes(std::span(own)), 0);
  if (written != static_cast<ssize_t>(own.size())) {
    reason = "cannot write " + path_of("lock") + "; check the disk's free space";
    files_.close(file);
    return false;
  }
  lock_ = file;
  return true;
}

bool Log::load_id(std::string& reason) {
  const int file = files_.open(path_of("log.id"));
  if (file < 0) {
    reason = "cannot open " + path_of("log.id") + ": " + error_text(file);
    return false;
  }
  std::array<std::byte, id_digits> content{};
  const ssize_t length = read_fully(files_, file, content, 0);
  id_.assign(reinterpret_cast<const char*>(content.data()),
             length < 0 ? 0 : static_cast<std::size_t>(length));
  bool good =
      id_.size() == id_digits && id_.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (length == 0) {
    std::array<unsigned char, id_digits / 2> random{};
    ensure(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
    id_.clear();
    for (const unsigned char byte : random) {
      id_ += "0123456789abcdef"[byte >> 4U];
      id_ += "0123456789abcdef"[byte & 15U];
    }
    const std::string line = id_ + "\n";
    good = files_.write_durably(file, std::as_bytes(std::span(line)), 0) ==
               static_cast<ssize_t>(line.size()) &&
           files_.sync(file) == 0 && files_.sync_directory(directory_) == 0;
    if (!good) {
      reason = "cannot write " + path_of("log.id") + "; check the disk's free space";
    }
  } else if (!good) {
    reason = path_of("log.id") +
             " does not hold 32 hexadecimal digits; restore it from a copy of " +
             "the folder, or move the folder away to start a new log";
  }
  files_.close(file);
  return good;
}

bool Log::recover(const std::function<void(const Record&)>& visit, Recovery& recovery,
                  std::string& reason) {
  std::vector<std::string> names;
  if (const int listed = files_.list(directory_, names); listed < 0) {
    reason = "cannot list " + directory_ + ": " + error_text(listed);
    return false;
  }
  std::vector<std::uint64_t> firsts;
  for (const std::string& name : names) {
    if (const std::uint64_t first = first_of(name); first != 0) {
      firsts.push_back(first);
    }
  }
  std::ranges::sort(firsts);
  for (std::size_t index = 0; index < firsts.size(); ++index) {
    if (firsts[index] != recovery.last_sequence + 1) {
      reason = "damage: " + path_of(segment_name(firsts[index])) + " stands where the record " +
               std::to_string(recovery.last_sequence + 1) + " belongs, so a segment is missing; " +
               "restore the folder from a copy, or move it away and let the journal fill a new one";
      return false;
    }
    segments_.push_back({firsts[index], 0});
    if (!scan(segments_.back(), index + 1 == firsts.size(), visit, recovery, reason)) {
      return false;
    }
  }
  return !segments_.empty() || add_segment(1, reason);
}

bool Log::scan(Segment& segment, bool is_last, const std::function<void(const Record&)>& visit,
               Recovery& recovery, std::string& reason) {
  const std::string path = path_of(segment_name(segment.first));
  replace(file_, files_.open(path));
  const off_t size = file_ < 0 ? file_ : files_.size(file_);
  std::vector<std::byte> content(size < 0 ? 0 : static_cast<std::size_t>(size));
  const ssize_t length = size < 0 ? size : read_fully(files_, file_, content, 0);
  if (length < 0) {
    reason = "cannot read " + path + ": " + error_text(static_cast<int>(length));
    return false;
  }
  content.resize(static_cast<std::size_t>(length));
  for (; (segment.count + 1) * wire::record_bytes <= content.size(); ++segment.count) {
    const Record record = record_at(content, segment.count);
    if (!record.is_whole()) {
      break;
    }
    const wire::RecordPrefix prefix = record.prefix();
    if (prefix.version != wire::record_version) {
      reason = path + " holds records of version " + std::to_string(prefix.version) +
               ", this release knows version " + std::to_string(wire::record_version) +
               "; start the release that wrote it";
      return false;
    }
    if (prefix.sequence != segment.first + segment.count || prefix.epoch < recovery.last_epoch ||
        prefix.timestamp_ns < recovery.last_timestamp_ns) {
      reason = "damage: a record in " + path + " with sequence " + std::to_string(prefix.sequence) +
               " stands where " + std::to_string(segment.first + segment.count) +
               " belongs; restore the folder from a copy, or move it away";
      return false;
    }
    recovery.last_sequence = prefix.sequence;
    recovery.last_epoch = prefix.epoch;
    recovery.last_timestamp_ns = prefix.timestamp_ns;
    visit(record);
  }
  const std::span<const std::byte> whole(content);
  const std::span<const std::byte> tail = whole.subspan(segment.count * wire::record_bytes);
  if (!all_zero(tail)) {
    if (!is_last) {
      reason = "damage: " + path + " is broken after record " +
               std::to_string(recovery.last_sequence) + " although later segments exist; " +
               "restore the folder from a copy, or move it away";
      return false;
    }
    return cut_tail(segment, whole, recovery, reason);
  }
  return true;
}

bool Log::cut_tail(const Segment& segment, std::span<const std::byte> content, Recovery& recovery,
                   std::string& reason) {
  const std::string path = path_of(segment_name(segment.first));
  const std::size_t offset = segment.count * wire::record_bytes;
  for (std::size_t index = segment.count + 1; (index + 1) * wire::record_bytes <= content.size();
       ++index) {
    const Record later = record_at(content, index);
    const bool continues = later.is_whole() && later.prefix().sequence == segment.first + index;
    if (continues &&
        (index - segment.count >= group_records || !is_half_written(content, offset))) {
      reason =
          "damage: the record " + std::to_string(segment.first + segment.count) + " in " + path +
          " is broken, but the record " + std::to_string(segment.first + index) +
          " behind it is whole, so this is no torn write; restore the folder from a copy, or " +
          "move it away";
      return false;
    }
  }
  const auto used = std::find_if(content.rbegin(), content.rend(),
                                 [](std::byte byte) { return byte != std::byte{0}; });
  recovery.cut_bytes = static_cast<std::size_t>(content.rend() - used) - offset;
  recovery.cut_file = path;
  int outcome = files_.truncate(file_, static_cast<off_t>(offset));
  if (outcome == 0) {
    outcome = files_.allocate(file_, static_cast<off_t>(segment_bytes));
  }
  if (outcome == 0) {
    outcome = files_.sync(file_);
  }
  if (outcome < 0) {
    reason = "cannot cut the torn tail of " + path + ": " + error_text(outcome);
  }
  return outcome == 0;
}

bool Log::add_segment(std::uint64_t first, std::string& reason) {
  const std::string path = path_of(segment_name(first));
  const int file = files_.open(path);
  int outcome = file < 0 ? file : 0;
  if (outcome == 0) {
    outcome = files_.allocate(file, static_cast<off_t>(segment_bytes));
  }
  if (outcome == 0) {
    outcome = files_.sync(file);
  }
  if (outcome == 0) {
    outcome = files_.sync_directory(directory_);
  }
  if (outcome < 0) {
    reason = "cannot make " + path + ": " + error_text(outcome) +
             "; free space on the disk, then start the market again";
    if (file >= 0) {
      files_.close(file);
    }
    return false;
  }
  replace(file_, file);
  const std::scoped_lock guard(mutex_);
  segments_.push_back({first, 0});
  return true;
}

bool Log::append(std::span<const Record> records, std::string& reason) {
  while (!failed_ && !records.empty()) {
    const Segment last = segments_.back();
    const std::size_t count = std::min({records.size(), static_cast<std::size_t>(group_records),
                                        static_cast<std::size_t>(segment_records - last.count)});
    if (count == 0) {
      failed_ = !add_segment(last.first + last.count, reason);
      continue;
    }
    ensure(records.front().prefix().sequence == last.first + last.count);
    if (!write(last.count, records.first(count), reason)) {
      failed_ = true;
      break;
    }
    {
      const std::scoped_lock guard(mutex_);
      segments_.back().count += count;
    }
    records = records.subspan(count);
  }
  return !failed_;
}

bool Log::write(std::uint64_t index, std::span<const Record> records, std::string& reason) {
  std::span<const std::byte> bytes = std::as_bytes(records);
  auto at = static_cast<off_t>(index * wire::record_bytes);
  while (!bytes.empty()) {
    const ssize_t count = files_.write_durably(file_, bytes, at);
    if (count <= 0) {
      reason = "cannot write the log in " + directory_ + ": " +
               (count == 0 ? "the disk took no bytes" : error_text(static_cast<int>(count))) +
               "; what was not durable is lost, free space or replace the disk, then start the " +
               "market again";
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    at += count;
  }
  return true;
}

std::size_t Log::read(std::uint64_t from, std::uint64_t last, std::span<std::byte> into) {
  const std::scoped_lock guard(mutex_);
  std::size_t done = 0;
  while (from <= last && into.size() - done >= wire::record_bytes) {
    const auto after = std::ranges::upper_bound(segments_, from, {}, &Segment::first);
    if (after == segments_.begin()) {
      break;
    }
    const Segment& segment = *std::prev(after);
    const std::uint64_t end = std::min(segment.first + segment.count, last + 1);
    if (from >= end) {
      break;
    }
    const std::size_t count =
        std::min(static_cast<std::size_t>(end - from), (into.size() - done) / wire::record_bytes);
    if (reading_ < 0 || reading_first_ != segment.first) {
      replace(reading_, files_.open(path_of(segment_name(segment.first))));
      reading_first_ = segment.first;
    }
    const std::size_t bytes = count * wire::record_bytes;
    const ssize_t got = reading_ < 0 ? reading_
                                     : read_fully(files_, reading_, into.subspan(done, bytes),
                                                  (from - segment.first) * wire::record_bytes);
    if (got != static_cast<ssize_t>(bytes)) {
      break;
    }
    done += bytes;
    from += count;
  }
  return done;
}

}  // namespace meridian::journal
