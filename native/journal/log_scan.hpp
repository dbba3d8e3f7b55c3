// Reads the segments of a log in order and tells a torn tail from damage (README.md, Opening).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "journal/file_system.hpp"
#include "journal/record.hpp"
#include "journal/seal_file.hpp"

namespace meridian::journal {

inline constexpr std::uint64_t segment_records = (16U << 20U) / wire::record_bytes;
inline constexpr std::uint64_t group_records = (256U << 10U) / wire::record_bytes;

// What was found when the log was opened.
struct Recovery {
  // Of the records that are there: 1 unless the log was trimmed.
  std::uint64_t first_sequence = 1;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_epoch = 0;
  std::uint64_t last_timestamp_ns = 0;
  // Bytes of a torn tail that were cut off, and the file they were in.
  std::uint64_t cut_bytes = 0;
  std::string cut_file;
  Seals seals;
  // First sequences of segments that a trim has left behind.
  std::vector<std::uint64_t> leftovers;
};

struct Segment {
  std::uint64_t first;
  std::uint64_t count;
  // Of the file.
  std::uint64_t bytes;
};

// Gets whole records that follow each other, as many as stand together.
using RecordVisitor = std::function<void(std::span<const Record>)>;

// File name of the segment whose first record has this sequence.
std::string segment_name(std::uint64_t first);

// Changes nothing on the disk: a torn tail is counted in `recovery`, for the caller to cut. False
// when the log is damaged or cannot be read; `reason` then says what to do.
bool scan_log(FileSystem& files, const std::string& directory, const RecordVisitor& visit,
              std::vector<Segment>& segments, Recovery& recovery, std::string& reason);

// One whole record by its sequence. False when it is not there.
bool read_record(FileSystem& files, const std::string& directory, std::uint64_t sequence,
                 Record& record);

}  // namespace meridian::journal
