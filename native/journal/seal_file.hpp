// The seals of a log: the messages of the accepted chain without their records, and marks of how
// far the log was durable (README.md, Seals). JavaScript writes and checks them; opening a log
// needs of them how far it reached, and where it begins.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "journal/file_system.hpp"
#include "journal/snapshot_file.hpp"

namespace meridian::journal {

inline constexpr std::uint16_t seal_version = 1;
// Entries of one write at most: only so many can be torn by a crash.
inline constexpr std::uint64_t seal_group = 256;

enum class SealKind : std::uint16_t {
  block = 1,
  fence = 2,
  begin = 3,  // the chain up to here is not in the file
  mark = 4,   // records up to `last` were durable
  trim = 5    // a begin below which segments may be gone; the first entry if any
};

// One entry of the file. Little-endian; texts are filled up with zero bytes.
struct SealEntry {
  std::uint32_t crc32c;  // over the 252 bytes after this field
  std::uint16_t version;
  std::uint16_t kind;
  std::uint64_t epoch;
  std::uint64_t first;  // of a block's records; else 0
  std::uint64_t last;   // of a block's records; of a begin or mark the sequence
  std::array<std::byte, chain_hash_bytes> previous_hash;
  std::array<std::byte, chain_hash_bytes> hash;
  std::array<char, 32> market;
  std::array<char, 96> holder;  // of a fence
  std::array<char, 32> log;     // of a fence
};
static_assert(sizeof(SealEntry) == 256 && std::is_trivially_copyable_v<SealEntry>);

struct Seals {
  std::uint64_t entries = 0;
  // Records up to here may be gone; sequence 0 when the log was never trimmed.
  ChainPoint trimmed;
  // The log was durable up to here at least.
  std::uint64_t reach = 0;
};

// A torn tail is left out. False on damage, or when the file cannot be read; no file is no seals.
bool read_seals(FileSystem& files, const std::string& directory, Seals& seals, std::string& reason);

// Makes the seals of a log that begins behind a point of the chain, durably. 0 or an error.
int begin_seals(FileSystem& files, const std::string& directory, const ChainPoint& point);

}  // namespace meridian::journal
