// The thread that puts memory behind the markets of a process before they need it.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "memory/market_memory.hpp"
#include "rings/parking.hpp"

namespace meridian::memory {

class MemoryKeeper {
 public:
  MemoryKeeper();
  MemoryKeeper(const MemoryKeeper&) = delete;
  MemoryKeeper& operator=(const MemoryKeeper&) = delete;
  // All markets must have been removed.
  ~MemoryKeeper();

  // Any thread but those of the markets. A market is added before its memory begins.
  void add(MarketMemory& memory);
  // Returns when its memory is not touched any more from here.
  void remove(MarketMemory& memory);

 private:
  void run();

  std::atomic<std::uint32_t> parked_{0};
  std::atomic<bool> is_stopping_{false};
  std::mutex mutex_;  // of the list; held while a slab is made
  std::vector<MarketMemory*> markets_;
  std::thread thread_;
};

}  // namespace meridian::memory
