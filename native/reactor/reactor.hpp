// The match thread and the journal thread of a process, and the markets they host.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "journal/journal.hpp"
#include "memory/memory_keeper.hpp"
#include "reactor/hosted_market.hpp"
#include "reactor/market_region.hpp"
#include "reactor/tick_clock.hpp"
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
  [[nodiscard]] MatchThread thread() noexcept {
    return {clock_, rings::Parking(region_.parked), journal_.parking(), memory_};
  }
  // Wakes the match thread after something was published into one of its rings.
  void wake() noexcept { rings::Parking(region_.parked).wake(); }

  // Of the match thread, as the kernel numbers it.
  [[nodiscard]] pid_t thread_id() const noexcept { return thread_id_; }

  // The following block the calling thread until the match thread has answered; any thread but the
  // match and the journal thread may call them.
  void add(HostedMarket& market);
  // Returns when the market's command ring is empty and all its records are durable, or its log has
  // failed. Its producer must have stopped, and events must be drained or discarded.
  void remove(HostedMarket& market);
  // Applies checked records that follow the market's last one. Returns when all are processed; they
  // become durable like any other.
  void adopt(HostedMarket& market, std::span<const journal::Record> records);

  // A client of a market that was added. attach() is false when the market has no place left.
  // detach() returns when the port is touched no more; the market cancels what the client's terms
  // say. All clients are detached before their market is removed.
  bool attach(HostedMarket& market, ClientPort& port);
  void detach(HostedMarket& market, ClientPort& port, client::EndReason reason);

 private:
  void run(const ReactorOptions& options);
  void ask(rings::ControlRequest& request);
  void sleep() noexcept;

  ReactorRegion& region_;
  TickClock clock_;
  std::vector<HostedMarket*> markets_;
  rings::ControlQueue requests_;
  bool stopping_ = false;
  journal::Journal journal_;
  memory::MemoryKeeper memory_;
  // Written by the match thread before it serves its first request.
  pid_t thread_id_ = 0;
  std::thread thread_;
};

}  // namespace meridian::reactor
