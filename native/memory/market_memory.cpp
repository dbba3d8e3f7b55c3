#include "memory/market_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace meridian::memory {
namespace {

// Of Linux 5.14; the C library of the build may not know it.
constexpr int populate_write = 23;
constexpr std::size_t large_page = std::size_t{2} << 20U;
// How long matching spins for a late slab before it sleeps in between.
constexpr int spins_before_sleep = 10'000;
constexpr std::uint64_t nap_ns = 50'000;

std::size_t page_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::byte* aligned_down(std::byte* address, std::size_t to) noexcept {
  return address - reinterpret_cast<std::uintptr_t>(address) % to;
}
std::byte* aligned_up(std::byte* address, std::size_t to) noexcept {
  return aligned_down(address + to - 1, to);
}

}  // namespace

std::unique_ptr<MarketMemory> MarketMemory::reserve(const MemoryOptions& options,
                                                    std::string& reason) {
  const std::size_t bytes = engine::Market::arena_bytes() + large_page;
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    reason = std::string("no address space for the market: ") + std::strerror(errno) +
             "; raise the limit of virtual memory (ulimit -v) or set vm.overcommit_memory to 0";
    return nullptr;
  }
  auto* begin = static_cast<std::byte*>(address);
  return std::unique_ptr<MarketMemory>(new MarketMemory(
      options, {begin, bytes}, {aligned_up(begin, large_page), engine::Market::arena_bytes()}));
}

MarketMemory::MarketMemory(const MemoryOptions& options, std::span<std::byte> mapping,
                           std::span<std::byte> arena) noexcept
    : options_(options), mapping_(mapping), arena_(arena) {}

MarketMemory::~MarketMemory() { munmap(mapping_.data(), mapping_.size()); }

void MarketMemory::begin(const engine::Market& market) noexcept {
  std::byte* fixed_from = arena_.data();
  market.visit_growing_memory([&](const engine::MemoryPart& part) {
    parts_.push_back(part);
    const bool is_orders = part.pool == engine::GrowingPool::orders;
    Pool& pool = pool_of(part.pool);
    pool.count = static_cast<std::uint32_t>(part.count);
    pool.step = is_orders ? options_.order_step : options_.page_step;
    pool.base = std::min(is_orders ? options_.base_orders : options_.base_pages, pool.count);
    std::byte* end = part.begin + part.element_bytes * part.count;
    if (part.is_random) {
      // Orders are touched all over: with large pages a book of a million took 65 ns a command
      // instead of 74. Refused where the kernel has none, which changes nothing else.
      madvise(aligned_up(part.begin, large_page),
              static_cast<std::size_t>(end - aligned_up(part.begin, large_page)), MADV_HUGEPAGE);
    }
    // What lies between two growing parts does not grow.
    back(fixed_from, part.begin);
    fixed_from = end;
  });
  back(fixed_from, arena_.data() + arena_.size());
  for (std::size_t number = 0; number < pools_.size(); ++number) {
    back_elements(static_cast<engine::GrowingPool>(number), 0, pools_[number].base);
    pools_[number].backed.store(pools_[number].base, std::memory_order_release);
  }
}

std::uint32_t MarketMemory::more(void* context, engine::GrowingPool number,
                                 std::uint32_t used) noexcept {
  auto& memory = *static_cast<MarketMemory*>(context);
  Pool& pool = memory.pool_of(number);
  const std::uint32_t backed = pool.backed.load(std::memory_order_acquire);
  const std::uint32_t mark = backed == pool.count ? backed : backed - backed / 4;
  if (used < mark) {
    return mark;
  }
  // From three quarters on: the next slab is asked for while there is room to go on.
  pool.wanted.store(used + 1, std::memory_order_seq_cst);
  memory.keeper_.wake();
  return used < backed ? backed : memory.wait_for(pool, used);
}

std::uint32_t MarketMemory::wait_for(Pool& pool, std::uint32_t used) noexcept {
  late_slabs_.fetch_add(1, std::memory_order_relaxed);
  for (int spins = 0;; ++spins) {
    const std::uint32_t backed = pool.backed.load(std::memory_order_acquire);
    if (used < backed) {
      return std::max(used + 1, backed - backed / 4);
    }
    if (!has_keeper_) {
      grow();
    } else if (spins > spins_before_sleep) {
      rings::futex_wait(pool.backed, backed, nap_ns);
    }
  }
}

bool MarketMemory::grow() noexcept {
  for (std::size_t number = 0; number < pools_.size(); ++number) {
    Pool& pool = pools_[number];
    const std::uint32_t backed = pool.backed.load(std::memory_order_relaxed);
    const std::uint32_t wanted = pool.wanted.load(std::memory_order_seq_cst);
    // Until what is in use is at most three quarters again, as it was when nobody asked.
    if (wanted == 0 || backed == pool.count || wanted <= backed - backed / 4) {
      continue;
    }
    const std::uint32_t next = pool.count - backed < pool.step ? pool.count : backed + pool.step;
    back_elements(static_cast<engine::GrowingPool>(number), backed, next);
    pool.backed.store(next, std::memory_order_release);
    rings::futex_wake_one(pool.backed);
    slabs_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void MarketMemory::back_elements(engine::GrowingPool pool, std::uint32_t from,
                                 std::uint32_t to) noexcept {
  for (const engine::MemoryPart& part : parts_) {
    if (part.pool == pool) {
      back(part.begin + part.element_bytes * from, part.begin + part.element_bytes * to);
    }
  }
}

// Whole pages: those at the ends may have memory already, which costs nothing.
void MarketMemory::back(std::byte* begin, std::byte* end) noexcept {
  const std::size_t page = page_size();
  begin = aligned_down(begin, page);
  end = aligned_up(end, page);
  if (begin >= end) {
    return;
  }
  const auto bytes = static_cast<std::size_t>(end - begin);
  if (madvise(begin, bytes, populate_write) != 0) {
    // An older kernel: write what is there. Nobody else uses the slab yet, but the first and the
    // last page may be in use.
    for (std::byte* at = begin; at < end; at += page) {
      __atomic_fetch_or(reinterpret_cast<unsigned char*>(at), 0, __ATOMIC_RELAXED);
    }
  }
  backed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (!options_.locks || lock_error_.load(std::memory_order_relaxed) != 0) {
    return;
  }
  if (mlock(begin, bytes) == 0) {
    locked_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  } else {
    lock_error_.store(errno, std::memory_order_relaxed);
  }
}

MemoryReport MarketMemory::report() const noexcept {
  return {.backed_bytes = backed_bytes_.load(std::memory_order_relaxed),
          .locked_bytes = locked_bytes_.load(std::memory_order_relaxed),
          .slabs = slabs_.load(std::memory_order_relaxed),
          .late_slabs = late_slabs_.load(std::memory_order_relaxed),
          .lock_error = lock_error_.load(std::memory_order_relaxed)};
}

}  // namespace meridian::memory
