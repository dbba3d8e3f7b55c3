#include "duties/log_follower.hpp"

#include <cstdint>

namespace meridian::duties {

LogFollower::LogFollower(journal::Log& log)
    : log_(log), directory_(log.directory()), reader_(log), records_(batch) {
  if (!engine_.is_good()) {
    failure_ = "no address space for the engine that follows the log; raise ulimit -v";
  }
}

bool LogFollower::begin_with_first(std::uint64_t durable) {
  if (failure_.empty() && durable > 0 && reader_.read(1, 1, records_) == 0) {
    failure_ = "the log in " + directory_ +
               " was trimmed, and what begins with its first record cannot be made anew; keep more "
               "records";
  }
  return failure_.empty();
}

bool LogFollower::begin_with_oldest(std::uint64_t durable) {
  if (!failure_.empty() || begin_with_first(durable)) {
    return failure_.empty();
  }
  std::vector<std::string> faults;
  const journal::SnapshotHeader header = reactor::restore_oldest(
      log_.files(), directory_, log_.id(), UINT64_MAX, engine_.market(), faults);
  if (header.sequence == 0) {
    return false;
  }
  failure_.clear();
  sequence_ = header.sequence;
  return true;
}

bool LogFollower::is_next(const journal::Record& record, const wire::RecordPrefix& prefix) {
  if (record.is_whole() && prefix.version == wire::record_version &&
      prefix.sequence == sequence_ + 1) {
    return true;
  }
  failure_ = "damage: the durable record " + std::to_string(sequence_ + 1) + " in " + directory_ +
             " is not what was written; restore the folder from a copy, or move it away";
  return false;
}

}  // namespace meridian::duties
