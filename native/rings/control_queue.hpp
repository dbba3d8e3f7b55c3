// Rare requests to a duty-cycle thread: add a market, remove one, stop.
#pragma once
#include <atomic>
#include <cstdint>

#include "rings/parking.hpp"

namespace meridian::rings {

// Made by the asking thread, which keeps it alive until wait() returns.
class ControlRequest {
 public:
  // Runs on the owner's thread, once a turn until it returns true. Must not block.
  virtual bool step() noexcept = 0;

  // Blocks the asking thread until the request is done.
  void wait() noexcept {
    while (done_.load(std::memory_order_acquire) == 0) {
      futex_wait(done_, 0, 0);
    }
  }

 protected:
  ControlRequest() noexcept = default;
  ~ControlRequest() = default;
  ControlRequest(const ControlRequest&) = delete;
  ControlRequest& operator=(const ControlRequest&) = delete;

 private:
  friend class ControlQueue;
  ControlRequest* next_ = nullptr;
  // Written once by the owner; release, so that the asking thread sees what step() did.
  std::atomic<std::uint32_t> done_{0};
};

// A request whose step is a function object of the asking thread.
template <class Step>
class StepRequest final : public ControlRequest {
 public:
  explicit StepRequest(Step step) noexcept : step_(step) {}
  bool step() noexcept override { return step_(); }

 private:
  Step step_;
};

// Many threads post, the owner runs. No lock, so a turn without requests costs the owner one load.
class ControlQueue {
 public:
  // Any thread. The caller wakes the owner afterwards.
  void post(ControlRequest& request) noexcept {
    ControlRequest* first = posted_.load(std::memory_order_relaxed);
    do {
      request.next_ = first;
      // seq_cst: it is a publish in the sense of Parking, and it carries the request's content.
    } while (!posted_.compare_exchange_weak(first, &request, std::memory_order_seq_cst));
  }

  // Owner: one step of every request. True when at least one was finished.
  bool run() noexcept {
    // Relaxed, because the exchange below acquires; a request missed now is seen next turn.
    if (posted_.load(std::memory_order_relaxed) != nullptr) {
      take_posted();
    }
    bool finished = false;
    ControlRequest** link = &waiting_;
    while (*link != nullptr) {
      ControlRequest* request = *link;
      if (!request->step()) {
        link = &request->next_;
        continue;
      }
      *link = request->next_;
      finished = true;
      request->done_.store(1, std::memory_order_release);
      // The request may be gone by now: only its address is used.
      futex_wake_one(request->done_);
    }
    return finished;
  }

  // Owner: requests wait for something else to happen first.
  [[nodiscard]] bool has_waiting() const noexcept { return waiting_ != nullptr; }
  // Owner, while parking.
  [[nodiscard]] bool has_posted_ordered() const noexcept {
    return posted_.load(std::memory_order_seq_cst) != nullptr;
  }

 private:
  // Appends what was posted, oldest first.
  void take_posted() noexcept {
    ControlRequest* posted = posted_.exchange(nullptr, std::memory_order_acquire);
    ControlRequest* oldest = nullptr;
    while (posted != nullptr) {
      ControlRequest* next = posted->next_;
      posted->next_ = oldest;
      oldest = posted;
      posted = next;
    }
    ControlRequest** link = &waiting_;
    while (*link != nullptr) {
      link = &(*link)->next_;
    }
    *link = oldest;
  }

  // Pushed to by any thread, emptied by the owner.
  std::atomic<ControlRequest*> posted_{nullptr};
  ControlRequest* waiting_ = nullptr;
};

}  // namespace meridian::rings
