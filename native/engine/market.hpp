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

  // What depth.hpp asks of a book: what everybody may see of it, between two commands.
  [[nodiscard]] Quote quote(wire::Side side) const noexcept { return book_.quote(side); }
  // visitor(price, lots): Book::visit_levels.
  template <class Visitor>
  void visit_levels(wire::Side side, PriceTicks from, Visitor&& visitor) const noexcept {
    book_.visit_levels(side, from, visitor);
  }
  // visitor(order id, remaining) for the orders at one price, oldest first, until it returns false.
  template <class Visitor>
  void visit_orders(PriceTicks price, Visitor&& visitor) const noexcept {
    book_.visit_level(price, [&](OrderSlot slot, const Order& order) noexcept {
      return visitor(book_.pool().id_of(slot), order.remaining);
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

    // One branch for four comparisons: touches change too often to predict.
    friend bool operator==(const Touch& left, const Touch& right) noexcept {
      return ((left.bid.price.value() ^ right.bid.price.value()) |
              (left.bid.lots.value() ^ right.bid.lots.value()) |
              (left.ask.price.value() ^ right.ask.price.value()) |
              (left.ask.lots.value() ^ right.ask.lots.value())) == 0;
    }
  };

  // An order about to enter the book, every check passed.
  struct Entry {
    OrderSlot slot;
    OrderId id;
    AccountId account;
    wire::Side side;
    PriceTicks limit;
    QuantityLots quantity;
    bool may_rest;
    bool is_all_or_nothing;
    bool is_market;
  };

  static constexpr std::int64_t highest_price = 0x7FFFFFFE;
  static constexpr std::uint64_t highest_quantity = 0x7FFFFFFF;
  static constexpr std::uint64_t highest_capacity = OrderPool::highest_slot - 1;
  static constexpr std::uint64_t highest_order_id = (std::uint64_t{1} << 53) - 1;

  explicit Market(Arena arena) noexcept : book_(arena), sessions_(arena) {}

  // What follows is inlined into apply() by force where it is on the way of an order: as calls the
  // entry and the outcome went through memory, for twice the instructions.

  template <class Out>
  [[gnu::always_inline]] void answer(const wire::Command& command, Sequence sequence,
                                     Out& out) noexcept {
    if ((command.session == 0) != (command.number == 0)) [[unlikely]] {
      refuse(command, wire::Refusal::command_invalid, out);
      return;
    }
    if (command.session != 0) {
      const SessionTable::Answer known = sessions_.look_up(command.session, command.number);
      if (!known.is_new) [[unlikely]] {
        if (known.stored == nullptr) {
          refuse(command, wire::Refusal::number_stale, out);
        } else {
          repeat(*known.stored, out);
        }
        return;
      }
    }
    const Outcome outcome = execute(command, sequence, out);
    show_touch(out);
    if (command.session != 0) {
      sessions_.store(command.session, command.number, sequence, outcome);
    }
  }

  template <class Out>
  [[gnu::always_inline]] Outcome execute(const wire::Command& command, Sequence sequence,
                                         Out& out) noexcept {
    Entry entry{};
    OrderSlot named = no_slot;
    wire::Refusal refusal = wire::Refusal::command_invalid;
    switch (static_cast<wire::CommandKind>(command.kind)) {
      case wire::CommandKind::place:
        refusal = check_place(command, entry);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        take_slot(entry);
        show_accepted(entry, command.price, out);
        return enter(entry, sequence, out);
      case wire::CommandKind::cancel:
        refusal = check_cancel(command, named);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        return cancel(named, wire::CancelReason::user, out);
      case wire::CommandKind::reduce:
        refusal = check_reduce(command, named);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        return reduce(named, command.quantity, out);
      case wire::CommandKind::replace:
        refusal = check_replace(command, entry, named);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        replace(named, entry, out);
        return enter(entry, sequence, out);
      case wire::CommandKind::configure:
        refusal = check_configure(command);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        return configure(command, out);
      case wire::CommandKind::set_state:
        refusal = check_set_state(command);
        if (refusal != wire::Refusal::none) {
          return refuse(command, refusal, out);
        }
        return set_state(command, out);
    }
    return refuse(command, refusal, out);
  }

  // Trades an order against the book; what is left rests or is canceled.
  template <class Out>
  [[gnu::always_inline]] Outcome enter(const Entry& entry, Sequence sequence, Out& out) noexcept {
    QuantityLots rest = entry.quantity;
    const bool is_unfilled =
        entry.is_all_or_nothing && !book_.can_match(entry.side, entry.limit, entry.quantity);
    if (!is_unfilled) {
      rest = book_.match(entry.side, entry.limit, entry.quantity,
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
    const QuantityLots executed = entry.quantity - rest;
    if (entry.may_rest && rest != QuantityLots{0}) {
      book_.append(entry.slot, entry.side, entry.limit, rest, entry.account, sequence);
      return {.order_id = entry.id, .executed = executed, .remaining = rest};
    }
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
    book_.pool().give_back(entry.slot);
    return {.order_id = entry.id, .executed = executed};
  }

  template <class Out>
  [[gnu::always_inline]] Outcome cancel(OrderSlot slot, wire::CancelReason reason,
                                        Out& out) noexcept {
    const Order& order = book_.pool()[slot];
    const OrderId id = book_.pool().id_of(slot);
    wire::Event event = event_of(wire::EventKind::canceled, slot, order);
    event.code = static_cast<std::uint8_t>(reason);
    event.quantity = order.remaining.value();
    out.put(event);
    book_.remove(slot);
    return {.order_id = id};
  }

  template <class Out>
  Outcome reduce(OrderSlot slot, std::uint64_t quantity, Out& out) noexcept {
    const Order& order = book_.pool()[slot];
    if (quantity >= order.remaining.value()) {
      return cancel(slot, wire::CancelReason::reduced_to_zero, out);
    }
    const QuantityLots lots{static_cast<std::uint32_t>(quantity)};
    book_.reduce(slot, lots);
    wire::Event event = event_of(wire::EventKind::reduced, slot, order);
    event.quantity = lots.value();
    event.remaining = order.remaining.value();
    out.put(event);
    return {.order_id = book_.pool().id_of(slot), .remaining = order.remaining};
  }

  // The old order leaves first: the new one takes its slot, and so its id differs by a generation.
  template <class Out>
  void replace(OrderSlot old, Entry& entry, Out& out) noexcept {
    const OrderId old_id = book_.pool().id_of(old);
    const QuantityLots open = book_.pool()[old].remaining;
    book_.remove(old);
    take_slot(entry);
    wire::Event event = event_of(wire::EventKind::replaced, entry);
    event.price = entry.limit.value();
    event.remaining = open.value();
    event.other_order_id = old_id.value();
    out.put(event);
  }

  template <class Out>
  Outcome configure(const wire::Command& command, Out& out) noexcept {
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
  [[gnu::noinline]] Outcome refuse(const wire::Command& command, wire::Refusal refusal,
                                   Out& out) noexcept {
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
  [[gnu::noinline]] void repeat(const SessionTable::Stored& stored, Out& out) noexcept {
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::repeated);
    event.code = stored.refusal();
    event.order_id = stored.order_id().value();
    event.quantity = stored.executed.value();
    event.remaining = stored.remaining.value();
    event.other_order_id = stored.sequence;
    out.put(event);
  }

  template <class Out>
  [[gnu::always_inline]] void show_accepted(const Entry& entry, std::int64_t price,
                                            Out& out) noexcept {
    wire::Event event = event_of(wire::EventKind::accepted, entry);
    event.price = price;
    event.quantity = entry.quantity.value();
    out.put(event);
  }

  // The last event when the command changed the best bid or offer.
  template <class Out>
  [[gnu::always_inline]] void show_touch(Out& out) noexcept {
    const Touch touch{book_.quote(wire::Side::buy), book_.quote(wire::Side::sell)};
    if (touch == touch_) {
      return;
    }
    touch_ = touch;
    wire::Event event{};
    event.kind = static_cast<std::uint8_t>(wire::EventKind::touch);
    event.order_id = touch.bid.lots.value();
    event.price = touch.bid.price.value();
    event.other_order_id = touch.ask.lots.value();
    event.other_price =
        touch.ask.price == Book::nothing(wire::Side::sell) ? 0 : touch.ask.price.value();
    out.put(event);
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

  [[gnu::always_inline]] wire::Refusal check_place(const wire::Command& command,
                                                   Entry& entry) const noexcept {
    const bool is_well_formed = (command.side <= 1) & (command.order_type <= 1) &
                                (command.time_in_force <= 2) &
                                are_zero(command.order_id, command.band_high, command.reserved);
    if (!is_well_formed) [[unlikely]] {
      return wire::Refusal::command_invalid;
    }
    wire::Refusal refusal = check_entering(command);
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
    const auto time_in_force = static_cast<wire::TimeInForce>(command.time_in_force);
    entry.is_market = command.order_type == static_cast<std::uint8_t>(wire::OrderType::market);
    entry.may_rest = !entry.is_market && time_in_force == wire::TimeInForce::day;
    entry.is_all_or_nothing = time_in_force == wire::TimeInForce::fok;
    entry.account = AccountId{command.account};
    entry.side = static_cast<wire::Side>(command.side);
    entry.quantity = QuantityLots{static_cast<std::uint32_t>(command.quantity)};
    if (entry.is_market) {
      refusal = command.price == 0 ? wire::Refusal::none : wire::Refusal::command_invalid;
      entry.limit = any_price(entry.side);
    } else {
      refusal = check_limit_price(command);
      entry.limit = PriceTicks{static_cast<std::uint32_t>(command.price)};
    }
    if (refusal == wire::Refusal::none && entry.may_rest) {
      refusal = check_room(entry);
    }
    if (refusal == wire::Refusal::none && !book_.pool().has_slot()) [[unlikely]] {
      return wire::Refusal::order_pool_full;
    }
    return refusal;
  }

  [[gnu::always_inline]] wire::Refusal check_cancel(const wire::Command& command,
                                                    OrderSlot& named) const noexcept {
    const bool is_well_formed =
        are_zero(command.side, command.order_type, command.time_in_force, command.price,
                 command.band_high, command.quantity, command.reserved);
    return is_well_formed ? check_named(command, named) : wire::Refusal::command_invalid;
  }

  wire::Refusal check_reduce(const wire::Command& command, OrderSlot& named) const noexcept {
    const bool is_well_formed = are_zero(command.side, command.order_type, command.time_in_force,
                                         command.price, command.band_high, command.reserved);
    if (!is_well_formed) {
      return wire::Refusal::command_invalid;
    }
    const wire::Refusal refusal = check_named(command, named);
    return refusal == wire::Refusal::none && command.quantity == 0
               ? wire::Refusal::quantity_not_positive
               : refusal;
  }

  wire::Refusal check_replace(const wire::Command& command, Entry& entry,
                              OrderSlot& named) const noexcept {
    const bool is_well_formed = are_zero(command.side, command.order_type, command.time_in_force,
                                         command.band_high, command.reserved);
    if (!is_well_formed) {
      return wire::Refusal::command_invalid;
    }
    wire::Refusal refusal = check_entering(command);
    if (refusal == wire::Refusal::none) {
      refusal = check_limit_price(command);
    }
    if (refusal == wire::Refusal::none) {
      refusal = check_named(command, named);
    }
    if (refusal != wire::Refusal::none) {
      return refusal;
    }
    const Order& old = book_.pool()[named];
    entry.account = old.account;
    entry.side = old.side();
    entry.limit = PriceTicks{static_cast<std::uint32_t>(command.price)};
    entry.quantity = QuantityLots{static_cast<std::uint32_t>(command.quantity)};
    entry.may_rest = true;
    // The level that the old order leaves empty counts as free.
    if (book_.lacks_level(entry.side, entry.limit) && !book_.is_alone(named) &&
        !book_.can_match(entry.side, entry.limit, entry.quantity)) [[unlikely]] {
      return wire::Refusal::level_pool_full;
    }
    return book_.pool().is_reusable(named) || book_.pool().has_slot()
               ? wire::Refusal::none
               : wire::Refusal::order_pool_full;
  }

  wire::Refusal check_configure(const wire::Command& command) const noexcept {
    const bool is_well_formed =
        command.order_type <= 2 && are_zero(command.side, command.time_in_force, command.reserved);
    const bool is_good = is_well_formed && command.price >= 1 &&
                         command.price <= command.band_high && command.band_high <= highest_price &&
                         command.quantity >= 1 && command.quantity <= highest_quantity &&
                         command.order_id >= 1 && command.order_id <= highest_capacity;
    if (!is_good) {
      return wire::Refusal::command_invalid;
    }
    return rules_.capacity != 0 && rules_.capacity != command.order_id
               ? wire::Refusal::capacity_fixed
               : wire::Refusal::none;
  }

  wire::Refusal check_set_state(const wire::Command& command) const noexcept {
    const bool is_well_formed =
        command.order_type <= 1 &&
        are_zero(command.side, command.time_in_force, command.order_id, command.price,
                 command.band_high, command.quantity, command.reserved);
    if (!is_well_formed) {
      return wire::Refusal::command_invalid;
    }
    return rules_.capacity == 0 ? wire::Refusal::not_configured : wire::Refusal::none;
  }

  // The checks that place and replace share, up to the quantity.
  [[gnu::always_inline]] wire::Refusal check_entering(const wire::Command& command) const noexcept {
    if (rules_.capacity == 0) {
      return wire::Refusal::not_configured;
    }
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

  [[gnu::always_inline]] wire::Refusal check_limit_price(
      const wire::Command& command) const noexcept {
    if (command.price < 1) {
      return wire::Refusal::price_not_positive;
    }
    return command.price < rules_.band_low || command.price > rules_.band_high
               ? wire::Refusal::price_out_of_band
               : wire::Refusal::none;
  }

  // Finds the resting order that the command names, if its account owns it.
  [[gnu::always_inline]] wire::Refusal check_named(const wire::Command& command,
                                                   OrderSlot& named) const noexcept {
    if (rules_.capacity == 0) {
      return wire::Refusal::not_configured;
    }
    if (command.account == 0) {
      return wire::Refusal::account_invalid;
    }
    named = book_.pool().find(command.order_id);
    if (named == no_slot) {
      return wire::Refusal::order_unknown;
    }
    return book_.pool()[named].account == AccountId{command.account}
               ? wire::Refusal::none
               : wire::Refusal::order_not_yours;
  }

  // Room for the rest of a new order, asked only when there is little: summing up what it can match
  // costs a walk over the levels.
  [[gnu::always_inline]] wire::Refusal check_room(const Entry& entry) const noexcept {
    const bool is_full = book_.resting_orders() == rules_.capacity;
    if (!is_full && !book_.lacks_level(entry.side, entry.limit)) [[likely]] {
      return wire::Refusal::none;
    }
    if (book_.can_match(entry.side, entry.limit, entry.quantity)) {
      return wire::Refusal::none;
    }
    return is_full ? wire::Refusal::order_pool_full : wire::Refusal::level_pool_full;
  }

  // The limit of a market order.
  static PriceTicks any_price(wire::Side side) noexcept {
    return PriceTicks{side == wire::Side::buy ? static_cast<std::uint32_t>(highest_price) : 1U};
  }

  // For the fields that a command does not use. One branch: the fields are loaded anyway.
  template <class... Fields>
  static bool are_zero(Fields... fields) noexcept {
    return (static_cast<std::uint64_t>(fields) | ...) == 0;
  }

  Book book_;
  SessionTable sessions_;
  Rules rules_;
  Touch touch_{book_.quote(wire::Side::buy), book_.quote(wire::Side::sell)};
};

}  // namespace meridian::engine
