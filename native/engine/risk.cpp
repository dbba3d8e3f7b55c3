// Limits of accounts. Formulas: README.md, "Risk".
#include "engine/market.hpp"

namespace meridian::engine {

wire::Refusal Market::check_risk(const Exposure& exposure) noexcept {
  const Account& account = accounts_[exposure.row];
  const AccountLimits& limits = accounts_.limits(exposure.row);
  const std::uint32_t flags = account.flags;
  const auto is_set = [flags](wire::AccountLimit limit) noexcept {
    return (flags & (1U << static_cast<unsigned>(limit))) != 0;
  };
  if ((flags & Account::killed_bit) != 0) {
    return wire::Refusal::account_killed;
  }
  if ((flags & Account::message_bit) != 0) {
    const Rate& rate = limits.messages;
    if (!rate.is_over(now_ns_) && rate.count >= limits.value(wire::AccountLimit::message_rate)) {
      return wire::Refusal::limit_messages;
    }
    accounts_.count_message(exposure.row, now_ns_);
  }
  if ((flags & Account::execution_bit) != 0) {
    const Rate& rate = limits.executions;
    if (!rate.is_over(now_ns_) && rate.count >= limits.value(wire::AccountLimit::execution_rate)) {
      return wire::Refusal::limit_executions;
    }
  }
  const std::uint64_t quantity = exposure.quantity.value();
  if (is_set(wire::AccountLimit::quantity) &&
      quantity > limits.value(wire::AccountLimit::quantity)) {
    return wire::Refusal::limit_quantity;
  }
  const bool has_limit = exposure.limit != PriceTicks{0};
  if (is_set(wire::AccountLimit::notional)) {
    const std::uint64_t price = has_limit ? exposure.limit.value() : last_trade_.value();
    if (price * quantity > limits.value(wire::AccountLimit::notional)) {
      return wire::Refusal::limit_notional;
    }
  }
  if (is_set(wire::AccountLimit::collar) && has_limit) {
    const std::uint32_t reference =
        last_trade_ != PriceTicks{0} ? last_trade_.value() : breaker_.reference.value();
    const std::uint32_t price = exposure.limit.value();
    const std::uint32_t distance = price > reference ? price - reference : reference - price;
    if (reference != 0 && distance > limits.value(wire::AccountLimit::collar)) {
      return wire::Refusal::limit_collar;
    }
  }
  if (is_set(wire::AccountLimit::open_orders) && !exposure.is_replace &&
      account.open_orders >= limits.value(wire::AccountLimit::open_orders)) {
    return wire::Refusal::limit_open_orders;
  }
  if (is_set(wire::AccountLimit::position) && !exposure.is_reduce_only) {
    const std::int64_t held =
        exposure.side == wire::Side::buy ? account.position : -account.position;
    const std::uint64_t open =
        account.open_lots[index_of(exposure.side)] - exposure.replaced.value();
    // All terms stay below 2^57.
    if (held + static_cast<std::int64_t>(open + quantity) >
        static_cast<std::int64_t>(limits.value(wire::AccountLimit::position))) {
      return wire::Refusal::limit_position;
    }
  }
  return wire::Refusal::none;
}

}  // namespace meridian::engine
