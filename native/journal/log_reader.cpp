#include "journal/log_reader.hpp"

#include <algorithm>

namespace meridian::journal {

LogReader::~LogReader() {
  if (file_ >= 0) {
    log_.files().close(file_);
  }
}

std::size_t LogReader::read(std::uint64_t from, std::uint64_t last, std::span<Record> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto rest = into.subspan(done);
    // What was just written is still in memory; past the page cache, it is nowhere else.
    std::size_t count = log_.read_recent(from + done, last, rest);
    if (count == 0) {
      count = read_segment(from + done, last, rest);
    }
    if (count == 0) {
      break;
    }
    done += count;
  }
  return done;
}

std::size_t LogReader::read_segment(std::uint64_t from, std::uint64_t last,
                                    std::span<Record> into) {
  Segment segment{};
  if (!log_.find_segment(from, segment)) {
    return 0;
  }
  const std::uint64_t end = std::min(segment.first + segment.count, last + 1);
  if (from >= end) {
    return 0;
  }
  if (file_ < 0 || first_ != segment.first) {
    if (file_ >= 0) {
      log_.files().close(file_);
    }
    file_ = log_.files().open_to_read(log_.directory() + "/" + segment_name(segment.first));
    first_ = segment.first;
  }
  if (file_ < 0) {
    return 0;
  }
  const std::size_t count = std::min(static_cast<std::size_t>(end - from), into.size());
  const auto bytes = std::as_writable_bytes(into.first(count));
  const ssize_t got =
      read_fully(log_.files(), file_, bytes, (from - segment.first) * wire::record_bytes);
  return got == static_cast<ssize_t>(bytes.size()) ? count : 0;
}

}  // namespace meridian::journal
