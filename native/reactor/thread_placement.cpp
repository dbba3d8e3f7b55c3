#include "reactor/thread_placement.hpp"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace meridian::reactor {

std::vector<pid_t> threads_named(std::string_view name) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(task.path() / "comm");
    std::string text;
    if (std::getline(file, text) && text == name) {
      found.push_back(std::atoi(task.path().filename().c_str()));
    }
  }
  return found;
}

ProcessorList allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ProcessorList allowed;
  if (sched_getaffinity(getpid(), sizeof(set), &set) == 0) {
    for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (CPU_ISSET(processor, &set)) {
        allowed.push_back(processor);
      }
    }
  }
  return allowed;
}

bool pin_thread(pid_t thread, const std::optional<unsigned>& processor,
                const ProcessorList& allowed) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (processor.has_value()) {
    CPU_SET(*processor, &set);
  }
  for (const unsigned one : allowed) {
    if (!processor.has_value()) {
      CPU_SET(one, &set);
    }
  }
  return CPU_COUNT(&set) > 0 && sched_setaffinity(thread, sizeof(set), &set) == 0;
}

bool bind_memory(std::span<std::byte> memory, unsigned node) noexcept {
  constexpr unsigned word_bits = 64;
  std::array<std::uint64_t, 16> nodes{};
  if (node >= nodes.size() * word_bits) {
    return false;
  }
  nodes[node / word_bits] = std::uint64_t{1} << (node % word_bits);
  // Preferred and not bound: a node that has run out may not stop a market.
  return syscall(SYS_mbind, memory.data(), memory.size(), MPOL_PREFERRED, nodes.data(),
                 nodes.size() * word_bits + 1, MPOL_MF_MOVE) == 0;
}

}  // namespace meridian::reactor
