// When traced commands came and were answered. Which ones, the sequence says that the market gave
// them: everybody who knows it picks the same ones, and nothing travels with an order.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ensure.hpp"
#include "wire/event.hpp"

namespace meridian::edge {

struct StampOptions {
  // Of 2^32: the part of the commands that is stamped. 0: none, and no clock is read.
  std::uint64_t picked = 0;
  std::uint64_t (*clock)() noexcept = nullptr;  // nanoseconds, never goes back
};

// Times of one command by the clock of the options.
struct OrderStamps {
  std::uint64_t sequence = 0;
  std::uint64_t received_ns = 0;  // its turn had heard of the network
  std::uint64_t offered_ns = 0;   // it stood in the command ring
  std::uint64_t taken_ns = 0;     // the turn that took its last event began to
  std::uint64_t told_ns = 0;      // what it led to was handed to the network
};

// As isPicked in schemas/order-trace.ts.
[[nodiscard]] constexpr bool is_picked(std::uint64_t sequence, std::uint64_t picked) noexcept {
  const std::uint32_t mixed = static_cast<std::uint32_t>(sequence) * 0x9E3779B1U;
  return mixed < picked;
}

// Written by the thread of the edge, emptied by one other.
class OrderStampBook {
 public:
  static constexpr std::uint32_t waiting = 256;  // a power of two; more are left out, and counted

  // `tags`: of commands without an answer, as many as there are at most.
  OrderStampBook(const StampOptions& options, std::uint8_t tag_prefix, std::uint32_t tags)
      : options_(options),
        tag_prefix_(tag_prefix),
        offers_(options.picked == 0 ? 0 : std::size_t{tags}) {
    ensure(options.picked == 0 || options.clock != nullptr);
  }

  [[nodiscard]] bool is_on() const noexcept { return !offers_.empty(); }

  void heard_network() noexcept { received_ns_ = options_.clock(); }
  void offered(std::uint32_t tag) noexcept {
    offers_[tag & tag_mask] = {received_ns_, options_.clock()};
  }
  void begin_events() noexcept { taken_ns_ = options_.clock(); }
  void took(const wire::Event& event) noexcept {
    const std::uint32_t index = event.tag & tag_mask;
    const bool is_ours = (event.flags & wire::event_is_foreign) == 0 &&
                         event.tag >> tag_bits == tag_prefix_ && index < offers_.size();
    if ((event.flags & wire::event_is_last) == 0 || !is_ours ||
        !is_picked(event.sequence, options_.picked)) {
      return;
    }
    // Tags are used again: what was not offered since the book was made has no times.
    const Offer& offer = offers_[index];
    if (offer.offered_ns == 0 || answered_ == answers_.size()) {
      ++left_out_;
      return;
    }
    answers_[answered_++] = {event.sequence, offer.received_ns, offer.offered_ns, taken_ns_, 0};
  }
  void told() noexcept {
    if (answered_ == 0) {
      return;
    }
    const std::uint64_t now_ns = options_.clock();
    // Acquire pairs with the reader's release: what it has read may be written over.
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    for (std::uint32_t at = 0; at < answered_; ++at) {
      if (tail - head == waiting) {
        ++left_out_;
        continue;
      }
      ring_[tail % waiting] = answers_[at];
      ring_[tail % waiting].told_ns = now_ns;
      ++tail;
    }
    answered_ = 0;
    // Release: the reader that sees them counted sees them written.
    tail_.store(tail, std::memory_order_release);
  }

  // The other thread: calls visitor(stamps) for what is there.
  template <class Visitor>
  void drain(Visitor&& visitor) noexcept {
    // Only this thread writes head_. Acquire pairs with told().
    const std::uint32_t tail = tail_.load(std::memory_order_acquire);
    std::uint32_t head = head_.load(std::memory_order_relaxed);
    for (; head != tail; ++head) {
      visitor(ring_[head % waiting]);
    }
    head_.store(head, std::memory_order_release);
  }
  // Of the edge's thread.
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  // As OuchGateway makes tags: a prefix, and the place of the command among those without an
  // answer.
  static constexpr unsigned tag_bits = 24;
  static constexpr std::uint32_t tag_mask = (1U << tag_bits) - 1;

  struct Offer {
    std::uint64_t received_ns = 0;
    std::uint64_t offered_ns = 0;
  };

  StampOptions options_;
  std::uint8_t tag_prefix_;
  std::vector<Offer> offers_;
  std::uint64_t received_ns_ = 0;
  std::uint64_t taken_ns_ = 0;
  std::uint64_t left_out_ = 0;
  // Of this turn.
  std::array<OrderStamps, 64> answers_{};
  std::uint32_t answered_ = 0;
  std::array<OrderStamps, waiting> ring_{};
  std::atomic<std::uint32_t> tail_{0};  // written by the edge's thread
  std::atomic<std::uint32_t> head_{0};  // written by the reader
};

}  // namespace meridian::edge
