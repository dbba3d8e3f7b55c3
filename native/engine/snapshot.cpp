// The whole state as bytes. What can be computed is not written: sums, bitmaps, heaps, digests.
#include "engine/byte_stream.hpp"
#include "engine/market.hpp"
#include "engine/snapshot_format.hpp"

namespace meridian::engine {

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

void Market::save_to(ByteWriter& out) const noexcept {
  out.put64(snapshot_magic);
  out.put32(snapshot_version);
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

}  // namespace meridian::engine
