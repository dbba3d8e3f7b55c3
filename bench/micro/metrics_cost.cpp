// What measuring itself costs the reactor: orders of workload W one at a time from a client in a
// process of its own, in bursts with the market's metrics on and off in turn, in the same market.
//   metrics_cost --host PROGRAM [--operations N] [--pairs N] [--burst-ms N] [--client N]
//     [--reactor N] [--fifo 0|1]
// Prints one JSON object, times in nanoseconds. An alarm ends the process in any case.
#include <time.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "micro/machine.hpp"
#include "micro/order_to_trade/fifo_scope.hpp"
#include "micro/order_to_trade/flow.hpp"
#include "micro/order_to_trade/host.hpp"
#include "workloads/market_workload.hpp"

namespace {

using namespace meridian;
using bench::Answers;
using bench::Histogram;
using bench::ticks;

constexpr unsigned time_limit_seconds = 280;
// Orders that wake a reactor and fill its caches before something is measured.
constexpr std::size_t warm_up_orders = 500;

struct Options {
  std::string host;
  std::uint64_t operations = 4'000'000;
  std::uint64_t pairs = 30;
  std::uint64_t burst_ms = 50;
  int client = 0;
  int reactor = bench::last_processor();
  bool wants_fifo = true;
};

std::optional<Options> parse(int count, char** arguments) {
  Options options;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = std::strtoull(arguments[at + 1], nullptr, 10);
    if (word == "--host") {
      options.host = arguments[at + 1];
    } else if (word == "--operations" && value >= 1'000) {
      options.operations = value;
    } else if (word == "--pairs" && value > 0) {
      options.pairs = value;
    } else if (word == "--burst-ms" && value > 0 && value <= 500) {
      options.burst_ms = value;
    } else if (word == "--client") {
      options.client = static_cast<int>(value);
    } else if (word == "--reactor") {
      options.reactor = static_cast<int>(value);
    } else if (word == "--fifo") {
      options.wants_fifo = value != 0;
    } else {
      return std::nullopt;
    }
  }
  return count % 2 == 1 && !options.host.empty() ? std::optional(options) : std::nullopt;
}

void require(bool holds, const std::string& what) {
  if (!holds) {
    std::fprintf(stderr, "metrics_cost: %s\n", what.c_str());
    std::exit(1);
  }
}

struct Pair {
  Histogram on;
  Histogram off;
};

// Passes over the workload, as many as the bursts need.
class Comparison {
 public:
  Comparison(const Options& options, const bench::Machine& machine,
             const bench::MarketWorkload& workload)
      : options_(options), machine_(machine), workload_(workload) {}

  void run() {
    for (std::uint64_t at = 0; at < options_.pairs; ++at) {
      // Which one is first changes: what a burst leaves in the caches favours neither.
      Pair& pair = pairs_.emplace_back();
      for (const bool is_on : {at % 2 == 0, at % 2 != 0}) {
        burst(is_on, is_on ? pair.on : pair.off);
      }
    }
    finish();
  }

  void print() const {
    std::printf("{\"fifo\":%s,\"orders\":%" PRIu64 ",\"passes\":%" PRIu64 ",\"pairs\":[",
                has_fifo_ ? "true" : "false", orders_, passes_);
    for (std::size_t at = 0; at < pairs_.size(); ++at) {
      std::printf("%s{", at == 0 ? "" : ",");
      print_histogram("on", pairs_[at].on);
      std::printf(",");
      print_histogram("off", pairs_[at].off);
      std::printf("}");
    }
    std::printf("]}\n");
  }

 private:
  void print_histogram(const char* name, const Histogram& histogram) const {
    std::printf("\"%s\":[", name);
    const char* between = "";
    histogram.visit([&](std::uint64_t upper, std::uint64_t count) {
      std::printf("%s[%.1f,%" PRIu64 "]", between, machine_.nanoseconds(upper), count);
      between = ",";
    });
    std::printf("]");
  }

  void start() {
    host_ =
        std::make_unique<bench::HostProcess>(options_.host, options_.reactor, options_.wants_fifo);
    std::string reason;
    require(host_->is_ready() && host_->connect(client_, reason),
            "the host does not serve: " + reason);
    answers_ = {};
    require(bench::send_all(client_, workload_.preload, answers_), "the host ended the connection");
    answers_ = {};
    done_ = 0;
    measures_ = true;
  }

  // Sends what is left, and compares what came back with the recording.
  void finish() {
    if (host_ == nullptr) {
      return;
    }
    require(bench::send_all(client_, std::span(workload_.timed).subspan(done_), answers_),
            "the host ended the connection");
    client_.close();
    std::uint64_t sequence = 0;
    std::uint64_t digest = 0;
    require(host_->end(sequence, digest) && digest == workload_.digest &&
                answers_.commands == workload_.timed.size() &&
                answers_.events == workload_.timed_events,
            "the host's book or its events are not those of the recording: nothing is measured");
    ++passes_;
    host_.reset();
  }

  std::size_t loop(bench::ClosedLoop& loop, std::size_t most, std::uint64_t end_ticks) {
    const auto left = std::span(workload_.timed).subspan(done_);
    const std::size_t sent = loop.run(client_, left.first(std::min(most, left.size())), end_ticks,
                                      machine_.overhead(), answers_);
    done_ += sent;
    return sent;
  }

  void burst(bool is_on, Histogram& into) {
    // A closed loop cannot be faster than this.
    if (host_ == nullptr ||
        workload_.timed.size() - done_ <
            std::min<std::size_t>(options_.burst_ms * 8'000, workload_.timed.size())) {
      finish();
      start();
    }
    require(measures_ == is_on || host_->toggle_measuring(measures_), "the host does not answer");
    host_->wait_durable();
    bench::ClosedLoop warm_up;
    loop(warm_up, warm_up_orders, ~std::uint64_t{0});
    const bench::FifoScope fifo(options_.wants_fifo);
    has_fifo_ = fifo.has_it() && host_->has_fifo();
    bench::ClosedLoop measured;
    const auto burst_ticks = static_cast<std::uint64_t>(static_cast<double>(options_.burst_ms) *
                                                        1e6 / machine_.nanoseconds_per_tick());
    orders_ += loop(measured, workload_.timed.size(), ticks() + burst_ticks);
    into = measured.all;
  }

  const Options& options_;
  const bench::Machine& machine_;
  const bench::MarketWorkload& workload_;
  std::unique_ptr<bench::HostProcess> host_;
  client::MarketClient client_;
  Answers answers_;
  std::size_t done_ = 0;
  bool measures_ = true;
  bool has_fifo_ = false;
  std::uint64_t orders_ = 0;
  std::uint64_t passes_ = 0;
  std::vector<Pair> pairs_;
};

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: metrics_cost --host PROGRAM [--operations N] [--pairs N] [--burst-ms N] "
        "[--client N] [--reactor N] [--fifo 0|1]\n",
        stderr);
    return 2;
  }
  alarm(time_limit_seconds);
  require(bench::pin_to(options->client), "the client's processor is not there");
  const bench::Machine machine;
  const bench::MarketWorkload workload = bench::record_workload(50'000, 16, options->operations);
  Comparison comparison(*options, machine, workload);
  comparison.run();
  comparison.print();
  return 0;
}
