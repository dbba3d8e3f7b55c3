// From a log folder to an engine in the state of its last record: the newest good snapshot, then
// the records behind it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/market.hpp"
#include "journal/log.hpp"
#include "journal/snapshot_file.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::reactor {

// An engine with an arena of its own.
class OwnEngine {
 public:
  OwnEngine() noexcept;
  OwnEngine(const OwnEngine&) = delete;
  OwnEngine& operator=(const OwnEngine&) = delete;
  ~OwnEngine();

  // False when there was no address space for it; then there is no market.
  [[nodiscard]] bool is_good() const noexcept { return market_ != nullptr; }
  [[nodiscard]] engine::Market& market() const noexcept { return *market_; }

 private:
  std::span<std::byte> arena_;
  std::unique_ptr<engine::Market> market_;
};

// Takes the events of replayed commands: they went out when the commands were new.
class ReplaySink {
 public:
  wire::Event& next() noexcept {
    look();
    return event_;
  }
  void finish() noexcept { look(); }
  // Whether the last command configured the market.
  [[nodiscard]] bool has_configured() noexcept { return std::exchange(has_configured_, false); }

 private:
  void look() noexcept {
    has_configured_ =
        has_configured_ || event_.kind == static_cast<std::uint8_t>(wire::EventKind::configured);
    event_.kind = 0;
  }

  wire::Event event_{};
  bool has_configured_ = false;
};

// The market's mode as its journal says; what it means is the output gate's.
struct JournalledMode {
  std::uint8_t mode = static_cast<std::uint8_t>(wire::DurabilityMode::replicated);
  // Sequence of the configure that changed it; 0 before the first.
  std::uint64_t changed_at = 0;

  // A `configure` of this sequence was accepted.
  void configured(std::uint8_t wanted, std::uint64_t sequence) noexcept {
    if (wanted != mode || changed_at == 0) {
      mode = wanted;
      changed_at = sequence;
    }
  }
};

// Applies records as they stand.
void replay(engine::Market& market, std::span<const journal::Record> records,
            JournalledMode& mode) noexcept;

struct MarketRecovery {
  journal::Recovery log;
  // The snapshot that was used; sequence 0 when there was none.
  journal::SnapshotHeader snapshot{};
  // At the last record.
  JournalledMode mode;
  // Snapshots that were not, and why.
  std::vector<std::string> faults;
  // Records applied behind the snapshot, and how long reading, checking and applying took.
  std::uint64_t replayed = 0;
  std::uint64_t replay_ns = 0;
};

// Puts the newest good snapshot of the log with this id at or below `highest` into a new engine:
// one that is whole, names a record of the log as it is, and has been restored into another engine
// before, because an engine that was left half restored could not be used. The header's sequence is
// 0 when there is none; then the engine is still new.
journal::SnapshotHeader restore_newest(journal::FileSystem& files, const std::string& directory,
                                       const std::string& log_id, std::uint64_t highest,
                                       engine::Market& market, std::vector<std::string>& faults);

// The same with the oldest good one: everything that a trimmed log can still say is replayed.
journal::SnapshotHeader restore_oldest(journal::FileSystem& files, const std::string& directory,
                                       const std::string& log_id, std::uint64_t highest,
                                       engine::Market& market, std::vector<std::string>& faults);

// Whether a log whose first record is this one can be replayed from the snapshot; else `reason`
// says what to do.
bool reaches_back(const std::string& directory, std::uint64_t first_record,
                  const journal::SnapshotHeader& snapshot, const std::vector<std::string>& faults,
                  std::string& reason);

// Removes the segments of the log below `base`, at which its seals begin. False unless two
// snapshots behind it can be restored: one that turns out to be bad later must not be the only one.
bool trim_market(journal::Log& log, std::uint64_t base, std::string& reason);

// What a restored snapshot says of it.
JournalledMode mode_of(const journal::SnapshotHeader& header) noexcept;

// Opens the log and brings the new engine to its last record. Every record is checked, those below
// the snapshot are not applied. Null when the log is refused; `reason` says what to do.
std::unique_ptr<journal::Log> recover_market(
    journal::FileSystem& files, const std::string& directory, engine::Market& market,
    MarketRecovery& found, std::string& reason,
    std::uint64_t records_in_segment = journal::segment_records);

}  // namespace meridian::reactor
