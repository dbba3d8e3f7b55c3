// A file system in memory with a volatile write cache, for tests: what was not flushed is dropped,
// torn or reordered when the power goes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "journal/file_system.hpp"

namespace meridian::journal {

// One thread. Promises what POSIX and a disk of 512-byte sectors promise and no more: a sector is
// written whole or not at all, in any order, and any version since the last flush of its file may
// be the one that is left; so may any size, and any change of a folder's names since its last sync.
class TestDisk final : public FileSystem {
 public:
  explicit TestDisk(std::uint64_t seed) : random_(seed) {}

  // The operation after `after` more that change something is done in part, and none after it.
  void fail_after(std::uint64_t after) { fails_at_ = changes_ + after; }
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  // Afterwards: another process on the same machine, with the cache as it is.
  void restart_process();
  // Afterwards: another process after a power cut.
  void cut_power();

  // Bytes that files may have together; what is beyond is -ENOSPC.
  std::size_t capacity = SIZE_MAX;
  // The flush of this kind does nothing, as if it were missing in the code.
  std::string forgotten_flush;
  // The kinds of flushes that were made: which call, on what.
  [[nodiscard]] const std::set<std::string>& flushes() const { return flushes_; }
  // Content of a file as a process sees it.
  [[nodiscard]] std::vector<std::byte>* content(const std::string& path);

  int make_directory(const std::string& path) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int open(const std::string& path) override;
  int open_blocks(const std::string& path) override { return open(path); }
  int open_to_read(const std::string& path) override;
  void close(int file) override;
  int lock(int file) override;
  off_t size(int file) override;
  int allocate(int file, off_t bytes) override;
  int truncate(int file, off_t bytes) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int sync(int file) override;
  int sync_directory(const std::string& path) override;
  ssize_t read(int file, std::span<std::byte> into, off_t at) override;
  ssize_t write(int file, std::span<const std::byte> from, off_t at) override;
  ssize_t write_durably(int file, std::span<const std::byte> from, off_t at) override;

 private:
  using Bytes = std::vector<std::byte>;
  using Names = std::map<std::string, std::size_t>;
  struct File {
    Bytes seen;
    Bytes platter;
    // Versions since the last flush, oldest first.
    std::map<std::size_t, std::vector<Bytes>> sectors;
    std::vector<std::size_t> sizes;
  };
  // A change of names: `gone` and `come` in one step; either may be empty.
  struct Change {
    std::string gone;
    std::string come;
    std::size_t file;
  };

  // False when this operation is the one that fails, or comes after it.
  bool goes_on();
  void resize(File& file, std::size_t bytes);
  void put(File& file, std::span<const std::byte> from, std::size_t at);
  void flush(File& file, const std::string& kind);
  void change(const Change& change);
  static void apply(Names& names, const Change& change);
  void lose(File& file);
  // Tells the places in the code that flush apart: by the file, or by the names that wait.
  [[nodiscard]] std::string kind_of(const std::string& call, std::size_t file) const;
  [[nodiscard]] std::string kind_of_names() const;
  [[nodiscard]] std::size_t used() const;
  std::size_t draw(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  std::mt19937_64 random_;
  std::uint64_t changes_ = 0;
  std::uint64_t fails_at_ = UINT64_MAX;
  bool has_failed_ = false;
  std::set<std::string> flushes_;
  std::vector<File> files_;
  Names names_;
  Names durable_names_;
  std::vector<Change> changes_of_names_;
  // The file of each descriptor.
  std::map<int, std::size_t> open_;
  std::map<std::size_t, int> locks_;
  int next_ = 3;
};

}  // namespace meridian::journal
