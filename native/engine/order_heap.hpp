// A priority queue threaded through the orders themselves: a pairing heap. Its shape depends on the
// history, what comes out does not, because no two orders compare as equal.
#pragma once
#include "base/ensure.hpp"
#include "engine/order_pool.hpp"

namespace meridian::engine {

// Nodes must have child(slot), next(slot) and previous(slot), references to three slots of the
// order's own, and is_before(slot, slot), a strict order without equals.
template <class Nodes>
class OrderHeap {
 public:
  explicit OrderHeap(Nodes nodes) noexcept : nodes_(nodes) {}

  [[nodiscard]] bool is_empty() const noexcept { return root_ == no_slot; }
  [[nodiscard]] OrderSlot first() const noexcept { return root_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  void insert(OrderSlot slot) noexcept {
    nodes_.child(slot) = no_slot;
    nodes_.next(slot) = no_slot;
    nodes_.previous(slot) = no_slot;
    root_ = root_ == no_slot ? slot : join(root_, slot);
    ++size_;
  }

  // The order must be in the heap.
  void erase(OrderSlot slot) noexcept {
    --size_;
    const OrderSlot rest = join_pairs(nodes_.child(slot));
    if (slot == root_) {
      root_ = rest;
      return;
    }
    unlink(slot);
    if (rest != no_slot) {
      root_ = join(root_, rest);
    }
  }

  // Whether every node is not before its parent and the links agree. Uses no memory of its own.
  [[nodiscard]] bool verify() const noexcept {
    std::uint32_t seen = 0;
    OrderSlot slot = root_;
    if (slot != no_slot && (nodes_.previous(slot) != no_slot || nodes_.next(slot) != no_slot)) {
      return false;
    }
    while (slot != no_slot) {
      if (++seen > size_) {
        return false;
      }
      const OrderSlot child = nodes_.child(slot);
      if (child != no_slot && (nodes_.previous(child) != slot || !is_above(slot, child))) {
        return false;
      }
      if (child != no_slot) {
        slot = child;
        continue;
      }
      while (slot != no_slot && nodes_.next(slot) == no_slot) {
        slot = parent_of(slot);
      }
      if (slot != no_slot) {
        const OrderSlot next = nodes_.next(slot);
        if (nodes_.previous(next) != slot) {
          return false;
        }
        slot = next;
      }
    }
    return seen == size_;
  }

 private:
  // Whether no child of the slot comes before it.
  [[nodiscard]] bool is_above(OrderSlot slot, OrderSlot child) const noexcept {
    for (; child != no_slot; child = nodes_.next(child)) {
      if (nodes_.is_before(child, slot)) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] OrderSlot parent_of(OrderSlot slot) const noexcept {
    for (;;) {
      const OrderSlot previous = nodes_.previous(slot);
      if (previous == no_slot || nodes_.child(previous) == slot) {
        return previous;
      }
      slot = previous;
    }
  }

  // previous(first child) is the parent, previous of the others the older sibling.
  OrderSlot join(OrderSlot left, OrderSlot right) noexcept {
    if (nodes_.is_before(right, left)) {
      const OrderSlot swapped = left;
      left = right;
      right = swapped;
    }
    const OrderSlot child = nodes_.child(left);
    nodes_.next(right) = child;
    nodes_.previous(right) = left;
    if (child != no_slot) {
      nodes_.previous(child) = right;
    }
    nodes_.child(left) = right;
    nodes_.next(left) = no_slot;
    nodes_.previous(left) = no_slot;
    return left;
  }

  void unlink(OrderSlot slot) noexcept {
    const OrderSlot previous = nodes_.previous(slot);
    const OrderSlot next = nodes_.next(slot);
    if (nodes_.child(previous) == slot) {
      nodes_.child(previous) = next;
    } else {
      nodes_.next(previous) = next;
    }
    if (next != no_slot) {
      nodes_.previous(next) = previous;
    }
  }

  // The siblings as one heap: joined in pairs from the left, the pairs from the right.
  OrderSlot join_pairs(OrderSlot slot) noexcept {
    OrderSlot pairs = no_slot;  // linked by previous()
    while (slot != no_slot) {
      const OrderSlot second = nodes_.next(slot);
      OrderSlot rest = no_slot;
      OrderSlot joined = slot;
      if (second != no_slot) {
        rest = nodes_.next(second);
        joined = join(slot, second);
      }
      nodes_.next(joined) = no_slot;
      nodes_.previous(joined) = pairs;
      pairs = joined;
      slot = rest;
    }
    OrderSlot all = no_slot;
    while (pairs != no_slot) {
      const OrderSlot before = nodes_.previous(pairs);
      nodes_.previous(pairs) = no_slot;
      all = all == no_slot ? pairs : join(all, pairs);
      pairs = before;
    }
    return all;
  }

  Nodes nodes_;
  OrderSlot root_ = no_slot;
  std::uint32_t size_ = 0;
};

}  // namespace meridian::engine
