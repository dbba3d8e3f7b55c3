// A market as it was at an earlier record, from the files of its log alone.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "journal/log_scan.hpp"
#include "reactor/market_recovery.hpp"

namespace meridian::reactor {

// Where to stop: at the last record that is neither behind the sequence nor behind the time.
struct RollbackTarget {
  std::uint64_t sequence = UINT64_MAX;
  std::uint64_t timestamp_ns = UINT64_MAX;
};

struct RolledBack {
  // Of the record at which it stopped; 0 when that is before the first.
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  std::uint64_t timestamp_ns = 0;
  std::uint64_t digest = 0;
  std::uint32_t open_orders = 0;
  // The snapshot it began with; sequence 0 when there was none.
  journal::SnapshotHeader snapshot{};
  std::vector<std::string> faults;
  // What the whole log holds.
  journal::Recovery log;
  std::uint64_t replayed = 0;
  std::uint64_t elapsed_ns = 0;
};

// Reads only, and takes no lock: for a log that nobody writes. False when it is damaged.
bool roll_back(journal::FileSystem& files, const std::string& directory,
               const RollbackTarget& target, bool uses_snapshots, engine::Market& market,
               RolledBack& result, std::string& reason);

// Makes a log of its own in `to`, which may not hold one, with the records up to `last`.
bool copy_log(journal::FileSystem& files, const std::string& from, const std::string& to,
              std::uint64_t last, std::string& new_id, std::string& reason);

}  // namespace meridian::reactor
