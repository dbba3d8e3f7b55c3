// What happens at the limits: the order pool, the level pool, ids and generations.
#include <gtest/gtest.h>

#include "engine/market.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

using wire::TimeInForce;

TEST(OrderIds, TakeTheSlotFreedLastElseTheLowestNeverUsed) {
  TestMarket market(10);
  market(limit(buy, 1, 10, 1));
  market(limit(buy, 1, 10, 1));
  market(limit(buy, 1, 10, 1));
  market(cancel(id(1, 1), 1));
  market(cancel(id(1, 3), 1));
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 2.3 buy 1@10 of 1");
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 2.1 buy 1@10 of 1");
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 1.4 buy 1@10 of 1");
}

TEST(OrderIds, FreeMakersInTradeOrderBeforeTheAggressor) {
  TestMarket market(10);
  market(limit(sell, 1, 10, 1));
  market(limit(sell, 1, 10, 1));
  market(limit(buy, 2, 10, 2));
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 2.3 buy 1@10 of 1");
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 2.2 buy 1@10 of 1");
  EXPECT_EQ(market(limit(buy, 1, 10, 1)), "accepted 2.1 buy 1@10 of 1");
}

TEST(OrderIds, DoNotFindAnOrderOfAnotherGeneration) {
  TestMarket market(10);
  market(limit(buy, 1, 10, 1));
  market(cancel(id(1, 1), 1));
  market(limit(buy, 1, 10, 1));
  EXPECT_EQ(market(cancel(id(1, 1), 1)), "refused order_unknown 1.1 of 1");
  EXPECT_EQ(market(cancel(id(3, 1), 1)), "refused order_unknown 3.1 of 1");
  EXPECT_EQ(market(cancel(id(2, 1) + (std::uint64_t{1} << 56), 1)),
            "refused order_unknown 0.0 of 1");
  EXPECT_EQ(market(cancel(id(2, 1), 1)), "canceled 2.1 buy 1@10 of 1 user");
}

TEST(OrderPool, RefusesWhatWouldRestWhenAsManyOrdersRestAsTheCapacity) {
  TestMarket market(2);
  market(limit(buy, 1, 10, 1));
  market(limit(sell, 5, 20, 1));
  EXPECT_EQ(market(limit(buy, 1, 11, 1)), "refused order_pool_full 0.0 of 1");
  // It would free a slot by trading, but what it leaves is decided before.
  EXPECT_EQ(market(limit(buy, 6, 20, 1)), "refused order_pool_full 0.0 of 1");
  EXPECT_EQ(market.resting(sell), "1.2 5@20");
  market(cancel(id(1, 1), 1));
  EXPECT_EQ(market(limit(buy, 6, 20, 1)),
            "accepted 2.1 buy 6@20 of 1\n"
            "executed 2.1 buy 5@20 of 1 with 1.2 of 1 leaving 0");
}

TEST(OrderPool, LetsOrdersPassThatDoNotRest) {
  TestMarket market(2);
  market(limit(buy, 3, 10, 1));
  market(limit(sell, 5, 20, 1));
  EXPECT_EQ(market(limit(buy, 9, 19, 2, TimeInForce::ioc)),
            "accepted 1.3 buy 9@19 of 2\n"
            "canceled 1.3 buy 9@19 of 2 ioc_rest");
  EXPECT_EQ(market(limit(buy, 9, 20, 2, TimeInForce::fok)),
            "accepted 2.3 buy 9@20 of 2\n"
            "canceled 2.3 buy 9@20 of 2 fok_unfilled");
  EXPECT_EQ(market(limit(buy, 1, 20, 2)),
            "accepted 3.3 buy 1@20 of 2\n"
            "executed 3.3 buy 1@20 of 2 with 1.2 of 1 leaving 4");
  EXPECT_EQ(market(limit(sell, 3, 10, 2)),
            "accepted 4.3 sell 3@10 of 2\n"
            "executed 4.3 sell 3@10 of 2 with 1.1 of 1 leaving 0");
  // The slot beyond the capacity is one like the others: it was freed last.
  EXPECT_EQ(market(limit(buy, 1, 10, 2)), "accepted 5.3 buy 1@10 of 2");
  EXPECT_EQ(market(limit(buy, 1, 10, 2)), "refused order_pool_full 0.0 of 2");
}

TEST(OrderPool, DoesNotStandInTheWayOfAReplacement) {
  TestMarket market(2);
  market(limit(buy, 3, 10, 1));
  market(limit(buy, 3, 10, 1));
  EXPECT_EQ(market(replace(id(1, 1), 9, 11, 1)), "replaced 1.1 with 3 open by 2.1 buy 9@11 of 1");
}

TEST(OrderPool, RetiresASlotAfterItsLastGeneration) {
  const LazyMemory memory(OrderPool::arena_bytes());
  Arena arena(memory.bytes());
  OrderPool pool(arena, nullptr);
  const OrderSlot first = pool.take();
  pool[first].generation = OrderPool::highest_generation - 1;
  pool.give_back(first);
  EXPECT_EQ(pool.take(), first);
  EXPECT_EQ(pool.id_of(first).value(), id(OrderPool::highest_generation, 1));
  EXPECT_LT(pool.id_of(first).value(), std::uint64_t{1} << 53);
  EXPECT_FALSE(pool.is_reusable(first));
  pool.give_back(first);
  EXPECT_TRUE(pool.verify(0));
  EXPECT_EQ(pool.take(), OrderSlot{2});
}

// ---- levels

constexpr std::int32_t spacing = 64;  // one price a page of the ladder: as many pages as levels

class FullLadder : public testing::Test {
 protected:
  FullLadder() {
    market.run(configure(1, 0x7FFFFFFE, 1000, PriceLadder::highest_occupied + 3));
    // As many bids as there can be, and an ask above; order n is id 1.n.
    for (std::int32_t level = 1; level <= all; ++level) {
      market.run(limit(buy, 5, level * spacing, 1), false);
    }
    market.run(limit(sell, 5, best_ask, 1), false);
  }

  static constexpr std::int32_t all = PriceLadder::highest_occupied;
  static constexpr std::int32_t best_bid = all * spacing;
  static constexpr std::int32_t best_ask = best_bid + spacing;
  TestMarket market;
};

TEST_F(FullLadder, RefusesANewLevelButTakesOrdersAtOldOnes) {
  EXPECT_EQ(market.market().open_orders(), PriceLadder::highest_occupied + 1);
  EXPECT_EQ(market(limit(buy, 1, best_bid + 1, 1)), "refused level_full 0.0 of 1");
  EXPECT_EQ(market(limit(buy, 1, best_bid, 1)), "accepted 1.65538 buy 1@4194304 of 1");
}

TEST_F(FullLadder, LeavesTheLevelsOfTheOtherSideAlone) {
  EXPECT_EQ(market(limit(sell, 1, 0x7FFFFFFE, 1)), "accepted 1.65538 sell 1@2147483646 of 1");
}

TEST_F(FullLadder, RefusesARestThatNeedsALevelAndTakesAnOrderThatTradesInFull) {
  EXPECT_EQ(market(limit(buy, 6, best_ask, 2)), "refused level_full 0.0 of 2");
  EXPECT_EQ(market(limit(buy, 5, best_ask, 2)),
            "accepted 1.65538 buy 5@4194368 of 2\n"
            "executed 1.65538 buy 5@4194368 of 2 with 1.65537 of 1 leaving 0");
}

TEST_F(FullLadder, LetsAReplacementHaveTheLevelThatItsOrderLeaves) {
  EXPECT_EQ(market(replace(id(1, 1), 5, best_bid + 1, 1)),
            "replaced 1.1 with 5 open by 2.1 buy 5@4194305 of 1");
  market(limit(buy, 1, best_bid, 1));
  EXPECT_EQ(market(replace(id(1, 65538), 1, best_bid + 2, 1)), "refused level_full 1.65538 of 1");
  EXPECT_EQ(market(replace(id(1, 65538), 5, best_ask, 1)),
            "replaced 1.65538 with 1 open by 2.65538 buy 5@4194368 of 1\n"
            "executed 2.65538 buy 5@4194368 of 1 with 1.65537 of 1 leaving 0");
}

TEST_F(FullLadder, IsReportedAfterAFullPool) {
  market.run(limit(buy, 1, best_bid, 1), false);
  market.run(limit(buy, 1, best_bid, 1), false);
  EXPECT_EQ(market(limit(buy, 1, best_bid + 1, 1)), "refused order_pool_full 0.0 of 1");
}

TEST_F(FullLadder, CanBeSweptByOneOrder) {
  const auto& events = market.run(market_order(sell, 1000, 2));
  EXPECT_EQ(events.size(), 1U + 200U + 1U);
  EXPECT_EQ(describe(events.back()), "touch 5@4181504 5@4194368");
}

}  // namespace
}  // namespace meridian::engine
