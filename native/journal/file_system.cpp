#include "journal/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace meridian::journal {
namespace {

int result_of(int outcome) { return outcome < 0 ? -errno : outcome; }

// Takes the file back to the page cache. False when it is there already.
bool leave_direct(int file) {
  const int flags = ::fcntl(file, F_GETFL);
  return flags >= 0 && (flags & O_DIRECT) != 0 && ::fcntl(file, F_SETFL, flags & ~O_DIRECT) == 0;
}

// A write that is on the disk when it returns, and how that was done.
ssize_t commit(int file, std::span<const std::byte> from, off_t at, CommitMethod& method) {
  // pwritev2 does not write through the vector; its interface is not const.
  iovec part{const_cast<std::byte*>(from.data()), from.size()};
  ssize_t count = ::pwritev2(file, &part, 1, at, RWF_DSYNC);
  // Some file systems take O_DIRECT when the file is opened and refuse it here.
  if (count < 0 && errno == EINVAL && leave_direct(file)) {
    count = ::pwritev2(file, &part, 1, at, RWF_DSYNC);
  }
  method = (::fcntl(file, F_GETFL) & O_DIRECT) != 0 ? CommitMethod::direct : CommitMethod::dsync;
  if (count < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
    method = CommitMethod::datasync;
    count = ::pwritev(file, &part, 1, at);
    if (count >= 0 && ::fdatasync(file) != 0) {
      return -errno;
    }
  }
  return count < 0 ? -errno : count;
}

}  // namespace

int PosixFileSystem::make_directory(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0777) == 0) {
      const std::size_t above = part.rfind('/');
      const std::string parent = above == std::string::npos ? "." : part.substr(0, above);
      if (const int synced = sync_directory(parent.empty() ? "/" : parent); synced < 0) {
        return synced;
      }
    } else if (errno != EEXIST) {
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

int PosixFileSystem::open_blocks(const std::string& path) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
  const int file = ::open(path.c_str(), flags | O_DIRECT, 0666);
  return file < 0 && errno == EINVAL ? result_of(::open(path.c_str(), flags, 0666))
                                     : result_of(file);
}

int PosixFileSystem::open_to_read(const std::string& path) {
  return result_of(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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

int PosixFileSystem::rename(const std::string& from, const std::string& to) {
  return result_of(::rename(from.c_str(), to.c_str()));
}

int PosixFileSystem::remove(const std::string& path) { return result_of(::unlink(path.c_str())); }

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

ssize_t PosixFileSystem::write(int file, std::span<const std::byte> from, off_t at) {
  ssize_t count = ::pwrite(file, from.data(), from.size(), at);
  if (count < 0 && errno == EINVAL && leave_direct(file)) {
    count = ::pwrite(file, from.data(), from.size(), at);
  }
  return count < 0 ? -errno : count;
}

ssize_t PosixFileSystem::write_durably(int file, std::span<const std::byte> from, off_t at) {
  CommitMethod method{};
  return commit(file, from, at, method);
}

CommitMethod PosixFileSystem::commit_method(const std::string& path) {
  alignas(block_bytes) const std::array<std::byte, block_bytes> zeros{};
  PosixFileSystem files;
  CommitMethod method = CommitMethod::datasync;
  const int file = files.open_blocks(path);
  if (file >= 0) {
    commit(file, zeros, 0, method);
    files.close(file);
    files.remove(path);
  }
  return method;
}

ssize_t read_fully(FileSystem& files, int file, std::span<std::byte> into, std::size_t at) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = files.read(file, into.subspan(done), static_cast<off_t>(at + done));
    if (count < 0) {
      return count;
    }
    if (count == 0) {
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

std::string error_text(int error) { return std::strerror(-error); }

}  // namespace meridian::journal
