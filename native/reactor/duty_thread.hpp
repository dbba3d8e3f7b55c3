// A thread of its own for a duty: the split placement.
#pragma once
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "reactor/duty.hpp"
#include "reactor/thread_placement.hpp"
#include "reactor/tick_clock.hpp"

namespace meridian::reactor {

class DutyThread {
 public:
  // The duty outlives the thread. Pinned to `processor` where that is given and allowed.
  DutyThread(Duty& duty, std::optional<unsigned> processor)
      : duty_(duty), thread_([this, processor] { run(processor); }) {
    pthread_setname_np(thread_.native_handle(), duty.name());
  }
  DutyThread(const DutyThread&) = delete;
  DutyThread& operator=(const DutyThread&) = delete;
  // Returns when the turn under way is over.
  ~DutyThread() {
    stopping_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

  [[nodiscard]] Duty& duty() const noexcept { return duty_; }
  [[nodiscard]] const Heartbeat& heartbeat() const noexcept { return heartbeat_; }
  // Never parked: it blocks within its turns, for less than anybody waits to call it stuck.
  [[nodiscard]] const std::atomic<std::uint32_t>& parked() const noexcept { return parked_; }
  [[nodiscard]] pthread_t handle() noexcept { return thread_.native_handle(); }

 private:
  // How long it looks for work before its turns may block, and for how long they may then; longer
  // once there was nothing to do for a while, because every look costs some microseconds.
  static constexpr std::uint64_t spin_ns = 50'000;
  static constexpr std::uint64_t wait_ns = 1'000'000;
  static constexpr std::uint64_t quiet_ns = 100'000'000;
  static constexpr std::uint64_t quiet_wait_ns = 5'000'000;

  void run(std::optional<unsigned> processor) {
    if (processor.has_value()) {
      pin_thread(0, processor, {});
    }
    std::uint64_t last_work_ns = monotonic_ns();
    while (!stopping_.load(std::memory_order_relaxed)) {
      heartbeat_.beat();
      const std::uint64_t now_ns = monotonic_ns();
      const std::uint64_t idle_ns = now_ns - last_work_ns;
      const std::uint64_t longest = idle_ns < quiet_ns ? wait_ns : quiet_wait_ns;
      if (duty_.do_work(idle_ns < spin_ns ? 0 : longest) > 0) {
        last_work_ns = now_ns;
      }
    }
  }

  Duty& duty_;
  Heartbeat heartbeat_;
  std::atomic<std::uint32_t> parked_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace meridian::reactor
