// How plain orders trade, rest and leave, on the path of plain_orders.hpp: bodies of Market
// (market.hpp).
#pragma once
#include "engine/market.hpp"

namespace meridian::engine {

template <class Out>
inline Outcome Market::enter(const wire::Command& command, const Entry& entry, Sequence sequence,
                             Out& out) noexcept {
  QuantityLots rest = entry.quantity;
  const bool is_unfilled = entry.is_all_or_nothing && !can_fill(entry);
  if (!is_unfilled && crosses(entry.side, lit_.best(opposite(entry.side)), entry.limit)) {
    bool meets_terms = false;
    rest = match(entry, sequence, meets_terms, out);
    if (meets_terms) [[unlikely]] {
      if (rest == entry.quantity) {
        step_ = Step{};
      }
      return out.rarely(command.tag, sequence.value(), [&](EventWriter& writer) noexcept {
        return go_on_matching(entry, rest, sequence, writer);
      });
    }
  }
  const QuantityLots executed = entry.quantity - rest;
  Outcome outcome{.order_id = entry.id, .executed = executed};
  if (entry.may_rest && rest != QuantityLots{0}) {
    rest_plain(entry, rest, executed, sequence);
    outcome.remaining = rest;
  } else {
    if (rest != QuantityLots{0}) {
      const wire::CancelReason reason = is_unfilled       ? wire::CancelReason::fok_unfilled
                                        : entry.is_market ? wire::CancelReason::no_liquidity
                                                          : wire::CancelReason::ioc_rest;
      wire::Event canceled = event_of(wire::EventKind::canceled, entry);
      canceled.code = static_cast<std::uint8_t>(reason);
      canceled.price = entry.is_market ? 0 : entry.limit.value();
      canceled.quantity = rest.value();
      out.put(canceled);
    }
    pool_.give_back(entry.slot);
  }
  if (executed != QuantityLots{0} && (attention_ & has_stops) != 0) [[unlikely]] {
    out.rarely(command.tag, sequence.value(),
               [&](EventWriter& writer) noexcept { return end_plain_step(sequence, writer); });
  }
  return outcome;
}

template <class Out>
QuantityLots Market::match(const Entry& entry, Sequence sequence, bool& meets_terms,
                           Out& caller_out) noexcept {
  Out out = caller_out.fork();
  const wire::Side side = entry.side;
  const wire::Side resting = opposite(side);
  const bool is_buy = side == wire::Side::buy;
  const PriceTicks limit = entry.limit;
  const std::uint32_t row = entry.row;
  QuantityLots wanted = entry.quantity;
  PriceTicks price = lit_.best(resting);
  const PriceTicks first = price;
  PriceTicks last = price;
  std::uint32_t executions = 0;
  wire::Event event = event_of(wire::EventKind::executed, entry);
  do {
    Level& level = lit_.level(resting, price);
    const PriceTicks next_price = lit_.worse(resting, price);
    const Level& next_level = lit_.level(resting, next_price);
    __builtin_prefetch(&next_level, 1);
    OrderSlot slot = level.head;
    const QuantityLots before = wanted;
    do {
      Order& maker = pool_[slot];
      if (maker.has_terms()) [[unlikely]] {
        meets_terms = true;
        break;
      }
      const OrderSlot next = maker.next;
      const OrderSlot soon = next != no_slot ? next : next_level.head;
      pool_.prefetch(soon);
      const std::uint32_t maker_row = maker.row();
      Account& account = accounts_[maker_row];
      const QuantityLots open = maker.remaining;
      const QuantityLots traded = std::min(wanted, open);
      const QuantityLots rest = open - traded;
      const OrderId id = pool_.id_of(slot);
      const std::uint64_t constant =
          digest::order_constant(id, price, account.id, resting, maker.priority);
      digest_ -= digest::order_term(constant, open);
      wanted = wanted - traded;
      const auto signed_lots = static_cast<std::int64_t>(traded.value());
      accounts_.move_position(account, is_buy ? -signed_lots : signed_lots);
      account.open_lots[index_of(resting)] -= traded.value();
      if ((account.flags & Account::execution_bit) != 0) [[unlikely]] {
        accounts_.count_execution(maker_row, now_ns_);
      }
      trades_.add({.sequence = sequence.value(),
                   .index = out.index(),
                   .price = price.value(),
                   .quantity = traded.value(),
                   .buyer = static_cast<std::uint16_t>(is_buy ? row : maker_row),
                   .seller = static_cast<std::uint16_t>(is_buy ? maker_row : row)});
      event.price = price.value();
      event.quantity = traded.value();
      event.remaining = rest.value();
      event.other_order_id = id.value();
      event.other_price = account.id.value();
      out.put(event);
      ++executions;
      if (rest != QuantityLots{0}) {
        maker.remaining = rest;
        digest_ += digest::order_term(constant, rest);
        pool_.add_executed(slot, traded.value());
        break;
      }
      leave_chain(slot, account);
      --open_orders_;
      pool_.give_back(slot);
      slot = next;
    } while (slot != no_slot && wanted != QuantityLots{0});
    level.lots = level.lots - TotalLots{(before - wanted).value()};
    level.head = slot;
    last = before != wanted ? price : last;
    if (slot != no_slot) {
      pool_[slot].previous = no_slot;
      break;
    }
    level.tail = no_slot;
    lit_.leave_best(resting, price, next_price);
    price = next_price;
  } while (wanted != QuantityLots{0} && crosses(side, price, limit));
  caller_out.join(out);
  if (executions != 0) [[likely]] {
    Account& account = accounts_[row];
    const auto executed = static_cast<std::int64_t>((entry.quantity - wanted).value());
    accounts_.move_position(account, is_buy ? executed : -executed);
    last_trade_ = last;
    // For the general path, which goes on when stops wait or a maker has terms.
    if (meets_terms || (attention_ & has_stops) != 0) [[unlikely]] {
      step_ = Step{};
      step_.add(first);
      step_.add(last);
    }
    while ((account.flags & Account::execution_bit) != 0 && executions-- != 0) [[unlikely]] {
      accounts_.count_execution(row, now_ns_);
    }
  }
  return wanted;
}

inline bool Market::can_fill(const Entry& entry) const noexcept {
  const wire::Side resting = opposite(entry.side);
  if (lit_terms_[index_of(resting)] != 0) [[unlikely]] {
    return executable(entry.side, entry.limit, true, entry.quantity, entry.row,
                      wire::SelfTrade::none) >= entry.quantity.value();
  }
  std::uint64_t found = 0;
  for (PriceTicks price = lit_.best(resting); crosses(entry.side, price, entry.limit);
       price = lit_.worse(resting, price)) {
    found += lit_.level(resting, price).lots.value();
    if (found >= entry.quantity.value()) {
      return true;
    }
  }
  return false;
}

inline void Market::rest_plain(const Entry& entry, QuantityLots rest, QuantityLots executed,
                               Sequence sequence) noexcept {
  Order& order = pool_[entry.slot];
  order.remaining = rest;
  order.set_price_and_side(entry.limit, entry.side);
  order.owner = entry.row;
  order.priority = sequence;
  lit_.append(pool_, entry.slot);
  digest_ += digest::order_term(
      digest::order_constant(entry.id, entry.limit, entry.account, entry.side, sequence), rest);
  Account& account = accounts_[entry.row];
  ++account.open_orders;
  account.open_lots[index_of(entry.side)] += rest.value();
  join_chain(entry.slot, account);
  if (entry.carried + executed.value() != 0) [[unlikely]] {
    pool_.add_executed(entry.slot, entry.carried);
    pool_.add_executed(entry.slot, executed.value());
  }
  ++open_orders_;
}

inline void Market::remove_plain(OrderSlot slot, Account& account) noexcept {
  const Order& order = pool_[slot];
  digest_ -= digest::order_term(digest::order_constant(pool_.id_of(slot), order.price(), account.id,
                                                       order.side(), order.priority),
                                order.remaining);
  account.open_lots[index_of(order.side())] -= order.remaining.value();
  lit_.remove(pool_, slot);
  leave_chain(slot, account);
  --open_orders_;
}

inline void Market::join_chain(OrderSlot slot, Account& account) noexcept {
  const OrderSlot older = account.youngest;
  pool_.chain(slot) = {older, no_slot};
  pool_.chain(older).younger = slot;
  account.oldest = older == no_slot ? slot : account.oldest;
  account.youngest = slot;
}

inline void Market::leave_chain(OrderSlot slot, Account& account) noexcept {
  const Chain chain = pool_.chain(slot);
  pool_.chain(chain.older).younger = chain.younger;
  pool_.chain(chain.younger).older = chain.older;
  account.oldest = chain.older == no_slot ? chain.younger : account.oldest;
  account.youngest = chain.younger == no_slot ? chain.older : account.youngest;
  --account.open_orders;
}

template <class Out>
inline void Market::show_touch(Out& out) noexcept {
  const Touch touch{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)};
  if (touch == touch_) {
    return;
  }
  touch_ = touch;
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::touch);
  event.order_id = touch.bid.lots.value();
  event.price = touch.bid.price.value();
  event.other_order_id = touch.ask.lots.value();
  event.other_price = touch.ask.price == no_price(wire::Side::sell) ? 0 : touch.ask.price.value();
  out.put(event);
}

}  // namespace meridian::engine
