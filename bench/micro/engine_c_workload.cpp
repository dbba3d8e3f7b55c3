// What the C interface costs: workload W narrow through libmeridian_engine.so, in batches with
// every event polled, beside the same commands given to the engine directly; repetitions in turn.
//   engine_c_workload [--batch N] [--repetitions N] [--processor N]
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/engine_c.h"
#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "micro/machine.hpp"
#include "workloads/market_workload.hpp"

namespace {

using meridian::bench::Machine;
using meridian::bench::MarketWorkload;
using meridian::wire::Command;
using meridian::wire::Event;

constexpr unsigned time_limit_seconds = 180;
constexpr std::uint64_t operations = 2'000'000;
constexpr std::size_t ring_slots = 2 * 1024 * 1024 / sizeof(Event);

class EventRing {
 public:
  Event& next() noexcept { return slots_[count_++ % ring_slots]; }
  void finish() noexcept {}

 private:
  std::unique_ptr<Event[]> slots_ = std::make_unique<Event[]>(ring_slots);
  std::uint64_t count_ = 0;
};

struct Run {
  std::uint64_t ticks = 0;
  std::uint64_t digest = 0;
};

Run run_directly(const MarketWorkload& workload) {
  const meridian::engine::LazyMemory memory(meridian::engine::Market::arena_bytes());
  meridian::engine::Market market(memory.bytes());
  EventRing ring;
  std::uint64_t sequence = 0;
  for (const Command& command : workload.preload) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  }
  const std::uint64_t begin = meridian::bench::ticks();
  for (const Command& command : workload.timed) {
    ++sequence;
    market.apply(command, sequence, sequence, ring);
  }
  return {.ticks = meridian::bench::ticks() - begin, .digest = market.digest()};
}

class Interface {
 public:
  explicit Interface(std::size_t batch) : batch_(batch) {
    meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
    config.flags = MERIDIAN_ENGINE_COUNTED_TIME | MERIDIAN_ENGINE_PREFAULT;
    is_good_ = meridian_engine_create(&config, &engine_) == MERIDIAN_ENGINE_OK;
  }
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  ~Interface() { meridian_engine_destroy(engine_); }

  void run(const std::vector<meridian_engine_command>& commands) {
    std::size_t next = 0;
    std::size_t left = 1;
    while (is_good_ && (next < commands.size() || left > 0)) {
      std::size_t taken = 0;
      std::size_t count = 0;
      const meridian_engine_status status =
          meridian_engine_submit(engine_, commands.data() + next, nullptr,
                                 std::min(commands.size() - next, batch_), &taken);
      next += taken;
      is_good_ = (status == MERIDIAN_ENGINE_OK || status == MERIDIAN_ENGINE_EVENTS_FULL) &&
                 meridian_engine_poll(engine_, events_.data(), events_.size(), &count, &left) ==
                     MERIDIAN_ENGINE_OK;
    }
  }

  [[nodiscard]] std::uint64_t digest() const {
    std::uint64_t digest = 0;
    return is_good_ && meridian_engine_digest(engine_, &digest) == MERIDIAN_ENGINE_OK ? digest : 0;
  }

 private:
  std::size_t batch_;
  bool is_good_ = false;
  meridian_engine* engine_ = nullptr;
  std::vector<meridian_engine_event> events_ = std::vector<meridian_engine_event>(4096);
};

std::vector<meridian_engine_command> as_c(const std::vector<Command>& commands) {
  std::vector<meridian_engine_command> same(commands.size());
  for (std::size_t at = 0; at < commands.size(); ++at) {
    std::memcpy(&same[at], &commands[at], sizeof(same[at]));
  }
  return same;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t batch = 64;
  std::uint64_t repetitions = 5;
  int processor = 1;
  for (int at = 1; at < count; at += 2) {
    const std::string_view word = arguments[at];
    const std::uint64_t value = at + 1 < count ? std::strtoull(arguments[at + 1], nullptr, 10) : 0;
    if (word == "--batch" && value > 0) {
      batch = value;
    } else if (word == "--repetitions" && value > 0) {
      repetitions = value;
    } else if (word == "--processor" && at + 1 < count) {
      processor = static_cast<int>(value);
    } else {
      std::fputs("usage: engine_c_workload [--batch N] [--repetitions N] [--processor N]\n",
                 stderr);
      return 2;
    }
  }
  alarm(time_limit_seconds);
  if (!meridian::bench::pin_to(processor)) {
    std::fprintf(stderr, "processor %d is not there; give another by --processor\n", processor);
    return 1;
  }
  const Machine machine;
  machine.print(processor);
  const MarketWorkload workload = meridian::bench::record_workload(50'000, 16, operations);
  if (!(workload.traded == workload.reference)) {
    std::fputs("the engine does not trade as the reference book: nothing to measure\n", stderr);
    return 1;
  }
  const std::vector<meridian_engine_command> preload = as_c(workload.preload);
  const std::vector<meridian_engine_command> timed = as_c(workload.timed);

  double best_direct = 1e30;
  double best_interface = 1e30;
  for (std::uint64_t repetition = 0; repetition < repetitions; ++repetition) {
    const Run direct = run_directly(workload);
    Interface market(batch);
    market.run(preload);
    const std::uint64_t begin = meridian::bench::ticks();
    market.run(timed);
    const std::uint64_t spent = meridian::bench::ticks() - begin;
    if (direct.digest != workload.digest || market.digest() != workload.digest) {
      std::fputs("a repetition gave another digest: the result is void\n", stderr);
      return 1;
    }
    best_direct = std::min(best_direct, machine.nanoseconds(direct.ticks) / operations);
    best_interface = std::min(best_interface, machine.nanoseconds(spent) / operations);
  }
  std::printf(
      "cost      %.1f ns an operation through the C interface in batches of %llu, events polled; "
      "%.1f ns directly; ratio %.2f (lowest of %llu each)\n",
      best_interface, static_cast<unsigned long long>(batch), best_direct,
      best_interface / best_direct, static_cast<unsigned long long>(repetitions));
  return 0;
}
