// Sleeping without losing a wake-up, at no cost while nobody sleeps.
//
// The sleeper stores its state in the word, then looks at the rings; a waker publishes to a ring,
// then looks at the word (Dekker). All four are seq_cst operations, so in their single total order
// either the sleeper sees what was published and stays awake, or the waker sees it asleep and wakes
// it. That is why rings have *_ordered operations: acquire and release alone would let both look
// first.
#pragma once
#include <atomic>
#include <cstdint>

namespace meridian::rings {

// Blocks while *word == expected, for at most timeout_ns (0 = no limit). May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::uint64_t timeout_ns) noexcept;
void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept;

// What the owner of the word waits for.
enum class Parked : std::uint32_t {
  awake = 0,
  idle = 1,     // input: whoever publishes into one of its rings wakes it
  blocked = 2,  // input or room: whoever takes out of one of its rings wakes it as well
};

// A word in shared memory: written by the sleeper (to a Parked value) and by wakers (to awake).
class Parking {
 public:
  explicit Parking(std::atomic<std::uint32_t>& word) noexcept : word_(&word) {}

  // Called by the sleeper. `ready` looks at its rings with ordered operations, after the word is
  // set.
  template <class Ready>
  void park(Parked state, Ready&& ready) noexcept {
    word_->store(static_cast<std::uint32_t>(state), std::memory_order_seq_cst);
    if (!ready()) {
      futex_wait(*word_, static_cast<std::uint32_t>(state), 0);
    }
    // Only a hint from here on: a waker that still sees the old state makes one needless call.
    word_->store(static_cast<std::uint32_t>(Parked::awake), std::memory_order_relaxed);
  }

  // Called after an ordered publish into a ring that the sleeper reads. True when it was asleep.
  bool wake() noexcept {
    if (word_->load(std::memory_order_seq_cst) == static_cast<std::uint32_t>(Parked::awake)) {
      return false;
    }
    // The exchange leaves the system call to one of several wakers.
    if (word_->exchange(static_cast<std::uint32_t>(Parked::awake), std::memory_order_seq_cst) ==
        static_cast<std::uint32_t>(Parked::awake)) {
      return false;
    }
    futex_wake_one(*word_);
    return true;
  }

  // Called after an ordered release of a ring that the sleeper writes: an idle sleeper may sleep
  // on.
  bool wake_if_blocked() noexcept {
    return word_->load(std::memory_order_seq_cst) == static_cast<std::uint32_t>(Parked::blocked) &&
           wake();
  }

 private:
  std::atomic<std::uint32_t>* word_;
};

}  // namespace meridian::rings
