// Orders of workload W from a client in a process of its own, through shared memory, to the reactor
// and back: the time from an order to its last event, every check made, every event sent.
//   order_to_trade --host PROGRAM [--operations N] [--bursts N] [--burst-ms N] [--open-ms N]
//     [--client N] [--reactor N] [--fifo 0|1]
// Prints one JSON object, times in nanoseconds. SCHED_FIFO is used only in parts that end by
// themselves within a second, each alone; an alarm ends the process in any case.
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "micro/machine.hpp"
#include "micro/order_to_trade/echo.hpp"
#include "micro/order_to_trade/fifo_scope.hpp"
#include "micro/order_to_trade/flow.hpp"
#include "micro/order_to_trade/host.hpp"
#include "workloads/market_workload.hpp"

namespace {

using namespace meridian;
using bench::Answers;
using bench::Histogram;
using bench::Machine;
using bench::ticks;
using client::MarketClient;

constexpr unsigned time_limit_seconds = 280;
// Orders that wake a reactor and fill its caches before something is measured.
constexpr std::size_t warm_up_orders = 500;
constexpr std::uint64_t rates[] = {250'000, 500'000, 1'000'000, 1'500'000, 2'000'000};

struct Options {
  std::string host;
  std::uint64_t operations = 4'000'000;
  std::uint64_t bursts = 30;
  std::uint64_t burst_ms = 200;
  std::uint64_t open_ms = 400;
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
    } else if (word == "--bursts" && value > 0) {
      options.bursts = value;
    } else if (word == "--burst-ms" && value > 0 && value <= 500) {
      options.burst_ms = value;
    } else if (word == "--open-ms" && value > 0 && value <= 500) {
      options.open_ms = value;
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

void rest(long milliseconds) {
  const timespec pause{0, milliseconds * 1'000'000};
  nanosleep(&pause, nullptr);
}

[[noreturn]] void fail(const std::string& reason) {
  std::fprintf(stderr, "order_to_trade: %s\n", reason.c_str());
  std::exit(1);
}

struct Burst {
  Histogram ping_pong;
  Histogram echo;
  Histogram engine;
  Histogram trades;
};

struct Open {
  Histogram latency;
  std::uint64_t orders = 0;
  std::uint64_t ring_full = 0;
  double rate = 0;
};

// One measurement: hosts are started, filled and ended as the workload lasts.
class Measurement {
 public:
  Measurement(const Options& options, const Machine& machine, const bench::MarketWorkload& workload)
      : options_(options),
        machine_(machine),
        workload_(workload),
        echo_(options.reactor, options.wants_fifo) {
    if (!echo_.is_ready()) {
      fail("no process for the empty rings");
    }
  }

  void run() {
    spin(hiccups_client_, options_.client);
    spin(hiccups_reactor_, options_.reactor);
    bench::pin_to(options_.client);
    for (std::uint64_t burst = 0; burst < options_.bursts; ++burst) {
      run_burst(burst % 2 == 0);
    }
    for (const std::uint64_t rate : rates) {
      run_open(static_cast<double>(rate));
    }
    finish_host();
    // A whole pass as fast as it goes.
    ensure_left(options_.operations);
    finish_host();
  }

  void print() const;

 private:
  [[nodiscard]] std::uint64_t ticks_in(std::uint64_t milliseconds) const {
    return static_cast<std::uint64_t>(static_cast<double>(milliseconds) * 1e6 /
                                      machine_.nanoseconds_per_tick());
  }

  void spin(Histogram& into, int processor) const {
    bench::pin_to(processor);
    const bench::FifoScope fifo(options_.wants_fifo);
    bench::idle_spin(ticks() + ticks_in(options_.burst_ms),
                     static_cast<std::uint64_t>(1'000 / machine_.nanoseconds_per_tick()), into);
  }

  // A host with at least so many operations of the workload before it.
  void ensure_left(std::uint64_t operations) {
    if (host_ != nullptr && workload_.timed.size() - done_ >= operations) {
      return;
    }
    finish_host();
    host_ =
        std::make_unique<bench::HostProcess>(options_.host, options_.reactor, options_.wants_fifo);
    std::string reason;
    if (!host_->is_ready() || !host_->connect(client_, reason)) {
      fail("the host does not serve: " + reason);
    }
    answers_ = {};
    if (!bench::send_all(client_, workload_.preload, answers_)) {
      fail("the host ended the connection while the book was filled");
    }
    answers_ = {};
    done_ = 0;
    reactor_has_fifo_ = host_->has_fifo();
    counts_before_ = host_->counts();
  }

  // Sends what is left, and compares what came back with the recording.
  void finish_host() {
    if (host_ == nullptr) {
      return;
    }
    const bool is_whole = done_ == 0;
    std::uint64_t sent = 0;
    double seconds = 0;
    while (done_ < workload_.timed.size()) {
      warm_up();
      // Less than the ring to the journal holds, so that the disk is not what is measured.
      const std::span<const wire::Command> chunk =
          std::span(workload_.timed)
              .subspan(done_)
              .first(std::min<std::size_t>(900'000, workload_.timed.size() - done_));
      const bench::FifoScope fifo(options_.wants_fifo);
      const std::uint64_t begin = ticks();
      if (!bench::send_all(client_, chunk, answers_)) {
        fail("the host ended the connection");
      }
      seconds += machine_.nanoseconds(ticks() - begin) / 1e9;
      sent += chunk.size();
      done_ += chunk.size();
    }
    if (is_whole) {
      throughput_ = static_cast<double>(sent) / seconds;
    }
    const bench::ThreadCounts after = host_->counts();
    counts_.minor_faults += after.minor_faults - counts_before_.minor_faults;
    counts_.major_faults += after.major_faults - counts_before_.major_faults;
    counts_.voluntary += after.voluntary - counts_before_.voluntary;
    counts_.involuntary += after.involuntary - counts_before_.involuntary;
    client_.close();
    std::uint64_t sequence = 0;
    std::uint64_t digest = 0;
    if (!host_->end(sequence, digest) || digest != workload_.digest ||
        sequence != workload_.preload.size() + workload_.timed.size() ||
        answers_.commands != workload_.timed.size() || answers_.events != workload_.timed_events ||
        answers_.trades != workload_.traded.trades()) {
      fail("the host's book or its events are not those of the recording: nothing is measured");
    }
    ++passes_;
    host_.reset();
  }

  void run_burst(bool engine_first) {
    // A closed loop cannot be faster than this.
    ensure_left(std::min(options_.burst_ms * 5'000, options_.operations));
    Burst& burst = bursts_.emplace_back();
    const auto engine = [&] {
      warm_up();
      const bench::FifoScope fifo(options_.wants_fifo);
      client_has_fifo_ = fifo.has_it();
      bench::ClosedLoop loop;
      done_ += loop.run(client_, std::span(workload_.timed).subspan(done_),
                        ticks() + ticks_in(options_.burst_ms), machine_.overhead(), answers_);
      burst.engine = loop.all;
      burst.trades = loop.trades;
    };
    const auto empty = [&] {
      echo_.set_spinning(true);
      {
        const bench::FifoScope fifo(options_.wants_fifo);
        echo_.ping_pong(2'000, burst.ping_pong);
        bench::echo_burst(echo_, workload_.timed.front(), ticks() + ticks_in(options_.burst_ms),
                          machine_.overhead(), burst.echo);
      }
      echo_.set_spinning(false);
    };
    if (engine_first) {
      engine();
      rest(50);
      empty();
    } else {
      empty();
      rest(50);
      engine();
    }
    rest(20);
  }

  // The reactor sleeps between bursts: some orders wake it, once the journal has nothing to do.
  void warm_up() {
    host_->wait_durable();
    bench::ClosedLoop loop;
    done_ += loop.run(client_,
                      std::span(workload_.timed)
                          .subspan(done_)
                          .first(std::min(warm_up_orders, workload_.timed.size() - done_)),
                      ~std::uint64_t{0}, machine_.overhead(), answers_);
  }

  void run_open(double rate) {
    const auto orders =
        static_cast<std::uint64_t>(rate * static_cast<double>(options_.open_ms) / 1'000);
    ensure_left(std::min<std::uint64_t>(orders + warm_up_orders, options_.operations));
    warm_up();
    Open& open = opens_.emplace_back();
    open.rate = rate;
    open.orders = std::min<std::uint64_t>(orders, workload_.timed.size() - done_);
    bench::OpenLoop loop;
    {
      const bench::FifoScope fifo(options_.wants_fifo);
      if (!loop.run(client_, std::span(workload_.timed).subspan(done_, open.orders),
                    1e9 / rate / machine_.nanoseconds_per_tick(), answers_)) {
        fail("the host ended the connection in an open loop");
      }
    }
    done_ += open.orders;
    open.latency = loop.all;
    open.ring_full = loop.ring_full;
    rest(200);
  }

  void print_histogram(const char* name, const Histogram& histogram) const;

  const Options& options_;
  const Machine& machine_;
  const bench::MarketWorkload& workload_;
  bench::Echo echo_;
  std::unique_ptr<bench::HostProcess> host_;
  MarketClient client_;
  Answers answers_;
  std::size_t done_ = 0;
  std::uint64_t passes_ = 0;
  bool client_has_fifo_ = false;
  bool reactor_has_fifo_ = false;
  bench::ThreadCounts counts_before_;
  bench::ThreadCounts counts_;
  double throughput_ = 0;
  Histogram hiccups_client_;
  Histogram hiccups_reactor_;
  std::vector<Burst> bursts_;
  std::vector<Open> opens_;
};

void Measurement::print_histogram(const char* name, const Histogram& histogram) const {
  std::printf("\"%s\":[", name);
  const char* between = "";
  histogram.visit([&](std::uint64_t upper, std::uint64_t count) {
    std::printf("%s[%.0f,%" PRIu64 "]", between, machine_.nanoseconds(upper), count);
    between = ",";
  });
  std::printf("]");
}

void Measurement::print() const {
  std::printf(
      "{\"clientFifo\":%s,\"reactorFifo\":%s,\"clientProcessor\":%d,"
      "\"reactorProcessor\":%d,\"operations\":%" PRIu64 ",\"passes\":%" PRIu64
      ",\"trades\":%" PRIu64 ",\"eventsPerOrder\":%.3f,\"throughput\":%.0f,",
      client_has_fifo_ ? "true" : "false", reactor_has_fifo_ ? "true" : "false", options_.client,
      options_.reactor, options_.operations, passes_, workload_.traded.trades(),
      static_cast<double>(workload_.timed_events) / static_cast<double>(options_.operations),
      throughput_);
  std::printf("\"matchThread\":{\"minorFaults\":%" PRIu64 ",\"majorFaults\":%" PRIu64
              ",\"voluntarySwitches\":%" PRIu64 ",\"involuntarySwitches\":%" PRIu64 "},",
              counts_.minor_faults, counts_.major_faults, counts_.voluntary, counts_.involuntary);
  print_histogram("hiccupsClient", hiccups_client_);
  std::printf(",");
  print_histogram("hiccupsReactor", hiccups_reactor_);
  std::printf(",\"bursts\":[");
  for (std::size_t at = 0; at < bursts_.size(); ++at) {
    std::printf("%s{", at == 0 ? "" : ",");
    print_histogram("pingPong", bursts_[at].ping_pong);
    std::printf(",");
    print_histogram("echo", bursts_[at].echo);
    std::printf(",");
    print_histogram("engine", bursts_[at].engine);
    std::printf(",");
    print_histogram("trades", bursts_[at].trades);
    std::printf("}");
  }
  std::printf("],\"open\":[");
  for (std::size_t at = 0; at < opens_.size(); ++at) {
    std::printf("%s{\"rate\":%.0f,\"orders\":%" PRIu64 ",\"ringFull\":%" PRIu64 ",",
                at == 0 ? "" : ",", opens_[at].rate, opens_[at].orders, opens_[at].ring_full);
    print_histogram("latency", opens_[at].latency);
    std::printf("}");
  }
  std::printf("]}\n");
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs(
        "usage: order_to_trade --host PROGRAM [--operations N] [--bursts N] [--burst-ms N] "
        "[--open-ms N] [--client N] [--reactor N] [--fifo 0|1]\n",
        stderr);
    return 2;
  }
  // Ends the process by SIGALRM, and the processes it started with it.
  alarm(time_limit_seconds);
  if (!bench::pin_to(options->client)) {
    fail("the client's processor is not there; give another by --client");
  }
  const Machine machine;
  const bench::MarketWorkload workload = bench::record_workload(50'000, 16, options->operations);
  Measurement measurement(*options, machine, workload);
  measurement.run();
  measurement.print();
  return 0;
}
