#include "reactor/core_locks.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "journal/test_support.hpp"
#include "reactor/reactor.hpp"

namespace meridian::reactor {
namespace {

ReadSysfs machine_of(const std::string& online) {
  return [online](const std::string& path) -> std::optional<std::string> {
    return path == "devices/system/cpu/online" ? std::optional(online + "\n") : std::nullopt;
  };
}

ReactorOptions options_of(const std::string& online, const std::string& folder) {
  ReactorOptions options;
  options.placement = PlacementRequest{};
  options.sysfs = machine_of(online);
  options.core_locks = folder;
  options.watch.look_ns = 10'000'000;
  options.machine_look_ns = 10'000'000;
  return options;
}

// A process with a reactor, until it is killed.
class OtherProcess {
 public:
  OtherProcess(const std::string& online, const std::string& folder) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    child_ = fork();
    if (child_ == 0) {
      ReactorRegion region{};
      const Reactor reactor(options_of(online, folder), region);
      const char answer = reactor.placement().is_split ? 's' : 'f';
      const ssize_t told = write(pipe[1], &answer, 1);
      pause();
      _exit(told == 1 ? 0 : 1);
    }
    close(pipe[1]);
    EXPECT_EQ(read(pipe[0], &placed, 1), 1);
    close(pipe[0]);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  ~OtherProcess() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  char placed = ' ';

 private:
  pid_t child_ = -1;
};

TEST(CoreLocks, A4_1_a_processor_is_one_processs_until_it_lets_go_or_dies) {
  const journal::TemporaryFolder folder;
  CoreLocks first(folder.path());
  CoreLocks second(folder.path());
  EXPECT_TRUE(first.hold({1, 3}));
  EXPECT_FALSE(second.hold({2, 3}));
  EXPECT_TRUE(first.hold({1, 2})) << "what is refused is not kept";
  EXPECT_TRUE(second.hold({3}));
  EXPECT_TRUE(first.hold({}));
  EXPECT_TRUE(second.hold({1, 2, 3}));
}

TEST(CoreLocks, A4_1_reactors_of_two_processes_share_a_host_of_two_cores_and_the_second_waits) {
  const journal::TemporaryFolder folder;
  auto other = std::make_unique<OtherProcess>("0-1", folder.path());
  EXPECT_EQ(other->placed, 's');
  ReactorRegion region{};
  const Reactor reactor(options_of("0-1", folder.path()), region);
  EXPECT_FALSE(reactor.placement().is_split);
  EXPECT_FALSE(reactor.placement().match.has_value());
  other.reset();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!reactor.placement().is_split && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(reactor.placement().is_split) << "the core of a process that died is free";
}

TEST(CoreLocks, A4_1_reactors_of_two_processes_have_different_cores_where_there_are_enough) {
  const journal::TemporaryFolder folder;
  const OtherProcess other("0-3", folder.path());
  EXPECT_EQ(other.placed, 's');
  ReactorRegion region{};
  const Reactor reactor(options_of("0-3", folder.path()), region);
  EXPECT_EQ(reactor.placement().match, 2U) << "the last one is taken";
}

}  // namespace
}  // namespace meridian::reactor
