// What the market's events mean to the sessions.
#include <algorithm>

#include "order_entry/ouch_gateway.hpp"

namespace meridian::order_entry {
namespace {

namespace outbound = protocols::ouch::outbound;
using protocols::Options;
using wire::EventKind;

constexpr std::uint32_t tag_index_bits = 24;
constexpr std::uint32_t tag_index_mask = (1U << tag_index_bits) - 1;

// As the feed numbers trades.
constexpr std::uint64_t match_number(std::uint64_t sequence, std::uint64_t index) noexcept {
  return sequence << 24U | (index & 0xFFFFFFU);
}

char liquidity_of(const wire::Event& event, bool is_maker, wire::MarketState state) noexcept {
  if ((event.code & wire::executed_at_uncross) != 0) {
    switch (state) {
      case wire::MarketState::closing_auction:
        return 'C';
      case wire::MarketState::volatility_auction:
        return 'H';
      default:
        return 'O';
    }
  }
  if (!is_maker) {
    return 'R';
  }
  return (event.code & wire::executed_with_dark) != 0 ? 'J' : 'A';
}

}  // namespace

void OuchGateway::event(const wire::Event& event, std::uint64_t now_ns) noexcept {
  switch (static_cast<EventKind>(event.kind)) {
    case EventKind::accepted:
      accepted(event, now_ns);
      break;
    case EventKind::executed:
      executed(event, now_ns);
      break;
    case EventKind::canceled:
      canceled(event, now_ns);
      break;
    case EventKind::reduced:
      reduced(event, now_ns);
      break;
    case EventKind::replaced:
      replaced(event, now_ns);
      break;
    case EventKind::refused:
      refused(event, now_ns);
      break;
    case EventKind::repeated:
      repeated(event, now_ns);
      break;
    case EventKind::state_set:
      market_state_ = static_cast<wire::MarketState>(event.code);
      break;
    case EventKind::rested:
      rested(event, now_ns);
      break;
    case EventKind::repriced:
      repriced(event, now_ns);
      break;
    case EventKind::busted:
      busted(event, now_ns);
      break;
    case EventKind::corrected:
      corrected(event, now_ns);
      break;
    default:
      break;
  }
  if ((event.flags & wire::event_is_last) != 0) {
    release(event);
  }
}

// The command of ours that the event belongs to, if it does.
OuchGateway::Pending* OuchGateway::pending_of(const wire::Event& event) noexcept {
  const std::uint32_t index = event.tag & tag_index_mask;
  const bool is_ours = (event.flags & wire::event_is_foreign) == 0 &&
                       event.tag >> tag_index_bits == options_.tag_prefix &&
                       index < used_pending_ && pendings_[index].asked != Asked::free;
  return is_ours ? &pendings_[index] : nullptr;
}

void OuchGateway::release(const wire::Event& event) noexcept {
  if (Pending* pending = pending_of(event); pending != nullptr) {
    pending->asked = Asked::free;
    --waiting_;
    pending->next_free = free_pending_;
    free_pending_ = event.tag & tag_index_mask;
  }
}

void OuchGateway::accepted(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const Pending* pending = pending_of(event);
  if (pending == nullptr || pending->asked != Asked::place ||
      event.account != members_[pending->member].account) {
    return;
  }
  const std::uint32_t entry = orders_.find(pending->member, pending->user_ref);
  if (entry == OrderTable::none) {
    return;
  }
  orders_.name(entry, event.order_id);
  orders_[entry].open = event.quantity;
  send_accepted(orders_[entry], event.order_id, event.quantity, 'L', now_ns);
}

void OuchGateway::send_accepted(const OpenOrder& order, std::uint64_t order_id,
                                std::uint32_t quantity, char state, std::uint64_t now_ns) noexcept {
  send(order.session,
       outbound::OrderAccepted{.user_ref = order.user_ref,
                               .side = order.side,
                               .quantity = quantity,
                               .symbol = options_.listing.symbol,
                               .price = order.price,
                               .time_in_force = order.time_in_force,
                               .display = order.display,
                               .order_reference = order_id,
                               .capacity = order.capacity,
                               .intermarket_sweep = order.intermarket_sweep,
                               .cross_type = order.cross_type,
                               .state = state,
                               .client_order_id = order.client_order_id},
       now_ns);
}

void OuchGateway::send_replaced(const OpenOrder& order, std::uint64_t order_id,
                                std::uint32_t replaced, char state, std::uint64_t now_ns) noexcept {
  send(order.session,
       outbound::OrderReplaced{.original_user_ref = replaced,
                               .user_ref = order.user_ref,
                               .side = order.side,
                               .quantity = order.open,
                               .symbol = options_.listing.symbol,
                               .price = order.price,
                               .time_in_force = order.time_in_force,
                               .display = order.display,
                               .order_reference = order_id,
                               .capacity = order.capacity,
                               .intermarket_sweep = order.intermarket_sweep,
                               .cross_type = order.cross_type,
                               .state = state,
                               .client_order_id = order.client_order_id},
       now_ns);
}

void OuchGateway::replaced(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const Pending* pending = pending_of(event);
  if (pending == nullptr || pending->asked != Asked::replace ||
      event.account != members_[pending->member].account) {
    return;
  }
  const std::uint32_t old = orders_.find(event.other_order_id);
  const std::uint32_t entry = orders_.find(pending->member, pending->user_ref);
  if (entry == OrderTable::none) {
    return;
  }
  if (old != OrderTable::none) {
    orders_[entry].executed = orders_[old].executed;
    orders_.close(old);
  }
  orders_.name(entry, event.order_id);
  orders_[entry].open = event.quantity;
  send_replaced(orders_[entry], event.order_id, pending->replaced, 'L', now_ns);
}

// The market had this command before, from an owner of this session that is no more.
void OuchGateway::repeated(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const Pending* pending = pending_of(event);
  if (pending != nullptr && pending->asked == Asked::again) {
    told_again(*pending, event, now_ns);
    return;
  }
  if (pending == nullptr || event.code != 0) {
    refused(event, now_ns);
    return;
  }
  const std::uint32_t entry = orders_.find(pending->member, pending->user_ref);
  if (entry == OrderTable::none) {
    return;
  }
  OpenOrder& order = orders_[entry];
  order.open = event.remaining;
  order.executed = event.quantity;
  const char state = event.remaining != 0 ? 'L' : 'D';
  if (event.remaining != 0) {
    orders_.name(entry, event.order_id);
  }
  if (pending->asked == Asked::replace) {
    const std::uint32_t old = orders_.find(pending->member, pending->replaced);
    send_replaced(order, event.order_id, pending->replaced, state, now_ns);
    if (old != OrderTable::none) {
      orders_.close(old);
    }
  } else {
    send_accepted(order, event.order_id, event.quantity + event.remaining, state, now_ns);
  }
  if (event.remaining == 0) {
    orders_.close(entry);
  }
}

void OuchGateway::refused(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const Pending* pending = pending_of(event);
  if (pending == nullptr) {
    return;
  }
  const Reject reason = reject_of(static_cast<wire::Refusal>(event.code));
  switch (pending->asked) {
    case Asked::place:
    case Asked::replace:
      reject(pending->member, pending->user_ref, reason, pending->client_order_id, now_ns);
      if (const std::uint32_t entry = orders_.find(pending->member, pending->user_ref);
          entry != OrderTable::none) {
        orders_.close(entry);
      }
      break;
    case Asked::cancel:
      ++counts_.unknown_orders;
      send(pending->member, outbound::CancelReject{.user_ref = pending->user_ref}, now_ns);
      break;
    case Asked::modify:
      ++counts_.unknown_orders;
      reject(pending->member, pending->user_ref, reason, pending->client_order_id, now_ns);
      break;
    case Asked::mass_cancel:
      // Too many sweeps wait: it is asked for again.
      sessions_[pending->member].owes_cancel = true;
      owes_cancels_ = true;
      break;
    case Asked::again:
      told_again(*pending, event, now_ns);
      break;
    case Asked::free:
      break;
  }
}

void OuchGateway::executed(const wire::Event& event, std::uint64_t now_ns) noexcept {
  // Both may be ours.
  if (const std::uint32_t entry = orders_.find(event.other_order_id); entry != OrderTable::none) {
    execute(entry, event, true, now_ns);
  }
  if (const std::uint32_t entry = orders_.find(event.order_id); entry != OrderTable::none) {
    execute(entry, event, false, now_ns);
  }
}

void OuchGateway::execute(std::uint32_t entry, const wire::Event& event, bool is_maker,
                          std::uint64_t now_ns) noexcept {
  OpenOrder& order = orders_[entry];
  const std::uint64_t match = match_number(event.sequence, event.index);
  const std::uint64_t price =
      static_cast<std::uint64_t>(event.price) * options_.listing.price_per_tick;
  const char liquidity = liquidity_of(event, is_maker, market_state_);
  send(order.session,
       outbound::OrderExecuted{.user_ref = order.user_ref,
                               .quantity = event.quantity,
                               .price = price,
                               .liquidity = liquidity,
                               .match = match},
       now_ns);
  trades_[traded_++ & (options_.trades - 1)] = {.match = match,
                                                .price = price,
                                                .member = order.session,
                                                .user_ref = order.user_ref,
                                                .quantity = event.quantity,
                                                .liquidity = liquidity,
                                                .client_order_id = order.client_order_id};
  order.executed += event.quantity;
  order.open -= std::min(order.open, event.quantity);
  if (order.open == 0) {
    orders_.close(entry);
  }
}

void OuchGateway::canceled(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(event.order_id);
  if (entry == OrderTable::none) {
    return;
  }
  const OpenOrder& order = orders_[entry];
  send(order.session,
       outbound::OrderCanceled{
           .user_ref = order.user_ref,
           .quantity = event.quantity,
           .reason = cancel_reason_of(static_cast<wire::CancelReason>(event.code))},
       now_ns);
  orders_.close(entry);
}

void OuchGateway::reduced(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(event.order_id);
  if (entry == OrderTable::none) {
    return;
  }
  OpenOrder& order = orders_[entry];
  order.open = event.remaining;
  const auto reason = static_cast<wire::CancelReason>(event.code);
  const Pending* pending = pending_of(event);
  if (reason == wire::CancelReason::user && pending != nullptr && pending->asked == Asked::modify &&
      pending->user_ref == order.user_ref) {
    order.side = pending->side;
    send(order.session,
         outbound::OrderModified{.user_ref = order.user_ref,
                                 .side = order.side,
                                 .quantity = order.executed + order.open},
         now_ns);
    return;
  }
  if (reason == wire::CancelReason::self_trade) {
    send(order.session,
         outbound::SelfMatchCanceled{.user_ref = order.user_ref,
                                     .decrement = event.quantity,
                                     .reason = 'Q',
                                     .quantity_prevented = event.quantity,
                                     .execution_price = order.price,
                                     .liquidity = order.has_rested ? 'A' : 'R'},
         now_ns);
    return;
  }
  send(order.session,
       outbound::OrderCanceled{.user_ref = order.user_ref,
                               .quantity = event.quantity,
                               .reason = cancel_reason_of(reason)},
       now_ns);
}

// An iceberg shows anew.
void OuchGateway::rested(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(event.order_id);
  if (entry == OrderTable::none) {
    return;
  }
  OpenOrder& order = orders_[entry];
  if (order.is_iceberg && order.has_rested) {
    outbound::OrderRestated restated{.user_ref = order.user_ref, .reason = 'R'};
    restated.options.display_quantity = event.quantity;
    restated.options.mark(Options::display_quantity_tag);
    send(order.session, restated, now_ns);
  }
  order.has_rested = true;
}

void OuchGateway::repriced(const wire::Event& event, std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(event.order_id);
  if (entry == OrderTable::none) {
    return;
  }
  OpenOrder& order = orders_[entry];
  outbound::OrderRestated restated{.user_ref = order.user_ref, .reason = 'P'};
  restated.options.display_price =
      static_cast<std::uint64_t>(event.price) * options_.listing.price_per_tick;
  restated.options.mark(Options::display_price_tag);
  order.price = restated.options.display_price;
  send(order.session, restated, now_ns);
}

// Both sides of a trade that are ours and still remembered.
template <class Visitor>
void OuchGateway::visit_trades(std::uint64_t match, Visitor&& visitor) noexcept {
  const std::uint64_t kept = std::min<std::uint64_t>(traded_, options_.trades);
  for (std::uint64_t back = 1; back <= kept; ++back) {
    Trade& trade = trades_[(traded_ - back) & (options_.trades - 1)];
    // They rise: further back are only older ones.
    if (trade.match < match) {
      return;
    }
    if (trade.match == match) {
      visitor(trade);
    }
  }
}

void OuchGateway::busted(const wire::Event& event, std::uint64_t now_ns) noexcept {
  visit_trades(match_number(event.order_id, event.remaining), [&](const Trade& trade) {
    send(trade.member,
         outbound::BrokenTrade{.user_ref = trade.user_ref,
                               .match = trade.match,
                               .reason = 'S',
                               .client_order_id = trade.client_order_id},
         now_ns);
  });
}

void OuchGateway::corrected(const wire::Event& event, std::uint64_t now_ns) noexcept {
  visit_trades(match_number(event.order_id, event.remaining), [&](Trade& trade) {
    trade.price = static_cast<std::uint64_t>(event.price) * options_.listing.price_per_tick;
    trade.quantity = event.quantity;
    send(trade.member,
         outbound::TradeCorrection{.user_ref = trade.user_ref,
                                   .quantity = trade.quantity,
                                   .price = trade.price,
                                   .liquidity = trade.liquidity,
                                   .match = trade.match,
                                   .reason = 'S',
                                   .client_order_id = trade.client_order_id},
         now_ns);
  });
}

}  // namespace meridian::order_entry
