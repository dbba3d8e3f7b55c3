#include "reactor/market_recovery.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace meridian::reactor {
void EngineSlot::renew() const noexcept {
  std::destroy_at(&market_);
  madvise(arena_.data(), arena_.size(), MADV_DONTNEED);
  std::construct_at(&market_, arena_);
}

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
        market.look_ahead(commands[at + Market::look_ahead_near],
                          commands[at + Market::look_ahead_far]);
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

journal::SnapshotHeader restore_newest(journal::FileSystem& files, const std::string& directory,
                                       const std::string& log_id, std::uint64_t highest,
                                       const EngineSlot& engine, std::vector<std::string>& faults) {
  std::vector<std::uint64_t> sequences;
  journal::list_snapshots(files, directory, sequences);
  for (const std::uint64_t sequence : sequences) {
    if (sequence > highest) {
      continue;
    }
    journal::Snapshot snapshot;
    std::string reason;
    if (!journal::read_snapshot(files, directory, sequence, snapshot, reason)) {
      faults.push_back(reason);
      continue;
    }
    const journal::SnapshotHeader& header = snapshot.header;
    const std::string path = directory + "/" + journal::snapshot_name(sequence);
    if (std::string_view(header.log_id.data(), header.log_id.size()) != log_id) {
      faults.push_back(path + " is of another log");
      continue;
    }
    if (engine.market().restore(snapshot.state) && engine.market().digest() == header.digest) {
      return header;
    }
    faults.push_back(path + " holds no state that this release can restore");
    engine.renew();
  }
  return {};
}

JournalledMode mode_of(const journal::SnapshotHeader& header) noexcept {
  return header.sequence == 0
             ? JournalledMode{}
             : JournalledMode{static_cast<std::uint8_t>(header.mode), header.mode_changed_at};
}

std::unique_ptr<journal::Log> recover_market(journal::FileSystem& files,
                                             const std::string& directory, const EngineSlot& engine,
                                             MarketRecovery& found, std::string& reason) {
  const std::string log_id = journal::stored_log_id(files, directory);
  for (std::uint64_t highest = UINT64_MAX;;) {
    found.snapshot = restore_newest(files, directory, log_id, highest, engine, found.faults);
    const journal::SnapshotHeader& snapshot = found.snapshot;
    bool belongs = true;
    found.log = {};
    found.replayed = 0;
    found.mode = mode_of(snapshot);
    const auto start = std::chrono::steady_clock::now();
    const auto visit = [&](std::span<const journal::Record> records) {
      const std::uint64_t first = records.front().prefix().sequence;
      if (snapshot.sequence >= first) {
        const std::uint64_t skipped =
            std::min<std::uint64_t>(snapshot.sequence - first + 1, records.size());
        if (first + skipped - 1 == snapshot.sequence) {
          const wire::RecordPrefix prefix = records[skipped - 1].prefix();
          belongs =
              prefix.epoch == snapshot.record_epoch && prefix.timestamp_ns == snapshot.timestamp_ns;
        }
        records = records.subspan(skipped);
      }
      found.replayed += records.size();
      replay(engine.market(), records, found.mode);
    };
    auto log = journal::Log::open(files, directory, visit, found.log, reason);
    const auto took = std::chrono::steady_clock::now() - start;
    found.replay_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
    if (log == nullptr || belongs) {
      return log;
    }
    found.faults.push_back(directory + "/" + journal::snapshot_name(snapshot.sequence) +
                           " does not continue this log");
    highest = snapshot.sequence - 1;
    engine.renew();
  }
}

}  // namespace meridian::reactor
