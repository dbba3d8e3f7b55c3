// States, call phases and their end, breakers: README.md, "States and auctions" and "Breakers".
#include "engine/market.hpp"

namespace meridian::engine {

namespace {

// Whether a dark order takes part in an uncross.
bool takes_part(const Terms& order) noexcept { return !order.is_unmet && !order.is_peg(); }

}  // namespace

void Market::put_state() noexcept {
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::state_set);
  event.code = static_cast<std::uint8_t>(state_);
  out_->put(event);
}

void Market::set_state(wire::MarketState state) noexcept {
  const wire::MarketState old = state_;
  if (state == old) {
    put_state();
    return;
  }
  if (state == wire::MarketState::open || state == wire::MarketState::closed) {
    uncross();
    cancel_auction_rest(old);
  }
  state_ = state;
  put_state();
  if (old == wire::MarketState::open) {
    breaker_.is_ended = true;
    park_pegs();
  }
  if (is_call()) {
    begin_call();
  } else if (state == wire::MarketState::open) {
    pegs_are_due_ = true;
  } else if (state == wire::MarketState::closed && accounts_.size() != 0) {
    day_end_ = Sweep{};
    day_end_.reason = wire::CancelReason::day_end;
    day_end_.sequence = sequence_.value();
    day_end_row_ = 0;
    day_end_began_ = false;
  }
}

// Orders that were parked for a phase like this come to rest, in entry order.
void Market::begin_call() noexcept {
  const bool is_closing = state_ == wire::MarketState::closing_auction;
  OrderSlot auction = auction_orders_[2].head;
  OrderSlot close_only = is_closing ? auction_orders_[1].head : no_slot;
  while (auction != no_slot || close_only != no_slot) {
    const bool takes_auction =
        close_only == no_slot ||
        (auction != no_slot && terms(auction).accepted < terms(close_only).accepted);
    OrderSlot& next = takes_auction ? auction : close_only;
    const OrderSlot slot = next;
    next = terms(slot).next;
    if (terms(slot).state == OrderState::parked && terms(slot).role != LinkRole::child) {
      detach(slot);
      rest_in_call(slot, false);
    }
  }
}

// An entering order in a call phase.
void Market::rest_in_call(OrderSlot slot, bool is_own) noexcept {
  const Terms& own = terms(slot);
  const bool is_for_later = own.time_in_force == wire::TimeInForce::at_close &&
                            state_ != wire::MarketState::closing_auction;
  if (own.is_peg() || is_for_later) {
    park(slot);
  } else if (own.is(wire::attribute::hidden) || own.is_unmet) {
    rest_dark(slot);
  } else {
    rest_lit(slot, is_own);
  }
}

void Market::park_pegs() noexcept {
  for (const OrderSlot slot : pegs_) {
    if (terms(slot).state == OrderState::dark) {
      detach(slot);
      pool_[slot].set_price_and_side(terms(slot).extreme, pool_[slot].side());
      park(slot);
    }
  }
}

// What an auction that is over leaves of orders that were for it alone, in entry order.
void Market::cancel_auction_rest(wire::MarketState ended) noexcept {
  const bool ends_opening = ended == wire::MarketState::opening_auction;
  const bool ends_closing = ended == wire::MarketState::closing_auction;
  const bool ends_call =
      ended > wire::MarketState::pre_open && ended <= wire::MarketState::closing_auction;
  const auto is_rest = [&](OrderSlot slot) noexcept {
    const Terms& own = terms(slot);
    if (own.type == wire::OrderType::market && own.state == OrderState::lit) {
      return true;
    }
    return own.role != LinkRole::child &&
           ((own.time_in_force == wire::TimeInForce::at_open && ends_opening) ||
            (own.time_in_force == wire::TimeInForce::at_close && ends_closing) ||
            (own.time_in_force == wire::TimeInForce::good_for_auction && ends_call));
  };
  // What is canceled can take others along, so the search begins anew behind the last one.
  std::uint64_t passed = 0;
  for (;;) {
    OrderSlot first = no_slot;
    for (const Fifo& list : auction_orders_) {
      OrderSlot slot = list.head;
      while (slot != no_slot && (terms(slot).accepted <= passed || !is_rest(slot))) {
        slot = terms(slot).next;
      }
      if (slot != no_slot && (first == no_slot || terms(slot).accepted < terms(first).accepted)) {
        first = slot;
      }
    }
    if (first == no_slot) {
      return;
    }
    passed = terms(first).accepted;
    cancel_order(first, wire::CancelReason::auction_rest);
  }
}

// The next order of a side that an uncross at this price executes, or no_slot.
OrderSlot Market::auction_head(wire::Side side, PriceTicks price) const noexcept {
  if (market_queue_[index_of(side)].head != no_slot) {
    return market_queue_[index_of(side)].head;
  }
  const wire::Side other = opposite(side);
  const PriceTicks lit_price = lit_.best(side);
  const bool has_lit = crosses(other, lit_price, price);
  for (PriceTicks dark_price = dark_.best(side);
       crosses(other, dark_price, price) && (!has_lit || is_better(side, dark_price, lit_price));
       dark_price = dark_.worse(side, dark_price)) {
    for (OrderSlot slot = dark_.level(side, dark_price).head; slot != no_slot;
         slot = pool_[slot].next) {
      if (takes_part(terms(slot))) {
        return slot;
      }
    }
  }
  return has_lit ? lit_.level(side, lit_price).head : no_slot;
}

// Price of maximum volume, then least surplus, then market pressure, then the reference.
Market::Uncross Market::find_uncross() const noexcept {
  const auto lots_at = [&](wire::Side side, PriceTicks price) noexcept {
    std::uint64_t lots = 0;
    const Level& lit = lit_.level(side, price);
    if (lit_terms_[index_of(side)] == 0) {
      lots = lit.lots.value();
    } else {
      for (OrderSlot slot = lit.head; slot != no_slot; slot = pool_[slot].next) {
        lots += pool_.lots(slot).value();
      }
    }
    for (OrderSlot slot = dark_.level(side, price).head; slot != no_slot; slot = pool_[slot].next) {
      lots += takes_part(terms(slot)) ? pool_.lots(slot).value() : 0;
    }
    return lots;
  };
  // Best price of a side with lots that take part.
  const auto best_of = [&](wire::Side side) noexcept {
    PriceTicks dark_price = dark_.best(side);
    while (dark_price != no_price(side) && lots_at(side, dark_price) == 0) {
      dark_price = dark_.worse(side, dark_price);
    }
    return is_better(side, dark_price, lit_.best(side)) ? dark_price : lit_.best(side);
  };
  const auto market_lots = [&](wire::Side side) noexcept {
    std::uint64_t lots = 0;
    for (OrderSlot slot = market_queue_[index_of(side)].head; slot != no_slot;
         slot = pool_[slot].next) {
      lots += pool_[slot].remaining.value();
    }
    return lots;
  };
  constexpr wire::Side buy = wire::Side::buy;
  constexpr wire::Side sell = wire::Side::sell;
  const std::uint64_t market_buys = market_lots(buy);
  const std::uint64_t market_sells = market_lots(sell);
  const PriceTicks best_buy = best_of(buy);
  const PriceTicks best_sell = best_of(sell);
  const bool has_buys = best_buy != no_price(buy);
  const bool has_sells = best_sell != no_price(sell);
  const bool crosses_limits = has_buys && has_sells && best_sell <= best_buy;
  if (!crosses_limits && market_buys == 0 && market_sells == 0) {
    return {};
  }
  const PriceTicks reference = last_trade_ != PriceTicks{0} ? last_trade_ : breaker_.reference;
  Uncross found;
  std::int64_t least = 0;  // surplus, signed, of the best so far
  bool is_first = true;
  bool are_all_buys = true;
  bool are_all_sells = true;
  PriceTicks lowest{0};
  PriceTicks highest{0};
  PriceTicks nearest{0};
  std::int64_t lowest_surplus = 0;
  std::int64_t highest_surplus = 0;
  std::int64_t nearest_surplus = 0;
  const auto distance = [&](PriceTicks price) noexcept {
    return price > reference ? price.value() - reference.value()
                             : reference.value() - price.value();
  };
  const auto weigh = [&](PriceTicks price, std::uint64_t buys, std::uint64_t sells) noexcept {
    const std::uint64_t volume = std::min(buys, sells);
    const auto surplus = static_cast<std::int64_t>(buys - sells);
    const std::int64_t size = surplus < 0 ? -surplus : surplus;
    const std::int64_t best_size = least < 0 ? -least : least;
    const bool is_better_price =
        is_first || volume > found.volume || (volume == found.volume && size < best_size);
    if (is_better_price) {
      is_first = false;
      found.volume = volume;
      least = surplus;
      are_all_buys = surplus > 0;
      are_all_sells = surplus < 0;
      lowest = highest = nearest = price;
      lowest_surplus = highest_surplus = nearest_surplus = surplus;
      return;
    }
    if (volume != found.volume || size != best_size) {
      return;
    }
    are_all_buys = are_all_buys && surplus > 0;
    are_all_sells = are_all_sells && surplus < 0;
    if (price < lowest) {
      lowest = price;
      lowest_surplus = surplus;
    }
    if (price > highest) {
      highest = price;
      highest_surplus = surplus;
    }
    if (distance(price) < distance(nearest) ||
        (distance(price) == distance(nearest) && price > nearest)) {
      nearest = price;
      nearest_surplus = surplus;
    }
  };
  if (!has_buys && !has_sells) {
    if (reference == PriceTicks{0}) {
      return {};
    }
    weigh(reference, market_buys, market_sells);
  } else {
    // Walks down from the highest price: buys gather, sells fall away.
    PriceTicks high{0};
    PriceTicks low{0};
    if (has_buys && has_sells) {
      high = std::max(best_buy, best_sell);
      low = std::min(best_buy, best_sell);
    } else {
      high = above_every_price;
      low = PriceTicks{1};
    }
    // The highest price at or below `from` that an order of a side stands at, 0 without one.
    const auto at_or_below = [&](wire::Side side, PriceTicks from) noexcept {
      const auto in = [&](const LevelBook& book) noexcept { return book.at_or_below(side, from); };
      return std::max(in(lit_), in(dark_));
    };
    std::uint64_t buys = market_buys;
    std::uint64_t sells = market_sells;
    for (PriceTicks price = at_or_below(sell, high); price != PriceTicks{0};
         price = at_or_below(sell, PriceTicks{price.value() - 1})) {
      sells += lots_at(sell, price);
    }
    PriceTicks from = high;
    while (from >= low && from != PriceTicks{0}) {
      const PriceTicks price = std::max(at_or_below(buy, from), at_or_below(sell, from));
      if (price == PriceTicks{0} || price < low) {
        break;
      }
      const std::uint64_t buys_here = lots_at(buy, price);
      const std::uint64_t sells_here = lots_at(sell, price);
      buys += buys_here;
      // A price at which only conditional orders stand is none.
      if (buys_here + sells_here != 0) {
        weigh(price, buys, sells);
      }
      sells -= sells_here;
      from = PriceTicks{price.value() - 1};
    }
  }
  if (found.volume == 0) {
    return {};
  }
  found.price = are_all_buys ? highest : are_all_sells ? lowest : nearest;
  const std::int64_t surplus = are_all_buys    ? highest_surplus
                               : are_all_sells ? lowest_surplus
                                               : nearest_surplus;
  found.surplus_side = surplus < 0 ? sell : buy;
  found.surplus = static_cast<std::uint64_t>(surplus < 0 ? -surplus : surplus);
  return found;
}

void Market::uncross() noexcept {
  step_ = Step{};
  // Cuts and links can leave volume behind: then, and only then, there is another price.
  do {
    const Uncross found = find_uncross();
    if (found.volume == 0) {
      break;
    }
    has_cut_ = false;
    const std::uint64_t trades = trades_.count();
    uncross_at(found);
    if (trades_.count() != trades) {
      breaker_.reference = found.price;
    }
  } while (has_cut_);
  elect_stops();
  step_ = Step{};
}

void Market::uncross_at(const Uncross& found) noexcept {
  std::uint64_t volume = found.volume;
  while (volume != 0) {
    const OrderSlot buyer = auction_head(wire::Side::buy, found.price);
    const OrderSlot seller = auction_head(wire::Side::sell, found.price);
    if (buyer == no_slot || seller == no_slot) {
      return;
    }
    if (!cut_candidate(buyer)) {
      continue;
    }
    // A canceled buyer's partner may be the seller, and the reverse.
    if (auction_head(wire::Side::sell, found.price) != seller || !cut_candidate(seller)) {
      continue;
    }
    if (auction_head(wire::Side::buy, found.price) != buyer) {
      continue;
    }
    const std::uint64_t traded = std::min<std::uint64_t>(
        volume, std::min(pool_[buyer].remaining, pool_[seller].remaining).value());
    volume -= traded;
    const bool is_dark = state_of(seller) == OrderState::dark;
    settle(buyer, seller, found.price, QuantityLots{static_cast<std::uint32_t>(traded)},
           static_cast<std::uint8_t>(wire::executed_at_uncross |
                                     (is_dark ? wire::executed_with_dark : 0)));
    const bool sell_is_filled = pool_.lots(seller) == QuantityLots{0};
    const bool buy_is_filled = pool_.lots(buyer) == QuantityLots{0};
    if (sell_is_filled) {
      detach(seller);
    }
    if (buy_is_filled) {
      detach(buyer);
    }
    const OrderSlot sellers = take_partner(seller);
    const OrderSlot buyers = sellers == buyer ? seller : take_partner(buyer);
    if (sell_is_filled) {
      close(seller);
    }
    if (sellers != no_slot && !(sellers == buyer && buy_is_filled)) {
      cancel_linked(sellers);
    }
    const bool buyer_left = sellers == buyer && !buy_is_filled;
    if (buy_is_filled) {
      close(buyer);
    }
    if (buyers != no_slot && !(buyers == seller && sell_is_filled)) {
      cancel_linked(buyers);
    }
    const bool seller_left = sell_is_filled || (buyers == seller);
    if (!seller_left) {
      fill_in_uncross(seller);
    }
    if (!buy_is_filled && !buyer_left) {
      fill_in_uncross(buyer);
    }
  }
}

// An iceberg that an uncross has emptied of what it shows.
void Market::fill_in_uncross(OrderSlot slot) noexcept {
  if (pool_[slot].remaining == QuantityLots{0} && pool_.lots(slot) != QuantityLots{0}) {
    show_anew(slot);
  }
}

void Market::show_indicative() noexcept {
  if (state_ < wire::MarketState::opening_auction || state_ > wire::MarketState::closing_auction) {
    return;
  }
  const Uncross found = find_uncross();
  if (found == indicative_) {
    return;
  }
  indicative_ = found;
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::indicative);
  event.side = static_cast<std::uint8_t>(found.surplus_side);
  event.order_id = found.volume;
  event.price = found.price.value();
  event.other_order_id = found.surplus;
  out_->put(event);
}

PriceTicks Market::upper_price() const noexcept {
  const std::uint32_t center = breaker_.reference.value();
  return PriceTicks{breaker_.width > above_every_price.value() - center ? above_every_price.value()
                                                                        : center + breaker_.width};
}

PriceTicks Market::lower_price() const noexcept {
  const std::uint32_t center = breaker_.reference.value();
  return PriceTicks{center > breaker_.width ? center - breaker_.width : 0U};
}

// Tells of a limit state that began or ended with the command.
void Market::show_limit_state() noexcept {
  PriceTicks edge{0};
  wire::Side side = wire::Side::buy;
  if (state_ == wire::MarketState::open && breaker_.mode == wire::BreakerMode::limit_state &&
      breaker_.reference != PriceTicks{0}) {
    if (lit_.best(wire::Side::buy) == upper_price()) {
      edge = upper_price();
    } else if (lit_.best(wire::Side::sell) == lower_price()) {
      edge = lower_price();
      side = wire::Side::sell;
    }
  }
  const bool was_there = breaker_.edge != PriceTicks{0};
  const bool is_there = edge != PriceTicks{0};
  const bool begins = is_there && (!was_there || breaker_.is_ended || edge != breaker_.edge ||
                                   side != breaker_.side);
  const bool ends = was_there && !is_there;
  breaker_.is_ended = false;
  if (!begins && !ends) {
    return;
  }
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::limit_state);
  event.code = begins ? 1 : 0;
  event.side = static_cast<std::uint8_t>(begins ? side : breaker_.side);
  event.price = (begins ? edge : breaker_.edge).value();
  out_->put(event);
  breaker_.edge = edge;
  breaker_.side = side;
  breaker_.began_ns = now_ns_;
}

}  // namespace meridian::engine
