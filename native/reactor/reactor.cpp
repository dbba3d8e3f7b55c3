#include "reactor/reactor.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace meridian::reactor {
namespace {

// Commands of one market before the next market gets its turn: some microseconds of work.
constexpr std::uint32_t turn_budget = 64;
constexpr std::uint64_t hiccup_ns = 1'000;

void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Does what it may, and says what that was.
std::uint32_t place_thread(const ReactorOptions& options) noexcept {
  std::uint32_t placed = placed_known;
  if (options.processor.has_value()) {
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET(*options.processor, &processors);
    if (pthread_setaffinity_np(pthread_self(), sizeof(processors), &processors) == 0) {
      placed |= placed_pinned;
    }
  }
  if (options.fifo_priority.has_value()) {
    sched_param parameters{};
    parameters.sched_priority = *options.fifo_priority;
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters) == 0) {
      placed |= placed_fifo;
    }
  }
  return placed;
}

}  // namespace

Reactor::Reactor(const ReactorOptions& options, ReactorRegion& region)
    : region_(region), thread_([this, options] { run(options); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-match");
}

Reactor::~Reactor() {
  rings::StepRequest stop([this]() noexcept {
    stopping_ = true;
    return true;
  });
  ask(stop);
  thread_.join();
}

void Reactor::add(HostedMarket& market) {
  journal_.add(market.channel());
  rings::StepRequest request([this, &market]() noexcept {
    market.start();
    markets_.push_back(&market);
    return true;
  });
  ask(request);
}

void Reactor::remove(HostedMarket& market) {
  rings::StepRequest request([this, &market]() noexcept {
    if (!market.is_drained()) {
      return false;
    }
    market.settle_depth();
    std::erase(markets_, &market);
    return true;
  });
  ask(request);
  journal_.remove(market.channel());
}

void Reactor::adopt(HostedMarket& market, std::span<const journal::Record> records) {
  std::size_t done = 0;
  rings::StepRequest request(
      [&market, records, &done]() noexcept { return market.adopt(records, done); });
  ask(request);
}

bool Reactor::attach(HostedMarket& market, ClientPort& port) {
  bool is_attached = false;
  rings::StepRequest request([&market, &port, &is_attached]() noexcept {
    is_attached = market.attach(port);
    return true;
  });
  ask(request);
  return is_attached;
}

void Reactor::detach(HostedMarket& market, ClientPort& port, client::EndReason reason) {
  rings::StepRequest request([&market, &port, reason]() noexcept {
    market.detach(port, reason);
    return true;
  });
  ask(request);
}

void Reactor::ask(rings::ControlRequest& request) {
  requests_.post(request);
  wake();
  request.wait();
}

void Reactor::run(const ReactorOptions& options) {
  thread_id_ = static_cast<pid_t>(syscall(SYS_gettid));
  region_.placed.store(place_thread(options), std::memory_order_release);
  const std::uint64_t spin_ticks = clock_.ticks_of(options.spin_ns);
  const std::uint64_t hiccup_ticks = clock_.ticks_of(hiccup_ns);
  std::uint64_t last_work = clock_.now();
  std::uint64_t last_idle = 0;  // stamp of the turn before, if that was idle too
  while (!stopping_) {
    const std::uint64_t now = clock_.now();
    clock_.keep_anchored(now);
    bool worked = requests_.run();
    for (HostedMarket* market : markets_) {
      worked = market->serve(turn_budget) > 0 || worked;
    }
    if (worked) {
      last_work = now;
      last_idle = 0;
      continue;
    }
    if (last_idle != 0 && now - last_idle > hiccup_ticks) {
      region_.hiccups.record(clock_.duration_ns(now - last_idle));
    }
    last_idle = now;
    if (now - last_work < spin_ticks) {
      relax();
    } else if (requests_.has_waiting()) {
      // A request waits for the journal thread or for this one's own progress: soon over.
      sched_yield();
    } else {
      sleep();
      last_work = clock_.now();
      last_idle = 0;
    }
  }
}

void Reactor::sleep() noexcept {
  const bool is_blocked =
      std::ranges::any_of(markets_, [](HostedMarket* market) { return market->is_blocked(); });
  region_.parkings.store(region_.parkings.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  for (HostedMarket* market : markets_) {
    market->settle_depth();
  }
  // An idle sleeper is not woken by room in an event ring, so it may only sleep while no command
  // waits at all; a blocked one sleeps until one of the waiting commands can be taken.
  rings::Parking(region_.parked)
      .park(is_blocked ? rings::Parked::blocked : rings::Parked::idle, [this, is_blocked] {
        return requests_.has_posted_ordered() ||
               std::ranges::any_of(markets_, [is_blocked](HostedMarket* market) {
                 return (is_blocked ? market->can_work_ordered()
                                    : market->has_commands_ordered()) ||
                        market->owes_page_ordered();
               });
      });
}

}  // namespace meridian::reactor
