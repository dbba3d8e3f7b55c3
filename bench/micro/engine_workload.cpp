// Service time of the engine on workload W, with every event written to a 2 MB ring.
//   engine_workload [narrow|wide|deep] [--operations N] [--repetitions N] [--processor N]
//                   [--limits BITS]   limits that the account has; all by default
// Prints one JSON object, times in nanoseconds; run.ts prints it for people. The result is void,
// and the exit code 1, unless the engine traded as the reference book and as the case states.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/market.hpp"
#include "memory/market_memory.hpp"
#include "memory/memory_keeper.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"
#include "workloads/workload_w.hpp"

#if defined(__clang__)
#define MERIDIAN_COMPILER "clang " __clang_version__ " " MERIDIAN_BUILD_FLAGS
#else
#define MERIDIAN_COMPILER "g++ " __VERSION__ " " MERIDIAN_BUILD_FLAGS
#endif

namespace {

using meridian::bench::Histogram;
using meridian::bench::Machine;
using meridian::bench::MarketWorkload;
using meridian::bench::WorkloadCase;
using meridian::engine::Market;
using meridian::wire::Command;
using meridian::wire::Event;

constexpr unsigned time_limit_seconds = 180;

// Where events go: as large as the ring of a market, overwritten without a reader.
class EventRing {
 public:
  Event& next() noexcept { return slots_[count_++ % slot_count]; }
  void finish() noexcept {}
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  static constexpr std::size_t slot_count = 2 * 1024 * 1024 / sizeof(Event);
  std::unique_ptr<Event[]> slots_ = std::make_unique<Event[]>(slot_count);
  std::uint64_t count_ = 0;
};

struct Options {
  const char* name = "narrow";
  std::uint64_t target = 50'000;
  std::uint64_t block = 16;
  std::uint64_t operations = 2'000'000;
  std::uint64_t repetitions = 5;
  std::uint32_t limits = meridian::bench::every_limit;
  int processor = meridian::bench::last_processor();
};

std::optional<Options> parse(int count, char** arguments) {
  Options options;
  for (int at = 1; at < count; ++at) {
    const std::string_view word = arguments[at];
    if (word == "narrow") {
      continue;
    }
    if (word == "wide") {
      options.name = "wide";
      options.block = 1024;
    } else if (word == "deep") {
      options.name = "deep";
      options.target = 1'000'000;
    } else if (at + 1 < count) {
      const std::uint64_t value = std::strtoull(arguments[++at], nullptr, 10);
      if (word == "--operations" && value > 0) {
        options.operations = value;
      } else if (word == "--repetitions" && value > 0) {
        options.repetitions = value;
      } else if (word == "--limits" && value <= meridian::bench::every_limit) {
        options.limits = static_cast<std::uint32_t>(value);
      } else if (word == "--processor") {
        options.processor = static_cast<int>(value);
      } else {
        return std::nullopt;
      }
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// What the reactor does while its inbound ring has a backlog.
[[gnu::always_inline]] inline void look_ahead(Market& market, const std::vector<Command>& commands,
                                              std::size_t at) {
  if (at + Market::look_ahead_far < commands.size()) {
    market.look_ahead(Market::glimpse_of(commands[at + Market::look_ahead_near]),
                      Market::glimpse_of(commands[at + Market::look_ahead_far]));
  }
}

struct Run {
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
};

// A fresh market over memory as the reactor gives it, preloaded; then `timed` around or inside the
// loop over the timed commands.
template <class Timed>
Run replay(meridian::memory::MemoryKeeper& keeper, const MarketWorkload& workload, Timed&& timed) {
  std::string reason;
  const auto memory = meridian::memory::MarketMemory::reserve({}, reason);
  if (memory == nullptr) {
    std::fprintf(stderr, "%s\n", reason.c_str());
    return {};
  }
  Market market(memory->arena(), &memory->backing());
  keeper.add(*memory);
  memory->begin(market);
  EventRing ring;
  std::uint64_t sequence = 0;
  for (const Command& command : workload.preload) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  }
  const std::uint64_t before = ring.count();
  Run run;
  timed(market, ring, sequence);
  run.digest = market.digest();
  run.events = ring.count() - before;
  keeper.remove(*memory);
  return run;
}

bool agrees(const Run& run, const MarketWorkload& workload) {
  if (run.digest == workload.digest && run.events == workload.timed_events) {
    return true;
  }
  std::fputs("a repetition gave another digest or number of events: the result is void\n", stderr);
  return false;
}

// The case that states what this workload trades; null when none does.
const WorkloadCase* stated_case(const Options& options) {
  for (const WorkloadCase& stated : meridian::bench::workload_cases) {
    if (stated.target == options.target && stated.block == options.block &&
        stated.operations == options.operations) {
      return &stated;
    }
  }
  return nullptr;
}

bool trades_as_stated(const MarketWorkload& workload, const WorkloadCase* stated) {
  return workload.traded == workload.reference && workload.refusals == 0 && workload.is_sound &&
         (stated == nullptr ||
          (stated->trades == workload.traded.trades() &&
           stated->volume == workload.traded.volume() && stated->hash == workload.traded.value() &&
           stated->levels == workload.levels));
}

// One pass over the timed commands without, and one with, a reading of the clock around each.
struct Repetition {
  double passed_ns = 0;     // an operation, as time passed
  double processor_ns = 0;  // an operation, as the thread ran
  Histogram service;        // in ticks
};

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: engine_workload [narrow|wide|deep] [--operations N] [--repetitions N] "
        "[--processor N] [--limits BITS]\n",
        stderr);
    return 2;
  }
  // Ends the process by SIGALRM: a measurement that hangs must not hold a machine.
  alarm(time_limit_seconds);
  meridian::memory::MemoryKeeper keeper;  // before the pinning, which threads inherit
  if (!meridian::bench::pin_to(options->processor)) {
    std::fprintf(stderr, "processor %d is not there; give another by --processor\n",
                 options->processor);
    return 1;
  }
  const Machine machine;
  const MarketWorkload workload = meridian::bench::record_workload(
      options->target, options->block, options->operations, options->limits);
  const WorkloadCase* stated = stated_case(*options);
  if (!trades_as_stated(workload, stated)) {
    std::fputs("the engine does not trade as the reference book: nothing to measure\n", stderr);
    return 1;
  }
  const std::vector<Command>& commands = workload.timed;
  const auto operations = static_cast<double>(options->operations);

  std::vector<Repetition> repetitions(options->repetitions);
  for (Repetition& repetition : repetitions) {
    const auto whole = [&](Market& market, EventRing& ring, std::uint64_t sequence) {
      const std::uint64_t ran = meridian::bench::processor_time_ns();
      const std::uint64_t begin = meridian::bench::ticks();
      for (std::size_t at = 0; at < commands.size(); ++at) {
        ++sequence;
        look_ahead(market, commands, at);
        market.apply(commands[at], sequence, sequence, ring);
      }
      repetition.passed_ns = machine.nanoseconds(meridian::bench::ticks() - begin) / operations;
      repetition.processor_ns =
          static_cast<double>(meridian::bench::processor_time_ns() - ran) / operations;
    };
    const auto each = [&](Market& market, EventRing& ring, std::uint64_t sequence) {
      for (std::size_t at = 0; at < commands.size(); ++at) {
        ++sequence;
        const std::uint64_t begin = meridian::bench::ticks();
        look_ahead(market, commands, at);
        market.apply(commands[at], sequence, sequence, ring);
        const std::uint64_t spent = meridian::bench::ticks() - begin;
        repetition.service.add(spent > machine.overhead() ? spent - machine.overhead() : 0);
      }
    };
    if (!agrees(replay(keeper, workload, whole), workload) ||
        !agrees(replay(keeper, workload, each), workload)) {
      return 1;
    }
  }

  std::printf(
      "{\"case\":\"%s\",\"live\":%llu,\"block\":%llu,\"operations\":%llu,\"events\":%llu,"
      "\"trades\":%llu,\"volume\":%llu,\"hash\":\"%016llx\",\"isStated\":%s,",
      options->name, static_cast<unsigned long long>(options->target),
      static_cast<unsigned long long>(options->block),
      static_cast<unsigned long long>(options->operations),
      static_cast<unsigned long long>(workload.timed_events),
      static_cast<unsigned long long>(workload.traded.trades()),
      static_cast<unsigned long long>(workload.traded.volume()),
      static_cast<unsigned long long>(workload.traded.value()),
      stated == nullptr ? "false" : "true");
  std::printf(
      "\"compiler\":\"%s\",\"processor\":%d,\"clock\":{\"tickNs\":%.3f,\"stepNs\":%.1f,"
      "\"readTwiceNs\":%.1f},\"repetitions\":[",
      MERIDIAN_COMPILER, options->processor, machine.nanoseconds_per_tick(),
      machine.nanoseconds(machine.granularity()), machine.nanoseconds(machine.overhead()));
  const char* separator = "";
  for (const Repetition& repetition : repetitions) {
    const auto quantile = [&](double share) {
      return machine.nanoseconds(repetition.service.quantile(share));
    };
    std::printf(
        "%s{\"passed\":%.2f,\"processor\":%.2f,\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f,"
        "\"maximum\":%.0f}",
        separator, repetition.passed_ns, repetition.processor_ns, quantile(0.5), quantile(0.99),
        quantile(0.999), machine.nanoseconds(repetition.service.highest()));
    separator = ",";
  }
  std::puts("]}");
  return 0;
}
