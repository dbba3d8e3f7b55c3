#include "reactor/latency_detector.hpp"

#include <algorithm>

namespace meridian::reactor {

HistogramWindow::Summary HistogramWindow::next(const LatencyHistogram& histogram) noexcept {
  std::array<std::uint64_t, LatencyHistogram::bucket_count()> now{};
  std::uint64_t total = 0;
  for (std::size_t bucket = 0; bucket < now.size(); ++bucket) {
    now[bucket] = histogram.count_in(bucket);
    total += now[bucket] - before_[bucket];
  }
  const auto quantile = [&](std::uint64_t percent) {
    const std::uint64_t rank = (total * percent + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < now.size(); ++bucket) {
      seen += now[bucket] - before_[bucket];
      if (seen >= rank) {
        return LatencyHistogram::upper_end(bucket);
      }
    }
    return LatencyHistogram::upper_end(now.size() - 1);
  };
  const Summary summary = total == 0 ? Summary{} : Summary{total, quantile(50), quantile(99)};
  before_ = now;
  return summary;
}

std::uint64_t LatencyDetector::usual_ns() const noexcept {
  const std::size_t count = std::min(remembered_, history);
  if (count < least_history) {
    return 0;
  }
  std::array<std::uint64_t, history> sorted = quiet_;
  const auto middle = static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(sorted.begin(), sorted.begin() + middle,
                   sorted.begin() + static_cast<std::ptrdiff_t>(count));
  return sorted[count / 2];
}

void LatencyDetector::remember(std::uint64_t p50) noexcept {
  quiet_[remembered_ % history] = p50;
  ++remembered_;
}

LatencyDetector::Change LatencyDetector::observe(const HistogramWindow::Summary& window) noexcept {
  if (window.count < least_count) {
    return Change::none;
  }
  const std::uint64_t usual = usual_ns();
  if (usual == 0) {
    remember(window.p50);
    return Change::none;
  }
  if (!is_raised_) {
    if (window.p50 <= usual + threshold_ns) {
      slow_ = 0;
      remember(window.p50);
      return Change::none;
    }
    if (++slow_ < windows_to_raise) {
      return Change::none;
    }
    is_raised_ = true;
    quick_ = 0;
    return Change::raised;
  }
  quick_ = window.p50 <= usual + threshold_ns / 2 ? quick_ + 1 : 0;
  if (quick_ < windows_to_clear) {
    return Change::none;
  }
  is_raised_ = false;
  slow_ = 0;
  return Change::cleared;
}

Cause cause_of(const Evidence& evidence) noexcept {
  const std::uint64_t commands = std::max<std::uint64_t>(evidence.commands, 1);
  if (evidence.event_stalls > 0) {
    return Cause::ring_full;
  }
  if (evidence.page_faults * 20 >= commands) {
    return Cause::page_faults;
  }
  if (evidence.record_slots > 0 && evidence.not_durable * 4 >= evidence.record_slots * 3) {
    return Cause::disk;
  }
  if (evidence.cancels * 10 >= commands * 6 && commands >= 3 * evidence.usual_commands &&
      evidence.usual_commands > 0) {
    return Cause::cancel_burst;
  }
  const std::uint64_t missed_ns = std::max(evidence.stolen_ns, evidence.waited_ns);
  if (missed_ns * 20 >= evidence.window_ns && missed_ns > 0) {
    return Cause::steal;
  }
  // One in a millisecond: somebody shares the processor all the time.
  if (evidence.involuntary_switches * 1'000'000 >= evidence.window_ns &&
      evidence.involuntary_switches > 0) {
    return Cause::steal;
  }
  return Cause::unknown;
}

const char* name_of(Cause cause) noexcept {
  switch (cause) {
    case Cause::page_faults:
      return "page_faults";
    case Cause::steal:
      return "steal";
    case Cause::ring_full:
      return "ring_full";
    case Cause::cancel_burst:
      return "cancel_burst";
    case Cause::disk:
      return "disk";
    case Cause::unknown:
      break;
  }
  return "unknown";
}

}  // namespace meridian::reactor
