// What a measurement must say about the machine it ran on, and the means to take it.
#pragma once
#include <sched.h>
#include <sys/utsname.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

namespace meridian::bench {

// Ticks of the time-stamp counter, after all earlier instructions are done.
inline std::uint64_t ticks() {
  unsigned processor = 0;
  const std::uint64_t now = __rdtscp(&processor);
  _mm_lfence();
  return now;
}

// Latencies in ticks: exact below 1,024, then in steps of a sixteenth or less.
class Histogram {
 public:
  void add(std::uint64_t value) {
    ++counts_[bucket_of(value)];
    ++total_;
    highest_ = std::max(highest_, value);
  }
  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] std::uint64_t highest() const { return highest_; }

  // The value that `share` (0 … 1) of all values do not exceed; the upper end of its bucket.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(static_cast<double>(total_) * share);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen > wanted) {
        return std::min(highest_in(bucket), highest_);
      }
    }
    return highest_;
  }

 private:
  static constexpr std::uint64_t exact = 1024;
  static constexpr unsigned exact_bits = 10;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < exact) {
      return value;
    }
    const auto width = static_cast<unsigned>(std::bit_width(value));
    const std::uint64_t sixteenth = (value >> (width - 5)) & 15;
    return exact + (width - exact_bits - 1) * 16U + sixteenth;
  }
  static std::uint64_t highest_in(std::size_t bucket) {
    if (bucket < exact) {
      return bucket;
    }
    const std::uint64_t octave = (bucket - exact) / 16;
    const std::uint64_t sixteenth = (bucket - exact) % 16;
    return ((17 + sixteenth) << (octave + exact_bits - 4)) - 1;
  }

  std::array<std::uint64_t, exact + 54 * 16> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t highest_ = 0;
};

class Machine {
 public:
  // Takes about a tenth of a second.
  Machine() {
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t first = ticks();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::uint64_t last = ticks();
    const auto spent = std::chrono::steady_clock::now() - begin;
    nanoseconds_per_tick_ = static_cast<double>(std::chrono::nanoseconds(spent).count()) /
                            static_cast<double>(last - first);
    overhead_ = ~std::uint64_t{0};
    granularity_ = ~std::uint64_t{0};
    for (int round = 0; round < 10'000; ++round) {
      const std::uint64_t before = ticks();
      const std::uint64_t after = ticks();
      overhead_ = std::min(overhead_, after - before);
      std::uint64_t next = after;
      while (next == after) {
        next = __rdtsc();
      }
      granularity_ = std::min(granularity_, next - after);
    }
  }

  [[nodiscard]] double nanoseconds(std::uint64_t ticks) const {
    return static_cast<double>(ticks) * nanoseconds_per_tick_;
  }
  // Ticks that a pair of ticks() calls with nothing in between costs.
  [[nodiscard]] std::uint64_t overhead() const { return overhead_; }

  void print(int processor) const {
    utsname system{};
    uname(&system);
    std::printf("machine   %s, %u processors, %s %s, pinned to %d\n", processor_name().c_str(),
                std::thread::hardware_concurrency(), system.sysname, system.release, processor);
    std::printf("compiler  %s %s, %s\n",
#if defined(__clang__)
                "clang", __clang_version__,
#else
                "g++", __VERSION__,
#endif
                MERIDIAN_BUILD_FLAGS);
    std::printf("clock     %.3f ns a tick, steps of %.1f ns, %.1f ns to read twice (subtracted)\n",
                nanoseconds_per_tick_, nanoseconds(granularity_), nanoseconds(overhead_));
  }

 private:
  static std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("model name")) {
        return line.substr(line.find(':') + 2);
      }
    }
    return "unknown processor";
  }

  double nanoseconds_per_tick_ = 1;
  std::uint64_t overhead_ = 0;
  std::uint64_t granularity_ = 0;
};

// Pins the thread; false when the processor is not there.
inline bool pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

// What an idle loop sees: gaps between two readings of the clock. Tails of a measurement below this
// floor belong to the machine.
inline Histogram hiccups(const Machine& machine, double seconds) {
  Histogram gaps;
  const std::uint64_t begin = ticks();
  std::uint64_t before = begin;
  while (machine.nanoseconds(before - begin) < seconds * 1e9) {
    const std::uint64_t now = ticks();
    const std::uint64_t gap = now - before;
    gaps.add(gap > machine.overhead() ? gap - machine.overhead() : 0);
    before = now;
  }
  return gaps;
}

}  // namespace meridian::bench
