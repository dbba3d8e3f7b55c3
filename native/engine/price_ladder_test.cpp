// The window of level pages: prices that meet at the same place of it, the ends of what can be
// said, and everything against an ordered set.
#include "engine/price_ladder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

// Prices so far apart meet at one place of the window.
constexpr std::uint32_t window_ticks = (1U << 16U) * 64;
constexpr std::uint32_t highest = 0x7FFFFFFE;

class Ladder {
 public:
  Ladder() : memory_(PriceLadder::arena_bytes()), arena_(memory_.bytes()) {}

  void occupy(std::uint32_t price, std::uint32_t touch) {
    Level& level = ladder_.occupy(PriceTicks{price}, PriceTicks{touch});
    level = {.head = OrderSlot{1}, .tail = OrderSlot{1}, .lots = TotalLots{price}};
    occupied_.insert(price);
  }
  void vacate(std::uint32_t price) {
    ladder_.at(PriceTicks{price}) = {};
    ladder_.vacate(PriceTicks{price});
    occupied_.erase(price);
  }
  [[nodiscard]] bool holds(std::uint32_t price) const { return occupied_.contains(price); }

  // Whether the ladder says of this price what the set says.
  [[nodiscard]] bool agrees_at(std::uint32_t price) const {
    const auto above = occupied_.upper_bound(price);
    const auto at = occupied_.lower_bound(price);
    const std::uint32_t next = above == occupied_.end() ? above_every_price.value() : *above;
    const std::uint32_t previous = at == occupied_.begin() ? 0 : *std::prev(at);
    const std::uint64_t lots = holds(price) ? price : 0;
    return ladder_.at(PriceTicks{price}).lots == TotalLots{lots} &&
           ladder_.is_occupied(PriceTicks{price}) == holds(price) &&
           ladder_.next_above(PriceTicks{price}) == PriceTicks{next} &&
           ladder_.next_below(PriceTicks{price}) == PriceTicks{previous} &&
           ladder_.occupied() == occupied_.size();
  }
  [[nodiscard]] bool verify() const { return ladder_.verify(); }

 private:
  LazyMemory memory_;
  Arena arena_;
  PriceLadder ladder_{arena_, nullptr, GrowingPool::lit_buys};
  std::set<std::uint32_t> occupied_;
};

TEST(PriceLadder, HoldsPricesThatMeetAtOnePlaceOfTheWindow) {
  Ladder ladder;
  std::vector<std::uint32_t> prices;
  prices.reserve(highest / window_ticks);
  for (std::uint32_t turn = 0; turn < highest / window_ticks; ++turn) {
    prices.push_back(100 + turn * window_ticks);
  }
  for (const std::uint32_t price : prices) {
    ladder.occupy(price, 100 + 40 * window_ticks);
  }
  ASSERT_TRUE(ladder.verify());
  for (const std::uint32_t price : prices) {
    ASSERT_TRUE(ladder.agrees_at(price)) << price;
    ASSERT_TRUE(ladder.agrees_at(price + 1)) << price;
  }
  for (std::size_t number = 0; number < prices.size(); number += 2) {
    ladder.vacate(prices[number]);
  }
  ASSERT_TRUE(ladder.verify());
  for (const std::uint32_t price : prices) {
    ASSERT_TRUE(ladder.agrees_at(price)) << price;
  }
}

TEST(PriceLadder, WorksAtTheFloorAndTheCeilingOfWhatAPriceCanBe) {
  Ladder ladder;
  for (const std::uint32_t price : {1U, 2U, 63U, 64U, highest - 63, highest - 1, highest}) {
    ladder.occupy(price, 1);
  }
  ASSERT_TRUE(ladder.verify());
  for (const std::uint32_t price : {1U, 3U, 63U, 1'000'000U, highest - 63, highest - 2, highest}) {
    EXPECT_TRUE(ladder.agrees_at(price)) << price;
  }
}

// A touch that wanders over the whole range, orders near it and far from it.
TEST(PriceLadder, AgreesWithAnOrderedSetWhereverTheTouchGoes) {
  constexpr std::uint32_t seed = 20'261;
  std::mt19937 generator(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  Ladder ladder;
  std::vector<std::uint32_t> prices;
  std::uint32_t touch = 50'000'000;
  for (int step = 0; step < 60'000; ++step) {
    if (step % 500 == 0) {
      touch = 1 + random() % (highest - 1'000'000) + 500'000;
    }
    const std::uint32_t near = touch + random() % 2'000 - 1'000;
    const std::uint32_t far = (near + random() % 500 * window_ticks) % highest + 1;
    const std::uint32_t price = random() % 4 == 0 ? far : near;
    if (!ladder.holds(price)) {
      ladder.occupy(price, touch);
      prices.push_back(price);
    }
    if (prices.size() > 3'000 || random() % 3 == 0) {
      const std::size_t victim = random() % prices.size();
      ladder.vacate(prices[victim]);
      prices[victim] = prices.back();
      prices.pop_back();
    }
    ASSERT_TRUE(ladder.agrees_at(price)) << "seed " << seed << " step " << step;
    ASSERT_TRUE(ladder.agrees_at(far)) << "seed " << seed << " step " << step;
  }
  EXPECT_TRUE(ladder.verify());
}

TEST(PriceLadder, ServesAMarketWhosePricesMeetInTheWindow) {
  TestMarket market;
  market(configure(1, highest, 100, 100));
  market(limit(buy, 1, 5, 1));
  market(limit(buy, 2, 5 + window_ticks, 1));
  market(limit(buy, 3, 5 + 2 * window_ticks, 1));
  EXPECT_EQ(market.resting(buy), "1.3 3@8388613, 1.2 2@4194309, 1.1 1@5");
  market(cancel(id(1, 2), 1));
  EXPECT_EQ(market.resting(buy), "1.3 3@8388613, 1.1 1@5");
  EXPECT_EQ(market(limit(sell, 4, 5, 2)),
            "accepted 2.2 sell 4@5 of 2\n"
            "executed 2.2 sell 3@8388613 of 2 with 1.3 of 1 leaving 0\n"
            "executed 2.2 sell 1@5 of 2 with 1.1 of 1 leaving 0");
}

}  // namespace
}  // namespace meridian::engine
