#include "reactor/placement.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

namespace meridian::reactor {
namespace {

bool has(const ProcessorList& list, unsigned processor) {
  return std::ranges::binary_search(list, processor);
}

// Cores with the threads that may be used; those without any are left out.
std::vector<Core> usable_cores(const Topology& topology, const PlacementRequest& request) {
  std::vector<Core> cores;
  for (const Core& core : topology.cores) {
    Core usable{{}, core.node};
    // A core whose other thread is somebody's match duty is of no use to either.
    if (std::ranges::any_of(core.threads,
                            [&](unsigned thread) { return has(request.taken, thread); })) {
      continue;
    }
    std::ranges::copy_if(core.threads, std::back_inserter(usable.threads), [&](unsigned thread) {
      return request.allowed.empty() || has(request.allowed, thread);
    });
    if (!usable.threads.empty()) {
      cores.push_back(std::move(usable));
    }
  }
  return cores;
}

bool is_isolated(const Topology& topology, const Core& core) {
  return std::ranges::any_of(core.threads,
                             [&](unsigned thread) { return has(topology.isolated, thread); });
}

// Of isolated cores the first, else the last: the kernel does its own work on low ones.
const Core& choose_match(const Topology& topology, const std::vector<const Core*>& cores) {
  for (const Core* core : cores) {
    if (is_isolated(topology, *core)) {
      return *core;
    }
  }
  return *cores.back();
}

std::vector<const Core*> cores_of(const std::vector<Core>& cores, unsigned node) {
  std::vector<const Core*> here;
  for (const Core& core : cores) {
    if (core.node == node) {
      here.push_back(&core);
    }
  }
  return here;
}

// Orders nodes by how well they suit: two cores for the duties, then the wish, an isolated core,
// and room.
unsigned choose_node(const Topology& topology, const std::vector<Core>& cores,
                     const std::optional<unsigned>& wish) {
  const auto merit = [&](unsigned node) {
    const std::vector<const Core*> here = cores_of(cores, node);
    const bool has_isolated =
        std::ranges::any_of(here, [&](const Core* core) { return is_isolated(topology, *core); });
    return std::tuple(here.size() >= 2, wish == node, has_isolated, here.size());
  };
  unsigned best = cores.front().node;
  for (const MemoryNode& node : topology.nodes) {
    if (merit(node.id) > merit(best)) {
      best = node.id;
    }
  }
  return best;
}

std::optional<unsigned> nearest_memory(const Topology& topology, unsigned node) {
  if (topology.nodes.size() < 2) {
    return std::nullopt;
  }
  std::optional<unsigned> best;
  for (const MemoryNode& one : topology.nodes) {
    if (one.has_memory &&
        (!best || topology.distance(node, one.id) < topology.distance(node, *best))) {
      best = one.id;
    }
  }
  return best;
}

// Cores other than the match duty's, the nearest first, isolated ones last.
std::vector<const Core*> helpers_of(const Topology& topology, const std::vector<Core>& cores,
                                    const Core& match) {
  std::vector<const Core*> helpers;
  for (const Core& core : cores) {
    if (core.threads != match.threads) {
      helpers.push_back(&core);
    }
  }
  // Equally good ones stay in the order in which they were given.
  std::ranges::sort(helpers, {}, [&](const Core* core) {
    return std::tuple(is_isolated(topology, *core), topology.distance(match.node, core->node),
                      core - cores.data());
  });
  return helpers;
}

Placement fused(std::string why) {
  Placement placement;
  placement.why = std::move(why);
  return placement;
}

Placement split(const Topology& topology, const std::vector<Core>& cores, const Core& match) {
  const std::vector<const Core*> helpers = helpers_of(topology, cores, match);
  Placement placement;
  placement.is_split = true;
  placement.match = match.threads.front();
  placement.journal = helpers[0]->threads.front();
  placement.edge = helpers[helpers.size() > 1 ? 1 : 0]->threads.front();
  placement.memory_node = nearest_memory(topology, match.node);
  for (const Core& core : topology.cores) {
    if (has(core.threads, *placement.match)) {
      std::ranges::copy_if(core.threads, std::back_inserter(placement.leave_idle),
                           [&](unsigned thread) { return thread != *placement.match; });
    }
  }
  placement.why = "the match duty has core " + std::to_string(*placement.match) + " of node " +
                  std::to_string(match.node) + " for itself";
  return placement;
}

}  // namespace

Placement place(const Topology& topology, const PlacementRequest& request) {
  const std::vector<Core> cores = usable_cores(topology, request);
  if (cores.size() < 2) {
    return fused(cores.empty() ? "no core is free: one thread takes turns wherever there is time"
                               : "one core is free: one thread takes turns on it");
  }
  const unsigned node = choose_node(topology, cores, request.near_node);
  return split(topology, cores, choose_match(topology, cores_of(cores, node)));
}

Placement replace(const Placement& current, const Topology& topology,
                  const PlacementRequest& request) {
  const std::vector<Core> cores = usable_cores(topology, request);
  if (!current.is_split || !current.match.has_value() || cores.size() < 2) {
    return place(topology, request);
  }
  const unsigned processor = *current.match;
  const auto match =
      std::ranges::find_if(cores, [&](const Core& core) { return has(core.threads, processor); });
  if (match == cores.end()) {
    return place(topology, request);
  }
  Core kept = *match;
  // The thread it runs on, whichever of the core's that is.
  std::erase(kept.threads, processor);
  kept.threads.insert(kept.threads.begin(), processor);
  std::vector<Core> with_kept = cores;
  with_kept[static_cast<std::size_t>(match - cores.begin())] = kept;
  Placement next = split(topology, with_kept, kept);
  const auto stays = [&](const std::optional<unsigned>& other) {
    return other.has_value() && std::ranges::any_of(cores, [&](const Core& core) {
             return has(core.threads, *other) && !has(core.threads, processor);
           });
  };
  if (stays(current.journal)) {
    next.journal = current.journal;
  }
  if (stays(current.edge)) {
    next.edge = current.edge;
  }
  return next;
}

}  // namespace meridian::reactor
