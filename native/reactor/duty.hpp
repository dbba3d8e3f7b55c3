// A part of the process's work that is done in turns, and how others see that its thread goes on.
#pragma once
#include <atomic>
#include <cstdint>

#include "rings/spsc_ring.hpp"

namespace meridian::reactor {

// Done in turns by one thread: a thread of its own (split) or the match thread (fused). The match
// duty itself is no Duty: it is called directly.
class Duty {
 public:
  Duty() noexcept = default;
  Duty(const Duty&) = delete;
  Duty& operator=(const Duty&) = delete;

  // For thread names and reports; at most 15 characters.
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  // One turn, bounded. Returns how much was done. While there is nothing to do it may block for at
  // most `wait_ns`; never when that is 0.
  virtual std::uint32_t do_work(std::uint64_t wait_ns) noexcept = 0;

 protected:
  ~Duty() = default;
};

// Written by the thread of the duty each turn, read by whoever watches it.
class Heartbeat {
 public:
  // One writer, so no read-modify-write is needed; relaxed, because nothing hangs on it but time.
  void beat() noexcept {
    turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t turns() const noexcept {
    return turns_.load(std::memory_order_relaxed);
  }

 private:
  alignas(rings::separation_bytes) std::atomic<std::uint64_t> turns_{0};
};

}  // namespace meridian::reactor
