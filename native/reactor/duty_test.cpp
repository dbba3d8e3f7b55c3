#include "reactor/duty.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "journal/test_support.hpp"
#include "reactor/reactor.hpp"
#include "reactor/test_support.hpp"
#include "reactor/thread_placement.hpp"

namespace meridian::reactor {
namespace {

void wait_for(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit) << "it did not come about";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// Counts its turns, and can be told to hang in one.
class TestDuty final : public Duty {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "meridian-test"; }
  std::uint32_t do_work(std::uint64_t wait_ns) noexcept override {
    thread.store(std::this_thread::get_id());
    turns.fetch_add(1);
    while (spins.load()) {
    }
    while (sleeps.load()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(std::min(wait_ns, std::uint64_t{100'000})));
    return 0;
  }

  std::atomic<std::uint64_t> turns{0};
  std::atomic<bool> spins{false};
  std::atomic<bool> sleeps{false};
  std::atomic<std::thread::id> thread;
};

// A machine of as many processors as it is told, without nodes.
class Machine {
 public:
  explicit Machine(const std::string& online) { set_online(online); }
  void set_online(const std::string& online) {
    const std::scoped_lock guard(mutex_);
    online_ = online;
  }
  [[nodiscard]] ReadSysfs reader() {
    return [this](const std::string& path) -> std::optional<std::string> {
      const std::scoped_lock guard(mutex_);
      return path == "devices/system/cpu/online" ? std::optional(online_ + "\n") : std::nullopt;
    };
  }

 private:
  std::mutex mutex_;
  std::string online_;
};

ProcessorList affinity_of(pid_t thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(thread, sizeof(set), &set);
  ProcessorList list;
  for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &set)) {
      list.push_back(processor);
    }
  }
  return list;
}

class DutyTest : public testing::Test {
 protected:
  ReactorOptions options_on(Machine& machine) {
    ReactorOptions options;
    options.placement = PlacementRequest{};
    options.sysfs = machine.reader();
    options.watch.interval_ns = 5'000'000;
    options.watch.look_ns = 10'000'000;
    options.machine_look_ns = 10'000'000;
    options.watch.busy_limit_ns = 50'000'000;
    options.watch.starved_limit_ns = 300'000'000;
    options.on_stuck = [this](const StuckDuty& stuck) {
      const std::scoped_lock guard(mutex);
      reports.push_back(std::string(stuck.name) +
                        (stuck.cause == Stuck::busy ? " busy" : " starved"));
    };
    return options;
  }
  // A thread that shares its processor may run too little to be called busy, and is starved first.
  ReactorOptions busy_alone_on(Machine& machine) {
    ReactorOptions options = options_on(machine);
    options.watch.starved_limit_ns = 3'600'000'000'000;
    return options;
  }
  bool has_reported(const std::string& report) {
    const std::scoped_lock guard(mutex);
    return std::ranges::find(reports, report) != reports.end();
  }

  ReactorRegion region{};
  std::mutex mutex;
  std::vector<std::string> reports;
};

TEST_F(DutyTest, RunsADutyOnAThreadOfItsOwnWhenThereAreTwoCores) {
  Machine machine("0-1");
  TestDuty duty;
  Reactor reactor(options_on(machine), region);
  EXPECT_TRUE(reactor.placement().is_split);
  reactor.host(duty);
  wait_for([&] { return duty.turns.load() > 10; });
  EXPECT_EQ(threads_named("meridian-test").size(), 1U);
  reactor.unhost(duty);
  const std::uint64_t turns = duty.turns.load();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(duty.turns.load(), turns);
  EXPECT_TRUE(threads_named("meridian-test").empty());
}

TEST_F(DutyTest, FusesADutyIntoTheMatchThreadOnOneCoreAndStillMatches) {
  Machine machine("0");
  TestDuty duty;
  journal::TemporaryFolder folder;
  journal::PosixFileSystem files;
  Reactor reactor(options_on(machine), region);
  EXPECT_FALSE(reactor.placement().is_split);
  reactor.host(duty);
  wait_for([&] { return duty.turns.load() > 10; });
  EXPECT_TRUE(threads_named("meridian-test").empty());
  MarketOptions options;
  options.directory = folder.path();
  std::string reason;
  const auto market =
      HostedMarket::open(files, options, reactor.thread(), [](void*) noexcept {}, nullptr, reason);
  ASSERT_NE(market, nullptr) << reason;
  reactor.add(*market);
  Client client(reactor, *market);
  client.send(configure_command());
  for (std::uint64_t order = 1; order <= 50; ++order) {
    client.send(place_command(wire::Side::sell, 100, 1));
    client.drain_through(1 + order);
  }
  reactor.remove(*market);
  reactor.unhost(duty);
  const std::uint64_t turns = duty.turns.load();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(duty.turns.load(), turns);
}

TEST_F(DutyTest, ReportsADutyThatSpinsWithoutEnd) {
  Machine machine("0-1");
  TestDuty duty;
  Reactor reactor(busy_alone_on(machine), region);
  reactor.host(duty);
  wait_for([&] { return duty.turns.load() > 10; });
  duty.spins.store(true);
  wait_for([&] { return has_reported("meridian-test busy"); });
  EXPECT_GE(reactor.stuck(Stuck::busy), 1U);
  duty.spins.store(false);
  reactor.unhost(duty);
}

TEST_F(DutyTest, ReportsADutyThatWaitsInTheKernelWithoutEnd) {
  Machine machine("0-1");
  TestDuty duty;
  Reactor reactor(options_on(machine), region);
  reactor.host(duty);
  wait_for([&] { return duty.turns.load() > 10; });
  duty.sleeps.store(true);
  wait_for([&] { return has_reported("meridian-test starved"); });
  duty.sleeps.store(false);
  reactor.unhost(duty);
}

TEST_F(DutyTest, ReportsAMatchThreadThatIsHeldUpByAFusedDuty) {
  Machine machine("0");
  TestDuty duty;
  Reactor reactor(busy_alone_on(machine), region);
  reactor.host(duty);
  wait_for([&] { return duty.turns.load() > 10; });
  duty.spins.store(true);
  wait_for([&] { return has_reported("match busy"); });
  duty.spins.store(false);
  reactor.unhost(duty);
}

TEST_F(DutyTest, ReportsNothingOfThreadsThatSleep) {
  Machine machine("0-1");
  Reactor reactor(options_on(machine), region);
  wait_for([&] { return region.parked.load() != 0; });
  {
    // Until it slept it may have had to wait for a processor.
    const std::scoped_lock guard(mutex);
    reports.clear();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_TRUE(reports.empty());
}

TEST_F(DutyTest, MovesTheMatchThreadWhenItsProcessorGoesAndPinsItWhenItIsBack) {
  if (allowed_processors().size() < 2 || allowed_processors()[1] != 1) {
    GTEST_SKIP() << "needs processors 0 and 1";
  }
  Machine machine("0-1");
  Reactor reactor(options_on(machine), region);
  wait_for([&] { return (region.placed.load() & placed_pinned) != 0; });
  EXPECT_EQ(affinity_of(reactor.thread_id()), ProcessorList{1});
  machine.set_online("0");
  wait_for([&] { return reactor.replacements() == 1; });
  EXPECT_FALSE(reactor.placement().is_split);
  EXPECT_EQ(affinity_of(reactor.thread_id()), allowed_processors());
  machine.set_online("0-1");
  wait_for([&] { return reactor.replacements() == 2; });
  EXPECT_EQ(affinity_of(reactor.thread_id()), ProcessorList{1});
  for (const pid_t journal : threads_named("meridian-log")) {
    EXPECT_EQ(affinity_of(journal), ProcessorList{0});
  }
}

TEST_F(DutyTest, GivesWayUnderSchedFifoBeforeItStarvesItsHost) {
  Machine machine("0-1");
  ReactorOptions options = options_on(machine);
  options.fifo_priority = 1;
  options.spin_ns = 60'000'000'000;
  Reactor reactor(options, region);
  wait_for([&] { return (region.placed.load() & placed_known) != 0; });
  if ((region.placed.load() & placed_fifo) == 0) {
    GTEST_SKIP() << "SCHED_FIFO is refused: it needs CAP_SYS_NICE";
  }
  wait_for([&] { return reactor.forced_rests() >= 1; });
}

TEST(ThreadPlacement, BindsMemoryToANodeThatThereIs) {
  int error = 0;
  const rings::SharedRegion memory = rings::SharedRegion::create("meridian-test", 1 << 20, error);
  ASSERT_EQ(error, 0);
  if (!read_sysfs("devices/system/node/online").has_value()) {
    GTEST_SKIP() << "the kernel knows no nodes";
  }
  EXPECT_TRUE(bind_memory(memory.memory(), 0));
  EXPECT_FALSE(bind_memory(memory.memory(), 1'000)) << "there is no such node";
  EXPECT_FALSE(bind_memory(memory.memory(), 1'000'000));
}

}  // namespace
}  // namespace meridian::reactor
