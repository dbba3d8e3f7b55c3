// Notices that a market has become slower, and says what speaks for which cause.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "reactor/latency_histogram.hpp"

namespace meridian::reactor {

// What was counted between two looks at a histogram that its writer goes on with.
class HistogramWindow {
 public:
  struct Summary {
    std::uint64_t count = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p99 = 0;
  };
  // Since the call before; the first one counts from zero.
  Summary next(const LatencyHistogram& histogram) noexcept;

 private:
  std::array<std::uint64_t, LatencyHistogram::bucket_count()> before_{};
};

// Looks at windows of about 100 ms. The median counts and not the tail: on a shared machine the
// tail is somebody else's, while a slower program moves the median.
class LatencyDetector {
 public:
  // Of commands a window needs to say anything.
  static constexpr std::uint64_t least_count = 50;
  // A median so far above the usual one, in so many windows one after another, is an alert.
  static constexpr std::uint64_t threshold_ns = 1'500;
  static constexpr std::uint32_t windows_to_raise = 2;
  // It ends when half of that is not exceeded for so many windows.
  static constexpr std::uint32_t windows_to_clear = 10;
  // The usual median is the median of so many quiet windows; fewer than `least_history` say
  // nothing.
  static constexpr std::size_t history = 31;
  static constexpr std::size_t least_history = 5;

  enum class Change : std::uint8_t { none, raised, cleared };

  Change observe(const HistogramWindow::Summary& window) noexcept;
  [[nodiscard]] bool is_raised() const noexcept { return is_raised_; }
  // The usual median; 0 while it is not known.
  [[nodiscard]] std::uint64_t usual_ns() const noexcept;

 private:
  void remember(std::uint64_t p50) noexcept;

  std::array<std::uint64_t, history> quiet_{};
  std::size_t remembered_ = 0;
  std::uint32_t slow_ = 0;   // windows above the threshold, one after another
  std::uint32_t quick_ = 0;  // windows that speak for the end of the alert
  bool is_raised_ = false;
};

// What else happened to the match thread and its market in a window.
struct Evidence {
  std::uint64_t window_ns = 0;
  std::uint64_t commands = 0;
  std::uint64_t usual_commands = 0;  // in a quiet window
  std::uint64_t cancels = 0;
  std::uint64_t page_faults = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t waited_ns = 0;  // able to run, and without a processor
  std::uint64_t stolen_ns = 0;  // by the hypervisor, of all processors
  std::uint64_t event_stalls = 0;
  std::uint64_t not_durable = 0;   // commands that were matched and are not on the disk
  std::uint64_t record_slots = 0;  // as many can be
};

enum class Cause : std::uint8_t {
  unknown = 0,
  page_faults = 1,
  steal = 2,         // others had the processor
  ring_full = 3,     // a reader of events is late
  cancel_burst = 4,  // the flow is another one
  disk = 5,          // the journal is behind
};

// The first that the evidence speaks for, those first that explain most of a median.
Cause cause_of(const Evidence& evidence) noexcept;
const char* name_of(Cause cause) noexcept;

}  // namespace meridian::reactor
