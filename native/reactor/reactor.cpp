#include "reactor/reactor.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "reactor/thread_placement.hpp"

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

// Under SCHED_FIFO nobody else runs on the processor: after so long the thread gives way, for as
// long as the kernel needs to do what waits there.
constexpr std::uint64_t longest_run_ns = 900'000'000;
constexpr timespec forced_rest{0, 1'000'000};
// A fused thread with other duties wakes so often to look at its rings.
constexpr std::uint64_t fused_wait_ns = 1'000'000;

Placement first_placement(const ReactorOptions& options, CoreLocks& locks) {
  Placement placement;
  placement.is_split = true;
  placement.match = options.processor;
  if (options.placement.has_value()) {
    const std::optional<Topology> topology = read_topology(options.sysfs);
    placement =
        topology ? place_locked(std::nullopt, *topology, *options.placement, locks) : Placement{};
  }
  return placement;
}

// Does what it may, and says what that was.
std::uint32_t place_thread(const Placement& placement, std::optional<int> fifo_priority) noexcept {
  std::uint32_t placed = placed_known;
  if (placement.match.has_value() && pin_thread(0, placement.match, {})) {
    placed |= placed_pinned;
  }
  if (fifo_priority.has_value() && placement.is_split) {
    sched_param parameters{};
    parameters.sched_priority = *fifo_priority;
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters) == 0) {
      placed |= placed_fifo;
    }
  }
  return placed;
}

}  // namespace

Reactor::Reactor(const ReactorOptions& options, ReactorRegion& region)
    : region_(region),
      options_(options),
      core_locks_(options.core_locks),
      placement_(first_placement(options, core_locks_)),
      spin_ns_(placement_.is_split ? options.spin_ns : 0),
      thread_([this] { run(); }),
      watch_(std::make_unique<DutyWatch>(options_.watch, options_.on_stuck, [this] { look(); })) {
  pthread_setname_np(thread_.native_handle(), "meridian-match");
  watch_->watch("match", thread_.native_handle(), heartbeat_, region_.parked);
  if (const Placement first = placement(); first.journal.has_value()) {
    take_place(first);
  }
}

Reactor::~Reactor() {
  watch_.reset();
  rings::StepRequest stop([this]() noexcept {
    stopping_ = true;
    return true;
  });
  ask(stop);
  thread_.join();
}

Placement Reactor::placement() const {
  const std::scoped_lock guard(placement_mutex_);
  return placement_;
}

void Reactor::take_place(const Placement& placement) {
  const ProcessorList allowed = allowed_processors();
  spin_ns_.store(placement.is_split ? options_.spin_ns : 0, std::memory_order_relaxed);
  if (const pid_t match = thread_id_.load(); match != 0) {
    pin_thread(match, placement.match, allowed);
  }
  for (const pid_t journal : threads_named("meridian-log")) {
    pin_thread(journal, placement.journal, allowed);
  }
}

void Reactor::look() {
  const std::uint64_t now_ns = monotonic_ns();
  {
    const std::scoped_lock guard(monitors_mutex_);
    if (!monitors_.empty()) {
      const KernelCounts kernel = options_.read_kernel(thread_id());
      for (MarketMonitor& monitor : monitors_) {
        if (const std::optional<MarketAlert> alert = monitor.look(now_ns, kernel)) {
          options_.on_alert(*alert);
        }
      }
    }
  }
  if (now_ns >= next_machine_look_ns_) {
    next_machine_look_ns_ = now_ns + options_.machine_look_ns;
    look_at_machine();
  }
}

void Reactor::look_at_machine() {
  if (!options_.placement.has_value()) {
    return;
  }
  const std::optional<Topology> topology = read_topology(options_.sysfs);
  if (!topology.has_value()) {
    return;
  }
  const std::scoped_lock guard(placement_mutex_);
  Placement next = place_locked(placement_, *topology, *options_.placement, core_locks_);
  if (next == placement_) {
    return;
  }
  placement_ = std::move(next);
  take_place(placement_);
  replacements_.fetch_add(1, std::memory_order_relaxed);
}

void Reactor::host(Duty& duty) {
  {
    const std::scoped_lock guard(placement_mutex_);
    if (placement_.is_split) {
      DutyThread& made =
          *duty_threads_.emplace_back(std::make_unique<DutyThread>(duty, placement_.edge));
      watch_->watch(duty.name(), made.handle(), made.heartbeat(), made.parked());
      return;
    }
  }
  rings::StepRequest request([this, &duty]() noexcept {
    companions_.push_back(&duty);
    return true;
  });
  ask(request);
}

void Reactor::unhost(Duty& duty) {
  {
    const std::scoped_lock guard(placement_mutex_);
    const auto found = std::ranges::find_if(
        duty_threads_, [&duty](const auto& one) { return &one->duty() == &duty; });
    if (found != duty_threads_.end()) {
      watch_->unwatch((*found)->heartbeat());
      duty_threads_.erase(found);
      return;
    }
  }
  rings::StepRequest request([this, &duty]() noexcept {
    std::erase(companions_, &duty);
    return true;
  });
  ask(request);
}

void Reactor::turn() {
  rings::StepRequest request([]() noexcept { return true; });
  ask(request);
}

void Reactor::add(HostedMarket& market) {
  journal_.add(market.channel());
  shadow_.add(market.shadow());
  rings::StepRequest request([this, &market]() noexcept {
    market.start();
    markets_.push_back(&market);
    return true;
  });
  ask(request);
  const std::scoped_lock guard(monitors_mutex_);
  monitors_.emplace_back(market, options_.read_kernel(thread_id()));
}

void Reactor::remove(HostedMarket& market) {
  {
    const std::scoped_lock guard(monitors_mutex_);
    std::erase_if(monitors_,
                  [&market](const MarketMonitor& one) { return &one.market() == &market; });
  }
  rings::StepRequest request([this, &market]() noexcept {
    if (!market.is_drained()) {
      return false;
    }
    market.settle_depth();
    std::erase(markets_, &market);
    return true;
  });
  ask(request);
  shadow_.remove(market.shadow());
  journal_.remove(market.channel());
}

void Reactor::adopt(HostedMarket& market, std::span<const journal::Record> records) {
  std::size_t done = 0;
  rings::StepRequest request(
      [&market, records, &done]() noexcept { return market.adopt(records, done); });
  ask(request);
}

bool Reactor::attach(HostedMarket& market, ClientPort& port, std::uint64_t* sequence) {
  bool is_attached = false;
  std::uint64_t matched = 0;
  rings::StepRequest request([&market, &port, &is_attached, &matched]() noexcept {
    is_attached = market.attach(port);
    matched = market.matched();
    return true;
  });
  ask(request);
  if (sequence != nullptr) {
    *sequence = matched;
  }
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

void Reactor::run() {
  thread_id_.store(static_cast<pid_t>(syscall(SYS_gettid)));
  const std::uint32_t placed = place_thread(placement(), options_.fifo_priority);
  region_.placed.store(placed, std::memory_order_release);
  const bool is_fifo = (placed & placed_fifo) != 0;
  const std::uint64_t longest_run = clock_.ticks_of(longest_run_ns);
  const std::uint64_t hiccup_ticks = clock_.ticks_of(hiccup_ns);
  std::uint64_t last_work = clock_.now();
  std::uint64_t last_rest = last_work;
  std::uint64_t last_idle = 0;  // stamp of the turn before, if that was idle too
  std::uint64_t spin_ns = ~std::uint64_t{0};
  std::uint64_t spin_ticks = 0;
  while (!stopping_) {
    const std::uint64_t now = clock_.now();
    if (const std::uint64_t wanted = spin_ns_.load(std::memory_order_relaxed); wanted != spin_ns)
        [[unlikely]] {
      spin_ns = wanted;
      spin_ticks = clock_.ticks_of(wanted);
    }
    heartbeat_.beat();
    if (clock_.keep_anchored(now)) [[unlikely]] {
      note_clock();
    }
    if (is_fifo && now - last_rest > longest_run) [[unlikely]] {
      forced_rests_.fetch_add(1, std::memory_order_relaxed);
      nanosleep(&forced_rest, nullptr);
      last_rest = clock_.now();
      last_idle = 0;
    }
    bool worked = requests_.run();
    for (HostedMarket* market : markets_) {
      worked = market->serve(turn_budget) > 0 || worked;
    }
    for (Duty* duty : companions_) {
      worked = duty->do_work(0) > 0 || worked;
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
      last_rest = last_work;
      last_idle = 0;
    }
  }
}

void Reactor::note_clock() noexcept {
  // One writer, so no read-modify-write is needed.
  region_.clock_checks.store(region_.clock_checks.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
  if (clock_.last_error_ns() > region_.clock_worst_error_ns.load(std::memory_order_relaxed)) {
    region_.clock_worst_error_ns.store(clock_.last_error_ns(), std::memory_order_relaxed);
  }
  region_.clock_restarts.store(clock_.restarts(), std::memory_order_relaxed);
}

void Reactor::sleep() noexcept {
  const bool is_blocked =
      std::ranges::any_of(markets_, [](HostedMarket* market) { return market->is_blocked(); });
  region_.parkings.store(region_.parkings.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  for (HostedMarket* market : markets_) {
    market->settle_depth();
  }
  if (!companions_.empty()) {
    // Whoever wakes a ring's reader does not wake it here: it looks again by itself.
    if (!has_work_ordered(is_blocked)) {
      companions_.front()->do_work(fused_wait_ns);
    }
    return;
  }
  // An idle sleeper is not woken by room in an event ring, so it may only sleep while no command
  // waits at all; a blocked one sleeps until one of the waiting commands can be taken.
  rings::Parking(region_.parked)
      .park(is_blocked ? rings::Parked::blocked : rings::Parked::idle,
            [this, is_blocked] { return has_work_ordered(is_blocked); });
}

bool Reactor::has_work_ordered(bool is_blocked) noexcept {
  return requests_.has_posted_ordered() ||
         std::ranges::any_of(markets_, [is_blocked](HostedMarket* market) {
           return (is_blocked ? market->can_work_ordered() : market->has_commands_ordered()) ||
                  market->owes_page_ordered();
         });
}

}  // namespace meridian::reactor
