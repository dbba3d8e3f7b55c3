// The price levels of one side of a book: an array over every price there is, cut into pages so
// that memory follows the occupied levels and not the width of the band.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/ensure.hpp"
#include "base/sparse_bitmap.hpp"
#include "base/units.hpp"
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
           Arena::bytes_of<Page>(page_count) + Arena::bytes_of<std::uint32_t>(key_count) +
           PagedKeys::arena_bytes();
  }

  explicit PriceLadder(Arena& arena) noexcept
      : levels_(arena.take<Level>(std::size_t{page_count} * levels_per_page)),
        pages_(arena.take<Page>(page_count)),
        directory_(arena.take<std::uint32_t>(key_count)),
        keys_(arena) {}

  [[nodiscard]] std::uint32_t occupied() const noexcept { return occupied_; }

  // The level at `price`; an empty one when no order rests there.
  [[nodiscard]] Level& at(PriceTicks price) noexcept {
    return levels_[level_index(directory_[key_of(price)], price)];
  }
  [[nodiscard]] const Level& at(PriceTicks price) const noexcept {
    return levels_[level_index(directory_[key_of(price)], price)];
  }

  // A level without orders, for whoever needs one.
  [[nodiscard]] const Level& empty_level() const noexcept { return levels_[no_page]; }

  [[nodiscard]] bool is_occupied(PriceTicks price) const noexcept {
    return at(price).head != no_slot;
  }

  // The level at `price`, counted as occupied from now on: the caller puts an order into it.
  // Fewer than highest_occupied levels are occupied, or this one is.
  [[nodiscard]] Level& occupy(PriceTicks price) noexcept {
    const std::uint32_t key = key_of(price);
    std::uint32_t number = directory_[key];
    if (number == no_page) [[unlikely]] {
      number = take_page(key);
      directory_[key] = number;
    }
    pages_[number].occupancy |= bit_of(price);
    Level& level = levels_[level_index(number, price)];
    occupied_ += level.head == no_slot ? 1U : 0U;
    return level;
  }

  // The level at `price` has no orders any more; its lots are 0.
  void vacate(PriceTicks price) noexcept {
    const std::uint32_t key = key_of(price);
    const std::uint32_t number = directory_[key];
    Page& page = pages_[number];
    page.occupancy &= ~bit_of(price);
    --occupied_;
    if (page.occupancy == 0) [[unlikely]] {
      page.next_free = first_free_page_;
      first_free_page_ = number;
      directory_[key] = no_page;
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

  // Whether pages, directory, bitmap and counts agree and free pages are empty.
  [[nodiscard]] bool verify() const noexcept;

 private:
  static constexpr std::uint32_t levels_per_page = 64;
  static constexpr unsigned log_keys = 25;
  static constexpr std::uint32_t key_count = 1U << log_keys;  // 2^31 prices
  static constexpr std::uint32_t no_page = 0;
  static constexpr std::uint32_t page_count = highest_occupied + 1;  // page 0 stays empty
  using PagedKeys = SparseBitmap<log_keys>;

  struct Page {
    std::uint64_t occupancy;  // bit n: the level of price key * 64 + n has orders
    std::uint32_t key;        // price / 64, while in use
    std::uint32_t next_free;  // while free
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
    return pages_[directory_[key]].occupancy;
  }

  [[nodiscard]] std::uint32_t take_page(std::uint32_t key) noexcept {
    std::uint32_t number = first_free_page_;
    if (number != no_page) {
      first_free_page_ = pages_[number].next_free;
    } else {
      ensure(lowest_unused_page_ < page_count);
      number = lowest_unused_page_++;
    }
    pages_[number].key = key;
    keys_.insert(key);
    return number;
  }

  Level* levels_;
  Page* pages_;
  std::uint32_t* directory_;  // price / 64 -> page, no_page when no level there is occupied
  PagedKeys keys_;            // the keys that have a page
  std::uint32_t occupied_ = 0;
  std::uint32_t first_free_page_ = no_page;
  std::uint32_t lowest_unused_page_ = 1;
};

}  // namespace meridian::engine
