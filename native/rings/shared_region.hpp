// Memory that several threads and processes map: a sealed memfd.
#pragma once
#include <cstddef>
#include <span>

namespace meridian::rings {

// Who may store into a region.
enum class Writers {
  everyone,  // whoever is given the descriptor
  maker,     // only the mapping that create() returns: everybody else's is read-only, whatever they
             // do with the descriptor
};

// Owns one mapping and its file descriptor. Sealed against shrinking, growing and further seals: a
// peer that could truncate the file would kill the reactor with SIGBUS.
class SharedRegion {
 public:
  SharedRegion() noexcept = default;
  SharedRegion(SharedRegion&& other) noexcept;
  SharedRegion& operator=(SharedRegion&& other) noexcept;
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;
  ~SharedRegion();

  // A zeroed region of at least `bytes` bytes (rounded up to pages), every page present. The name
  // is shown in /proc. On failure the region is empty and `error_number` tells why (errno).
  static SharedRegion create(const char* name, std::size_t bytes, int& error_number,
                             Writers writers = Writers::everyone) noexcept;

  [[nodiscard]] std::span<std::byte> memory() const noexcept { return memory_; }
  // For handing to another process; stays owned by the region. -1 when empty.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  std::span<std::byte> memory_;
  int descriptor_ = -1;
};

}  // namespace meridian::rings
