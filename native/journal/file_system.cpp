#include "journal/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace meridian::journal {
namespace {

int result_of(int outcome) { return outcome < 0 ? -errno : outcome; }

}  // namespace

int PosixFileSystem::make_directory(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) {
      return -errno;
    }
    if (at == std::string::npos) {
      return 0;
    }
  }
}

int PosixFileSystem::list(const std::string& path, std::vector<std::string>& names) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) {
    return -errno;
  }
  for (const dirent* entry = ::readdir(directory); entry != nullptr; entry = ::readdir(directory)) {
    names.emplace_back(static_cast<const char*>(entry->d_name));
  }
  ::closedir(directory);
  return 0;
}

int PosixFileSystem::open(const std::string& path) {
  return result_of(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
}

void PosixFileSystem::close(int file) { ::close(file); }

int PosixFileSystem::lock(int file) { return result_of(::flock(file, LOCK_EX | LOCK_NB)); }

off_t PosixFileSystem::size(int file) {
  struct stat status{};
  return ::fstat(file, &status) != 0 ? -errno : status.st_size;
}

int PosixFileSystem::allocate(int file, off_t bytes) {
  if (::fallocate(file, 0, 0, bytes) == 0) {
    return 0;
  }
  // Room taken in advance only saves time: a file system without it gets a growing file.
  return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

int PosixFileSystem::truncate(int file, off_t bytes) { return result_of(::ftruncate(file, bytes)); }

int PosixFileSystem::sync(int file) { return result_of(::fsync(file)); }

int PosixFileSystem::sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return -errno;
  }
  const int outcome = result_of(::fsync(directory));
  ::close(directory);
  return outcome;
}

ssize_t PosixFileSystem::read(int file, std::span<std::byte> into, off_t at) {
  const ssize_t count = ::pread(file, into.data(), into.size(), at);
  return count < 0 ? -errno : count;
}

ssize_t PosixFileSystem::write_durably(int file, std::span<const std::byte> from, off_t at) {
  // pwritev2 does not write through the vector; its interface is not const.
  iovec part{const_cast<std::byte*>(from.data()), from.size()};
  ssize_t count = ::pwritev2(file, &part, 1, at, RWF_DSYNC);
  if (count < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
    count = ::pwritev(file, &part, 1, at);
    if (count >= 0 && ::fdatasync(file) != 0) {
      return -errno;
    }
  }
  return count < 0 ? -errno : count;
}

}  // namespace meridian::journal
