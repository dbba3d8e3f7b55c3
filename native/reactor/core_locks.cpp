#include "reactor/core_locks.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace meridian::reactor {
namespace {

constexpr mode_t everybody = 0666;

}  // namespace

CoreLocks::~CoreLocks() {
  for (const auto& [processor, descriptor] : held_) {
    close(descriptor);
  }
}

bool CoreLocks::hold(const ProcessorList& wanted) {
  if (folder_.empty()) {
    return true;
  }
  std::map<unsigned, int> taken;
  for (const unsigned processor : wanted) {
    if (held_.contains(processor)) {
      continue;
    }
    const int descriptor = lock(processor);
    if (descriptor < 0) {
      for (const auto& [other, opened] : taken) {
        close(opened);
      }
      return false;
    }
    taken[processor] = descriptor;
  }
  std::erase_if(held_, [&wanted](const auto& one) {
    const bool goes = std::ranges::find(wanted, one.first) == wanted.end();
    if (goes) {
      close(one.second);
    }
    return goes;
  });
  held_.merge(taken);
  return true;
}

// Files stay: one that is removed could be locked twice.
int CoreLocks::lock(unsigned processor) const {
  const std::string path = folder_ + "/meridian-processor-" + std::to_string(processor) + ".lock";
  // In a folder with a sticky bit the kernel refuses to create what another user has made.
  int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, everybody);
    if (descriptor >= 0) {
      // Whatever the mask of this process: others have to open it.
      fchmod(descriptor, everybody);
    }
  }
  if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

Placement place_locked(const std::optional<Placement>& current, const Topology& topology,
                       PlacementRequest request, CoreLocks& locks) {
  bool may_stay = current.has_value();
  for (;;) {
    Placement next = may_stay ? replace(*current, topology, request) : place(topology, request);
    ProcessorList wanted;
    if (next.is_split && next.match.has_value()) {
      wanted = next.leave_idle;
      wanted.push_back(*next.match);
    }
    if (locks.hold(wanted)) {
      return next;
    }
    may_stay = false;
    request.taken.insert(request.taken.end(), wanted.begin(), wanted.end());
    std::ranges::sort(request.taken);
  }
}

}  // namespace meridian::reactor
