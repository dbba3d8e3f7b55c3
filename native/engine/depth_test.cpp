#include "engine/depth.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/support/depth_reference.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

// A market whose depth is shown, with a reader in each lane.
class Depth : public testing::Test {
 protected:
  explicit Depth(const DepthOptions& options = {.orders = depth_orders})
      : publisher_(*region_, options) {
    for (std::uint32_t lane = 0; lane < depth_lanes; ++lane) {
      publisher_.attach(lane, requests_[lane]);
      readers_.push_back(std::make_unique<DepthReader>(*region_, &requests_[lane], lane));
    }
  }

  const wire::Event& run(const wire::Command& command) { return market_.run(command).front(); }
  void poll(std::uint64_t stamp) { publisher_.poll(market_.market(), market_.sequence(), stamp); }
  void poll() { poll(market_.sequence()); }

  [[nodiscard]] DepthReader& reader(std::size_t lane = 0) { return *readers_[lane]; }
  // A read by a reader that polls the writer between its tries.
  DepthSnapshot read() {
    DepthSnapshot snapshot;
    const std::uint64_t floor = reader().begin();
    while (!reader().read(floor, snapshot)) {
      poll();
    }
    return snapshot;
  }
  DepthPage page(wire::Side side, std::uint32_t from) {
    DepthPage page;
    reader().ask_page(side, PriceTicks{from});
    EXPECT_FALSE(reader().page(page)) << "before the writer saw the request";
    for (std::uint32_t turn = 0; turn <= depth_lanes && !reader().page(page); ++turn) {
      poll();
    }
    EXPECT_TRUE(reader().page(page));
    return page;
  }
  [[nodiscard]] std::string top() {
    poll();
    DepthTopView view;
    EXPECT_TRUE(readers_[0]->top(view));
    std::ostringstream out;
    out << view.sequence << ": " << view.bid_lots.value() << '@' << view.bid_price.value() << ' '
        << view.ask_lots.value() << '@' << view.ask_price.value();
    return out.str();
  }
  void expect_shows_the_book(const DepthSnapshot& snapshot, std::size_t levels,
                             std::size_t orders) {
    EXPECT_EQ(fault_of(snapshot), "");
    EXPECT_EQ(snapshot.sequence, market_.sequence());
    for (const wire::Side side : {buy, sell}) {
      EXPECT_TRUE(shown_side(snapshot, side) ==
                  reference_side(market_.market(), side, levels, orders));
    }
  }

  TestMarket market_{1000};
  std::unique_ptr<DepthRegion> region_ = std::make_unique<DepthRegion>();
  std::array<DepthRequests, depth_lanes> requests_{};
  DepthPublisher publisher_;
  std::vector<std::unique_ptr<DepthReader>> readers_;
};

class DepthInIntervals : public Depth {
 protected:
  DepthInIntervals() : Depth({.levels = 2, .orders = 3, .interval = 100}) {}
};

TEST_F(Depth, TopIsWrittenOnlyWhenTheBestBidOrOfferChanges) {
  EXPECT_EQ(top(), "0: 0@0 0@0");
  run(limit(buy, 10, 100, 7));
  EXPECT_EQ(top(), "2: 10@100 0@0");
  run(limit(sell, 4, 103, 7));
  EXPECT_EQ(top(), "3: 10@100 4@103");
  const std::uint64_t version = region_->top.version.load();
  run(limit(buy, 5, 99, 7));
  run(limit(sell, 5, 104, 7));
  EXPECT_EQ(top(), "3: 10@100 4@103");
  EXPECT_EQ(region_->top.version.load(), version);
  run(limit(buy, 1, 100, 7));
  EXPECT_EQ(top(), "6: 11@100 4@103");
  run(market_order(sell, 16, 7));
  EXPECT_EQ(top(), "7: 0@0 4@103");
  EXPECT_EQ(region_->top.version.load(), version + 4);
}

TEST_F(Depth, TopIsRefusedWhileTheWriterIsInTheMiddleOfIt) {
  run(limit(buy, 10, 100, 7));
  DepthTopView view;
  region_->top.version.store(region_->top.version.load() + 1);
  EXPECT_FALSE(reader().top(view));
}

TEST_F(Depth, SnapshotShowsLevelsAndOrdersInPriceTimeOrder) {
  run(limit(buy, 10, 100, 7));
  run(limit(buy, 20, 99, 7));
  run(limit(buy, 5, 100, 8));
  run(limit(sell, 4, 103, 7));
  poll();
  const DepthSnapshot snapshot = read();
  EXPECT_EQ(snapshot.sequence, 5U);
  const ReferenceSide bids = shown_side(snapshot, buy);
  EXPECT_EQ(bids.levels,
            (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{100, 15}, {99, 20}}));
  EXPECT_EQ(bids.orders, (std::vector<std::array<std::uint64_t, 3>>{
                             {id(1, 1), 100, 10}, {id(1, 3), 100, 5}, {id(1, 2), 99, 20}}));
  EXPECT_FALSE(bids.has_more_levels);
  EXPECT_FALSE(bids.has_more_orders);
  expect_shows_the_book(snapshot, depth_levels, depth_orders);
}

TEST_F(Depth, TheBookBeforeTheFirstSnapshotIsTheEmptyOneOfSequenceZero) {
  DepthSnapshot snapshot;
  EXPECT_TRUE(reader().read(reader().begin(), snapshot));
  EXPECT_EQ(snapshot.sequence, 0U);
  EXPECT_EQ(snapshot.sides[0].level_count + snapshot.sides[1].order_count, 0U);
}

TEST_F(Depth, ReadGivesNoStateOlderThanTheOneKnownWhenItBegan) {
  run(limit(buy, 10, 100, 7));
  poll();
  EXPECT_EQ(read().sequence, 2U);
  run(limit(buy, 10, 101, 7));
  const std::uint64_t before = reader().begin();
  poll();
  const std::uint64_t after = reader().begin();
  EXPECT_EQ(before, 2U);
  EXPECT_EQ(after, 3U);
  DepthSnapshot snapshot;
  EXPECT_TRUE(reader().read(before, snapshot));
  EXPECT_FALSE(reader().read(after, snapshot));
  poll();
  EXPECT_TRUE(reader().read(after, snapshot));
  expect_shows_the_book(snapshot, depth_levels, depth_orders);
}

TEST_F(Depth, NothingIsCopiedWithoutARequestAndOnceForAllReaders) {
  for (int order = 0; order < 50; ++order) {
    run(limit(buy, 1, 100 + order, 7));
    poll();
  }
  EXPECT_EQ(publisher_.snapshots(), 0U);
  DepthSnapshot snapshot;
  const std::uint64_t floor = reader().begin();
  for (const auto& one : readers_) {
    EXPECT_FALSE(one->read(floor, snapshot));
  }
  poll();
  poll();
  EXPECT_EQ(publisher_.snapshots(), 1U);
  for (const auto& one : readers_) {
    EXPECT_TRUE(one->read(floor, snapshot));
  }
}

TEST_F(Depth, AnIdleWriterAnswersAtItsNextPoll) {
  run(limit(buy, 1, 100, 7));
  poll(10);
  DepthSnapshot snapshot;
  const std::uint64_t floor = reader().begin();
  EXPECT_FALSE(reader().read(floor, snapshot));
  poll(11);
  EXPECT_TRUE(reader().read(floor, snapshot));
}

TEST_F(Depth, ASleepingWriterHasLeftEverythingBehind) {
  run(limit(buy, 3, 100, 7));
  publisher_.settle(market_.market(), market_.sequence());
  DepthReader stranger(*region_, nullptr, 0);
  DepthSnapshot snapshot;
  EXPECT_TRUE(stranger.read(stranger.begin(), snapshot));
  expect_shows_the_book(snapshot, depth_levels, depth_orders);
  EXPECT_EQ(top(), "2: 3@100 0@0");
  publisher_.settle(market_.market(), market_.sequence());
  EXPECT_EQ(publisher_.snapshots(), 1U) << "once is enough";
}

TEST_F(DepthInIntervals, SnapshotStopsAtItsLimitsAndSaysSo) {
  for (int order = 0; order < 3; ++order) {
    run(limit(buy, 1, 100, 7));
    run(limit(buy, 2, 99 - order, 7));
    run(limit(sell, 3, 105, 7));
  }
  poll(100);
  DepthSnapshot snapshot;
  const std::uint64_t floor = reader().begin();
  EXPECT_FALSE(reader().read(floor, snapshot));
  poll(200);
  ASSERT_TRUE(reader().read(floor, snapshot));
  expect_shows_the_book(snapshot, 2, 3);
  EXPECT_TRUE(snapshot.sides[0].has_more_levels);
  EXPECT_TRUE(snapshot.sides[0].has_more_orders);
  EXPECT_FALSE(snapshot.sides[1].has_more_levels);
  EXPECT_FALSE(snapshot.sides[1].has_more_orders) << "three of three";
}

TEST_F(DepthInIntervals, ReadersCostOneAnswerInAnIntervalWhateverTheyAskFor) {
  std::uint64_t answers = 0;
  for (std::uint64_t stamp = 1; stamp <= 10'000; ++stamp) {
    run(limit(buy, 1, 100, 7, wire::TimeInForce::ioc));
    for (std::uint32_t lane = 0; lane < depth_lanes; ++lane) {
      requests_[lane].raised.fetch_add(1 + lane);
      requests_[lane].page.store(stamp << 32 | stamp * 0x9E37'79B9);
    }
    poll(stamp);
    const std::uint64_t now = publisher_.snapshots() + publisher_.pages();
    EXPECT_LE(now - answers, 1U);
    answers = now;
  }
  EXPECT_EQ(answers, 100U);
}

TEST_F(DepthInIntervals, AReaderThatAsksAllTheTimeKeepsNobodyFromAnAnswer) {
  DepthPage page;
  DepthSnapshot snapshot;
  run(limit(buy, 1, 100, 7));
  poll(0);
  reader(1).ask_page(buy, PriceTicks{100});
  const std::uint64_t floor = reader(2).begin();
  EXPECT_FALSE(reader(2).read(floor, snapshot));
  for (std::uint64_t turn = 1; turn <= depth_lanes + 1; ++turn) {
    requests_[0].raised.fetch_add(1);
    requests_[0].page.store(turn << 32 | 100);
    run(limit(buy, 1, 90, 7));
    poll(turn * 100);
  }
  EXPECT_TRUE(reader(1).page(page));
  EXPECT_TRUE(reader(2).read(floor, snapshot));
}

TEST_F(Depth, ARequestThatSomebodyTakesBackIsRaisedAgain) {
  run(limit(buy, 1, 100, 7));
  poll();
  DepthSnapshot snapshot;
  const std::uint64_t floor = reader().begin();
  EXPECT_FALSE(reader().read(floor, snapshot));
  for (int tried = 0; tried < 64; ++tried) {
    if (tried == 0) {
      requests_[0].raised.store(0);
    }
    poll();
    EXPECT_FALSE(reader().read(floor, snapshot));
  }
  poll();
  EXPECT_TRUE(reader().read(floor, snapshot));
}

TEST_F(Depth, PageHoldsWholeLevelsFromAPriceOn) {
  for (int order = 0; order < 300; ++order) {
    run(limit(sell, 1 + static_cast<std::uint32_t>(order), 100 + order / 30 * 2, 7));
  }
  const DepthPage first = page(sell, 1);
  EXPECT_EQ(first.count, 240U);
  EXPECT_EQ(first.next, PriceTicks{116}) << "the ninth level would not fit whole";
  EXPECT_FALSE(first.is_cut);
  EXPECT_EQ(first.sequence, market_.sequence());
  for (std::uint32_t place = 0; place < first.count; ++place) {
    EXPECT_EQ(first.orders[place].price.value(), 100 + place / 30 * 2);
    EXPECT_EQ(first.orders[place].lots.value(), 1 + place);
    EXPECT_EQ(first.orders[place].id.value(), id(1, place + 1));
  }
  const DepthPage second = page(sell, 116);
  EXPECT_EQ(second.count, 60U);
  EXPECT_EQ(second.orders[0].lots.value(), 241U);
  EXPECT_EQ(second.next, PriceTicks{0});
  EXPECT_EQ(page(sell, 117).orders[0].price, PriceTicks{118}) << "a price without orders";
  EXPECT_EQ(page(sell, 119).count, 0U);
  EXPECT_EQ(page(buy, 1000).count, 0U);
}

TEST_F(Depth, PageCutsALevelThatNoPageCanHoldAndGoesOnBehindIt) {
  for (std::uint32_t order = 0; order < depth_page_orders + 5; ++order) {
    run(limit(buy, 1 + order, 100, 7));
  }
  run(limit(buy, 9, 98, 7));
  const DepthPage first = page(buy, 0x7FFF'FFFE);
  EXPECT_EQ(first.count, depth_page_orders);
  EXPECT_TRUE(first.is_cut);
  EXPECT_EQ(first.orders[depth_page_orders - 1].lots.value(), depth_page_orders);
  EXPECT_EQ(first.next, PriceTicks{98});
  const DepthPage second = page(buy, 98);
  EXPECT_EQ(second.count, 1U);
  EXPECT_FALSE(second.is_cut);
  EXPECT_EQ(second.next, PriceTicks{0});
}

TEST_F(Depth, PageThatExactlyFitsIsNotCut) {
  for (std::uint32_t order = 0; order < depth_page_orders; ++order) {
    run(limit(buy, 1, 100, 7));
  }
  const DepthPage only = page(buy, 100);
  EXPECT_EQ(only.count, depth_page_orders);
  EXPECT_FALSE(only.is_cut);
  EXPECT_EQ(only.next, PriceTicks{0});
}

TEST_F(Depth, ANewReaderOfALaneTakesNoAnswerThatItsPredecessorAskedFor) {
  run(limit(buy, 1, 100, 7));
  EXPECT_EQ(page(buy, 100).count, 1U);
  run(limit(buy, 1, 100, 7));
  DepthReader heir(*region_, &requests_[0], 0);
  heir.ask_page(buy, PriceTicks{100});
  DepthPage page;
  EXPECT_FALSE(heir.page(page));
  poll();
  ASSERT_TRUE(heir.page(page));
  EXPECT_EQ(page.count, 2U);
}

TEST_F(Depth, ACopyThatIsOvertakenIsVoid) {
  run(limit(buy, 1, 100, 7));
  poll();
  EXPECT_EQ(read().sequence, 2U);
  const SnapshotBoardReader slow(region_->board);
  // Between two words of the copy the writer makes `snapshots` more.
  const auto copy_during = [&](std::size_t snapshots) {
    std::uint64_t sequence = 0;
    return slow.read(0, sequence, [&](auto&& get) {
      get(SnapshotWords::level_counts);
      for (std::size_t made = 0; made < snapshots; ++made) {
        run(limit(buy, 1, 100, 7));
        publisher_.settle(market_.market(), market_.sequence());
      }
      get(SnapshotWords::level(0, 0));
    });
  };
  EXPECT_TRUE(copy_during(depth_buffers - 1)) << "a reader has the time of several snapshots";
  EXPECT_FALSE(copy_during(depth_buffers));
}

// Random books against what the orders themselves say.
TEST_F(Depth, SnapshotsAndPagesShowTheBookAfterAnyCommands) {
  constexpr std::uint64_t seed = 20'240'607;
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> ids;
  for (int step = 0; step < 3'000; ++step) {
    const wire::Side side = random() % 2 == 0 ? buy : sell;
    const auto price = static_cast<std::int32_t>(470 + (side == buy ? 0 : 10) + random() % 60);
    if (random() % 3 != 0 || ids.empty()) {
      ids.push_back(
          run(limit(side, static_cast<std::uint32_t>(1 + random() % 9), price, 7)).order_id);
    } else {
      run(cancel(ids[random() % ids.size()], 7));
    }
    if (step % 7 != 0) {
      continue;
    }
    poll();
    expect_shows_the_book(read(), depth_levels, depth_orders);
    // All pages of a side, one after the other, are all its orders.
    std::vector<std::array<std::uint64_t, 3>> orders;
    PriceTicks from = market_.market().quote(side).price;
    do {
      const DepthPage one = page(side, from.value());
      EXPECT_FALSE(one.is_cut);
      for (std::uint32_t place = 0; place < one.count; ++place) {
        const DepthOrder& order = one.orders[place];
        orders.push_back({order.id.value(), order.price.value(), order.lots.value()});
      }
      from = one.next;
    } while (from != PriceTicks{0});
    ASSERT_TRUE(orders == reference_side(market_.market(), side, 5'000, 5'000).orders);
  }
}

}  // namespace
}  // namespace meridian::engine
