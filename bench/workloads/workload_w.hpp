// Workload W: a stream of adds, cancels, replaces and immediate-or-cancel orders that always names
// live orders, because a plain price-time book runs inside the generator. Integer only, the same on
// every machine, and independent of any engine: trade count, volume and hash are stated for the
// cases at the end, so an engine that gives them matched every order as this book did.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

namespace meridian::bench {

enum class OperationKind : std::uint8_t { add, cancel, replace, immediate_or_cancel };

// One operation. Ids are the generator's own: 1, 2, 3, … in the order of new orders; a replace
// keeps its order's id and takes its side from it.
struct Operation {
  OperationKind kind;
  bool is_sell;
  std::uint32_t quantity;  // 0 for cancel
  std::uint64_t id;
  std::uint64_t price;  // limit in ticks; 0 for cancel
};

// Running checksum over trades in order.
class TradeHash {
 public:
  void add(std::uint64_t maker, std::uint64_t taker, std::uint64_t price,
           std::uint64_t quantity) noexcept {
    ++trades_;
    volume_ += quantity;
    hash_ = (hash_ ^ (maker * 0x9E3779B97F4A7C15 + taker * 0xC2B2AE3D27D4EB4F +
                      price * 0x165667B19E3779F9 + quantity)) *
            1099511628211ULL;
  }
  [[nodiscard]] std::uint64_t trades() const noexcept { return trades_; }
  [[nodiscard]] std::uint64_t volume() const noexcept { return volume_; }
  [[nodiscard]] std::uint64_t value() const noexcept { return hash_; }
  friend bool operator==(const TradeHash&, const TradeHash&) = default;

 private:
  std::uint64_t trades_ = 0;
  std::uint64_t volume_ = 0;
  std::uint64_t hash_ = 1469598103934665603ULL;
};

class WorkloadW {
 public:
  // `target`: live orders the flow holds near; `block`: distance block of prices in ticks.
  WorkloadW(std::uint64_t target, std::uint64_t block) : target_(target), block_(block) {}

  // The next operation before timing starts: adds, until `target` orders are live.
  [[nodiscard]] bool is_preloaded() const { return live_.size() >= target_; }
  Operation next_preload() { return make(OperationKind::add); }

  // The next timed operation: 60 % adds, 30 % cancels, 5 % replaces, 5 % immediate-or-cancel.
  Operation next() {
    is_timed_ = true;
    const std::uint64_t percent = below(100);
    if (percent < 60) {
      return make(OperationKind::add);
    }
    if (percent < 90) {
      return make(OperationKind::cancel);
    }
    return make(percent < 95 ? OperationKind::replace : OperationKind::immediate_or_cancel);
  }

  // What this book itself traded in timed operations.
  [[nodiscard]] const TradeHash& traded() const { return traded_; }
  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] std::uint64_t middle() const { return middle_; }
  [[nodiscard]] std::size_t bid_levels() const { return levels_[0].size(); }
  [[nodiscard]] std::size_t ask_levels() const { return levels_[1].size(); }
  [[nodiscard]] std::uint64_t orders_made() const { return orders_.size() - 1; }

 private:
  using Queue = std::list<std::uint64_t>;

  struct Order {
    std::uint64_t price = 0;
    std::uint32_t remaining = 0;
    std::uint32_t place_in_live = 0;
    Queue::iterator place_in_queue;
    bool is_sell = false;
  };

  std::uint64_t draw() {
    random_ ^= random_ >> 12;
    random_ ^= random_ << 25;
    random_ ^= random_ >> 27;
    return random_ * 0x2545F4914F6CDD1D;
  }
  std::uint64_t below(std::uint64_t bound) { return ((draw() >> 32) * bound) >> 32; }
  bool bit() { return (draw() >> 63) != 0; }

  std::uint64_t draw_price(bool is_sell) {
    const auto zeros = static_cast<std::uint64_t>(std::countr_zero(draw() | (1ULL << 20)));
    const std::uint64_t distance =
        std::min<std::uint64_t>(60000, 1 + block_ * zeros + below(block_));
    return is_sell ? middle_ + distance : middle_ - distance;
  }
  std::uint32_t draw_quantity(std::uint64_t highest) {
    return static_cast<std::uint32_t>(1 + below(highest));
  }

  void move_middle() {
    if ((draw() & 63) == 0) {
      middle_ = std::clamp<std::uint64_t>(bit() ? middle_ + 1 : middle_ - 1, 90000, 110000);
    }
  }

  Operation make(OperationKind kind) {
    move_middle();
    const bool needs_live = kind == OperationKind::cancel || kind == OperationKind::replace;
    if (needs_live && live_.empty()) {
      kind = OperationKind::add;
    }
    switch (kind) {
      case OperationKind::add:
        return add();
      case OperationKind::cancel:
        return cancel();
      case OperationKind::replace:
        return replace();
      case OperationKind::immediate_or_cancel:
        break;
    }
    return immediate_or_cancel();
  }

  Operation add() {
    const std::uint64_t id = new_order();
    const bool is_sell = bit();
    const std::uint64_t price = draw_price(is_sell);
    const std::uint32_t quantity = draw_quantity(100);
    enter(id, is_sell, price, quantity);
    return {OperationKind::add, is_sell, quantity, id, price};
  }

  Operation cancel() {
    const std::uint64_t id = live_[below(live_.size())];
    const bool is_sell = orders_[id].is_sell;
    take_out(id);
    return {OperationKind::cancel, is_sell, 0, id, 0};
  }

  Operation replace() {
    const std::uint64_t id = live_[below(live_.size())];
    const bool is_sell = orders_[id].is_sell;
    std::uint64_t price = draw_price(is_sell);
    const std::uint32_t quantity = draw_quantity(100);
    if (price == orders_[id].price) {
      price = is_sell ? price + 1 : price - 1;
    }
    take_out(id);
    enter(id, is_sell, price, quantity);
    return {OperationKind::replace, is_sell, quantity, id, price};
  }

  Operation immediate_or_cancel() {
    const std::uint64_t id = new_order();
    const bool is_sell = bit();
    const std::uint64_t price = is_sell ? middle_ - 4 * block_ : middle_ + 4 * block_;
    const std::uint32_t quantity = draw_quantity(live_.size() > target_ ? 1200 : 200);
    match(id, is_sell, price, quantity);
    return {OperationKind::immediate_or_cancel, is_sell, quantity, id, price};
  }

  std::uint64_t new_order() {
    orders_.emplace_back();
    return orders_.size() - 1;
  }

  void enter(std::uint64_t id, bool is_sell, std::uint64_t price, std::uint32_t quantity) {
    const std::uint32_t rest = match(id, is_sell, price, quantity);
    if (rest == 0) {
      return;
    }
    Queue& queue = levels_[is_sell ? 1 : 0][price];
    Order& order = orders_[id];
    order.price = price;
    order.remaining = rest;
    order.is_sell = is_sell;
    order.place_in_queue = queue.insert(queue.end(), id);
    order.place_in_live = static_cast<std::uint32_t>(live_.size());
    live_.push_back(id);
  }

  std::uint32_t match(std::uint64_t taker, bool is_sell, std::uint64_t limit,
                      std::uint32_t wanted) {
    auto& resting = levels_[is_sell ? 0 : 1];
    while (wanted > 0 && !resting.empty()) {
      const auto best = is_sell ? std::prev(resting.end()) : resting.begin();
      const std::uint64_t price = best->first;
      if (is_sell ? price < limit : price > limit) {
        break;
      }
      const std::uint64_t maker = best->second.front();
      Order& order = orders_[maker];
      const std::uint32_t quantity = std::min(wanted, order.remaining);
      if (is_timed_) {
        traded_.add(maker, taker, price, quantity);
      }
      wanted -= quantity;
      order.remaining -= quantity;
      if (order.remaining == 0) {
        take_out(maker);
      }
    }
    return wanted;
  }

  void take_out(std::uint64_t id) {
    const Order& order = orders_[id];
    auto& side = levels_[order.is_sell ? 1 : 0];
    const auto level = side.find(order.price);
    level->second.erase(order.place_in_queue);
    if (level->second.empty()) {
      side.erase(level);
    }
    orders_[live_.back()].place_in_live = order.place_in_live;
    live_[order.place_in_live] = live_.back();
    live_.pop_back();
  }

  std::uint64_t target_;
  std::uint64_t block_;
  std::uint64_t random_ = 0x9E3779B97F4A7C15;
  std::uint64_t middle_ = 100000;
  bool is_timed_ = false;
  TradeHash traded_;
  std::map<std::uint64_t, Queue> levels_[2];  // bids, asks
  std::vector<Order> orders_{1};              // by id; 0 is none
  std::vector<std::uint64_t> live_;
};

// A case with its stated results.
struct WorkloadCase {
  const char* name;
  std::uint64_t target;
  std::uint64_t block;
  std::uint64_t operations;
  std::uint64_t trades;
  std::uint64_t volume;
  std::uint64_t hash;
  std::size_t levels;  // occupied prices of both sides after the last operation
};
inline constexpr WorkloadCase workload_cases[] = {
    {"first-1000", 50000, 16, 1000, 388, 13529, 0x2bed6442a7e9a100, 372},
    {"first-100000", 50000, 16, 100000, 47233, 1390832, 0xbdade00d0626863c, 402},
    {"narrow", 50000, 16, 2000000, 700883, 21911375, 0xd2b09ebca1ede2bd, 418},
    {"deep", 1000000, 16, 2000000, 1070713, 29568913, 0x2fe701cdca88eaf4, 706},
};

}  // namespace meridian::bench
