#include "order_entry/ouch_mapping.hpp"

namespace meridian::order_entry {
namespace {

namespace attribute = wire::attribute;
using protocols::Options;
using protocols::ouch::inbound::EnterOrder;

constexpr std::uint64_t highest_ticks = 0x7FFFFFFE;
constexpr std::uint32_t highest_lots = 0x7FFFFFFF;

bool side_of(char letter, std::uint8_t& side) noexcept {
  switch (letter) {
    case 'B':
      side = static_cast<std::uint8_t>(wire::Side::buy);
      return true;
    case 'S':
    case 'T':
    case 'E':
      side = static_cast<std::uint8_t>(wire::Side::sell);
      return true;
    default:
      return false;
  }
}

// For which auction, if for one.
bool cross_of(char letter, wire::TimeInForce& time_in_force) noexcept {
  switch (letter) {
    case 'N':
      return true;
    case 'O':
      time_in_force = wire::TimeInForce::at_open;
      return true;
    case 'C':
      time_in_force = wire::TimeInForce::at_close;
      return true;
    case 'H':
      time_in_force = wire::TimeInForce::good_for_auction;
      return true;
    default:
      return false;
  }
}

Reject set_time(const EnterOrder& order, std::uint32_t day_start_s,
                wire::Command& command) noexcept {
  auto time_in_force = wire::TimeInForce::day;
  switch (order.time_in_force) {
    case '0':
    case '5':
      break;
    case '3':
      time_in_force = wire::TimeInForce::ioc;
      break;
    case '6':
      if (!order.options.has(Options::expire_time_tag)) {
        return Reject::other;
      }
      time_in_force = wire::TimeInForce::gtd;
      command.expiry_s = day_start_s + order.options.expire_time;
      break;
    default:
      return Reject::other;
  }
  if (order.cross_type != 'N' && time_in_force != wire::TimeInForce::day) {
    return Reject::other;
  }
  if (!cross_of(order.cross_type, time_in_force)) {
    return Reject::other;
  }
  command.time_in_force = static_cast<std::uint8_t>(time_in_force);
  return Reject::none;
}

Reject set_display(const EnterOrder& order, wire::Command& command) noexcept {
  switch (order.display) {
    case 'Y':
    case 'A':
      break;
    case 'N':
      command.attributes |= attribute::hidden;
      break;
    case 'P':
      command.attributes |= attribute::post_only;
      break;
    case 'M':
      command.order_type = static_cast<std::uint8_t>(wire::OrderType::pegged_mid);
      break;
    default:
      return Reject::display_invalid;
  }
  if (order.options.has(Options::post_only_tag)) {
    if (order.options.post_only == 'P') {
      command.attributes |= attribute::post_only;
    } else if (order.options.post_only != 'N') {
      return Reject::display_invalid;
    }
  }
  return Reject::none;
}

// A distance from a reference price; OUCH gives it a sign, the engine always counts it away from
// the other side.
bool distance_of(std::int32_t offset, std::uint8_t side, std::uint32_t price_per_tick,
                 std::int32_t& ticks) noexcept {
  const std::int64_t away =
      side == static_cast<std::uint8_t>(wire::Side::buy) ? -std::int64_t{offset} : offset;
  if (away < 0 || away % price_per_tick != 0) {
    return false;
  }
  ticks = static_cast<std::int32_t>(away / price_per_tick);
  return true;
}

Reject set_peg(const EnterOrder& order, std::uint32_t price_per_tick,
               wire::Command& command) noexcept {
  const Options& options = order.options;
  if (options.has(Options::price_type_tag)) {
    switch (options.price_type) {
      case 'L':
        break;
      case 'P':
        command.order_type = static_cast<std::uint8_t>(wire::OrderType::pegged_market);
        break;
      case 'R':
        command.order_type = static_cast<std::uint8_t>(wire::OrderType::pegged_primary);
        break;
      case 'M':
        command.order_type = static_cast<std::uint8_t>(wire::OrderType::pegged_mid);
        break;
      default:
        return Reject::peg_type_invalid;
    }
  }
  const bool is_peg =
      command.order_type >= static_cast<std::uint8_t>(wire::OrderType::pegged_primary);
  if (options.has(Options::peg_offset_tag)) {
    if (!is_peg ||
        !distance_of(options.peg_offset, command.side, price_per_tick, command.trigger)) {
      return Reject::peg_type_invalid;
    }
  }
  if (is_peg) {
    // The dark book is where pegs rest.
    command.attributes &= static_cast<std::uint16_t>(~attribute::hidden);
  }
  return Reject::none;
}

Reject set_price(const EnterOrder& order, std::uint32_t price_per_tick,
                 wire::Command& command) noexcept {
  const bool is_peg = command.order_type != 0;
  if (order.price == market_price) {
    if (!is_peg) {
      command.order_type = static_cast<std::uint8_t>(wire::OrderType::market);
    }
    return Reject::none;
  }
  if (is_peg && order.price == 0) {
    return Reject::none;
  }
  return ticks_of(order.price, price_per_tick, command.price) ? Reject::none
                                                              : Reject::price_invalid;
}

Reject set_quantities(const EnterOrder& order, wire::Command& command) noexcept {
  const Options& options = order.options;
  if (order.quantity == 0 || order.quantity > highest_lots) {
    return Reject::quantity_invalid;
  }
  command.quantity = order.quantity;
  if (options.has(Options::max_floor_tag) && options.max_floor != 0) {
    if (options.max_floor > order.quantity) {
      return Reject::max_floor_invalid;
    }
    command.display = options.max_floor == order.quantity ? 0 : options.max_floor;
  }
  if (options.has(Options::random_reserves_tag) && options.random_reserves != 0) {
    if (command.display == 0) {
      return Reject::max_floor_invalid;
    }
    command.attributes |= attribute::random_refresh;
  }
  if (options.has(Options::minimum_quantity_tag) && options.minimum_quantity != 0) {
    if (options.minimum_quantity > order.quantity) {
      return Reject::minimum_invalid;
    }
    command.minimum = options.minimum_quantity;
  }
  return Reject::none;
}

Reject set_discretion(const EnterOrder& order, std::uint32_t price_per_tick,
                      wire::Command& command) noexcept {
  const Options& options = order.options;
  if (options.has(Options::discretion_peg_offset_tag) && options.discretion_peg_offset != 0) {
    return Reject::peg_type_invalid;
  }
  if (!options.has(Options::discretion_price_tag) || options.discretion_price == 0) {
    return Reject::none;
  }
  std::int32_t ticks = 0;
  if (!ticks_of(options.discretion_price, price_per_tick, ticks) || command.price == 0) {
    return Reject::price_invalid;
  }
  const bool is_buy = command.side == static_cast<std::uint8_t>(wire::Side::buy);
  const std::int64_t distance =
      is_buy ? std::int64_t{ticks} - command.price : std::int64_t{command.price} - ticks;
  if (distance < 0 || distance > UINT8_MAX) {
    return Reject::price_invalid;
  }
  command.discretion = static_cast<std::uint8_t>(distance);
  return Reject::none;
}

}  // namespace

bool ticks_of(std::uint64_t price, std::uint32_t price_per_tick, std::int32_t& ticks) noexcept {
  if (price == 0 || price % price_per_tick != 0 || price / price_per_tick > highest_ticks) {
    return false;
  }
  ticks = static_cast<std::int32_t>(price / price_per_tick);
  return true;
}

Reject place_of(const EnterOrder& order, const Listing& listing, protocols::Text<4> firm,
                std::uint32_t day_start_s, wire::Command& command) noexcept {
  command = {};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
  if (!(order.symbol == listing.symbol)) {
    return Reject::symbol_invalid;
  }
  if (!side_of(order.side, command.side)) {
    return Reject::side_invalid;
  }
  if (order.options.has(Options::firm_tag) && !order.options.firm.trimmed().empty() &&
      !(order.options.firm == firm)) {
    return Reject::firm_invalid;
  }
  Reject reject = set_display(order, command);
  if (reject == Reject::none) {
    reject = set_peg(order, listing.price_per_tick, command);
  }
  if (reject == Reject::none) {
    reject = set_price(order, listing.price_per_tick, command);
  }
  if (reject == Reject::none) {
    reject = set_quantities(order, command);
  }
  if (reject == Reject::none) {
    reject = set_discretion(order, listing.price_per_tick, command);
  }
  return reject == Reject::none ? set_time(order, day_start_s, command) : reject;
}

Reject reject_of(wire::Refusal refusal) noexcept {
  using wire::Refusal;
  switch (refusal) {
    case Refusal::none:
      return Reject::none;
    case Refusal::market_halted:
      return Reject::halted;
    case Refusal::not_configured:
    case Refusal::market_closed:
    case Refusal::not_in_phase:
      return Reject::destination_closed;
    case Refusal::quantity_not_positive:
    case Refusal::quantity_too_large:
      return Reject::quantity_invalid;
    case Refusal::price_not_positive:
    case Refusal::price_out_of_band:
      return Reject::price_invalid;
    case Refusal::order_unknown:
    case Refusal::order_not_yours:
      return Reject::replace_not_allowed;
    case Refusal::account_invalid:
    case Refusal::account_killed:
      return Reject::firm_invalid;
    case Refusal::order_pool_full:
    case Refusal::level_pool_full:
    case Refusal::account_table_full:
    case Refusal::special_pool_full:
    case Refusal::busy:
    case Refusal::limit_messages:
    case Refusal::limit_executions:
      return Reject::processing;
    case Refusal::no_reference:
      return Reject::quote_unavailable;
    case Refusal::post_only:
      return Reject::crossed;
    case Refusal::limit_quantity:
      return Reject::shares_over_limit;
    case Refusal::limit_notional:
      return Reject::notional_over_limit;
    case Refusal::limit_collar:
      return Reject::fat_finger;
    case Refusal::command_invalid:
    case Refusal::number_stale:
    case Refusal::capacity_fixed:
    case Refusal::link_invalid:
    case Refusal::reduce_only:
    case Refusal::trade_unknown:
    case Refusal::limit_open_orders:
    case Refusal::limit_position:
      return Reject::other;
  }
  return Reject::other;
}

char cancel_reason_of(wire::CancelReason reason) noexcept {
  using wire::CancelReason;
  switch (reason) {
    case CancelReason::user:
    case CancelReason::reduced_to_zero:
    case CancelReason::mass_cancel:
      return 'U';
    case CancelReason::ioc_rest:
    case CancelReason::fok_unfilled:
    case CancelReason::no_liquidity:
    case CancelReason::minimum_unmet:
      return 'I';
    case CancelReason::self_trade:
      return 'Q';
    case CancelReason::expired:
      return 'T';
    case CancelReason::day_end:
      return 'E';
    case CancelReason::auction_rest:
      return 'C';
    case CancelReason::killed:
      return 'S';
    case CancelReason::breaker:
      return 'H';
    case CancelReason::reduce_only:
    case CancelReason::linked:
    case CancelReason::no_room:
      return 'Z';
  }
  return 'Z';
}

}  // namespace meridian::order_entry
