// Whole-state checks. Tests run them after each command; they visit everything.
#include "engine/market.hpp"

namespace meridian::engine {
bool OrderPool::verify(std::uint32_t open_orders) const noexcept {
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
  std::uint32_t open = 0;
  for (std::uint32_t slot = 1; slot < lowest_unused_; ++slot) {
    const Order& order = orders_[slot];
    if (order.generation == 0 || order.generation > highest_generation) {
      return false;
    }
    const bool is_open = order.remaining != QuantityLots{0};
    open += is_open ? 1U : 0U;
    retired += !is_open && !is_reusable(OrderSlot{slot}) ? 1U : 0U;
  }
  return open == open_orders && free_slots + retired + open == lowest_unused_ - 1;
}

bool PriceLadder::verify() const noexcept {
  std::uint32_t free_pages = 0;
  for (std::uint32_t page = first_free_page_; page != no_page; page = pages_[page].next) {
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
      if (number == no_page || number_of(page.key) != number || !keys_.contains(page.key)) {
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

bool LevelBook::verify_level(wire::Side side, PriceTicks price,
                             std::uint32_t& orders) const noexcept {
  const Level& here = level(side, price);
  std::uint64_t lots = 0;
  OrderSlot previous = no_slot;
  for (OrderSlot slot = here.head; slot != no_slot; slot = pool_[slot].next) {
    const Order& order = pool_[slot];
    // Within one command several orders can come to rest.
    const bool is_younger = previous == no_slot || pool_[previous].priority <= order.priority;
    if (order.previous != previous || order.price() != price || order.side() != side ||
        order.remaining == QuantityLots{0} || !is_younger || ++orders == 0) {
      return false;
    }
    lots += order.remaining.value();
    previous = slot;
  }
  return here.tail == previous && here.lots.value() == lots && lots > 0;
}

bool LevelBook::verify(std::uint32_t& orders) const noexcept {
  for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
    const PriceLadder& ladder = ladders_[index_of(side)];
    if (!ladder.verify()) {
      return false;
    }
    std::uint32_t levels = 0;
    for (PriceTicks price = best(side); price != no_price(side); price = worse(side, price)) {
      if (levels == ladder.occupied() || !verify_level(side, price, orders)) {
        return false;
      }
      ++levels;
    }
    if (levels != ladder.occupied()) {
      return false;
    }
  }
  return true;
}

// Every open order is where its state says, in its account's chain, and in the sums.
bool Market::verify_orders() const noexcept {
  std::uint64_t terms_sum = 0;
  std::uint32_t in_state[6] = {};
  std::uint32_t with_terms[2] = {};
  std::uint32_t market_orders = 0;
  std::uint32_t expiring = 0;
  std::uint32_t auction = 0;
  std::uint32_t unmet_dark = 0;
  std::uint32_t discretionary = 0;
  std::uint32_t waiting_trailing = 0;
  std::uint32_t kinds[6] = {};
  std::uint32_t open = 0;
  for (std::uint32_t row = 0; row < accounts_.size(); ++row) {
    const Account& account = accounts_[row];
    std::uint64_t lots[2] = {};
    std::uint32_t count = 0;
    OrderSlot older = no_slot;
    for (OrderSlot slot = account.oldest; slot != no_slot; slot = pool_.chain(slot).younger) {
      const Order& order = pool_[slot];
      const std::uint64_t accepted = accepted_of(slot);
      const bool is_linked = pool_.chain(slot).older == older && order.row() == row &&
                             order.remaining != QuantityLots{0} &&
                             (older == no_slot || accepted_of(older) < accepted) &&
                             ++count <= account.open_orders;
      if (!is_linked) {
        return false;
      }
      lots[index_of(order.side())] += pool_.lots(slot).value();
      terms_sum += term_of(slot);
      older = slot;
      const OrderState state = state_of(slot);
      ++in_state[static_cast<std::size_t>(state)];
      if (!order.has_terms()) {
        continue;
      }
      const Terms& own = terms(slot);
      const bool is_market = own.type == wire::OrderType::market;
      if (state == OrderState::lit) {
        market_orders += is_market ? 1U : 0U;
        with_terms[index_of(order.side())] += is_market ? 0 : 1;
        if (own.discretion != 0) {
          ++discretionary;
          if (!discretionary_[index_of(order.side())].contains(slot)) {
            return false;
          }
        }
        if (own.is_unmet || (is_market && !is_call() && state_ == wire::MarketState::open)) {
          return false;
        }
      } else if (own.reserve != QuantityLots{0}) {
        return false;
      }
      if (state == OrderState::dark && own.is_unmet) {
        ++unmet_dark;
        if (!conditionals_.contains(slot)) {
          return false;
        }
      }
      if (state == OrderState::waiting && own.type == wire::OrderType::trailing_stop) {
        ++waiting_trailing;
        if (!trailing_.contains(slot)) {
          return false;
        }
      }
      if (own.is_peg() && !pegs_.contains(slot)) {
        return false;
      }
      expiring += own.time_in_force == wire::TimeInForce::gtd ? 1U : 0U;
      auction += own.is_auction() ? 1U : 0U;
      const bool is_unmet = own.is_unmet;
      kinds[0] += own.is(wire::attribute::hidden) || own.is_peg() || is_unmet ? 1U : 0U;
      kinds[1] += own.is_stop() ? 1U : 0U;
      kinds[2] += own.type == wire::OrderType::trailing_stop ? 1U : 0U;
      kinds[3] += own.discretion != 0 ? 1U : 0U;
      kinds[4] += own.is_peg() ? 1U : 0U;
      kinds[5] += is_unmet ? 1U : 0U;
      const auto names = [&](OrderSlot other, LinkRole role) noexcept {
        return pool_[other].has_terms() && pool_[other].remaining != QuantityLots{0} &&
               pool_[other].row() == row && terms(other).role == role;
      };
      bool are_links_good = true;
      switch (own.role) {
        case LinkRole::none:
          break;
        case LinkRole::partner:
          are_links_good = names(own.link, LinkRole::partner) && terms(own.link).link == slot;
          break;
        case LinkRole::child:
          are_links_good = state == OrderState::parked && names(own.link, LinkRole::parent) &&
                           (terms(own.link).link == slot || terms(own.link).other_link == slot);
          break;
        case LinkRole::parent:
          are_links_good = names(own.link, LinkRole::child) && terms(own.link).link == slot &&
                           (own.other_link == no_slot || (names(own.other_link, LinkRole::child) &&
                                                          terms(own.other_link).link == slot));
          break;
      }
      if (!are_links_good) {
        return false;
      }
    }
    if (account.youngest != older || count != account.open_orders ||
        lots[0] != account.open_lots[0] || lots[1] != account.open_lots[1]) {
      return false;
    }
    open += count;
  }
  std::uint32_t lit = 0;
  std::uint32_t dark = 0;
  if (!lit_.verify(lit) || !dark_.verify(dark)) {
    return false;
  }
  std::uint32_t queued = 0;
  for (OrderSlot slot = queue_.head; slot != no_slot; slot = pool_[slot].next) {
    if (state_of(slot) != OrderState::queued || ++queued > open) {
      return false;
    }
  }
  std::uint32_t in_market_queue = 0;
  for (const Fifo& fifo : market_queue_) {
    for (OrderSlot slot = fifo.head; slot != no_slot; slot = pool_[slot].next) {
      if (state_of(slot) != OrderState::lit || ++in_market_queue > open) {
        return false;
      }
    }
  }
  std::uint32_t in_auction_lists = 0;
  for (const Fifo& fifo : auction_orders_) {
    for (OrderSlot slot = fifo.head; slot != no_slot; slot = terms(slot).next) {
      const OrderSlot next = terms(slot).next;
      if (++in_auction_lists > open ||
          (next != no_slot && terms(next).accepted <= terms(slot).accepted)) {
        return false;
      }
    }
  }
  const std::uint32_t waiting = stops_[0].size() + stops_[1].size() + trailing_.size();
  return open == open_orders_ && pool_.verify(open_orders_) && terms_sum == digest_ &&
         in_state[0] == 0 && lit + market_orders == in_state[1] && dark == in_state[2] &&
         waiting == in_state[3] && queued == in_state[4] && in_market_queue == market_orders &&
         with_terms[0] == lit_terms_[0] && with_terms[1] == lit_terms_[1] &&
         expiries_.size() == expiring && expiries_.verify() && stops_[0].verify() &&
         stops_[1].verify() && in_auction_lists == auction && conditionals_.size() == unmet_dark &&
         trailing_.size() == waiting_trailing &&
         discretionary_[0].size() + discretionary_[1].size() == discretionary &&
         pegs_.size() == peg_kind_ && kinds[0] == dark_kind_ && kinds[1] == stop_kind_ &&
         kinds[2] == trailing_kind_ && kinds[3] == discretion_kind_ && kinds[4] == peg_kind_ &&
         kinds[5] == conditional_kind_;
}

bool Market::verify() const noexcept {
  const Touch touch{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)};
  const bool is_crossed = lit_.best(wire::Side::buy) >= lit_.best(wire::Side::sell);
  // In the continuous phase nobody is left who could trade.
  const bool may_cross = state_ != wire::MarketState::open;
  return touch == touch_ && (!is_crossed || may_cross) && open_orders_ <= rules_.capacity &&
         verify_orders() && accounts_.verify() && sessions_.verify();
}

std::uint64_t Market::digest() const noexcept {
  return digest_ + sessions_.digest() + accounts_.digest() +
         digest::mix(last_trade_.value() * digest::first_factor +
                     breaker_.reference.value() * digest::second_factor +
                     static_cast<std::uint64_t>(state_) * digest::third_factor +
                     (breaker_.edge != PriceTicks{0} ? digest::fourth_factor : 0) +
                     random_ * digest::fifth_factor);
}

}  // namespace meridian::engine
