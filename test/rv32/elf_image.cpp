#include "elf_image.hpp"

#include <algorithm>
#include <cstring>

namespace meridian::rv32 {

namespace {

// Figures 1-3 and 2-1 of the ELF specification (TIS 1.2), in its order and with its sizes.
struct FileHeader {
  std::uint8_t magic[4];
  std::uint8_t word_size;   // 1: 32 bits
  std::uint8_t byte_order;  // 1: little-endian
  std::uint8_t rest_of_identification[10];
  std::uint16_t type;  // 2: executable
  std::uint16_t machine;
  std::uint32_t version;
  std::uint32_t entry;
  std::uint32_t segments_at;
  std::uint32_t sections_at;
  std::uint32_t flags;
  std::uint16_t header_bytes;
  std::uint16_t segment_bytes;
  std::uint16_t segment_count;
  std::uint16_t section_bytes;
  std::uint16_t section_count;
  std::uint16_t section_names;
};
static_assert(sizeof(FileHeader) == 52);

struct Segment {
  std::uint32_t type;  // 1: to be loaded
  std::uint32_t offset;
  std::uint32_t address;
  std::uint32_t physical_address;
  std::uint32_t file_bytes;
  std::uint32_t memory_bytes;
  std::uint32_t flags;
  std::uint32_t alignment;
};
static_assert(sizeof(Segment) == 32);

constexpr std::uint16_t type_executable = 2;
constexpr std::uint16_t machine_riscv = 243;
constexpr std::uint32_t segment_load = 1;
constexpr std::uint32_t flag_execute = 1;
constexpr std::uint32_t flag_write = 2;
constexpr std::uint32_t flag_read = 4;

// False where the file ends before the structure does.
template <class T>
bool read(std::span<const std::byte> file, std::uint64_t offset, T& into) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) {
    return false;
  }
  std::memcpy(&into, file.data() + offset, sizeof(T));
  return true;
}

const char* load_segment(std::span<const std::byte> file, const Segment& segment, Memory& memory) {
  if (segment.file_bytes > segment.memory_bytes || segment.offset > file.size() ||
      segment.file_bytes > file.size() - segment.offset) {
    return "a segment lies outside of the file";
  }
  const auto permissions =
      static_cast<std::uint8_t>(((segment.flags & flag_read) != 0 ? may_read : 0) |
                                ((segment.flags & flag_write) != 0 ? may_write : 0) |
                                ((segment.flags & flag_execute) != 0 ? may_execute : 0));
  if (!memory.map(segment.address, segment.memory_bytes, permissions)) {
    return "segments share a page or leave the address space";
  }
  const auto from = file.subspan(segment.offset, segment.file_bytes);
  std::copy(from.begin(), from.end(), memory.bytes(segment.address, from.size()).begin());
  return nullptr;
}

}  // namespace

LoadedImage load_image(std::span<const std::byte> file, Memory& memory) {
  FileHeader header;
  if (!read(file, 0, header) || std::memcmp(header.magic, "\x7F\x45LF", 4) != 0) {
    return {.fault = "no ELF file"};
  }
  if (header.word_size != 1 || header.byte_order != 1 || header.machine != machine_riscv ||
      header.type != type_executable || header.segment_bytes != sizeof(Segment)) {
    return {.fault = "no executable for 32-bit RISC-V"};
  }
  for (std::uint32_t number = 0; number < header.segment_count; ++number) {
    Segment segment;
    const std::uint64_t place = header.segments_at + std::uint64_t{number} * sizeof(Segment);
    if (!read(file, place, segment)) {
      return {.fault = "the file is cut short"};
    }
    if (segment.type != segment_load) {
      continue;
    }
    if (const char* fault = load_segment(file, segment, memory); fault != nullptr) {
      return {.fault = fault};
    }
  }
  return {.entry = header.entry};
}

}  // namespace meridian::rv32
