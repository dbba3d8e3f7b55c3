// What the log asks of a file system, so that tests can give it short writes and full disks.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace meridian::journal {

// Results below 0 are negated errno values. Calls may block; never made from the match thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Makes the folder and those above it where they are missing. 0 or an error.
  virtual int make_directory(const std::string& path) = 0;
  // Names in the folder, in no order.
  virtual int list(const std::string& path, std::vector<std::string>& names) = 0;
  // Opens for reading and writing, made when missing. A descriptor or an error.
  virtual int open(const std::string& path) = 0;
  virtual void close(int file) = 0;
  // Takes the exclusive lock of the open file; -EWOULDBLOCK when somebody holds it.
  virtual int lock(int file) = 0;
  // Size in bytes or an error.
  virtual off_t size(int file) = 0;
  // Gives the file room for `bytes` bytes, all zeros behind the old end. 0 or an error.
  virtual int allocate(int file, off_t bytes) = 0;
  virtual int truncate(int file, off_t bytes) = 0;
  // Content and size are on the disk afterwards. 0 or an error.
  virtual int sync(int file) = 0;
  // Names made or removed in the folder are on the disk afterwards.
  virtual int sync_directory(const std::string& path) = 0;
  // Bytes read (0 at the end of the file) or an error.
  virtual ssize_t read(int file, std::span<std::byte> into, off_t at) = 0;
  // Bytes written and on the disk, possibly fewer than given, or an error.
  virtual ssize_t write_durably(int file, std::span<const std::byte> from, off_t at) = 0;
};

class PosixFileSystem final : public FileSystem {
 public:
  int make_directory(const std::string& path) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int open(const std::string& path) override;
  void close(int file) override;
  int lock(int file) override;
  off_t size(int file) override;
  int allocate(int file, off_t bytes) override;
  int truncate(int file, off_t bytes) override;
  int sync(int file) override;
  int sync_directory(const std::string& path) override;
  ssize_t read(int file, std::span<std::byte> into, off_t at) override;
  ssize_t write_durably(int file, std::span<const std::byte> from, off_t at) override;
};

}  // namespace meridian::journal
