#include "reactor/topology.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <memory>

namespace meridian::reactor {
namespace {

// More than any kernel has: a list from a damaged file stays small.
constexpr unsigned most_processors = 1U << 16U;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  return text;
}

bool read_number(std::string_view& text, unsigned& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

ProcessorList list_of(const ReadSysfs& read, const std::string& path) {
  const std::optional<std::string> text = read(path);
  return text ? parse_list(*text).value_or(ProcessorList{}) : ProcessorList{};
}

ProcessorList common_to(const ProcessorList& left, const ProcessorList& right) {
  ProcessorList common;
  std::ranges::set_intersection(left, right, std::back_inserter(common));
  return common;
}

std::vector<unsigned> numbers_of(std::string_view text) {
  std::vector<unsigned> numbers;
  unsigned value = 0;
  while (read_number(text, value)) {
    numbers.push_back(value);
    while (!text.empty() && text.front() == ' ') {
      text.remove_prefix(1);
    }
  }
  return numbers;
}

void read_cores(const ReadSysfs& read, const ProcessorList& online, unsigned node,
                const ProcessorList& here, std::vector<Core>& cores) {
  ProcessorList left = common_to(online, here);
  while (!left.empty()) {
    const unsigned first = left.front();
    ProcessorList threads =
        common_to(left, list_of(read, "devices/system/cpu/cpu" + std::to_string(first) +
                                          "/topology/thread_siblings_list"));
    if (std::ranges::find(threads, first) == threads.end()) {
      threads = {first};
    }
    std::erase_if(left,
                  [&threads](unsigned one) { return std::ranges::binary_search(threads, one); });
    cores.push_back({std::move(threads), node});
  }
}

}  // namespace

ProcessorList Topology::processors() const {
  ProcessorList all;
  for (const Core& core : cores) {
    all.insert(all.end(), core.threads.begin(), core.threads.end());
  }
  std::ranges::sort(all);
  return all;
}

unsigned Topology::distance(unsigned from, unsigned to) const {
  const auto row = std::ranges::find(nodes, from, &MemoryNode::id);
  const auto column = std::ranges::find(nodes, to, &MemoryNode::id);
  if (row == nodes.end() || column == nodes.end()) {
    return ~0U;
  }
  const auto place = static_cast<std::size_t>(column - nodes.begin());
  return place < row->distances.size() ? row->distances[place] : ~0U;
}

std::optional<ProcessorList> parse_list(std::string_view text) {
  text = trimmed(text);
  ProcessorList list;
  while (!text.empty()) {
    unsigned first = 0;
    if (!read_number(text, first)) {
      return std::nullopt;
    }
    unsigned last = first;
    if (!text.empty() && text.front() == '-') {
      text.remove_prefix(1);
      if (!read_number(text, last) || last < first) {
        return std::nullopt;
      }
    }
    if (last >= most_processors) {
      return std::nullopt;
    }
    for (unsigned one = first; one <= last; ++one) {
      list.push_back(one);
    }
    if (!text.empty()) {
      if (text.front() != ',' || text.size() == 1) {
        return std::nullopt;
      }
      text.remove_prefix(1);
    }
  }
  std::ranges::sort(list);
  // clang 14 cannot use the subrange that std::ranges::unique gives.
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

std::optional<Topology> read_topology(const ReadSysfs& read) {
  const ProcessorList online = list_of(read, "devices/system/cpu/online");
  if (online.empty()) {
    return std::nullopt;
  }
  Topology topology;
  topology.isolated = common_to(online, list_of(read, "devices/system/cpu/isolated"));
  const ProcessorList node_ids = list_of(read, "devices/system/node/online");
  const std::optional<std::string> with_memory = read("devices/system/node/has_memory");
  const ProcessorList memory_ids = list_of(read, "devices/system/node/has_memory");
  for (const unsigned id : node_ids) {
    const std::string folder = "devices/system/node/node" + std::to_string(id) + "/";
    MemoryNode node;
    node.id = id;
    node.has_memory = !with_memory || std::ranges::binary_search(memory_ids, id);
    node.distances = numbers_of(read(folder + "distance").value_or(""));
    topology.nodes.push_back(std::move(node));
    read_cores(read, online, id, list_of(read, folder + "cpulist"), topology.cores);
  }
  if (topology.cores.empty()) {
    topology.nodes = {{0, true, {10}}};
    read_cores(read, online, 0, online, topology.cores);
  }
  std::ranges::sort(topology.cores, {}, [](const Core& core) { return core.threads.front(); });
  return topology;
}

std::optional<std::string> read_sysfs(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(("/sys/" + path).c_str(), "r"), std::fclose);
  if (file == nullptr) {
    return std::nullopt;
  }
  std::array<char, 8192> text{};
  return std::string(text.data(), std::fread(text.data(), 1, text.size(), file.get()));
}

}  // namespace meridian::reactor
