// A market for tests: commands in one line, answers as text, every invariant checked after each.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
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
      "none",          "command_invalid",    "not_configured",     "market_halted",
      "not_positive",  "quantity_too_large", "price_not_positive", "price_out_of_band",
      "order_unknown", "order_not_yours",    "account_invalid",    "order_pool_full",
      "level_full",    "number_stale",       "capacity_fixed"};
  static constexpr const char* reasons[] = {"?",        "user",         "reduced_to_zero",
                                            "ioc_rest", "fok_unfilled", "no_liquidity"};
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
                   << " leaving " << event.remaining;
      break;
    case wire::EventKind::canceled:
      out << "canceled ";
      show_order() << ' ' << reasons[event.code];
      break;
    case wire::EventKind::reduced:
      out << "reduced ";
      show_order() << " leaving " << event.remaining;
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
    default:
      out << "kind " << int{event.kind};
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
    market_.apply(command, sequence_, sequence_ * 1000, sink_);
    check_headers(command);
    if (verifies) {
      EXPECT_TRUE(market_.verify()) << "after command " << sequence_;
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
    market_.visit_resting(
        side, [&](OrderId order_id, AccountId, PriceTicks price, QuantityLots remaining) {
          all << separator << name_of(order_id.value()) << ' ' << remaining.value() << '@'
              << price.value();
          separator = ", ";
          return true;
        });
    return all.str();
  }

  [[nodiscard]] Market& market() { return market_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t digest() const { return market_.digest(); }

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

  // Fields that the kind does not carry are 0.
  static void check_unused(const wire::Event& event) {
    using Kind = wire::EventKind;
    const auto kind = static_cast<Kind>(event.kind);
    const auto is_one_of = [kind](auto... kinds) { return ((kind == kinds) || ...); };
    if (!is_one_of(Kind::accepted, Kind::canceled, Kind::reduced, Kind::refused, Kind::repeated,
                   Kind::state_set)) {
      EXPECT_EQ(event.code, 0);
    }
    if (is_one_of(Kind::refused, Kind::repeated, Kind::configured, Kind::state_set, Kind::touch)) {
      EXPECT_EQ(event.side, 0);
    }
    if (is_one_of(Kind::repeated, Kind::configured, Kind::state_set, Kind::touch)) {
      EXPECT_EQ(event.account, 0U);
    }
    if (is_one_of(Kind::configured, Kind::state_set)) {
      EXPECT_EQ(event.order_id, 0U);
    }
    if (is_one_of(Kind::refused, Kind::repeated, Kind::state_set)) {
      EXPECT_EQ(event.price, 0);
    }
    if (is_one_of(Kind::refused, Kind::configured, Kind::state_set, Kind::touch)) {
      EXPECT_EQ(event.quantity, 0U);
    }
    if (!is_one_of(Kind::executed, Kind::reduced, Kind::replaced, Kind::repeated)) {
      EXPECT_EQ(event.remaining, 0U);
    }
    if (!is_one_of(Kind::executed, Kind::replaced, Kind::repeated, Kind::touch)) {
      EXPECT_EQ(event.other_order_id, 0U);
    }
    if (!is_one_of(Kind::executed, Kind::configured, Kind::touch)) {
      EXPECT_EQ(event.other_price, 0);
    }
  }

  LazyMemory memory_{Market::arena_bytes()};
  Market market_{memory_.bytes()};
  EventCollector sink_;
  std::uint64_t sequence_ = 0;
};

}  // namespace meridian::engine
