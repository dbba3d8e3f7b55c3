// Zeroed memory that takes pages as they are touched.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <span>

namespace meridian::duties {

class LazyMemory {
 public:
  explicit LazyMemory(std::size_t bytes) noexcept
      : size_(bytes),
        start_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  LazyMemory(const LazyMemory&) = delete;
  LazyMemory& operator=(const LazyMemory&) = delete;
  ~LazyMemory() {
    if (is_good()) {
      munmap(start_, size_);
    }
  }

  [[nodiscard]] bool is_good() const noexcept { return start_ != MAP_FAILED; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(start_), size_};
  }

 private:
  std::size_t size_;
  void* start_;
};

}  // namespace meridian::duties
