// Telling an event loop once that something waits for it.
#pragma once
#include <atomic>
#include <cstdint>

namespace meridian::rings {

// The listener writes 1 into the armed word, then looks at what it listens for once more; whoever
// publishes (in order, see Parking) looks at the word afterwards. Each arming rings at most once,
// so a flood of messages costs one call per drain.
class Doorbell {
 public:
  using Ring = void (*)(void* context) noexcept;

  // `ring` may make a system call; it is called by whichever thread finds the word armed.
  Doorbell(std::atomic<std::uint32_t>& armed, Ring ring, void* context) noexcept
      : armed_(&armed), ring_(ring), context_(context) {}

  // Called after an ordered publish.
  void notify() noexcept {
    // The plain look first: an exchange would take the cache line from the listener each time.
    if (armed_->load(std::memory_order_seq_cst) != 0 &&
        armed_->exchange(0, std::memory_order_seq_cst) != 0) {
      ring_(context_);
    }
  }

 private:
  // Written by the listener (1) and by whoever rings (0).
  std::atomic<std::uint32_t>* armed_;
  Ring ring_;
  void* context_;
};

}  // namespace meridian::rings
