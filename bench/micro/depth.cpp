// What it costs the writer of a book that others read it, and how long they wait.
//   depth [--operations N] [--repetitions N] [--processor N] [--reader-processor N]
//         [--interval-us N] [--batch N]
// Replays of workload W (narrow) in pairs, in changing order: one that only matches, and one that
// also publishes, with the same readers busy beside it, none, one and two of them. A busy machine
// disturbs both: the writer's processor time is given for each pair, and besides the fastest of all
// replays chunk by chunk, which leaves snapshots out. Prints one JSON object, times in nanoseconds;
// run.ts prints it for people.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/depth.hpp"
#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"

#if defined(__clang__)
#define MERIDIAN_COMPILER "clang " __clang_version__ " " MERIDIAN_BUILD_FLAGS
#else
#define MERIDIAN_COMPILER "g++ " __VERSION__ " " MERIDIAN_BUILD_FLAGS
#endif

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
constexpr std::size_t most_readers = 2;

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
  std::uint64_t repetitions = 5;
  int processor = meridian::bench::last_processor();
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
    } else if (word == "--repetitions" && value > 0) {
      options.repetitions = value;
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
  // Written by the reader; the writer begins when every reader has read.
  std::atomic<bool> has_read{false};
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
      reading.has_read.store(true, std::memory_order_relaxed);
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
  double processor_ns = 0;            // an operation
  std::uint64_t digest = 0;
  std::uint64_t tops = 0;
  Histogram snapshots;  // what each cost the writer
};

struct Course {
  const Options& options;
  const Machine& machine;
  const MarketWorkload& workload;
  std::uint64_t digest;  // after the last whole chunk
};

// A fresh market, preloaded; then the timed commands, with a reader for each of `readings` beside
// them, where it puts what it met.
template <bool Publishes>
Run replay(const Course& course, std::span<Reading> readings) {
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
  for (const Reading& reading : readings) {
    while (!reading.has_read.load(std::memory_order_relaxed)) {
      std::this_thread::yield();
    }
  }
  Run run;
  const std::vector<Command>& commands = course.workload.timed;
  run.chunks.reserve(commands.size() / chunk);
  const std::uint64_t started = meridian::bench::processor_time_ns();
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
          run.snapshots.add(took);
          in_snapshots += took;
        }
      }
    }
    run.chunks.push_back(ticks() - begin - in_snapshots);
  }
  run.processor_ns = static_cast<double>(meridian::bench::processor_time_ns() - started) /
                     static_cast<double>(run.chunks.size() * chunk);
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

// One of both, and what its readers met.
struct Pair {
  Run plain;
  Run published;
  std::vector<Reading> readings;
};

void print(const Machine& machine, const char* name, const Histogram& values) {
  std::printf(",\"%s\":{\"count\":%llu,\"p50\":%.0f,\"p99\":%.0f}", name,
              static_cast<unsigned long long>(values.count()),
              machine.nanoseconds(values.quantile(0.5)),
              machine.nanoseconds(values.quantile(0.99)));
}

void print(const Machine& machine, const Pair& pair) {
  std::printf("{\"without\":%.2f,\"with\":%.2f,\"topsShare\":%.4f", pair.plain.processor_ns,
              pair.published.processor_ns,
              static_cast<double>(pair.published.tops) /
                  static_cast<double>(pair.published.chunks.size() * chunk));
  print(machine, "snapshots", pair.published.snapshots);
  std::printf(",\"readers\":[");
  const char* separator = "";
  for (const Reading& reading : pair.readings) {
    std::printf("%s{\"stoppedTops\":%llu", separator,
                static_cast<unsigned long long>(reading.stopped_tops));
    print(machine, "tops", reading.tops);
    print(machine, "reads", reading.snapshots);
    print(machine, "answers", reading.answers);
    std::printf("}");
    separator = ",";
  }
  std::printf("]}");
}

// Pairs of replays without and with publishing. False when one ended in another state.
bool compare(const Course& course, std::size_t reader_count) {
  Fastest without;
  Fastest with;
  std::vector<Pair> pairs(course.options.repetitions);
  for (std::uint64_t number = 0; number < pairs.size(); ++number) {
    Pair& pair = pairs[number];
    pair.readings = std::vector<Reading>(reader_count);
    std::vector<Reading> ignored(reader_count);
    for (std::uint64_t half = 0; half < 2; ++half) {
      if ((number + half) % 2 == 0) {
        pair.plain = replay<false>(course, ignored);
      } else {
        pair.published = replay<true>(course, pair.readings);
      }
    }
    if (pair.plain.digest != course.digest || pair.published.digest != course.digest) {
      return false;
    }
    without.add(pair.plain);
    with.add(pair.published);
  }
  std::printf("{\"readers\":%zu,\"fastestWithout\":%.2f,\"fastestWith\":%.2f,\"repetitions\":[",
              reader_count, without.cost_ns(course.machine), with.cost_ns(course.machine));
  const char* separator = "";
  for (const Pair& pair : pairs) {
    std::fputs(separator, stdout);
    print(course.machine, pair);
    separator = ",";
  }
  std::printf("]}");
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: depth [--operations N] [--repetitions N] [--processor N] [--reader-processor N] "
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
  const MarketWorkload workload = meridian::bench::record_workload(50'000, 16, options->operations);
  if (!(workload.traded == workload.reference) || workload.refusals != 0 || !workload.is_sound) {
    std::fputs("the engine does not trade as the reference book: nothing to measure\n", stderr);
    return 1;
  }
  Course course{*options, machine, workload, 0};
  course.digest = replay<false>(course, {}).digest;
  std::printf(
      "{\"operations\":%llu,\"batch\":%llu,\"intervalUs\":%llu,\"compiler\":\"%s\","
      "\"processor\":%d,\"readerProcessor\":%d,\"courses\":[",
      static_cast<unsigned long long>(options->operations / chunk * chunk),
      static_cast<unsigned long long>(options->batch),
      static_cast<unsigned long long>(options->interval_us), MERIDIAN_COMPILER, options->processor,
      options->reader_processor);
  for (std::size_t readers = 0; readers <= most_readers; ++readers) {
    if (readers > 0) {
      std::printf(",");
    }
    if (!compare(course, readers)) {
      std::fputs("a replay ended in another state: the result is void\n", stderr);
      return 1;
    }
  }
  std::puts("]}");
  return 0;
}
