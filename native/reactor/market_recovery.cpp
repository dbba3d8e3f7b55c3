#include "reactor/market_recovery.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "base/ensure.hpp"

namespace meridian::reactor {
OwnEngine::OwnEngine() noexcept {
  // Reserved whole, backed page by page as orders come to rest.
  void* memory = mmap(nullptr, engine::Market::arena_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) {
    arena_ = {static_cast<std::byte*>(memory), engine::Market::arena_bytes()};
    market_ = std::make_unique<engine::Market>(arena_);
  }
}

OwnEngine::~OwnEngine() {
  market_.reset();
  if (!arena_.empty()) {
    munmap(arena_.data(), arena_.size());
  }
}

void replay(engine::Market& market, std::span<const journal::Record> records,
            JournalledMode& mode) noexcept {
  using engine::Market;
  // A command in a record is not aligned; as many are copied as are looked ahead at together.
  constexpr std::size_t batch = 128;
  std::array<wire::Command, batch> commands;
  ReplaySink sink;
  while (!records.empty()) {
    const std::size_t count = std::min(records.size(), batch);
    for (std::size_t at = 0; at < count; ++at) {
      commands[at] = records[at].command();
    }
    for (std::size_t at = 0; at < count; ++at) {
      if (at + Market::look_ahead_far < count) {
        market.look_ahead(Market::glimpse_of(commands[at + Market::look_ahead_near]),
                          Market::glimpse_of(commands[at + Market::look_ahead_far]));
      }
      const wire::RecordPrefix prefix = records[at].prefix();
      market.apply(commands[at], prefix.sequence, prefix.timestamp_ns, sink);
      if (sink.has_configured()) {
        mode.configured(commands[at].order_type, prefix.sequence);
      }
    }
    records = records.subspan(count);
  }
}

namespace {

// Whether the record at which the snapshot was taken is in the log, and is that one.
bool belongs_to_log(journal::FileSystem& files, const std::string& directory,
                    const journal::SnapshotHeader& header) {
  journal::Record record{};
  if (!journal::read_record(files, directory, header.sequence, record)) {
    return false;
  }
  const wire::RecordPrefix prefix = record.prefix();
  return prefix.epoch == header.record_epoch && prefix.timestamp_ns == header.timestamp_ns;
}

// Where the snapshots of a log are.
struct SnapshotFolder {
  journal::FileSystem& files;
  const std::string& directory;
  const std::string& log_id;
};

// Why the snapshot cannot be used; empty when it can.
std::string fault_of(journal::FileSystem& files, const std::string& directory,
                     const std::string& log_id, const journal::Snapshot& snapshot) {
  const journal::SnapshotHeader& header = snapshot.header;
  if (std::string_view(header.log_id.data(), header.log_id.size()) != log_id) {
    return "is of another log";
  }
  if (!belongs_to_log(files, directory, header)) {
    return "does not continue this log";
  }
  const OwnEngine trial;
  if (!trial.is_good()) {
    return "cannot be tried: no address space for a second market";
  }
  return trial.market().restore(snapshot.state) && trial.market().digest() == header.digest
             ? ""
             : "holds no state that this release can restore";
}

// Whether the snapshot is whole, of this log, and can be restored; else `fault` says why not.
bool is_good(const SnapshotFolder& folder, std::uint64_t sequence, journal::Snapshot& snapshot,
             std::string& fault) {
  if (!journal::read_snapshot(folder.files, folder.directory, sequence, snapshot, fault)) {
    return false;
  }
  const std::string why = fault_of(folder.files, folder.directory, folder.log_id, snapshot);
  if (!why.empty()) {
    fault = folder.directory + "/" + journal::snapshot_name(sequence);
    fault.append(" ").append(why);
  }
  return why.empty();
}

// Restores the first good one of these that is not above `highest`.
journal::SnapshotHeader restore_first(const SnapshotFolder& folder,
                                      const std::vector<std::uint64_t>& sequences,
                                      std::uint64_t highest, engine::Market& market,
                                      std::vector<std::string>& faults) {
  for (const std::uint64_t sequence : sequences) {
    if (sequence > highest) {
      continue;
    }
    journal::Snapshot snapshot;
    std::string fault;
    if (is_good(folder, sequence, snapshot, fault)) {
      ensure(market.restore(snapshot.state));
      return snapshot.header;
    }
    faults.push_back(fault);
  }
  return {};
}

}  // namespace

journal::SnapshotHeader restore_newest(journal::FileSystem& files, const std::string& directory,
                                       const std::string& log_id, std::uint64_t highest,
                                       engine::Market& market, std::vector<std::string>& faults) {
  std::vector<std::uint64_t> sequences;
  journal::list_snapshots(files, directory, sequences);
  return restore_first({files, directory, log_id}, sequences, highest, market, faults);
}

journal::SnapshotHeader restore_oldest(journal::FileSystem& files, const std::string& directory,
                                       const std::string& log_id, std::uint64_t highest,
                                       engine::Market& market, std::vector<std::string>& faults) {
  std::vector<std::uint64_t> sequences;
  journal::list_snapshots(files, directory, sequences);
  std::ranges::reverse(sequences);
  return restore_first({files, directory, log_id}, sequences, highest, market, faults);
}

bool reaches_back(const std::string& directory, std::uint64_t first_record,
                  const journal::SnapshotHeader& snapshot, const std::vector<std::string>& faults,
                  std::string& reason) {
  if (snapshot.sequence + 1 >= first_record) {
    return true;
  }
  reason = "trimmed: the log in " + directory + " begins at record " +
           std::to_string(first_record) + ", and no snapshot before the record that is wanted " +
           "can be used";
  for (const std::string& fault : faults) {
    reason.append("; ").append(fault);
  }
  reason += "; restore the folder from a copy, or move it away";
  return false;
}

bool trim_market(journal::Log& log, std::uint64_t base, std::string& reason) {
  std::vector<std::uint64_t> sequences;
  journal::list_snapshots(log.files(), log.directory(), sequences);
  std::size_t good = 0;
  for (const std::uint64_t sequence : sequences) {
    journal::Snapshot snapshot;
    std::string fault;
    if (sequence > base &&
        is_good({log.files(), log.directory(), log.id()}, sequence, snapshot, fault)) {
      ++good;
    }
    if (!fault.empty()) {
      reason.append(fault).append("; ");
    }
  }
  if (good < journal::snapshots_kept) {
    reason += "the log in " + log.directory() + " is not trimmed: only " + std::to_string(good) +
              " snapshots behind record " + std::to_string(base) + " can be restored";
    return false;
  }
  const int outcome = log.trim(base);
  reason = outcome == 0 ? ""
                        : "cannot remove segments in " + log.directory() + ": " +
                              journal::error_text(outcome);
  return outcome == 0;
}

JournalledMode mode_of(const journal::SnapshotHeader& header) noexcept {
  return header.sequence == 0
             ? JournalledMode{}
             : JournalledMode{static_cast<std::uint8_t>(header.mode), header.mode_changed_at};
}

std::unique_ptr<journal::Log> recover_market(journal::FileSystem& files,
                                             const std::string& directory, engine::Market& market,
                                             MarketRecovery& found, std::string& reason,
                                             std::uint64_t records_in_segment) {
  found.snapshot = restore_newest(files, directory, journal::stored_log_id(files, directory),
                                  UINT64_MAX, market, found.faults);
  found.mode = mode_of(found.snapshot);
  const auto start = std::chrono::steady_clock::now();
  const auto visit = [&](std::span<const journal::Record> records) {
    const std::uint64_t first = records.front().prefix().sequence;
    if (found.replayed == 0 && first > found.snapshot.sequence + 1) {
      return;
    }
    const std::uint64_t below =
        found.snapshot.sequence < first ? 0 : found.snapshot.sequence - first + 1;
    records = records.subspan(std::min<std::uint64_t>(below, records.size()));
    found.replayed += records.size();
    replay(market, records, found.mode);
  };
  auto log = journal::Log::open(files, directory, visit, found.log, reason, records_in_segment);
  const auto took = std::chrono::steady_clock::now() - start;
  found.replay_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
  if (log != nullptr &&
      !reaches_back(directory, found.log.first_sequence, found.snapshot, found.faults, reason)) {
    log.reset();
  }
  return log;
}

}  // namespace meridian::reactor
