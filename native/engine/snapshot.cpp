// The whole state as bytes, and back: the same digest and the same future. What can be computed is
// not written: sums, bitmaps, heaps, digests are made anew and checked.
#include "engine/byte_stream.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

namespace {

constexpr std::uint64_t magic = 0x4B4F4F424E52444D;  // "MDRNBOOK"
constexpr std::uint32_t format_version = 1;

}  // namespace

void Accounts::save(ByteWriter& out) const noexcept {
  out.put32(size_);
  for (std::uint32_t row = 0; row < size_; ++row) {
    const AccountLimits& limits = limits_[row];
    out.put32(rows_[row].id.value());
    out.put32(rows_[row].flags);
    out.put64(static_cast<std::uint64_t>(rows_[row].position));
    for (const std::uint64_t value : limits.values) {
      out.put64(value);
    }
    for (const Rate& rate : {limits.messages, limits.executions}) {
      out.put64(rate.start_ns);
      out.put64(rate.count);
      out.put64(rate.window_ns);
    }
  }
}

void Accounts::load(ByteReader& in) noexcept {
  const std::uint32_t size = in.take_at_most(row_count);
  for (std::uint32_t row = 0; row < size && in.is_good(); ++row) {
    AccountLimits& limits = limits_[row];
    rows_[row].id = AccountId{in.take32()};
    rows_[row].flags = in.take32();
    rows_[row].position = static_cast<std::int64_t>(in.take64());
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

void SessionTable::save(ByteWriter& out) const noexcept {
  out.put32(used_rows_);
  for (std::uint32_t row = 0; row < used_rows_; ++row) {
    out.put64(rows_[row].session);
    out.put32(rows_[row].count);
    for (std::uint32_t age = rows_[row].count; age > 0; --age) {
      const Stored& stored = at_age(row, age - 1);
      out.put64(stored.number);
      out.put64(stored.sequence);
      out.put64(stored.order_id_and_refusal);
      out.put32(stored.executed.value());
      out.put32(stored.remaining.value());
    }
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

void Market::save_to(ByteWriter& out) const noexcept {
  out.put64(magic);
  out.put32(format_version);
  out.put32(rules_.band_low);
  out.put32(rules_.band_high);
  out.put32(rules_.maximum_quantity);
  out.put32(rules_.capacity);
  out.put8(static_cast<std::uint8_t>(state_));
  out.put64(now_ns_);
  out.put32(last_trade_.value());
  out.put64(random_);
  out.put8(static_cast<std::uint8_t>(breaker_.mode));
  out.put32(breaker_.reference.value());
  out.put32(breaker_.width);
  out.put32(breaker_.limit_state_s);
  out.put32(breaker_.edge.value());
  out.put8(static_cast<std::uint8_t>(breaker_.side));
  out.put64(breaker_.began_ns);
  out.put32(indicative_.price.value());
  out.put64(indicative_.volume);
  out.put64(indicative_.surplus);
  out.put8(static_cast<std::uint8_t>(indicative_.surplus_side));
  out.put32(peg_bid_.value());
  out.put32(peg_ask_.value());
  out.put8(pegs_are_due_ ? 1 : 0);
  out.put8(conditionals_are_due_ ? 1 : 0);
  accounts_.save(out);
  sessions_.save(out);

  // Slots: generations, then the free ones, the next to be taken first.
  out.put32(pool_.lowest_unused());
  for (std::uint32_t slot = 1; slot < pool_.lowest_unused(); ++slot) {
    out.put32(pool_[OrderSlot{slot}].generation);
  }
  std::uint32_t free_slots = 0;
  for (OrderSlot slot = pool_.first_free(); slot != no_slot; slot = pool_[slot].next) {
    ++free_slots;
  }
  out.put32(free_slots);
  for (OrderSlot slot = pool_.first_free(); slot != no_slot; slot = pool_[slot].next) {
    out.put32(slot.value());
  }

  // Orders by account, in entry order.
  for (std::uint32_t row = 0; row < accounts_.size(); ++row) {
    out.put32(accounts_[row].open_orders);
    for (OrderSlot slot = accounts_[row].oldest; slot != no_slot;
         slot = pool_.chain(slot).younger) {
      save_order(slot, out);
    }
  }

  // Who stands where: slots in order.
  const auto put_fifo = [&](const Fifo& fifo) noexcept {
    for (OrderSlot slot = fifo.head; slot != no_slot; slot = pool_[slot].next) {
      out.put32(slot.value());
    }
    out.put32(0);
  };
  for (const LevelBook* book : {&lit_, &dark_}) {
    for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
      book->visit(side, [&](OrderSlot slot) noexcept {
        out.put32(slot.value());
        return true;
      });
      out.put32(0);
    }
  }
  put_fifo(queue_);
  put_fifo(market_queue_[0]);
  put_fifo(market_queue_[1]);
  for (const Fifo& list : auction_orders_) {
    for (OrderSlot slot = list.head; slot != no_slot; slot = terms(slot).next) {
      out.put32(slot.value());
    }
    out.put32(0);
  }
  for (const OrderSlot slot : pegs_) {
    out.put32(slot.value());
  }
  out.put32(0);
  for (const OrderSlot slot : conditionals_) {
    out.put32(slot.value());
  }
  out.put32(0);

  out.put32(sweep_count_);
  for (std::uint32_t number = 0; number < sweep_count_; ++number) {
    save_sweep(sweeps_[number], out);
  }
  out.put32(day_end_row_);
  out.put8(day_end_began_ ? 1 : 0);
  save_sweep(day_end_, out);

  const std::uint64_t count = trades_.count();
  out.put64(count);
  for (std::uint64_t number = count > TradeRing::capacity ? count - TradeRing::capacity : 0;
       number < count; ++number) {
    const Trade& trade = trades_.data()[number % TradeRing::capacity];
    out.put64(trade.sequence);
    out.put32(trade.index);
    out.put32(trade.price);
    out.put32(trade.quantity);
    out.put16(trade.buyer);
    out.put16(trade.seller);
  }
  out.put64(digest());
  out.put_checksum();
}

void Market::save_order(OrderSlot slot, ByteWriter& out) const noexcept {
  const Order& order = pool_[slot];
  out.put32(slot.value());
  out.put32(order.remaining.value());
  out.put32(order.price_and_side);
  out.put64(order.priority.value());
  out.put32(pool_.executed(slot));
  out.put8(order.has_terms() ? 1 : 0);
  if (!order.has_terms()) {
    return;
  }
  const Terms& own = terms(slot);
  out.put8(static_cast<std::uint8_t>(own.type));
  out.put8(static_cast<std::uint8_t>(own.time_in_force));
  out.put8(static_cast<std::uint8_t>(own.state));
  out.put8(own.discretion);
  out.put16(own.attributes);
  out.put8(own.group);
  out.put8(static_cast<std::uint8_t>(own.role));
  out.put8(static_cast<std::uint8_t>((own.is_unmet ? 1 : 0) | (own.is_triggered ? 2 : 0)));
  out.put32(own.reserve.value());
  out.put32(own.display.value());
  out.put32(own.minimum.value());
  out.put32(own.trigger);
  out.put32(own.expiry_s);
  out.put32(own.extreme.value());
  out.put64(own.accepted);
  out.put32(own.link.value());
  out.put32(own.other_link.value());
}

void Market::save_sweep(const Sweep& sweep, ByteWriter& out) noexcept {
  out.put32(sweep.row);
  out.put8(static_cast<std::uint8_t>(sweep.reason));
  out.put8(sweep.filters);
  out.put8(sweep.side);
  out.put8(sweep.group);
  out.put32(static_cast<std::uint32_t>(sweep.low));
  out.put32(static_cast<std::uint32_t>(sweep.high));
  out.put64(sweep.sequence);
  out.put32(sweep.next.value());
}

Market::Sweep Market::load_sweep(ByteReader& in) const noexcept {
  Sweep sweep;
  sweep.row = in.take32();
  sweep.reason = static_cast<wire::CancelReason>(in.take8());
  sweep.filters = in.take8();
  sweep.side = in.take8();
  sweep.group = in.take8();
  sweep.low = static_cast<std::int32_t>(in.take32());
  sweep.high = static_cast<std::int32_t>(in.take32());
  sweep.sequence = in.take64();
  sweep.next = load_slot(in);
  return sweep;
}

// A slot that was taken at some time, or no_slot.
OrderSlot Market::load_slot(ByteReader& in) const noexcept {
  return OrderSlot{in.take_at_most(pool_.lowest_unused() - 1)};
}

std::size_t Market::saved_bytes() const noexcept {
  ByteWriter out({});
  save_to(out);
  return out.used();
}

std::size_t Market::save(std::span<std::byte> bytes) const noexcept {
  ByteWriter out(bytes);
  save_to(out);
  return out.fits() ? out.used() : 0;
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
  const bool is_known = in.take64() == magic && in.take32() == format_version;
  if (!is_known || rules_.capacity != 0 || pool_.lowest_unused() != 1) {
    return false;
  }
  rules_.band_low = in.take32();
  rules_.band_high = in.take32();
  rules_.maximum_quantity = in.take32();
  rules_.capacity = in.take_at_most(static_cast<std::uint32_t>(highest_capacity));
  state_ = static_cast<wire::MarketState>(in.take8());
  now_ns_ = in.take64();
  last_trade_ = PriceTicks{in.take32()};
  random_ = in.take64();
  breaker_.mode = static_cast<wire::BreakerMode>(in.take8());
  breaker_.reference = PriceTicks{in.take32()};
  breaker_.width = in.take32();
  breaker_.limit_state_s = in.take32();
  breaker_.edge = PriceTicks{in.take32()};
  breaker_.side = static_cast<wire::Side>(in.take8());
  breaker_.began_ns = in.take64();
  indicative_.price = PriceTicks{in.take32()};
  indicative_.volume = in.take64();
  indicative_.surplus = in.take64();
  indicative_.surplus_side = static_cast<wire::Side>(in.take8());
  peg_bid_ = PriceTicks{in.take32()};
  peg_ask_ = PriceTicks{in.take32()};
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
  return digest() == expected;
}

void Market::load_slots(ByteReader& in) noexcept {
  const std::uint32_t lowest_unused = in.take_at_most(OrderPool::highest_slot + 1);
  // The generations follow: no memory is asked for that they cannot fill.
  if (lowest_unused == 0 || in.remaining() / 4 < lowest_unused - 1) {
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
    own.type = static_cast<wire::OrderType>(in.take8());
    own.time_in_force = static_cast<wire::TimeInForce>(in.take8());
    own.state = static_cast<OrderState>(in.take8());
    own.discretion = in.take8();
    own.attributes = in.take16();
    own.group = in.take8();
    own.role = static_cast<LinkRole>(in.take8() & 3);
    const std::uint8_t flags = in.take8();
    own.is_unmet = (flags & 1) != 0;
    own.is_triggered = (flags & 2) != 0;
    own.reserve = QuantityLots{in.take32()};
    own.display = QuantityLots{in.take32()};
    own.minimum = QuantityLots{in.take32()};
    own.trigger = in.take32();
    own.expiry_s = in.take32();
    own.extreme = PriceTicks{in.take32()};
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
}

void Market::load_places(ByteReader& in) noexcept {
  // Calls visitor(slot) for slots until a 0.
  const auto each = [&](auto&& visitor) noexcept {
    for (std::uint32_t count = 0; in.is_good(); ++count) {
      const OrderSlot slot = load_slot(in);
      if (slot == no_slot) {
        return;
      }
      if (count > open_orders_ || pool_[slot].remaining == QuantityLots{0}) {
        in.fail();
        return;
      }
      visitor(slot);
    }
  };
  for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
    each([&](OrderSlot slot) noexcept {
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
  for (int side = 0; side < 2; ++side) {
    each([&](OrderSlot slot) noexcept { dark_.append(pool_, slot); });
  }
  each([&](OrderSlot slot) noexcept { push(queue_, slot); });
  each([&](OrderSlot slot) noexcept { push(market_queue_[0], slot); });
  each([&](OrderSlot slot) noexcept { push(market_queue_[1], slot); });
  for (Fifo& list : auction_orders_) {
    each([&](OrderSlot slot) noexcept { join_auction_list(list, slot); });
  }
  const auto last = [](OrderSlot) noexcept { return false; };
  each([&](OrderSlot slot) noexcept {
    if (pegs_.size() < peg_pool) {
      pegs_.insert(slot, last);
    }
  });
  each([&](OrderSlot slot) noexcept {
    if (conditionals_.size() < peg_pool) {
      conditionals_.insert(slot, last);
    }
  });
}

}  // namespace meridian::engine
