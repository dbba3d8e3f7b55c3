// Whole-state checks. Tests run them after each command; they visit everything.
#include "engine/book.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

bool OrderPool::verify(std::uint32_t resting_orders) const noexcept {
  std::uint32_t free_slots = 0;
  for (OrderSlot slot = first_free_; slot != no_slot; slot = orders_[slot.value()].next) {
    const bool is_good = slot.value() < lowest_unused_ && free_slots < lowest_unused_ &&
                         orders_[slot.value()].remaining == QuantityLots{0} && is_reusable(slot);
    if (!is_good) {
      return false;
    }
    ++free_slots;
  }
  std::uint32_t retired = 0;
  std::uint32_t resting = 0;
  for (std::uint32_t slot = 1; slot < lowest_unused_; ++slot) {
    const Order& order = orders_[slot];
    if (order.generation == 0 || order.generation > highest_generation) {
      return false;
    }
    const bool rests = order.remaining != QuantityLots{0};
    resting += rests ? 1U : 0U;
    retired += !rests && !is_reusable(OrderSlot{slot}) ? 1U : 0U;
  }
  return resting == resting_orders && free_slots + retired + resting == lowest_unused_ - 1;
}

bool PriceLadder::verify() const noexcept {
  std::uint32_t free_pages = 0;
  for (std::uint32_t page = first_free_page_; page != no_page; page = pages_[page].next_free) {
    if (page >= lowest_unused_page_ || free_pages >= lowest_unused_page_ ||
        pages_[page].occupancy != 0) {
      return false;
    }
    ++free_pages;
  }
  std::uint32_t used_pages = 0;
  std::uint32_t occupied = 0;
  for (std::uint32_t number = 0; number < lowest_unused_page_; ++number) {
    const Page& page = pages_[number];
    for (std::uint32_t level = 0; level < levels_per_page; ++level) {
      const Level& here = levels_[std::size_t{number} * levels_per_page + level];
      const bool marked = ((page.occupancy >> level) & 1) != 0;
      const bool has_orders =
          here.head != no_slot && here.tail != no_slot && here.lots != TotalLots{0};
      const bool is_empty =
          here.head == no_slot && here.tail == no_slot && here.lots == TotalLots{0};
      if (marked ? !has_orders : !is_empty) {
        return false;
      }
      occupied += marked ? 1U : 0U;
    }
    if (page.occupancy != 0) {
      ++used_pages;
      if (number == no_page || directory_[page.key] != number || !keys_.contains(page.key)) {
        return false;
      }
    }
  }
  std::uint32_t listed = keys_.contains(0) ? 1U : 0U;
  for (std::uint32_t key = keys_.next_above(0); key != PagedKeys::none;
       key = keys_.next_above(key)) {
    ++listed;
  }
  return keys_.verify() && listed == used_pages && occupied == occupied_ &&
         occupied <= highest_occupied && used_pages + free_pages == lowest_unused_page_ - 1;
}

bool Book::verify_level(wire::Side side, PriceTicks price, std::uint32_t& orders,
                        std::uint64_t& terms) const noexcept {
  const Level& level = ladder_.at(price);
  std::uint64_t lots = 0;
  OrderSlot previous = no_slot;
  for (OrderSlot slot = level.head; slot != no_slot; slot = pool_[slot].next) {
    const Order& order = pool_[slot];
    const bool is_younger = previous == no_slot || pool_[previous].priority < order.priority;
    if (order.previous != previous || order.price() != price || order.side() != side ||
        order.remaining == QuantityLots{0} || order.account == AccountId{0} || !is_younger ||
        orders == resting_orders_) {
      return false;
    }
    lots += order.remaining.value();
    terms += term_of(slot, order);
    ++orders;
    previous = slot;
  }
  return level.tail == previous && level.lots.value() == lots && lots > 0;
}

bool Book::verify() const noexcept {
  if (!pool_.verify(resting_orders_) || !ladder_.verify() ||
      best(wire::Side::buy) >= best(wire::Side::sell)) {
    return false;
  }
  std::uint32_t orders = 0;
  std::uint32_t levels = 0;
  std::uint64_t terms = 0;
  for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
    PriceTicks price = best(side);
    for (; price != nothing(side); price = worse(side, price)) {
      if (levels == ladder_.occupied() || !verify_level(side, price, orders, terms)) {
        return false;
      }
      ++levels;
    }
  }
  return orders == resting_orders_ && levels == ladder_.occupied() && terms == digest_;
}

bool Market::verify() const noexcept {
  const Touch touch{book_.quote(wire::Side::buy), book_.quote(wire::Side::sell)};
  const bool is_within_capacity = book_.resting_orders() <= rules_.capacity;
  return touch == touch_ && is_within_capacity && book_.verify() && sessions_.verify();
}

}  // namespace meridian::engine
