// Random streams: what the events say must be the state, after each command.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((state_ >> 33) % bound);
  }

 private:
  std::uint64_t state_;
};

// Follows the book from events alone and computes its digest by the formula of README.md.
class Mirror {
 public:
  void take(const wire::Event& event) {
    switch (static_cast<wire::EventKind>(event.kind)) {
      case wire::EventKind::accepted:
      case wire::EventKind::replaced:
        if (event.other_order_id != 0) {
          EXPECT_EQ(orders_[event.other_order_id].remaining, event.remaining);
          canceled_ += event.remaining;
          orders_.erase(event.other_order_id);
        }
        placed_ += event.quantity;
        orders_[event.order_id] = {event.account, event.side, event.price, event.quantity,
                                   event.sequence};
        break;
      case wire::EventKind::executed:
        executed_ += 2 * std::uint64_t{event.quantity};
        positions_[event.account] +=
            event.side == 0 ? event.quantity : 0 - std::uint64_t{event.quantity};
        positions_[static_cast<std::uint32_t>(event.other_price)] +=
            event.side == 0 ? 0 - std::uint64_t{event.quantity} : event.quantity;
        last_trade_ = static_cast<std::uint64_t>(event.price);
        take_off(event.order_id, event.quantity);
        take_off(event.other_order_id, event.quantity);
        EXPECT_EQ(remaining(event.other_order_id), event.remaining);
        break;
      case wire::EventKind::canceled:
        canceled_ += event.quantity;
        EXPECT_EQ(remaining(event.order_id), event.quantity);
        orders_.erase(event.order_id);
        break;
      case wire::EventKind::reduced:
        canceled_ += event.quantity;
        take_off(event.order_id, event.quantity);
        EXPECT_EQ(remaining(event.order_id), event.remaining);
        break;
      case wire::EventKind::state_set:
        state_ = event.code;
        break;
      default:
        break;
    }
  }

  [[nodiscard]] std::uint64_t digest() const {
    const auto mix = [](std::uint64_t value) {
      return (value ^ (value >> 32)) * 0x9E3779B97F4A7C15;
    };
    std::uint64_t all = mix(last_trade_ * 0xC2B2AE3D27D4EB4F + state_ * 0xD6E8FEB86659FD93 +
                            0x9E3779B97F4A7C15 * 0xE7037ED1A0B428DB);
    for (const auto& [account, position] : positions_) {
      all += mix(account * 0xC2B2AE3D27D4EB4F) * position;
    }
    for (const auto& [order_id, order] : orders_) {
      const std::uint64_t sum =
          order_id * 0xC2B2AE3D27D4EB4F +
          static_cast<std::uint64_t>(order.price) * 0x165667B19E3779F9 +
          order.remaining * 0xD6E8FEB86659FD93 +
          (std::uint64_t{order.account} * 2 + order.side) * 0xA0761D6478BD642F +
          order.priority * 0xE7037ED1A0B428DB;
      all += mix(sum);
    }
    return all;
  }
  [[nodiscard]] bool conserves_lots() const {
    std::uint64_t resting = 0;
    for (const auto& [order_id, order] : orders_) {
      resting += order.remaining;
    }
    return placed_ == executed_ + canceled_ + resting;
  }
  [[nodiscard]] std::size_t size() const { return orders_.size(); }
  [[nodiscard]] std::uint64_t any(Random& random) const {
    if (orders_.empty()) {
      return id(1, 1);
    }
    auto at = orders_.begin();
    std::advance(
        at, static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint32_t>(orders_.size()))));
    return at->first;
  }
  [[nodiscard]] std::uint32_t account_of(std::uint64_t order_id) const {
    const auto found = orders_.find(order_id);
    return found == orders_.end() ? 1 : found->second.account;
  }

 private:
  struct Order {
    std::uint32_t account;
    std::uint8_t side;
    std::int64_t price;
    std::uint64_t remaining;
    std::uint64_t priority;
  };

  [[nodiscard]] std::uint64_t remaining(std::uint64_t order_id) const {
    const auto found = orders_.find(order_id);
    return found == orders_.end() ? 0 : found->second.remaining;
  }
  void take_off(std::uint64_t order_id, std::uint64_t lots) {
    const auto found = orders_.find(order_id);
    ASSERT_NE(found, orders_.end());
    ASSERT_GE(found->second.remaining, lots);
    found->second.remaining -= lots;
    if (found->second.remaining == 0) {
      orders_.erase(found);
    }
  }

  std::map<std::uint64_t, Order> orders_;
  std::map<std::uint64_t, std::uint64_t> positions_;  // lots modulo 2^64, by account
  std::uint64_t last_trade_ = 0;
  std::uint64_t state_ = 0;
  std::uint64_t placed_ = 0;
  std::uint64_t executed_ = 0;  // lots of both parties
  std::uint64_t canceled_ = 0;
};

// How a stream looks.
struct Shape {
  const char* name;
  std::uint64_t capacity;
  std::int32_t middle;
  std::uint32_t spread;  // prices are drawn from middle ± spread
};

class RandomStream : public testing::TestWithParam<Shape> {
 protected:
  static wire::Command draw(Random& random, const Mirror& mirror, const Shape& shape) {
    const std::uint64_t dice = random.below(100);
    const auto account = 1 + random.below(3);
    const wire::Side side = random.below(2) == 0 ? buy : sell;
    // Most prices are on the order's own half of the range, so that the book grows deep.
    const auto price = [&] {
      const auto offset = static_cast<std::int32_t>(random.below(shape.spread + 1));
      const bool is_below = (side == buy) != (random.below(6) == 0);
      return is_below ? shape.middle - offset : shape.middle + offset;
    };
    const auto time_in_force =
        static_cast<wire::TimeInForce>(random.below(4) == 0 ? 1 + random.below(2) : 0);
    if (dice < 65) {
      return limit(side, 1 + random.below(60), price(), account, time_in_force);
    }
    if (dice < 67) {
      return market_order(side, 1 + random.below(200), account, time_in_force);
    }
    const std::uint64_t named = random.below(20) == 0 ? random.below(1 << 26) : mirror.any(random);
    const std::uint32_t owner = random.below(20) == 0 ? account : mirror.account_of(named);
    if (dice < 80) {
      return cancel(named, owner);
    }
    if (dice < 88) {
      return reduce(named, random.below(40), owner);
    }
    if (dice < 98) {
      return replace(named, 1 + random.below(60), price(), owner);
    }
    return set_state(random.below(4) == 0 ? wire::MarketState::halted : wire::MarketState::open);
  }
};

TEST_P(RandomStream, EventsAndStateAgreeAfterEachCommand) {
  const Shape& shape = GetParam();
  const char* given = std::getenv("MERIDIAN_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 8214690731;
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  Random random(seed);
  TestMarket market;
  TestMarket again;
  const wire::Command first = configure(1, 0x7FFFFFFE, 1000, shape.capacity);
  market.run(first);
  again.run(first);
  Mirror mirror;
  std::size_t largest = 0;
  for (int step = 0; step < 6'000 && !HasFailure(); ++step) {
    SCOPED_TRACE(testing::Message() << "step=" << step);
    const wire::Command command = draw(random, mirror, shape);
    const auto& events = market.run(command);
    for (const wire::Event& event : events) {
      mirror.take(event);
    }
    ASSERT_EQ(market.digest(), mirror.digest());
    ASSERT_EQ(market.market().open_orders(), mirror.size());
    ASSERT_TRUE(mirror.conserves_lots());
    ASSERT_LE(mirror.size(), shape.capacity);
    largest = std::max(largest, mirror.size());
    again.run(command, false);
    ASSERT_EQ(market.digest(), again.digest());
  }
  EXPECT_GT(largest, std::min<std::uint64_t>(shape.capacity, 20) - 1);
}

INSTANTIATE_TEST_SUITE_P(
    Market, RandomStream,
    testing::Values(Shape{"dense", 1000, 500, 10}, Shape{"within_a_page", 1000, 96, 20},
                    Shape{"across_pages", 1000, 100'000, 500},
                    Shape{"across_the_whole_range", 1000, 0x40000000, 0x3FFFFFFE},
                    Shape{"small_pool", 7, 500, 10}, Shape{"lowest_prices", 100, 4, 3},
                    Shape{"highest_prices", 100, 0x7FFFFFFE - 3, 3}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace meridian::engine
