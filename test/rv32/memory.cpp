#include "memory.hpp"

#include <sys/mman.h>

#include "base/ensure.hpp"

namespace meridian::rv32 {

namespace {
constexpr std::uint64_t space_bytes = std::uint64_t{1} << 32;
}

Memory::Memory() : base_(nullptr), pages_(space_bytes / page_bytes) {
  void* space = mmap(nullptr, space_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ensure(space != MAP_FAILED);
  base_ = static_cast<std::byte*>(space);
}

Memory::~Memory() { munmap(base_, space_bytes); }

bool Memory::map(std::uint32_t begin, std::uint64_t size, std::uint8_t permissions) {
  if (size == 0) {
    return true;
  }
  if (size > space_bytes - begin) {
    return false;
  }
  const std::size_t first = begin / page_bytes;
  const std::size_t last = (begin + size - 1) / page_bytes;
  for (std::size_t page = first; page <= last; ++page) {
    if (pages_[page] != 0) {
      return false;
    }
  }
  for (std::size_t page = first; page <= last; ++page) {
    pages_[page] = permissions;
  }
  return true;
}

bool Memory::allows_all(std::uint32_t begin, std::uint64_t size, std::uint8_t permission) const {
  if (size > space_bytes - begin) {
    return false;
  }
  for (std::uint64_t address = begin; address < begin + size;
       address += page_bytes - address % page_bytes) {
    if (!allows(static_cast<std::uint32_t>(address), permission)) {
      return false;
    }
  }
  return true;
}

}  // namespace meridian::rv32
