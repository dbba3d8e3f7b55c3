// What durability costs, and how fast a market comes back, through the real reactor on a real
// folder.
//   journal --folder PATH [--orders N] [--acks N] [--pairs N]
// Prints one JSON object. The folder is made and removed again.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "journal/journal.hpp"
#include "micro/machine.hpp"
#include "reactor/market_recovery.hpp"
#include "reactor/reactor.hpp"
#include "reactor/test_support.hpp"
#include "workloads/market_workload.hpp"
#include "workloads/workload_w.hpp"

#if defined(__clang__)
#define MERIDIAN_COMPILER "clang " __clang_version__ " " MERIDIAN_BUILD_FLAGS
#else
#define MERIDIAN_COMPILER "g++ " __VERSION__ " " MERIDIAN_BUILD_FLAGS
#endif

namespace {

using meridian::bench::Machine;
using meridian::bench::MarketWorkload;
using meridian::journal::Appended;
using meridian::journal::PosixFileSystem;
using meridian::journal::Record;
using meridian::reactor::Client;
using meridian::reactor::HostedMarket;
using meridian::reactor::MarketOptions;
using meridian::reactor::MarketRecovery;
using meridian::reactor::OwnEngine;
using meridian::reactor::Reactor;
using meridian::reactor::ReactorRegion;
using meridian::wire::Command;

constexpr unsigned time_limit_seconds = 300;
constexpr std::uint64_t resting = 50'000;
constexpr std::uint64_t block = 16;

struct Options {
  std::string folder;
  std::uint64_t orders = 2'000'000;
  std::uint64_t acks = 2'000;
  std::uint64_t pairs = 30;
};

std::optional<Options> parse(int count, char** arguments) {
  Options options;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = std::strtoull(arguments[at + 1], nullptr, 10);
    if (word == "--folder") {
      options.folder = arguments[at + 1];
    } else if (word == "--orders") {
      options.orders = value;
    } else if (word == "--acks") {
      options.acks = value;
    } else if (word == "--pairs") {
      options.pairs = value;
    } else {
      return std::nullopt;
    }
  }
  if (options.folder.empty() || options.orders == 0 || options.acks == 0 || options.pairs == 0) {
    return std::nullopt;
  }
  return options;
}

bool fail(const std::string& reason) {
  std::fprintf(stderr, "%s\n", reason.c_str());
  return false;
}

// A market with a log of its own on the reactor's threads.
class Hosted {
 public:
  explicit Hosted(const std::string& folder) {
    MarketOptions options;
    options.directory = folder;
    options.epoch = 1;
    market_ = HostedMarket::open(
        files_, options, reactor_.thread(), [](void*) noexcept {}, nullptr, reason_);
    if (market_ != nullptr) {
      reactor_.add(*market_);
    }
  }
  Hosted(const Hosted&) = delete;
  Hosted& operator=(const Hosted&) = delete;
  ~Hosted() {
    if (market_ != nullptr) {
      market_->discard_events();
      reactor_.wake();
      reactor_.remove(*market_);
    }
  }
  [[nodiscard]] bool is_open() const { return market_ != nullptr; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] Client client() { return {reactor_, *market_}; }

 private:
  PosixFileSystem files_;
  ReactorRegion region_{};
  Reactor reactor_{{}, region_};
  std::string reason_;
  std::unique_ptr<HostedMarket> market_;
};

bool waits_until_durable(Client& client, double sequence) {
  while (client.region().journal.durable.load() < sequence) {
    if (client.region().journal.failed.load() != 0) {
      return fail("the log failed");
    }
    std::this_thread::yield();
  }
  return true;
}

void offer(Client& client, const Command& command) {
  while (!client.send(command)) {
    client.drain();
  }
}

struct Acks {
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
};

// One order at a time, from its send to its sequence being durable; the sender spins.
bool measure_acks(const Options& options, const Machine& machine, Acks& acks) {
  Hosted hosted(options.folder + "/acks");
  if (!hosted.is_open()) {
    return fail(hosted.reason());
  }
  Client client = hosted.client();
  offer(client, meridian::reactor::configure_command(1'000'000));
  if (!waits_until_durable(client, 1)) {
    return false;
  }
  std::vector<double> waits;
  for (std::uint64_t number = 0; number < options.acks; ++number) {
    const std::uint64_t begin = meridian::bench::ticks();
    offer(client, meridian::reactor::place_command(meridian::wire::Side::buy, 500, 1));
    while (client.region().journal.durable.load() < static_cast<double>(number + 2)) {
    }
    waits.push_back(machine.nanoseconds(meridian::bench::ticks() - begin) / 1'000);
    client.drain();
  }
  std::ranges::sort(waits);
  const auto quantile = [&waits](double share) {
    return waits[static_cast<std::size_t>(static_cast<double>(waits.size() - 1) * share)];
  };
  acks = {quantile(0.5), quantile(0.99), quantile(0.999)};
  return true;
}

struct Flow {
  double records_per_second = 0;
  double replayed_per_second = 0;
  double checked_per_second = 0;
};

// As many orders as go through, until the last is durable; then the market starts again from its
// log.
bool measure_flow(const Options& options, const MarketWorkload& workload, const Machine& machine,
                  Flow& flow) {
  const std::string folder = options.folder + "/flow";
  const std::uint64_t count = workload.preload.size() + workload.timed.size();
  {
    Hosted hosted(folder);
    if (!hosted.is_open()) {
      return fail(hosted.reason());
    }
    Client client = hosted.client();
    const std::uint64_t begin = meridian::bench::ticks();
    for (const std::vector<Command>* part : {&workload.preload, &workload.timed}) {
      for (const Command& command : *part) {
        offer(client, command);
      }
    }
    while (client.region().matched.load() < static_cast<double>(count)) {
      client.drain();
    }
    client.drain();
    if (!waits_until_durable(client, static_cast<double>(count))) {
      return false;
    }
    const double seconds = machine.nanoseconds(meridian::bench::ticks() - begin) / 1e9;
    flow.records_per_second = static_cast<double>(count) / seconds;
  }
  PosixFileSystem files;
  std::string reason;
  const OwnEngine engine;
  MarketRecovery found;
  const auto log = meridian::reactor::recover_market(files, folder, engine.market(), found, reason);
  if (log == nullptr || engine.market().digest() != workload.digest) {
    return fail(log == nullptr ? reason : "the replay gave another digest");
  }
  flow.replayed_per_second =
      static_cast<double>(found.replayed) * 1e9 / static_cast<double>(found.replay_ns);
  // Reading and checking alone: what a snapshot leaves to do for the records below it.
  std::vector<meridian::journal::Segment> segments;
  meridian::journal::Recovery recovery;
  const std::uint64_t begin = meridian::bench::ticks();
  if (!meridian::journal::scan_log(
          files, folder, [](std::span<const Record>) {}, segments, recovery, reason)) {
    return fail(reason);
  }
  flow.checked_per_second = static_cast<double>(recovery.last_sequence) * 1e9 /
                            machine.nanoseconds(meridian::bench::ticks() - begin);
  return true;
}

// Takes records out of a ring and forgets them, woken and parked as the journal thread is.
class Dropper {
 public:
  Dropper(meridian::rings::RingCursors& cursors, Record* slots, std::uint32_t capacity)
      : records_(cursors, slots, capacity), thread_([this] { run(); }) {}
  Dropper(const Dropper&) = delete;
  Dropper& operator=(const Dropper&) = delete;
  ~Dropper() {
    is_stopping_.store(true);
    parking().wake();
    thread_.join();
  }
  [[nodiscard]] meridian::rings::Parking parking() noexcept {
    return meridian::rings::Parking(parked_);
  }

 private:
  void run() {
    while (!is_stopping_.load()) {
      const std::uint32_t waiting = records_.available();
      if (waiting > 0) {
        records_.advance(waiting);
        records_.release_ordered();
        continue;
      }
      parking().park(meridian::rings::Parked::idle,
                     [this] { return is_stopping_.load() || records_.available_ordered() > 0; });
    }
  }

  meridian::rings::RingReader<Record> records_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint32_t> parked_{0};
  std::thread thread_;
};

struct SyncCosts {
  double without_ns = 0;
  // What a record adds to a command, and what its becoming durable adds to that.
  std::vector<double> record;
  std::vector<double> sync;
};

// The match thread's part of durability: the same commands without records, with records that are
// dropped, and with records that the journal thread makes durable meanwhile. Processor time of this
// thread, in turns.
class SyncCost {
 public:
  SyncCost(const Options& options, const MarketWorkload& workload)
      : folder_(options.folder + "/sync"), pairs_(options.pairs), commands_(workload.timed) {
    for (Side* side : {&without_, &dropped_, &durable_}) {
      for (const Command& command : workload.preload) {
        apply(*side, command);
      }
    }
  }

  bool measure(SyncCosts& costs) {
    std::string reason;
    meridian::journal::Recovery recovery;
    const auto log = meridian::journal::Log::open(
        files_, folder_, [](std::span<const Record>) {}, recovery, reason);
    if (log == nullptr) {
      return fail(reason);
    }
    meridian::journal::Channel channel(
        meridian::rings::RingReader<Record>(durable_.cursors, durable_.slots.data(), ring_records),
        *log, status_,
        meridian::rings::Doorbell(
            armed_, [](void*) noexcept {}, nullptr),
        meridian::rings::Parking(parked_));
    journal_.add(channel);
    std::vector<double> plain;
    const std::size_t piece = commands_.size() / pairs_;
    for (std::uint64_t pair = 0; pair < pairs_; ++pair) {
      const std::span<const Command> part(commands_.data() + pair * piece, piece);
      std::array<double, 3> spent{};
      // Which goes first takes turns: the others find the commands in the cache.
      for (std::uint64_t turn = 0; turn < spent.size(); ++turn) {
        const std::uint64_t which = (pair + turn) % spent.size();
        spent[which] = which == 0   ? run(without_, part, nullptr)
                       : which == 1 ? run(dropped_, part, &dropper_parking_)
                                    : run(durable_, part, &journal_parking_);
      }
      plain.push_back(spent[0]);
      costs.record.push_back(spent[1] - spent[0]);
      costs.sync.push_back(spent[2] - spent[1]);
    }
    std::ranges::sort(plain);
    std::ranges::sort(costs.record);
    std::ranges::sort(costs.sync);
    costs.without_ns = plain[plain.size() / 2];
    journal_.remove(channel);
    return status_.failed.load() == 0 || fail("the log failed");
  }

 private:
  static constexpr std::uint32_t ring_records = 1U << 15U;
  static constexpr std::size_t batch = 64;
  // Commands between two waits for the reader of the ring: they fit into it.
  static constexpr std::size_t stretch = ring_records / 2;

  struct Side {
    OwnEngine engine;
    std::uint64_t sequence = 0;
    std::uint64_t recorded = 0;
    meridian::rings::RingCursors cursors{};
    std::vector<Record> slots = std::vector<Record>(ring_records);
    meridian::rings::RingWriter<Record> writer{cursors, slots.data(), ring_records};
  };
  struct Sink {
    meridian::wire::Event event{};
    meridian::wire::Event& next() noexcept { return event; }
    void finish() noexcept {}
  };

  void apply(Side& side, const Command& command) {
    ++side.sequence;
    side.engine.market().apply(command, side.sequence, side.sequence, sink_);
  }

  // Nanoseconds a command; with records when there is somebody to wake for them.
  double run(Side& side, std::span<const Command> part, meridian::rings::Parking* reader) {
    std::uint64_t spent = 0;
    for (std::size_t done = 0; done < part.size();) {
      const std::size_t end = std::min(done + stretch, part.size());
      const std::uint64_t began = meridian::bench::processor_time_ns();
      while (done < end) {
        const auto commands = part.subspan(done, std::min(batch, end - done));
        for (const Command& command : commands) {
          apply(side, command);
          if (reader != nullptr) {
            Record& record = *side.writer.next();
            ++side.recorded;
            record.fill(1, side.recorded, side.recorded, command);
            side.writer.publish();
          }
        }
        if (reader != nullptr) {
          side.writer.publish_ordered();
          reader->wake();
        }
        done += commands.size();
      }
      spent += meridian::bench::processor_time_ns() - began;
      while (reader != nullptr && !side.writer.has_room(ring_records)) {
        std::this_thread::yield();
      }
    }
    return static_cast<double>(spent) / static_cast<double>(part.size());
  }

  std::string folder_;
  std::uint64_t pairs_;
  const std::vector<Command>& commands_;
  PosixFileSystem files_;
  Sink sink_;
  Side without_;
  Side dropped_;
  Side durable_;
  meridian::journal::JournalStatus status_{};
  std::atomic<std::uint32_t> armed_{0};
  std::atomic<std::uint32_t> parked_{0};
  meridian::journal::Journal journal_;
  Dropper dropper_{dropped_.cursors, dropped_.slots.data(), ring_records};
  meridian::rings::Parking journal_parking_ = journal_.parking();
  meridian::rings::Parking dropper_parking_ = dropper_.parking();
};

double quartile(const std::vector<double>& sorted, std::size_t which) {
  return sorted[(sorted.size() - 1) * which / 4];
}

const char* name_of(meridian::journal::CommitMethod method) {
  switch (method) {
    case meridian::journal::CommitMethod::direct:
      return "O_DIRECT and RWF_DSYNC";
    case meridian::journal::CommitMethod::dsync:
      return "RWF_DSYNC";
    case meridian::journal::CommitMethod::datasync:
      return "fdatasync";
  }
  return "";
}

bool measure(const Options& options) {
  const Machine machine;
  const MarketWorkload workload = meridian::bench::record_workload(resting, block, options.orders);
  Acks acks;
  Flow flow;
  SyncCosts costs;
  const auto method = PosixFileSystem::commit_method(options.folder + "/probe");
  const bool is_done = measure_acks(options, machine, acks) &&
                       measure_flow(options, workload, machine, flow) &&
                       SyncCost(options, workload).measure(costs);
  if (!is_done) {
    return false;
  }
  std::printf(
      "{\"compiler\":\"%s\",\"commit\":\"%s\",\"orders\":%llu,\"acks\":%llu,\"pairs\":%llu,"
      "\"ackP50Us\":%.1f,\"ackP99Us\":%.1f,\"ackP999Us\":%.1f,\"recordsPerSecond\":%.0f,"
      "\"replayedPerSecond\":%.0f,\"checkedPerSecond\":%.0f,\"withoutNs\":%.2f,",
      MERIDIAN_COMPILER, name_of(method), static_cast<unsigned long long>(options.orders),
      static_cast<unsigned long long>(options.acks), static_cast<unsigned long long>(options.pairs),
      acks.p50_us, acks.p99_us, acks.p999_us, flow.records_per_second, flow.replayed_per_second,
      flow.checked_per_second, costs.without_ns);
  std::printf("\"recordNs\":[%.2f,%.2f,%.2f],\"syncNs\":[%.2f,%.2f,%.2f]}\n",
              quartile(costs.record, 1), quartile(costs.record, 2), quartile(costs.record, 3),
              quartile(costs.sync, 1), quartile(costs.sync, 2), quartile(costs.sync, 3));
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Options> options = parse(count, arguments);
  if (!options) {
    std::fputs("usage: journal --folder PATH [--orders N] [--acks N] [--pairs N]\n", stderr);
    return 2;
  }
  // Ends the process by SIGALRM: a measurement that hangs must not hold a machine.
  alarm(time_limit_seconds);
  std::filesystem::create_directories(options->folder);
  const bool is_done = measure(*options);
  std::filesystem::remove_all(options->folder);
  return is_done ? 0 : 1;
}
