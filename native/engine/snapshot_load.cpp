// A saved state back: the same digest and the same future. The checksum keeps accidents out; bytes
// that somebody made up are refused too, because every value is checked before it is used as an
// index, every order is put in one place only, and verify() looks at the whole at the end.
#include "engine/byte_stream.hpp"
#include "engine/market.hpp"
#include "engine/snapshot_format.hpp"

namespace meridian::engine {

namespace {

// Positions further out than any sum of trades leads, and far from where arithmetic ends.
constexpr std::int64_t furthest_position = std::int64_t{1} << 61;

// While orders are put where they stand: bits above the generation. No order stands in two levels
// or queues, or twice in a list of its auction.
constexpr std::uint32_t is_placed = 1U << 31;
constexpr std::uint32_t is_listed = 1U << 30;
static_assert(OrderPool::highest_generation < is_listed);

PriceTicks take_price(ByteReader& in) noexcept {
  return PriceTicks{in.take_at_most(above_every_price.value())};
}

}  // namespace

void Accounts::load(ByteReader& in) noexcept {
  const std::uint32_t size = in.take_at_most(row_count);
  for (std::uint32_t row = 0; row < size && in.is_good(); ++row) {
    AccountLimits& limits = limits_[row];
    rows_[row].id = AccountId{in.take32()};
    rows_[row].flags = in.take_at_most(Account::limit_bits | Account::killed_bit);
    rows_[row].position = static_cast<std::int64_t>(in.take64());
    if (rows_[row].position > furthest_position || rows_[row].position < -furthest_position) {
      in.fail();
    }
    for (std::uint64_t& value : limits.values) {
      value = in.take64();
    }
    for (Rate* rate : {&limits.messages, &limits.executions}) {
      rate->start_ns = in.take64();
      rate->count = in.take64();
      rate->window_ns = in.take64();
    }
  }
  if (!in.is_good() || !restore(size)) {
    in.fail();
  }
}

void SessionTable::load(ByteReader& in) noexcept {
  const std::uint32_t rows = in.take_at_most(row_count);
  for (std::uint32_t row = 0; row < rows && in.is_good(); ++row) {
    const std::uint64_t session = in.take64();
    const std::uint32_t count = in.take_at_most(outcomes_per_row);
    if (session == 0 || count == 0 || row_of(session) != no_row) {
      in.fail();
      return;
    }
    for (std::uint32_t place = 0; place < count && in.is_good(); ++place) {
      const std::uint64_t number = in.take64();
      const Sequence sequence{in.take64()};
      const std::uint64_t order_id_and_refusal = in.take64();
      const QuantityLots executed{in.take32()};
      const QuantityLots remaining{in.take32()};
      store(session, number, sequence,
            {.refusal = static_cast<wire::Refusal>(order_id_and_refusal >> 56),
             .order_id = OrderId{order_id_and_refusal & ((std::uint64_t{1} << 56) - 1)},
             .executed = executed,
             .remaining = remaining});
    }
  }
}

Market::Sweep Market::load_sweep(ByteReader& in) const noexcept {
  Sweep sweep;
  sweep.row = in.take32();
  sweep.reason = in.take_enumeration(wire::CancelReason::no_room);
  sweep.filters =
      in.take8_at_most(wire::filter::by_side | wire::filter::by_price | wire::filter::by_group);
  sweep.side = in.take8_at_most(1);
  sweep.group = in.take8();
  sweep.low = static_cast<std::int32_t>(in.take32());
  sweep.high = static_cast<std::int32_t>(in.take32());
  sweep.sequence = in.take64();
  sweep.next = load_slot(in);
  if (sweep.next != no_slot && pool_[sweep.next].remaining == QuantityLots{0}) {
    in.fail();
  }
  return sweep;
}

// A slot that was taken at some time, or no_slot.
OrderSlot Market::load_slot(ByteReader& in) const noexcept {
  return OrderSlot{in.take_at_most(pool_.lowest_unused() - 1)};
}

bool Market::restore(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);
  if (bytes.size() < checksum_bytes) {
    return false;
  }
  // Nothing of damaged bytes is believed.
  const std::span<const std::byte> content = bytes.first(bytes.size() - checksum_bytes);
  std::uint64_t checksum = empty_checksum;
  for (const std::byte byte : content) {
    checksum = add_to_checksum(checksum, byte);
  }
  if (ByteReader(bytes.subspan(content.size())).take64() != checksum) {
    return false;
  }
  ByteReader in(content);
  const bool is_known = in.take64() == snapshot_magic && in.take32() == snapshot_version;
  if (!is_known || rules_.capacity != 0 || pool_.lowest_unused() != 1) {
    return false;
  }
  rules_.band_low = in.take_at_most(highest_price);
  rules_.band_high = in.take_at_most(highest_price);
  rules_.maximum_quantity = in.take_at_most(highest_price + 1);
  rules_.capacity = in.take_at_most(static_cast<std::uint32_t>(highest_capacity));
  state_ = in.take_enumeration(wire::MarketState::closed);
  now_ns_ = in.take64();
  last_trade_ = take_price(in);
  random_ = in.take64();
  breaker_.mode = in.take_enumeration(wire::BreakerMode::limit_state);
  breaker_.reference = take_price(in);
  breaker_.width = in.take32();
  breaker_.limit_state_s = in.take32();
  breaker_.edge = take_price(in);
  breaker_.side = in.take_enumeration(wire::Side::sell);
  breaker_.began_ns = in.take64();
  indicative_.price = take_price(in);
  indicative_.volume = in.take64();
  indicative_.surplus = in.take64();
  indicative_.surplus_side = in.take_enumeration(wire::Side::sell);
  peg_bid_ = take_price(in);
  peg_ask_ = take_price(in);
  pegs_are_due_ = in.take8() != 0;
  conditionals_are_due_ = in.take8() != 0;
  accounts_.load(in);
  sessions_.load(in);
  load_slots(in);
  for (std::uint32_t row = 0; row < accounts_.size() && in.is_good(); ++row) {
    const std::uint32_t count = in.take_at_most(rules_.capacity);
    for (std::uint32_t number = 0; number < count && in.is_good(); ++number) {
      load_order(row, in);
    }
  }
  load_places(in);
  sweep_count_ = in.take_at_most(sweep_capacity);
  for (std::uint32_t number = 0; number < sweep_count_ && in.is_good(); ++number) {
    sweeps_[number] = load_sweep(in);
    const std::uint32_t row = sweeps_[number].row;
    if (row < accounts_.size()) {
      ++accounts_[row].sweeps;
    } else if (row != no_row) {
      in.fail();
    }
  }
  day_end_row_ = in.take32();
  day_end_began_ = in.take8() != 0;
  day_end_ = load_sweep(in);
  if (day_end_row_ != no_row && day_end_row_ >= accounts_.size()) {
    in.fail();
  }
  const std::uint64_t count = in.take64();
  for (std::uint64_t number = count > TradeRing::capacity ? count - TradeRing::capacity : 0;
       number < count && in.is_good(); ++number) {
    Trade& trade = trades_.data()[number % TradeRing::capacity];
    trade.sequence = in.take64();
    trade.index = in.take32();
    trade.price = in.take32();
    trade.quantity = in.take32();
    trade.buyer = in.take16();
    trade.seller = in.take16();
    if (trade.buyer >= accounts_.size() || trade.seller >= accounts_.size()) {
      in.fail();
    }
  }
  trades_.restore(count);
  const std::uint64_t expected = in.take64();
  if (!in.is_good() || !in.is_at_end()) {
    return false;
  }
  touch_ = Touch{lit_.quote(wire::Side::buy), lit_.quote(wire::Side::sell)};
  set_attention();
  return digest() == expected && verify();
}

void Market::load_slots(ByteReader& in) noexcept {
  const std::uint32_t lowest_unused = in.take_at_most(OrderPool::highest_slot + 1);
  // Each slot has four bytes here: no more memory is touched than bytes were given.
  if (lowest_unused == 0 || in.remaining() / sizeof(std::uint32_t) < lowest_unused - 1) {
    in.fail();
    return;
  }
  pool_.restore(no_slot, lowest_unused);
  for (std::uint32_t slot = 1; slot < lowest_unused && in.is_good(); ++slot) {
    pool_[OrderSlot{slot}].generation = in.take_at_most(OrderPool::highest_generation);
  }
  const std::uint32_t free_slots = in.take_at_most(lowest_unused - 1);
  OrderSlot first = no_slot;
  OrderSlot last = no_slot;
  for (std::uint32_t number = 0; number < free_slots && in.is_good(); ++number) {
    const OrderSlot slot = load_slot(in);
    (last == no_slot ? first : pool_[last].next) = slot;
    last = slot;
  }
  pool_.restore(first, lowest_unused);
}

void Market::load_order(std::uint32_t row, ByteReader& in) noexcept {
  const OrderSlot slot = load_slot(in);
  if (slot == no_slot || pool_[slot].remaining != QuantityLots{0}) {
    in.fail();
    return;
  }
  Order& order = pool_[slot];
  order.remaining = QuantityLots{in.take32()};
  if (order.remaining == QuantityLots{0}) {
    in.fail();
    return;
  }
  order.price_and_side = in.take32();
  order.priority = Sequence{in.take64()};
  order.owner = row;
  const std::uint32_t executed = in.take32();
  if (executed != 0) {
    pool_.add_executed(slot, executed);
  }
  if (in.take8() != 0) {
    order.owner |= Order::has_terms_bit;
    Terms& own = terms(slot);
    own = Terms{};
    own.type = in.take_enumeration(wire::OrderType::pegged_mid);
    own.time_in_force = in.take_enumeration(wire::TimeInForce::good_for_auction);
    own.state = in.take_enumeration(OrderState::parked);
    own.discretion = in.take8();
    own.attributes = in.take16();
    own.group = in.take8();
    own.role = in.take_enumeration(LinkRole::parent);
    const std::uint8_t flags = in.take8_at_most(3);
    own.is_unmet = (flags & 1) != 0;
    own.is_triggered = (flags & 2) != 0;
    own.reserve = QuantityLots{in.take32()};
    own.display = QuantityLots{in.take32()};
    own.minimum = QuantityLots{in.take32()};
    own.trigger = in.take32();
    own.expiry_s = in.take32();
    own.extreme = take_price(in);
    own.accepted = in.take64();
    own.link = load_slot(in);
    own.other_link = load_slot(in);
    if (own.time_in_force == wire::TimeInForce::gtd) {
      expiries_.insert(slot);
    }
    const OrderState state = own.state;
    if (state == OrderState::waiting && own.is_stop()) {
      stops_[index_of(order.side())].insert(slot);
    } else if (state == OrderState::waiting && trailing_.size() < list_pool) {
      trailing_.insert(
          slot, [&](OrderSlot other) noexcept { return terms(other).accepted > own.accepted; });
    }
    count_kinds(own, 1);
  }
  Account& account = accounts_[row];
  account.open_lots[index_of(order.side())] += pool_.lots(slot).value();
  ++account.open_orders;
  join_chain(slot, account);
  ++open_orders_;
  count_in(slot);
  if (state_of(slot) == OrderState::waiting) {
    order.generation |= is_placed;  // in a heap, or in the list of trailing stops
  }
}

void Market::load_places(ByteReader& in) noexcept {
  // Calls visitor(slot) for slots until a 0; `mark` is not set on any of them yet.
  const auto each = [&](std::uint32_t mark, auto&& visitor) noexcept {
    while (in.is_good()) {
      const OrderSlot slot = load_slot(in);
      if (slot == no_slot) {
        return;
      }
      Order& order = pool_[slot];
      if (order.remaining == QuantityLots{0} || (order.generation & mark) != 0) {
        in.fail();
        return;
      }
      order.generation |= mark;
      visitor(slot);
    }
  };
  // Whether the order may stand in a level of that side.
  const auto stands = [&](const LevelBook& book, wire::Side side, OrderSlot slot,
                          OrderState state) noexcept {
    const Order& order = pool_[slot];
    const bool is_good = state_of(slot) == state && order.side() == side &&
                         order.price() != PriceTicks{0} && order.price().value() <= highest_price &&
                         !book.lacks_level(side, order.price());
    if (!is_good) {
      in.fail();
    }
    return is_good;
  };
  for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
    each(is_placed, [&](OrderSlot slot) noexcept {
      if (!stands(lit_, side, slot, OrderState::lit)) {
        return;
      }
      lit_.append(pool_, slot);
      if (!pool_[slot].has_terms()) {
        return;
      }
      ++lit_terms_[index_of(side)];
      SlotList<list_pool>& list = discretionary_[index_of(side)];
      if (terms(slot).discretion != 0 && list.size() < list_pool) {
        insert_discretionary(slot);
      }
    });
  }
  for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
    each(is_placed, [&](OrderSlot slot) noexcept {
      if (stands(dark_, side, slot, OrderState::dark)) {
        dark_.append(pool_, slot);
      }
    });
  }
  each(is_placed, [&](OrderSlot slot) noexcept { push(queue_, slot); });
  for (Fifo& fifo : market_queue_) {
    each(is_placed, [&](OrderSlot slot) noexcept {
      const bool is_market = pool_[slot].has_terms() && terms(slot).type == wire::OrderType::market;
      is_market ? push(fifo, slot) : in.fail();
    });
  }
  for (Fifo& list : auction_orders_) {
    each(is_listed, [&](OrderSlot slot) noexcept {
      const bool is_auction = pool_[slot].has_terms() && terms(slot).is_auction();
      is_auction ? join_auction_list(list, slot) : in.fail();
    });
  }
  // Those lists are short, and verify() compares them with the orders one by one.
  const auto last = [](OrderSlot) noexcept { return false; };
  for (SlotList<peg_pool>* list : {&pegs_, &conditionals_}) {
    each(0, [&](OrderSlot slot) noexcept {
      list->size() < peg_pool ? list->insert(slot, last) : in.fail();
    });
  }
  for (std::uint32_t slot = 1; slot < pool_.lowest_unused(); ++slot) {
    pool_[OrderSlot{slot}].generation &= OrderPool::highest_generation;
  }
}

}  // namespace meridian::engine
