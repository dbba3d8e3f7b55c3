// The machine as sysfs shows it: which processors there are, which share a core, which memory is
// near.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::reactor {

// Contents of a file below /sys, by its path there; nothing when there is no such file.
using ReadSysfs = std::function<std::optional<std::string>(const std::string& path)>;

// Sorted, each once.
using ProcessorList = std::vector<unsigned>;

struct Core {
  ProcessorList threads;  // online ones
  unsigned node = 0;
};

struct MemoryNode {
  unsigned id = 0;
  bool has_memory = true;
  // To every node that is online, in the order of Topology::nodes; 10 is itself.
  std::vector<unsigned> distances;
};

struct Topology {
  std::vector<Core> cores;  // by their first thread
  std::vector<MemoryNode> nodes;
  ProcessorList isolated;  // the kernel places nobody there by itself

  // Of all online processors.
  [[nodiscard]] ProcessorList processors() const;
  // Between two nodes by id; the largest value when one of them is not there.
  [[nodiscard]] unsigned distance(unsigned from, unsigned to) const;
};

// A list as the kernel writes it, "0-3,8,10-11"; nothing when it is none.
std::optional<ProcessorList> parse_list(std::string_view text);

// Nothing when not even the online processors can be read; a machine without nodes is one node.
std::optional<Topology> read_topology(const ReadSysfs& read);

// Of this machine.
std::optional<std::string> read_sysfs(const std::string& path);

}  // namespace meridian::reactor
