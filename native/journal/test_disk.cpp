#include "journal/test_disk.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace meridian::journal {
namespace {

constexpr std::size_t sector_bytes = 512;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The name of a file without its numbers: what it is.
std::string family_of(const std::string& path) {
  std::string family;
  for (const char letter : name_of(path)) {
    if (std::isdigit(static_cast<unsigned char>(letter)) == 0) {
      family += letter;
    } else if (family.empty() || family.back() != '#') {
      family += '#';
    }
  }
  return family;
}

}  // namespace

bool TestDisk::goes_on() {
  if (has_failed_) {
    return false;
  }
  has_failed_ = changes_++ >= fails_at_;
  return !has_failed_;
}

std::string TestDisk::kind_of(const std::string& call, std::size_t file) const {
  const auto named =
      std::ranges::find_if(names_, [file](const auto& name) { return name.second == file; });
  return call + " " + (named == names_.end() ? "a removed file" : family_of(named->first));
}

std::string TestDisk::kind_of_names() const {
  std::set<std::string> waiting;
  for (const Change& change : changes_of_names_) {
    // Whatever becomes of those, nothing is lost: they are made again.
    const std::string family = family_of(change.come);
    if (!family.empty() && family != "lock" && family != "segment.spare" &&
        !family.ends_with(".new")) {
      waiting.insert((change.gone.empty() ? "made " : "moved to ") + family);
    }
  }
  std::string kind = "sync_directory";
  for (const std::string& one : waiting) {
    kind += " [" + one + "]";
  }
  return waiting.empty() ? "" : kind;
}

std::size_t TestDisk::used() const {
  std::size_t bytes = 0;
  for (const auto& [name, file] : names_) {
    bytes += files_[file].seen.size();
  }
  return bytes;
}

void TestDisk::resize(File& file, std::size_t bytes) {
  const std::size_t before = file.seen.size();
  if (bytes < before) {
    const Bytes zeros(before - bytes);
    put(file, zeros, bytes);
  }
  file.seen.resize(bytes);
  file.sizes.push_back(bytes);
}

void TestDisk::put(File& file, std::span<const std::byte> from, std::size_t at) {
  if (at + from.size() > file.seen.size()) {
    resize(file, at + from.size());
  }
  std::ranges::copy(from, file.seen.begin() + static_cast<std::ptrdiff_t>(at));
  if (from.empty()) {
    return;
  }
  for (std::size_t sector = at / sector_bytes; sector <= (at + from.size() - 1) / sector_bytes;
       ++sector) {
    const std::size_t begin = sector * sector_bytes;
    Bytes version(sector_bytes);
    std::copy_n(file.seen.begin() + static_cast<std::ptrdiff_t>(begin),
                std::min(sector_bytes, file.seen.size() - begin), version.begin());
    file.sectors[sector].push_back(std::move(version));
  }
}

void TestDisk::flush(File& file, const std::string& kind) {
  flushes_.insert(kind);
  if (kind == forgotten_flush) {
    return;
  }
  file.platter = file.seen;
  file.sectors.clear();
  file.sizes.clear();
}

// What is left of a file when the power goes.
void TestDisk::lose(File& file) {
  const std::size_t kept = draw(file.sizes.size() + 1);
  if (kept > 0) {
    file.platter.resize(file.sizes[kept - 1]);
  }
  for (const auto& [sector, versions] : file.sectors) {
    const std::size_t begin = sector * sector_bytes;
    const std::size_t chosen = draw(versions.size() + 1);
    if (chosen > 0 && begin < file.platter.size()) {
      std::copy_n(versions[chosen - 1].begin(), std::min(sector_bytes, file.platter.size() - begin),
                  file.platter.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }
  file.seen = file.platter;
  file.sectors.clear();
  file.sizes.clear();
}

void TestDisk::apply(Names& names, const Change& change) {
  if (!change.gone.empty()) {
    names.erase(change.gone);
  }
  if (!change.come.empty()) {
    names[change.come] = change.file;
  }
}

void TestDisk::change(const Change& change) {
  apply(names_, change);
  changes_of_names_.push_back(change);
}

void TestDisk::restart_process() {
  has_failed_ = false;
  fails_at_ = UINT64_MAX;
  open_.clear();
  locks_.clear();
  // It names this process, which lives; the one it stands for does not.
  for (auto& [name, file] : names_) {
    if (name_of(name) == "lock") {
      files_[file].seen.clear();
    }
  }
}

void TestDisk::cut_power() {
  for (const Change& change : changes_of_names_) {
    if (draw(2) == 0) {
      apply(durable_names_, change);
    }
  }
  changes_of_names_.clear();
  names_ = durable_names_;
  for (File& file : files_) {
    lose(file);
  }
  restart_process();
}

std::vector<std::byte>* TestDisk::content(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : &files_[found->second].seen;
}

int TestDisk::make_directory(const std::string& /*path*/) { return has_failed_ ? -EIO : 0; }

int TestDisk::list(const std::string& path, std::vector<std::string>& names) {
  for (const auto& [name, file] : names_) {
    if (folder_of(name) == path) {
      names.push_back(name_of(name));
    }
  }
  return has_failed_ ? -EIO : 0;
}

int TestDisk::open(const std::string& path) {
  if (!names_.contains(path)) {
    if (!goes_on()) {
      return -EIO;
    }
    files_.emplace_back();
    change({"", path, files_.size() - 1});
  }
  open_[next_] = names_[path];
  return has_failed_ ? -EIO : next_++;
}

int TestDisk::open_to_read(const std::string& path) {
  return names_.contains(path) ? open(path) : -ENOENT;
}

void TestDisk::close(int file) {
  const auto found = open_.find(file);
  if (found == open_.end()) {
    return;
  }
  const auto lock = locks_.find(found->second);
  if (lock != locks_.end() && lock->second == file) {
    locks_.erase(lock);
  }
  open_.erase(found);
}

int TestDisk::lock(int file) {
  return locks_.try_emplace(open_.at(file), file).second ? 0 : -EWOULDBLOCK;
}

off_t TestDisk::size(int file) { return static_cast<off_t>(files_[open_.at(file)].seen.size()); }

int TestDisk::allocate(int file, off_t bytes) {
  File& given = files_[open_.at(file)];
  const auto wanted = static_cast<std::size_t>(bytes);
  if (!goes_on()) {
    return -EIO;
  }
  if (wanted <= given.seen.size()) {
    return 0;
  }
  if (used() + wanted - given.seen.size() > capacity) {
    return -ENOSPC;
  }
  resize(given, wanted);
  return 0;
}

int TestDisk::truncate(int file, off_t bytes) {
  if (!goes_on()) {
    return -EIO;
  }
  resize(files_[open_.at(file)], static_cast<std::size_t>(bytes));
  return 0;
}

int TestDisk::rename(const std::string& from, const std::string& to) {
  if (!goes_on()) {
    return -EIO;
  }
  const auto found = names_.find(from);
  if (found == names_.end()) {
    return -ENOENT;
  }
  change({from, to, found->second});
  return 0;
}

int TestDisk::remove(const std::string& path) {
  if (!goes_on()) {
    return -EIO;
  }
  if (!names_.contains(path)) {
    return -ENOENT;
  }
  change({path, "", 0});
  return 0;
}

int TestDisk::sync(int file) {
  if (!goes_on()) {
    return -EIO;
  }
  const std::size_t given = open_.at(file);
  flush(files_[given], kind_of("sync", given));
  return 0;
}

int TestDisk::sync_directory(const std::string& /*path*/) {
  if (!goes_on()) {
    return -EIO;
  }
  const std::string kind = kind_of_names();
  if (!kind.empty()) {
    flushes_.insert(kind);
  }
  if (kind.empty() || kind != forgotten_flush) {
    durable_names_ = names_;
    changes_of_names_.clear();
  }
  return 0;
}

ssize_t TestDisk::read(int file, std::span<std::byte> into, off_t at) {
  const Bytes& seen = files_[open_.at(file)].seen;
  const auto begin = std::min(static_cast<std::size_t>(at), seen.size());
  const std::size_t count = std::min(into.size(), seen.size() - begin);
  std::copy_n(seen.begin() + static_cast<std::ptrdiff_t>(begin), count, into.begin());
  return has_failed_ ? -EIO : static_cast<ssize_t>(count);
}

ssize_t TestDisk::write(int file, std::span<const std::byte> from, off_t at) {
  if (has_failed_) {
    return -EIO;
  }
  File& given = files_[open_.at(file)];
  const std::size_t end = static_cast<std::size_t>(at) + from.size();
  if (end > given.seen.size() && used() + end - given.seen.size() > capacity) {
    return -ENOSPC;
  }
  put(given, from, static_cast<std::size_t>(at));
  return goes_on() ? static_cast<ssize_t>(from.size()) : -EIO;
}

ssize_t TestDisk::write_durably(int file, std::span<const std::byte> from, off_t at) {
  const ssize_t count = write(file, from, at);
  if (count < 0) {
    return count;
  }
  const std::size_t given = open_.at(file);
  flush(files_[given], kind_of("write_durably", given));
  return count;
}

}  // namespace meridian::journal
