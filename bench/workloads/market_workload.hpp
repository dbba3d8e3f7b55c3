// Workload W as commands for the engine. The engine gives its own order ids, which later commands
// must name, so the commands are recorded in a first run; they can then be replayed at full speed.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "workloads/workload_w.hpp"

namespace meridian::bench {

inline constexpr std::uint32_t workload_account = 1;

// The first command of a run: every price, the largest capacity.
inline wire::Command configure_command() {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
  command.order_id = (1U << 24) - 2;
  command.price = 1;
  command.trigger = 0x7FFFFFFE;
  command.quantity = 0x7FFFFFFF;
  return command;
}

// One bit a limit of accounts: all seven.
inline constexpr std::uint32_t every_limit = (1U << wire::account_limit_count) - 1;

// The commands that set the limits of the workload's account, so high that the workload never meets
// them: every check is made, none refuses.
inline std::vector<wire::Command> limit_commands(std::uint32_t limits) {
  std::vector<wire::Command> commands;
  for (std::uint32_t limit = 0; limit < wire::account_limit_count; ++limit) {
    if ((limits & (1U << limit)) == 0) {
      continue;
    }
    const bool is_rate = limit >= static_cast<std::uint32_t>(wire::AccountLimit::message_rate);
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::set_limit);
    command.order_type = static_cast<std::uint8_t>(limit);
    command.account = workload_account;
    command.order_id = (std::uint64_t{1} << 53) - 1;
    command.quantity = is_rate ? 1000 : 0;
    commands.push_back(command);
  }
  return commands;
}

// Drives a market with operations of the workload and translates ids both ways.
class WorkloadDriver {
 public:
  explicit WorkloadDriver(engine::Market& market) : market_(market) {}

  // A command that is no operation, as it is.
  void set_up(const wire::Command& command) { apply(command); }

  // The command that stands for the operation, applied. Trades count from start_timing() on.
  wire::Command operator()(const Operation& operation) {
    wire::Command command{};
    command.account = workload_account;
    if (operation.kind == OperationKind::cancel || operation.kind == OperationKind::replace) {
      command.order_id = engine_ids_[operation.id];
    }
    if (operation.kind == OperationKind::cancel) {
      command.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
    } else {
      const bool replaces = operation.kind == OperationKind::replace;
      command.kind = static_cast<std::uint8_t>(replaces ? wire::CommandKind::replace
                                                        : wire::CommandKind::place);
      command.side = !replaces && operation.is_sell ? 1 : 0;
      command.price = static_cast<std::int32_t>(operation.price);
      command.quantity = static_cast<std::uint32_t>(operation.quantity);
    }
    if (operation.kind == OperationKind::immediate_or_cancel) {
      command.time_in_force = static_cast<std::uint8_t>(wire::TimeInForce::ioc);
    }
    apply(command);
    for (const wire::Event& event : sink_.events) {
      take(event, operation.id);
    }
    return command;
  }

  void start_timing() { is_timed_ = true; }
  [[nodiscard]] const TradeHash& traded() const { return traded_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  struct Collector {
    std::vector<wire::Event> events;
    wire::Event& next() { return events.emplace_back(); }
    void finish() {}
  };

  void apply(const wire::Command& command) {
    sink_.events.clear();
    ++sequence_;
    market_.apply(command, sequence_, sequence_, sink_);
    events_ += sink_.events.size();
  }

  void take(const wire::Event& event, std::uint64_t operation_id) {
    switch (static_cast<wire::EventKind>(event.kind)) {
      case wire::EventKind::accepted:
      case wire::EventKind::replaced:
        name(operation_id, event.order_id);
        break;
      case wire::EventKind::executed:
        if (is_timed_) {
          traded_.add(by_slot_[event.other_order_id % slots], operation_id,
                      static_cast<std::uint64_t>(event.price), event.quantity);
        }
        break;
      case wire::EventKind::refused:
        ++refusals_;
        break;
      default:
        break;
    }
  }

  void name(std::uint64_t id, std::uint64_t engine_id) {
    const std::size_t slot = engine_id % slots;
    if (engine_ids_.size() <= id) {
      engine_ids_.resize(id + 1);
    }
    if (by_slot_.size() <= slot) {
      by_slot_.resize(slot + 1);
    }
    engine_ids_[id] = engine_id;
    by_slot_[slot] = id;
  }

  static constexpr std::uint64_t slots = 1U << 24;

  engine::Market& market_;
  Collector sink_;
  std::uint64_t sequence_ = 0;
  bool is_timed_ = false;
  TradeHash traded_;
  std::uint64_t refusals_ = 0;
  std::uint64_t events_ = 0;
  std::vector<std::uint64_t> engine_ids_;  // by the generator's id
  std::vector<std::uint64_t> by_slot_;     // the generator's id of the order last in a slot
};

// A recorded run.
struct MarketWorkload {
  std::vector<wire::Command> preload;  // configure and limits first
  std::vector<wire::Command> timed;
  TradeHash reference;  // of the generator's book
  TradeHash traded;     // of the engine, with the generator's ids
  std::size_t levels = 0;
  std::uint64_t refusals = 0;
  std::uint64_t timed_events = 0;
  std::uint64_t digest = 0;  // of the engine after the last command
  std::uint32_t resting_orders = 0;
  bool is_sound = false;  // every invariant held at the end
};

// `limits`: bits of the limits that the account has.
inline MarketWorkload record_workload(std::uint64_t target, std::uint64_t block,
                                      std::uint64_t operations, std::uint32_t limits = 0) {
  MarketWorkload recorded;
  const engine::LazyMemory memory(engine::Market::arena_bytes());
  engine::Market market(memory.bytes());
  WorkloadW workload(target, block);
  WorkloadDriver drive(market);
  recorded.preload = limit_commands(limits);
  recorded.preload.insert(recorded.preload.begin(), configure_command());
  for (const wire::Command& command : recorded.preload) {
    drive.set_up(command);
  }
  while (!workload.is_preloaded()) {
    recorded.preload.push_back(drive(workload.next_preload()));
  }
  const std::uint64_t preload_events = drive.events();
  drive.start_timing();
  recorded.timed.reserve(operations);
  for (std::uint64_t done = 0; done < operations; ++done) {
    recorded.timed.push_back(drive(workload.next()));
  }
  recorded.reference = workload.traded();
  recorded.traded = drive.traded();
  recorded.levels = workload.bid_levels() + workload.ask_levels();
  recorded.refusals = drive.refusals();
  recorded.timed_events = drive.events() - preload_events;
  recorded.digest = market.digest();
  recorded.resting_orders = market.open_orders();
  recorded.is_sound = market.verify();
  return recorded;
}

}  // namespace meridian::bench
