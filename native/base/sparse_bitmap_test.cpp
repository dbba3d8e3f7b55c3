#include "base/sparse_bitmap.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace meridian {
namespace {

struct alignas(64) Line {
  std::byte bytes[64];
};

template <unsigned LogSize>
struct Fixture {
  using Bitmap = SparseBitmap<LogSize>;
  std::vector<Line> lines = std::vector<Line>(Bitmap::arena_bytes() / 64);
  Arena arena{{lines.front().bytes, lines.size() * 64}};
  Bitmap bitmap{arena};
};

TEST(SparseBitmap, FindsNoNeighboursWhenEmpty) {
  Fixture<13> one;
  EXPECT_EQ(one.bitmap.next_above(0), SparseBitmap<13>::none);
  EXPECT_EQ(one.bitmap.next_below((1U << 13) - 1), SparseBitmap<13>::none);
  EXPECT_TRUE(one.bitmap.verify());
}

TEST(SparseBitmap, ExcludesTheStartFromItsNeighbours) {
  Fixture<13> one;
  one.bitmap.insert(63);
  one.bitmap.insert(64);
  EXPECT_EQ(one.bitmap.next_above(63), 64U);
  EXPECT_EQ(one.bitmap.next_below(64), 63U);
  EXPECT_EQ(one.bitmap.next_above(64), SparseBitmap<13>::none);
  EXPECT_EQ(one.bitmap.next_below(63), SparseBitmap<13>::none);
}

TEST(SparseBitmap, FindsNeighboursAcrossTheWholeRange) {
  Fixture<25> one;
  const std::uint32_t highest = (1U << 25) - 1;
  one.bitmap.insert(0);
  one.bitmap.insert(highest);
  EXPECT_EQ(one.bitmap.next_above(0), highest);
  EXPECT_EQ(one.bitmap.next_below(highest), 0U);
  one.bitmap.erase(0);
  EXPECT_EQ(one.bitmap.next_below(highest), SparseBitmap<25>::none);
  EXPECT_TRUE(one.bitmap.verify());
}

// The reference is a set; every neighbour is compared.
template <unsigned LogSize>
void compare_with_set(std::uint64_t seed, std::uint32_t spread) {
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  Fixture<LogSize> one;
  std::set<std::uint32_t> members;
  std::uint64_t random = seed;
  const auto draw = [&] {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((random >> 33) % ((1U << LogSize) / spread) * spread);
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t member = draw();
    if ((random >> 20 & 1) != 0) {
      one.bitmap.insert(member);
      members.insert(member);
    } else {
      one.bitmap.erase(member);
      members.erase(member);
    }
    const std::uint32_t from = draw();
    const auto above = members.upper_bound(from);
    const auto lower = members.lower_bound(from);
    ASSERT_EQ(one.bitmap.contains(from), members.contains(from));
    ASSERT_EQ(one.bitmap.next_above(from),
              above == members.end() ? SparseBitmap<LogSize>::none : *above);
    ASSERT_EQ(one.bitmap.next_below(from),
              lower == members.begin() ? SparseBitmap<LogSize>::none : *std::prev(lower));
  }
  EXPECT_TRUE(one.bitmap.verify());
}

TEST(SparseBitmap, AgreesWithASetWhenDense) { compare_with_set<6>(1, 1); }
TEST(SparseBitmap, AgreesWithASetInTwoLevels) { compare_with_set<12>(2, 16); }
TEST(SparseBitmap, AgreesWithASetOfUnevenSize) { compare_with_set<13>(3, 1); }
TEST(SparseBitmap, AgreesWithASetWhenSparse) { compare_with_set<25>(4, 1U << 17); }

TEST(Arena, HandsOutZeroedLinesOfTheCache) {
  std::vector<Line> lines(3);
  Arena arena({lines.front().bytes, lines.size() * 64});
  const auto* first = arena.take<std::uint64_t>(9);
  const auto* second = arena.take<std::uint32_t>(16);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(second) - reinterpret_cast<const std::byte*>(first),
            128);
  EXPECT_EQ(first[8], 0U);
}

TEST(ArenaDeathTest, StopsWhenItIsTooSmall) {
  std::vector<Line> lines(1);
  Arena arena({lines.front().bytes, 64});
  EXPECT_DEATH(arena.take<std::uint64_t>(9), "");
}

}  // namespace
}  // namespace meridian
