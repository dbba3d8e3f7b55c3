#include "rings/shared_region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace meridian::rings {

SharedRegion::SharedRegion(SharedRegion&& other) noexcept
    : memory_(std::exchange(other.memory_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

SharedRegion::~SharedRegion() {
  if (!memory_.empty()) {
    munmap(memory_.data(), memory_.size());
  }
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

SharedRegion SharedRegion::create(const char* name, std::size_t bytes, int& error_number,
                                  Writers writers) noexcept {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = (bytes + page - 1) / page * page;
  SharedRegion region;
  region.descriptor_ = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (region.descriptor_ < 0 || ftruncate(region.descriptor_, static_cast<off_t>(size)) != 0) {
    error_number = errno;
    return {};
  }
  // Populated now, so that no thread takes a page fault on its hot path.
  void* address =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, region.descriptor_, 0);
  if (address == MAP_FAILED) {
    error_number = errno;
    return {};
  }
  region.memory_ = {static_cast<std::byte*>(address), size};
  // Sealed when mapped: the seal against writers spares the mappings that are there already.
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL |
                    (writers == Writers::maker ? F_SEAL_FUTURE_WRITE : 0);
  if (fcntl(region.descriptor_, F_ADD_SEALS, seals) != 0) {
    error_number = errno;
    return {};
  }
  error_number = 0;
  return region;
}

}  // namespace meridian::rings
