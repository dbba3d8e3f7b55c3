// Runs one market over kept memory for a while, its book swinging far beyond the base of its pools,
// and counts what the matching thread asks of the machine: memory (malloc and what stands on it are
// replaced here) and page faults.
//   steady_state [SECONDS]      1 by default
// Prints one line; exit code 1 when anything was counted, or when the counters see nothing at all.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "memory/market_memory.hpp"
#include "memory/memory_keeper.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

// The C library's own, under the names that it gives whoever replaces them.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* memory);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

thread_local bool is_counted = false;
std::uint64_t calls = 0;

void count() noexcept { calls += is_counted ? 1U : 0U; }

}  // namespace

extern "C" {
__attribute__((visibility("default"))) void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
__attribute__((visibility("default"))) void* calloc(std::size_t items, std::size_t bytes) {
  count();
  return __libc_calloc(items, bytes);
}
__attribute__((visibility("default"))) void* realloc(void* memory, std::size_t bytes) {
  count();
  return __libc_realloc(memory, bytes);
}
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment,
                                                           std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
__attribute__((visibility("default"))) int posix_memalign(void** memory, std::size_t alignment,
                                                          std::size_t bytes) {
  count();
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
__attribute__((visibility("default"))) void free(void* memory) {
  count();
  __libc_free(memory);
}
}

namespace {

using namespace meridian;

constexpr std::uint32_t most_live = 300'000;
constexpr std::uint32_t fewest_live = 20'000;

// Keeps the id of the order that a command accepted; the rest goes by.
struct Sink {
  wire::Event events[2]{};
  std::uint32_t at = 0;
  std::uint64_t accepted = 0;

  wire::Event& next() noexcept {
    look();
    at ^= 1;
    return events[at];
  }
  void finish() noexcept {
    look();
    events[at].kind = 0;
  }
  void look() noexcept {
    if (events[at].kind == static_cast<std::uint8_t>(wire::EventKind::accepted)) {
      accepted = events[at].order_id;
    }
  }
};

class Flow {
 public:
  explicit Flow(engine::Market& market) : market_(market), orders_(most_live) {
    wire::Command configure{};
    configure.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
    configure.order_id = (1U << 24U) - 2;
    configure.price = 1;
    configure.trigger = 0x7FFFFFFE;
    configure.quantity = 1'000'000;
    apply(configure);
  }

  // Orders that rest near a wandering touch, cancels of any of them (filled ones are refused), and
  // now and then an aggressor: more of the one than of the other until the book is full, then less.
  void step() noexcept {
    const std::uint64_t random = draw();
    middle_ += (random & 0xFFF) == 0 ? static_cast<std::int32_t>(random >> 62U) * 64 - 96 : 0;
    middle_ = middle_ < 1'000'000 ? 1'000'000 : middle_;
    is_growing_ = is_growing_ ? live_ < most_live - 1 : live_ <= fewest_live;
    const bool adds = live_ == 0 || (random >> 32U) % 100 < (is_growing_ ? 75U : 25U);
    if (!adds) {
      const std::uint32_t which = static_cast<std::uint32_t>(draw() >> 32U) % live_;
      wire::Command cancel{};
      cancel.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
      cancel.order_id = orders_[which].id;
      cancel.account = orders_[which].account;
      apply(cancel);
      orders_[which] = orders_[--live_];
      return;
    }
    wire::Command place{};
    place.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
    place.account = 1 + static_cast<std::uint32_t>(random >> 12U) % 64;
    place.side = static_cast<std::uint8_t>((random >> 20U) & 1U);
    const bool is_aggressor = (random >> 24U) % 64 == 0;
    const auto distance = static_cast<std::int32_t>((random >> 40U) % 2'000);
    const std::int32_t away = is_aggressor ? -40 : 1 + distance;
    place.price = place.side == 0 ? middle_ - away : middle_ + away;
    place.quantity = 1 + static_cast<std::uint32_t>(random >> 56U);
    place.time_in_force = is_aggressor ? static_cast<std::uint8_t>(wire::TimeInForce::ioc) : 0;
    apply(place);
    if (!is_aggressor && live_ < most_live) {
      orders_[live_++] = {sink_.accepted, place.account};
    }
  }

  [[nodiscard]] std::uint64_t commands() const noexcept { return sequence_; }

 private:
  struct Owned {
    std::uint64_t id;
    std::uint32_t account;
  };
  std::uint64_t draw() noexcept {
    random_ ^= random_ >> 12U;
    random_ ^= random_ << 25U;
    random_ ^= random_ >> 27U;
    return random_ * 0x2545F4914F6CDD1D;
  }
  void apply(const wire::Command& command) noexcept {
    ++sequence_;
    market_.apply(command, sequence_, sequence_, sink_);
  }

  engine::Market& market_;
  Sink sink_;
  std::vector<Owned> orders_;
  std::uint32_t live_ = 0;
  bool is_growing_ = true;
  std::int32_t middle_ = 50'000'000;
  std::uint64_t random_ = 0x9E3779B97F4A7C15;
  std::uint64_t sequence_ = 0;
};

std::uint64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

}  // namespace

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 1;
  alarm(static_cast<unsigned>(seconds) + 60);
  std::string reason;
  const auto kept = memory::MarketMemory::reserve({}, reason);
  if (kept == nullptr || seconds <= 0) {
    std::fprintf(stderr, "%s\n", kept == nullptr ? reason.c_str() : "SECONDS: above 0");
    return 2;
  }
  memory::MemoryKeeper keeper;
  const auto market = std::make_unique<engine::Market>(kept->arena(), &kept->backing());
  keeper.add(*kept);
  kept->begin(*market);
  Flow flow(*market);

  // The program's own pages come on first use, the clock's as well.
  auto begin = std::chrono::steady_clock::now();
  for (int step = 0; step < 20'000; ++step) {
    flow.step();
  }
  is_counted = true;
  // Volatile, or a compiler that knows the pair leaves both out.
  void* volatile probe = std::malloc(1);
  std::free(probe);
  const std::uint64_t seen = calls;
  const std::uint64_t faults_before = page_faults();
  begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::duration<double>(seconds)) {
    for (int step = 0; step < 10'000; ++step) {
      flow.step();
    }
  }
  const std::uint64_t faults = page_faults() - faults_before;
  const std::uint64_t allocations = calls - seen;
  is_counted = false;

  const memory::MemoryReport report = kept->report();
  keeper.remove(*kept);
  std::printf(
      "%llu commands in %.0f s: %llu page faults, %llu calls for memory; %llu slabs handed over, "
      "%llu of them late; %llu MB, %llu locked\n",
      static_cast<unsigned long long>(flow.commands()), seconds,
      static_cast<unsigned long long>(faults), static_cast<unsigned long long>(allocations),
      static_cast<unsigned long long>(report.slabs),
      static_cast<unsigned long long>(report.late_slabs),
      static_cast<unsigned long long>(report.backed_bytes >> 20U),
      static_cast<unsigned long long>(report.locked_bytes >> 20U));
  const bool is_good = faults == 0 && allocations == 0 && seen == 2 && report.slabs > 0;
  return is_good && market->verify() ? 0 : 1;
}
