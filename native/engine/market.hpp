// One market: commands in, events out. The rules are in README.md, and a slow twin in another
// language is written from the same page.
//
// Plain orders (limit or market, of the day or immediate, without attributes) in an open market
// without special orders take the inlined path of plain_orders.hpp and plain_matching.hpp.
// Everything else is in functions of its own, one file a concern: place.cpp, matching.cpp,
// orders.cpp, links.cpp, work.cpp, auction.cpp, control.cpp, risk.cpp.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.hpp"
#include "base/units.hpp"
#include "engine/accounts.hpp"
#include "engine/backing.hpp"
#include "engine/digest.hpp"
#include "engine/emitter.hpp"
#include "engine/level_book.hpp"
#include "engine/order_pool.hpp"
#include "engine/session_table.hpp"
#include "engine/slot_list.hpp"
#include "engine/stops.hpp"
#include "engine/trade_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/refusal.hpp"

namespace meridian::engine {

class ByteReader;
class ByteWriter;

// Deterministic and single-threaded: the same commands with the same sequences and timestamps give
// the same events and digests. No allocation, exception, system call, virtual call or floating
// point.
class Market {
 public:
  // Bytes of arena a market of the largest capacity needs, about 2.1 GiB of addresses. Memory is
  // touched as orders and levels come to rest: backing.hpp says how it can be there before.
  static constexpr std::size_t arena_bytes() noexcept {
    return OrderPool::arena_bytes() + 2 * LevelBook::arena_bytes() + Accounts::arena_bytes() +
           TradeRing::arena_bytes() + SessionTable::arena_bytes();
  }

  // `memory` is zeroed, aligned to 64 bytes, at least arena_bytes() long, and outlives the market,
  // as does `backing`. Touches none of it.
  explicit Market(std::span<std::byte> memory, const Backing* backing = nullptr) noexcept
      : Market(Arena(memory), backing) {}
  Market(const Market&) = delete;
  Market& operator=(const Market&) = delete;

  // Processes one command. `sequence` rises by one from 1 on; the timestamp does not fall. Emits at
  // least one event; what the sink must offer is in emitter.hpp.
  template <EventSink Sink>
  void apply(const wire::Command& command, std::uint64_t sequence, std::uint64_t timestamp_ns,
             Sink& sink) noexcept {
    const bool is_quiet =
        (attention_ & ~has_stops) == 0 && timestamp_ns < next_due_ns_ && is_unanswered(command);
    if (is_quiet) [[likely]] {
      const auto kind = static_cast<wire::CommandKind>(command.kind);
      if ((kind == wire::CommandKind::place &&
           rest_at_once(command, Sequence{sequence}, timestamp_ns, sink)) ||
          (kind == wire::CommandKind::cancel &&
           cancel_at_once(command, Sequence{sequence}, timestamp_ns, sink))) {
        return;
      }
    }
    apply_any(command, sequence, timestamp_ns, sink);
  }

  // What looking ahead wants to know of a command. Whoever reads it out of memory that somebody
  // else may write meanwhile reads each field once.
  struct Glimpse {
    std::uint8_t kind;
    std::uint8_t side;
    std::int32_t price;
    std::uint64_t order_id;
  };
  static Glimpse glimpse_of(const wire::Command& command) noexcept {
    return {command.kind, command.side, command.price, command.order_id};
  }
  // Starts loading what commands that wait will touch; changes nothing that can be seen. Called
  // before each command of a backlog, with the commands so many places behind it, it hides the
  // memory of books that do not fit a cache: what the far one loads, the near one finds. Inlined by
  // force: g++ takes a function that only prefetches for one without effect.
  static constexpr std::uint32_t look_ahead_near = 4;
  static constexpr std::uint32_t look_ahead_far = 8;
  [[gnu::always_inline]] void look_ahead(const Glimpse& near, const Glimpse& far) noexcept;
  // The same for a command that comes alone and is applied next: what an order that it names and
  // its neighbours are in, all at once, before what else is done for the command.
  [[gnu::always_inline]] void expect(const wire::Command& command) const noexcept;
  // One step along what a sweep would meet first: for a thread that has nothing else to do.
  [[gnu::always_inline]] void walk_ahead() noexcept;

  // Digest of the whole state: README.md, "State digest".
  // Of a session, 0 when nothing is remembered of it.
  [[nodiscard]] std::uint64_t newest_number(std::uint64_t session) const noexcept {
    return sessions_.newest_number(session);
  }
  [[nodiscard]] std::uint64_t digest() const noexcept;
  // Orders that rest, wait, are queued or parked.
  [[nodiscard]] std::uint32_t open_orders() const noexcept { return open_orders_; }
  // Whether work is left that the next command would do: the sequencer sends a tick.
  [[nodiscard]] bool has_work() const noexcept;

  // Every invariant of the state, and the digest recomputed. Cost: the whole state.
  [[nodiscard]] bool verify() const noexcept;

  // The whole state as bytes. save() gives their number, or 0 when they do not fit; saved_bytes()
  // says how many are needed. restore() is for a new market: afterwards it has the same digest and
  // the same future. False when the bytes are damaged or of another version; the market must then
  // be thrown away.
  [[nodiscard]] std::size_t saved_bytes() const noexcept;
  [[nodiscard]] std::size_t save(std::span<std::byte> bytes) const noexcept;
  [[nodiscard]] bool restore(std::span<const std::byte> bytes) noexcept;

  // Calls visitor(order_id, account, price, shown) for the lit orders of a side, best price first
  // and oldest first within a price, until it returns false.
  template <class Visitor>
  void visit_resting(wire::Side side, Visitor&& visitor) const noexcept {
    lit_.visit(side, [&](OrderSlot slot) noexcept {
      const Order& order = pool_[slot];
      return visitor(pool_.id_of(slot), accounts_[order.row()].id, order.price(), order.remaining);
    });
  }

  // Calls visitor(part) for the memory that grows: backing.hpp. The rest of the arena does not.
  template <class Visitor>
  void visit_growing_memory(Visitor&& visitor) const noexcept {
    pool_.visit_memory(visitor);
    lit_.ladder(wire::Side::buy).visit_pages(GrowingPool::lit_buys, visitor);
    lit_.ladder(wire::Side::sell).visit_pages(GrowingPool::lit_sells, visitor);
    dark_.ladder(wire::Side::buy).visit_pages(GrowingPool::dark_buys, visitor);
    dark_.ladder(wire::Side::sell).visit_pages(GrowingPool::dark_sells, visitor);
  }

  // What depth.hpp asks of a book: what everybody may see of it, between two commands.
  [[nodiscard]] Quote quote(wire::Side side) const noexcept { return lit_.quote(side); }
  // visitor(price, lots): LevelBook::visit_levels.
  template <class Visitor>
  void visit_levels(wire::Side side, PriceTicks from, Visitor&& visitor) const noexcept {
    lit_.visit_levels(side, from, visitor);
  }
  // visitor(order id, shown lots) for the orders of a side at one price, oldest first, until it
  // returns false.
  template <class Visitor>
  void visit_orders(wire::Side side, PriceTicks price, Visitor&& visitor) const noexcept {
    lit_.visit_level(side, price, [&](OrderSlot slot) noexcept {
      return visitor(pool_.id_of(slot), pool_[slot].remaining);
    });
  }

 private:
  // What `configure` says. Nothing is accepted before the first one.
  struct Rules {
    std::uint32_t band_low = 0;
    std::uint32_t band_high = 0;
    std::uint32_t maximum_quantity = 0;
    std::uint32_t capacity = 0;  // 0 before the first configure
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

  // A plain order about to enter the book, every check passed.
  struct Entry {
    OrderSlot slot;
    OrderId id;
    AccountId account;
    std::uint32_t row;
    wire::Side side;
    PriceTicks limit;
    QuantityLots quantity;
    std::uint32_t carried;  // lots executed by the order that it replaces
    bool may_rest;
    bool is_all_or_nothing;
    bool is_market;
  };

  // An order of any kind as a command describes it, on its way through the checks.
  struct Draft {
    std::uint32_t account = 0;
    std::uint32_t row = no_row;
    wire::Side side{};
    wire::OrderType type{};
    wire::TimeInForce time_in_force{};
    PriceTicks price{0};  // limit, cap or 0
    std::uint32_t trigger = 0;
    QuantityLots quantity{0};
    QuantityLots display{0};
    QuantityLots minimum{0};
    bool is_unmet = false;
    bool is_child = false;
    bool is_paired = false;     // placed as one that cancels the other
    bool is_triggered = false;  // a replaced stop that was triggered: it acts as a limit order
    std::uint32_t expiry_s = 0;
    std::uint16_t attributes = 0;
    std::uint8_t discretion = 0;
    std::uint8_t group = 0;

    [[nodiscard]] bool is(std::uint16_t attribute) const noexcept {
      return (attributes & attribute) != 0;
    }
    [[nodiscard]] bool has_limit() const noexcept {
      return type == wire::OrderType::limit || type == wire::OrderType::stop_limit;
    }
    [[nodiscard]] wire::SelfTrade self_trade() const noexcept {
      return static_cast<wire::SelfTrade>((attributes & wire::attribute::self_trade_bits) >>
                                          wire::attribute::self_trade_shift);
    }
  };

  // What risk checks want to know of an order.
  struct Exposure {
    std::uint32_t row;
    wire::Side side;
    PriceTicks limit;  // limit price or cap, 0 = none
    QuantityLots quantity;
    QuantityLots replaced;  // lots of the order that it replaces
    bool is_replace;
    bool is_reduce_only;
  };

  enum class Stop : std::uint8_t { none, breaker, gone };

  // The order that is matching now.
  struct Aggressor {
    OrderSlot slot = no_slot;  // no_slot when there is none, or no more
    wire::Side side{};
    std::uint32_t row = 0;
    wire::SelfTrade mode{};
    PriceTicks limit{0};
    bool has_limit = false;  // false: nothing trades
  };

  struct Candidate {
    OrderSlot slot = no_slot;
    PriceTicks price{0};
    bool is_dark = false;
  };

  // Trades of one step, for stops, and what prices it allows.
  struct Step {
    PriceTicks low{0};
    PriceTicks high{0};
    PriceTicks last{0};
    bool has_traded = false;
    bool is_interrupted = false;
    PriceTicks allowed_low = below_every_price;
    PriceTicks allowed_high = above_every_price;

    [[nodiscard]] bool allows(PriceTicks price) const noexcept {
      return price >= allowed_low && price <= allowed_high;
    }
    void add(PriceTicks price) noexcept {
      low = has_traded ? std::min(low, price) : price;
      high = has_traded ? std::max(high, price) : price;
      last = price;
      has_traded = true;
    }
  };

  struct Breaker {
    wire::BreakerMode mode{};
    PriceTicks reference{0};
    std::uint32_t width = 0;
    std::uint32_t limit_state_s = 0;
    // The limit state that `limit_state` events told of; edge 0: none.
    PriceTicks edge{0};
    wire::Side side{};
    std::uint64_t began_ns = 0;
    bool is_ended = false;  // by set_breaker or the state, within this command
  };

  struct Sweep {
    std::uint32_t row = 0;
    wire::CancelReason reason{};
    std::uint8_t filters = 0;
    std::uint8_t side = 0;
    std::uint8_t group = 0;
    std::int32_t low = 0;
    std::int32_t high = 0;
    std::uint64_t sequence = 0;  // of its command: younger orders stay
    OrderSlot next = no_slot;    // the next order to look at
  };

  // First in, first out, by the links that an order has for its level.
  struct Fifo {
    OrderSlot head = no_slot;
    OrderSlot tail = no_slot;
  };

  // What an uncross would do.
  struct Uncross {
    PriceTicks price{0};
    std::uint64_t volume = 0;
    std::uint64_t surplus = 0;
    wire::Side surplus_side = wire::Side::buy;

    friend bool operator==(const Uncross& left, const Uncross& right) noexcept {
      return left.price == right.price && left.volume == right.volume &&
             left.surplus == right.surplus && left.surplus_side == right.surplus_side;
    }
  };

  static constexpr std::uint32_t highest_price = 0x7FFFFFFE;
  static constexpr std::uint32_t highest_quantity = 0x7FFFFFFF;
  static constexpr std::uint64_t highest_capacity = OrderPool::slot_mask - 1;
  static constexpr std::uint64_t highest_safe = (std::uint64_t{1} << 53) - 1;
  static constexpr std::uint64_t highest_position = std::uint64_t{1} << 40;
  static constexpr std::uint64_t never_ns = ~std::uint64_t{0};
  // Up to so many orders the caches hold the rest, and the look ahead costs more than it gives.
  static constexpr std::uint32_t look_ahead_from = 1U << 17;
  static constexpr std::uint32_t work_limit = 64;
  static constexpr std::uint32_t sweep_capacity = 16;
  static constexpr std::uint32_t book_pool = 1U << 16;
  static constexpr std::uint32_t list_pool = 1024;
  static constexpr std::uint32_t peg_pool = 256;

  // Why the plain path cannot be taken.
  static constexpr std::uint32_t needs_state = 1;       // not configured, or not open
  static constexpr std::uint32_t needs_breaker = 2;     // a breaker is set
  static constexpr std::uint32_t needs_dark = 4;        // dark orders rest
  static constexpr std::uint32_t needs_discretion = 8;  // discretionary orders rest
  static constexpr std::uint32_t needs_pegs = 16;       // pegs are open
  static constexpr std::uint32_t needs_work = 32;       // queued orders or sweeps
  // Stops wait. The plain path can be taken and looks at them when it has traded.
  static constexpr std::uint32_t has_stops = 64;

  Market(Arena arena, const Backing* backing) noexcept
      : pool_(arena, backing),
        lit_(arena, pool_, backing, GrowingPool::lit_buys, GrowingPool::lit_sells),
        dark_(arena, pool_, backing, GrowingPool::dark_buys, GrowingPool::dark_sells),
        accounts_(arena),
        trades_(arena),
        sessions_(arena) {}

  template <EventSink Sink>
  [[gnu::noinline]] void apply_any(const wire::Command& command, std::uint64_t sequence,
                                   std::uint64_t timestamp_ns, Sink& sink) noexcept {
    Emitter<Sink> out(sink, command.tag, sequence);
    answer(command, Sequence{sequence}, timestamp_ns, out);
    out.finish();
  }

  // Whether the command is numbered well, or not at all, and is not a resend.
  [[gnu::always_inline]] bool is_unanswered(const wire::Command& command) const noexcept;

  // Takes a plain limit order of the day, of an account that is known, that passes every check and
  // meets nothing: what most commands are. False, and nothing done, for any other.
  template <EventSink Sink>
  [[gnu::noinline]] bool rest_at_once(const wire::Command& command, Sequence sequence,
                                      std::uint64_t timestamp_ns, Sink& sink) noexcept;

  [[gnu::always_inline]] bool is_within_limits(std::uint32_t row, wire::Side side, PriceTicks price,
                                               QuantityLots quantity,
                                               std::uint64_t now_ns) const noexcept;

  // Cancels a plain order for its owner. False, and nothing done, for anything else.
  template <EventSink Sink>
  [[gnu::noinline]] bool cancel_at_once(const wire::Command& command, Sequence sequence,
                                        std::uint64_t timestamp_ns, Sink& sink) noexcept;

  // What follows is inlined by force where it is on the way of an order: as calls the entry and the
  // outcome went through memory, for twice the instructions.

  template <class Out>
  [[gnu::always_inline]] void answer(const wire::Command& command, Sequence sequence,
                                     std::uint64_t timestamp_ns, Out& out) noexcept;

  template <class Out>
  [[gnu::always_inline]] Outcome execute(const wire::Command& command, Sequence sequence,
                                         std::uint64_t timestamp_ns, Out& out) noexcept;

  void pass_quietly(std::uint64_t timestamp_ns) noexcept {
    now_ns_ = std::max(now_ns_, timestamp_ns);
  }

  // Words of a command that hold several fields, so that one comparison checks them all.
  template <class Word>
  static Word word_at(const wire::Command& command, std::size_t offset) noexcept {
    Word word;
    __builtin_memcpy(&word, reinterpret_cast<const std::byte*>(&command) + offset, sizeof(word));
    return word;
  }
  // Display, minimum, expiry, attributes, discretion and group.
  static std::uint64_t extras_of(const wire::Command& command) noexcept {
    return word_at<std::uint64_t>(command, offsetof(wire::Command, display)) | command.expiry_s |
           word_at<std::uint32_t>(command, offsetof(wire::Command, attributes));
  }
  // Side, order type and time in force, above the kind.
  static std::uint32_t codes_of(const wire::Command& command) noexcept {
    static_assert(std::endian::native == std::endian::little);
    return word_at<std::uint32_t>(command, offsetof(wire::Command, kind)) >> 8;
  }

  static bool is_plain_place(const wire::Command& command) noexcept;
  // A replace of an order with terms, or of none, is not plain either.
  bool is_plain_replace(const wire::Command& command) const noexcept {
    return (extras_of(command) | static_cast<std::uint32_t>(command.trigger) | codes_of(command)) ==
               0 &&
           names_plain_order(command);
  }
  [[nodiscard]] bool names_plain_order(const wire::Command& command) const noexcept {
    const OrderSlot named = pool_.find(command.order_id);
    return named != no_slot && !pool_[named].has_terms();
  }

  template <class Out>
  [[gnu::always_inline]] Outcome place(const wire::Command& command, Sequence sequence,
                                       Out& out) noexcept;

  template <class Out>
  [[gnu::always_inline]] Outcome replace(const wire::Command& command, Sequence sequence,
                                         Out& out) noexcept;

  // Trades a plain order against the book; what is left rests or is canceled.
  template <class Out>
  [[gnu::always_inline]] Outcome enter(const wire::Command& command, const Entry& entry,
                                       Sequence sequence, Out& out) noexcept;

  // Price-time order, until the order is filled, its limit is reached or a maker has terms. What
  // the next makers and levels need is loaded while this one trades: else each miss would wait for
  // the one before.
  template <class Out>
  [[gnu::noinline]] QuantityLots match(const Entry& entry, Sequence sequence, bool& meets_terms,
                                       Out& caller_out) noexcept;

  // Whether a plain order can be filled at once. Sums of levels say so only where nothing on them
  // is special.
  [[nodiscard]] bool can_fill(const Entry& entry) const noexcept;

  [[gnu::always_inline]] void rest_plain(const Entry& entry, QuantityLots rest,
                                         QuantityLots executed, Sequence sequence) noexcept;

  // Takes a plain lit order out of everything but the pool.
  [[gnu::always_inline]] void remove_plain(OrderSlot slot, Account& account) noexcept;

  // Last among the open orders of its account. Links to no_slot: level_book.hpp, append().
  [[gnu::always_inline]] void join_chain(OrderSlot slot, Account& account) noexcept;

  [[gnu::always_inline]] void leave_chain(OrderSlot slot, Account& account) noexcept;

  // The last event when the command changed the best bid or offer.
  template <class Out>
  [[gnu::always_inline]] void show_touch(Out& out) noexcept;

  // The fields that events about an entering plain order share.
  static wire::Event event_of(wire::EventKind kind, const Entry& entry) noexcept;

  void take_slot(Entry& entry) noexcept {
    entry.slot = pool_.take();
    entry.id = pool_.id_of(entry.slot);
  }

  [[gnu::always_inline]] wire::Refusal check_place(const wire::Command& command,
                                                   Entry& entry) noexcept;

  // Of a plain order that rests.
  [[gnu::always_inline]] wire::Refusal check_replace(const wire::Command& command, OrderSlot old,
                                                     Entry& entry) noexcept;

  // What place and replace check first.
  [[gnu::always_inline]] wire::Refusal check_account_and_quantity(
      const wire::Command& command) const noexcept;

  [[gnu::always_inline]] wire::Refusal check_price(std::int32_t price) const noexcept;

  static wire::Refusal check_owner(const wire::Command& command, const Account& account) noexcept;

  // Room for the rest of a new order, asked only when there is little: summing up what it can match
  // costs a walk over the levels.
  [[gnu::always_inline]] wire::Refusal check_room(const Entry& entry) const noexcept;

  // The limit of a market order.
  static PriceTicks any_price(wire::Side side) noexcept {
    return PriceTicks{side == wire::Side::buy ? highest_price : 1U};
  }

  template <class Out>
  [[gnu::always_inline]] Outcome refuse(const wire::Command& command, Sequence sequence,
                                        wire::Refusal refusal, Out& out) noexcept {
    return out.rarely(command.tag, sequence.value(), [&](EventWriter& writer) noexcept {
      return put_refused(command, refusal, writer);
    });
  }
  [[gnu::noinline]] static Outcome put_refused(const wire::Command& command, wire::Refusal refusal,
                                               EventWriter& out) noexcept;
  [[gnu::noinline]] static bool put_repeated(const SessionTable::Stored& stored,
                                             EventWriter& out) noexcept;

  // work.cpp: the general path of every command
  [[gnu::noinline]] Outcome act(const wire::Command& command, Sequence sequence,
                                std::uint64_t timestamp_ns, EventWriter& out) noexcept;
  [[gnu::noinline]] bool end_plain_step(Sequence sequence, EventWriter& out) noexcept;
  [[gnu::noinline]] Outcome go_on_matching(const Entry& entry, QuantityLots rest, Sequence sequence,
                                           EventWriter& out) noexcept;
  Outcome act_on(const wire::Command& command) noexcept;
  void pass_time(std::uint64_t timestamp_ns) noexcept;
  void begin_step() noexcept;
  void end_step() noexcept;
  void run_work() noexcept;
  bool work_once() noexcept;
  bool sweep_once() noexcept;
  [[nodiscard]] bool is_swept(const Sweep& sweep, OrderSlot slot) const noexcept;
  void enter_queued() noexcept;
  void reprice_pegs() noexcept;
  void enter_conditionals() noexcept;
  [[nodiscard]] bool are_pegs_due() const noexcept;
  [[nodiscard]] bool are_conditionals_due() const noexcept;
  void elect_stops() noexcept;
  void finish_command() noexcept;
  void set_attention() noexcept;

  // place.cpp: place and replace in general
  static bool is_well_formed(const wire::Command& command) noexcept;
  static bool has_shape(const wire::Command& command) noexcept;
  Outcome place_any(const wire::Command& command) noexcept;
  Outcome replace_any(const wire::Command& command) noexcept;
  wire::Refusal check_phase(const Draft& draft) const noexcept;
  wire::Refusal check_link(const wire::Command& command, OrderSlot linked) const noexcept;
  [[nodiscard]] bool cut_to_position(Draft& draft) const noexcept;
  wire::Refusal check_post_only(Draft& draft) const noexcept;
  wire::Refusal check_pools(const Draft& draft) const noexcept;
  wire::Refusal check_space(const Draft& draft, OrderSlot replaced) const noexcept;
  [[nodiscard]] bool enters_at_once(const Draft& draft) const noexcept;
  OrderSlot open_order(const Draft& draft) noexcept;
  void fill_order(OrderSlot slot, const Draft& draft) noexcept;
  Outcome outcome_of(OrderId id) const noexcept;
  wire::Refusal check_named(const wire::Command& command, OrderSlot& named) const noexcept;
  Outcome cancel_any(const wire::Command& command) noexcept;
  Outcome reduce_any(const wire::Command& command) noexcept;

  // risk.cpp
  [[gnu::noinline]] wire::Refusal check_risk(const Exposure& exposure) noexcept;

  // orders.cpp: an order's ways in and out of books, queues and counts
  [[nodiscard]] Terms& terms(OrderSlot slot) noexcept { return pool_.terms(slot); }
  [[nodiscard]] const Terms& terms(OrderSlot slot) const noexcept { return pool_.terms(slot); }
  [[nodiscard]] Account& account_of(OrderSlot slot) noexcept {
    return accounts_[pool_[slot].row()];
  }
  [[nodiscard]] OrderState state_of(OrderSlot slot) const noexcept {
    return pool_[slot].has_terms() ? terms(slot).state : OrderState::lit;
  }
  [[nodiscard]] std::uint64_t accepted_of(OrderSlot slot) const noexcept {
    return pool_[slot].has_terms() ? terms(slot).accepted : pool_[slot].priority.value();
  }
  [[nodiscard]] PriceTicks shown_price(OrderSlot slot) const noexcept;
  [[nodiscard]] QuantityLots required(OrderSlot slot) const noexcept;
  [[nodiscard]] std::uint64_t term_of(OrderSlot slot) const noexcept;
  wire::Event event_of(wire::EventKind kind, OrderSlot slot) const noexcept;
  void count_in(OrderSlot slot) noexcept;
  void count_out(OrderSlot slot) noexcept;
  void give_terms(OrderSlot slot) noexcept;
  void drop_terms(OrderSlot slot) noexcept;
  void detach(OrderSlot slot) noexcept;
  void close(OrderSlot slot) noexcept;
  void cancel_order(OrderSlot slot, wire::CancelReason reason) noexcept;
  void take_lots(OrderSlot slot, QuantityLots lots, wire::CancelReason reason) noexcept;
  void take_off(OrderSlot slot, QuantityLots lots) noexcept;
  void lose(OrderSlot slot, QuantityLots lots, wire::CancelReason reason) noexcept;
  void place_last(OrderSlot slot, OrderState state) noexcept;
  void rest_lit(OrderSlot slot, bool is_own) noexcept;
  void rest_dark(OrderSlot slot) noexcept;
  void park(OrderSlot slot) noexcept { place_last(slot, OrderState::parked); }
  void enqueue(OrderSlot slot) noexcept { place_last(slot, OrderState::queued); }
  void wait(OrderSlot slot) noexcept;
  void show_anew(OrderSlot slot) noexcept;
  void meet_minimum(OrderSlot slot) noexcept;
  void count_kinds(const Terms& terms, std::uint32_t change) noexcept;
  void push(Fifo& fifo, OrderSlot slot) noexcept;
  void join_auction_list(Fifo& list, OrderSlot slot) noexcept;
  void insert_discretionary(OrderSlot slot) noexcept;
  void unlink(Fifo& fifo, OrderSlot slot) noexcept;
  [[nodiscard]] PriceTicks reach_of(OrderSlot slot) const noexcept;
  [[nodiscard]] std::uint64_t next_random() noexcept;

  // links.cpp
  void link(OrderSlot slot, OrderSlot linked, wire::Link kind) noexcept;
  void follow_links(OrderSlot slot) noexcept;
  void follow_execution(OrderSlot aggressor, OrderSlot maker, bool is_filled) noexcept;
  void carry_links(const Terms& old, OrderSlot old_slot, OrderSlot slot) noexcept;
  void cancel_linked(OrderSlot slot) noexcept;
  OrderSlot take_partner(OrderSlot slot) noexcept;

  // matching.cpp
  void start(OrderSlot slot, bool is_own) noexcept;
  void enter_open(OrderSlot slot, bool is_own) noexcept;
  void aggress(OrderSlot slot, bool is_own) noexcept;
  void set_aggressor(OrderSlot slot, PriceTicks limit, bool has_limit) noexcept;
  void finish_entry(OrderSlot slot, bool is_own, Stop stopped) noexcept;
  Stop match_candidates() noexcept;
  Stop match_discretion(PriceTicks price) noexcept;
  [[nodiscard]] Candidate best_candidate() const noexcept;
  Stop prevent_self_trade(OrderSlot candidate) noexcept;
  bool cut_candidate(OrderSlot candidate) noexcept;
  void trade(OrderSlot candidate, PriceTicks price, std::uint8_t code) noexcept;
  QuantityLots settle(OrderSlot aggressor, OrderSlot maker, PriceTicks price, QuantityLots traded,
                      std::uint8_t code) noexcept;
  bool cut_entering(OrderSlot slot) noexcept;
  [[nodiscard]] QuantityLots most_by_position(OrderSlot slot) const noexcept;
  [[nodiscard]] PriceTicks limit_of(OrderSlot slot, bool& has_limit) const noexcept;
  [[nodiscard]] static PriceTicks widened(wire::Side side, PriceTicks price,
                                          std::uint32_t ticks) noexcept;
  [[nodiscard]] PriceTicks clamped(wire::Side side, PriceTicks price) const noexcept;
  [[nodiscard]] PriceTicks best_firm_price(wire::Side side) const noexcept;
  [[nodiscard]] bool reprice_post_only(wire::Side side, PriceTicks& price,
                                       bool may_reprice) const noexcept;
  [[nodiscard]] std::uint64_t executable(wire::Side side, PriceTicks limit, bool has_limit,
                                         QuantityLots quantity, std::uint32_t row,
                                         wire::SelfTrade mode) const noexcept;
  void start_waiting(OrderSlot slot, bool keeps_extreme) noexcept;
  [[nodiscard]] bool is_satisfied(OrderSlot slot, PriceTicks price) const noexcept;
  void trigger(OrderSlot slot, PriceTicks stop_price) noexcept;
  [[nodiscard]] PriceTicks trailing_stop_price(OrderSlot slot) const noexcept;
  void price_peg(OrderSlot slot, const Touch& touch) noexcept;
  [[nodiscard]] PriceTicks peg_price(OrderSlot slot, const Touch& touch) const noexcept;

  // auction.cpp
  [[nodiscard]] bool is_call() const noexcept {
    return state_ >= wire::MarketState::pre_open && state_ <= wire::MarketState::closing_auction;
  }
  void set_state(wire::MarketState state) noexcept;
  void begin_call() noexcept;
  void rest_in_call(OrderSlot slot, bool is_own) noexcept;
  void park_pegs() noexcept;
  void uncross() noexcept;
  void cancel_auction_rest(wire::MarketState ended) noexcept;
  [[nodiscard]] Uncross find_uncross() const noexcept;
  void uncross_at(const Uncross& found) noexcept;
  [[nodiscard]] OrderSlot auction_head(wire::Side side, PriceTicks price) const noexcept;
  void fill_in_uncross(OrderSlot slot) noexcept;
  void put_state() noexcept;
  void show_indicative() noexcept;
  void show_limit_state() noexcept;
  [[nodiscard]] PriceTicks upper_price() const noexcept;
  [[nodiscard]] PriceTicks lower_price() const noexcept;

  // control.cpp: commands that are not about an order
  Outcome configure(const wire::Command& command) noexcept;
  Outcome set_breaker(const wire::Command& command) noexcept;
  Outcome mass_cancel(const wire::Command& command) noexcept;
  Outcome set_limit(const wire::Command& command) noexcept;
  Outcome kill(const wire::Command& command) noexcept;
  Outcome set_position(const wire::Command& command) noexcept;
  Outcome bust_or_correct(const wire::Command& command) noexcept;
  Outcome refused(const wire::Command& command, wire::Refusal refusal) noexcept;
  std::uint32_t row_for(std::uint32_t account) noexcept;
  void add_sweep(const Sweep& sweep) noexcept;

  // snapshot.cpp, snapshot_load.cpp
  void save_to(ByteWriter& out) const noexcept;
  void save_order(OrderSlot slot, ByteWriter& out) const noexcept;
  static void save_sweep(const Sweep& sweep, ByteWriter& out) noexcept;
  [[nodiscard]] Sweep load_sweep(ByteReader& in) const noexcept;
  [[nodiscard]] OrderSlot load_slot(ByteReader& in) const noexcept;
  void load_slots(ByteReader& in) noexcept;
  void load_order(std::uint32_t row, ByteReader& in) noexcept;
  void load_places(ByteReader& in) noexcept;

  // verify.cpp
  [[nodiscard]] bool verify_orders() const noexcept;

  OrderPool pool_;
  LevelBook lit_;
  LevelBook dark_;
  Accounts accounts_;
  TradeRing trades_;
  SessionTable sessions_;
  Rules rules_;
  std::uint32_t attention_ = needs_state;
  std::uint64_t next_due_ns_ = never_ns;  // earliest expiry, or end of a limit state
  std::uint64_t now_ns_ = 0;
  std::uint64_t digest_ = 0;  // of the open orders
  std::uint32_t open_orders_ = 0;
  PriceTicks last_trade_{0};
  Touch touch_{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)};
  std::array<std::uint32_t, 2> lit_terms_{};  // lit orders with terms, by side
  Step step_;

  // Of the command being processed.
  EventWriter* out_ = nullptr;
  Sequence sequence_{0};
  OrderSlot own_slot_ = no_slot;  // the order that the command placed
  QuantityLots own_executed_{0};
  Aggressor aggressor_;
  bool has_cut_ = false;  // an order was canceled, or cut to its position, since this was reset

  wire::MarketState state_ = wire::MarketState::open;
  Breaker breaker_;
  std::uint64_t random_ = 0x9E3779B97F4A7C15;
  std::array<StopHeap, 2> stops_{StopHeap(StopNodes(pool_, wire::Side::buy)),
                                 StopHeap(StopNodes(pool_, wire::Side::sell))};
  SlotList<list_pool> trailing_;  // waiting, in entry order
  ExpiryHeap expiries_{ExpiryNodes(pool_)};
  std::array<SlotList<list_pool>, 2> discretionary_;  // resting, by reach, then entry order
  SlotList<peg_pool> pegs_;                           // open, in entry order
  SlotList<peg_pool> conditionals_;                   // resting, in entry order
  // Open orders of special kinds in every state.
  std::uint32_t dark_kind_ = 0;
  std::uint32_t stop_kind_ = 0;
  std::uint32_t trailing_kind_ = 0;
  std::uint32_t discretion_kind_ = 0;
  std::uint32_t peg_kind_ = 0;
  std::uint32_t conditional_kind_ = 0;
  Fifo queue_;
  std::array<Fifo, 2> market_queue_;    // market orders in call phases, by side
  std::array<Fifo, 3> auction_orders_;  // at_open, at_close, good_for_auction, in entry order
  std::array<Sweep, sweep_capacity> sweeps_{};
  std::uint32_t sweep_count_ = 0;
  // The day end: rows from here on are still to be swept. no_row: none is pending.
  std::uint32_t day_end_row_ = no_row;
  Sweep day_end_;
  bool day_end_began_ = false;
  // Prices that the last pass over the pegs saw.
  PriceTicks peg_bid_ = below_every_price;
  PriceTicks peg_ask_ = above_every_price;
  bool pegs_are_due_ = false;
  bool conditionals_are_due_ = false;
  Uncross indicative_;
};

}  // namespace meridian::engine

#include "engine/plain_matching.hpp"
#include "engine/plain_orders.hpp"
