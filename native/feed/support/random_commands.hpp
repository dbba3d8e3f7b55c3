// For tests: seeded commands of every kind in a narrow band of prices, so that orders meet.
#pragma once
#include <cstdint>
#include <vector>

#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::feed {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t below(std::uint32_t bound) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((state_ >> 33U) % bound);
  }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) {
    return low + below(high - low + 1);
  }
  bool one_in(std::uint32_t count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

class RandomCommands {
 public:
  explicit RandomCommands(std::uint64_t seed) : random_(seed) {}

  static wire::Command configure() {
    wire::Command command = of(wire::CommandKind::configure, 0);
    command.order_id = 400;
    command.price = 1;
    command.trigger = 1000;
    command.quantity = 1000;
    return command;
  }

  wire::Command next(std::uint64_t now_s) {
    const std::uint32_t dice = random_.below(100);
    if (dice < 60) {
      return place(now_s);
    }
    if (dice < 86) {
      return about_an_order(dice);
    }
    return of_the_market(dice);
  }

  void take(const wire::Event& event) {
    const auto kind = static_cast<wire::EventKind>(event.kind);
    if (kind == wire::EventKind::accepted || kind == wire::EventKind::replaced) {
      placed_.push_back({event.order_id, event.account});
    } else if (kind == wire::EventKind::executed) {
      trades_.push_back({event.sequence, event.index});
    }
  }

 private:
  struct Placed {
    std::uint64_t order_id;
    std::uint32_t account;
  };
  struct Trade {
    std::uint64_t sequence;
    std::uint32_t index;
  };

  static wire::Command of(wire::CommandKind kind, std::uint32_t account) {
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(kind);
    command.account = account;
    return command;
  }
  Placed any() {
    if (placed_.empty()) {
      return {1, 1};
    }
    const auto recent = static_cast<std::uint32_t>(placed_.size() < 80 ? placed_.size() : 80);
    return placed_[placed_.size() - 1 - random_.below(recent)];
  }
  std::uint32_t account() { return random_.between(1, 4); }
  std::int32_t price() { return static_cast<std::int32_t>(random_.between(95, 105)); }

  wire::Command about_an_order(std::uint32_t dice) {
    const Placed order = any();
    wire::Command command = of(wire::CommandKind::cancel, order.account);
    command.order_id = order.order_id;
    if (dice >= 66 && dice < 72) {
      command.kind = static_cast<std::uint8_t>(wire::CommandKind::reduce);
      command.quantity = random_.between(1, 20);
    } else if (dice >= 72) {
      command.kind = static_cast<std::uint8_t>(wire::CommandKind::replace);
      command.quantity = random_.between(1, 40);
      command.price = random_.one_in(6) ? 0 : price();
      command.trigger = random_.one_in(4) ? price() : 0;
    }
    return command;
  }

  wire::Command of_the_market(std::uint32_t dice) {
    switch (dice) {
      case 86:
      case 87: {
        wire::Command state = of(wire::CommandKind::set_state, 0);
        // Two of three open it again: it trades most of the time.
        state.order_type = static_cast<std::uint8_t>(random_.one_in(3) ? random_.below(7) : 0);
        return state;
      }
      case 88: {
        wire::Command breaker = of(wire::CommandKind::set_breaker, 0);
        breaker.order_type = static_cast<std::uint8_t>(random_.below(3));
        breaker.price = random_.one_in(2) ? price() : 0;
        breaker.quantity = breaker.order_type == 0 ? 0 : random_.between(1, 8);
        breaker.expiry_s = random_.below(3);
        return breaker;
      }
      case 89: {
        wire::Command mass = of(wire::CommandKind::mass_cancel, account());
        mass.order_type = static_cast<std::uint8_t>(random_.one_in(2) ? wire::filter::by_group : 0);
        mass.group = static_cast<std::uint8_t>(mass.order_type == 0 ? 0 : random_.below(3));
        return mass;
      }
      case 90: {
        wire::Command kill = of(wire::CommandKind::kill, account());
        kill.order_type = random_.one_in(8) ? 0 : 1;
        return kill;
      }
      case 91: {
        wire::Command position = of(wire::CommandKind::set_position, account());
        position.side = static_cast<std::uint8_t>(random_.below(2));
        position.order_id = random_.below(200);
        return position;
      }
      case 92:
        return bust_or_correct();
      case 93: {
        wire::Command seed = of(wire::CommandKind::seed, 0);
        seed.order_id = random_.between(1, 1000);
        return seed;
      }
      default:
        return of(wire::CommandKind::tick, 0);
    }
  }

  wire::Command bust_or_correct() {
    const bool is_bust = random_.one_in(2);
    wire::Command command = of(is_bust ? wire::CommandKind::bust : wire::CommandKind::correct, 0);
    if (!trades_.empty()) {
      const Trade trade = trades_[random_.below(static_cast<std::uint32_t>(trades_.size()))];
      command.order_id = trade.sequence;
      command.quantity = trade.index;
    }
    if (!is_bust) {
      command.price = price();
      command.display = random_.between(1, 5);
    }
    return command;
  }

  wire::Command place(std::uint64_t now_s) {
    wire::Command order = of(wire::CommandKind::place, account());
    order.side = static_cast<std::uint8_t>(random_.below(2));
    order.quantity = random_.between(1, 30);
    order.price = price();
    if (random_.one_in(2)) {
      return order;
    }
    const bool is_limit = random_.one_in(2);
    order.order_type = static_cast<std::uint8_t>(is_limit ? 0 : random_.below(8));
    order.time_in_force = static_cast<std::uint8_t>(random_.one_in(2) ? random_.below(8) : 0);
    const auto type = static_cast<wire::OrderType>(order.order_type);
    const bool is_peg = type >= wire::OrderType::pegged_primary;
    const bool has_price = type == wire::OrderType::limit || type == wire::OrderType::stop_limit;
    if (!has_price && !(is_peg && random_.one_in(2))) {
      order.price = 0;
    }
    if (type == wire::OrderType::stop || type == wire::OrderType::stop_limit) {
      order.trigger = price();
    } else if (type != wire::OrderType::limit) {
      order.trigger = static_cast<std::int32_t>(random_.below(5));
    }
    if (order.time_in_force == static_cast<std::uint8_t>(wire::TimeInForce::gtd)) {
      order.expiry_s = static_cast<std::uint32_t>(now_s + random_.between(1, 5));
    }
    add_property(order);
    if (random_.one_in(5)) {
      order.attributes |=
          static_cast<std::uint16_t>(random_.below(5) << wire::attribute::self_trade_shift);
    }
    order.group = static_cast<std::uint8_t>(random_.below(3));
    if (random_.one_in(6) && !placed_.empty()) {
      const Placed linked = any();
      order.account = linked.account;
      order.order_id = linked.order_id;
      order.attributes |=
          static_cast<std::uint16_t>(random_.between(1, 2) << wire::attribute::link_shift);
    }
    return order;
  }

  void add_property(wire::Command& order) {
    switch (random_.below(12)) {
      case 0:
      case 1:
        order.display = random_.between(1, 6);
        order.attributes |= random_.one_in(2) ? wire::attribute::random_refresh : std::uint16_t{0};
        break;
      case 2:
        order.minimum = random_.between(1, order.quantity);
        break;
      case 3:
        order.attributes |= wire::attribute::all_or_none;
        break;
      case 4:
        order.discretion = static_cast<std::uint8_t>(random_.between(1, 4));
        break;
      case 5:
        order.attributes |= wire::attribute::post_only;
        order.attributes |= random_.one_in(2) ? wire::attribute::reprice : std::uint16_t{0};
        break;
      case 6:
        order.attributes |= wire::attribute::hidden;
        break;
      case 7:
        order.attributes |= wire::attribute::reduce_only;
        order.display = random_.one_in(2) ? random_.between(1, 6) : 0;
        break;
      default:
        break;
    }
  }

  Random random_;
  std::vector<Placed> placed_;
  std::vector<Trade> trades_;
};

}  // namespace meridian::feed
