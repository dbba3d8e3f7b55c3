// The write-ahead log of one market: segment files in a folder (README.md of this folder).
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "journal/file_system.hpp"
#include "journal/log_scan.hpp"
#include "journal/record.hpp"
#include "journal/segment_writer.hpp"

namespace meridian::journal {

// Twice the largest block that the shipper sends: one is on its way while the next one gathers.
inline constexpr std::uint64_t recent_records = 16'384;

enum class Appended {
  all,
  // The next segment found no room on the disk. Nothing is lost: what last_sequence() does not
  // count may be appended again.
  no_room,
  // Nothing can be appended any more: what was written may or may not be on the disk.
  failed
};

// The id in the folder of a log; empty when there is none.
std::string stored_log_id(FileSystem& files, const std::string& directory);

// Written by one thread at a time (append), helped by one (prepare_spare), both of which may block
// on the disk; read by any through a LogReader.
class Log {
 public:
  // Opens the log in `directory`, made when missing, and hands every record to `visit` in order.
  // Null when it is locked, damaged or cannot be read or written; `reason` then says what to do.
  // Fewer records in a segment are for tests.
  static std::unique_ptr<Log> open(FileSystem& files, const std::string& directory,
                                   const RecordVisitor& visit, Recovery& recovery,
                                   std::string& reason,
                                   std::uint64_t records_in_segment = segment_records);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  // Writes sealed records that follow the last one, and makes them durable. When not all of them
  // are (see last_sequence), `reason` says why.
  Appended append(std::span<const Record> records, std::string& reason);

  // Sequence of the last durable record. For the appending thread.
  [[nodiscard]] std::uint64_t last_sequence() const noexcept {
    return segments_.back().first + segments_.back().count - 1;
  }

  // Any one thread besides the appending one: removes the segments that hold nothing behind `base`,
  // which the seals name as the begin of the log. 0 or an error.
  int trim(std::uint64_t base);
  // Any thread: the last record of the oldest segment that is there; 0 while it is the only one.
  std::uint64_t oldest_segment_end();

  // Any thread: the segment that holds the durable record of this sequence. False when none does.
  bool find_segment(std::uint64_t sequence, Segment& segment);
  // Any thread: durable records from `from` to at most `last` that are still in memory, as many as
  // fit into `into`; how many.
  std::size_t read_recent(std::uint64_t from, std::uint64_t last, std::span<Record> into);

  // 32 hexadecimal digits.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] FileSystem& files() const noexcept { return files_; }

  // For the appending thread: whether somebody should call prepare_spare() by and by.
  [[nodiscard]] bool wants_spare() const noexcept { return writer_->wants_spare(); }
  void note_spare_asked() noexcept { writer_->note_spare_asked(); }
  // Any one thread besides the appending one.
  int prepare_spare() { return writer_->prepare_spare(); }

 private:
  Log(FileSystem& files, const std::string& directory, std::uint64_t records_in_segment)
      : files_(files),
        directory_(directory),
        records_in_segment_(records_in_segment),
        writer_(std::make_unique<SegmentWriter>(files, directory, records_in_segment)) {}

  bool take_lock(std::string& reason);
  bool load_id(std::string& reason);
  int make_id();
  bool recover(const RecordVisitor& visit, Recovery& recovery, std::string& reason);
  void note_durable(std::span<const Record> records);
  bool check_reach(const Recovery& recovery, std::string& reason);
  bool cut_tail(const Recovery& recovery, std::string& reason);
  Appended begin_segment(std::uint64_t first, std::string& reason);
  int remove_segments(const std::vector<std::uint64_t>& firsts);
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }

  FileSystem& files_;
  std::string directory_;
  std::uint64_t records_in_segment_;
  std::string id_;
  int lock_ = -1;
  bool failed_ = false;
  std::unique_ptr<SegmentWriter> writer_;
  // Guards what follows between the writer and readers; never taken by the match thread, and never
  // held while the disk works.
  std::mutex mutex_;
  std::vector<Segment> segments_;
  // How many of them were removed. They stay in the list: the appending thread reads its end.
  std::size_t removed_ = 0;
  // The last durable records: that of sequence s at s % recent_records. Of those before
  // `recent_first_` there are none.
  std::unique_ptr<Record[]> recent_ = std::make_unique_for_overwrite<Record[]>(recent_records);
  std::uint64_t recent_first_ = 0;
};

}  // namespace meridian::journal
