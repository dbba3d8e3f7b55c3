// Reads the durable records of an open log, beside the thread that writes it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "journal/log.hpp"

namespace meridian::journal {

// One thread at a time. The log outlives it.
class LogReader {
 public:
  explicit LogReader(Log& log) noexcept : log_(log) {}
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  ~LogReader();

  // Records with sequences from `from` to at most `last`, as many as fit into `into`, durable ones
  // only. How many; 0 when there are none or the disk fails.
  std::size_t read(std::uint64_t from, std::uint64_t last, std::span<Record> into);

 private:
  std::size_t read_segment(std::uint64_t from, std::uint64_t last, std::span<Record> into);

  Log& log_;
  // The segment read last, kept open: readers go through the log in order.
  int file_ = -1;
  std::uint64_t first_ = 0;
};

}  // namespace meridian::journal
