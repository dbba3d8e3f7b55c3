// Notices threads that do not go on, and machines that change.
#pragma once
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "reactor/duty.hpp"

namespace meridian::reactor {

// Why a thread made no turn though it was not asleep.
enum class Stuck : std::uint8_t {
  busy = 1,     // it used its processor all the while: a turn without end
  starved = 2,  // it had no processor, or waits in the kernel
};

struct StuckDuty {
  const char* name;
  Stuck cause;
  std::uint64_t since_ns;  // how long it has made no turn
};

struct WatchOptions {
  std::uint64_t interval_ns = 20'000'000;
  // A thread that runs and makes no turn for so long is stuck; one that does not run may be the
  // victim of a busy machine, so it has longer.
  std::uint64_t busy_limit_ns = 200'000'000;
  std::uint64_t starved_limit_ns = 1'000'000'000;
  // How often `look` is called.
  std::uint64_t look_ns = 100'000'000;
};

class DutyWatch {
 public:
  // Both are called on the watch's own thread: `report` once for each time a thread gets stuck.
  using Report = std::function<void(const StuckDuty&)>;
  using Look = std::function<void()>;

  DutyWatch(WatchOptions options, Report report, Look look);
  DutyWatch(const DutyWatch&) = delete;
  DutyWatch& operator=(const DutyWatch&) = delete;
  ~DutyWatch();

  // Any thread. `parked` is not 0 while the thread sleeps. A thread under SCHED_FIFO that gets
  // stuck loses it, so that the host can be helped. What is watched outlives the watch, or is
  // removed.
  void watch(const char* name, pthread_t thread, const Heartbeat& heartbeat,
             const std::atomic<std::uint32_t>& parked);
  void unwatch(const Heartbeat& heartbeat);

  // Times a thread got stuck, by cause; any thread.
  [[nodiscard]] std::uint64_t count(Stuck cause) const noexcept {
    return (cause == Stuck::busy ? busy_ : starved_).load(std::memory_order_relaxed);
  }

 private:
  struct Watched {
    const char* name;
    pthread_t thread;
    const Heartbeat* heartbeat;
    const std::atomic<std::uint32_t>* parked;
    std::uint64_t turns = 0;
    std::uint64_t since_ns = 0;      // of the last turn seen
    std::uint64_t processor_ns = 0;  // used by the thread then
    bool is_reported = false;
  };

  void run();
  void look_at(Watched& watched, std::uint64_t now_ns);

  WatchOptions options_;
  Report report_;
  Look look_;
  std::atomic<std::uint64_t> busy_{0};
  std::atomic<std::uint64_t> starved_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Watched> watched_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace meridian::reactor
