// Memory for a market's arena in tools, tests and benchmarks: zeroed, and backed when touched.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <span>

#include "base/ensure.hpp"

namespace meridian::engine {

class LazyMemory {
 public:
  // Ends the process when the address space is not granted.
  explicit LazyMemory(std::size_t size) noexcept
      : size_(size),
        address_(mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    ensure(address_ != MAP_FAILED);
  }
  LazyMemory(const LazyMemory&) = delete;
  LazyMemory& operator=(const LazyMemory&) = delete;
  ~LazyMemory() { munmap(address_, size_); }

  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(address_), size_};
  }

 private:
  std::size_t size_;
  void* address_;
};

}  // namespace meridian::engine
