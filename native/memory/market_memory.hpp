// The memory of one market: addresses for the largest capacity from the start, and behind them as
// much memory as is in use and a good part more, put there and locked before the engine touches it.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/backing.hpp"
#include "engine/market.hpp"
#include "rings/parking.hpp"

namespace meridian::memory {

struct MemoryOptions {
  // Orders that have memory from the start, and by how many it grows.
  std::uint32_t base_orders = 1U << 17U;
  std::uint32_t order_step = 1U << 16U;
  // The same for the pages of 64 price levels that each side of each book has.
  std::uint32_t base_pages = 1U << 9U;
  std::uint32_t page_step = 1U << 9U;
  // Whether to lock it, so that it cannot be swapped out. Where that is not allowed it is not
  // locked, and MemoryReport says so.
  bool locks = true;
};

struct MemoryReport {
  std::uint64_t backed_bytes = 0;
  std::uint64_t locked_bytes = 0;
  std::uint64_t slabs = 0;       // handed over while the market ran
  std::uint64_t late_slabs = 0;  // of them those that matching waited for
  int lock_error = 0;            // errno of the first part that could not be locked; 0 = none
};

class MarketMemory {
 public:
  // Reserves the addresses. Null when they are refused; `reason` then says what to do.
  static std::unique_ptr<MarketMemory> reserve(const MemoryOptions& options, std::string& reason);
  MarketMemory(const MarketMemory&) = delete;
  MarketMemory& operator=(const MarketMemory&) = delete;
  ~MarketMemory();

  // For the market to be made with.
  [[nodiscard]] std::span<std::byte> arena() const noexcept { return arena_; }
  [[nodiscard]] const engine::Backing& backing() const noexcept { return backing_; }

  // Puts memory behind all that does not grow and the base of what does. Once, after the market was
  // made and before its first command.
  void begin(const engine::Market& market) noexcept;

  // Any thread: hands over one more slab of what the market has asked for. False when nothing is
  // due. Never from two threads at a time.
  bool grow() noexcept;

  // Who is woken when slabs are due, and calls grow(). Before begin(); without it the market's own
  // thread does the work when it needs the slab, which counts as late.
  void set_keeper(rings::Parking keeper) noexcept { keeper_ = keeper, has_keeper_ = true; }

  [[nodiscard]] MemoryReport report() const noexcept;

 private:
  // A growing pool. `backed` is written by whoever grows, `wanted` by the market's thread.
  struct Pool {
    std::uint32_t base = 0;
    std::uint32_t step = 0;
    std::uint32_t count = 0;
    std::atomic<std::uint32_t> backed{0};
    std::atomic<std::uint32_t> wanted{0};
  };

  MarketMemory(const MemoryOptions& options, std::span<std::byte> mapping,
               std::span<std::byte> arena) noexcept;

  static std::uint32_t more(void* context, engine::GrowingPool pool, std::uint32_t used) noexcept;
  std::uint32_t wait_for(Pool& pool, std::uint32_t used) noexcept;
  void back_elements(engine::GrowingPool pool, std::uint32_t from, std::uint32_t to) noexcept;
  void back(std::byte* begin, std::byte* end) noexcept;
  [[nodiscard]] Pool& pool_of(engine::GrowingPool pool) noexcept {
    return pools_[static_cast<std::size_t>(pool)];
  }

  MemoryOptions options_;
  std::span<std::byte> mapping_;
  std::span<std::byte> arena_;
  engine::Backing backing_{.context = this, .more = more};
  std::vector<engine::MemoryPart> parts_;
  std::array<Pool, engine::growing_pool_count> pools_;
  bool has_keeper_ = false;
  std::atomic<std::uint32_t> nobody_{0};
  rings::Parking keeper_{nobody_};
  // Written by whoever grows; late_slabs_ by the market's thread.
  std::atomic<std::uint64_t> backed_bytes_{0};
  std::atomic<std::uint64_t> locked_bytes_{0};
  std::atomic<std::uint64_t> slabs_{0};
  std::atomic<std::uint64_t> late_slabs_{0};
  std::atomic<int> lock_error_{0};
};

}  // namespace meridian::memory
