// Commands that are not about one order: reference data, breakers, accounts, trades.
#include "engine/market.hpp"

namespace meridian::engine {

using wire::Refusal;

Outcome Market::configure(const wire::Command& command) noexcept {
  const bool is_good = command.price >= 1 && command.price <= command.trigger &&
                       static_cast<std::uint32_t>(command.trigger) <= highest_price &&
                       command.quantity >= 1 && command.quantity <= highest_quantity &&
                       command.order_id >= 1 && command.order_id <= highest_capacity;
  if (!is_good) {
    return refused(command, Refusal::command_invalid);
  }
  if (rules_.capacity != 0 && rules_.capacity != command.order_id) {
    return refused(command, Refusal::capacity_fixed);
  }
  rules_.band_low = static_cast<std::uint32_t>(command.price);
  rules_.band_high = static_cast<std::uint32_t>(command.trigger);
  rules_.maximum_quantity = command.quantity;
  rules_.capacity = static_cast<std::uint32_t>(command.order_id);
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::configured);
  event.price = command.price;
  event.other_price = command.trigger;
  out_->put(event);
  return {};
}

Outcome Market::set_breaker(const wire::Command& command) noexcept {
  breaker_.mode = static_cast<wire::BreakerMode>(command.order_type);
  breaker_.width = command.quantity;
  breaker_.limit_state_s = command.expiry_s;
  if (command.price != 0) {
    breaker_.reference = PriceTicks{static_cast<std::uint32_t>(command.price)};
  }
  breaker_.is_ended = true;
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::breaker_set);
  event.code = command.order_type;
  event.price = breaker_.reference.value();
  event.quantity = command.quantity;
  out_->put(event);
  return {};
}

// The row of an account, made where it is missing and there is room.
std::uint32_t Market::row_for(std::uint32_t account) noexcept {
  const std::uint32_t row = accounts_.find(account);
  return row != no_row || accounts_.is_full() ? row : accounts_.add(account);
}

void Market::add_sweep(const Sweep& sweep) noexcept {
  Sweep& added = sweeps_[sweep_count_++];
  added = sweep;
  added.sequence = sequence_.value();
  if (sweep.row != no_row) {
    added.next = accounts_[sweep.row].oldest;
    ++accounts_[sweep.row].sweeps;
  }
}

Outcome Market::mass_cancel(const wire::Command& command) noexcept {
  if (command.account == 0) {
    return refused(command, Refusal::account_invalid);
  }
  if (sweep_count_ == sweep_capacity) {
    return refused(command, Refusal::busy);
  }
  Sweep sweep;
  sweep.row = accounts_.find(command.account);
  sweep.reason = wire::CancelReason::mass_cancel;
  sweep.filters = command.order_type;
  sweep.side = command.side;
  sweep.group = command.group;
  sweep.low = command.price;
  sweep.high = command.trigger;
  add_sweep(sweep);
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::mass_canceled);
  event.code = command.order_type;
  event.side = command.side;
  event.account = command.account;
  out_->put(event);
  return {};
}

Outcome Market::set_limit(const wire::Command& command) noexcept {
  if (command.account == 0) {
    return refused(command, Refusal::account_invalid);
  }
  const std::uint32_t row = row_for(command.account);
  if (row == no_row) {
    return refused(command, Refusal::account_table_full);
  }
  accounts_.set_limit(row, static_cast<wire::AccountLimit>(command.order_type), command.order_id,
                      command.quantity, now_ns_);
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::limit_set);
  event.code = command.order_type;
  event.order_id = command.order_id;
  event.account = command.account;
  event.quantity = command.quantity;
  out_->put(event);
  return {};
}

Outcome Market::kill(const wire::Command& command) noexcept {
  if (command.account == 0) {
    return refused(command, Refusal::account_invalid);
  }
  if (accounts_.find(command.account) == no_row && accounts_.is_full()) {
    return refused(command, Refusal::account_table_full);
  }
  const bool engages = command.order_type == 0;
  if (engages && sweep_count_ == sweep_capacity) {
    return refused(command, Refusal::busy);
  }
  const std::uint32_t row = row_for(command.account);
  accounts_.set_killed(row, engages);
  if (engages) {
    Sweep sweep;
    sweep.row = row;
    sweep.reason = wire::CancelReason::killed;
    add_sweep(sweep);
  }
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::killed);
  event.code = command.order_type;
  event.account = command.account;
  out_->put(event);
  return {};
}

Outcome Market::set_position(const wire::Command& command) noexcept {
  if (command.account == 0) {
    return refused(command, Refusal::account_invalid);
  }
  const std::uint32_t row = row_for(command.account);
  if (row == no_row) {
    return refused(command, Refusal::account_table_full);
  }
  Account& account = accounts_[row];
  const auto lots = static_cast<std::int64_t>(command.order_id);
  accounts_.move_position(account, (command.side == 0 ? lots : -lots) - account.position);
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::position_set);
  event.side = command.side;
  event.order_id = command.order_id;
  event.account = command.account;
  out_->put(event);
  return {};
}

Outcome Market::bust_or_correct(const wire::Command& command) noexcept {
  const bool corrects = command.kind == static_cast<std::uint8_t>(wire::CommandKind::correct);
  Trade* trade = trades_.find(command.order_id, command.quantity);
  if (trade == nullptr || trade->quantity == 0) {
    return refused(command, Refusal::trade_unknown);
  }
  if (corrects) {
    if (command.price < 1) {
      return refused(command, Refusal::price_not_positive);
    }
    if (command.display == 0) {
      return refused(command, Refusal::quantity_not_positive);
    }
    if (command.display > trade->quantity) {
      return refused(command, Refusal::quantity_too_large);
    }
  }
  const std::uint32_t before = trade->quantity;
  const std::uint32_t after = corrects ? command.display : 0;
  const std::int64_t change = static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before);
  Account& buyer = accounts_[trade->buyer];
  Account& seller = accounts_[trade->seller];
  accounts_.move_position(buyer, change);
  accounts_.move_position(seller, -change);
  trade->quantity = after;
  if (corrects) {
    trade->price = static_cast<std::uint32_t>(command.price);
  }
  wire::Event event{};
  event.kind =
      static_cast<std::uint8_t>(corrects ? wire::EventKind::corrected : wire::EventKind::busted);
  event.order_id = trade->sequence;
  event.account = buyer.id.value();
  event.price = trade->price;
  event.quantity = corrects ? after : before;
  event.remaining = trade->index;
  event.other_order_id = corrects ? before : 0;
  event.other_price = seller.id.value();
  out_->put(event);
  return {};
}

}  // namespace meridian::engine
