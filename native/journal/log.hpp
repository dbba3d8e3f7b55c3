// The write-ahead log of one market: segment files in a folder (README.md of this folder).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "journal/file_system.hpp"
#include "journal/record.hpp"

namespace meridian::journal {

inline constexpr std::uint64_t segment_records = (16U << 20U) / wire::record_bytes;
inline constexpr std::uint64_t group_records = (256U << 10U) / wire::record_bytes;

// What was found when the log was opened.
struct Recovery {
  std::uint64_t last_sequence = 0;
  std::uint64_t last_epoch = 0;
  std::uint64_t last_timestamp_ns = 0;
  // Bytes of a torn tail that were cut off, and the file they were in.
  std::uint64_t cut_bytes = 0;
  std::string cut_file;
};

// Written by one thread at a time (append), read by any (read). Both may block on the disk.
class Log {
 public:
  // Opens the log in `directory`, made when missing, and hands every record to `visit` in order.
  // Null when it is locked, damaged or cannot be read or written; `reason` then says what to do.
  static std::unique_ptr<Log> open(FileSystem& files, const std::string& directory,
                                   const std::function<void(const Record&)>& visit,
                                   Recovery& recovery, std::string& reason);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  // Writes sealed records that follow the last one, and makes them durable. False: not all of them
  // are durable (see last_sequence), `reason` says why, and nothing can be appended any more.
  bool append(std::span<const Record> records, std::string& reason);

  // Sequence of the last durable record. For the appending thread.
  [[nodiscard]] std::uint64_t last_sequence() const noexcept {
    return segments_.back().first + segments_.back().count - 1;
  }

  // Bytes of durable records with sequences from `from` to at most `last`, as many whole ones as
  // fit into `into`. 0 when there are none or the disk fails.
  std::size_t read(std::uint64_t from, std::uint64_t last, std::span<std::byte> into);

  // 32 hexadecimal digits.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

 private:
  struct Segment {
    std::uint64_t first;
    std::uint64_t count;
  };

  Log(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  bool take_lock(std::string& reason);
  bool load_id(std::string& reason);
  bool recover(const std::function<void(const Record&)>& visit, Recovery& recovery,
               std::string& reason);
  bool scan(Segment& segment, bool is_last, const std::function<void(const Record&)>& visit,
            Recovery& recovery, std::string& reason);
  bool cut_tail(const Segment& segment, std::span<const std::byte> content, Recovery& recovery,
                std::string& reason);
  bool add_segment(std::uint64_t first, std::string& reason);
  bool write(std::uint64_t index, std::span<const Record> records, std::string& reason);
  void replace(int& file, int with);
  [[nodiscard]] std::string path_of(const std::string& name) const;

  FileSystem& files_;
  std::string directory_;
  std::string id_;
  int lock_ = -1;
  bool failed_ = false;
  // The last segment, open for writing.
  int file_ = -1;
  // Guards what follows between append and read; never taken by the match thread.
  std::mutex mutex_;
  std::vector<Segment> segments_;
  // The segment read last, kept open: readers go through the log in order.
  int reading_ = -1;
  std::uint64_t reading_first_ = 0;
};

// File name of the segment whose first record has this sequence.
std::string segment_name(std::uint64_t first);

}  // namespace meridian::journal
