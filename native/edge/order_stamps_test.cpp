#include "edge/order_stamps.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "edge/support/client.hpp"
#include "edge/support/edge_market.hpp"

namespace meridian::edge {
namespace {

using order_entry::member_of;
using order_entry::order_of;

constexpr std::uint64_t everything = std::uint64_t{1} << 32U;

std::atomic<std::uint64_t> clock_readings{0};
std::uint64_t counting_clock() noexcept {
  // Only this thread looks at it.
  return clock_readings.fetch_add(1, std::memory_order_relaxed) + 1;
}

// An edge that stamps this part of the commands, and a member who trades.
class Stamps : public testing::Test {
 protected:
  void start(std::uint64_t picked) {
    clock_readings.store(0, std::memory_order_relaxed);
    EdgeOptions options = test_options();
    options.stamps = {.picked = picked, .clock = counting_clock};
    market = std::make_unique<EdgeMarket>(
        Backend::epoll, std::vector{member_of("alice", 1), member_of("bob", 2)}, options);
    ASSERT_NE(market->network, nullptr) << market->reason;
    alice = std::make_unique<Client>(market->network->port());
    alice->log_in("alice");
    hears("AS");
  }
  void hears(const std::string& letters) {
    for (int turn = 0; turn < 200'000 && alice->hear() != letters; ++turn) {
      market->turn();
    }
    EXPECT_EQ(alice->heard, letters);
    alice->heard.clear();
  }
  std::vector<OrderStamps> drain() const {
    std::vector<OrderStamps> all;
    market->edge->stamps().drain([&all](const OrderStamps& stamps) { all.push_back(stamps); });
    return all;
  }

  std::unique_ptr<EdgeMarket> market;
  std::unique_ptr<Client> alice;
};

TEST_F(Stamps, B1_4_a_picked_order_is_stamped_when_it_comes_and_when_it_is_answered) {
  start(everything);
  alice->say(order_of(1, 'S', 100, 10'000));
  hears("A");
  alice->say(order_of(2, 'B', 40, 10'000));
  hears("AEE");
  const std::vector<OrderStamps> stamps = drain();
  ASSERT_EQ(stamps.size(), 2U);
  // The first command configured the market.
  EXPECT_EQ(stamps[0].sequence, 2U);
  EXPECT_EQ(stamps[1].sequence, 3U);
  for (const OrderStamps& each : stamps) {
    EXPECT_LT(0U, each.received_ns);
    EXPECT_LT(each.received_ns, each.offered_ns);
    EXPECT_LT(each.offered_ns, each.taken_ns);
    EXPECT_LT(each.taken_ns, each.told_ns);
  }
  EXPECT_LT(stamps[0].told_ns, stamps[1].received_ns + 1);
  EXPECT_TRUE(drain().empty()) << "each is given once";
}

TEST_F(Stamps, B1_4_without_tracing_order_entry_reads_no_clock_and_keeps_nothing) {
  start(0);
  alice->say(order_of(1, 'S', 100, 10'000));
  hears("A");
  EXPECT_FALSE(market->edge->stamps().is_on());
  EXPECT_EQ(clock_readings.load(std::memory_order_relaxed), 0U);
  EXPECT_TRUE(drain().empty());
}

TEST_F(Stamps, B1_4_what_nobody_fetches_is_left_out_and_counted) {
  start(everything);
  constexpr std::uint32_t orders = OrderStampBook::waiting + 8;
  for (std::uint32_t number = 1; number <= orders; ++number) {
    alice->say(order_of(number, 'S', 1, 10'000 + 100 * number));
    hears("A");
  }
  EXPECT_EQ(market->edge->stamps().left_out(), 8U);
  EXPECT_EQ(drain().size(), OrderStampBook::waiting);
}

TEST(Picked, B1_4_a_part_of_the_commands_is_picked_by_sequence_alone) {
  // The same sequences as in schemas/order-trace.test.ts.
  std::vector<std::uint64_t> picked;
  for (std::uint64_t sequence = 1; sequence <= 64; ++sequence) {
    if (is_picked(sequence, everything / 16)) {
      picked.push_back(sequence);
    }
  }
  EXPECT_EQ(picked, (std::vector<std::uint64_t>{13, 34, 47}));
  EXPECT_FALSE(is_picked(1, 0));
  EXPECT_TRUE(is_picked(1, everything));
  EXPECT_EQ(is_picked((std::uint64_t{1} << 40U) + 5, everything / 2), is_picked(5, everything / 2));
}

}  // namespace
}  // namespace meridian::edge
