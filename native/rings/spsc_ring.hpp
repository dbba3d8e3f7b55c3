// A bounded queue between one producer and one consumer, in memory that both map.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/ensure.hpp"

namespace meridian::rings {

// Two cache lines, because the adjacent-line prefetcher fetches pairs.
inline constexpr std::size_t separation_bytes = 128;

// The positions both sides see: free-running counts of slots, masked when used. All zero is empty.
struct RingCursors {
  // Written by the producer only: slots filled so far.
  alignas(separation_bytes) std::atomic<std::uint32_t> tail;
  // Written by the consumer only: slots given back so far.
  alignas(separation_bytes) std::atomic<std::uint32_t> head;
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "the ring crosses processes");
static_assert(sizeof(RingCursors) == 2 * separation_bytes);

// The producer's end. Its own position and the last seen head stay private to the producer, so an
// enqueue touches the shared cursors only when the ring looks full and when it publishes.
template <class Slot>
class RingWriter {
 public:
  // `capacity` is a power of two up to 2^30; `slots` holds that many.
  RingWriter(RingCursors& cursors, Slot* slots, std::uint32_t capacity) noexcept
      : cursors_(&cursors), slots_(slots), capacity_(capacity) {
    ensure(capacity != 0 && (capacity & (capacity - 1)) == 0 && capacity <= (1U << 30U));
    tail_ = cursors.tail.load(std::memory_order_relaxed);
    head_seen_ = cursors.head.load(std::memory_order_acquire);
  }

  // Whether at least `count` slots are free.
  [[nodiscard]] bool has_room(std::uint32_t count) noexcept {
    if (free_seen() >= count) {
      return true;
    }
    // Acquire pairs with the consumer's release of head: it has read the slots that it gave back
    // before this thread writes them again.
    head_seen_ = cursors_->head.load(std::memory_order_acquire);
    return free_seen() >= count;
  }

  // As has_room, and ordered against a parking word: see Parking.
  [[nodiscard]] bool has_room_ordered(std::uint32_t count) noexcept {
    head_seen_ = cursors_->head.load(std::memory_order_seq_cst);
    return free_seen() >= count;
  }

  // The next free slot to fill, or nullptr when the ring is full. Seen by the consumer after
  // publish.
  [[nodiscard]] Slot* next() noexcept {
    if (!has_room(1)) {
      return nullptr;
    }
    return &slots_[tail_++ & (capacity_ - 1)];
  }

  // Release pairs with the consumer's acquire of tail: it sees a slot filled before it sees it
  // counted.
  void publish() noexcept { cursors_->tail.store(tail_, std::memory_order_release); }

  // Publishes before any later look at a parking or arming word, in the one order of all seq_cst
  // operations: see Parking.
  void publish_ordered() noexcept { cursors_->tail.store(tail_, std::memory_order_seq_cst); }

  // As publish and publish_ordered, of the slots before `position` only. Positions never go back.
  void publish_through(std::uint32_t position) noexcept {
    cursors_->tail.store(position, std::memory_order_release);
  }
  void publish_through_ordered(std::uint32_t position) noexcept {
    cursors_->tail.store(position, std::memory_order_seq_cst);
  }

  // The consumer claims to have read what was never written; the ring counts as full for ever.
  [[nodiscard]] bool is_faulty() const noexcept { return tail_ - head_seen_ > capacity_; }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  // A slot filled or still free, by its position.
  [[nodiscard]] const Slot& slot_at(std::uint32_t position) const noexcept {
    return slots_[position & (capacity_ - 1)];
  }
  // Slots filled since the ring was made, modulo 2^32.
  [[nodiscard]] std::uint32_t position() const noexcept { return tail_; }

 private:
  // A head that a faulty peer put out of range counts as a full ring: nothing is overwritten.
  [[nodiscard]] std::uint32_t free_seen() const noexcept {
    const std::uint32_t used = tail_ - head_seen_;
    return used > capacity_ ? 0 : capacity_ - used;
  }

  RingCursors* cursors_;
  Slot* slots_;
  std::uint32_t capacity_;
  std::uint32_t tail_;
  std::uint32_t head_seen_;
};

// The consumer's end.
template <class Slot>
class RingReader {
 public:
  RingReader(RingCursors& cursors, Slot* slots, std::uint32_t capacity) noexcept
      : cursors_(&cursors), slots_(slots), capacity_(capacity) {
    ensure(capacity != 0 && (capacity & (capacity - 1)) == 0 && capacity <= (1U << 30U));
    head_ = cursors.head.load(std::memory_order_relaxed);
    tail_seen_ = cursors.tail.load(std::memory_order_acquire);
  }

  // Slots that can be read now. 0 also when a faulty producer put tail out of range: see is_faulty.
  [[nodiscard]] std::uint32_t available() noexcept {
    if (tail_seen_ == head_) {
      // Acquire pairs with the producer's release of tail.
      tail_seen_ = cursors_->tail.load(std::memory_order_acquire);
    }
    return is_faulty() ? 0 : tail_seen_ - head_;
  }

  // As available, always looking again, and ordered against a parking word: see Parking.
  [[nodiscard]] std::uint32_t available_ordered() noexcept {
    tail_seen_ = cursors_->tail.load(std::memory_order_seq_cst);
    return is_faulty() ? 0 : tail_seen_ - head_;
  }

  // The producer claims more slots than the ring has; nothing can be read any more.
  [[nodiscard]] bool is_faulty() const noexcept { return tail_seen_ - head_ > capacity_; }

  // The slot `offset` behind the first unread one; `offset` < available(). The memory is the
  // producer's to write when it misbehaves: copy a slot once, then check the copy.
  [[nodiscard]] Slot& at(std::uint32_t offset) const noexcept {
    return slots_[(head_ + offset) & (capacity_ - 1)];
  }

  // How many of `count` slots lie side by side in memory, from the first unread one on.
  [[nodiscard]] std::uint32_t contiguous(std::uint32_t count) const noexcept {
    const std::uint32_t to_end = capacity_ - (head_ & (capacity_ - 1));
    return count < to_end ? count : to_end;
  }

  // `count` slots are done with; the producer sees it after release.
  void advance(std::uint32_t count) noexcept { head_ += count; }

  // Release pairs with the producer's acquire of head: the slots are read before they are reused.
  void release() noexcept { cursors_->head.store(head_, std::memory_order_release); }
  void release_ordered() noexcept { cursors_->head.store(head_, std::memory_order_seq_cst); }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  // Slots done with since the ring was made, modulo 2^32.
  [[nodiscard]] std::uint32_t position() const noexcept { return head_; }

 private:
  RingCursors* cursors_;
  Slot* slots_;
  std::uint32_t capacity_;
  std::uint32_t head_;
  std::uint32_t tail_seen_;
};

}  // namespace meridian::rings
