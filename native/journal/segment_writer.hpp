// The last segment of a log, written in whole blocks, and the empty one that will follow it.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "journal/file_system.hpp"
#include "journal/log_scan.hpp"
#include "journal/record.hpp"

namespace meridian::journal {

// A segment has its whole length, zeros written and synced, before the first record goes into it:
// then a commit changes no metadata of the file system. Called by one thread, but for
// prepare_spare(). Results below 0 are negated errno values.
class SegmentWriter {
 public:
  // `records`: how many a full segment holds.
  SegmentWriter(FileSystem& files, std::string directory, std::uint64_t records);
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;
  ~SegmentWriter();

  // Goes on in a segment that is there. What stands in it is on the disk afterwards, however the
  // process before ended.
  int resume(const Segment& segment);
  // Makes the segment whose first record has this sequence, from the spare when there is one.
  int begin(std::uint64_t first);
  // Makes records durable behind the ones that are there.
  int commit(std::span<const Record> records);

  // Whether it is time for another thread to call prepare_spare(): in the second half of a segment,
  // until it was asked to.
  [[nodiscard]] bool wants_spare() const noexcept {
    return !is_spare_asked_ && used_ * 2 >= capacity_ * wire::record_bytes;
  }
  void note_spare_asked() noexcept { is_spare_asked_ = true; }
  // Any one other thread: makes the spare when there is none.
  int prepare_spare();

 private:
  struct alignas(block_bytes) Block {
    std::byte bytes[block_bytes];  // NOLINT(modernize-avoid-c-arrays): plain memory
  };

  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }
  int fill(int file, std::size_t from);
  int write_blocks(std::size_t start, std::size_t bytes);
  void replace_file(int with);

  FileSystem& files_;
  std::string directory_;
  std::uint64_t capacity_;
  std::size_t file_bytes_;
  int file_ = -1;
  // Bytes of records in the file, and what of them stands in the last block, at the start of
  // `buffer_`: that block is written again with the records that follow.
  std::size_t used_ = 0;
  bool is_spare_asked_ = false;
  std::unique_ptr<Block[]> buffer_;
  // The open spare, -1 while there is none. Written by who prepares it, after all else of it
  // (release), taken by the writer (acquire).
  std::atomic<int> spare_{-1};
};

}  // namespace meridian::journal
