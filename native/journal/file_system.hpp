// What the log asks of a file system, so that tests can give it a disk that loses power.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace meridian::journal {

// Unit of what a file opened by open_blocks() takes: length, position and memory are multiples.
inline constexpr std::size_t block_bytes = 4096;

// Results below 0 are negated errno values. Calls may block; never made from the match thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Makes the folder and those above it where they are missing, durably. 0 or an error.
  virtual int make_directory(const std::string& path) = 0;
  // Names in the folder, in no order.
  virtual int list(const std::string& path, std::vector<std::string>& names) = 0;
  // Opens for reading and writing, made when missing. A descriptor or an error.
  virtual int open(const std::string& path) = 0;
  // The same for a file that is written in whole blocks only: past the page cache where possible.
  virtual int open_blocks(const std::string& path) = 0;
  // Opens for reading; -ENOENT when there is no such file.
  virtual int open_to_read(const std::string& path) = 0;
  virtual void close(int file) = 0;
  // Takes the exclusive lock of the open file; -EWOULDBLOCK when somebody holds it.
  virtual int lock(int file) = 0;
  // Size in bytes or an error.
  virtual off_t size(int file) = 0;
  // Gives the file room for `bytes` bytes, all zeros behind the old end. 0 or an error.
  virtual int allocate(int file, off_t bytes) = 0;
  virtual int truncate(int file, off_t bytes) = 0;
  // The file takes the name `to`, whoever had it. 0 or an error.
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  // Content and size are on the disk afterwards. 0 or an error.
  virtual int sync(int file) = 0;
  // Names made, moved or removed in the folder are on the disk afterwards.
  virtual int sync_directory(const std::string& path) = 0;
  // Bytes read (0 at the end of the file) or an error.
  virtual ssize_t read(int file, std::span<std::byte> into, off_t at) = 0;
  // Bytes written, possibly fewer than given, or an error. On the disk only after sync().
  virtual ssize_t write(int file, std::span<const std::byte> from, off_t at) = 0;
  // The same, on the disk when it returns.
  virtual ssize_t write_durably(int file, std::span<const std::byte> from, off_t at) = 0;
};

// How PosixFileSystem makes a block durable where `file` lies, found by doing it.
enum class CommitMethod {
  direct,   // O_DIRECT and RWF_DSYNC: one request to the disk, no copy in the page cache
  dsync,    // RWF_DSYNC through the page cache
  datasync  // write, then fdatasync
};

class PosixFileSystem final : public FileSystem {
 public:
  int make_directory(const std::string& path) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int open(const std::string& path) override;
  int open_blocks(const std::string& path) override;
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

  // Writes one block of zeros to `path`, which it makes, and removes it.
  static CommitMethod commit_method(const std::string& path);
};

// Reads until the span is full or the file ends. Bytes read or an error.
ssize_t read_fully(FileSystem& files, int file, std::span<std::byte> into, std::size_t at);
// What an error of a FileSystem says to people.
std::string error_text(int error);

}  // namespace meridian::journal
