// For the tests of this folder: an engine, and the feed that is folded out of what it does.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "feed/book_feed.hpp"
#include "feed/support/rebuilt_book.hpp"

namespace meridian::feed {

inline constexpr std::uint32_t test_price_per_tick = 100;

inline Instrument test_instrument() {
  return {.stock = protocols::Text<8>::of("ACME"),
          .locate = 7,
          .price_per_tick = test_price_per_tick,
          .round_lot = 100};
}

class FedMarket {
 public:
  explicit FedMarket(std::function<void(Bytes)> receiver)
      : receiver_(std::move(receiver)),
        market_memory_(engine::Market::arena_bytes()),
        feed_memory_(BookFeed::arena_bytes()),
        market(market_memory_.bytes()),
        feed(test_instrument(), feed_memory_.bytes(),
             {this, [](void* context, Bytes message) noexcept {
                static_cast<FedMarket*>(context)->receiver_(message);
              }}) {}
  FedMarket(const FedMarket&) = delete;
  FedMarket& operator=(const FedMarket&) = delete;

  const std::vector<wire::Event>& apply(const wire::Command& command) {
    events_.clear();
    ++sequence;
    market.apply(command, sequence, now_ns, *this);
    feed.command(command, now_ns);
    for (const wire::Event& event : events_) {
      feed.event(event);
    }
    return events_;
  }

  // What the engine displays, as a subscriber names it.
  [[nodiscard]] std::vector<DisplayedOrder> side(char letter) const {
    std::vector<DisplayedOrder> all;
    market.visit_resting(
        letter == 'B' ? wire::Side::buy : wire::Side::sell,
        [&all](OrderId id, AccountId, PriceTicks price, QuantityLots shown) {
          all.push_back({id.value(), price.value() * test_price_per_tick, shown.value()});
          return true;
        });
    return all;
  }

  // EventSink.
  wire::Event& next() noexcept { return events_.emplace_back(); }
  void finish() noexcept {}

 private:
  std::function<void(Bytes)> receiver_;
  engine::LazyMemory market_memory_;
  engine::LazyMemory feed_memory_;
  std::vector<wire::Event> events_;

 public:
  engine::Market market;
  BookFeed feed;
  std::uint64_t sequence = 0;
  std::uint64_t now_ns = 1'764'000'000'000'000'000;
};

// Whether both show the same orders in the same order. References of orders that showed anew are
// the feed's own.
inline bool is_same(const std::vector<DisplayedOrder>& rebuilt,
                    const std::vector<DisplayedOrder>& engine) {
  if (rebuilt.size() != engine.size()) {
    return false;
  }
  for (std::size_t at = 0; at < rebuilt.size(); ++at) {
    const bool is_refreshed = rebuilt[at].reference >> 63U != 0;
    if (rebuilt[at].price != engine[at].price || rebuilt[at].shares != engine[at].shares ||
        (!is_refreshed && rebuilt[at].reference != engine[at].reference)) {
      return false;
    }
  }
  return true;
}

}  // namespace meridian::feed
