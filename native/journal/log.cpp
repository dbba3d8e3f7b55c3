#include "journal/log.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/ensure.hpp"
#include "journal/lock_line.hpp"
#include "journal/seal_file.hpp"
#include "journal/snapshot_file.hpp"

namespace meridian::journal {
namespace {

constexpr std::size_t id_digits = 32;

}  // namespace

std::string stored_log_id(FileSystem& files, const std::string& directory) {
  const int file = files.open_to_read(directory + "/log.id");
  if (file < 0) {
    return {};
  }
  std::array<std::byte, id_digits> content{};
  const ssize_t length = read_fully(files, file, content, 0);
  files.close(file);
  return {reinterpret_cast<const char*>(content.data()),
          length < 0 ? 0 : static_cast<std::size_t>(length)};
}

std::unique_ptr<Log> Log::open(FileSystem& files, const std::string& directory,
                               const RecordVisitor& visit, Recovery& recovery, std::string& reason,
                               std::uint64_t records_in_segment) {
  if (const int made = files.make_directory(directory); made < 0) {
    reason = "cannot make the log folder " + directory + ": " + error_text(made) +
             "; check the path and its permissions";
    return nullptr;
  }
  std::unique_ptr<Log> log(new Log(files, directory, records_in_segment));
  if (!log->take_lock(reason) || !log->load_id(reason) || !log->recover(visit, recovery, reason)) {
    return nullptr;
  }
  return log;
}

Log::~Log() {
  // Before the lock is given back: the next holder has a spare of its own.
  writer_.reset();
  if (lock_ >= 0) {
    files_.truncate(lock_, 0);
    files_.close(lock_);
  }
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
  const ssize_t written =
      files_.truncate(file, 0) < 0 ? -1 : files_.write(file, std::as_bytes(std::span(own)), 0);
  if (written != static_cast<ssize_t>(own.size())) {
    reason = "cannot write " + path_of("lock") + "; check the disk's free space";
    files_.close(file);
    return false;
  }
  lock_ = file;
  return true;
}

bool Log::load_id(std::string& reason) {
  id_ = stored_log_id(files_, directory_);
  if (id_.empty()) {
    const int made = make_id();
    if (made < 0) {
      reason = "cannot write " + path_of("log.id") + ": " + error_text(made) +
               "; check the disk's free space";
    }
    return made == 0;
  }
  if (id_.size() != id_digits || id_.find_first_not_of("0123456789abcdef") != std::string::npos) {
    reason = path_of("log.id") +
             " does not hold 32 hexadecimal digits; restore it from a copy of " +
             "the folder, or move the folder away to start a new log";
    return false;
  }
  return true;
}

// Its name becomes durable with that of the first segment.
int Log::make_id() {
  std::array<unsigned char, id_digits / 2> random{};
  ensure(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  id_.clear();
  for (const unsigned char byte : random) {
    id_ += "0123456789abcdef"[byte >> 4U];
    id_ += "0123456789abcdef"[byte & 15U];
  }
  const std::string line = id_ + "\n";
  const std::string path = path_of("log.id.new");
  const int file = files_.open(path);
  if (file < 0) {
    return file;
  }
  const ssize_t written = files_.write_durably(file, std::as_bytes(std::span(line)), 0);
  files_.close(file);
  if (written != static_cast<ssize_t>(line.size())) {
    return written < 0 ? static_cast<int>(written) : -EIO;
  }
  return files_.rename(path, path_of("log.id"));
}

bool Log::recover(const RecordVisitor& visit, Recovery& recovery, std::string& reason) {
  if (!scan_log(files_, directory_, visit, segments_, recovery, reason)) {
    return false;
  }
  if (!check_reach(recovery, reason)) {
    return false;
  }
  if (recovery.cut_bytes > 0 && !cut_tail(recovery, reason)) {
    return false;
  }
  // What was there before is read from the disk.
  recent_first_ = recovery.last_sequence + 1;
  if (segments_.empty()) {
    // Written with zeros like every other; without room for it the next line says so.
    writer_->prepare_spare();
    return begin_segment(recovery.last_sequence + 1, reason) == Appended::all;
  }
  // A process that was killed leaves names and records that every reader sees and no disk holds.
  int outcome = writer_->resume(segments_.back());
  if (outcome == 0) {
    outcome = remove_segments(recovery.leftovers);
  }
  if (outcome == 0) {
    outcome = files_.sync_directory(directory_);
  }
  if (outcome < 0) {
    reason = "cannot write " + path_of(segment_name(segments_.back().first)) + ": " +
             error_text(outcome) + "; free space on the disk, then start the market again";
  }
  return outcome == 0;
}

// Snapshots and seals are made of records that were durable.
bool Log::check_reach(const Recovery& recovery, std::string& reason) {
  const Seals& seals = recovery.seals;
  std::vector<std::uint64_t> snapshots;
  list_snapshots(files_, directory_, snapshots);
  const std::uint64_t snapshot = snapshots.empty() ? 0 : snapshots.front();
  if (std::max(snapshot, seals.reach) <= recovery.last_sequence) {
    return true;
  }
  reason =
      "damage: the log in " + directory_ + " ends at record " +
      std::to_string(recovery.last_sequence) + ", but it went on: " +
      (snapshot > recovery.last_sequence ? "there is a snapshot at " + std::to_string(snapshot)
                                         : "it was durable up to " + std::to_string(seals.reach)) +
      "; restore the folder from a copy, or move it away";
  return false;
}

bool Log::cut_tail(const Recovery& recovery, std::string& reason) {
  Segment& last = segments_.back();
  last.bytes = last.count * wire::record_bytes;
  const int file = files_.open(recovery.cut_file);
  int outcome = file < 0 ? file : files_.truncate(file, static_cast<off_t>(last.bytes));
  // Before anything is written over it: else parts of both could be on the disk.
  if (outcome == 0) {
    outcome = files_.sync(file);
  }
  if (file >= 0) {
    files_.close(file);
  }
  if (outcome < 0) {
    reason = "cannot cut the torn tail of " + recovery.cut_file + ": " + error_text(outcome);
  }
  return outcome == 0;
}

Appended Log::begin_segment(std::uint64_t first, std::string& reason) {
  const int outcome = writer_->begin(first);
  if (outcome < 0) {
    reason = "cannot make " + path_of(segment_name(first)) + ": " + error_text(outcome) +
             "; free space on the disk, then start the market again";
    return outcome == -ENOSPC || outcome == -EDQUOT ? Appended::no_room : Appended::failed;
  }
  const std::scoped_lock guard(mutex_);
  segments_.push_back({first, 0, 0});
  return Appended::all;
}

Appended Log::append(std::span<const Record> records, std::string& reason) {
  while (!failed_ && !records.empty()) {
    const Segment last = segments_.back();
    const std::uint64_t room = records_in_segment_ - std::min(last.count, records_in_segment_);
    const std::size_t count = std::min(
        {records.size(), static_cast<std::size_t>(group_records), static_cast<std::size_t>(room)});
    if (count == 0) {
      const Appended begun = begin_segment(last_sequence() + 1, reason);
      if (begun == Appended::no_room) {
        return begun;
      }
      failed_ = begun == Appended::failed;
      continue;
    }
    ensure(records.front().prefix().sequence == last.first + last.count);
    if (const int outcome = writer_->commit(records.first(count)); outcome < 0) {
      reason = "cannot write the log in " + directory_ + ": " + error_text(outcome) +
               "; what was not durable is lost, free space or replace the disk, then start the " +
               "market again";
      failed_ = true;
      break;
    }
    note_durable(records.first(count));
    records = records.subspan(count);
  }
  return failed_ ? Appended::failed : Appended::all;
}

void Log::note_durable(std::span<const Record> records) {
  const std::scoped_lock guard(mutex_);
  std::uint64_t sequence = last_sequence() + 1;
  segments_.back().count += records.size();
  const std::uint64_t end = sequence + records.size();
  recent_first_ = std::max(recent_first_, end > recent_records ? end - recent_records : 1);
  while (!records.empty()) {
    const std::size_t place = sequence % recent_records;
    const std::size_t count = std::min(records.size(), recent_records - place);
    std::memcpy(recent_.get() + place, records.data(), count * sizeof(Record));
    sequence += count;
    records = records.subspan(count);
  }
}

int Log::remove_segments(const std::vector<std::uint64_t>& firsts) {
  for (const std::uint64_t first : firsts) {
    if (const int removed = files_.remove(path_of(segment_name(first)));
        removed < 0 && removed != -ENOENT) {
      return removed;
    }
  }
  // Names that come back after a power cut are removed when the log is opened.
  return 0;
}

int Log::trim(std::uint64_t base) {
  std::vector<std::uint64_t> firsts;
  {
    const std::scoped_lock guard(mutex_);
    for (; removed_ + 1 < segments_.size() && segments_[removed_ + 1].first <= base + 1;
         ++removed_) {
      firsts.push_back(segments_[removed_].first);
    }
  }
  return remove_segments(firsts);
}

std::uint64_t Log::oldest_segment_end() {
  const std::scoped_lock guard(mutex_);
  return removed_ + 1 < segments_.size() ? segments_[removed_ + 1].first - 1 : 0;
}

bool Log::find_segment(std::uint64_t sequence, Segment& segment) {
  const std::scoped_lock guard(mutex_);
  const auto begin = segments_.begin() + static_cast<std::ptrdiff_t>(removed_);
  const auto after =
      std::ranges::upper_bound(begin, segments_.end(), sequence, {}, &Segment::first);
  if (after == begin) {
    return false;
  }
  segment = *std::prev(after);
  return sequence < segment.first + segment.count;
}

std::size_t Log::read_recent(std::uint64_t from, std::uint64_t last, std::span<Record> into) {
  const std::scoped_lock guard(mutex_);
  last = std::min(last, last_sequence());
  if (from < recent_first_ || from > last) {
    return 0;
  }
  const std::size_t place = from % recent_records;
  const std::size_t count =
      std::min({static_cast<std::size_t>(last - from + 1), into.size(), recent_records - place});
  std::memcpy(into.data(), recent_.get() + place, count * sizeof(Record));
  return count;
}

}  // namespace meridian::journal
