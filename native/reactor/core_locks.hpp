// Processors of a host that reactors of several processes share out: a file each, locked by the
// reactor whose match duty has it. The kernel takes the lock of a process that dies.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "reactor/placement.hpp"

namespace meridian::reactor {

class CoreLocks {
 public:
  // `folder` is the same for all processes of the host, and can be written by all of them. Without
  // one nothing is locked, and everything can be had.
  explicit CoreLocks(std::string folder) : folder_(std::move(folder)) {}
  CoreLocks(const CoreLocks&) = delete;
  CoreLocks& operator=(const CoreLocks&) = delete;
  ~CoreLocks();

  // Holds exactly these from now on. False when somebody has one of them: then all stays as it was.
  [[nodiscard]] bool hold(const ProcessorList& wanted);

 private:
  [[nodiscard]] int lock(unsigned processor) const;

  std::string folder_;
  std::map<unsigned, int> held_;  // descriptors
};

// A plan whose match core nobody else of the host has, locked; `current` as for replace(). What
// others have is left out, down to a fused plan, which locks nothing.
Placement place_locked(const std::optional<Placement>& current, const Topology& topology,
                       PlacementRequest request, CoreLocks& locks);

}  // namespace meridian::reactor
