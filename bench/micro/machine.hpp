// The means to measure: clocks, a histogram, a place to run.
#pragma once
#include <sched.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
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

  // Calls visitor(upper end of the bucket, count) for every bucket that is not empty, rising.
  template <class Visitor>
  void visit(Visitor&& visitor) const {
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      if (counts_[bucket] != 0) {
        visitor(std::min(highest_in(bucket), highest_), counts_[bucket]);
      }
    }
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

  [[nodiscard]] double nanoseconds_per_tick() const { return nanoseconds_per_tick_; }
  // The smallest step between two different readings.
  [[nodiscard]] std::uint64_t granularity() const { return granularity_; }

 private:
  double nanoseconds_per_tick_ = 1;
  std::uint64_t overhead_ = 0;
  std::uint64_t granularity_ = 0;
};

// The highest processor this process may use: the kernel prefers low ones for its own work.
inline int last_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return 0;
  }
  int last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(static_cast<std::size_t>(last), &set)) {
    --last;
  }
  return last;
}

// Pins the thread; false when the processor is not there.
inline bool pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

// What this thread has spent on a processor, in nanoseconds: unlike the time that passed, it leaves
// out what other threads of this machine took. What the hypervisor took is in both.
inline std::uint64_t processor_time_ns() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(spent.tv_nsec);
}

}  // namespace meridian::bench
