// The general path of a command: time passes, the command acts, work goes on. README.md, "Time and
// work".
#include "base/ensure.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

Outcome Market::put_refused(const wire::Command& command, wire::Refusal refusal,
                            EventWriter& out) noexcept {
  const bool names_order = command.kind == static_cast<std::uint8_t>(wire::CommandKind::cancel) ||
                           command.kind == static_cast<std::uint8_t>(wire::CommandKind::reduce) ||
                           command.kind == static_cast<std::uint8_t>(wire::CommandKind::replace);
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::refused);
  event.code = static_cast<std::uint8_t>(refusal);
  event.account = command.account;
  event.order_id = names_order && command.order_id <= highest_safe ? command.order_id : 0;
  out.put(event);
  return {.refusal = refusal};
}

bool Market::put_repeated(const SessionTable::Stored& stored, EventWriter& out) noexcept {
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::repeated);
  event.code = stored.refusal();
  event.order_id = stored.order_id().value();
  event.quantity = stored.executed.value();
  event.remaining = stored.remaining.value();
  event.other_order_id = stored.sequence;
  out.put(event);
  return true;
}

Outcome Market::act(const wire::Command& command, Sequence sequence, std::uint64_t timestamp_ns,
                    EventWriter& out) noexcept {
  if (!is_well_formed(command)) {
    return put_refused(command, wire::Refusal::command_invalid, out);
  }
  const bool configures = command.kind == static_cast<std::uint8_t>(wire::CommandKind::configure);
  if (rules_.capacity == 0 && !configures) {
    return put_refused(command, wire::Refusal::not_configured, out);
  }
  out_ = &out;
  sequence_ = sequence;
  own_slot_ = no_slot;
  own_executed_ = QuantityLots{0};
  pass_time(timestamp_ns);
  begin_step();
  const Outcome outcome = act_on(command);
  end_step();
  // What work does is no part of an outcome.
  own_slot_ = no_slot;
  run_work();
  finish_command();
  return outcome;
}

Outcome Market::act_on(const wire::Command& command) noexcept {
  wire::Event event{};
  switch (static_cast<wire::CommandKind>(command.kind)) {
    case wire::CommandKind::place:
      return place_any(command);
    case wire::CommandKind::cancel:
      return cancel_any(command);
    case wire::CommandKind::reduce:
      return reduce_any(command);
    case wire::CommandKind::replace:
      return replace_any(command);
    case wire::CommandKind::configure:
      return configure(command);
    case wire::CommandKind::set_state:
      set_state(static_cast<wire::MarketState>(command.order_type));
      return {};
    case wire::CommandKind::set_breaker:
      return set_breaker(command);
    case wire::CommandKind::mass_cancel:
      return mass_cancel(command);
    case wire::CommandKind::set_limit:
      return set_limit(command);
    case wire::CommandKind::kill:
      return kill(command);
    case wire::CommandKind::set_position:
      return set_position(command);
    case wire::CommandKind::bust:
    case wire::CommandKind::correct:
      return bust_or_correct(command);
    case wire::CommandKind::tick:
      event.kind = static_cast<std::uint8_t>(wire::EventKind::ticked);
      out_->put(event);
      return {};
    case wire::CommandKind::seed:
      random_ = command.order_id;
      event.kind = static_cast<std::uint8_t>(wire::EventKind::seeded);
      out_->put(event);
      return {};
  }
  // is_well_formed() knows every kind.
  ensure(false);
  return {};
}

// A plain order of the plain path has met a maker with terms: the rest of it goes on in general.
Outcome Market::go_on_matching(const Entry& entry, QuantityLots rest, Sequence sequence,
                               EventWriter& out) noexcept {
  out_ = &out;
  sequence_ = sequence;
  Draft draft;
  draft.account = entry.account.value();
  draft.row = entry.row;
  draft.side = entry.side;
  draft.type = entry.is_market ? wire::OrderType::market : wire::OrderType::limit;
  draft.time_in_force = entry.is_all_or_nothing             ? wire::TimeInForce::fok
                        : entry.may_rest || entry.is_market ? wire::TimeInForce::day
                                                            : wire::TimeInForce::ioc;
  draft.price = entry.is_market ? PriceTicks{0} : entry.limit;
  draft.quantity = rest;
  const QuantityLots executed = entry.quantity - rest;
  fill_order(entry.slot, draft);
  if (entry.carried + executed.value() != 0) {
    pool_.add_executed(entry.slot, entry.carried);
    pool_.add_executed(entry.slot, executed.value());
  }
  own_slot_ = entry.slot;
  own_executed_ = executed;
  set_aggressor(entry.slot, entry.limit, true);
  if (match_candidates() != Stop::gone) {
    finish_entry(entry.slot, true, Stop::none);
  }
  const Outcome outcome = outcome_of(entry.id);
  own_slot_ = no_slot;
  end_step();
  run_work();
  finish_command();
  return outcome;
}

// A plain order has traded while stops wait.
bool Market::end_plain_step(Sequence sequence, EventWriter& out) noexcept {
  out_ = &out;
  sequence_ = sequence;
  end_step();
  run_work();
  finish_command();
  return true;
}

void Market::pass_time(std::uint64_t timestamp_ns) noexcept {
  now_ns_ = std::max(now_ns_, timestamp_ns);
  const std::uint64_t now_s = now_ns_ / 1'000'000'000;
  for (std::uint32_t count = 0;
       count < work_limit && !expiries_.is_empty() && terms(expiries_.first()).expiry_s <= now_s;
       ++count) {
    cancel_order(expiries_.first(), wire::CancelReason::expired);
  }
  if (breaker_.edge != PriceTicks{0} && breaker_.limit_state_s != 0 &&
      now_ns_ >= breaker_.began_ns + std::uint64_t{breaker_.limit_state_s} * 1'000'000'000) {
    begin_step();
    set_state(wire::MarketState::volatility_auction);
  }
  run_work();
}

void Market::begin_step() noexcept {
  step_ = Step{};
  if (breaker_.mode == wire::BreakerMode::none) {
    return;
  }
  const bool interrupts = breaker_.mode == wire::BreakerMode::interrupt;
  const PriceTicks reference =
      interrupts && last_trade_ != PriceTicks{0} ? last_trade_ : breaker_.reference;
  if (reference == PriceTicks{0}) {
    return;
  }
  const std::uint32_t center = reference.value();
  const std::uint32_t width = breaker_.width;
  step_.allowed_low = PriceTicks{center > width ? center - width : 0U};
  step_.allowed_high = PriceTicks{
      width > above_every_price.value() - center ? above_every_price.value() : center + width};
}

void Market::end_step() noexcept {
  if (step_.is_interrupted && state_ == wire::MarketState::open) {
    set_state(wire::MarketState::volatility_auction);
  }
  elect_stops();
  step_ = Step{};
}

bool Market::are_pegs_due() const noexcept {
  return peg_kind_ != 0 && (pegs_are_due_ || lit_.best(wire::Side::buy) != peg_bid_ ||
                            lit_.best(wire::Side::sell) != peg_ask_);
}

bool Market::are_conditionals_due() const noexcept {
  return conditionals_are_due_ && !conditionals_.is_empty();
}

bool Market::has_work() const noexcept {
  return sweep_count_ != 0 || day_end_row_ != no_row ||
         (state_ == wire::MarketState::open &&
          (queue_.head != no_slot || are_pegs_due() || are_conditionals_due()));
}

void Market::run_work() noexcept {
  for (std::uint32_t step = 0; step < work_limit && has_work(); ++step) {
    begin_step();
    if (!work_once()) {
      return;
    }
    end_step();
  }
}

// One step of work. False when there was none.
bool Market::work_once() noexcept {
  if (sweep_once()) {
    return true;
  }
  if (state_ != wire::MarketState::open) {
    return false;
  }
  if (queue_.head != no_slot) {
    enter_queued();
    return true;
  }
  if (are_pegs_due()) {
    reprice_pegs();
    return true;
  }
  if (are_conditionals_due()) {
    enter_conditionals();
    return true;
  }
  return false;
}

bool Market::is_swept(const Sweep& sweep, OrderSlot slot) const noexcept {
  const Order& order = pool_[slot];
  const bool has_terms = order.has_terms();
  if ((sweep.filters & wire::filter::by_side) != 0 &&
      static_cast<std::uint8_t>(order.side()) != sweep.side) {
    return false;
  }
  if ((sweep.filters & wire::filter::by_group) != 0 &&
      (has_terms ? terms(slot).group : 0) != sweep.group) {
    return false;
  }
  if ((sweep.filters & wire::filter::by_price) != 0) {
    std::int64_t price = order.price().value();
    if (has_terms) {
      const Terms& own = terms(slot);
      if (own.is_stop()) {
        price = own.trigger;
      } else if (own.type == wire::OrderType::market ||
                 own.type == wire::OrderType::trailing_stop ||
                 (own.is_peg() && own.state != OrderState::dark)) {
        return false;
      }
    }
    if (price < sweep.low || price > sweep.high) {
      return false;
    }
  }
  if (sweep.reason == wire::CancelReason::day_end) {
    return !has_terms || terms(slot).time_in_force == wire::TimeInForce::day ||
           terms(slot).is_auction();
  }
  return true;
}

// The oldest sweep cancels its next order; sweeps without one are done. False when none had one.
bool Market::sweep_once() noexcept {
  const auto next_of = [&](Sweep& sweep) noexcept {
    while (sweep.next != no_slot) {
      const OrderSlot slot = sweep.next;
      if (accepted_of(slot) >= sweep.sequence) {
        sweep.next = no_slot;
        break;
      }
      sweep.next = pool_.chain(slot).younger;
      if (is_swept(sweep, slot)) {
        return slot;
      }
    }
    return no_slot;
  };
  while (day_end_row_ != no_row) {
    if (!day_end_began_) {
      day_end_.next = accounts_[day_end_row_].oldest;
      day_end_began_ = true;
    }
    const OrderSlot slot = next_of(day_end_);
    if (slot != no_slot) {
      cancel_order(slot, day_end_.reason);
      return true;
    }
    day_end_began_ = false;
    ++day_end_row_;
    if (day_end_row_ >= accounts_.size()) {
      day_end_row_ = no_row;
    }
  }
  while (sweep_count_ != 0) {
    const OrderSlot slot = next_of(sweeps_[0]);
    if (slot != no_slot) {
      cancel_order(slot, sweeps_[0].reason);
      return true;
    }
    if (sweeps_[0].row != no_row) {
      --accounts_[sweeps_[0].row].sweeps;
    }
    --sweep_count_;
    for (std::uint32_t number = 0; number < sweep_count_; ++number) {
      sweeps_[number] = sweeps_[number + 1];
    }
  }
  return false;
}

void Market::enter_queued() noexcept {
  const OrderSlot slot = queue_.head;
  detach(slot);
  enter_open(slot, false);
}

void Market::reprice_pegs() noexcept {
  const Touch touch{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)};
  pegs_are_due_ = false;
  peg_bid_ = touch.bid.price;
  peg_ask_ = touch.ask.price;
  // A peg may leave, or take others along, while the pass goes on.
  std::uint64_t passed = 0;
  for (;;) {
    OrderSlot next = no_slot;
    for (const OrderSlot slot : pegs_) {
      if (terms(slot).accepted > passed) {
        next = slot;
        break;
      }
    }
    if (next == no_slot || step_.is_interrupted) {
      return;
    }
    passed = terms(next).accepted;
    price_peg(next, touch);
  }
}

void Market::enter_conditionals() noexcept {
  conditionals_are_due_ = false;
  SlotList<peg_pool> pass = conditionals_;
  std::array<OrderId, peg_pool> ids;
  for (std::uint32_t place = 0; place < pass.size(); ++place) {
    ids[place] = pool_.id_of(pass[place]);
  }
  for (std::uint32_t place = 0; place < pass.size() && !step_.is_interrupted; ++place) {
    const OrderSlot slot = pass[place];
    if (pool_.find(ids[place].value()) == no_slot || !conditionals_.contains(slot)) {
      continue;
    }
    const Order& order = pool_[slot];
    const QuantityLots lots = required(slot);
    const bool can_enter = executable(order.side(), clamped(order.side(), order.price()), true,
                                      lots, order.row(), terms(slot).self_trade()) >= lots.value();
    if (can_enter) {
      detach(slot);
      aggress(slot, false);
    }
  }
}

void Market::finish_command() noexcept {
  show_limit_state();
  show_indicative();
  set_attention();
}

void Market::set_attention() noexcept {
  const auto if_any = [](bool holds, std::uint32_t bit) noexcept { return holds ? bit : 0; };
  attention_ =
      if_any(rules_.capacity == 0 || state_ != wire::MarketState::open, needs_state) |
      if_any(breaker_.mode != wire::BreakerMode::none, needs_breaker) |
      if_any(!dark_.is_empty(wire::Side::buy) || !dark_.is_empty(wire::Side::sell), needs_dark) |
      if_any(!discretionary_[0].is_empty() || !discretionary_[1].is_empty(), needs_discretion) |
      if_any(peg_kind_ != 0, needs_pegs) |
      if_any(queue_.head != no_slot || sweep_count_ != 0 || day_end_row_ != no_row, needs_work) |
      if_any(!stops_[0].is_empty() || !stops_[1].is_empty() || !trailing_.is_empty(), has_stops);
  next_due_ns_ = expiries_.is_empty()
                     ? never_ns
                     : std::uint64_t{terms(expiries_.first()).expiry_s} * 1'000'000'000;
}

}  // namespace meridian::engine
