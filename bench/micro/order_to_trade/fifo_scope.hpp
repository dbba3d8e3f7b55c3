// A real-time policy for a part that ends by itself.
#pragma once
#include <sched.h>

namespace meridian::bench {

// SCHED_FIFO for this thread while it lives; others share the processor again afterwards.
class FifoScope {
 public:
  explicit FifoScope(bool is_wanted) {
    sched_param parameters{};
    parameters.sched_priority = 50;
    has_it_ = is_wanted && sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
  }
  FifoScope(const FifoScope&) = delete;
  FifoScope& operator=(const FifoScope&) = delete;
  ~FifoScope() {
    if (has_it_) {
      const sched_param parameters{};
      sched_setscheduler(0, SCHED_OTHER, &parameters);
    }
  }
  [[nodiscard]] bool has_it() const { return has_it_; }

 private:
  bool has_it_ = false;
};

}  // namespace meridian::bench
