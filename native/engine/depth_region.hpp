// What a market shows of its book to other threads and processes: plain words in shared memory.
//
// Two kinds of memory, so that a reader can do no harm:
// - DepthRegion, stored to by the market's writer only; readers map it read-only.
// - DepthRequests, one page for each reading process, stored to by that process only. The writer
//   loads it and believes nothing of it: whatever stands there costs it at most one snapshot or one
//   page of orders in each interval (depth.hpp).
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/seqlock.hpp"
#include "engine/snapshot_board.hpp"

namespace meridian::engine {

inline constexpr std::uint32_t depth_levels = 32;        // most levels of a side in a snapshot
inline constexpr std::uint32_t depth_orders = 128;       // most orders of a side in a snapshot
inline constexpr std::uint32_t depth_page_orders = 256;  // most orders in a page
inline constexpr std::uint32_t depth_lanes = 4;          // reading processes
inline constexpr std::size_t depth_buffers = 4;

// Where the words of a snapshot lie. `counts` hold the bids' in their low and the asks' in their
// high 32 bits.
struct SnapshotWords {
  static constexpr std::size_t level_counts = 0;
  static constexpr std::size_t order_counts = 1;
  static constexpr std::size_t more = 2;    // bit 0 / 1: the bids / asks have more levels,
                                            // bit 2 / 3: more orders than are shown
  static constexpr std::size_t levels = 4;  // price, lots: 32 bids best first, then 32 asks
  static constexpr std::size_t orders = levels + std::size_t{2} * 2 * depth_levels;
  // id, price * 2^32 + lots: 128 bids in price-time order, then 128 asks
  static constexpr std::size_t count = orders + std::size_t{2} * 2 * depth_orders;

  static constexpr std::size_t level(std::size_t side, std::size_t place) noexcept {
    return levels + 2 * (side * depth_levels + place);
  }
  static constexpr std::size_t order(std::size_t side, std::size_t place) noexcept {
    return orders + 2 * (side * depth_orders + place);
  }
};

// Best bid and offer. Stored to only when one of the four numbers has changed.
struct alignas(depth_separation_bytes) DepthTop {
  SharedWord version;
  SharedWord sequence;  // of the state in which it was seen changed
  SharedWord prices;    // bid in the low, ask in the high 32 bits; 0 while the side is empty
  SharedWord bid_lots;
  SharedWord ask_lots;
};

using DepthBoard = SnapshotBoard<SharedWord, depth_buffers, SnapshotWords::count>;

// The answer to the last page request of one reader.
struct alignas(depth_separation_bytes) DepthPageSlot {
  SharedWord version;
  SharedWord request;                        // the request that this answers
  SharedWord sequence;                       // of the state
  SharedWord count;                          // orders
  SharedWord next;                           // price of the first level that was left out; 0: none
  SharedWord is_cut;                         // 1: the first level has more orders than a page
  SharedWord orders[2 * depth_page_orders];  // id, price * 2^32 + lots, in price-time order
};

// All zero but for the first line is the empty book of sequence 0.
struct DepthRegion {
  static constexpr std::uint64_t expected_magic = 0x3154'5045'4452'454DULL;  // "MERDEPT1"

  std::uint64_t magic = expected_magic;  // changes with the layout; never stored to again
  DepthTop top;
  DepthBoard board;
  DepthPageSlot pages[depth_lanes];
};

// A page request: number * 2^32 + side * 2^31 + price. The number is the reader's and never 0.
struct DepthRequests {
  // Added to by the reader: it wants a snapshot of a later state than it finds.
  alignas(depth_separation_bytes) std::atomic<std::uint32_t> raised;
  // Stored by the reader: it wants the orders of a side from this price on.
  SharedWord page;
};

static_assert(std::is_standard_layout_v<DepthRegion> && std::is_standard_layout_v<DepthRequests>);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(offsetof(DepthTop, version) == 0 && offsetof(DepthTop, sequence) == 8);
static_assert(offsetof(DepthTop, prices) == 16 && offsetof(DepthTop, bid_lots) == 24);
static_assert(offsetof(DepthTop, ask_lots) == 32, "the top lies in one cache line");
static_assert(offsetof(DepthBoard, applied) == 0 && offsetof(DepthBoard, latest) == 128);
static_assert(offsetof(DepthBoard, buffers) == 256 && sizeof(DepthBoard::Buffer) == 5248);
static_assert(offsetof(DepthBoard::Buffer, version) == 0 &&
              offsetof(DepthBoard::Buffer, sequence) == 8 &&
              offsetof(DepthBoard::Buffer, words) == 16);
static_assert(SnapshotWords::orders == 132 && SnapshotWords::count == 644);
static_assert(offsetof(DepthPageSlot, request) == 8 && offsetof(DepthPageSlot, sequence) == 16);
static_assert(offsetof(DepthPageSlot, count) == 24 && offsetof(DepthPageSlot, next) == 32);
static_assert(offsetof(DepthPageSlot, is_cut) == 40 && offsetof(DepthPageSlot, orders) == 48);
static_assert(offsetof(DepthRegion, top) == 128 && offsetof(DepthRegion, board) == 256);
static_assert(offsetof(DepthRegion, pages) == 21504 && sizeof(DepthPageSlot) == 4224);
static_assert(sizeof(DepthRegion) == 38400);
static_assert(offsetof(DepthRequests, raised) == 0 && offsetof(DepthRequests, page) == 8);

}  // namespace meridian::engine
