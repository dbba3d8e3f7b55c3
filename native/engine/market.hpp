// One market: commands in, events out. The rules are in README.md, and a slow twin in another
// language is written from the same page.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.hpp"
#include "base/units.hpp"
#include "engine/book.hpp"
#include "engine/emitter.hpp"
#include "engine/session_table.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/refusal.hpp"

namespace meridian::engine {

// Deterministic and single-threaded: the same commands with the same sequences give the same events
// and digests. No allocation, exception, system call, virtual call or floating point.
class Market {
 public:
  // Bytes of arena a market of the largest capacity needs, about 0.7 GiB. The arena is meant to be
  // lazily backed: memory is touched as orders and levels come to rest.
  static constexpr std::size_t arena_bytes() noexcept {
    return Book::arena_bytes() + SessionTable::arena_bytes();
  }

  // `memory` is zeroed, aligned to 64 bytes, at least arena_bytes() long, and outlives the market.
  explicit Market(std::span<std::byte> memory) noexcept : Market(Arena(memory)) {}
  Market(const Market&) = delete;
  Market& operator=(const Market&) = delete;

  // Processes one command. `sequence` rises by one from 1 on. Emits at least one event; what the
  // sink must offer is in emitter.hpp. No rule depends on the time yet.
  template <EventSink Sink>
  void apply(const wire::Command& command, std::uint64_t sequence, std::uint64_t /*timestamp_ns*/,
             Sink& sink) noexcept {
    Emitter<Sink> out(sink, command.tag, sequence);
    answer(command, Sequence{sequence}, out);
    out.finish();
  }

  // Digest of resting orders and remembered outcomes.
  [[nodiscard]] std::uint64_t digest() const noexcept {
    return book_.digest() + sessions_.digest();
  }
  [[nodiscard]] std::uint32_t resting_orders() const noexcept { return book_.resting_orders(); }

  // Every invariant of the book and the sessions, and the digest recomputed. Cost: the whole state.
  [[nodiscard]] bool verify() const noexcept;

  // Calls visitor(order_id, account, price, remaining) for the resting orders of a side, best price
  // first and oldest first within a price, until it returns false.
  template <class Visitor>
  void visit_resting(wire::Side side, Visitor&& visitor) const noexcept {
    book_.visit(side, [&](OrderSlot slot, const Order& order) noexcept {
      return visitor(book_.pool().id_of(slot), order.account, order.price(), order.remaining);
    });
  }

 private:
  // What `configure` and `set_state` say. Nothing is accepted before the first configure.
  struct Rules {
    std::uint32_t band_low = 0;
    std::uint32_t band_high = 0;
    std::uint32_t maximum_quantity = 0;
    std::uint32_t capacity = 0;  // 0 before the first configure
    bool is_halted = false;
  };

  struct Touch {
    Quote bid;
    Quote ask;
    friend bool operator==(const Touch&, const Touch&) noexcept = default;
  };

  // An order about to enter the book, every check passed.
  struct Entry {
    OrderSlot slot;
    OrderId id;
    AccountId account;
    wire::Side side;
    PriceTicks limit;
    QuantityLots quantity;
  };

  static constexpr std::int64_t highest_price = 0x7FFFFFFE;
  static constexpr std::uint64_t highest_quantity = 0x7FFFFFFF;
  static constexpr std::uint64_t highest_capacity = OrderPool::highest_slot - 1;
  static constexpr std::uint64_t highest_order_id = (std::uint64_t{1} << 53) - 1;

  explicit Market(Arena arena) noexcept : book_(arena), sessions_(arena) {}

  template <class Out>
  void answer(const wire::Command& command, Sequence sequence, Out& out) noexcept {
    if ((command.session == 0) != (command.number == 0)) [[unlikely]] {
      refuse(command, wire::Refusal::command_invalid, out);
      return;
    }
    if (command.session == 0) {
      process(command, sequence, out);
      return;
    }
    const SessionTable::Answer known = sessions_.look_up(command.session, command.number);
    if (known.is_new) [[likely]] {
      const Outcome outcome = process(command, sequence, out);
      sessions_.store(command.session, command.number, sequence, outcome);
    } else if (known.stored != nullptr) {
      repeat(*known.stored, out);
    } else {
      refuse(command, wire::Refusal::number_stale, out);
    }
  }

  template <class Out>
  Outcome process(const wire::Command& command, Sequence sequence, Out& out) noexcept {
    const Outcome outcome = execute(command, sequence, out);
    const Touch touch{book_.quote(wire::Side::buy), book_.quote(wire::Side::sell)};
    if (touch != touch_) {
      touch_ = touch;
      wire::Event event{};
      event.kind = static_cast<std::uint8_t>(wire::EventKind::touch);
      event.order_id = touch.bid.lots.value();
      event.price = touch.bid.price.value();
      event.other_order_id = touch.ask.lots.value();
      event.other_price = touch.ask.price.value();
      out.put(event);
    }
    return outcome;
  }

  template <class Out>
  Outcome execute(const wire::Command& command, Sequence sequence, Out& out) noexcept {
    if (!is_well_formed(command)) [[unlikely]] {
      return refuse(command, wire::Refusal::command_invalid, out);
    }
    const auto kind = static_cast<wire::CommandKind>(command.kind);
    if (rules_.capacity == 0 && kind != wire::CommandKind::configure) [[unlikely]] {
      return refuse(command, wire::Refusal::not_configured, out);
    }
    switch (kind) {
      case wire::CommandKind::place:
        return place(command, sequence, out);
      case wire::CommandKind::cancel:
        return cancel(command, out);
      case wire::CommandKind::reduce:
        return reduce(command, out);
      case wire::CommandKind::replace:
        return replace(command, sequence, out);
      case wire::CommandKind::configure:
        return configure(command, out);
      case wire::CommandKind::set_state:
        return set_state(command, out);
    }
    __builtin_unreachable();
  }

  template <class Out>
  Outcome place(const wire::Command& command, Sequence sequence, Out& out) noexcept {
    const bool is_market = command.order_type == static_cast<std::uint8_t>(wire::OrderType::market);
    wire::Refusal refusal = check_entry(command);
    if (refusal == wire::Refusal::none) {
      refusal = is_market ? check_market_price(command) : check_limit_price(command);
    }
    if (refusal != wire::Refusal::none) {
      return refuse(command, refusal, out);
    }
    Entry entry{};
    entry.account = AccountId{command.account};
    entry.side = static_cast<wire::Side>(command.side);
    entry.limit = is_market ? market_limit(entry.side) : limit_of(command);
    entry.quantity = QuantityLots{static_cast<std::uint32_t>(command.quantity)};
    const auto time_in_force = static_cast<wire::TimeInForce>(command.time_in_force);
    const bool may_rest = !is_market && time_in_force == wire::TimeInForce::day;
    if (may_rest) {
      refusal = check_room(entry);
    }
    if (refusal == wire::Refusal::none && !book_.pool().has_slot()) [[unlikely]] {
      refusal = wire::Refusal::order_pool_full;
    }
    if (refusal != wire::Refusal::none) [[unlikely]] {
      return refuse(command, refusal, out);
    }
    take_slot(entry);
    wire::Event accepted = event_of(wire::EventKind::accepted, entry);
    accepted.price = command.price;
    out.put(accepted);
    if (may_rest) {
      return enter(entry, sequence, out);
    }
    wire::CancelReason reason =
        is_market ? wire::CancelReason::no_liquidity : wire::CancelReason::ioc_rest;
    QuantityLots rest = entry.quantity;
    if (time_in_force == wire::TimeInForce::fok &&
        !book_.can_match(entry.side, entry.limit, entry.quantity)) {
      reason = wire::CancelReason::fok_unfilled;
    } else {
      rest = trade(entry, out);
    }
    if (rest != QuantityLots{0}) {
      wire::Event canceled = event_of(wire::EventKind::canceled, entry);
      canceled.code = static_cast<std::uint8_t>(reason);
      canceled.price = command.price;
      canceled.quantity = rest.value();
      out.put(canceled);
    }
    book_.pool().give_back(entry.slot);
    return {.order_id = entry.id, .executed = entry.quantity - rest};
  }

  template <class Out>
  Outcome cancel(const wire::Command& command, Out& out) noexcept {
    OrderSlot slot = no_slot;
    const wire::Refusal refusal = check_owned(command, slot);
    if (refusal != wire::Refusal::none) {
      return refuse(command, refusal, out);
    }
    return cancel_resting(slot, wire::CancelReason::user, out);
  }

  template <class Out>
  Outcome reduce(const wire::Command& command, Out& out) noexcept {
    OrderSlot slot = no_slot;
    wire::Refusal refusal = check_owned(command, slot);
    if (refusal == wire::Refusal::none && command.quantity == 0) {
      refusal = wire::Refusal::quantity_not_positive;
    }
    if (refusal != wire::Refusal::none) {
      return refuse(command, refusal, out);
    }
    const Order& order = book_.pool()[slot];
    if (command.quantity >= order.remaining.value()) {
      return cancel_resting(slot, wire::CancelReason::reduced_to_zero, out);
    }
    const QuantityLots lots{static_cast<std::uint32_t>(command.quantity)};
    book_.reduce(slot, lots);
    wire::Event event = event_of(wire::EventKind::reduced, slot, order);
    event.quantity = lots.value();
    event.remaining = order.remaining.value();
    out.put(event);
    return {.order_id = book_.pool().id_of(slot), .remaining = order.remaining};
  }

  template <class Out>
  Outcome replace(const wire::Command& command, Sequence sequence, Out& out) noexcept {
    OrderSlot slot = no_slot;
    wire::Refusal refusal = check_entry(command);
    if (refusal == wire::Refusal::none) {
      refusal = check_limit_price(command);
    }
    if (refusal == wire::Refusal::none) {
      refusal = check_owned(command, slot);
    }
    if (refusal != wire::Refusal::none) {
      return refuse(command, refusal, out);
    }
    const Order& old = book_.pool()[slot];
    const OrderId old_id = book_.pool().id_of(slot);
    const QuantityLots open = old.remaining;
    Entry entry{};
    entry.account = old.account;
    entry.side = old.side();
    entry.limit = limit_of(command);
    entry.quantity = QuantityLots{static_cast<std::uint32_t>(command.quantity)};
    refusal = check_replacement(entry, slot);
    if (refusal != wire::Refusal::none) [[unlikely]] {
      return refuse(command, refusal, out);
    }
    book_.remove(slot);
    take_slot(entry);
    wire::Event replaced = event_of(wire::EventKind::replaced, entry);
    replaced.price = entry.limit.value();
    replaced.remaining = open.value();
    replaced.other_order_id = old_id.value();
    out.put(replaced);
    return enter(entry, sequence, out);
  }

  template <class Out>
  Outcome configure(const wire::Command& command, Out& out) noexcept {
    const bool is_good = command.price >= 1 && command.price <= command.band_high &&
                         command.band_high <= highest_price && command.quantity >= 1 &&
                         command.quantity <= highest_quantity && command.order_id >= 1 &&
                         command.order_id <= highest_capacity;
    if (!is_good) {
      return refuse(command, wire::Refusal::command_invalid, out);
    }
    if (rules_.capacity != 0 && rules_.capacity != command.order_id) {
      return refuse(command, wire::Refusal::capacity_fixed, out);
    }
    rules_.band_low = static_cast<std::uint32_t>(command.price);
    rules_.band_high = static_cast<std::uint32_t>(command.band_high);
    rules_.maximum_quantity = static_cast<std::uint32_t>(command.quantity);
    rules_.capacity = static_cast<std::uint32_t>(command.order_id);
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::configured);
    event.price = command.price;
    event.other_price = command.band_high;
    out.put(event);
    return {};
  }

  template <class Out>
  Outcome set_state(const wire::Command& command, Out& out) noexcept {
    rules_.is_halted = command.order_type == static_cast<std::uint8_t>(wire::MarketState::halted);
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::state_set);
    event.code = command.order_type;
    out.put(event);
    return {};
  }

  template <class Out>
  Outcome refuse(const wire::Command& command, wire::Refusal refusal, Out& out) noexcept {
    const bool names_order = command.kind == static_cast<std::uint8_t>(wire::CommandKind::cancel) ||
                             command.kind == static_cast<std::uint8_t>(wire::CommandKind::reduce) ||
                             command.kind == static_cast<std::uint8_t>(wire::CommandKind::replace);
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::refused);
    event.code = static_cast<std::uint8_t>(refusal);
    event.account = command.account;
    event.order_id = names_order && command.order_id <= highest_order_id ? command.order_id : 0;
    out.put(event);
    return {.refusal = refusal};
  }

  template <class Out>
  void repeat(const SessionTable::Stored& stored, Out& out) noexcept {
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::repeated);
    event.code = stored.refusal();
    event.order_id = stored.order_id().value();
    event.quantity = stored.executed.value();
    event.remaining = stored.remaining.value();
    event.other_order_id = stored.sequence;
    out.put(event);
  }

  // Trades an order against the book and lets the rest rest.
  template <class Out>
  Outcome enter(const Entry& entry, Sequence sequence, Out& out) noexcept {
    const QuantityLots rest = trade(entry, out);
    if (rest == QuantityLots{0}) {
      book_.pool().give_back(entry.slot);
    } else {
      book_.append(entry.slot, entry.side, entry.limit, rest, entry.account, sequence);
    }
    return {.order_id = entry.id, .executed = entry.quantity - rest, .remaining = rest};
  }

  // Emits one executed for each maker. Returns what is left.
  template <class Out>
  QuantityLots trade(const Entry& entry, Out& out) noexcept {
    return book_.match(entry.side, entry.limit, entry.quantity,
                       [&](OrderId maker, AccountId maker_account, PriceTicks price,
                           QuantityLots traded, QuantityLots maker_rest) noexcept {
                         wire::Event event = event_of(wire::EventKind::executed, entry);
                         event.price = price.value();
                         event.quantity = traded.value();
                         event.remaining = maker_rest.value();
                         event.other_order_id = maker.value();
                         event.other_price = maker_account.value();
                         out.put(event);
                       });
  }

  template <class Out>
  Outcome cancel_resting(OrderSlot slot, wire::CancelReason reason, Out& out) noexcept {
    const Order& order = book_.pool()[slot];
    const OrderId id = book_.pool().id_of(slot);
    wire::Event event = event_of(wire::EventKind::canceled, slot, order);
    event.code = static_cast<std::uint8_t>(reason);
    event.quantity = order.remaining.value();
    out.put(event);
    book_.remove(slot);
    return {.order_id = id};
  }

  // The fields that events about an entering order share.
  static wire::Event event_of(wire::EventKind kind, const Entry& entry) noexcept {
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(kind);
    event.side = static_cast<std::uint8_t>(entry.side);
    event.account = entry.account.value();
    event.order_id = entry.id.value();
    event.quantity = entry.quantity.value();
    return event;
  }

  // The fields that events about a resting order share.
  wire::Event event_of(wire::EventKind kind, OrderSlot slot, const Order& order) const noexcept {
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(kind);
    event.side = static_cast<std::uint8_t>(order.side());
    event.account = order.account.value();
    event.order_id = book_.pool().id_of(slot).value();
    event.price = order.price().value();
    return event;
  }

  void take_slot(Entry& entry) noexcept {
    entry.slot = book_.pool().take();
    entry.id = book_.pool().id_of(entry.slot);
  }

  static PriceTicks limit_of(const wire::Command& command) noexcept {
    return PriceTicks{static_cast<std::uint32_t>(command.price)};
  }

  // A market order accepts every price there is.
  static PriceTicks market_limit(wire::Side side) noexcept {
    return PriceTicks{side == wire::Side::buy ? static_cast<std::uint32_t>(highest_price) : 1U};
  }

  // Known enumerations, and nothing in the fields that the kind does not use.
  static bool is_well_formed(const wire::Command& command) noexcept;

  // The checks that place and replace share, up to the quantity.
  [[nodiscard]] wire::Refusal check_entry(const wire::Command& command) const noexcept {
    if (command.account == 0) {
      return wire::Refusal::account_invalid;
    }
    if (rules_.is_halted) {
      return wire::Refusal::market_halted;
    }
    if (command.quantity == 0) {
      return wire::Refusal::quantity_not_positive;
    }
    return command.quantity > rules_.maximum_quantity ? wire::Refusal::quantity_too_large
                                                      : wire::Refusal::none;
  }

  [[nodiscard]] wire::Refusal check_limit_price(const wire::Command& command) const noexcept {
    if (command.price < 1) {
      return wire::Refusal::price_not_positive;
    }
    return command.price < rules_.band_low || command.price > rules_.band_high
               ? wire::Refusal::price_out_of_band
               : wire::Refusal::none;
  }

  static wire::Refusal check_market_price(const wire::Command& command) noexcept {
    return command.price != 0 ? wire::Refusal::command_invalid : wire::Refusal::none;
  }

  // Finds the order that the command names.
  [[nodiscard]] wire::Refusal check_owned(const wire::Command& command,
                                          OrderSlot& slot) const noexcept {
    if (command.account == 0) {
      return wire::Refusal::account_invalid;
    }
    slot = book_.pool().find(command.order_id);
    if (slot == no_slot) {
      return wire::Refusal::order_unknown;
    }
    return book_.pool()[slot].account == AccountId{command.account}
               ? wire::Refusal::none
               : wire::Refusal::order_not_yours;
  }

  // Room for the rest of a new order, asked only when there is little: summing up what it can match
  // costs a walk over the levels.
  [[nodiscard]] wire::Refusal check_room(const Entry& entry) const noexcept {
    const bool is_full = book_.resting_orders() == rules_.capacity;
    const bool lacks_level = book_.lacks_level(entry.side, entry.limit);
    if (!is_full && !lacks_level) [[likely]] {
      return wire::Refusal::none;
    }
    if (book_.can_match(entry.side, entry.limit, entry.quantity)) {
      return wire::Refusal::none;
    }
    return is_full ? wire::Refusal::order_pool_full : wire::Refusal::level_pool_full;
  }

  // A replacement takes the slot of the old order, and its level if the old order was alone there.
  [[nodiscard]] wire::Refusal check_replacement(const Entry& entry, OrderSlot old) const noexcept {
    if (book_.lacks_level(entry.side, entry.limit) && !book_.is_alone(old) &&
        !book_.can_match(entry.side, entry.limit, entry.quantity)) [[unlikely]] {
      return wire::Refusal::level_pool_full;
    }
    return book_.pool().is_reusable(old) || book_.pool().has_slot()
               ? wire::Refusal::none
               : wire::Refusal::order_pool_full;
  }

  Book book_;
  SessionTable sessions_;
  Rules rules_;
  Touch touch_;
};

inline bool Market::is_well_formed(const wire::Command& command) noexcept {
  // Collected without branches: a malformed command is rare and the fields are loaded anyway.
  const auto unused = [](auto... fields) noexcept {
    return ((static_cast<std::uint64_t>(fields) | ...)) == 0;
  };
  switch (static_cast<wire::CommandKind>(command.kind)) {
    case wire::CommandKind::place:
      return (command.side <= 1) & (command.order_type <= 1) & (command.time_in_force <= 2) &
             unused(command.order_id, command.band_high, command.reserved);
    case wire::CommandKind::cancel:
      return unused(command.side, command.order_type, command.time_in_force, command.price,
                    command.band_high, command.quantity, command.reserved);
    case wire::CommandKind::reduce:
      return unused(command.side, command.order_type, command.time_in_force, command.price,
                    command.band_high, command.reserved);
    case wire::CommandKind::replace:
      return unused(command.side, command.order_type, command.time_in_force, command.band_high,
                    command.reserved);
    case wire::CommandKind::configure:
      return (command.order_type <= 2) &
             unused(command.side, command.time_in_force, command.reserved);
    case wire::CommandKind::set_state:
      return (command.order_type <= 1) & unused(command.side, command.time_in_force,
                                                command.order_id, command.price, command.band_high,
                                                command.quantity, command.reserved);
  }
  return false;
}

}  // namespace meridian::engine
