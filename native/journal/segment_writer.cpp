#include "journal/segment_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/ensure.hpp"

namespace meridian::journal {
namespace {

constexpr std::size_t group_bytes = group_records * wire::record_bytes;
// A group, and the parts of a block before and behind it.
constexpr std::size_t buffer_blocks = group_bytes / block_bytes + 3;
const std::string spare_name = "segment.spare";

constexpr std::size_t block_start(std::size_t at) { return at / block_bytes * block_bytes; }
constexpr std::size_t block_end(std::size_t at) { return block_start(at + block_bytes - 1); }

}  // namespace

SegmentWriter::SegmentWriter(FileSystem& files, std::string directory, std::uint64_t records)
    : files_(files),
      directory_(std::move(directory)),
      capacity_(records),
      file_bytes_(block_end(records * wire::record_bytes)),
      buffer_(std::make_unique<Block[]>(buffer_blocks)) {}

SegmentWriter::~SegmentWriter() {
  replace_file(-1);
  if (const int spare = spare_.load(std::memory_order_acquire); spare >= 0) {
    files_.close(spare);
    files_.remove(path_of(spare_name));
  }
}

void SegmentWriter::replace_file(int with) {
  if (file_ >= 0) {
    files_.close(file_);
  }
  file_ = with;
}

// Zeros from `from`, where a block begins, to the end of the file.
int SegmentWriter::fill(int file, std::size_t from) {
  const std::size_t most = buffer_blocks * block_bytes;
  const auto zeros = std::make_unique<Block[]>(buffer_blocks);
  while (from < file_bytes_) {
    const std::size_t bytes = std::min(most, file_bytes_ - from);
    const ssize_t count =
        files_.write(file, std::as_bytes(std::span(zeros.get(), buffer_blocks)).first(bytes),
                     static_cast<off_t>(from));
    if (count < 0) {
      return static_cast<int>(count);
    }
    const std::size_t whole = block_start(static_cast<std::size_t>(count));
    if (whole == 0) {
      return -EIO;
    }
    from += whole;
  }
  return 0;
}

int SegmentWriter::resume(const Segment& segment) {
  const std::string path = path_of(segment_name(segment.first));
  used_ = segment.count * wire::record_bytes;
  replace_file(files_.open_blocks(path));
  int outcome = std::min(file_, 0);
  if (outcome == 0 && segment.bytes < file_bytes_) {
    outcome = files_.allocate(file_, static_cast<off_t>(file_bytes_));
    if (outcome == 0) {
      outcome = fill(file_, block_end(used_));
    }
  }
  if (outcome == 0) {
    outcome = files_.sync(file_);
  }
  const int reader = outcome < 0 ? outcome : files_.open_to_read(path);
  if (reader < 0) {
    return reader;
  }
  const std::size_t start = block_start(used_);
  const std::span<std::byte> begun(buffer_[0].bytes, used_ - start);
  const ssize_t read = read_fully(files_, reader, begun, start);
  files_.close(reader);
  if (read < 0) {
    return static_cast<int>(read);
  }
  return static_cast<std::size_t>(read) == begun.size() ? 0 : -EIO;
}

int SegmentWriter::begin(std::uint64_t first) {
  const std::string path = path_of(segment_name(first));
  // Acquire pairs with prepare_spare.
  int file = spare_.exchange(-1, std::memory_order_acquire);
  int outcome = 0;
  if (file >= 0) {
    outcome = files_.rename(path_of(spare_name), path);
  } else {
    file = files_.open_blocks(path);
    outcome = file < 0 ? file : files_.allocate(file, static_cast<off_t>(file_bytes_));
    if (file >= 0 && outcome < 0) {
      // What it got of the disk, others may need.
      files_.remove(path);
    }
  }
  // Without its name a segment cannot be found, whatever is durable in it.
  if (outcome == 0) {
    outcome = files_.sync_directory(directory_);
  }
  if (outcome < 0) {
    if (file >= 0) {
      files_.close(file);
    }
    return outcome;
  }
  replace_file(file);
  used_ = 0;
  is_spare_asked_ = false;
  return 0;
}

int SegmentWriter::commit(std::span<const Record> records) {
  const std::size_t start = block_start(used_);
  const std::size_t begun = used_ - start;
  ensure(records.size() <= group_records &&
         used_ + records.size_bytes() <= capacity_ * wire::record_bytes);
  std::byte* const buffer = buffer_[0].bytes;
  std::memcpy(buffer + begun, records.data(), records.size_bytes());
  const std::size_t end = begun + records.size_bytes();
  std::memset(buffer + end, 0, block_end(end) - end);
  if (const int outcome = write_blocks(start, block_end(end)); outcome < 0) {
    return outcome;
  }
  used_ += records.size_bytes();
  std::memmove(buffer, buffer + block_start(end), end - block_start(end));
  return 0;
}

// The first `bytes` of the buffer to `start` of the file.
int SegmentWriter::write_blocks(std::size_t start, std::size_t bytes) {
  const auto all = std::as_bytes(std::span(buffer_.get(), buffer_blocks)).first(bytes);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t count =
        files_.write_durably(file_, all.subspan(done), static_cast<off_t>(start + done));
    if (count < 0) {
      return static_cast<int>(count);
    }
    // What was written of a block goes again: only whole ones can be asked for.
    const std::size_t whole = block_start(static_cast<std::size_t>(count));
    if (whole == 0) {
      return -EIO;
    }
    done += whole;
  }
  return 0;
}

int SegmentWriter::prepare_spare() {
  if (spare_.load(std::memory_order_relaxed) >= 0) {
    return 0;
  }
  const std::string path = path_of(spare_name);
  const int file = files_.open_blocks(path);
  if (file < 0) {
    return file;
  }
  int outcome = files_.allocate(file, static_cast<off_t>(file_bytes_));
  if (outcome == 0) {
    outcome = fill(file, 0);
  }
  // Nothing rests on it: it keeps the first commit from waiting for all these zeros.
  if (outcome == 0) {
    outcome = files_.sync(file);
  }
  if (outcome < 0) {
    files_.close(file);
    // Gives the room back that a record may need.
    files_.remove(path);
    return outcome;
  }
  // Release: the writer that takes it sees a file that is complete.
  spare_.store(file, std::memory_order_release);
  return 0;
}

}  // namespace meridian::journal
