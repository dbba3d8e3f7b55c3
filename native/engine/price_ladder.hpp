// The price levels of one side of a book, for every price there is. Levels lie in pages of 64
// prices, so that memory follows the occupied levels and not the width of the band. The page of a
// price is found through a window of 2^16 pages, 4 million ticks: each of its places names the page
// in use that is nearest to the touch, and the others whose prices lie a multiple of the window
// apart wait behind it in a list. So prices far away, up to the ends of what can be said, cost what
// they are worth, and as the touch moves the window moves with it, page by page.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "base/sparse_bitmap.hpp"
#include "base/units.hpp"
#include "engine/backing.hpp"
#include "engine/order_pool.hpp"

namespace meridian::engine {

// Orders at one price in time order.
struct Level {
  OrderSlot head;  // oldest; no_slot when the level is empty
  OrderSlot tail;  // youngest
  TotalLots lots;  // what the orders show; in a dark book what they have
};
static_assert(sizeof(Level) == 16);

// A page is 64 consecutive prices, as many as one word of occupancy. There are as many pages as
// occupied levels allowed, so that pages run out never before levels do, even with one level each.
// Aligned so that the ladder of a side is found by a shift.
class alignas(128) PriceLadder {
 public:
  static constexpr std::uint32_t highest_occupied = 1U << 16;

  static constexpr std::size_t arena_bytes() noexcept {
    return Arena::bytes_of<Level>(std::size_t{page_count} * levels_per_page) +
           Arena::bytes_of<Page>(page_count) + Arena::bytes_of<std::uint32_t>(window_size) +
           PagedKeys::arena_bytes();
  }

  PriceLadder(Arena& arena, const Backing* backing, GrowingPool pool) noexcept
      : levels_(arena.take<Level>(std::size_t{page_count} * levels_per_page)),
        pages_(arena.take<Page>(page_count)),
        window_(arena.take<std::uint32_t>(window_size)),
        keys_(arena),
        backed_(backing, pool) {}

  // Calls visitor(part) for the memory of the ladder's pages; the rest of it does not grow.
  template <class Visitor>
  void visit_pages(GrowingPool pool, Visitor&& visitor) const noexcept {
    const auto part = [&](auto* elements, std::size_t element_bytes) {
      visitor(MemoryPart{.begin = reinterpret_cast<std::byte*>(elements),
                         .element_bytes = element_bytes,
                         .count = page_count,
                         .is_growing = true,
                         .pool = pool,
                         .is_random = false});
    };
    part(levels_, sizeof(Level) * levels_per_page);
    part(pages_, sizeof(Page));
  }

  [[nodiscard]] std::uint32_t occupied() const noexcept { return occupied_; }

  // The level at `price`; an empty one when no order rests there.
  [[nodiscard]] Level& at(PriceTicks price) noexcept {
    return levels_[level_index(number_of(key_of(price)), price)];
  }
  [[nodiscard]] const Level& at(PriceTicks price) const noexcept {
    return levels_[level_index(number_of(key_of(price)), price)];
  }

  // A level without orders, for whoever needs one.
  [[nodiscard]] const Level& empty_level() const noexcept { return levels_[no_page]; }

  [[nodiscard]] bool is_occupied(PriceTicks price) const noexcept {
    return at(price).head != no_slot;
  }

  // The level at `price`, counted as occupied from now on: the caller puts an order into it.
  // Fewer than highest_occupied levels are occupied, or this one is. `touch` is the best price of
  // the side, or any price when it is empty.
  [[nodiscard]] Level& occupy(PriceTicks price, PriceTicks touch) noexcept {
    const std::uint32_t key = key_of(price);
    std::uint32_t number = window_[key % window_size];
    if (number == no_page || pages_[number].key != key) [[unlikely]] {
      number = take_or_find_page(key, key_of(touch));
    }
    pages_[number].occupancy |= bit_of(price);
    Level& level = levels_[level_index(number, price)];
    occupied_ += level.head == no_slot ? 1U : 0U;
    return level;
  }

  // The level at `price` has no orders any more; its lots are 0.
  void vacate(PriceTicks price) noexcept {
    const std::uint32_t key = key_of(price);
    const std::uint32_t number = number_of(key);
    Page& page = pages_[number];
    page.occupancy &= ~bit_of(price);
    --occupied_;
    if (page.occupancy == 0) [[unlikely]] {
      unlink(key, number);
      page.next = first_free_page_;
      first_free_page_ = number;
      keys_.erase(key);
    }
  }

  // The nearest occupied price above, or above_every_price.
  [[nodiscard]] PriceTicks next_above(PriceTicks price) const noexcept {
    const std::uint32_t key = key_of(price);
    const std::uint64_t found =
        occupancy_of(key) & ((~std::uint64_t{0} << (price.value() % levels_per_page)) << 1);
    if (found != 0) [[likely]] {
      return lowest_in(key, found);
    }
    const std::uint32_t other = keys_.next_above(key);
    return other == PagedKeys::none ? above_every_price : lowest_in(other, occupancy_of(other));
  }

  // The nearest occupied price below, or below_every_price.
  [[nodiscard]] PriceTicks next_below(PriceTicks price) const noexcept {
    const std::uint32_t key = key_of(price);
    const std::uint64_t found = occupancy_of(key) & (bit_of(price) - 1);
    if (found != 0) [[likely]] {
      return highest_in(key, found);
    }
    const std::uint32_t other = keys_.next_below(key);
    return other == PagedKeys::none ? below_every_price : highest_in(other, occupancy_of(other));
  }

  // Whether pages, window, bitmap and counts agree and free pages are empty.
  [[nodiscard]] bool verify() const noexcept;

 private:
  static constexpr std::uint32_t levels_per_page = 64;
  static constexpr unsigned log_keys = 25;
  static constexpr std::uint32_t window_size = 1U << 16;
  static constexpr std::uint32_t no_page = 0;
  static constexpr std::uint32_t page_count = highest_occupied + 1;  // page 0 stays empty
  using PagedKeys = SparseBitmap<log_keys>;

  struct Page {
    std::uint64_t occupancy;  // bit n: the level of price key * 64 + n has orders
    std::uint32_t key;        // price / 64, while in use
    std::uint32_t next;       // behind it at the same place of the window; the next free one
  };
  static_assert(sizeof(Page) == 16);

  static std::uint32_t key_of(PriceTicks price) noexcept { return price.value() / levels_per_page; }
  static std::uint64_t bit_of(PriceTicks price) noexcept {
    return std::uint64_t{1} << (price.value() % levels_per_page);
  }
  static std::size_t level_index(std::uint32_t page, PriceTicks price) noexcept {
    return std::size_t{page} * levels_per_page + price.value() % levels_per_page;
  }
  static PriceTicks lowest_in(std::uint32_t key, std::uint64_t occupancy) noexcept {
    return PriceTicks{key * levels_per_page +
                      static_cast<std::uint32_t>(std::countr_zero(occupancy))};
  }
  static PriceTicks highest_in(std::uint32_t key, std::uint64_t occupancy) noexcept {
    return PriceTicks{key * levels_per_page + 63 -
                      static_cast<std::uint32_t>(std::countl_zero(occupancy))};
  }

  [[nodiscard]] std::uint64_t occupancy_of(std::uint32_t key) const noexcept {
    return pages_[number_of(key)].occupancy;
  }

  // The page of a key, no_page when no level there is occupied.
  [[nodiscard]] std::uint32_t number_of(std::uint32_t key) const noexcept {
    std::uint32_t number = window_[key % window_size];
    while (number != no_page && pages_[number].key != key) [[unlikely]] {
      number = pages_[number].next;
    }
    return number;
  }

  // A new page for the key, or the one that stands behind another in the window.
  [[nodiscard, gnu::noinline]] std::uint32_t take_or_find_page(std::uint32_t key,
                                                               std::uint32_t touch) noexcept {
    std::uint32_t number = number_of(key);
    if (number == no_page) {
      number = take_page();
      pages_[number].key = key;
      keys_.insert(key);
    } else {
      unlink(key, number);
    }
    std::uint32_t* place = &window_[key % window_size];
    const auto distance = [touch](std::uint32_t from) noexcept {
      return from > touch ? from - touch : touch - from;
    };
    if (*place != no_page && distance(pages_[*place].key) < distance(key)) {
      place = &pages_[*place].next;
    }
    pages_[number].next = *place;
    *place = number;
    return number;
  }

  // Takes a page out of its place in the window.
  void unlink(std::uint32_t key, std::uint32_t number) noexcept {
    std::uint32_t* place = &window_[key % window_size];
    while (*place != number) {
      place = &pages_[*place].next;
    }
    *place = pages_[number].next;
  }

  [[nodiscard]] std::uint32_t take_page() noexcept {
    const std::uint32_t number = first_free_page_;
    if (number != no_page) {
      first_free_page_ = pages_[number].next;
      return number;
    }
    ensure(lowest_unused_page_ < page_count);
    backed_.prepare(lowest_unused_page_);
    return lowest_unused_page_++;
  }

  Level* levels_;
  Page* pages_;
  std::uint32_t* window_;  // key modulo window_size -> first page there, or no_page
  PagedKeys keys_;         // the keys that have a page
  BackedPool backed_;
  std::uint32_t occupied_ = 0;
  std::uint32_t first_free_page_ = no_page;
  std::uint32_t lowest_unused_page_ = 1;
};

}  // namespace meridian::engine
