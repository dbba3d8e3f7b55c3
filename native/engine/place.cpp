// The general path of place, replace, cancel and reduce: README.md, "Checks".
#include "base/ensure.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

namespace {

namespace attribute = wire::attribute;
using wire::CommandKind;
using wire::OrderType;
using wire::Refusal;
using wire::TimeInForce;

// Bits for the fields of a command besides its head, tag and account.
constexpr std::uint32_t field_side = 1;
constexpr std::uint32_t field_type = 2;
constexpr std::uint32_t field_time_in_force = 4;
constexpr std::uint32_t field_order_id = 8;
constexpr std::uint32_t field_price = 16;
constexpr std::uint32_t field_trigger = 32;
constexpr std::uint32_t field_quantity = 64;
constexpr std::uint32_t field_display = 128;
constexpr std::uint32_t field_minimum = 256;
constexpr std::uint32_t field_expiry = 512;
constexpr std::uint32_t field_attributes = 1024;
constexpr std::uint32_t field_discretion = 2048;
constexpr std::uint32_t field_group = 4096;

std::uint32_t fields_of(const wire::Command& command) noexcept {
  std::uint32_t fields = 0;
  const auto note = [&fields](bool is_set, std::uint32_t field) noexcept {
    fields |= is_set ? field : 0U;
  };
  note(command.side != 0, field_side);
  note(command.order_type != 0, field_type);
  note(command.time_in_force != 0, field_time_in_force);
  note(command.order_id != 0, field_order_id);
  note(command.price != 0, field_price);
  note(command.trigger != 0, field_trigger);
  note(command.quantity != 0, field_quantity);
  note(command.display != 0, field_display);
  note(command.minimum != 0, field_minimum);
  note(command.expiry_s != 0, field_expiry);
  note(command.attributes != 0, field_attributes);
  note(command.discretion != 0, field_discretion);
  note(command.group != 0, field_group);
  return fields;
}

wire::SelfTrade self_trade_of(std::uint16_t attributes) noexcept {
  return static_cast<wire::SelfTrade>((attributes & attribute::self_trade_bits) >>
                                      attribute::self_trade_shift);
}

wire::Link link_of(std::uint16_t attributes) noexcept {
  return static_cast<wire::Link>((attributes & attribute::link_bits) >> attribute::link_shift);
}

bool is_day_like(TimeInForce time_in_force) noexcept {
  return time_in_force == TimeInForce::day || time_in_force == TimeInForce::gtc ||
         time_in_force == TimeInForce::gtd;
}

// An iceberg shows a share of its lots that bounds how often one command can make it show anew.
constexpr std::uint64_t showings = 1024;

}  // namespace

// Step 3 of the checks.
bool Market::is_well_formed(const wire::Command& command) noexcept {
  const std::uint32_t fields = fields_of(command);
  const auto uses = [fields](std::uint32_t allowed) noexcept { return (fields & ~allowed) == 0; };
  switch (static_cast<CommandKind>(command.kind)) {
    case CommandKind::place:
      return has_shape(command);
    case CommandKind::cancel:
      return uses(field_order_id);
    case CommandKind::reduce:
      return uses(field_order_id | field_quantity);
    case CommandKind::replace:
      return uses(field_order_id | field_price | field_quantity | field_trigger);
    case CommandKind::configure:
      return uses(field_type | field_order_id | field_price | field_trigger | field_quantity) &&
             command.order_type <= static_cast<std::uint8_t>(wire::DurabilityMode::replicated);
    case CommandKind::set_state:
      return uses(field_type) &&
             command.order_type <= static_cast<std::uint8_t>(wire::MarketState::closed);
    case CommandKind::set_breaker:
      return uses(field_type | field_price | field_quantity | field_expiry) &&
             command.order_type <= static_cast<std::uint8_t>(wire::BreakerMode::limit_state) &&
             (command.order_type == 0 || command.quantity != 0) && command.price >= 0 &&
             static_cast<std::uint32_t>(command.price) <= highest_price;
    case CommandKind::mass_cancel: {
      const std::uint32_t side =
          (command.order_type & wire::filter::by_side) != 0 ? field_side : 0U;
      const std::uint32_t price =
          (command.order_type & wire::filter::by_price) != 0 ? field_price | field_trigger : 0U;
      const std::uint32_t group =
          (command.order_type & wire::filter::by_group) != 0 ? field_group : 0U;
      return uses(field_type | side | price | group) && command.order_type <= 7 &&
             command.side <= 1;
    }
    case CommandKind::set_limit: {
      const bool is_rate =
          command.order_type >= static_cast<std::uint8_t>(wire::AccountLimit::message_rate);
      return uses(field_type | field_order_id | field_quantity) &&
             command.order_type < wire::account_limit_count && command.order_id <= highest_safe &&
             is_rate == (command.quantity != 0);
    }
    case CommandKind::kill:
      return uses(field_type) && command.order_type <= 1;
    case CommandKind::set_position:
      return uses(field_side | field_order_id) && command.side <= 1 &&
             command.order_id <= highest_position;
    case CommandKind::bust:
      return uses(field_order_id | field_quantity);
    case CommandKind::correct:
      return uses(field_order_id | field_quantity | field_price | field_display);
    case CommandKind::tick:
      return fields == 0;
    case CommandKind::seed:
      return uses(field_order_id) && command.order_id != 0;
  }
  return false;
}

// Whether the combination of fields is one that an order can have: the table "Shapes of place".
bool Market::has_shape(const wire::Command& command) noexcept {
  const std::uint16_t bits = command.attributes;
  const auto type = static_cast<OrderType>(command.order_type);
  const auto time_in_force = static_cast<TimeInForce>(command.time_in_force);
  const auto link = link_of(bits);
  const bool are_codes_known =
      command.side <= 1 && command.order_type <= static_cast<std::uint8_t>(OrderType::pegged_mid) &&
      command.time_in_force <= static_cast<std::uint8_t>(TimeInForce::good_for_auction) &&
      (bits & attribute::unused_bits) == 0 && self_trade_of(bits) <= wire::SelfTrade::decrement &&
      link <= wire::Link::child;
  if (!are_codes_known) {
    return false;
  }
  const bool is_day = is_day_like(time_in_force);
  const bool is_auction = time_in_force >= TimeInForce::at_open;
  const auto may_have = [&](std::uint32_t attributes, std::uint32_t fields) noexcept {
    constexpr std::uint32_t others = field_display | field_minimum | field_discretion;
    return (bits & ~(attributes | attribute::self_trade_bits)) == 0 &&
           (fields_of(command) & others & ~fields) == 0;
  };
  constexpr std::uint32_t usual = attribute::reduce_only | attribute::link_bits;
  bool fits = false;
  switch (type) {
    case OrderType::limit:
      fits = command.trigger == 0 && may_have(0xFFFFU & ~std::uint32_t{attribute::trail_bps},
                                              field_display | field_minimum | field_discretion);
      break;
    case OrderType::market:
      fits = (time_in_force <= TimeInForce::fok || is_auction) && command.price == 0 &&
             command.trigger >= 0 &&
             may_have(usual, time_in_force == TimeInForce::ioc ? field_minimum : 0U);
      break;
    case OrderType::stop:
      fits = is_day && command.price == 0 && may_have(usual, 0);
      break;
    case OrderType::stop_limit:
      fits = is_day && may_have(usual | attribute::hidden, field_display);
      break;
    case OrderType::trailing_stop:
      fits = is_day && command.price == 0 && command.trigger >= 1 &&
             ((bits & attribute::trail_bps) == 0 || command.trigger <= 9'999) &&
             may_have(usual | attribute::trail_bps, 0);
      break;
    case OrderType::pegged_primary:
    case OrderType::pegged_market:
    case OrderType::pegged_mid:
      fits = is_day && command.price >= 0 &&
             command.trigger >= (type == OrderType::pegged_market ? 1 : 0) &&
             may_have(attribute::reduce_only, 0);
      break;
  }
  const bool is_post_only = (bits & attribute::post_only) != 0;
  const bool is_hidden = (bits & attribute::hidden) != 0;
  const bool is_all = (bits & attribute::all_or_none) != 0;
  const bool reprices = (bits & attribute::reprice) != 0;
  const bool has_display = command.display != 0;
  const bool has_minimum = command.minimum != 0;
  const bool has_discretion = command.discretion != 0;
  const bool is_conditional = is_all || has_minimum;
  return fits && (command.expiry_s != 0) == (time_in_force == TimeInForce::gtd) &&
         (!reprices || is_post_only) && ((bits & attribute::random_refresh) == 0 || has_display) &&
         (!has_display ||
          (command.display < command.quantity && command.display * showings >= command.quantity)) &&
         command.minimum <= command.quantity && !(is_all && has_minimum) &&
         (command.order_id != 0) == (link != wire::Link::none) &&
         !(is_hidden && (has_display || has_discretion)) &&
         (is_day || (!is_post_only && !has_display && !has_discretion)) &&
         !((is_post_only || has_discretion) && (is_conditional || is_hidden)) &&
         !(is_post_only && has_discretion) &&
         !(has_display && (has_discretion || is_conditional)) &&
         (!is_conditional || (!is_auction && time_in_force != TimeInForce::fok));
}

// Whether orders like this are taken in the present state, which is neither halted nor closed.
Refusal Market::check_phase(const Draft& draft) const noexcept {
  bool fits = false;
  if (state_ == wire::MarketState::open) {
    fits = draft.time_in_force != TimeInForce::at_open;
  } else {
    const bool is_auction = draft.time_in_force >= TimeInForce::at_open;
    const bool is_opening = state_ <= wire::MarketState::opening_auction;
    fits = (is_auction || (is_day_like(draft.time_in_force) && draft.type != OrderType::market)) &&
           !draft.is(attribute::post_only) &&
           (is_opening || draft.time_in_force != TimeInForce::at_open);
  }
  return fits ? Refusal::none : Refusal::not_in_phase;
}

Refusal Market::check_link(const wire::Command& command, OrderSlot linked) const noexcept {
  if (linked == no_slot) {
    return Refusal::order_unknown;
  }
  if (accounts_[pool_[linked].row()].id.value() != command.account) {
    return Refusal::order_not_yours;
  }
  if (!pool_[linked].has_terms()) {
    return Refusal::none;
  }
  const Terms& other = terms(linked);
  const bool is_free = other.role == LinkRole::none ||
                       (link_of(command.attributes) == wire::Link::child &&
                        other.role == LinkRole::parent && other.other_link == no_slot);
  return is_free ? Refusal::none : Refusal::link_invalid;
}

// False when a reduce_only order has no position to reduce.
bool Market::cut_to_position(Draft& draft) const noexcept {
  if (!draft.is(attribute::reduce_only)) {
    return true;
  }
  const std::int64_t position = draft.row == no_row ? 0 : accounts_[draft.row].position;
  const std::int64_t held = draft.side == wire::Side::sell ? position : -position;
  if (held <= 0) {
    return false;
  }
  if (held < static_cast<std::int64_t>(draft.quantity.value())) {
    draft.quantity = QuantityLots{static_cast<std::uint32_t>(held)};
  }
  draft.minimum = std::min(draft.minimum, draft.quantity);
  if (draft.display >= draft.quantity) {
    draft.display = QuantityLots{0};
  }
  return true;
}

// Whether the order matches as soon as it is accepted. Pegs are priced first and do not count.
bool Market::enters_at_once(const Draft& draft) const noexcept {
  return state_ == wire::MarketState::open && !draft.is_child &&
         (draft.type == OrderType::limit || draft.type == OrderType::market ||
          draft.is_triggered) &&
         draft.time_in_force != TimeInForce::at_close &&
         draft.time_in_force != TimeInForce::good_for_auction;
}

Refusal Market::check_post_only(Draft& draft) const noexcept {
  if (!draft.is(attribute::post_only) || !enters_at_once(draft)) {
    return Refusal::none;
  }
  return reprice_post_only(draft.side, draft.price, draft.is(attribute::reprice))
             ? Refusal::none
             : Refusal::post_only;
}

Refusal Market::check_pools(const Draft& draft) const noexcept {
  const bool is_peg = draft.type >= OrderType::pegged_primary;
  const bool is_stop = draft.type == OrderType::stop || draft.type == OrderType::stop_limit;
  const bool is_full =
      ((draft.is(attribute::hidden) || is_peg || draft.is_unmet) && dark_kind_ == book_pool) ||
      (is_stop && stop_kind_ == book_pool) ||
      (draft.type == OrderType::trailing_stop && trailing_kind_ == list_pool) ||
      (draft.discretion != 0 && discretion_kind_ == list_pool) ||
      (is_peg && peg_kind_ == peg_pool) || (draft.is_unmet && conditional_kind_ == peg_pool);
  return is_full ? Refusal::special_pool_full : Refusal::none;
}

// Room for what an order cannot execute at once. `replaced` leaves before it, if there is one.
Refusal Market::check_space(const Draft& draft, OrderSlot replaced) const noexcept {
  const bool at_once = enters_at_once(draft);
  const bool may_stay =
      !at_once || (draft.type != OrderType::market && draft.time_in_force != TimeInForce::ioc &&
                   draft.time_in_force != TimeInForce::fok);
  if (!may_stay) {
    return Refusal::none;
  }
  if (replaced == no_slot) {
    const Refusal refusal = check_pools(draft);
    if (refusal != Refusal::none) {
      return refusal;
    }
  }
  const bool is_full = replaced == no_slot && open_orders_ >= rules_.capacity;
  const PriceTicks price =
      state_ == wire::MarketState::open ? clamped(draft.side, draft.price) : draft.price;
  const bool is_parked_for_later =
      (draft.time_in_force == TimeInForce::at_close &&
       state_ != wire::MarketState::closing_auction) ||
      (draft.time_in_force == TimeInForce::good_for_auction && !is_call());
  const bool is_limit =
      draft.type == OrderType::limit || (draft.type == OrderType::stop_limit && draft.is_triggered);
  const bool rests_lit =
      is_limit && !draft.is(attribute::hidden) && !draft.is_child && !is_parked_for_later;
  bool lacks_level = rests_lit && lit_.lacks_level(draft.side, price);
  if (lacks_level && replaced != no_slot && state_of(replaced) == OrderState::lit &&
      pool_[replaced].side() == draft.side && lit_.is_alone(replaced)) {
    lacks_level = false;
  }
  if (!is_full && !lacks_level) {
    return Refusal::none;
  }
  std::uint64_t now = 0;
  // What an order could trade with may be the one that is its partner from now on.
  if (at_once && !draft.is(attribute::post_only) && !draft.is_paired) {
    now = executable(draft.side, widened(draft.side, price, draft.discretion), true, draft.quantity,
                     draft.row, draft.self_trade());
  }
  if (now >= draft.quantity.value()) {
    return Refusal::none;
  }
  if (is_full) {
    return Refusal::order_pool_full;
  }
  const std::uint64_t needed =
      draft.is(attribute::all_or_none) ? draft.quantity.value() : draft.minimum.value();
  return draft.is_unmet && now < needed ? Refusal::none : Refusal::level_pool_full;
}

Outcome Market::outcome_of(OrderId id) const noexcept {
  const OrderSlot slot = pool_.find(id.value());
  return {.order_id = id,
          .executed = own_executed_,
          .remaining = slot == no_slot ? QuantityLots{0} : pool_.lots(slot)};
}

Outcome Market::refused(const wire::Command& command, Refusal refusal) noexcept {
  return put_refused(command, refusal, *out_);
}

Outcome Market::place_any(const wire::Command& command) noexcept {
  if (command.account == 0) {
    return refused(command, Refusal::account_invalid);
  }
  if (state_ == wire::MarketState::closed) {
    return refused(command, Refusal::market_closed);
  }
  if (state_ == wire::MarketState::halted) {
    return refused(command, Refusal::market_halted);
  }
  Draft draft;
  draft.account = command.account;
  draft.side = static_cast<wire::Side>(command.side);
  draft.type = static_cast<OrderType>(command.order_type);
  draft.time_in_force = static_cast<TimeInForce>(command.time_in_force);
  draft.attributes = command.attributes;
  draft.quantity = QuantityLots{command.quantity};
  draft.display = QuantityLots{command.display};
  draft.minimum = QuantityLots{command.minimum};
  draft.is_unmet = draft.is(attribute::all_or_none) || command.minimum != 0;
  draft.is_child = link_of(command.attributes) == wire::Link::child;
  draft.is_paired = link_of(command.attributes) == wire::Link::oco;
  draft.expiry_s = command.expiry_s;
  draft.discretion = command.discretion;
  draft.group = command.group;
  Refusal refusal = check_phase(draft);
  if (refusal == Refusal::none) {
    refusal = check_account_and_quantity(command);
  }
  const bool is_stop = draft.type == OrderType::stop || draft.type == OrderType::stop_limit;
  if (refusal == Refusal::none &&
      (draft.has_limit() || (draft.type >= OrderType::pegged_primary && command.price != 0))) {
    refusal = check_price(command.price);
  }
  if (refusal == Refusal::none && is_stop) {
    refusal = check_price(command.trigger);
  }
  draft.price = PriceTicks{static_cast<std::uint32_t>(command.price)};
  draft.trigger = static_cast<std::uint32_t>(command.trigger);
  const wire::Link kind = link_of(command.attributes);
  const OrderSlot linked = kind == wire::Link::none ? no_slot : pool_.find(command.order_id);
  if (refusal == Refusal::none && kind != wire::Link::none) {
    refusal = check_link(command, linked);
  }
  if (refusal == Refusal::none && draft.type == OrderType::trailing_stop &&
      last_trade_ == PriceTicks{0}) {
    refusal = Refusal::no_reference;
  }
  draft.row = accounts_.find(command.account);
  if (refusal == Refusal::none && !cut_to_position(draft)) {
    refusal = Refusal::reduce_only;
  }
  if (refusal == Refusal::none) {
    refusal = check_post_only(draft);
  }
  if (refusal == Refusal::none && draft.row == no_row && accounts_.is_full()) {
    refusal = Refusal::account_table_full;
  }
  if (refusal == Refusal::none && draft.row != no_row &&
      (accounts_[draft.row].flags & Account::risk_bits) != 0) {
    refusal = check_risk({.row = draft.row,
                          .side = draft.side,
                          .limit = draft.price,
                          .quantity = draft.quantity,
                          .replaced = QuantityLots{0},
                          .is_replace = false,
                          .is_reduce_only = draft.is(attribute::reduce_only)});
  }
  if (refusal == Refusal::none) {
    refusal = check_space(draft, no_slot);
  }
  if (refusal == Refusal::none && !pool_.has_slot()) {
    refusal = Refusal::order_pool_full;
  }
  if (refusal != Refusal::none) {
    return refused(command, refusal);
  }
  draft.row = row_for(command.account);
  const OrderSlot slot = open_order(draft);
  own_slot_ = slot;
  const OrderId id = pool_.id_of(slot);
  wire::Event event = event_of(wire::EventKind::accepted, slot);
  event.code = command.order_type;
  event.other_order_id = command.order_id;
  event.other_price = command.trigger;
  out_->put(event);
  if (kind != wire::Link::none) {
    link(slot, linked, kind);
  }
  start(slot, true);
  return outcome_of(id);
}

// Finds the open order that the command names, if its account owns it.
Refusal Market::check_named(const wire::Command& command, OrderSlot& named) const noexcept {
  if (command.account == 0) {
    return Refusal::account_invalid;
  }
  named = pool_.find(command.order_id);
  if (named == no_slot) {
    return Refusal::order_unknown;
  }
  return check_owner(command, accounts_[pool_[named].row()]);
}

Outcome Market::replace_any(const wire::Command& command) noexcept {
  Refusal refusal = Refusal::none;
  if (command.account == 0) {
    refusal = Refusal::account_invalid;
  } else if (state_ == wire::MarketState::closed) {
    refusal = Refusal::market_closed;
  } else if (state_ == wire::MarketState::halted) {
    refusal = Refusal::market_halted;
  } else {
    refusal = check_account_and_quantity(command);
  }
  OrderSlot old = no_slot;
  if (refusal == Refusal::none) {
    refusal = check_named(command, old);
  }
  if (refusal != Refusal::none) {
    return refused(command, refusal);
  }
  const bool was_plain = !pool_[old].has_terms();
  give_terms(old);
  const Terms before = terms(old);
  const bool is_peg = before.is_peg();
  const bool has_limit = before.type == OrderType::limit || before.type == OrderType::stop_limit;
  const bool is_trailing = before.type == OrderType::trailing_stop;
  bool is_good =
      (has_limit || (is_peg ? command.price >= 0 : command.price == 0)) &&
      (before.is_stop() || is_trailing || is_peg || command.trigger == 0) &&
      (before.display == QuantityLots{0} || before.display.value() * showings >= command.quantity);
  if ((is_trailing || is_peg) && command.trigger < 0) {
    is_good = false;
  }
  if (is_trailing && before.is(attribute::trail_bps) && command.trigger > 9'999) {
    is_good = false;
  }
  if (!is_good) {
    refusal = Refusal::command_invalid;
  }
  if (refusal == Refusal::none && (has_limit || (is_peg && command.price != 0))) {
    refusal = check_price(command.price);
  }
  if (refusal == Refusal::none && before.is_stop() && command.trigger != 0) {
    refusal = check_price(command.trigger);
  }
  Draft draft;
  draft.account = command.account;
  draft.row = pool_[old].row();
  draft.side = pool_[old].side();
  draft.type = before.type;
  draft.time_in_force = before.time_in_force;
  draft.price = PriceTicks{static_cast<std::uint32_t>(command.price)};
  draft.trigger =
      command.trigger != 0 ? static_cast<std::uint32_t>(command.trigger) : before.trigger;
  draft.quantity = QuantityLots{command.quantity};
  draft.display = before.display >= draft.quantity ? QuantityLots{0} : before.display;
  draft.minimum = std::min(before.minimum, draft.quantity);
  draft.is_unmet = before.is_unmet;
  draft.is_child = before.role == LinkRole::child;
  draft.is_triggered = before.is_triggered;
  draft.expiry_s = before.expiry_s;
  draft.attributes = before.attributes;
  draft.discretion = before.discretion;
  draft.group = before.group;
  const QuantityLots open = pool_.lots(old);
  if (refusal == Refusal::none && !cut_to_position(draft)) {
    refusal = Refusal::reduce_only;
  }
  const bool is_queued = before.state == OrderState::queued;
  if (refusal == Refusal::none && !is_queued) {
    refusal = check_post_only(draft);
  }
  if (refusal == Refusal::none && (accounts_[draft.row].flags & Account::risk_bits) != 0) {
    refusal = check_risk({.row = draft.row,
                          .side = draft.side,
                          .limit = draft.price,
                          .quantity = draft.quantity,
                          .replaced = open,
                          .is_replace = true,
                          .is_reduce_only = draft.is(attribute::reduce_only)});
  }
  if (refusal == Refusal::none && !is_queued) {
    refusal = check_space(draft, old);
  }
  if (refusal == Refusal::none && !pool_.is_reusable(old) && !pool_.has_slot()) {
    refusal = Refusal::order_pool_full;
  }
  if (refusal != Refusal::none) {
    if (was_plain) {
      drop_terms(old);
    }
    return refused(command, refusal);
  }
  // The old order leaves first: the new one takes its slot, so its id differs by a generation.
  const OrderId old_id = pool_.id_of(old);
  const std::uint32_t executed = pool_.executed(old);
  detach(old);
  terms(old).role = LinkRole::none;
  close(old);
  const OrderSlot slot = open_order(draft);
  own_slot_ = slot;
  Terms& own = terms(slot);
  own.is_triggered = before.is_triggered;
  if (is_trailing) {
    own.extreme = before.extreme;
  }
  if (executed != 0) {
    pool_.add_executed(slot, executed);
  }
  carry_links(before, old, slot);
  const OrderId id = pool_.id_of(slot);
  wire::Event event = event_of(wire::EventKind::replaced, slot);
  event.code = static_cast<std::uint8_t>(draft.type);
  event.remaining = open.value();
  event.other_order_id = old_id.value();
  event.other_price = static_cast<std::int32_t>(draft.trigger);
  out_->put(event);
  if (is_queued) {
    enqueue(slot);
  } else if (before.state == OrderState::waiting && is_trailing) {
    start_waiting(slot, true);
  } else {
    start(slot, true);
  }
  return outcome_of(id);
}

Outcome Market::cancel_any(const wire::Command& command) noexcept {
  OrderSlot named = no_slot;
  const Refusal refusal = check_named(command, named);
  if (refusal != Refusal::none) {
    return refused(command, refusal);
  }
  const OrderId id = pool_.id_of(named);
  cancel_order(named, wire::CancelReason::user);
  return {.order_id = id};
}

Outcome Market::reduce_any(const wire::Command& command) noexcept {
  OrderSlot named = no_slot;
  const Refusal refusal = check_named(command, named);
  if (refusal != Refusal::none) {
    return refused(command, refusal);
  }
  if (command.quantity == 0) {
    return refused(command, Refusal::quantity_not_positive);
  }
  const OrderId id = pool_.id_of(named);
  const QuantityLots lots{command.quantity};
  if (lots >= pool_.lots(named)) {
    cancel_order(named, wire::CancelReason::reduced_to_zero);
    return {.order_id = id};
  }
  take_lots(named, lots, wire::CancelReason::user);
  return {.order_id = id, .remaining = pool_.lots(named)};
}

}  // namespace meridian::engine
