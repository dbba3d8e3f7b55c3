#include "reactor/rollback.hpp"

#include <algorithm>
#include <chrono>

namespace meridian::reactor {
namespace {

// The target as a sequence: times do not fall, so that this is one place in the log.
bool find_target(journal::FileSystem& files, const std::string& directory,
                 const RollbackTarget& target, journal::Recovery& log, std::uint64_t& sequence,
                 std::string& reason) {
  std::vector<journal::Segment> segments;
  sequence = 0;
  const auto visit = [&](std::span<const journal::Record> records) {
    for (const journal::Record& record : records) {
      const wire::RecordPrefix prefix = record.prefix();
      if (prefix.sequence <= target.sequence && prefix.timestamp_ns <= target.timestamp_ns) {
        sequence = prefix.sequence;
      }
    }
  };
  return journal::scan_log(files, directory, visit, segments, log, reason);
}

}  // namespace

bool roll_back(journal::FileSystem& files, const std::string& directory,
               const RollbackTarget& target, bool uses_snapshots, engine::Market& market,
               RolledBack& result, std::string& reason) {
  std::uint64_t last = 0;
  if (!find_target(files, directory, target, result.log, last, reason)) {
    return false;
  }
  const std::string log_id = journal::stored_log_id(files, directory);
  if (uses_snapshots) {
    result.snapshot = restore_newest(files, directory, log_id, last, market, result.faults);
  } else if (result.log.first_sequence > 1) {
    result.snapshot = restore_oldest(files, directory, log_id, last, market, result.faults);
  }
  if (!reaches_back(directory, result.log.first_sequence, result.snapshot, result.faults, reason)) {
    return false;
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<journal::Segment> segments;
  journal::Recovery again;
  JournalledMode mode;
  const auto visit = [&](std::span<const journal::Record> records) {
    const std::uint64_t first = records.front().prefix().sequence;
    const std::uint64_t from = std::max(first, result.snapshot.sequence + 1);
    const std::uint64_t end = std::min(first + records.size(), last + 1);
    if (first <= last) {
      const wire::RecordPrefix prefix = records[std::min(end - first, records.size()) - 1].prefix();
      result.sequence = prefix.sequence;
      result.epoch = prefix.epoch;
      result.timestamp_ns = prefix.timestamp_ns;
    }
    if (from < end) {
      replay(market, records.subspan(from - first, end - from), mode);
      result.replayed += end - from;
    }
  };
  if (!journal::scan_log(files, directory, visit, segments, again, reason)) {
    return false;
  }
  result.elapsed_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start)
          .count());
  result.digest = market.digest();
  result.open_orders = market.open_orders();
  return true;
}

namespace {

// The begin of a trimmed log, for a copy of it.
bool copy_begin(journal::FileSystem& files, const std::string& from, const std::string& to,
                journal::ChainPoint& trimmed, std::string& reason) {
  journal::Seals seals;
  if (!journal::read_seals(files, from, seals, reason)) {
    return false;
  }
  trimmed = seals.trimmed;
  int outcome = files.make_directory(to);
  if (outcome == 0 && trimmed.sequence > 0) {
    outcome = journal::begin_seals(files, to, trimmed);
  }
  if (outcome < 0) {
    reason = "cannot make a log in " + to + ": " + journal::error_text(outcome);
  }
  return outcome == 0;
}

// The newest good snapshot up to `last`, as one of the copy: a trimmed log starts from it.
bool copy_snapshot(journal::FileSystem& files, const std::string& from, const journal::Log& copy,
                   std::uint64_t last, std::string& reason) {
  const OwnEngine engine;
  if (!engine.is_good()) {
    reason = "no address space for a market; raise the limit of virtual memory";
    return false;
  }
  std::vector<std::string> faults;
  const journal::SnapshotHeader header = restore_newest(
      files, from, journal::stored_log_id(files, from), last, engine.market(), faults);
  journal::Snapshot snapshot;
  if (!journal::read_snapshot(files, from, header.sequence, snapshot, reason)) {
    return false;
  }
  std::copy_n(copy.id().begin(), snapshot.header.log_id.size(), snapshot.header.log_id.begin());
  const int outcome = journal::write_snapshot(files, copy.directory(), snapshot);
  if (outcome < 0) {
    reason = "cannot write a snapshot in " + copy.directory() + ": " + journal::error_text(outcome);
  }
  return outcome == 0;
}

}  // namespace

bool copy_log(journal::FileSystem& files, const std::string& from, const std::string& to,
              std::uint64_t last, std::string& new_id, std::string& reason) {
  std::vector<std::string> names;
  files.list(to, names);
  if (std::ranges::any_of(names, [](const std::string& name) { return !name.starts_with('.'); })) {
    reason = to + " is not empty; name a folder that does not exist yet";
    return false;
  }
  journal::ChainPoint trimmed;
  if (!copy_begin(files, from, to, trimmed, reason)) {
    return false;
  }
  journal::Recovery made;
  const auto copy =
      journal::Log::open(files, to, [](std::span<const journal::Record>) {}, made, reason);
  if (copy == nullptr) {
    return false;
  }
  new_id = copy->id();
  std::vector<journal::Record> group;
  auto outcome = journal::Appended::all;
  const auto flush = [&] {
    if (outcome == journal::Appended::all && !group.empty()) {
      outcome = copy->append(group, reason);
    }
    group.clear();
  };
  std::vector<journal::Segment> segments;
  journal::Recovery read;
  const auto visit = [&](std::span<const journal::Record> records) {
    const std::uint64_t first = records.front().prefix().sequence;
    const std::uint64_t begin = std::max(first, trimmed.sequence + 1);
    const std::uint64_t end = std::min(first + records.size(), last + 1);
    if (begin < end) {
      const auto part = records.subspan(begin - first, end - begin);
      group.insert(group.end(), part.begin(), part.end());
    }
    if (group.size() >= journal::group_records / 2) {
      flush();
    }
  };
  if (!journal::scan_log(files, from, visit, segments, read, reason)) {
    return false;
  }
  flush();
  if (outcome != journal::Appended::all) {
    return false;
  }
  return trimmed.sequence == 0 || copy_snapshot(files, from, *copy, last, reason);
}

}  // namespace meridian::reactor
