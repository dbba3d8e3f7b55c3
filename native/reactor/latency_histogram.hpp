// Counts of durations in logarithmic buckets, in shared memory: one writer, read while it writes.
#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace meridian::reactor {

struct LatencySummary {
  std::uint64_t count;
  std::uint64_t p50;
  std::uint64_t p99;
  std::uint64_t p999;
  std::uint64_t maximum;
};

// 1 ns … 137 s, 32 buckets an octave: a reported value is at most 1/32 above the true one.
class LatencyHistogram {
 public:
  // The writer only. Relaxed and no read-modify-write: there is one writer, and a reader needs no
  // order between buckets, only values that were true a moment ago.
  void record(std::uint64_t ns) noexcept {
    bump(counts_[bucket_of(ns)]);
    if (ns > maximum_.load(std::memory_order_relaxed)) {
      maximum_.store(ns, std::memory_order_relaxed);
    }
  }

  // Any thread. Values in nanoseconds, the upper end of their bucket; all 0 when nothing was
  // counted.
  [[nodiscard]] LatencySummary summary() const noexcept {
    std::uint64_t total = 0;
    for (const Counter& count : counts_) {
      total += count.load(std::memory_order_relaxed);
    }
    const std::uint64_t maximum = maximum_.load(std::memory_order_relaxed);
    return {total, quantile(total, 500, maximum), quantile(total, 990, maximum),
            quantile(total, 999, maximum), maximum};
  }

  static constexpr std::size_t bucket_of(std::uint64_t ns) noexcept {
    const std::uint64_t value = ns < largest ? ns : largest;
    if (value < per_octave) {
      return static_cast<std::size_t>(value);
    }
    const auto shift = static_cast<unsigned>(std::bit_width(value) - 1) - octave_bits;
    return static_cast<std::size_t>((shift + 1) * per_octave + (value >> shift) - per_octave);
  }
  // The largest value that falls into a bucket.
  static constexpr std::uint64_t upper_end(std::size_t bucket) noexcept {
    if (bucket < per_octave) {
      return bucket;
    }
    const std::size_t shift = bucket / per_octave - 1;
    return ((per_octave + bucket % per_octave + 1) << shift) - 1;
  }

  // Counts by octave, for readers that need fewer buckets: octave k holds what is below 32 << k ns
  // and not in an earlier one. The sum takes each value for the upper end of its bucket.
  struct Octaves {
    std::array<std::uint64_t, 37 - 5 + 1> counts{};
    double sum_ns = 0;
  };
  // Any thread.
  [[nodiscard]] Octaves octaves() const noexcept {
    Octaves found;
    static_assert(found.counts.size() * per_octave == buckets);
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      const std::uint64_t count = count_in(bucket);
      found.counts[bucket / per_octave] += count;
      found.sum_ns += static_cast<double>(count) * static_cast<double>(upper_end(bucket));
    }
    return found;
  }

  static constexpr std::size_t bucket_count() noexcept { return buckets; }
  // Any thread.
  [[nodiscard]] std::uint64_t count_in(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  static constexpr unsigned octave_bits = 5;
  static constexpr std::uint64_t per_octave = 1U << octave_bits;
  static constexpr std::uint64_t largest = (std::uint64_t{1} << 37U) - 1;
  static constexpr std::size_t buckets = (37 - octave_bits + 1) * per_octave;

  static void bump(Counter& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint64_t quantile(std::uint64_t total, std::uint64_t permille,
                                       std::uint64_t maximum) const noexcept {
    const std::uint64_t rank = (total * permille + 999) / 1000;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets && total != 0; ++bucket) {
      seen += counts_[bucket].load(std::memory_order_relaxed);
      if (seen >= rank) {
        const std::uint64_t end = upper_end(bucket);
        return end < maximum ? end : maximum;
      }
    }
    return total == 0 ? 0 : maximum;
  }

  Counter maximum_{0};
  std::array<Counter, buckets> counts_{};
};

}  // namespace meridian::reactor
