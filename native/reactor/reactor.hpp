// The match thread and the journal thread of a process, and the markets they host.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "journal/journal.hpp"
#include "memory/memory_keeper.hpp"
#include "reactor/core_locks.hpp"
#include "reactor/duty.hpp"
#include "reactor/duty_thread.hpp"
#include "reactor/duty_watch.hpp"
#include "reactor/hosted_market.hpp"
#include "reactor/market_monitor.hpp"
#include "reactor/market_region.hpp"
#include "reactor/placement.hpp"
#include "reactor/shadow.hpp"
#include "reactor/tick_clock.hpp"
#include "reactor/topology.hpp"
#include "rings/control_queue.hpp"
#include "rings/parking.hpp"
#include "rings/shared_region.hpp"

namespace meridian::reactor {

struct ReactorOptions {
  // Core for the match thread. Without one it runs where the kernel puts it: several cells share a
  // host, and a core of one's own has to be given by whoever places them.
  std::optional<unsigned> processor;
  // Priority of SCHED_FIFO for the match thread, 1 … 99. Needs CAP_SYS_NICE; without it the thread
  // runs as others do, and ReactorRegion::placed says so. Only for a processor of its own.
  std::optional<int> fifo_priority;
  // How long the match thread looks for work before it sleeps; 0 = sleep at once.
  std::uint64_t spin_ns = 50'000;
  // Plans from the machine instead of `processor`: where match, journal and edge run, and again
  // when the machine changes. A fused placement sleeps at once and is pinned nowhere.
  std::optional<PlacementRequest> placement;
  ReadSysfs sysfs = read_sysfs;
  // With a `placement`: the folder in which reactors of this host lock the cores of their match
  // duties. Who finds none runs fused until one is free. Empty: nobody else is asked.
  std::string core_locks;
  // What the kernel counts, for the causes of alerts.
  ReadKernel read_kernel = read_kernel_counts;
  // How often the machine is looked at, in steps of watch.look_ns.
  std::uint64_t machine_look_ns = 1'000'000'000;
  WatchOptions watch;
  // Called on a thread of the reactor's when one of its threads gets stuck.
  DutyWatch::Report on_stuck = [](const StuckDuty& /*stuck*/) {};
  // Called there as well when a market has become slower, and when that is over.
  std::function<void(const MarketAlert&)> on_alert = [](const MarketAlert& /*alert*/) {};
};

class Reactor {
 public:
  // `region` carries a ReactorRegion and outlives the reactor.
  Reactor(const ReactorOptions& options, ReactorRegion& region);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  // All markets must have been removed.
  ~Reactor();

  // What a market needs to know of its threads. Valid from construction on.
  [[nodiscard]] MatchThread thread() {
    return {clock_, rings::Parking(region_.parked), journal_.parking(), memory_,
            placement().memory_node};
  }
  // Wakes the match thread after something was published into one of its rings.
  void wake() noexcept { rings::Parking(region_.parked).wake(); }

  // Of the match thread, as the kernel numbers it.
  [[nodiscard]] pid_t thread_id() const noexcept { return thread_id_.load(); }

  // Any thread. Split: the duty gets a thread of its own. Fused: the match thread does its turns as
  // well. It stays with that thread, and returns from do_work() within 20 ms. unhost() returns when
  // it is called no more.
  void host(Duty& duty);
  void unhost(Duty& duty);

  // Any thread: as it is now, and how often it was changed since the start.
  [[nodiscard]] Placement placement() const;
  [[nodiscard]] std::uint64_t replacements() const noexcept {
    return replacements_.load(std::memory_order_relaxed);
  }
  // Any thread: times a thread of the reactor got stuck, and turns in which the match thread gave
  // way to others though it had work, because SCHED_FIFO would have let none of them run.
  [[nodiscard]] std::uint64_t stuck(Stuck cause) const noexcept { return watch_->count(cause); }
  [[nodiscard]] std::uint64_t forced_rests() const noexcept {
    return forced_rests_.load(std::memory_order_relaxed);
  }

  // The following block the calling thread until the match thread has answered; any thread but the
  // match and the journal thread may call them.
  // Returns when the match thread has begun a turn after the call: it has seen everything that was
  // stored before.
  void turn();
  void add(HostedMarket& market);
  // Returns when the market's command ring is empty and all its records are durable, or its log has
  // failed. Its producer must have stopped, and events must be drained or discarded.
  void remove(HostedMarket& market);
  // Applies checked records that follow the market's last one. Returns when all are processed; they
  // become durable like any other.
  void adopt(HostedMarket& market, std::span<const journal::Record> records);
  // Any thread: the market's records up to this point are accepted; its shadow follows. Does not
  // block.
  void accept(HostedMarket& market, const journal::ChainPoint& point) {
    shadow_.accept(market.shadow(), point);
  }

  // A client of a market that was added. attach() is false when the market has no place left; else
  // `sequence` is that of the last command whose events the client is not told.
  // detach() returns when the port is touched no more; the market cancels what the client's terms
  // say. All clients are detached before their market is removed.
  bool attach(HostedMarket& market, ClientPort& port, std::uint64_t* sequence = nullptr);
  void detach(HostedMarket& market, ClientPort& port, client::EndReason reason);

 private:
  void run();
  void ask(rings::ControlRequest& request);
  void sleep() noexcept;
  void note_clock() noexcept;
  [[nodiscard]] bool has_work_ordered(bool is_blocked) noexcept;
  void take_place(const Placement& placement);
  void look();
  void look_at_machine();

  ReactorRegion& region_;
  TickClock clock_;
  std::vector<HostedMarket*> markets_;
  rings::ControlQueue requests_;
  bool stopping_ = false;
  journal::Journal journal_;
  Shadow shadow_;
  memory::MemoryKeeper memory_;
  const ReactorOptions options_;
  CoreLocks core_locks_;
  mutable std::mutex placement_mutex_;  // guards the two below, and the locks above
  Placement placement_;
  std::vector<std::unique_ptr<DutyThread>> duty_threads_;
  std::atomic<std::uint64_t> replacements_{0};
  std::mutex monitors_mutex_;
  std::vector<MarketMonitor> monitors_;
  std::uint64_t next_machine_look_ns_ = 0;  // the watch's own
  std::vector<Duty*> companions_;           // duties of a fused match thread; its own
  Heartbeat heartbeat_;
  // Written by who places the thread, read by the match thread: how long it spins.
  std::atomic<std::uint64_t> spin_ns_;
  // Written by the match thread.
  std::atomic<std::uint64_t> forced_rests_{0};
  std::atomic<pid_t> thread_id_{0};
  std::thread thread_;
  // Ends first: it looks at all of the above.
  std::unique_ptr<DutyWatch> watch_;
};

}  // namespace meridian::reactor
