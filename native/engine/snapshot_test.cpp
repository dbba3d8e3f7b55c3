// The state as bytes and back. That every kind of order goes on as before is in
// features_random_test.cpp.
#include <vector>

#include "engine/byte_stream.hpp"
#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

std::vector<std::byte> saved(const Market& market) {
  std::vector<std::byte> bytes(market.saved_bytes());
  EXPECT_EQ(market.save(bytes), bytes.size());
  return bytes;
}

bool is_restored(const std::vector<std::byte>& bytes) {
  const LazyMemory memory(Market::arena_bytes());
  Market market(memory.bytes());
  return market.restore(bytes);
}

void fill(TestMarket& market) {
  for (std::uint32_t number = 1; number <= 20; ++number) {
    const auto price = static_cast<std::int32_t>(number);
    market.run(in_session(limit(buy, 10 + number, 100 + price % 3, number % 4 + 1), 7, number));
    market.run(in_session(limit(sell, 3, 99 + price, 1), 8, number));
  }
}

TEST(Snapshot, KeepsSessionsSlotsAndTheirOrder) {
  TestMarket market(100);
  TestMarket again(100);
  fill(market);
  fill(again);
  again.restart();
  EXPECT_EQ(market.digest(), again.digest());
  EXPECT_EQ(market.resting(buy), again.resting(buy));
  const wire::Command resent = in_session(limit(buy, 1, 1, 1), 7, 5);
  EXPECT_EQ(market(resent), again(resent));
  for (int count = 0; count < 30; ++count) {
    const wire::Command order = limit(count % 2 == 0 ? buy : sell, 40, 100, 2);
    EXPECT_EQ(market(order), again(order));
    EXPECT_EQ(market.digest(), again.digest());
  }
}

TEST(Snapshot, OfANewMarketIsANewMarket) {
  TestMarket market;
  market.restart();
  EXPECT_EQ(market(configure(1, 10, 10, 10)), "configured 1..10");
}

TEST(Snapshot, DoesNotFitIntoLess) {
  TestMarket market(10);
  std::vector<std::byte> bytes(market.market().saved_bytes() - 1);
  EXPECT_EQ(market.market().save(bytes), 0U);
}

TEST(Snapshot, IsRefusedWithAnyByteChangedOrMissing) {
  TestMarket market(100);
  fill(market);
  const std::vector<std::byte> whole = saved(market.market());
  EXPECT_TRUE(is_restored(whole));
  for (std::size_t at = 0; at < whole.size(); at += 61) {
    std::vector<std::byte> damaged = whole;
    damaged[at] ^= std::byte{0x10};
    EXPECT_FALSE(is_restored(damaged)) << at;
  }
  EXPECT_FALSE(is_restored({whole.begin(), whole.end() - 1}));
  EXPECT_FALSE(is_restored({}));
}

// The checksum is no secret: whoever changes the bytes can make it anew.
TEST(Snapshot, IsRefusedWhenForgedWithARightChecksum) {
  TestMarket market(100);
  fill(market);
  const std::vector<std::byte> whole = saved(market.market());
  std::uint32_t restored = 0;
  for (std::size_t at = 0; at + 8 < whole.size(); ++at) {
    std::vector<std::byte> forged = whole;
    forged[at] ^= std::byte{0x81};
    std::uint64_t checksum = empty_checksum;
    for (const std::byte byte : std::span(forged).first(forged.size() - 8)) {
      checksum = add_to_checksum(checksum, byte);
    }
    for (unsigned byte = 0; byte < 8; ++byte) {
      forged[forged.size() - 8 + byte] = static_cast<std::byte>(checksum >> (8 * byte) & 0xFF);
    }
    const LazyMemory memory(Market::arena_bytes());
    Market again(memory.bytes());
    if (again.restore(forged)) {
      ++restored;
      ASSERT_TRUE(again.verify()) << at;
    }
  }
  // In fields that the digest does not cover: the time, trades that could be busted.
  EXPECT_LT(restored, whole.size() / 4);
}

TEST(Snapshot, GoesIntoANewMarketOnly) {
  TestMarket market(100);
  const std::vector<std::byte> bytes = saved(market.market());
  EXPECT_FALSE(market.market().restore(bytes));
}

}  // namespace
}  // namespace meridian::engine
