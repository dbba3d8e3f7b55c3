// One journal record: a command with what the sequencer gave it. The same 96 bytes stand in the
// segment file, in a block on the journal stream and in the hands of every reader. Little-endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "wire/command.hpp"

namespace meridian::wire {

inline constexpr std::uint16_t record_version = 2;

struct alignas(32) RecordPrefix {
  std::uint32_t crc32c;        // over the 92 bytes after this field, Castagnoli polynomial
  std::uint16_t version;       // record_version
  std::uint16_t reserved;      // 0
  std::uint64_t epoch;         // of the owner that took the command
  std::uint64_t sequence;      // 1, 2, 3, … in the market
  std::uint64_t timestamp_ns;  // since 1970-01-01 UTC; never lower than in the record before
};
static_assert(sizeof(RecordPrefix) == 32);
static_assert(offsetof(RecordPrefix, epoch) == 8 && offsetof(RecordPrefix, sequence) == 16);
static_assert(offsetof(RecordPrefix, timestamp_ns) == 24);

inline constexpr std::size_t record_bytes = sizeof(RecordPrefix) + sizeof(Command);
static_assert(record_bytes == 96);

}  // namespace meridian::wire
