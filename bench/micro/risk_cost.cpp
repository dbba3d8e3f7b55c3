// What each limit of an account adds to a command: workload W narrow, the same commands in turn
// without limits, with each of them alone, and with all, none ever met.
//   risk_cost [--operations N] [--repetitions N] [--processor N]
// Prints one JSON object: for each set of limits the nanoseconds an operation took in each turn, as
// processor time of the thread.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"

namespace {

using meridian::bench::MarketWorkload;
using meridian::engine::LazyMemory;
using meridian::engine::Market;
using meridian::wire::Command;
using meridian::wire::Event;

constexpr unsigned time_limit_seconds = 180;

struct Limits {
  const char* name;
  std::uint32_t bits;
};
constexpr std::array limits_in_turn{
    Limits{"none", 0},
    Limits{"quantity", 1},
    Limits{"notional", 2},
    Limits{"collar", 4},
    Limits{"open orders", 8},
    Limits{"position", 16},
    Limits{"message rate", 32},
    Limits{"execution rate", 64},
    Limits{"all seven", meridian::bench::every_limit},
};

class EventRing {
 public:
  Event& next() noexcept { return slots_[count_++ % slot_count]; }
  void finish() noexcept {}

 private:
  static constexpr std::size_t slot_count = 2 * 1024 * 1024 / sizeof(Event);
  std::unique_ptr<Event[]> slots_ = std::make_unique<Event[]>(slot_count);
  std::uint64_t count_ = 0;
};

// Nanoseconds an operation; negative when the orders that rest at the end are others.
double replay(const MarketWorkload& workload, std::uint32_t limits) {
  const LazyMemory memory(Market::arena_bytes());
  Market market(memory.bytes());
  EventRing ring;
  std::uint64_t sequence = 0;
  const auto apply = [&](const Command& command) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  };
  apply(workload.preload.front());
  for (const Command& command : meridian::bench::limit_commands(limits)) {
    apply(command);
  }
  for (std::size_t at = 1; at < workload.preload.size(); ++at) {
    apply(workload.preload[at]);
  }
  const std::uint64_t ran = meridian::bench::processor_time_ns();
  const std::vector<Command>& commands = workload.timed;
  for (std::size_t at = 0; at < commands.size(); ++at) {
    if (at + Market::look_ahead_far < commands.size()) {
      market.look_ahead(Market::glimpse_of(commands[at + Market::look_ahead_near]),
                        Market::glimpse_of(commands[at + Market::look_ahead_far]));
    }
    apply(commands[at]);
  }
  const auto spent = static_cast<double>(meridian::bench::processor_time_ns() - ran);
  return market.open_orders() == workload.resting_orders
             ? spent / static_cast<double>(commands.size())
             : -1;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t operations = 500'000;
  std::uint64_t repetitions = 15;
  int processor = meridian::bench::last_processor();
  for (int at = 1; at < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = at + 1 < count ? std::strtoull(arguments[at + 1], nullptr, 10) : 0;
    if (word == "--operations" && value > 0) {
      operations = value;
    } else if (word == "--repetitions" && value > 0) {
      repetitions = value;
    } else if (word == "--processor" && at + 1 < count) {
      processor = static_cast<int>(value);
    } else {
      std::fputs("usage: risk_cost [--operations N] [--repetitions N] [--processor N]\n", stderr);
      return 2;
    }
  }
  alarm(time_limit_seconds);
  if (!meridian::bench::pin_to(processor)) {
    std::fprintf(stderr, "processor %d is not there; give another by --processor\n", processor);
    return 1;
  }
  const MarketWorkload workload = meridian::bench::record_workload(50'000, 16, operations);
  if (!(workload.traded == workload.reference)) {
    std::fputs("the engine does not trade as the reference book: nothing to measure\n", stderr);
    return 1;
  }
  std::array<std::vector<double>, limits_in_turn.size()> taken;
  for (std::uint64_t repetition = 0; repetition < repetitions; ++repetition) {
    for (std::size_t at = 0; at < limits_in_turn.size(); ++at) {
      taken[at].push_back(replay(workload, limits_in_turn[at].bits));
      if (taken[at].back() < 0) {
        std::fputs("a limit that is never met changed what rests: the result is void\n", stderr);
        return 1;
      }
    }
  }
  std::printf("{\"operations\":%llu,\"limits\":[", static_cast<unsigned long long>(operations));
  for (std::size_t at = 0; at < limits_in_turn.size(); ++at) {
    std::printf("%s{\"name\":\"%s\",\"nanoseconds\":[", at == 0 ? "" : ",",
                limits_in_turn[at].name);
    for (std::size_t turn = 0; turn < taken[at].size(); ++turn) {
      std::printf("%s%.2f", turn == 0 ? "" : ",", taken[at][turn]);
    }
    std::printf("]}");
  }
  std::puts("]}");
  return 0;
}
