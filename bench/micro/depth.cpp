// What it costs the writer of a book that others read it, and how long they wait.
//   depth [--operations N] [--pairs N] [--processor N] [--reader-processor N] [--interval-us N]
//         [--batch N]
// Replays of workload W (narrow) in pairs, in changing order: one that only matches, and one that
// also publishes, with the same readers busy beside it. Two figures, because a busy machine
// disturbs both: the fastest of all replays chunk by chunk, without the time of snapshots; and the
// processor time of the writer, all included, as the median of the differences within pairs.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/depth.hpp"
#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"

namespace {

using meridian::bench::Histogram;
using meridian::bench::Machine;
using meridian::bench::MarketWorkload;
using meridian::bench::ticks;
using meridian::engine::DepthPublisher;
using meridian::engine::DepthReader;
using meridian::engine::DepthRegion;
using meridian::engine::DepthRequests;
using meridian::engine::DepthSnapshot;
using meridian::engine::DepthTopView;
using meridian::engine::LazyMemory;
using meridian::engine::Market;
using meridian::wire::Command;
using meridian::wire::Event;

constexpr unsigned time_limit_seconds = 180;
constexpr std::uint64_t chunk = 2048;

class EventRing {
 public:
  Event& next() noexcept { return slots_[count_++ % slot_count]; }
  void finish() noexcept {}

 private:
  static constexpr std::size_t slot_count = std::size_t{2} * 1024 * 1024 / sizeof(Event);
  std::unique_ptr<Event[]> slots_ = std::make_unique<Event[]>(slot_count);
  std::uint64_t count_ = 0;
};

struct Options {
  std::uint64_t operations = 2'000'000;
  std::uint64_t pairs = 9;
  int processor = 1;
  int reader_processor = 0;
  std::uint64_t interval_us = 100;
  // Commands between two polls: those of a turn of the reactor under load.
  std::uint64_t batch = 64;
};

std::optional<Options> parse(int count, char** arguments) {
  Options options;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = std::strtoull(arguments[at + 1], nullptr, 10);
    if (word == "--operations" && value >= chunk) {
      options.operations = value;
    } else if (word == "--pairs" && value > 0) {
      options.pairs = value;
    } else if (word == "--processor") {
      options.processor = static_cast<int>(value);
    } else if (word == "--reader-processor") {
      options.reader_processor = static_cast<int>(value);
    } else if (word == "--interval-us") {
      options.interval_us = value;
    } else if (word == "--batch" && value > 0 && chunk % value == 0) {
      options.batch = value;
    } else {
      return std::nullopt;
    }
  }
  return count % 2 == 1 ? std::optional(options) : std::nullopt;
}

// What readers met during one replay.
struct Reading {
  Histogram tops;
  Histogram snapshots;  // of a state that was shown already
  Histogram answers;    // that had to be asked for
  std::uint64_t stopped_tops = 0;
};

// Reads the best bid and offer and then a fresh snapshot, over and over.
void read_all(const Options& options, const DepthRegion& region, DepthRequests& requests,
              std::uint32_t lane, bool is_alone, const std::atomic<bool>& is_done,
              Reading& reading) {
  meridian::bench::pin_to(options.reader_processor);
  DepthReader reader(region, &requests, lane);
  const auto snapshot = std::make_unique<DepthSnapshot>();
  DepthTopView top;
  while (!is_done.load(std::memory_order_relaxed)) {
    const std::uint64_t begin = ticks();
    const bool is_read = reader.top(top);
    const std::uint64_t middle = ticks();
    if (is_read) {
      reading.tops.add(middle - begin);
    } else {
      ++reading.stopped_tops;
    }
    const std::uint64_t floor = reader.begin();
    bool is_fresh = reader.read(floor, *snapshot);
    if (is_fresh) {
      reading.snapshots.add(ticks() - middle);
      continue;
    }
    while (!is_fresh && !is_done.load(std::memory_order_relaxed)) {
      if (is_alone) {
        _mm_pause();
      } else {
        std::this_thread::yield();
      }
      is_fresh = reader.read(floor, *snapshot);
    }
    if (is_fresh) {
      reading.answers.add(ticks() - middle);
    }
  }
}

struct Run {
  std::vector<std::uint64_t> chunks;  // ticks, without those of snapshots
  double processor_ns = 0;
  std::uint64_t digest = 0;
  std::uint64_t tops = 0;
};

struct Course {
  const Options& options;
  const Machine& machine;
  const MarketWorkload& workload;
  std::uint64_t digest;  // after the last whole chunk
};

// Of the calling thread.
double processor_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// A fresh market, preloaded; then the timed commands, with `readers` beside them. What snapshots
// cost where they happened goes to `snapshot_costs`, what readers met to `readings`.
template <bool Publishes>
Run replay(const Course& course, std::vector<Reading>& readings, Histogram& snapshot_costs) {
  const LazyMemory memory(Market::arena_bytes());
  Market market(memory.bytes());
  EventRing ring;
  const auto region = std::make_unique<DepthRegion>();
  std::array<DepthRequests, meridian::engine::depth_lanes> requests{};
  const double ticks_a_us = 1e3 / course.machine.nanoseconds(1);
  DepthPublisher publisher(*region,
                           {.interval = static_cast<std::uint64_t>(
                                ticks_a_us * static_cast<double>(course.options.interval_us))});
  for (std::uint32_t lane = 0; lane < requests.size(); ++lane) {
    publisher.attach(lane, requests[lane]);
  }
  std::uint64_t sequence = 0;
  for (const Command& command : course.workload.preload) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  }
  publisher.settle(market, sequence);
  const std::uint64_t version = region->top.version.load();
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  threads.reserve(readings.size());
  for (std::uint32_t lane = 0; lane < readings.size(); ++lane) {
    threads.emplace_back([&, lane] {
      read_all(course.options, *region, requests[lane], lane, readings.size() == 1, is_done,
               readings[lane]);
    });
  }
  if (!readings.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Run run;
  const std::vector<Command>& commands = course.workload.timed;
  run.chunks.reserve(commands.size() / chunk);
  const double started = processor_ns();
  for (std::uint64_t at = 0; at + chunk <= commands.size();) {
    std::uint64_t in_snapshots = 0;
    const std::uint64_t begin = ticks();
    for (const std::uint64_t end = at + chunk; at < end;) {
      for (const std::uint64_t turn_end = at + course.options.batch; at < turn_end; ++at) {
        ++sequence;
        market.apply(commands[at], sequence, sequence, ring);
      }
      if constexpr (Publishes) {
        const std::uint64_t made = publisher.snapshots();
        const std::uint64_t stamp = __rdtsc();
        publisher.poll(market, sequence, stamp);
        if (publisher.snapshots() != made) {
          const std::uint64_t took = ticks() - stamp;
          snapshot_costs.add(took);
          in_snapshots += took;
        }
      }
    }
    run.chunks.push_back(ticks() - begin - in_snapshots);
  }
  run.processor_ns = processor_ns() - started;
  is_done.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) {
    thread.join();
  }
  run.digest = market.digest();
  run.tops = (region->top.version.load() - version) / 2;
  return run;
}

// Of each chunk the fastest replay.
class Fastest {
 public:
  void add(const Run& run) {
    chunks_.resize(run.chunks.size(), ~std::uint64_t{0});
    std::ranges::transform(
        chunks_, run.chunks, chunks_.begin(),
        [](std::uint64_t one, std::uint64_t other) { return std::min(one, other); });
  }
  [[nodiscard]] double cost_ns(const Machine& machine) const {
    const std::uint64_t sum = std::accumulate(chunks_.begin(), chunks_.end(), std::uint64_t{0});
    return machine.nanoseconds(sum) / static_cast<double>(chunks_.size() * chunk);
  }

 private:
  std::vector<std::uint64_t> chunks_;
};

void show(const Machine& machine, const char* name, const Histogram& values) {
  if (values.count() == 0) {
    return;
  }
  std::printf("    %-18s p50 %.0f  p99 %.0f  maximum %.0f ns of %llu\n", name,
              machine.nanoseconds(values.quantile(0.5)), machine.nanoseconds(values.quantile(0.99)),
              machine.nanoseconds(values.highest()),
              static_cast<unsigned long long>(values.count()));
}

// Pairs of replays without and with publishing. False when one ended in another state.
bool compare(const Course& course, std::size_t reader_count) {
  Fastest without;
  Fastest with;
  std::vector<double> differences;
  std::vector<Reading> readings(reader_count);
  Histogram snapshot_costs;
  std::uint64_t operations = 0;
  std::uint64_t tops = 0;
  for (std::uint64_t pair = 0; pair < course.options.pairs; ++pair) {
    std::vector<Reading> ignored(reader_count);
    Run plain;
    Run published;
    for (std::uint64_t half = 0; half < 2; ++half) {
      if ((pair + half) % 2 == 0) {
        plain = replay<false>(course, ignored, snapshot_costs);
      } else {
        published = replay<true>(course, readings, snapshot_costs);
      }
    }
    if (plain.digest != course.digest || published.digest != course.digest) {
      std::fputs("a replay ended in another state: the result is void\n", stderr);
      return false;
    }
    without.add(plain);
    with.add(published);
    operations = plain.chunks.size() * chunk;
    tops = published.tops;
    differences.push_back((published.processor_ns - plain.processor_ns) /
                          static_cast<double>(operations));
  }
  std::ranges::sort(differences);
  const auto quartile = [&differences](std::size_t number) {
    return differences[(differences.size() - 1) * number / 4];
  };
  const double plain_cost = without.cost_ns(course.machine);
  const double published_cost = with.cost_ns(course.machine);
  std::printf("%zu reader%s\n", reader_count, reader_count == 1 ? "" : "s");
  std::printf("    writer, fastest    %.2f ns an operation without, %.2f with: %+.2f\n", plain_cost,
              published_cost, published_cost - plain_cost);
  std::printf(
      "    writer, all        %+.2f ns an operation of processor time, quartiles %+.2f and %+.2f\n",
      quartile(2), quartile(1), quartile(3));
  std::printf("    tops written       for %.1f %% of operations\n",
              100 * static_cast<double>(tops) / static_cast<double>(operations));
  show(course.machine, "snapshot, writer", snapshot_costs);
  for (const Reading& reading : readings) {
    show(course.machine, "top, reader", reading.tops);
    show(course.machine, "snapshot, reader", reading.snapshots);
    show(course.machine, "answer, reader", reading.answers);
    if (reading.stopped_tops > 0) {
      std::printf("    tops not read      %llu\n",
                  static_cast<unsigned long long>(reading.stopped_tops));
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: depth [--operations N] [--pairs N] [--processor N] [--reader-processor N] "
        "[--interval-us N] [--batch N]\n",
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
  const MarketWorkload workload = meridian::bench::record_workload(50'000, 16, options->operations);
  std::printf(
      "workload  W narrow: %llu operations, polled after each %llu; at most one snapshot in %llu "
      "µs; all readers share processor %d\n",
      static_cast<unsigned long long>(options->operations),
      static_cast<unsigned long long>(options->batch),
      static_cast<unsigned long long>(options->interval_us), options->reader_processor);
  Course course{*options, machine, workload, 0};
  std::vector<Reading> nobody;
  Histogram nothing;
  course.digest = replay<false>(course, nobody, nothing).digest;
  const bool is_good = compare(course, 0) && compare(course, 1) && compare(course, 2);
  return is_good ? 0 : 1;
}
