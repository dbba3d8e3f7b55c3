// An order's ways into and out of books, queues, lists and counts. Between detach() and the next
// placement an order is `entering`: in nothing but the pool, its account's chain and the counts of
// open orders, and in no digest.
#include "base/ensure.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

namespace {

// List of an auction time in force.
std::size_t auction_index(wire::TimeInForce time_in_force) noexcept {
  return static_cast<std::size_t>(time_in_force) -
         static_cast<std::size_t>(wire::TimeInForce::at_open);
}

}  // namespace

// The limit, a peg's cap, or 0: what events show of an order's price.
PriceTicks Market::shown_price(OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  return order.has_terms() && terms(slot).is_peg() ? terms(slot).extreme : order.price();
}

// Lots that an order of whose minimum nothing is met yet must be able to execute.
QuantityLots Market::required(OrderSlot slot) const noexcept {
  const Terms& own = terms(slot);
  return own.is(wire::attribute::all_or_none) ? pool_.lots(slot) : own.minimum;
}

// order(o) + special(o) of the digest.
std::uint64_t Market::term_of(OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  const OrderId id = pool_.id_of(slot);
  const std::uint64_t term =
      digest::order_term(digest::order_constant(id, order.price(), accounts_[order.row()].id,
                                                order.side(), order.priority),
                         pool_.lots(slot));
  if (!order.has_terms()) {
    return term;
  }
  const Terms& own = terms(slot);
  const bool is_lit = own.state == OrderState::lit;
  if (is_lit && own.type == wire::OrderType::limit && own.time_in_force == wire::TimeInForce::day &&
      own.attributes == 0 && own.discretion == 0 && own.group == 0 &&
      own.display == QuantityLots{0} && own.minimum == QuantityLots{0}) {
    return term;
  }
  const std::uint64_t shown =
      is_lit && own.type != wire::OrderType::market ? order.remaining.value() : 0;
  const std::uint64_t extreme =
      own.type == wire::OrderType::trailing_stop ? own.extreme.value() : 0;
  const std::uint64_t kind =
      (((std::uint64_t{own.attributes} << 16) + (std::uint64_t{own.discretion} << 8) + own.group)
       << 16) +
      (static_cast<std::uint64_t>(own.type) << 8) + static_cast<std::uint64_t>(own.time_in_force);
  return term +
         digest::mix(
             id.value() * digest::second_factor +
             ((static_cast<std::uint64_t>(own.state) << 32) + shown) * digest::third_factor +
             ((std::uint64_t{own.minimum.value()} << 32) + own.trigger) * digest::fourth_factor +
             kind * digest::fifth_factor +
             ((extreme << 32) + own.display.value()) * digest::first_factor);
}

// The fields that events about an open order share; the quantity is all its lots.
wire::Event Market::event_of(wire::EventKind kind, OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(kind);
  event.side = static_cast<std::uint8_t>(order.side());
  event.account = accounts_[order.row()].id.value();
  event.order_id = pool_.id_of(slot).value();
  event.price = shown_price(slot).value();
  event.quantity = pool_.lots(slot).value();
  return event;
}

void Market::count_in(OrderSlot slot) noexcept {
  if (state_of(slot) != OrderState::entering) {
    digest_ += term_of(slot);
  }
}

void Market::count_out(OrderSlot slot) noexcept {
  if (state_of(slot) != OrderState::entering) {
    digest_ -= term_of(slot);
  }
}

// Of a plain lit order, which changes in nothing else by it.
void Market::give_terms(OrderSlot slot) noexcept {
  Order& order = pool_[slot];
  if (order.has_terms()) {
    return;
  }
  Terms& own = terms(slot);
  own = Terms{};
  own.state = OrderState::lit;
  own.accepted = order.priority.value();
  order.owner |= Order::has_terms_bit;
  ++lit_terms_[index_of(order.side())];
}

// Where a lit order turned out to be a plain one.
void Market::drop_terms(OrderSlot slot) noexcept {
  Order& order = pool_[slot];
  if (!order.has_terms()) {
    return;
  }
  const Terms& own = terms(slot);
  const bool is_plain = own.state == OrderState::lit && own.type == wire::OrderType::limit &&
                        own.time_in_force == wire::TimeInForce::day && own.attributes == 0 &&
                        own.discretion == 0 && own.group == 0 && own.display == QuantityLots{0} &&
                        own.role == LinkRole::none && own.accepted == order.priority.value();
  if (is_plain) {
    order.owner &= ~Order::has_terms_bit;
    --lit_terms_[index_of(order.side())];
  }
}

void Market::push(Fifo& fifo, OrderSlot slot) noexcept {
  Order& order = pool_[slot];
  order.previous = fifo.tail;
  order.next = no_slot;
  if (fifo.tail == no_slot) {
    fifo.head = slot;
  } else {
    pool_[fifo.tail].next = slot;
  }
  fifo.tail = slot;
}

void Market::unlink(Fifo& fifo, OrderSlot slot) noexcept {
  const Order& order = pool_[slot];
  if (order.previous == no_slot) {
    fifo.head = order.next;
  } else {
    pool_[order.previous].next = order.next;
  }
  if (order.next == no_slot) {
    fifo.tail = order.previous;
  } else {
    pool_[order.next].previous = order.previous;
  }
}

// The worst price at which a discretionary order trades.
PriceTicks Market::reach_of(OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  return widened(order.side(), order.price(), terms(slot).discretion);
}

// Takes an order out of where it stands.
void Market::detach(OrderSlot slot) noexcept {
  count_out(slot);
  Order& order = pool_[slot];
  if (!order.has_terms()) {
    // A plain order that is not just canceled goes on with terms.
    give_terms(slot);
  }
  Terms& own = terms(slot);
  const wire::Side side = order.side();
  switch (own.state) {
    case OrderState::lit:
      if (own.type == wire::OrderType::market) {
        unlink(market_queue_[index_of(side)], slot);
        break;
      }
      if (own.discretion != 0) {
        discretionary_[index_of(side)].erase(slot);
      }
      lit_.remove(pool_, slot);
      --lit_terms_[index_of(side)];
      order.remaining = order.remaining + own.reserve;
      own.reserve = QuantityLots{0};
      break;
    case OrderState::dark:
      dark_.remove(pool_, slot);
      if (own.is_unmet) {
        conditionals_.erase(slot);
      }
      break;
    case OrderState::waiting:
      if (own.is_stop()) {
        stops_[index_of(side)].erase(slot);
      } else {
        trailing_.erase(slot);
      }
      break;
    case OrderState::queued:
      unlink(queue_, slot);
      break;
    case OrderState::parked:
    case OrderState::entering:
      break;
  }
  own.state = OrderState::entering;
}

// An order without books leaves for good; what it says goodbye with was emitted before. Its slot is
// freed before its links act.
void Market::close(OrderSlot slot) noexcept {
  const Order& order = pool_[slot];
  Terms& own = terms(slot);
  Account& account = account_of(slot);
  if (account.sweeps != 0 || day_end_row_ != no_row) {
    const OrderSlot younger = pool_.chain(slot).younger;
    for (std::uint32_t number = 0; number < sweep_count_; ++number) {
      if (sweeps_[number].next == slot) {
        sweeps_[number].next = younger;
      }
    }
    if (day_end_.next == slot) {
      day_end_.next = younger;
    }
  }
  account.open_lots[index_of(order.side())] -= order.remaining.value();
  leave_chain(slot, account);
  if (own.time_in_force == wire::TimeInForce::gtd) {
    expiries_.erase(slot);
  }
  if (own.is_auction()) {
    Fifo& list = auction_orders_[auction_index(own.time_in_force)];
    if (own.previous == no_slot) {
      list.head = own.next;
    } else {
      terms(own.previous).next = own.next;
    }
    if (own.next == no_slot) {
      list.tail = own.previous;
    } else {
      terms(own.next).previous = own.previous;
    }
  }
  if (own.is_peg()) {
    pegs_.erase(slot);
  }
  count_kinds(own, ~std::uint32_t{0});
  --open_orders_;
  if (aggressor_.slot == slot) {
    aggressor_.slot = no_slot;
  }
  pool_.give_back(slot);
  follow_links(slot);
}

void Market::cancel_order(OrderSlot slot, wire::CancelReason reason) noexcept {
  has_cut_ = true;
  detach(slot);
  wire::Event event = event_of(wire::EventKind::canceled, slot);
  event.code = static_cast<std::uint8_t>(reason);
  out_->put(event);
  close(slot);
}

// Takes lots off an order that keeps some: off the reserve first.
void Market::take_off(OrderSlot slot, QuantityLots lots) noexcept {
  Order& order = pool_[slot];
  account_of(slot).open_lots[index_of(order.side())] -= lots.value();
  if (!order.has_terms()) {
    lit_.reduce(slot, lots);
    return;
  }
  Terms& own = terms(slot);
  const QuantityLots hidden = std::min(lots, own.reserve);
  own.reserve = own.reserve - hidden;
  const QuantityLots shown = lots - hidden;
  if (own.state == OrderState::lit && own.type != wire::OrderType::market) {
    lit_.reduce(slot, shown);
  } else if (own.state == OrderState::dark) {
    dark_.reduce(slot, shown);
  } else {
    order.remaining = order.remaining - shown;
  }
  own.minimum = std::min(own.minimum, pool_.lots(slot));
}

void Market::take_lots(OrderSlot slot, QuantityLots lots, wire::CancelReason reason) noexcept {
  has_cut_ = has_cut_ || reason == wire::CancelReason::reduce_only;
  count_out(slot);
  take_off(slot, lots);
  count_in(slot);
  wire::Event event = event_of(wire::EventKind::reduced, slot);
  event.code = static_cast<std::uint8_t>(reason);
  event.remaining = event.quantity;
  event.quantity = lots.value();
  out_->put(event);
}

// Takes lots off an order, which is canceled when none are left.
void Market::lose(OrderSlot slot, QuantityLots lots, wire::CancelReason reason) noexcept {
  if (lots >= pool_.lots(slot)) {
    cancel_order(slot, reason);
  } else {
    take_lots(slot, lots, reason);
  }
}

// A detached order is queued or parked.
void Market::place_last(OrderSlot slot, OrderState state) noexcept {
  Terms& own = terms(slot);
  own.state = state;
  pool_[slot].priority = sequence_;
  if (state == OrderState::queued) {
    push(queue_, slot);
  }
  count_in(slot);
}

// By reach, best first, then in entry order.
void Market::insert_discretionary(OrderSlot slot) noexcept {
  const wire::Side side = pool_[slot].side();
  const PriceTicks reach = reach_of(slot);
  const std::uint64_t accepted = terms(slot).accepted;
  discretionary_[index_of(side)].insert(slot, [&](OrderSlot other) noexcept {
    const PriceTicks others = reach_of(other);
    return others == reach ? terms(other).accepted > accepted : is_better(side, reach, others);
  });
}

// Last among the orders of its auction time in force.
void Market::join_auction_list(Fifo& list, OrderSlot slot) noexcept {
  terms(slot).previous = list.tail;
  terms(slot).next = no_slot;
  if (list.tail == no_slot) {
    list.head = slot;
  } else {
    terms(list.tail).next = slot;
  }
  list.tail = slot;
}

// A detached order comes to rest lit, or in a call phase in the queue of market orders.
void Market::rest_lit(OrderSlot slot, bool is_own) noexcept {
  Order& order = pool_[slot];
  Terms& own = terms(slot);
  const wire::Side side = order.side();
  if (own.type == wire::OrderType::market) {
    own.state = OrderState::lit;
    order.priority = sequence_;
    push(market_queue_[index_of(side)], slot);
    count_in(slot);
    conditionals_are_due_ = true;
    return;
  }
  if (lit_.lacks_level(side, order.price())) {
    cancel_order(slot, wire::CancelReason::no_room);
    return;
  }
  if (own.display != QuantityLots{0}) {
    const QuantityLots shown = std::min(own.display, order.remaining);
    own.reserve = order.remaining - shown;
    order.remaining = shown;
  }
  own.state = OrderState::lit;
  order.priority = sequence_;
  lit_.append(pool_, slot);
  ++lit_terms_[index_of(side)];
  if (own.discretion != 0) {
    insert_discretionary(slot);
  }
  count_in(slot);
  conditionals_are_due_ = true;
  if (!is_own || own.display != QuantityLots{0} || own.type != wire::OrderType::limit) {
    wire::Event event = event_of(wire::EventKind::rested, slot);
    event.quantity = order.remaining.value();
    out_->put(event);
  }
  drop_terms(slot);
}

void Market::rest_dark(OrderSlot slot) noexcept {
  Terms& own = terms(slot);
  own.state = OrderState::dark;
  pool_[slot].priority = sequence_;
  dark_.append(pool_, slot);
  if (own.is_unmet) {
    conditionals_.insert(
        slot, [&](OrderSlot other) noexcept { return terms(other).accepted > own.accepted; });
    conditionals_are_due_ = true;
  }
  count_in(slot);
}

void Market::wait(OrderSlot slot) noexcept {
  Terms& own = terms(slot);
  own.state = OrderState::waiting;
  pool_[slot].priority = sequence_;
  if (own.is_stop()) {
    stops_[index_of(pool_[slot].side())].insert(slot);
  } else {
    trailing_.insert(
        slot, [&](OrderSlot other) noexcept { return terms(other).accepted > own.accepted; });
  }
  count_in(slot);
}

std::uint64_t Market::next_random() noexcept {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return random_ * 0x2545F4914F6CDD1D;
}

// An iceberg of which nothing is shown any more.
void Market::show_anew(OrderSlot slot) noexcept {
  Order& order = pool_[slot];
  Terms& own = terms(slot);
  count_out(slot);
  lit_.remove(pool_, slot);
  std::uint64_t size = own.display.value();
  if (own.is(wire::attribute::random_refresh)) {
    const std::uint64_t bound = 2 * size - 1;
    size = 1 + (((next_random() >> 32) * bound) >> 32);
  }
  const QuantityLots shown{
      static_cast<std::uint32_t>(std::min<std::uint64_t>(size, own.reserve.value()))};
  own.reserve = own.reserve - shown;
  order.remaining = shown;
  order.priority = sequence_;
  lit_.append(pool_, slot);
  count_in(slot);
  conditionals_are_due_ = true;
  wire::Event event = event_of(wire::EventKind::rested, slot);
  event.quantity = shown.value();
  out_->put(event);
}

// Of a detached order.
void Market::meet_minimum(OrderSlot slot) noexcept {
  Terms& own = terms(slot);
  count_kinds(own, ~std::uint32_t{0});
  own.is_unmet = false;
  own.minimum = QuantityLots{0};
  count_kinds(own, 1);
}

// Adds `change`, modulo 2^32, to the counts of the pools of special kinds.
void Market::count_kinds(const Terms& own, std::uint32_t change) noexcept {
  const auto count = [change](std::uint32_t& kind, bool is_of_kind) noexcept {
    kind += is_of_kind ? change : 0;
  };
  const bool is_unmet = own.is_unmet;
  count(dark_kind_, own.is(wire::attribute::hidden) || own.is_peg() || is_unmet);
  count(stop_kind_, own.is_stop());
  count(trailing_kind_, own.type == wire::OrderType::trailing_stop);
  count(discretion_kind_, own.discretion != 0);
  count(peg_kind_, own.is_peg());
  count(conditional_kind_, is_unmet);
}

// Takes a slot for an order whose checks have passed.
OrderSlot Market::open_order(const Draft& draft) noexcept {
  const OrderSlot slot = pool_.take();
  fill_order(slot, draft);
  return slot;
}

// Makes the order in a slot that was taken. It is entering.
void Market::fill_order(OrderSlot slot, const Draft& draft) noexcept {
  Order& order = pool_[slot];
  order.remaining = draft.quantity;
  order.set_price_and_side(draft.price, draft.side);
  order.owner = draft.row | Order::has_terms_bit;
  order.priority = sequence_;
  Terms& own = terms(slot);
  own = Terms{};
  own.type = draft.type;
  own.time_in_force = draft.time_in_force;
  own.state = OrderState::entering;
  own.discretion = draft.discretion;
  own.attributes = draft.attributes;
  own.group = draft.group;
  own.display = draft.display;
  own.minimum = draft.minimum;
  own.trigger = draft.trigger;
  own.expiry_s = draft.expiry_s;
  own.accepted = sequence_.value();
  own.is_unmet = draft.is_unmet;
  if (own.is_peg()) {
    own.extreme = draft.price;
  } else if (own.type == wire::OrderType::trailing_stop) {
    own.extreme = last_trade_;
  }
  Account& account = accounts_[draft.row];
  ++account.open_orders;
  account.open_lots[index_of(draft.side)] += draft.quantity.value();
  join_chain(slot, account);
  ++open_orders_;
  if (own.time_in_force == wire::TimeInForce::gtd) {
    expiries_.insert(slot);
  }
  if (own.is_auction()) {
    join_auction_list(auction_orders_[auction_index(own.time_in_force)], slot);
  }
  if (own.is_peg()) {
    pegs_.insert(slot, [](OrderSlot) noexcept { return false; });
  }
  count_kinds(own, 1);
}

}  // namespace meridian::engine
