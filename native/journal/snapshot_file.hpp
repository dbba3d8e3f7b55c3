// Snapshots of a market's state, beside the log from which they can be made again.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "journal/file_system.hpp"

namespace meridian::journal {

inline constexpr std::uint64_t snapshot_magic = 0x50414E534E44524D;  // "MRDNSNAP"
inline constexpr std::uint32_t snapshot_version = 1;
inline constexpr std::size_t chain_hash_bytes = 32;
inline constexpr std::size_t log_id_digits = 32;
// The one in use and the one before, should the first be damaged.
inline constexpr std::size_t snapshots_kept = 2;

// A point of the accepted chain; the hash is all zeros where a state belongs to no such point.
struct ChainPoint {
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  std::array<std::byte, chain_hash_bytes> hash{};
};

// Start of a snapshot file; the state follows. Little-endian.
struct SnapshotHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t crc32c;  // of the whole file with this field 0
  std::uint64_t sequence;
  std::uint64_t epoch;         // of the chain at that point
  std::uint64_t record_epoch;  // of the record with that sequence; 0 when it is 0
  std::uint64_t timestamp_ns;  // of that record
  std::uint64_t digest;
  std::uint64_t state_bytes;
  std::array<std::byte, chain_hash_bytes> chain_hash;
  std::array<char, log_id_digits> log_id;
  std::uint64_t mode;             // wire::DurabilityMode that the last accepted configure asks for
  std::uint64_t mode_changed_at;  // sequence since which it is that one; 0 before the first
};
static_assert(sizeof(SnapshotHeader) == 144);

struct Snapshot {
  SnapshotHeader header{};
  std::vector<std::byte> state;
};

// File name of the snapshot at this sequence.
std::string snapshot_name(std::uint64_t sequence);

// Sequences of the snapshots in the folder, the newest first. 0 or an error.
int list_snapshots(FileSystem& files, const std::string& directory,
                   std::vector<std::uint64_t>& sequences);

// Completes the header; afterwards the snapshot is on the disk whole, and older ones than the two
// newest are gone. Before, at any crash, everything is as it was. 0 or an error.
int write_snapshot(FileSystem& files, const std::string& directory, Snapshot& snapshot);

// False when it cannot be read or is not whole; `reason` says so. The state itself is checked by
// who restores it.
bool read_snapshot(FileSystem& files, const std::string& directory, std::uint64_t sequence,
                   Snapshot& snapshot, std::string& reason);

// The bytes of a snapshot file. False when they are not whole.
bool parse_snapshot(std::span<const std::byte> bytes, Snapshot& snapshot, std::string& reason);

}  // namespace meridian::journal
