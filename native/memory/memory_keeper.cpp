#include "memory/memory_keeper.hpp"

#include <pthread.h>

#include <algorithm>

namespace meridian::memory {

MemoryKeeper::MemoryKeeper() : thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-memory");
}

MemoryKeeper::~MemoryKeeper() {
  is_stopping_.store(true, std::memory_order_seq_cst);
  rings::Parking(parked_).wake();
  thread_.join();
}

void MemoryKeeper::add(MarketMemory& memory) {
  const std::lock_guard lock(mutex_);
  memory.set_keeper(rings::Parking(parked_));
  markets_.push_back(&memory);
}

void MemoryKeeper::remove(MarketMemory& memory) {
  const std::lock_guard lock(mutex_);
  std::erase(markets_, &memory);
}

void MemoryKeeper::run() {
  const auto grow = [this] {
    const std::lock_guard lock(mutex_);
    // One slab each, so that a market that grows a lot does not keep another waiting.
    bool has_grown = false;
    for (MarketMemory* memory : markets_) {
      has_grown = memory->grow() || has_grown;
    }
    return has_grown;
  };
  while (!is_stopping_.load(std::memory_order_seq_cst)) {
    if (!grow()) {
      rings::Parking(parked_).park(rings::Parked::idle, [&] {
        return is_stopping_.load(std::memory_order_seq_cst) || grow();
      });
    }
  }
}

}  // namespace meridian::memory
