// Service time of the engine on workload W, with every event written to a 2 MB ring.
//   engine_workload [narrow|wide|deep] [--operations N] [--repetitions N] [--processor N]
//                   [--look-ahead N]
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"

namespace {

using meridian::bench::Histogram;
using meridian::bench::Machine;
using meridian::bench::MarketWorkload;
using meridian::engine::LazyMemory;
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
  int processor = 1;
  std::uint64_t look_ahead = 0;
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
      } else if (word == "--processor") {
        options.processor = static_cast<int>(value);
      } else if (word == "--look-ahead" && value < options.operations) {
        options.look_ahead = value;
      } else {
        return std::nullopt;
      }
    } else {
      return std::nullopt;
    }
  }
  return options;
}

struct Run {
  std::uint64_t ticks = 0;
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
};

// A fresh market, preloaded; then `timed` around or inside the loop over the timed commands.
template <class Timed>
Run replay(const MarketWorkload& workload, Timed&& timed) {
  const LazyMemory memory(Market::arena_bytes());
  Market market(memory.bytes());
  EventRing ring;
  std::uint64_t sequence = 0;
  for (const Command& command : workload.preload) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  }
  const std::uint64_t before = ring.count();
  Run run;
  run.ticks = timed(market, ring, sequence);
  run.digest = market.digest();
  run.events = ring.count() - before;
  return run;
}

bool agrees(const Run& run, const MarketWorkload& workload) {
  if (run.digest == workload.digest && run.events == workload.timed_events) {
    return true;
  }
  std::fputs("a repetition gave another digest or number of events: the result is void\n", stderr);
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: engine_workload [narrow|wide|deep] [--operations N] [--repetitions N] "
        "[--processor N] [--look-ahead N]\n",
        stderr);
    return 2;
  }
  // Ends the process by SIGALRM: a measurement that hangs must not hold a machine.
  alarm(time_limit_seconds);
  if (!meridian::bench::pin_to(options->processor)) {
    std::fprintf(stderr, "processor %d is not there; give another by --processor\n",
                 options->processor);
    return 1;
  }
  const Machine machine;
  machine.print(options->processor);
  const MarketWorkload workload =
      meridian::bench::record_workload(options->target, options->block, options->operations);
  if (!(workload.traded == workload.reference) || workload.refusals != 0 || !workload.is_sound) {
    std::fputs("the engine does not trade as the reference book: nothing to measure\n", stderr);
    return 1;
  }
  std::printf(
      "workload  W %s: %llu live orders, blocks of %llu ticks, %llu operations, %.2f events "
      "each into a ring of 2 MB\n",
      options->name, static_cast<unsigned long long>(options->target),
      static_cast<unsigned long long>(options->block),
      static_cast<unsigned long long>(options->operations),
      static_cast<double>(workload.timed_events) / static_cast<double>(options->operations));
  const std::vector<Command>& commands = workload.timed;

  const auto whole = [&](Market& market, EventRing& ring, std::uint64_t sequence) {
    const std::uint64_t begin = meridian::bench::ticks();
    for (const Command& command : commands) {
      ++sequence;
      market.apply(command, sequence, sequence, ring);
    }
    return meridian::bench::ticks() - begin;
  };
  double best = 1e30;
  double worst = 0;
  for (std::uint64_t repetition = 0; repetition < options->repetitions; ++repetition) {
    const Run run = replay(workload, whole);
    if (!agrees(run, workload)) {
      return 1;
    }
    const double cost = machine.nanoseconds(run.ticks) / static_cast<double>(options->operations);
    best = std::min(best, cost);
    worst = std::max(worst, cost);
  }

  Histogram latencies;
  const auto each = [&](Market& market, EventRing& ring, std::uint64_t sequence) {
    Histogram histogram;
    for (const Command& command : commands) {
      ++sequence;
      const std::uint64_t begin = meridian::bench::ticks();
      market.apply(command, sequence, sequence, ring);
      const std::uint64_t spent = meridian::bench::ticks() - begin;
      histogram.add(spent > machine.overhead() ? spent - machine.overhead() : 0);
    }
    if (latencies.count() == 0 || histogram.quantile(0.99) < latencies.quantile(0.99)) {
      latencies = histogram;
    }
    return std::uint64_t{0};
  };
  for (std::uint64_t repetition = 0; repetition < options->repetitions; ++repetition) {
    if (!agrees(replay(workload, each), workload)) {
      return 1;
    }
  }
  const Histogram floor = meridian::bench::hiccups(machine, 1.0);

  const auto shown = [&](const char* name, const Histogram& values) {
    std::printf("%s  p50 %.0f  p99 %.0f  p99.9 %.0f  maximum %.0f ns\n", name,
                machine.nanoseconds(values.quantile(0.5)),
                machine.nanoseconds(values.quantile(0.99)),
                machine.nanoseconds(values.quantile(0.999)), machine.nanoseconds(values.highest()));
  };
  std::printf(
      "cost      %.1f ns an operation (lowest of %llu; highest %.1f), %.1f M operations/s\n", best,
      static_cast<unsigned long long>(options->repetitions), worst, 1e3 / best);
  shown("service ", latencies);
  shown("hiccups ", floor);
  return 0;
}
