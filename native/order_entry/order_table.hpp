// The open orders of all OUCH sessions, found by the client's number or by the market's.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "protocols/fields.hpp"

namespace meridian::order_entry {

// What has to be known of an order to answer for it.
struct OpenOrder {
  std::uint64_t order_id;  // 0 until the market has accepted it
  std::uint64_t price;     // in 10^-4, as the client sees it
  std::uint32_t user_ref;
  std::uint32_t session;
  std::uint32_t open;      // lots
  std::uint32_t executed;  // lots, those of the orders it replaces included
  std::uint32_t next_by_ref;
  std::uint32_t next_by_id;
  protocols::Text<14> client_order_id;
  char side;
  char time_in_force;
  char display;
  char capacity;
  char intermarket_sweep;
  char cross_type;
  bool is_iceberg;
  bool has_rested;
};

// Fixed at start: entries are taken and given back, never allocated.
class OrderTable {
 public:
  static constexpr std::uint32_t none = 0;

  static constexpr std::size_t arena_bytes(std::uint32_t capacity) noexcept {
    return Arena::bytes_of<OpenOrder>(std::size_t{capacity} + 1) +
           2 * Arena::bytes_of<std::uint32_t>(capacity);
  }

  // `capacity` is a power of two.
  OrderTable(Arena& arena, std::uint32_t capacity) noexcept
      : orders_(arena.take<OpenOrder>(std::size_t{capacity} + 1)),
        by_ref_(arena.take<std::uint32_t>(capacity)),
        by_id_(arena.take<std::uint32_t>(capacity)),
        capacity_(capacity) {
    ensure(std::has_single_bit(capacity));
  }

  // A new order, found by its reference from now on; none when the table is full.
  std::uint32_t open(std::uint32_t session, std::uint32_t user_ref) noexcept {
    std::uint32_t entry = free_;
    if (entry != none) {
      free_ = orders_[entry].next_by_ref;
    } else if (used_ < capacity_) {
      entry = ++used_;
    } else {
      return none;
    }
    ++count_;
    orders_[entry] = {};
    orders_[entry].session = session;
    orders_[entry].user_ref = user_ref;
    std::uint32_t& head = by_ref_[ref_bucket(session, user_ref)];
    orders_[entry].next_by_ref = head;
    head = entry;
    return entry;
  }

  // The market has given it an id.
  void name(std::uint32_t entry, std::uint64_t order_id) noexcept {
    orders_[entry].order_id = order_id;
    std::uint32_t& head = by_id_[id_bucket(order_id)];
    orders_[entry].next_by_id = head;
    head = entry;
  }

  void close(std::uint32_t entry) noexcept {
    OpenOrder& order = orders_[entry];
    unlink<&OpenOrder::next_by_ref>(by_ref_[ref_bucket(order.session, order.user_ref)], entry);
    if (order.order_id != 0) {
      unlink<&OpenOrder::next_by_id>(by_id_[id_bucket(order.order_id)], entry);
      order.order_id = 0;
    }
    order.next_by_ref = free_;
    free_ = entry;
    --count_;
  }

  [[nodiscard]] std::uint32_t find(std::uint32_t session, std::uint32_t user_ref) const noexcept {
    std::uint32_t entry = by_ref_[ref_bucket(session, user_ref)];
    while (entry != none &&
           (orders_[entry].session != session || orders_[entry].user_ref != user_ref)) {
      entry = orders_[entry].next_by_ref;
    }
    return entry;
  }
  [[nodiscard]] std::uint32_t find(std::uint64_t order_id) const noexcept {
    std::uint32_t entry = by_id_[id_bucket(order_id)];
    while (entry != none && orders_[entry].order_id != order_id) {
      entry = orders_[entry].next_by_id;
    }
    return entry;
  }

  // Looks at all entries: not for each order.
  [[nodiscard]] bool has_any(std::uint32_t session) const noexcept {
    for (std::uint32_t entry = 1; entry <= used_; ++entry) {
      if (orders_[entry].session == session && orders_[entry].order_id != 0) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] OpenOrder& operator[](std::uint32_t entry) noexcept { return orders_[entry]; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  static std::uint64_t mix(std::uint64_t value) noexcept {
    value *= 0x9E3779B97F4A7C15U;
    return value ^ value >> 32U;
  }
  [[nodiscard]] std::uint32_t ref_bucket(std::uint32_t session,
                                         std::uint32_t user_ref) const noexcept {
    return static_cast<std::uint32_t>(mix(std::uint64_t{session} << 32U | user_ref)) &
           (capacity_ - 1);
  }
  [[nodiscard]] std::uint32_t id_bucket(std::uint64_t order_id) const noexcept {
    return static_cast<std::uint32_t>(mix(order_id)) & (capacity_ - 1);
  }
  template <auto Next>
  void unlink(std::uint32_t& head, std::uint32_t entry) noexcept {
    std::uint32_t* link = &head;
    while (*link != entry) {
      ensure(*link != none);
      link = &(orders_[*link].*Next);
    }
    *link = orders_[entry].*Next;
  }

  OpenOrder* orders_;
  std::uint32_t* by_ref_;
  std::uint32_t* by_id_;
  std::uint32_t capacity_;
  std::uint32_t used_ = 0;
  std::uint32_t free_ = none;
  std::uint32_t count_ = 0;
};

}  // namespace meridian::order_entry
