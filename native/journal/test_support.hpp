// For the tests of this folder: temporary folders, records, and a file system with faults.
#pragma once
#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "journal/file_system.hpp"
#include "journal/record.hpp"

namespace meridian::journal {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-log-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline Record make_record(std::uint64_t sequence, std::uint64_t epoch = 1) {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
  command.tag = static_cast<std::uint32_t>(sequence);
  command.order_id = sequence * 0x9E3779B97F4A7C15U;
  command.account = 7;
  Record record{};
  record.fill(epoch, sequence, 1'000 + sequence, command);
  record.seal();
  return record;
}

inline std::vector<Record> make_records(std::uint64_t first, std::uint64_t count) {
  std::vector<Record> records;
  for (std::uint64_t sequence = first; sequence < first + count; ++sequence) {
    records.push_back(make_record(sequence));
  }
  return records;
}

// The real file system until a fault is set.
class FaultyFileSystem final : public FileSystem {
 public:
  // At most this many bytes a write.
  std::size_t longest_write = SIZE_MAX;
  // Writes that still succeed before they fail with `write_error`.
  std::size_t good_writes = SIZE_MAX;
  int write_error = -EIO;
  std::atomic<int> allocate_error = 0;
  // Each durable write takes so much longer.
  std::atomic<std::uint64_t> write_delay_ns = 0;

  int make_directory(const std::string& path) override { return real_.make_directory(path); }
  int list(const std::string& path, std::vector<std::string>& names) override {
    return real_.list(path, names);
  }
  int open(const std::string& path) override { return real_.open(path); }
  int open_blocks(const std::string& path) override { return real_.open_blocks(path); }
  int open_to_read(const std::string& path) override { return real_.open_to_read(path); }
  void close(int file) override { real_.close(file); }
  int lock(int file) override { return real_.lock(file); }
  off_t size(int file) override { return real_.size(file); }
  int allocate(int file, off_t bytes) override {
    const int error = allocate_error;
    return error != 0 ? error : real_.allocate(file, bytes);
  }
  int truncate(int file, off_t bytes) override { return real_.truncate(file, bytes); }
  int rename(const std::string& from, const std::string& to) override {
    return real_.rename(from, to);
  }
  int remove(const std::string& path) override { return real_.remove(path); }
  int sync(int file) override { return real_.sync(file); }
  int sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  ssize_t read(int file, std::span<std::byte> into, off_t at) override {
    return real_.read(file, into.first(std::min(into.size(), longest_write)), at);
  }
  ssize_t write(int file, std::span<const std::byte> from, off_t at) override {
    return real_.write(file, from, at);
  }
  ssize_t write_durably(int file, std::span<const std::byte> from, off_t at) override {
    if (good_writes == 0) {
      return write_error;
    }
    --good_writes;
    if (const std::uint64_t delay = write_delay_ns; delay != 0) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(delay));
    }
    return real_.write_durably(file, from.first(std::min(from.size(), longest_write)), at);
  }

 private:
  PosixFileSystem real_;
};

}  // namespace meridian::journal
