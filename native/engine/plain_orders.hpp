// The path of plain orders, inlined into whoever applies commands: bodies of Market (market.hpp).
//
// By force where it is on the way of an order: as calls the entry and the outcome went through
// memory, for twice the instructions. What rests or leaves at once has functions of its own, which
// keep everything in registers.
#pragma once
#include "engine/market.hpp"

namespace meridian::engine {

inline void Market::look_ahead(const Glimpse& near, const Glimpse& far) noexcept {
  // Without branches, which would guess the kinds of commands wrong twice more. What a command
  // names is hers to choose: no memory that was never used is touched, whatever it says.
  constexpr auto place = static_cast<std::uint8_t>(wire::CommandKind::place);
  const auto price_of = [](const Glimpse& command) noexcept {
    return PriceTicks{static_cast<std::uint32_t>(command.price) & highest_price};
  };
  const auto side_of = [](const Glimpse& command) noexcept {
    return static_cast<wire::Side>(command.side & 1);
  };
  pool_.prefetch(pool_.named_by(far.order_id));
  if (open_orders_ < look_ahead_from) {
    return;
  }
  __builtin_prefetch(&lit_.level(side_of(far), price_of(far)), 1);
  const OrderSlot named = pool_.named_by(near.order_id);
  const Order& order = pool_[named];
  const Chain& chain = pool_.chain(named);
  const bool is_place = near.kind == place;
  const wire::Side side = is_place ? side_of(near) : order.side();
  const PriceTicks price = is_place ? price_of(near) : order.price();
  const Level& level = lit_.level(side, price);
  __builtin_prefetch(&level, 1);
  __builtin_prefetch(&pool_[is_place ? level.tail : order.previous], 1);
  __builtin_prefetch(&pool_[order.next], 1);
  __builtin_prefetch(&pool_.chain(chain.older), 1);
  __builtin_prefetch(&pool_.chain(chain.younger), 1);
  lit_.walk_ahead(pool_);
}

inline void Market::expect(const wire::Command& command) const noexcept {
  if (command.order_id == 0) {
    return;
  }
  const OrderSlot named = pool_.named_by(command.order_id);
  pool_.prefetch(named);
  const Order& order = pool_[named];
  const Chain& chain = pool_.chain(named);
  __builtin_prefetch(&lit_.level(order.side(), order.price()), 1);
  __builtin_prefetch(&pool_[order.previous], 1);
  __builtin_prefetch(&pool_[order.next], 1);
  __builtin_prefetch(&pool_.chain(chain.older), 1);
  __builtin_prefetch(&pool_.chain(chain.younger), 1);
}

inline void Market::walk_ahead() noexcept {
  const OrderSlot met = lit_.walk_ahead(pool_);
  const Chain& chain = pool_.chain(met);
  __builtin_prefetch(&pool_.chain(chain.older), 1);
  __builtin_prefetch(&pool_.chain(chain.younger), 1);
}

inline bool Market::is_unanswered(const wire::Command& command) const noexcept {
  if ((command.session | command.number) == 0) [[likely]] {
    return true;
  }
  return command.session != 0 && command.number != 0 &&
         sessions_.look_up(command.session, command.number).is_new;
}

template <EventSink Sink>
bool Market::rest_at_once(const wire::Command& command, Sequence sequence,
                          std::uint64_t timestamp_ns, Sink& sink) noexcept {
  static_assert(static_cast<int>(wire::OrderType::limit) == 0 &&
                static_cast<int>(wire::TimeInForce::day) == 0);
  constexpr std::uint32_t side_bit = std::uint32_t{1} << 8;
  const PriceTicks price{static_cast<std::uint32_t>(command.price)};
  const QuantityLots quantity{command.quantity};
  const std::uint32_t row = accounts_.find(command.account);
  // Zero quantity and negative prices wrap round.
  if ((word_at<std::uint32_t>(command, 0) & ~side_bit) !=
          static_cast<std::uint32_t>(wire::CommandKind::place) ||
      (extras_of(command) | command.order_id | static_cast<std::uint32_t>(command.trigger)) != 0 ||
      quantity.value() - 1 >= rules_.maximum_quantity ||
      price.value() - rules_.band_low > rules_.band_high - rules_.band_low || row == no_row)
      [[unlikely]] {
    return false;
  }
  const auto side = static_cast<wire::Side>(command.side);
  const std::uint64_t now_ns = std::max(now_ns_, timestamp_ns);
  Account& account = accounts_[row];
  if ((account.flags & Account::risk_bits) != 0 &&
      !is_within_limits(row, side, price, quantity, now_ns)) {
    return false;
  }
  if (crosses(side, lit_.best(opposite(side)), price) || open_orders_ == rules_.capacity ||
      lit_.is_full(side) || !pool_.has_slot()) {
    return false;
  }
  now_ns_ = now_ns;
  if ((account.flags & Account::message_bit) != 0) {
    accounts_.count_message(row, now_ns);
  }
  const OrderSlot slot = pool_.take();
  const OrderId id = pool_.id_of(slot);
  const bool is_best = lit_.append(pool_, slot, side, price, TotalLots{quantity.value()});
  Order& order = pool_[slot];
  order.remaining = quantity;
  order.set_price_and_side(price, side);
  order.owner = row;
  order.priority = sequence;
  join_chain(slot, account);
  ++account.open_orders;
  account.open_lots[index_of(side)] += quantity.value();
  ++open_orders_;
  digest_ += digest::order_term(
      digest::order_constant(id, price, AccountId{command.account}, side, sequence), quantity);
  Emitter<Sink> out(sink, command.tag, sequence.value());
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::accepted);
  event.side = command.side;
  event.account = command.account;
  event.order_id = id.value();
  event.price = price.value();
  event.quantity = quantity.value();
  out.put(event);
  if (is_best) {
    show_touch(out);
  }
  out.finish();
  if (command.session != 0) {
    sessions_.store(command.session, command.number, sequence,
                    {.order_id = id, .remaining = quantity});
  }
  return true;
}

inline bool Market::is_within_limits(std::uint32_t row, wire::Side side, PriceTicks price,
                                     QuantityLots quantity, std::uint64_t now_ns) const noexcept {
  constexpr std::uint32_t rare_bits = Account::killed_bit | Account::rate_bits;
  const PriceTicks reference = last_trade_ != PriceTicks{0} ? last_trade_ : breaker_.reference;
  return ((accounts_[row].flags & rare_bits) == 0 || accounts_.may_send(row, now_ns)) &&
         accounts_.allows({.row = row,
                           .side = side,
                           .price = price.value(),
                           .quantity = quantity.value(),
                           .reference = reference.value()});
}

template <EventSink Sink>
bool Market::cancel_at_once(const wire::Command& command, Sequence sequence,
                            std::uint64_t timestamp_ns, Sink& sink) noexcept {
  const std::uint64_t prices = word_at<std::uint64_t>(command, offsetof(wire::Command, price));
  const OrderSlot slot = pool_.find(command.order_id);
  if ((extras_of(command) | prices | command.quantity | codes_of(command)) != 0 || slot == no_slot)
      [[unlikely]] {
    return false;
  }
  const Order& order = pool_[slot];
  Account& account = accounts_[order.row()];
  if (order.has_terms() || account.id.value() != command.account) [[unlikely]] {
    return false;
  }
  pass_quietly(timestamp_ns);
  const wire::Side side = order.side();
  const PriceTicks price = order.price();
  const QuantityLots quantity = order.remaining;
  const OrderId id{command.order_id};
  const bool is_best = price == lit_.best(side);
  Emitter<Sink> out(sink, command.tag, sequence.value());
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(wire::EventKind::canceled);
  event.code = static_cast<std::uint8_t>(wire::CancelReason::user);
  event.side = static_cast<std::uint8_t>(side);
  event.account = command.account;
  event.order_id = id.value();
  event.price = price.value();
  event.quantity = quantity.value();
  out.put(event);
  if (!is_best) {
    // The touch stays, so that this is all there is to tell. A store waits for those before it:
    // told after the removal, the event would wait for lines of the neighbours' that no cache has.
    out.finish();
  }
  digest_ -= digest::order_term(digest::order_constant(id, price, account.id, side, order.priority),
                                quantity);
  lit_.remove(pool_, slot);
  leave_chain(slot, account);
  account.open_lots[index_of(side)] -= quantity.value();
  --open_orders_;
  pool_.give_back(slot);
  if (is_best) {
    show_touch(out);
    out.finish();
  }
  if (command.session != 0) {
    sessions_.store(command.session, command.number, sequence, {.order_id = id});
  }
  return true;
}

template <class Out>
inline void Market::answer(const wire::Command& command, Sequence sequence,
                           std::uint64_t timestamp_ns, Out& out) noexcept {
  if ((command.session == 0) != (command.number == 0)) [[unlikely]] {
    refuse(command, sequence, wire::Refusal::command_invalid, out);
    return;
  }
  if (command.session != 0) {
    const SessionTable::Answer known = sessions_.look_up(command.session, command.number);
    if (!known.is_new) [[unlikely]] {
      if (known.stored == nullptr) {
        refuse(command, sequence, wire::Refusal::number_stale, out);
      } else {
        out.rarely(command.tag, sequence.value(), [&](EventWriter& writer) noexcept {
          return put_repeated(*known.stored, writer);
        });
      }
      return;
    }
  }
  const Outcome outcome = execute(command, sequence, timestamp_ns, out);
  show_touch(out);
  if (command.session != 0) {
    sessions_.store(command.session, command.number, sequence, outcome);
  }
}

template <class Out>
inline Outcome Market::execute(const wire::Command& command, Sequence sequence,
                               std::uint64_t timestamp_ns, Out& out) noexcept {
  const bool is_quiet = (attention_ & ~has_stops) == 0 && timestamp_ns < next_due_ns_;
  if (is_quiet) [[likely]] {
    switch (static_cast<wire::CommandKind>(command.kind)) {
      case wire::CommandKind::place:
        if (is_plain_place(command)) [[likely]] {
          pass_quietly(timestamp_ns);
          return place(command, sequence, out);
        }
        break;
      case wire::CommandKind::replace:
        if (is_plain_replace(command)) [[likely]] {
          pass_quietly(timestamp_ns);
          return replace(command, sequence, out);
        }
        break;
      default:
        break;
    }
  }
  return out.rarely(command.tag, sequence.value(), [&](EventWriter& writer) noexcept {
    return act(command, sequence, timestamp_ns, writer);
  });
}

inline bool Market::is_plain_place(const wire::Command& command) noexcept {
  // Side and type at most 1, time in force at most 2.
  const std::uint32_t codes = codes_of(command);
  const bool are_codes_plain = ((codes & 0xFCFEFE) == 0) & ((codes >> 16) != 3);
  const std::uint32_t market_price =
      command.order_type == 0 ? 0 : static_cast<std::uint32_t>(command.price);
  return are_codes_plain & ((extras_of(command) | command.order_id | market_price |
                             static_cast<std::uint32_t>(command.trigger)) == 0);
}

template <class Out>
inline Outcome Market::place(const wire::Command& command, Sequence sequence, Out& out) noexcept {
  Entry entry{};
  const wire::Refusal refusal = check_place(command, entry);
  if (refusal != wire::Refusal::none) [[unlikely]] {
    return refuse(command, sequence, refusal, out);
  }
  if (entry.row == no_row) [[unlikely]] {
    entry.row = accounts_.add(command.account);
  }
  take_slot(entry);
  wire::Event event = event_of(wire::EventKind::accepted, entry);
  event.code = command.order_type;
  event.price = command.price;
  out.put(event);
  return enter(command, entry, sequence, out);
}

template <class Out>
inline Outcome Market::replace(const wire::Command& command, Sequence sequence, Out& out) noexcept {
  const OrderSlot old{static_cast<std::uint32_t>(command.order_id & OrderPool::slot_mask)};
  Entry entry{};
  const wire::Refusal refusal = check_replace(command, old, entry);
  if (refusal != wire::Refusal::none) [[unlikely]] {
    return refuse(command, sequence, refusal, out);
  }
  // The old order leaves first: the new one takes its slot, so its id differs by a generation.
  const OrderId old_id = pool_.id_of(old);
  const QuantityLots open = pool_[old].remaining;
  entry.carried = pool_.executed(old);
  remove_plain(old, accounts_[entry.row]);
  pool_.give_back(old);
  take_slot(entry);
  wire::Event event = event_of(wire::EventKind::replaced, entry);
  event.price = entry.limit.value();
  event.remaining = open.value();
  event.other_order_id = old_id.value();
  out.put(event);
  return enter(command, entry, sequence, out);
}

inline wire::Event Market::event_of(wire::EventKind kind, const Entry& entry) noexcept {
  wire::Event event{};
  event.kind = static_cast<std::uint8_t>(kind);
  event.side = static_cast<std::uint8_t>(entry.side);
  event.account = entry.account.value();
  event.order_id = entry.id.value();
  event.quantity = entry.quantity.value();
  return event;
}

inline wire::Refusal Market::check_place(const wire::Command& command, Entry& entry) noexcept {
  wire::Refusal refusal = check_account_and_quantity(command);
  if (refusal != wire::Refusal::none) {
    return refusal;
  }
  const auto time_in_force = static_cast<wire::TimeInForce>(command.time_in_force);
  entry.is_market = command.order_type == static_cast<std::uint8_t>(wire::OrderType::market);
  entry.may_rest = !entry.is_market && time_in_force == wire::TimeInForce::day;
  entry.is_all_or_nothing = time_in_force == wire::TimeInForce::fok;
  entry.account = AccountId{command.account};
  entry.side = static_cast<wire::Side>(command.side);
  entry.quantity = QuantityLots{command.quantity};
  if (entry.is_market) {
    entry.limit = any_price(entry.side);
  } else {
    refusal = check_price(command.price);
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
    entry.limit = PriceTicks{static_cast<std::uint32_t>(command.price)};
  }
  entry.row = accounts_.find(command.account);
  if (entry.row == no_row) [[unlikely]] {
    if (accounts_.is_full()) {
      return wire::Refusal::account_table_full;
    }
  } else if ((accounts_[entry.row].flags & Account::risk_bits) != 0) {
    refusal = check_risk({.row = entry.row,
                          .side = entry.side,
                          .limit = entry.is_market ? PriceTicks{0} : entry.limit,
                          .quantity = entry.quantity,
                          .replaced = QuantityLots{0},
                          .is_replace = false,
                          .is_reduce_only = false});
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
  }
  if (entry.may_rest) {
    refusal = check_room(entry);
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
  }
  return pool_.has_slot() ? wire::Refusal::none : wire::Refusal::order_pool_full;
}

inline wire::Refusal Market::check_replace(const wire::Command& command, OrderSlot old,
                                           Entry& entry) noexcept {
  const Order& order = pool_[old];
  const Account& account = accounts_[order.row()];
  wire::Refusal refusal = check_account_and_quantity(command);
  if (refusal == wire::Refusal::none) {
    refusal = check_owner(command, account);
  }
  if (refusal == wire::Refusal::none) {
    refusal = check_price(command.price);
  }
  if (refusal != wire::Refusal::none) {
    return refusal;
  }
  entry.account = account.id;
  entry.row = order.row();
  entry.side = order.side();
  entry.limit = PriceTicks{static_cast<std::uint32_t>(command.price)};
  entry.quantity = QuantityLots{command.quantity};
  entry.may_rest = true;
  if ((account.flags & Account::risk_bits) != 0) {
    refusal = check_risk({.row = entry.row,
                          .side = entry.side,
                          .limit = entry.limit,
                          .quantity = entry.quantity,
                          .replaced = order.remaining,
                          .is_replace = true,
                          .is_reduce_only = false});
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
  }
  // The level that the old order leaves empty counts as free.
  if (lit_.lacks_level(entry.side, entry.limit) && !lit_.is_alone(old) && !can_fill(entry))
      [[unlikely]] {
    return wire::Refusal::level_pool_full;
  }
  return pool_.is_reusable(old) || pool_.has_slot() ? wire::Refusal::none
                                                    : wire::Refusal::order_pool_full;
}

inline wire::Refusal Market::check_account_and_quantity(
    const wire::Command& command) const noexcept {
  if (command.account == 0) {
    return wire::Refusal::account_invalid;
  }
  if (command.quantity == 0) {
    return wire::Refusal::quantity_not_positive;
  }
  return command.quantity > rules_.maximum_quantity ? wire::Refusal::quantity_too_large
                                                    : wire::Refusal::none;
}

inline wire::Refusal Market::check_price(std::int32_t price) const noexcept {
  if (price < 1) {
    return wire::Refusal::price_not_positive;
  }
  const auto ticks = static_cast<std::uint32_t>(price);
  return ticks < rules_.band_low || ticks > rules_.band_high ? wire::Refusal::price_out_of_band
                                                             : wire::Refusal::none;
}

inline wire::Refusal Market::check_owner(const wire::Command& command,
                                         const Account& account) noexcept {
  if (command.account == 0) {
    return wire::Refusal::account_invalid;
  }
  return account.id.value() == command.account ? wire::Refusal::none
                                               : wire::Refusal::order_not_yours;
}

inline wire::Refusal Market::check_room(const Entry& entry) const noexcept {
  const bool is_full = open_orders_ == rules_.capacity;
  if (!is_full && !lit_.lacks_level(entry.side, entry.limit)) [[likely]] {
    return wire::Refusal::none;
  }
  if (can_fill(entry)) {
    return wire::Refusal::none;
  }
  return is_full ? wire::Refusal::order_pool_full : wire::Refusal::level_pool_full;
}

}  // namespace meridian::engine
