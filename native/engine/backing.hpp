// How far the pools of a market have memory behind them. They are sized at the start, by address;
// what is used of them grows, and somebody else puts memory there before it is touched: an engine
// that ran into a page without memory would stand still in the kernel. How much is there never
// decides what a command gets: refusals go by the configured capacity and the sizes of README.md
// alone, so that a replay refuses as the live run did.
#pragma once
#include <cstddef>
#include <cstdint>

namespace meridian::engine {

// Elements: orders, or level pages of a side of a book.
enum class GrowingPool : std::uint8_t { orders, lit_buys, lit_sells, dark_buys, dark_sells };
inline constexpr std::size_t growing_pool_count = 5;

// Whoever puts the memory there.
struct Backing {
  // Elements of the pool that may be used before it is asked again: more than `used`, which are in
  // use now. Waits for memory where there is none. Called rarely, by the engine's thread.
  using More = std::uint32_t (*)(void* context, GrowingPool pool, std::uint32_t used) noexcept;

  void* context;
  More more;
};

// A pool's view of it.
class BackedPool {
 public:
  // Without a backing everything is there, or comes when it is touched.
  BackedPool(const Backing* backing, GrowingPool pool) noexcept
      : backing_(backing), pool_(pool), ready_(backing == nullptr ? 0xFFFFFFFF : 0) {}

  // Before element number `used` is taken for the first time.
  void prepare(std::uint32_t used) noexcept {
    if (used >= ready_) [[unlikely]] {
      ready_ = backing_->more(backing_->context, pool_, used);
    }
  }

 private:
  const Backing* backing_;
  GrowingPool pool_;
  std::uint32_t ready_;
};

// A part of a market's memory. `count` elements of `element_bytes`; of a growing pool those in use
// come first, elsewhere all of them may be touched at any time.
struct MemoryPart {
  std::byte* begin;
  std::size_t element_bytes;
  std::size_t count;
  bool is_growing;
  GrowingPool pool;  // when growing
  bool is_random;    // touched all over in no order: large pages pay
};

}  // namespace meridian::engine
