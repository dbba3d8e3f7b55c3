#include "reactor/duty_watch.hpp"

#include <sched.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "reactor/tick_clock.hpp"

namespace meridian::reactor {
namespace {

// Processor time that a thread has used.
std::uint64_t processor_ns(pthread_t thread) {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return 0;
  }
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(used.tv_nsec);
}

void take_fifo_away(pthread_t thread) {
  int policy = SCHED_OTHER;
  sched_param parameters{};
  if (pthread_getschedparam(thread, &policy, &parameters) == 0 && policy == SCHED_FIFO) {
    parameters.sched_priority = 0;
    pthread_setschedparam(thread, SCHED_OTHER, &parameters);
  }
}

}  // namespace

DutyWatch::DutyWatch(WatchOptions options, Report report, Look look)
    : options_(options),
      report_(std::move(report)),
      look_(std::move(look)),
      thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-watch");
}

DutyWatch::~DutyWatch() {
  {
    const std::scoped_lock guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DutyWatch::watch(const char* name, pthread_t thread, const Heartbeat& heartbeat,
                      const std::atomic<std::uint32_t>& parked) {
  const std::scoped_lock guard(mutex_);
  watched_.push_back(
      {name, thread, &heartbeat, &parked, heartbeat.turns(), monotonic_ns(), processor_ns(thread)});
}

void DutyWatch::unwatch(const Heartbeat& heartbeat) {
  const std::scoped_lock guard(mutex_);
  std::erase_if(watched_, [&](const Watched& one) { return one.heartbeat == &heartbeat; });
}

void DutyWatch::run() {
  std::unique_lock lock(mutex_);
  std::uint64_t next_look_ns = monotonic_ns() + options_.look_ns;
  while (!stopping_) {
    changed_.wait_for(lock, std::chrono::nanoseconds(options_.interval_ns));
    const std::uint64_t now_ns = monotonic_ns();
    for (Watched& watched : watched_) {
      look_at(watched, now_ns);
    }
    if (now_ns >= next_look_ns && !stopping_) {
      next_look_ns = now_ns + options_.look_ns;
      // Without the lock: what looks takes locks of its own, under which others call watch().
      lock.unlock();
      look_();
      lock.lock();
    }
  }
}

void DutyWatch::look_at(Watched& watched, std::uint64_t now_ns) {
  const std::uint64_t turns = watched.heartbeat->turns();
  const std::uint64_t used_ns = processor_ns(watched.thread);
  if (turns != watched.turns || watched.parked->load(std::memory_order_relaxed) != 0) {
    watched.turns = turns;
    watched.since_ns = now_ns;
    watched.processor_ns = used_ns;
    watched.is_reported = false;
    return;
  }
  if (watched.is_reported) {
    return;
  }
  const std::uint64_t passed_ns = now_ns - watched.since_ns;
  const std::uint64_t ran_ns = used_ns - watched.processor_ns;
  const bool is_busy = ran_ns >= options_.busy_limit_ns;
  if (!is_busy && passed_ns < options_.starved_limit_ns) {
    return;
  }
  watched.is_reported = true;
  (is_busy ? busy_ : starved_).fetch_add(1, std::memory_order_relaxed);
  if (is_busy) {
    take_fifo_away(watched.thread);
  }
  report_({watched.name, is_busy ? Stuck::busy : Stuck::starved, passed_ns});
}

}  // namespace meridian::reactor
