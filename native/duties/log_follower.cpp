#include "duties/log_follower.hpp"

namespace meridian::duties {

LogFollower::LogFollower(journal::Log& log)
    : directory_(log.directory()), reader_(log), records_(batch) {
  if (!engine_.is_good()) {
    failure_ = "no address space for the engine that follows the log; raise ulimit -v";
  }
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
