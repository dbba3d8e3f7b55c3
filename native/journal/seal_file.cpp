#include "journal/seal_file.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "journal/crc32c.hpp"

namespace meridian::journal {
namespace {

constexpr std::size_t entries_together = 4'096;
// Every reader has integers up to here.
constexpr std::uint64_t highest_sequence = (std::uint64_t{1} << 53U) - 1;

std::uint32_t checksum_of(const SealEntry& entry) {
  return crc32c(std::as_bytes(std::span(&entry, 1)).subspan(sizeof(entry.crc32c)));
}

bool is_whole(const SealEntry& entry) { return entry.crc32c == checksum_of(entry); }

bool is_empty(const SealEntry& entry) {
  return std::ranges::all_of(std::as_bytes(std::span(&entry, 1)),
                             [](std::byte byte) { return byte == std::byte{0}; });
}

// One pass over the file.
class SealScan {
 public:
  SealScan(std::string path, Seals& seals, std::string& reason)
      : path_(std::move(path)), seals_(seals), reason_(reason) {}

  // False when the entries that follow are damaged.
  bool take(std::span<const SealEntry> entries) {
    return std::ranges::all_of(entries, [this](const SealEntry& entry) { return take(entry); });
  }

 private:
  bool take(const SealEntry& entry) {
    ++index_;
    if (!is_whole(entry)) {
      if (broken_ == 0) {
        broken_ = index_;
        // An entry lies in one sector: one that a torn write lacks is all zeros.
        is_missing_ = is_empty(entry);
      }
      return true;
    }
    if (broken_ != 0) {
      return is_missing_ && index_ - broken_ < seal_group ? true : damaged();
    }
    if (entry.version != seal_version) {
      reason_ = path_ + " holds seals of version " + std::to_string(entry.version) +
                ", this release knows version " + std::to_string(seal_version) +
                "; start the release that wrote them";
      return false;
    }
    if (entry.last > highest_sequence) {
      reason_ = "damage: seal " + std::to_string(index_) + " in " + path_ + " names the record " +
                std::to_string(entry.last) + "; restore the folder from a copy, or move it away";
      return false;
    }
    ++seals_.entries;
    if (seals_.entries == 1 && entry.kind == static_cast<std::uint16_t>(SealKind::trim)) {
      seals_.trimmed = {entry.last, entry.epoch, entry.hash};
    }
    if (entry.kind != static_cast<std::uint16_t>(SealKind::fence)) {
      seals_.reach = std::max(seals_.reach, entry.last);
    }
    return true;
  }

  bool damaged() {
    reason_ = "damage: seal " + std::to_string(broken_) + " in " + path_ + " is broken, but seal " +
              std::to_string(index_) +
              " behind it is whole; restore the folder from a copy, or move it away";
    return false;
  }

  std::string path_;
  Seals& seals_;
  std::string& reason_;
  std::uint64_t index_ = 0;
  // Index of the first entry that is not whole; 0 while all were.
  std::uint64_t broken_ = 0;
  bool is_missing_ = false;
};

}  // namespace

bool read_seals(FileSystem& files, const std::string& directory, Seals& seals,
                std::string& reason) {
  const std::string path = directory + "/seals";
  const int file = files.open_to_read(path);
  if (file == -ENOENT) {
    return true;
  }
  SealScan scan(path, seals, reason);
  std::vector<SealEntry> entries(entries_together);
  ssize_t length = file;
  bool is_good = true;
  for (std::size_t at = 0; file >= 0 && is_good; at += static_cast<std::size_t>(length)) {
    length = read_fully(files, file, std::as_writable_bytes(std::span(entries)), at);
    if (length <= 0) {
      break;
    }
    const auto count = static_cast<std::size_t>(length) / sizeof(SealEntry);
    is_good = scan.take(std::span(entries).first(count));
  }
  if (file >= 0) {
    files.close(file);
  }
  if (length < 0) {
    reason = "cannot read " + path + ": " + error_text(static_cast<int>(length));
    return false;
  }
  return is_good;
}

int begin_seals(FileSystem& files, const std::string& directory, const ChainPoint& point) {
  SealEntry entry{};
  entry.version = seal_version;
  entry.kind = static_cast<std::uint16_t>(SealKind::trim);
  entry.epoch = point.epoch;
  entry.last = point.sequence;
  entry.hash = point.hash;
  entry.crc32c = checksum_of(entry);
  const std::string path = directory + "/seals";
  const int file = files.open(path + ".new");
  if (file < 0) {
    return file;
  }
  int outcome = files.truncate(file, 0);
  if (outcome == 0) {
    const ssize_t written = files.write(file, std::as_bytes(std::span(&entry, 1)), 0);
    outcome = written == static_cast<ssize_t>(sizeof(entry))
                  ? files.sync(file)
                  : static_cast<int>(std::min<ssize_t>(written, -EIO));
  }
  files.close(file);
  if (outcome == 0) {
    outcome = files.rename(path + ".new", path);
  }
  return outcome == 0 ? files.sync_directory(directory) : outcome;
}

}  // namespace meridian::journal
