#include "reactor/market_monitor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "reactor/tick_clock.hpp"
#include "wire/command.hpp"

namespace meridian::reactor {
namespace {

using Text = std::array<char, 2048>;

bool read_text(const std::string& path, Text& text) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return false;
  }
  const ssize_t got = read(file, text.data(), text.size() - 1);
  close(file);
  text[got > 0 ? static_cast<std::size_t>(got) : 0] = '\0';
  return got > 0;
}

// The field at `place`, counted from 0, of words between blanks.
std::uint64_t field(const char* text, int place) {
  for (; place > 0 && *text != '\0'; --place) {
    text += std::strspn(text, " ");
    text += std::strcspn(text, " \n");
  }
  return std::strtoull(text, nullptr, 10);
}

std::uint64_t count_of(const MarketMetrics& metrics, wire::CommandKind kind) {
  return metrics.commands[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
}

}  // namespace

KernelCounts read_kernel_counts(pid_t thread) {
  const std::string task = "/proc/self/task/" + std::to_string(thread);
  KernelCounts counts;
  Text text{};
  if (read_text(task + "/stat", text)) {
    // proc(5): after the name come state, …; minflt is the 8th from there, majflt the 10th.
    if (const char* after = std::strrchr(text.data(), ')'); after != nullptr) {
      counts.page_faults = field(after + 1, 7) + field(after + 1, 9);
    }
  }
  if (read_text(task + "/status", text)) {
    constexpr char name[] = "nonvoluntary_ctxt_switches:";
    if (const char* found = std::strstr(text.data(), name); found != nullptr) {
      counts.involuntary_switches = std::strtoull(found + sizeof(name) - 1, nullptr, 10);
    }
  }
  if (read_text(task + "/schedstat", text)) {
    counts.waited_ns = waited_ns_of(text.data());
  }
  if (read_text("/proc/stat", text)) {
    static const auto tick_ns = 1'000'000'000U / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    counts.stolen_ns = stolen_ns_of(text.data(), tick_ns);
  }
  return counts;
}

std::uint64_t stolen_ns_of(const char* stat, std::uint64_t tick_ns) noexcept {
  // cpu user nice system idle iowait irq softirq steal
  return field(stat, 8) * tick_ns;
}

std::uint64_t waited_ns_of(const char* schedstat) noexcept {
  // On a processor, waiting for one, time slices.
  return field(schedstat, 1);
}

MarketMonitor::MarketMonitor(HostedMarket& market, const KernelCounts& kernel)
    : market_(&market),
      kernel_(kernel),
      last_ns_(monotonic_ns()),
      cancels_(count_of(market.metrics(), wire::CommandKind::cancel)),
      stalls_(market.region().event_ring_stalls.load(std::memory_order_relaxed)) {
  window_.next(market.region().service_time);
}

std::optional<MarketAlert> MarketMonitor::look(std::uint64_t now_ns, const KernelCounts& kernel) {
  const HistogramWindow::Summary window = window_.next(market_->region().service_time);
  const LatencyDetector::Change change = detector_.observe(window);
  const Evidence evidence = gather(now_ns, window.count, kernel);
  // An alert takes two slow windows, and a stalled market has none at all for a while: what
  // happened a moment ago counts as well, before a processor that was shared anyway.
  const Cause now = cause_of(evidence);
  ++windows_since_cause_;
  if (now != Cause::unknown && now != Cause::steal) {
    recent_cause_ = now;
    windows_since_cause_ = 0;
  }
  const Cause cause = windows_since_cause_ <= windows_of_cause ? recent_cause_ : now;
  if (change == LatencyDetector::Change::none) {
    return std::nullopt;
  }
  const MarketAlert alert{market_, change, window.p50, detector_.usual_ns(), cause, evidence};
  market_->show_alert(detector_.is_raised(), alert.p50_ns, alert.usual_ns,
                      static_cast<std::uint32_t>(alert.cause));
  return alert;
}

Evidence MarketMonitor::gather(std::uint64_t now_ns, std::uint64_t commands,
                               const KernelCounts& kernel) {
  const std::uint64_t cancels = count_of(market_->metrics(), wire::CommandKind::cancel);
  const MarketRegion& region = market_->region();
  const double stalls = region.event_ring_stalls.load(std::memory_order_relaxed);
  const double lag = region.matched.load(std::memory_order_relaxed) -
                     region.journal.durable.load(std::memory_order_relaxed);
  Evidence evidence;
  evidence.window_ns = now_ns - last_ns_;
  evidence.commands = commands;
  evidence.usual_commands = static_cast<std::uint64_t>(usual_commands_);
  evidence.cancels = cancels - cancels_;
  evidence.page_faults = kernel.page_faults - kernel_.page_faults;
  evidence.involuntary_switches = kernel.involuntary_switches - kernel_.involuntary_switches;
  evidence.stolen_ns = kernel.stolen_ns - kernel_.stolen_ns;
  evidence.waited_ns = kernel.waited_ns - kernel_.waited_ns;
  evidence.event_stalls = static_cast<std::uint64_t>(stalls - stalls_);
  evidence.not_durable = lag > 0 ? static_cast<std::uint64_t>(lag) : 0;
  evidence.record_slots = market_->options().record_slots;
  if (!detector_.is_raised()) {
    usual_commands_ += (static_cast<double>(commands) - usual_commands_) / 16;
  }
  kernel_ = kernel;
  cancels_ = cancels;
  stalls_ = stalls;
  last_ns_ = now_ns;
  return evidence;
}

}  // namespace meridian::reactor
