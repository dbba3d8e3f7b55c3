// A market for tests: commands in one line, answers as text, every invariant checked after each.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/refusal.hpp"

namespace meridian::engine {

inline constexpr wire::Side buy = wire::Side::buy;
inline constexpr wire::Side sell = wire::Side::sell;

inline wire::Command command_of(wire::CommandKind kind, std::uint32_t account) {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(kind);
  command.account = account;
  return command;
}

inline wire::Command configure(std::int32_t band_low, std::int32_t band_high,
                               std::uint32_t maximum_quantity, std::uint64_t capacity) {
  wire::Command command = command_of(wire::CommandKind::configure, 0);
  command.price = band_low;
  command.trigger = band_high;
  command.quantity = maximum_quantity;
  command.order_id = capacity;
  return command;
}

inline wire::Command set_state(wire::MarketState state) {
  wire::Command command = command_of(wire::CommandKind::set_state, 0);
  command.order_type = static_cast<std::uint8_t>(state);
  return command;
}

inline wire::Command limit(wire::Side side, std::uint32_t quantity, std::int32_t price,
                           std::uint32_t account,
                           wire::TimeInForce time_in_force = wire::TimeInForce::day) {
  wire::Command command = command_of(wire::CommandKind::place, account);
  command.side = static_cast<std::uint8_t>(side);
  command.time_in_force = static_cast<std::uint8_t>(time_in_force);
  command.price = price;
  command.quantity = quantity;
  return command;
}

inline wire::Command market_order(wire::Side side, std::uint32_t quantity, std::uint32_t account,
                                  wire::TimeInForce time_in_force = wire::TimeInForce::day) {
  wire::Command command = limit(side, quantity, 0, account, time_in_force);
  command.order_type = static_cast<std::uint8_t>(wire::OrderType::market);
  return command;
}

// An id as generation and slot.
constexpr std::uint64_t id(std::uint64_t generation, std::uint64_t slot) {
  return (generation << 24) + slot;
}

inline wire::Command cancel(std::uint64_t order_id, std::uint32_t account) {
  wire::Command command = command_of(wire::CommandKind::cancel, account);
  command.order_id = order_id;
  return command;
}

inline wire::Command reduce(std::uint64_t order_id, std::uint32_t quantity, std::uint32_t account) {
  wire::Command command = command_of(wire::CommandKind::reduce, account);
  command.order_id = order_id;
  command.quantity = quantity;
  return command;
}

inline wire::Command replace(std::uint64_t order_id, std::uint32_t quantity, std::int32_t price,
                             std::uint32_t account) {
  wire::Command command = command_of(wire::CommandKind::replace, account);
  command.order_id = order_id;
  command.quantity = quantity;
  command.price = price;
  return command;
}

inline wire::Command in_session(wire::Command command, std::uint64_t session,
                                std::uint64_t number) {
  command.session = session;
  command.number = number;
  return command;
}

// "1.7" for slot 7 in its first generation.
inline std::string name_of(std::uint64_t order_id) {
  std::ostringstream out;
  out << (order_id >> 24) << '.' << (order_id & 0xFFFFFF);
  return out.str();
}

// Every field that the kind carries, as text.
inline std::string describe(const wire::Event& event) {
  static constexpr const char* refusals[] = {
      "none",           "command_invalid",    "not_configured",     "market_halted",
      "not_positive",   "quantity_too_large", "price_not_positive", "price_out_of_band",
      "order_unknown",  "order_not_yours",    "account_invalid",    "order_pool_full",
      "level_full",     "number_stale",       "capacity_fixed",     "market_closed",
      "not_in_phase",   "link_invalid",       "no_reference",       "reduce_only",
      "post_only",      "account_table_full", "special_pool_full",  "trade_unknown",
      "busy",           "account_killed",     "limit_messages",     "limit_executions",
      "limit_quantity", "limit_notional",     "limit_collar",       "limit_open_orders",
      "limit_position"};
  static constexpr const char* reasons[] = {"?",
                                            "user",
                                            "reduced_to_zero",
                                            "ioc_rest",
                                            "fok_unfilled",
                                            "no_liquidity",
                                            "self_trade",
                                            "reduce_only",
                                            "minimum_unmet",
                                            "breaker",
                                            "linked",
                                            "expired",
                                            "mass_cancel",
                                            "killed",
                                            "day_end",
                                            "auction_rest",
                                            "no_room"};
  std::ostringstream out;
  const auto show_order = [&]() -> std::ostream& {
    return out << name_of(event.order_id) << (event.side == 0 ? " buy " : " sell ")
               << event.quantity << '@' << event.price << " of " << event.account;
  };
  switch (static_cast<wire::EventKind>(event.kind)) {
    case wire::EventKind::accepted:
      out << "accepted ";
      show_order();
      break;
    case wire::EventKind::executed:
      out << "executed ";
      show_order() << " with " << name_of(event.other_order_id) << " of " << event.other_price
                   << " leaving " << event.remaining
                   << ((event.code & wire::executed_at_uncross) != 0 ? " at uncross" : "")
                   << ((event.code & wire::executed_with_dark) != 0 ? " dark" : "");
      break;
    case wire::EventKind::canceled:
      out << "canceled ";
      show_order() << ' ' << reasons[event.code];
      break;
    case wire::EventKind::reduced:
      out << "reduced ";
      show_order() << " leaving " << event.remaining;
      if (event.code != static_cast<std::uint8_t>(wire::CancelReason::user)) {
        out << ' ' << reasons[event.code];
      }
      break;
    case wire::EventKind::replaced:
      out << "replaced " << name_of(event.other_order_id) << " with " << event.remaining
          << " open by ";
      show_order();
      break;
    case wire::EventKind::refused:
      out << "refused " << refusals[event.code] << ' ' << name_of(event.order_id) << " of "
          << event.account;
      break;
    case wire::EventKind::repeated:
      out << "repeated " << refusals[event.code] << ' ' << name_of(event.order_id) << " executed "
          << event.quantity << " resting " << event.remaining << " from " << event.other_order_id;
      break;
    case wire::EventKind::configured:
      out << "configured " << event.price << ".." << event.other_price;
      break;
    case wire::EventKind::state_set:
      out << "state_set " << int{event.code};
      break;
    case wire::EventKind::touch:
      out << "touch " << event.order_id << '@' << event.price << ' ' << event.other_order_id << '@'
          << event.other_price;
      break;
    case wire::EventKind::rested:
      out << "rested ";
      show_order();
      break;
    case wire::EventKind::triggered:
      out << "triggered ";
      show_order() << " at " << event.other_price;
      break;
    case wire::EventKind::activated:
      out << "activated ";
      show_order() << " by " << name_of(event.other_order_id);
      break;
    case wire::EventKind::repriced:
      out << "repriced ";
      show_order() << " from " << event.other_price;
      break;
    case wire::EventKind::indicative:
      out << "indicative " << event.order_id << '@' << event.price << " surplus "
          << event.other_order_id << (event.side == 0 ? " buy" : " sell");
      break;
    case wire::EventKind::limit_state:
      out << "limit_state " << (event.code == 1 ? "begins" : "ends")
          << (event.side == 0 ? " buy " : " sell ") << event.price;
      break;
    case wire::EventKind::breaker_set:
      out << "breaker_set " << int{event.code} << ' ' << event.price << " width " << event.quantity;
      break;
    case wire::EventKind::mass_canceled:
      out << "mass_canceled of " << event.account;
      break;
    case wire::EventKind::limit_set:
      out << "limit_set " << int{event.code} << ' ' << event.order_id << " of " << event.account;
      break;
    case wire::EventKind::killed:
      out << (event.code == 0 ? "killed " : "released ") << event.account;
      break;
    case wire::EventKind::position_set:
      out << "position_set " << (event.side == 0 ? "" : "-") << event.order_id << " of "
          << event.account;
      break;
    case wire::EventKind::busted:
      out << "busted " << event.order_id << '/' << event.remaining << ' ' << event.quantity << '@'
          << event.price << " of " << event.account << " from " << event.other_price;
      break;
    case wire::EventKind::corrected:
      out << "corrected " << event.order_id << '/' << event.remaining << " from "
          << event.other_order_id << " to " << event.quantity << '@' << event.price << " of "
          << event.account << " from " << event.other_price;
      break;
    case wire::EventKind::ticked:
      out << "ticked";
      break;
    case wire::EventKind::seeded:
      out << "seeded";
      break;
  }
  return out.str();
}

class EventCollector {
 public:
  wire::Event& next() {
    // Slots of a ring hold what was there before: every field must be written.
    wire::Event& slot = events_.emplace_back();
    std::memset(static_cast<void*>(&slot), 0xA5, sizeof(slot));
    return slot;
  }
  void finish() { ++finished_; }
  void clear() {
    events_.clear();
    finished_ = 0;
  }
  [[nodiscard]] const std::vector<wire::Event>& events() const { return events_; }
  [[nodiscard]] int finished() const { return finished_; }

 private:
  std::vector<wire::Event> events_;
  int finished_ = 0;
};

class TestMarket {
 public:
  TestMarket() = default;
  // Configured: every price from 1 to 1,000, quantities up to 1,000,000.
  explicit TestMarket(std::uint64_t capacity) { run(configure(1, 1000, 1'000'000, capacity)); }

  // The events of the command.
  const std::vector<wire::Event>& run(const wire::Command& command, bool verifies = true) {
    sink_.clear();
    ++sequence_;
    market_->apply(command, sequence_, now_ns_ + sequence_, sink_);
    check_headers(command);
    if (verifies) {
      EXPECT_TRUE(market_->verify()) << "after command " << sequence_;
    }
    return sink_.events();
  }

  // The events of the command as text, one a line, without the touch.
  std::string operator()(const wire::Command& command) {
    std::string lines;
    for (const wire::Event& event : run(command)) {
      if (event.kind != static_cast<std::uint8_t>(wire::EventKind::touch)) {
        lines.append(lines.empty() ? "" : "\n").append(describe(event));
      }
    }
    return lines;
  }

  // The touch that the command ended with, or nothing.
  [[nodiscard]] std::string touch() const {
    const wire::Event& last = sink_.events().back();
    return last.kind == static_cast<std::uint8_t>(wire::EventKind::touch) ? describe(last) : "";
  }

  // "1.1 10@100, 1.2 5@99": best first.
  [[nodiscard]] std::string resting(wire::Side side) const {
    std::ostringstream all;
    const char* separator = "";
    market_->visit_resting(
        side, [&](OrderId order_id, AccountId, PriceTicks price, QuantityLots remaining) {
          all << separator << name_of(order_id.value()) << ' ' << remaining.value() << '@'
              << price.value();
          separator = ", ";
          return true;
        });
    return all.str();
  }

  // The commands that follow come at this second.
  void pass_to(std::uint64_t second) { now_ns_ = second * 1'000'000'000; }

  // Goes on in a new market that was restored from the bytes of this one.
  void restart() {
    std::vector<std::byte> bytes(market_->saved_bytes());
    ASSERT_EQ(market_->save(bytes), bytes.size());
    market_.reset();
    memory_ = std::make_unique<LazyMemory>(Market::arena_bytes());
    market_ = std::make_unique<Market>(memory_->bytes());
    ASSERT_TRUE(market_->restore(bytes));
  }

  [[nodiscard]] Market& market() { return *market_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t digest() const { return market_->digest(); }

 private:
  void check_headers(const wire::Command& command) {
    ASSERT_FALSE(sink_.events().empty());
    EXPECT_EQ(sink_.finished(), 1);
    std::uint32_t index = 0;
    for (const wire::Event& event : sink_.events()) {
      EXPECT_EQ(event.tag, command.tag);
      EXPECT_EQ(event.sequence, sequence_);
      EXPECT_EQ(event.index, index++);
      const bool is_last = &event == &sink_.events().back();
      EXPECT_EQ(event.flags, is_last ? wire::event_is_last : 0);
      check_unused(event);
    }
  }

  // Fields that the kind does not carry are 0: the columns of the table in README.md.
  static void check_unused(const wire::Event& event) {
    struct Columns {
      bool code, side, order_id, account, price, quantity, remaining, other_order_id, other_price;
    };
    static constexpr Columns columns[] = {
        {0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1, 0, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1},
        {1, 1, 1, 1, 1, 1, 0, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 1, 1},
        {1, 0, 1, 1, 0, 0, 0, 0, 0}, {1, 0, 1, 0, 0, 1, 1, 1, 0}, {0, 0, 0, 0, 1, 0, 0, 0, 1},
        {1, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 1, 0, 0, 1, 1}, {0, 1, 1, 1, 1, 1, 0, 0, 0},
        {0, 1, 1, 1, 1, 1, 0, 0, 1}, {0, 1, 1, 1, 1, 1, 0, 1, 0}, {0, 1, 1, 1, 1, 1, 0, 0, 1},
        {0, 1, 1, 0, 1, 0, 0, 1, 0}, {1, 1, 0, 0, 1, 0, 0, 0, 0}, {1, 0, 0, 0, 1, 1, 0, 0, 0},
        {1, 1, 0, 1, 0, 0, 0, 0, 0}, {1, 0, 1, 1, 0, 1, 0, 0, 0}, {1, 0, 0, 1, 0, 0, 0, 0, 0},
        {0, 1, 1, 1, 0, 0, 0, 0, 0}, {0, 0, 1, 1, 1, 1, 1, 0, 1}, {0, 0, 1, 1, 1, 1, 1, 1, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0}};
    ASSERT_GT(event.kind, 0);
    ASSERT_LT(event.kind, std::size(columns));
    const Columns& carried = columns[event.kind];
    EXPECT_TRUE(carried.code || event.code == 0);
    EXPECT_TRUE(carried.side || event.side == 0);
    EXPECT_TRUE(carried.order_id || event.order_id == 0);
    EXPECT_TRUE(carried.account || event.account == 0);
    EXPECT_TRUE(carried.price || event.price == 0);
    EXPECT_TRUE(carried.quantity || event.quantity == 0);
    EXPECT_TRUE(carried.remaining || event.remaining == 0);
    EXPECT_TRUE(carried.other_order_id || event.other_order_id == 0);
    EXPECT_TRUE(carried.other_price || event.other_price == 0);
  }

  std::unique_ptr<LazyMemory> memory_ = std::make_unique<LazyMemory>(Market::arena_bytes());
  std::unique_ptr<Market> market_ = std::make_unique<Market>(memory_->bytes());
  EventCollector sink_;
  std::uint64_t sequence_ = 0;
  std::uint64_t now_ns_ = 0;
};

}  // namespace meridian::engine
