// Runs a real reactor with a market and looks whether its threads and pages are where the plan
// says, on each node of the machine in turn and after a processor has gone. As process 1 of a guest
// with two nodes (test/soak/numa.soak.ts) it mounts what it needs, and ends the machine.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "reactor/test_support.hpp"
#include "reactor/thread_placement.hpp"

namespace meridian::reactor {
namespace {

constexpr std::chrono::seconds patience{20};
int faults = 0;

void expect(bool holds, const std::string& what) {
  std::printf("%s %s\n", holds ? "ok  " : "FAIL", what.c_str());
  std::fflush(stdout);
  faults += holds ? 0 : 1;
}

std::string text_of(const std::optional<unsigned>& number) {
  return number.has_value() ? std::to_string(*number) : "none";
}

// Cpus_allowed_list of the first thread of this name.
std::string allowed_of(std::string_view name) {
  const std::vector<pid_t> threads = threads_named(name);
  std::ifstream status(threads.empty()
                           ? "/dev/null"
                           : "/proc/self/task/" + std::to_string(threads.front()) + "/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view key = "Cpus_allowed_list:\t";
    if (line.starts_with(key)) {
      return line.substr(key.size());
    }
  }
  return "";
}

bool settles(std::string_view thread, const std::string& wanted) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (allowed_of(thread) != wanted && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return allowed_of(thread) == wanted;
}

// What /proc/self/numa_maps says of the memory that prefers a node.
struct Pages {
  std::size_t areas = 0;
  std::map<unsigned, std::uint64_t> on_node;
  std::vector<std::uintptr_t> starts;
};

Pages pages_that_prefer(unsigned node) {
  Pages pages;
  std::string suffix(":");
  suffix.append(std::to_string(node));
  std::ifstream maps("/proc/self/numa_maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string start;
    std::string policy;
    words >> start >> policy;
    // "prefer (many):1" since kernel 5.15, "prefer:1" before.
    if (policy == "prefer") {
      std::string rest;
      words >> rest;
      policy.append(rest);
    }
    if (!policy.starts_with("prefer") || !policy.ends_with(suffix)) {
      continue;
    }
    ++pages.areas;
    pages.starts.push_back(std::strtoull(start.c_str(), nullptr, 16));
    for (std::string word; words >> word;) {
      if (word.size() > 2 && word[0] == 'N' && word.find('=') != std::string::npos) {
        pages.on_node[static_cast<unsigned>(std::atoi(word.c_str() + 1))] +=
            std::strtoull(word.c_str() + word.find('=') + 1, nullptr, 10);
      }
    }
  }
  return pages;
}

void expect_pages(HostedMarket& market, unsigned node) {
  const Pages pages = pages_that_prefer(node);
  std::string text = std::to_string(pages.areas) + " areas prefer node " + std::to_string(node);
  std::uint64_t elsewhere = 0;
  for (const auto& [where, count] : pages.on_node) {
    text += ", " + std::to_string(count) + " pages on node " + std::to_string(where);
    elsewhere += where == node ? 0 : count;
  }
  const auto has = [&](std::span<std::byte> memory) {
    return std::ranges::find(pages.starts, reinterpret_cast<std::uintptr_t>(memory.data())) !=
           pages.starts.end();
  };
  expect(has(market.memory().memory()) && has(market.depth_memory().memory()),
         "the rings and the depth of the market are among them: " + text);
  const auto there = pages.on_node.find(node);
  expect(there != pages.on_node.end() && there->second > 100 && elsewhere == 0,
         "every page of the market that prefers a node is on it");
}

void trade(Client& client, int count) {
  client.send(configure_command(100'000));
  for (int index = 0; index < count; ++index) {
    const wire::Side side = index % 2 == 0 ? wire::Side::buy : wire::Side::sell;
    while (!client.send(place_command(side, side == wire::Side::buy ? 400 : 600, 1))) {
      client.drain();
    }
    client.drain();
  }
  client.drain_through(static_cast<std::uint64_t>(count) + 1);
}

void write_to(const std::string& path, const char* text) {
  std::ofstream file(path);
  file << text;
  file.close();
  expect(file.good(), "wrote " + std::string(text) + " to " + path);
}

void expect_threads(const Placement& plan) {
  expect(plan.match.has_value() && settles("meridian-match", text_of(plan.match)),
         "meridian-match may run on " + allowed_of("meridian-match") + ", planned " +
             text_of(plan.match));
  expect(plan.journal.has_value() && settles("meridian-log", text_of(plan.journal)),
         "meridian-log may run on " + allowed_of("meridian-log") + ", planned " +
             text_of(plan.journal));
}

// A processor goes: within a second or two the plan is another one, and the threads follow.
void unplug(Reactor& reactor, const Placement& before) {
  const std::string path = "/sys/devices/system/cpu/cpu" + text_of(before.match) + "/online";
  write_to(path, "0");
  const auto until = std::chrono::steady_clock::now() + patience;
  while (reactor.replacements() == 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const Placement after = reactor.placement();
  expect(after.match != before.match, "the match duty moved from processor " +
                                          text_of(before.match) + " to " + text_of(after.match));
  expect_threads(after);
  write_to(path, "1");
}

void run_on(unsigned node, const Topology& topology, const std::string& folder) {
  ReactorOptions options;
  options.placement = PlacementRequest{{}, {}, node};
  const Placement wanted = place(topology, *options.placement);
  std::printf("plan for node %u: %s\n", node, wanted.why.c_str());
  expect(wanted.is_split && wanted.memory_node == node,
         "the plan is split and takes memory from node " + text_of(wanted.memory_node));

  ReactorRegion region;
  Reactor reactor(options, region);
  journal::PosixFileSystem files;
  MarketOptions market_options;
  market_options.directory = folder + "/" + std::to_string(node);
  std::string reason;
  const auto market = HostedMarket::open(
      files, market_options, reactor.thread(), [](void* /*context*/) noexcept {}, nullptr, reason);
  expect(market != nullptr, "a market opens: " + reason);
  if (market == nullptr) {
    return;
  }
  reactor.add(*market);
  expect(reactor.placement() == wanted, "the reactor follows the plan");
  expect_threads(wanted);
  Client client(reactor, *market);
  trade(client, 20'000);
  expect_pages(*market, node);
  if (node != 0) {
    unplug(reactor, wanted);
  }
  market->discard_events();
  reactor.remove(*market);
}

int run(const std::string& folder) {
  const std::optional<Topology> topology = read_topology(read_sysfs);
  expect(topology.has_value(), "the topology can be read");
  if (!topology.has_value()) {
    return 1;
  }
  std::printf("%zu cores, %zu nodes\n", topology->cores.size(), topology->nodes.size());
  expect(topology->nodes.size() >= 2, "there are two nodes");
  for (const MemoryNode& node : topology->nodes) {
    run_on(node.id, *topology, folder);
  }
  std::printf("%s: %d faults\n", faults == 0 ? "passed" : "failed", faults);
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace meridian::reactor

int main() {
  const bool is_guest = getpid() == 1;
  if (is_guest) {
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/tmp", 0755);
    mount("proc", "/proc", "proc", 0, nullptr);
    mount("sysfs", "/sys", "sysfs", 0, nullptr);
    mount("tmpfs", "/tmp", "tmpfs", 0, nullptr);
  }
  const int outcome = meridian::reactor::run(is_guest ? "/tmp/log" : "numa-probe-log");
  if (is_guest) {
    sync();
    reboot(RB_AUTOBOOT);
  }
  return outcome;
}
