// The journal thread: takes records from the match thread and makes them durable, group by group.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/log.hpp"
#include "rings/control_queue.hpp"
#include "rings/doorbell.hpp"
#include "rings/parking.hpp"
#include "rings/spsc_ring.hpp"

namespace meridian::journal {

// Written by the journal thread only, in memory that JavaScript maps. A double, because a reader
// there has no whole 64-bit integers; sequences stay below 2^53.
struct JournalStatus {
  // Sequence of the last durable record.
  alignas(rings::separation_bytes) std::atomic<double> durable;
  // 1 once the log failed: `durable` will not move any more.
  std::atomic<std::uint32_t> failed;
};

// One market's way to its log.
class Channel {
 public:
  // `listener` hears when `durable` moved or the log failed; `producer` is woken when it waits for
  // room. All of them, and what `records` reads from, outlive the channel's stay in the journal.
  Channel(rings::RingReader<Record> records, Log& log, JournalStatus& status,
          rings::Doorbell listener, rings::Parking producer) noexcept
      : records_(records), log_(log), status_(status), listener_(listener), producer_(producer) {}

  // Why the log failed; empty while it has not. Any thread.
  [[nodiscard]] std::string failure() const;

 private:
  friend class Journal;
  // Writes what waits, at most one group. False when nothing waited.
  bool write_group();
  [[nodiscard]] bool has_records_ordered() noexcept { return records_.available_ordered() > 0; }

  rings::RingReader<Record> records_;
  Log& log_;
  JournalStatus& status_;
  rings::Doorbell listener_;
  rings::Parking producer_;
  mutable std::mutex mutex_;
  std::string failure_;
};

class Journal {
 public:
  Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // Channels must have been removed.
  ~Journal();

  // Any thread but the match thread; block until the journal thread has done it. `remove` returns
  // when everything in the channel's ring is durable, or its log has failed.
  void add(Channel& channel);
  void remove(Channel& channel);

  // The match thread wakes the journal through this after publishing records.
  [[nodiscard]] rings::Parking parking() noexcept { return rings::Parking(parked_); }

 private:
  void run();
  void ask(rings::ControlRequest& request);

  std::vector<Channel*> channels_;
  rings::ControlQueue requests_;
  bool stopping_ = false;
  // Written by the journal thread when it goes to sleep and by who wakes it; see Parking.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> parked_{0};
  std::thread thread_;
};

}  // namespace meridian::journal
