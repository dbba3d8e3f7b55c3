#include "elf_image.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "memory.hpp"

namespace meridian::rv32 {
namespace {

// An ELF file written field by field, at the offsets of the specification.
class ElfFile {
 public:
  ElfFile() {
    put(0, "\x7F\x45LF\x01\x01\x01", 7);
    put16(16, 2);    // executable
    put16(18, 243);  // RISC-V
    put32(20, 1);
    put32(24, 0x10004);  // entry
    put32(28, 52);       // program headers
    put16(40, 52);
    put16(42, 32);
    put16(44, 2);  // of them
    segment(0, 1, 116, 0x10000, 8, 8, 5);
    segment(1, 1, 124, 0x20FFC, 4, 0x2000, 6);
    put(116, "codecode", 8);
    put(124, "data", 4);
  }

  void put16(std::size_t offset, std::uint16_t value) { put(offset, &value, sizeof(value)); }
  void put32(std::size_t offset, std::uint32_t value) { put(offset, &value, sizeof(value)); }
  void segment(std::size_t number, std::uint32_t type, std::uint32_t offset, std::uint32_t address,
               std::uint32_t file_bytes, std::uint32_t memory_bytes, std::uint32_t flags) {
    const std::size_t at = 52 + 32 * number;
    const std::uint32_t words[] = {type,       offset,       address, address,
                                   file_bytes, memory_bytes, flags,   4096};
    put(at, words, sizeof(words));
  }

  // What is said of the first `size` bytes.
  [[nodiscard]] std::string fault(std::size_t size) const {
    Memory memory;
    const LoadedImage image = load_image(std::span(bytes_).first(size), memory);
    return image.fault == nullptr ? "" : image.fault;
  }
  [[nodiscard]] std::string fault() const { return fault(bytes_.size()); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void put(std::size_t offset, const void* from, std::size_t size) {
    std::memcpy(bytes_.data() + offset, from, size);
  }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(128);
};

TEST(ElfImage, PutsEachSegmentInItsPlaceWithItsPermissions) {
  Memory memory;
  const ElfFile file;
  const LoadedImage image = load_image(file.bytes(), memory);
  ASSERT_EQ(image.fault, nullptr);
  EXPECT_EQ(image.entry, 0x10004U);
  EXPECT_EQ(std::memcmp(memory.bytes(0x10000, 8).data(), "codecode", 8), 0);
  EXPECT_EQ(std::memcmp(memory.bytes(0x20FFC, 4).data(), "data", 4), 0);
  EXPECT_EQ(memory.load<std::uint32_t>(0x21000), 0U);
  EXPECT_TRUE(memory.allows(0x10000, may_read));
  EXPECT_TRUE(memory.allows(0x10000, may_execute));
  EXPECT_FALSE(memory.allows(0x10000, may_write));
  EXPECT_TRUE(memory.allows_all(0x20FFC, 0x2000, may_write));
  EXPECT_FALSE(memory.allows(0x20FFC, may_execute));
  EXPECT_FALSE(memory.allows(0x23000, may_read));
}

TEST(ElfImage, RefusesAFileThatEndsEarly) {
  const ElfFile file;
  for (std::size_t size = 0; size < file.bytes().size(); ++size) {
    EXPECT_NE(file.fault(size), "") << size << " bytes";
  }
  EXPECT_EQ(file.fault(), "");
}

TEST(ElfImage, RefusesWhatIsNotForThisProcessor) {
  const auto with = [](std::size_t offset, std::uint16_t value) {
    ElfFile file;
    file.put16(offset, value);
    return file.fault();
  };
  EXPECT_EQ(with(0, 0x5A4D), "no ELF file");
  const std::string other = "no executable for 32-bit RISC-V";
  EXPECT_EQ(with(4, 0x0102), other);  // 64 bits
  EXPECT_EQ(with(4, 0x0201), other);  // big-endian
  EXPECT_EQ(with(16, 1), other);      // an object file
  EXPECT_EQ(with(18, 62), other);     // x86-64
  EXPECT_EQ(with(42, 56), other);     // headers of another size
}

TEST(ElfImage, RefusesSegmentsThatCannotBe) {
  const auto with = [](std::uint32_t offset, std::uint32_t address, std::uint32_t file_bytes,
                       std::uint32_t memory_bytes) {
    ElfFile file;
    file.segment(1, 1, offset, address, file_bytes, memory_bytes, 6);
    return file.fault();
  };
  const std::string outside = "a segment lies outside of the file";
  const std::string shared = "segments share a page or leave the address space";
  EXPECT_EQ(with(124, 0x20FFC, 5, 16), outside);
  EXPECT_EQ(with(0xFFFFFFFF, 0x20FFC, 4, 16), outside);
  EXPECT_EQ(with(124, 0x20FFC, 4, 3), outside);
  EXPECT_EQ(with(124, 0x10010, 4, 4), shared);
  EXPECT_EQ(with(124, 0xFFFFFFF0, 4, 0x11), shared);
  EXPECT_EQ(with(124, 0xFFFFFFF0, 4, 0x10), "");
}

TEST(ElfImage, PassesOverSegmentsThatAreNotLoaded) {
  ElfFile file;
  file.segment(1, 0x70000003, 0xFFFFFFFF, 0, 4, 4, 4);
  EXPECT_EQ(file.fault(), "");
}

}  // namespace
}  // namespace meridian::rv32
