// A market under a fuzzer: one reserved memory for all runs, and everything that must hold after
// each command. A fault ends the process, with the input as evidence.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <unordered_map>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::fuzz {

// Ends the run when `holds` is false.
inline void expect(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  }
}

class ObservedMarket {
 public:
  ObservedMarket() : market_(fresh_memory()) {}
  ObservedMarket(const ObservedMarket&) = delete;
  ObservedMarket& operator=(const ObservedMarket&) = delete;

  // The events of the command, checked.
  const std::vector<wire::Event>& apply(const wire::Command& command, std::uint64_t timestamp_ns) {
    const std::uint64_t open_before = market_.open_orders();
    now_ns_ = timestamp_ns > now_ns_ ? timestamp_ns : now_ns_;
    sink_.events.clear();
    sink_.finished = 0;
    ++sequence_;
    market_.apply(command, sequence_, now_ns_, sink_);
    check_frame(command);
    std::uint64_t executions = 0;
    for (const wire::Event& event : sink_.events) {
      executions += event.kind == static_cast<std::uint8_t>(wire::EventKind::executed) ? 1 : 0;
      follow(event);
    }
    // Each step of work and each order can say a few things of its own, and so can each execution.
    expect(sink_.events.size() <= 1024 + 8 * (open_before + 1 + executions),
           "a command has more events than its work explains");
    expect(lots_.size() == market_.open_orders(), "orders that events say are open are open");
    check_book();
    if (sequence_ % commands_per_check == 0) {
      check();
    }
    return sink_.events;
  }

  // Every invariant of the state; the digest recomputed is among them.
  void check() const { expect(market_.verify(), "verify()"); }

  [[nodiscard]] const engine::Market& market() const { return market_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  // Lots that the events so far leave each open order.
  [[nodiscard]] const std::unordered_map<std::uint64_t, std::uint64_t>& lots() const {
    return lots_;
  }

 private:
  struct Collector {
    std::vector<wire::Event> events;
    int finished = 0;
    wire::Event& next() { return events.emplace_back(); }
    void finish() { ++finished; }
  };

  static constexpr std::uint64_t commands_per_check = 8;

  // Zeroed again for each run: unmapping 2.6 GiB of address space each time costs more.
  static std::span<std::byte> fresh_memory() {
    static const engine::LazyMemory memory(engine::Market::arena_bytes());
    const std::span<std::byte> bytes = memory.bytes();
    expect(madvise(bytes.data(), bytes.size(), MADV_DONTNEED) == 0, "the memory is given back");
    return bytes;
  }

  void check_frame(const wire::Command& command) const {
    expect(sink_.finished == 1 && !sink_.events.empty(), "every command is answered once");
    std::uint32_t index = 0;
    for (const wire::Event& event : sink_.events) {
      const bool is_last = &event == &sink_.events.back();
      expect(event.tag == command.tag && event.sequence == sequence_ && event.index == index++,
             "events name their command in order");
      expect(event.flags == (is_last ? wire::event_is_last : 0), "the last event is marked");
    }
  }

  // Lots are conserved: each event takes from an order what the order has.
  void follow(const wire::Event& event) {
    switch (static_cast<wire::EventKind>(event.kind)) {
      case wire::EventKind::accepted:
        expect(event.quantity != 0 && lots_.emplace(event.order_id, event.quantity).second,
               "an accepted order is new");
        break;
      case wire::EventKind::executed:
        expect(event.quantity != 0, "an execution has lots");
        take(event.order_id, event.quantity);
        take(event.other_order_id, event.quantity);
        break;
      case wire::EventKind::reduced:
        take(event.order_id, event.quantity);
        expect(lots_of(event.order_id) == event.remaining, "reduced says what is left");
        break;
      case wire::EventKind::canceled:
        expect(lots_of(event.order_id) == event.quantity, "canceled says all that was left");
        lots_.erase(event.order_id);
        break;
      case wire::EventKind::replaced:
        expect(lots_of(event.other_order_id) == event.remaining, "replaced says what was left");
        lots_.erase(event.other_order_id);
        expect(event.quantity != 0 && lots_.emplace(event.order_id, event.quantity).second,
               "a replacing order is new");
        break;
      case wire::EventKind::configured:
        is_configured_ = true;
        break;
      case wire::EventKind::state_set:
        state_ = static_cast<wire::MarketState>(event.code);
        break;
      case wire::EventKind::breaker_set:
        may_cross_ |= event.code == static_cast<std::uint8_t>(wire::BreakerMode::limit_state);
        break;
      default:
        break;
    }
  }

  void take(std::uint64_t order_id, std::uint64_t lots) {
    const auto found = lots_.find(order_id);
    expect(found != lots_.end() && found->second >= lots, "an order loses lots that it has");
    found->second -= lots;
    if (found->second == 0) {
      lots_.erase(found);
    }
  }

  [[nodiscard]] std::uint64_t lots_of(std::uint64_t order_id) const {
    const auto found = lots_.find(order_id);
    return found == lots_.end() ? 0 : found->second;
  }

  // No crossed lit book while trading is continuous. (With limit states an order outside the
  // allowed prices is no candidate, so that one beyond it may rest.)
  void check_book() const {
    if (!is_configured_ || state_ != wire::MarketState::open || may_cross_) {
      return;
    }
    std::uint64_t best[2] = {0, ~std::uint64_t{0}};
    for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
      market_.visit_resting(side,
                            [&](OrderId, AccountId, PriceTicks price, QuantityLots shown) noexcept {
                              expect(shown != QuantityLots{0}, "a lit order shows lots");
                              best[static_cast<std::size_t>(side)] = price.value();
                              return false;
                            });
    }
    expect(best[0] < best[1], "the lit book is not crossed");
  }

  engine::Market market_;
  Collector sink_;
  std::uint64_t sequence_ = 0;
  std::uint64_t now_ns_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> lots_;
  bool is_configured_ = false;
  bool may_cross_ = false;
  wire::MarketState state_ = wire::MarketState::open;
};

}  // namespace meridian::fuzz
