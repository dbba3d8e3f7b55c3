// Which duty runs where: a function of the machine and of what others have taken.
#pragma once
#include <optional>
#include <string>

#include "reactor/topology.hpp"

namespace meridian::reactor {

struct PlacementRequest {
  ProcessorList allowed;  // of this process (affinity, cgroup); empty: all that are online
  ProcessorList taken;    // by other reactors of this host
  // Where the network card or a peer is; only a wish.
  std::optional<unsigned> near_node;
};

// Split: the match duty has a core of its own, journal and edge share others. Fused: one thread
// takes turns, is pinned nowhere, and sleeps when there is nothing to do.
struct Placement {
  bool is_split = false;
  std::optional<unsigned> match;
  std::optional<unsigned> journal;
  std::optional<unsigned> edge;
  // Node whose memory the markets take; absent on a machine of one node.
  std::optional<unsigned> memory_node;
  // Threads of the match duty's core: whoever places others on this host leaves them idle.
  ProcessorList leave_idle;
  std::string why;

  friend bool operator==(const Placement&, const Placement&) = default;
};

Placement place(const Topology& topology, const PlacementRequest& request);

// After the machine has changed: what still can stay where it is stays there.
Placement replace(const Placement& current, const Topology& topology,
                  const PlacementRequest& request);

}  // namespace meridian::reactor
