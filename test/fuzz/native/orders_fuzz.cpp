// Commands of every kind that mostly make sense: few accounts, close prices, ids of open orders,
// every phase, breaker, limit and link.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "input.hpp"
#include "observed_market.hpp"

namespace {

using namespace meridian;

constexpr std::uint32_t accounts = 4;

class Commands {
 public:
  Commands(fuzz::Input& input, fuzz::ObservedMarket& market) : input_(input), market_(market) {}

  void run() {
    apply(configure());
    while (!input_.is_empty()) {
      apply(next());
    }
  }

 private:
  void apply(wire::Command command) {
    if (input_.one_in(8)) {
      command.session = input_.between(1, 3);
      command.number = std::max<std::uint64_t>(1, number_ + input_.below(4) - 1);
      number_ = std::max(number_, command.number);
    }
    command.tag = static_cast<std::uint32_t>(market_.sequence());
    // Mostly microseconds, at times seconds: orders expire, windows and limit states end.
    const std::uint64_t passed_ns = input_.one_in(16)
                                        ? input_.below(8) * std::uint64_t{1'000'000'000}
                                        : input_.below(200) * std::uint64_t{1'000};
    const std::uint64_t now_ns = market_.now_ns() + passed_ns;
    for (const wire::Event& event : market_.apply(command, now_ns)) {
      if (event.kind == static_cast<std::uint8_t>(wire::EventKind::accepted) ||
          event.kind == static_cast<std::uint8_t>(wire::EventKind::replaced)) {
        ids_.push_back({event.order_id, event.account});
      } else if (event.kind == static_cast<std::uint8_t>(wire::EventKind::executed)) {
        trades_.push_back({event.sequence, event.index});
      }
    }
  }

  wire::Command next() {
    const std::uint32_t choice = input_.below(40);
    if (choice < 18) {
      return place();
    }
    switch (choice) {
      case 18:
      case 19:
      case 20:
      case 21:
        return named(wire::CommandKind::cancel);
      case 22:
      case 23: {
        wire::Command reduce = named(wire::CommandKind::reduce);
        reduce.quantity = input_.below(20);
        return reduce;
      }
      case 24:
      case 25:
      case 26:
      case 27: {
        wire::Command replace = named(wire::CommandKind::replace);
        replace.quantity = quantity();
        replace.price = input_.one_in(4) ? 0 : price();
        replace.trigger = input_.one_in(3) ? price() : 0;
        return replace;
      }
      case 28:
        return configure();
      case 29:
      case 30: {
        // Half of them open the market again: it trades most of the time.
        wire::Command state = of(wire::CommandKind::set_state, 0);
        state.order_type = static_cast<std::uint8_t>(input_.one_in(2) ? input_.below(8) : 0);
        return state;
      }
      case 31: {
        wire::Command breaker = of(wire::CommandKind::set_breaker, 0);
        breaker.order_type = static_cast<std::uint8_t>(input_.below(3));
        breaker.price = input_.one_in(2) ? price() : 0;
        breaker.quantity = input_.below(12);
        breaker.expiry_s = input_.below(4);
        return breaker;
      }
      case 32:
        return mass_cancel();
      case 33: {
        wire::Command limit = of(wire::CommandKind::set_limit, account());
        limit.order_type = static_cast<std::uint8_t>(input_.below(8));
        limit.order_id = input_.one_in(3) ? input_.below(3000) : input_.below(60);
        const bool is_rate =
            limit.order_type >= static_cast<std::uint8_t>(wire::AccountLimit::message_rate);
        limit.quantity = is_rate ? input_.below(3000) : 0;
        return limit;
      }
      case 34: {
        wire::Command kill = of(wire::CommandKind::kill, account());
        kill.order_type = static_cast<std::uint8_t>(input_.below(2));
        return kill;
      }
      case 35: {
        wire::Command position = of(wire::CommandKind::set_position, account());
        position.side = static_cast<std::uint8_t>(input_.below(2));
        position.order_id = input_.below(200);
        return position;
      }
      case 36: {
        wire::Command seed = of(wire::CommandKind::seed, 0);
        seed.order_id = input_.below(100);
        return seed;
      }
      case 37:
        return bust_or_correct();
      default:
        return of(wire::CommandKind::tick, 0);
    }
  }

  wire::Command place() {
    wire::Command order = of(wire::CommandKind::place, account());
    order.side = static_cast<std::uint8_t>(input_.below(2));
    order.quantity = quantity();
    if (input_.one_in(2)) {
      order.price = price();
      return order;
    }
    order.order_type = static_cast<std::uint8_t>(input_.below(8));
    order.time_in_force = static_cast<std::uint8_t>(input_.one_in(2) ? input_.below(8) : 0);
    const auto type = static_cast<wire::OrderType>(order.order_type);
    const bool is_peg = type >= wire::OrderType::pegged_primary;
    const bool has_price = type == wire::OrderType::limit || type == wire::OrderType::stop_limit;
    order.price = has_price || (is_peg && input_.one_in(2)) ? price() : 0;
    if (type == wire::OrderType::stop || type == wire::OrderType::stop_limit) {
      order.trigger = price();
    } else if (type != wire::OrderType::limit) {
      order.trigger = static_cast<std::int32_t>(input_.below(6));
    }
    if (order.time_in_force == static_cast<std::uint8_t>(wire::TimeInForce::gtd)) {
      order.expiry_s =
          static_cast<std::uint32_t>(market_.now_ns() / 1'000'000'000) + input_.below(6);
    }
    add_property(order);
    if (input_.one_in(4)) {
      order.attributes |=
          static_cast<std::uint16_t>(input_.below(5) << wire::attribute::self_trade_shift);
    }
    order.group = static_cast<std::uint8_t>(input_.below(3));
    if (input_.one_in(6) && !ids_.empty()) {
      const Placed linked = any_placed();
      order.account = linked.account;
      order.order_id = linked.id;
      order.attributes |=
          static_cast<std::uint16_t>(input_.between(1, 2) << wire::attribute::link_shift);
    }
    return order;
  }

  // One at a time, mostly: the shapes allow few together.
  void add_property(wire::Command& order) {
    switch (input_.below(16)) {
      case 1:
        order.display = input_.between(1, 5);
        break;
      case 2:
        order.display = input_.between(1, 5);
        order.attributes |= wire::attribute::random_refresh;
        break;
      case 3:
        order.minimum = input_.between(1, 20);
        break;
      case 4:
        order.attributes |= wire::attribute::all_or_none;
        break;
      case 5:
        order.discretion = static_cast<std::uint8_t>(input_.between(1, 6));
        break;
      case 6:
        order.attributes |= wire::attribute::post_only;
        break;
      case 7:
        order.attributes |= wire::attribute::post_only | wire::attribute::reprice;
        break;
      case 8:
        order.attributes |= wire::attribute::hidden;
        break;
      case 9:
        order.attributes |= wire::attribute::reduce_only;
        break;
      case 10:
        order.attributes |= wire::attribute::trail_bps;
        break;
      case 11:
        order.attributes |= static_cast<std::uint16_t>(input_.below(64));
        order.display = input_.below(4);
        order.minimum = input_.below(4);
        break;
      default:
        break;
    }
  }

  wire::Command configure() {
    wire::Command command = of(wire::CommandKind::configure, 0);
    command.order_type = static_cast<std::uint8_t>(input_.below(3));
    command.order_id = capacity_;
    command.price = static_cast<std::int32_t>(input_.between(1, 97));
    command.trigger = static_cast<std::int32_t>(input_.between(103, 250));
    command.quantity = 1000;
    return command;
  }

  wire::Command mass_cancel() {
    wire::Command command = of(wire::CommandKind::mass_cancel, account());
    command.order_type = static_cast<std::uint8_t>(input_.below(8));
    if ((command.order_type & wire::filter::by_side) != 0) {
      command.side = static_cast<std::uint8_t>(input_.below(2));
    }
    if ((command.order_type & wire::filter::by_price) != 0) {
      command.price = price();
      command.trigger = price();
    }
    if ((command.order_type & wire::filter::by_group) != 0) {
      command.group = static_cast<std::uint8_t>(input_.below(3));
    }
    return command;
  }

  wire::Command bust_or_correct() {
    const bool is_bust = input_.one_in(2);
    wire::Command command = of(is_bust ? wire::CommandKind::bust : wire::CommandKind::correct, 0);
    if (!trades_.empty()) {
      const Trade& trade = trades_[input_.take<std::uint16_t>() % trades_.size()];
      command.order_id = trade.sequence;
      command.quantity = trade.index;
    }
    if (!is_bust) {
      command.price = price();
      command.display = input_.below(10);
    }
    return command;
  }

  // A command about an order, mostly its owner's.
  wire::Command named(wire::CommandKind kind) {
    if (ids_.empty()) {
      return of(kind, account());
    }
    const Placed order = any_placed();
    wire::Command command = of(kind, input_.one_in(16) ? account() : order.account);
    command.order_id = order.id;
    return command;
  }

  static wire::Command of(wire::CommandKind kind, std::uint32_t account) {
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(kind);
    command.account = account;
    return command;
  }

  struct Placed {
    std::uint64_t id;
    std::uint32_t account;
  };
  struct Trade {
    std::uint64_t sequence;
    std::uint32_t index;
  };

  // One of the latest that is open, if there is one; at times one that is gone.
  Placed any_placed() {
    const std::size_t recent = std::min<std::size_t>(ids_.size(), 64);
    const std::size_t from = input_.below(static_cast<std::uint32_t>(recent));
    const bool wants_open = !input_.one_in(16);
    for (std::size_t step = 0; wants_open && step < recent; ++step) {
      const Placed placed = ids_[ids_.size() - 1 - (from + step) % recent];
      if (market_.lots().contains(placed.id)) {
        return placed;
      }
    }
    return ids_[ids_.size() - 1 - from];
  }

  std::uint32_t account() { return input_.between(1, accounts); }
  std::int32_t price() { return static_cast<std::int32_t>(input_.between(95, 105)); }
  std::uint32_t quantity() { return input_.between(1, 30); }

  fuzz::Input& input_;
  fuzz::ObservedMarket& market_;
  // Small at times: the pool is full, and replaced orders meet its limit.
  std::uint64_t capacity_ = input_.one_in(4) ? 8 : 200;
  std::uint64_t number_ = 1;
  std::vector<Placed> ids_;
  std::vector<Trade> trades_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::ObservedMarket market;
  Commands(input, market).run();
  market.check();
  return 0;
}
