// How an order of any kind enters: README.md, "Entering".
#include "engine/market.hpp"

namespace meridian::engine {

namespace {

// Types that are canceled rather than coming to rest outside call phases.
bool is_market_like(wire::OrderType type) noexcept {
  return type == wire::OrderType::market || type == wire::OrderType::stop ||
         type == wire::OrderType::trailing_stop;
}

// Whether it waits for its trigger before it can do anything.
bool waits(const Terms& order) noexcept {
  return (order.is_stop() || order.type == wire::OrderType::trailing_stop) && !order.is_triggered;
}

bool is_immediate(wire::TimeInForce time_in_force) noexcept {
  return time_in_force == wire::TimeInForce::ioc || time_in_force == wire::TimeInForce::fok;
}

}  // namespace

// A price made more aggressive, at most to the extremes of price.
PriceTicks Market::widened(wire::Side side, PriceTicks price, std::uint32_t ticks) noexcept {
  if (side == wire::Side::buy) {
    return PriceTicks{ticks > highest_price - price.value() ? highest_price
                                                            : price.value() + ticks};
  }
  return PriceTicks{price.value() > ticks ? price.value() - ticks : 1U};
}

// A limit price as a limit state allows it.
PriceTicks Market::clamped(wire::Side side, PriceTicks price) const noexcept {
  if (breaker_.mode != wire::BreakerMode::limit_state || breaker_.reference == PriceTicks{0}) {
    return price;
  }
  return side == wire::Side::buy ? std::min(price, upper_price()) : std::max(price, lower_price());
}

// Puts an order that was just accepted, replaced or taken from the queue where it belongs.
void Market::start(OrderSlot slot, bool is_own) noexcept {
  const Terms& own = terms(slot);
  if (own.role == LinkRole::child) {
    park(slot);
  } else if (state_ == wire::MarketState::open) {
    enter_open(slot, is_own);
  } else if (waits(own)) {
    start_waiting(slot, false);
  } else {
    rest_in_call(slot, is_own);
  }
}

void Market::enter_open(OrderSlot slot, bool is_own) noexcept {
  const Terms& own = terms(slot);
  if (waits(own)) {
    start_waiting(slot, false);
  } else if (own.is_peg()) {
    price_peg(slot, Touch{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)});
  } else if (own.time_in_force == wire::TimeInForce::at_close ||
             own.time_in_force == wire::TimeInForce::good_for_auction) {
    park(slot);
  } else {
    aggress(slot, is_own);
  }
}

// The most lots that a reduce_only order may have.
QuantityLots Market::most_by_position(OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  const std::int64_t position = accounts_[order.row()].position;
  const std::int64_t held = order.side() == wire::Side::sell ? position : -position;
  return QuantityLots{static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(held, 0, static_cast<std::int64_t>(highest_quantity)))};
}

// False when nothing is left of it.
bool Market::cut_entering(OrderSlot slot) noexcept {
  if (!terms(slot).is(wire::attribute::reduce_only)) {
    return true;
  }
  const QuantityLots most = most_by_position(slot);
  const QuantityLots lots = pool_.lots(slot);
  if (lots > most) {
    lose(slot, lots - most, wire::CancelReason::reduce_only);
  }
  return most != QuantityLots{0};
}

// The price up to which an entering order trades. Without one nothing trades.
PriceTicks Market::limit_of(OrderSlot slot, bool& has_limit) const noexcept {
  const Order& order = pool_[slot];
  const Terms& own = terms(slot);
  const wire::Side side = order.side();
  has_limit = true;
  if (!is_market_like(own.type)) {
    return widened(side, order.price(), own.discretion);
  }
  if (own.type != wire::OrderType::market || own.trigger == 0) {
    return any_price(side);
  }
  const PriceTicks best = lit_.best(opposite(side));
  has_limit = !lit_.is_empty(opposite(side));
  return has_limit ? widened(side, best, own.trigger) : best;
}

// Matches an entering order, and leaves it where it belongs.
void Market::aggress(OrderSlot slot, bool is_own) noexcept {
  Order& order = pool_[slot];
  const Terms& own = terms(slot);
  const wire::Side side = order.side();
  if (!is_own && !cut_entering(slot)) {
    return;
  }
  const auto take_price = [&](PriceTicks price) noexcept {
    const PriceTicks old = order.price();
    if (price == old) {
      return;
    }
    order.set_price_and_side(price, side);
    wire::Event event = event_of(wire::EventKind::repriced, slot);
    event.other_price = old.value();
    out_->put(event);
  };
  if (own.type == wire::OrderType::limit || own.type == wire::OrderType::stop_limit) {
    take_price(clamped(side, order.price()));
  }
  if (own.is(wire::attribute::post_only)) {
    PriceTicks price = order.price();
    if (!is_own && !reprice_post_only(side, price, own.is(wire::attribute::reprice))) {
      cancel_order(slot, wire::CancelReason::no_room);
      return;
    }
    take_price(price);
    finish_entry(slot, is_own, Stop::none);
    return;
  }
  bool has_limit = false;
  const PriceTicks limit = limit_of(slot, has_limit);
  const auto can_execute = [&](QuantityLots lots) noexcept {
    return executable(side, limit, has_limit, lots, order.row(), own.self_trade()) >= lots.value();
  };
  if (own.is_unmet) {
    if (!can_execute(required(slot))) {
      if (is_immediate(own.time_in_force)) {
        cancel_order(slot, wire::CancelReason::minimum_unmet);
      } else {
        rest_dark(slot);
      }
      return;
    }
    meet_minimum(slot);
  }
  if (own.time_in_force == wire::TimeInForce::fok && !can_execute(order.remaining)) {
    cancel_order(slot, wire::CancelReason::fok_unfilled);
    return;
  }
  set_aggressor(slot, limit, has_limit);
  Stop stopped = has_limit ? match_candidates() : Stop::none;
  if (stopped == Stop::none && !is_market_like(own.type)) {
    stopped = match_discretion(order.price());
  }
  if (stopped != Stop::gone) {
    finish_entry(slot, is_own, stopped);
  }
}

void Market::set_aggressor(OrderSlot slot, PriceTicks limit, bool has_limit) noexcept {
  aggressor_ = {.slot = slot,
                .side = pool_[slot].side(),
                .row = pool_[slot].row(),
                .mode = terms(slot).self_trade(),
                .limit = limit,
                .has_limit = has_limit};
}

// What is left after matching rests or is canceled.
void Market::finish_entry(OrderSlot slot, bool is_own, Stop stopped) noexcept {
  aggressor_.slot = no_slot;
  const Order& order = pool_[slot];
  const Terms& own = terms(slot);
  if (order.remaining == QuantityLots{0}) {
    close(slot);
    return;
  }
  const bool may_rest = !is_market_like(own.type) && !is_immediate(own.time_in_force);
  const bool is_dark = own.is(wire::attribute::hidden) || own.is_peg();
  if (stopped == Stop::breaker) {
    const bool interrupts = breaker_.mode == wire::BreakerMode::interrupt;
    step_.is_interrupted =
        step_.is_interrupted || (interrupts && own.time_in_force != wire::TimeInForce::fok);
    const bool would_cross =
        !interrupts && !is_dark &&
        crosses(order.side(), lit_.best(opposite(order.side())), order.price());
    if (!may_rest || would_cross) {
      cancel_order(slot, wire::CancelReason::breaker);
      return;
    }
  }
  if (is_market_like(own.type)) {
    cancel_order(slot, wire::CancelReason::no_liquidity);
  } else if (!may_rest) {
    cancel_order(slot, wire::CancelReason::ioc_rest);
  } else if (is_dark) {
    rest_dark(slot);
  } else {
    rest_lit(slot, is_own);
  }
}

// The next order that the aggressor meets: best price, lit before dark, conditional ones only when
// enough is left for them, or when something else than a trade happens to them.
Market::Candidate Market::best_candidate() const noexcept {
  const wire::Side resting = opposite(aggressor_.side);
  const PriceTicks lit_price = lit_.best(resting);
  const bool has_lit = crosses(aggressor_.side, lit_price, aggressor_.limit);
  for (PriceTicks price = dark_.best(resting); crosses(aggressor_.side, price, aggressor_.limit) &&
                                               (!has_lit || is_better(resting, price, lit_price));
       price = dark_.worse(resting, price)) {
    for (OrderSlot slot = dark_.level(resting, price).head; slot != no_slot;
         slot = pool_[slot].next) {
      const bool acts =
          aggressor_.mode != wire::SelfTrade::none && pool_[slot].row() == aggressor_.row;
      const bool is_skipped = terms(slot).is_unmet && !acts && step_.allows(price) &&
                              required(slot) > pool_[aggressor_.slot].remaining;
      if (!is_skipped) {
        return {slot, price, true};
      }
    }
  }
  if (has_lit) {
    return {lit_.level(resting, lit_price).head, lit_price, false};
  }
  return {};
}

Market::Stop Market::match_candidates() noexcept {
  while (pool_[aggressor_.slot].remaining != QuantityLots{0}) {
    const Candidate candidate = best_candidate();
    if (candidate.slot == no_slot) {
      return Stop::none;
    }
    if (!step_.allows(candidate.price)) {
      return Stop::breaker;
    }
    const bool is_own =
        aggressor_.mode != wire::SelfTrade::none && pool_[candidate.slot].row() == aggressor_.row;
    if (is_own) {
      if (prevent_self_trade(candidate.slot) == Stop::gone) {
        return Stop::gone;
      }
      continue;
    }
    if (cut_candidate(candidate.slot)) {
      trade(candidate.slot, candidate.price,
            candidate.is_dark ? wire::executed_with_dark : std::uint8_t{0});
    }
    if (aggressor_.slot == no_slot) {
      return Stop::gone;
    }
  }
  return Stop::none;
}

// Discretionary orders of the other side that reach the aggressor's own price.
Market::Stop Market::match_discretion(PriceTicks price) noexcept {
  const SlotList<list_pool>& list = discretionary_[index_of(opposite(aggressor_.side))];
  if (!step_.allows(price)) {
    return Stop::none;
  }
  while (pool_[aggressor_.slot].remaining != QuantityLots{0} && !list.is_empty() &&
         crosses(aggressor_.side, reach_of(list[0]), price)) {
    const OrderSlot candidate = list[0];
    if (aggressor_.mode != wire::SelfTrade::none && pool_[candidate].row() == aggressor_.row) {
      if (prevent_self_trade(candidate) == Stop::gone) {
        return Stop::gone;
      }
      continue;
    }
    if (cut_candidate(candidate)) {
      trade(candidate, price, 0);
    }
    if (aggressor_.slot == no_slot) {
      return Stop::gone;
    }
  }
  return Stop::none;
}

// Aggressor and candidate are of one account. Stop::gone when the aggressor has left.
Market::Stop Market::prevent_self_trade(OrderSlot candidate) noexcept {
  constexpr wire::CancelReason reason = wire::CancelReason::self_trade;
  const OrderSlot aggressor = aggressor_.slot;
  switch (aggressor_.mode) {
    case wire::SelfTrade::none:
      break;
    case wire::SelfTrade::cancel_newest:
      cancel_order(aggressor, reason);
      break;
    case wire::SelfTrade::cancel_oldest:
      cancel_order(candidate, reason);
      break;
    case wire::SelfTrade::cancel_both:
      cancel_order(candidate, reason);
      if (aggressor_.slot != no_slot) {
        cancel_order(aggressor, reason);
      }
      break;
    case wire::SelfTrade::decrement: {
      const QuantityLots lots = std::min(pool_[aggressor].remaining, pool_.lots(candidate));
      lose(candidate, lots, reason);
      if (aggressor_.slot != no_slot) {
        lose(aggressor, lots, reason);
      }
      break;
    }
  }
  return aggressor_.slot == no_slot ? Stop::gone : Stop::none;
}

// A reduce_only candidate loses what its account's position does not allow. False when nothing is
// left.
bool Market::cut_candidate(OrderSlot candidate) noexcept {
  return !pool_[candidate].has_terms() || cut_entering(candidate);
}

// Books one trade: positions, counts, digest, the event. Returns the maker's open lots.
QuantityLots Market::settle(OrderSlot aggressor, OrderSlot maker, PriceTicks price,
                            QuantityLots traded, std::uint8_t code) noexcept {
  const wire::Side side = pool_[aggressor].side();
  const bool is_buy = side == wire::Side::buy;
  const auto lots = static_cast<std::int64_t>(traded.value());
  const std::uint32_t taker_row = pool_[aggressor].row();
  const std::uint32_t maker_row = pool_[maker].row();
  trades_.add({.sequence = sequence_.value(),
               .index = out_->index(),
               .price = price.value(),
               .quantity = traded.value(),
               .buyer = static_cast<std::uint16_t>(is_buy ? taker_row : maker_row),
               .seller = static_cast<std::uint16_t>(is_buy ? maker_row : taker_row)});
  for (const OrderSlot slot : {aggressor, maker}) {
    Order& order = pool_[slot];
    Account& account = accounts_[order.row()];
    count_out(slot);
    account.open_lots[index_of(order.side())] -= traded.value();
    const OrderState state = state_of(slot);
    const bool is_market = order.has_terms() && terms(slot).type == wire::OrderType::market;
    if (state == OrderState::lit && !is_market) {
      lit_.reduce(slot, traded);
    } else if (state == OrderState::dark) {
      dark_.reduce(slot, traded);
    } else {
      order.remaining = order.remaining - traded;
    }
    count_in(slot);
    pool_.add_executed(slot, traded.value());
    accounts_.move_position(account, order.side() == wire::Side::buy ? lots : -lots);
    if ((account.flags & Account::execution_bit) != 0) {
      accounts_.count_execution(order.row(), now_ns_);
    }
  }
  const bool is_market = pool_[maker].has_terms() && terms(maker).type == wire::OrderType::market;
  const bool is_shown = state_of(maker) == OrderState::lit && !is_market;
  wire::Event event = event_of(wire::EventKind::executed, aggressor);
  event.code = code;
  event.price = price.value();
  event.quantity = traded.value();
  event.remaining = is_shown ? pool_[maker].remaining.value() : 0;
  event.other_order_id = pool_.id_of(maker).value();
  event.other_price = accounts_[maker_row].id.value();
  out_->put(event);
  last_trade_ = price;
  step_.add(price);
  if (aggressor == own_slot_) {
    own_executed_ = own_executed_ + traded;
  }
  return pool_.lots(maker);
}

void Market::trade(OrderSlot candidate, PriceTicks price, std::uint8_t code) noexcept {
  const OrderSlot aggressor = aggressor_.slot;
  const QuantityLots traded = std::min(pool_[aggressor].remaining, pool_[candidate].remaining);
  const bool is_filled = settle(aggressor, candidate, price, traded, code) == QuantityLots{0};
  if (is_filled) {
    detach(candidate);
  }
  follow_execution(aggressor, candidate, is_filled);
  if (is_filled || pool_.lots(candidate) == QuantityLots{0} || !pool_[candidate].has_terms()) {
    return;
  }
  const Terms& maker = terms(candidate);
  if (maker.state == OrderState::dark && maker.is_unmet) {
    detach(candidate);
    meet_minimum(candidate);
    enqueue(candidate);
  } else if (pool_[candidate].remaining == QuantityLots{0}) {
    show_anew(candidate);
  }
}

// The best price at which an order of `side` rests that is not conditional; no_price without one.
PriceTicks Market::best_firm_price(wire::Side side) const noexcept {
  const PriceTicks lit_price = lit_.best(side);
  for (PriceTicks price = dark_.best(side);
       price != no_price(side) && is_better(side, price, lit_price);
       price = dark_.worse(side, price)) {
    for (OrderSlot slot = dark_.level(side, price).head; slot != no_slot; slot = pool_[slot].next) {
      if (!terms(slot).is_unmet) {
        return price;
      }
    }
  }
  return lit_price;
}

// The price at which a post_only order does not trade. False when there is none that it may take.
bool Market::reprice_post_only(wire::Side side, PriceTicks& price,
                               bool may_reprice) const noexcept {
  const PriceTicks best = best_firm_price(opposite(side));
  if (!crosses(side, best, price)) {
    return true;
  }
  if (!may_reprice) {
    return false;
  }
  price = PriceTicks{side == wire::Side::buy ? best.value() - 1 : best.value() + 1};
  return price.value() >= rules_.band_low && price.value() <= rules_.band_high;
}

// Lots, up to `quantity`, that an order entering now can count on.
std::uint64_t Market::executable(wire::Side side, PriceTicks limit, bool has_limit,
                                 QuantityLots quantity, std::uint32_t row,
                                 wire::SelfTrade mode) const noexcept {
  if (!has_limit) {
    return 0;
  }
  const wire::Side resting = opposite(side);
  std::uint64_t found = 0;
  // False when counting ends.
  const auto count_level = [&](const Level& level) noexcept {
    for (OrderSlot slot = level.head; slot != no_slot; slot = pool_[slot].next) {
      const Order& order = pool_[slot];
      if (mode != wire::SelfTrade::none && order.row() == row) {
        if (mode == wire::SelfTrade::cancel_oldest) {
          continue;
        }
        return false;
      }
      if (order.has_terms()) {
        const Terms& own = terms(slot);
        if (own.is_unmet || own.is(wire::attribute::reduce_only) || own.role == LinkRole::partner) {
          continue;
        }
      }
      found += pool_.lots(slot).value();
      if (found >= quantity.value()) {
        return false;
      }
    }
    return true;
  };
  const bool can_sum = mode == wire::SelfTrade::none && lit_terms_[index_of(resting)] == 0;
  PriceTicks lit_price = lit_.best(resting);
  PriceTicks dark_price = dark_.best(resting);
  for (;;) {
    const bool is_lit = !is_better(resting, dark_price, lit_price);
    const PriceTicks price = is_lit ? lit_price : dark_price;
    if (!crosses(side, price, limit) || !step_.allows(price)) {
      break;
    }
    if (is_lit && can_sum) {
      found += lit_.level(resting, price).lots.value();
      if (found >= quantity.value()) {
        break;
      }
    } else if (!count_level(is_lit ? lit_.level(resting, price) : dark_.level(resting, price))) {
      break;
    }
    if (is_lit) {
      lit_price = lit_.worse(resting, price);
    } else {
      dark_price = dark_.worse(resting, price);
    }
  }
  return std::min<std::uint64_t>(found, quantity.value());
}

// Whether a stop order is satisfied by a trade at this price.
bool Market::is_satisfied(OrderSlot slot, PriceTicks price) const noexcept {
  const std::uint32_t stop = terms(slot).trigger;
  return price != PriceTicks{0} &&
         (pool_[slot].side() == wire::Side::buy ? price.value() >= stop : price.value() <= stop);
}

// A stop waits, unless the last trade satisfies it already. A trailing stop just waits.
void Market::start_waiting(OrderSlot slot, bool keeps_extreme) noexcept {
  Terms& own = terms(slot);
  if (own.is_stop()) {
    if (is_satisfied(slot, last_trade_)) {
      trigger(slot, PriceTicks{own.trigger});
      return;
    }
  } else if (!keeps_extreme) {
    own.extreme = last_trade_;
  }
  wait(slot);
}

// A detached stop enters by work.
void Market::trigger(OrderSlot slot, PriceTicks stop_price) noexcept {
  terms(slot).is_triggered = true;
  wire::Event event = event_of(wire::EventKind::triggered, slot);
  event.other_price = stop_price.value();
  out_->put(event);
  enqueue(slot);
}

// 0 where the stop would lie below every price.
PriceTicks Market::trailing_stop_price(OrderSlot slot) const noexcept {
  const Terms& own = terms(slot);
  const std::uint64_t extreme = own.extreme.value();
  const std::uint64_t distance = own.is(wire::attribute::trail_bps)
                                     ? std::max<std::uint64_t>(1, extreme * own.trigger / 10'000)
                                     : own.trigger;
  if (pool_[slot].side() == wire::Side::buy) {
    return PriceTicks{
        static_cast<std::uint32_t>(std::min<std::uint64_t>(extreme + distance, 0xFFFFFFFF))};
  }
  return PriceTicks{extreme > distance ? static_cast<std::uint32_t>(extreme - distance) : 0U};
}

void Market::elect_stops() noexcept {
  if (!step_.has_traded) {
    return;
  }
  const auto elect = [&](wire::Side side, PriceTicks price) noexcept {
    StopHeap& heap = stops_[index_of(side)];
    while (!heap.is_empty() && is_satisfied(heap.first(), price)) {
      const OrderSlot slot = heap.first();
      detach(slot);
      trigger(slot, PriceTicks{terms(slot).trigger});
    }
  };
  elect(wire::Side::buy, step_.high);
  elect(wire::Side::sell, step_.low);
  for (std::uint32_t place = 0; place < trailing_.size();) {
    const OrderSlot slot = trailing_[place];
    Terms& own = terms(slot);
    const bool is_buy = pool_[slot].side() == wire::Side::buy;
    const PriceTicks extreme =
        is_buy ? std::min(own.extreme, step_.low) : std::max(own.extreme, step_.high);
    if (extreme != own.extreme) {
      count_out(slot);
      own.extreme = extreme;
      count_in(slot);
    }
    const PriceTicks stop = trailing_stop_price(slot);
    if (is_buy ? step_.last >= stop : step_.last <= stop) {
      detach(slot);
      trigger(slot, stop);
    } else {
      ++place;
    }
  }
}

// The price of a peg at this touch, or 0 where it has none.
PriceTicks Market::peg_price(OrderSlot slot, const Touch& touch) const noexcept {
  const Terms& own = terms(slot);
  const bool is_buy = pool_[slot].side() == wire::Side::buy;
  const bool has_bid = touch.bid.price != below_every_price;
  const bool has_ask = touch.ask.price != above_every_price;
  const auto bid = static_cast<std::int64_t>(touch.bid.price.value());
  const auto ask = static_cast<std::int64_t>(touch.ask.price.value());
  std::int64_t price = 0;
  bool has_reference = false;
  if (own.type == wire::OrderType::pegged_mid) {
    has_reference = has_bid && has_ask;
    price = is_buy ? (bid + ask) / 2 : (bid + ask + 1) / 2;
  } else {
    const bool follows_bid = (own.type == wire::OrderType::pegged_primary) == is_buy;
    has_reference = follows_bid ? has_bid : has_ask;
    price = follows_bid ? bid : ask;
  }
  const auto distance = static_cast<std::int64_t>(own.trigger);
  price = is_buy ? price - distance : price + distance;
  if (own.extreme != PriceTicks{0}) {
    const auto cap = static_cast<std::int64_t>(own.extreme.value());
    price = is_buy ? std::min(price, cap) : std::max(price, cap);
  }
  const bool is_good = has_reference && price >= static_cast<std::int64_t>(rules_.band_low) &&
                       price <= static_cast<std::int64_t>(rules_.band_high);
  return PriceTicks{is_good ? static_cast<std::uint32_t>(price) : 0U};
}

// Brings a peg, entering, parked or resting, to where the touch wants it.
void Market::price_peg(OrderSlot slot, const Touch& touch) noexcept {
  Order& order = pool_[slot];
  const Terms& own = terms(slot);
  const PriceTicks price = peg_price(slot, touch);
  const bool stays = price == PriceTicks{0}
                         ? own.state == OrderState::parked
                         : own.state == OrderState::dark && order.price() == price;
  if (stays) {
    return;
  }
  const bool is_own = own.state == OrderState::entering;
  detach(slot);
  if (price == PriceTicks{0}) {
    order.set_price_and_side(own.extreme, order.side());
    park(slot);
    return;
  }
  order.set_price_and_side(price, order.side());
  aggress(slot, is_own);
}

}  // namespace meridian::engine
