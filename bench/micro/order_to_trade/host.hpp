// The process at the other end: market_host, started for one pass over the workload.
#pragma once
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "client/market_client.hpp"

namespace meridian::bench {

// What the kernel says about a thread.
struct ThreadCounts {
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t voluntary = 0;    // context switches
  std::uint64_t involuntary = 0;  // …
};

class HostProcess {
 public:
  HostProcess(const std::string& program, int processor, bool wants_fifo) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "meridian-order-to-trade-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    std::vector<std::string> words{program,     "--directory", folder_ + "/log",
                                   "--socket",  socket_path(), "--market",
                                   "W",         "--token",     std::string(64, '1'),
                                   "--account", "1",           "--permissions",
                                   "3",         "--processor", std::to_string(processor),
                                   "--spin-ns", "1000000",     "--record-slots",
                                   "1048576"};
    if (wants_fifo) {
      words.insert(words.end(), {"--fifo", "50"});
    }
    start(words);
    std::array<char, 128> line{};
    unsigned thread = 0;
    if (std::fgets(line.data(), static_cast<int>(line.size()), output_) != nullptr &&
        std::sscanf(line.data(), "ready %u %u", &thread, &placed_) == 2) {
      thread_ = static_cast<int>(thread);
    }
  }
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    std::fclose(output_);
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] bool is_ready() const { return thread_ > 0; }
  [[nodiscard]] bool has_fifo() const { return (placed_ & 4U) != 0; }

  bool connect(client::MarketClient& client, std::string& reason) const {
    client::Hello hello;
    hello.account = 1;
    hello.permissions = client::permission::stream | client::permission::administer;
    hello.command_slots = 1U << 14U;
    hello.event_slots = 1U << 16U;
    hello.token.fill(std::byte{0x11});
    std::strncpy(hello.market.data(), "W", 2);
    if (const auto refused = client.connect(socket_path().c_str(), hello)) {
      reason = refused->text;
      return false;
    }
    return true;
  }

  // Of the match thread.
  [[nodiscard]] ThreadCounts counts() const {
    const std::string task =
        "/proc/" + std::to_string(process_) + "/task/" + std::to_string(thread_);
    ThreadCounts counts;
    std::array<char, 1024> text{};
    read_file(task + "/stat", text);
    if (const char* after = std::strrchr(text.data(), ')'); after != nullptr) {
      unsigned long long minor = 0;
      unsigned long long major = 0;
      std::sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major);
      counts.minor_faults = minor;
      counts.major_faults = major;
    }
    std::array<char, 4096> status{};
    read_file(task + "/status", status);
    counts.voluntary = number_after(status.data(), "\nvoluntary_ctxt_switches:");
    counts.involuntary = number_after(status.data(), "\nnonvoluntary_ctxt_switches:");
    return counts;
  }

  // Blocks until every record is on the disk: a journal that is behind holds up the match thread
  // when its ring is full.
  void wait_durable() const {
    std::array<char, 128> line{};
    double matched = 1;
    double durable = 0;
    while (matched != durable) {
      usleep(5'000);
      kill(process_, SIGUSR1);
      if (std::fgets(line.data(), static_cast<int>(line.size()), output_) == nullptr ||
          std::sscanf(line.data(), "at %lf %lf", &matched, &durable) != 2) {
        return;
      }
    }
  }

  // Turns measuring off, or on again; false when it does not say what is so now.
  bool toggle_measuring(bool& measures) const {
    kill(process_, SIGUSR2);
    std::array<char, 128> line{};
    int now = 0;
    if (std::fgets(line.data(), static_cast<int>(line.size()), output_) == nullptr ||
        std::sscanf(line.data(), "measuring %d", &now) != 1) {
      return false;
    }
    measures = now != 0;
    return true;
  }

  // Ends it in order; false when it does not say what it ended with.
  bool end(std::uint64_t& sequence, std::uint64_t& digest) {
    kill(process_, SIGTERM);
    std::array<char, 128> line{};
    unsigned long long last = 0;
    unsigned long long state = 0;
    const bool is_told =
        std::fgets(line.data(), static_cast<int>(line.size()), output_) != nullptr &&
        std::sscanf(line.data(), "ended %llu %llx", &last, &state) == 2;
    waitpid(std::exchange(process_, -1), nullptr, 0);
    sequence = last;
    digest = state;
    return is_told;
  }

 private:
  [[nodiscard]] std::string socket_path() const { return folder_ + "/socket"; }

  void start(std::vector<std::string>& words) {
    std::array<int, 2> ends{-1, -1};
    if (pipe(ends.data()) != 0) {
      return;
    }
    std::vector<char*> arguments;
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(300);
      leave_processor();
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }

  // What this process pinned itself to is not for its child: the threads that wake the reactor and
  // write its log must find a processor while both others are kept busy.
  static void leave_processor() {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
      CPU_SET(processor, &all);
    }
    sched_setaffinity(0, sizeof(all), &all);
  }

  template <std::size_t Size>
  static void read_file(const std::string& path, std::array<char, Size>& text) {
    if (std::FILE* file = std::fopen(path.c_str(), "r"); file != nullptr) {
      text[std::fread(text.data(), 1, Size - 1, file)] = '\0';
      std::fclose(file);
    }
  }
  static std::uint64_t number_after(const char* text, const char* name) {
    const char* found = std::strstr(text, name);
    return found == nullptr ? 0 : std::strtoull(found + std::strlen(name), nullptr, 10);
  }

  std::string folder_;
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
  int thread_ = 0;
  unsigned placed_ = 0;
};

}  // namespace meridian::bench
