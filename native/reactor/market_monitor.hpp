// Looks at one market from outside its thread, again and again: has it become slower, and why.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "reactor/hosted_market.hpp"
#include "reactor/latency_detector.hpp"

namespace meridian::reactor {

struct MarketAlert {
  const HostedMarket* market;
  LatencyDetector::Change change;  // raised or cleared
  std::uint64_t p50_ns;            // of the last window
  std::uint64_t usual_ns;
  Cause cause;
  Evidence evidence;
};

// What the kernel has counted for a thread of this process and for the machine.
struct KernelCounts {
  std::uint64_t page_faults = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t waited_ns = 0;  // able to run, while others had the processor
  std::uint64_t stolen_ns = 0;  // of all processors, by the hypervisor
};
KernelCounts read_kernel_counts(pid_t thread);
using ReadKernel = std::function<KernelCounts(pid_t)>;

// What the texts of /proc/stat and /proc/…/schedstat say: proc(5), sched-stats.
std::uint64_t stolen_ns_of(const char* stat, std::uint64_t tick_ns) noexcept;
std::uint64_t waited_ns_of(const char* schedstat) noexcept;

class MarketMonitor {
 public:
  // The market outlives the monitor. `kernel`: what is counted by now for the thread that serves
  // it.
  MarketMonitor(HostedMarket& market, const KernelCounts& kernel);

  // One window ends now, with these counts. An alert that begins or ends, if one does; what stands
  // is in the market's metrics.
  std::optional<MarketAlert> look(std::uint64_t now_ns, const KernelCounts& kernel);

  [[nodiscard]] const HostedMarket& market() const noexcept { return *market_; }

 private:
  [[nodiscard]] Evidence gather(std::uint64_t now_ns, std::uint64_t commands,
                                const KernelCounts& kernel);

  HostedMarket* market_;
  HistogramWindow window_;
  LatencyDetector detector_;
  KernelCounts kernel_;
  std::uint64_t last_ns_ = 0;
  std::uint64_t cancels_ = 0;
  double stalls_ = 0;
  // How long a cause explains what comes after it.
  static constexpr std::uint32_t windows_of_cause = 10;
  Cause recent_cause_ = Cause::unknown;
  std::uint32_t windows_since_cause_ = windows_of_cause;
  // Commands in a usual window: each new one moves it by a sixteenth.
  double usual_commands_ = 0;
};

}  // namespace meridian::reactor
