// The journal thread: takes records from the match thread and makes them durable, group by group. A
// helper prepares segments, so that their making holds nobody up.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
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
  // 1 while the disk is full: records wait, and `durable` moves on when there is room again.
  std::atomic<std::uint32_t> waiting_for_room;
};

// Told by the journal thread what each group took: nanoseconds until its records were on the disk.
struct CommitObserver {
  void (*committed)(void* context, std::uint64_t took_ns, std::uint32_t records) noexcept = nullptr;
  void* context = nullptr;
};

// One market's way to its log.
class Channel {
 public:
  // `listener` hears when `durable` moved or the log failed; `producer` is woken when it waits for
  // room. All of them, and what `records` reads from, outlive the channel's stay in the journal.
  Channel(rings::RingReader<Record> records, Log& log, JournalStatus& status,
          rings::Doorbell listener, rings::Parking producer, CommitObserver observer = {}) noexcept
      : records_(records),
        log_(log),
        status_(status),
        listener_(listener),
        producer_(producer),
        observer_(observer) {}

  // Why the log failed or waits for room; empty while it does neither. Any thread.
  [[nodiscard]] std::string failure() const;
  // Any thread: the log fails from now on rather than wait for room, so that it can be closed.
  void leave() noexcept { is_leaving_.store(true, std::memory_order_relaxed); }

 private:
  friend class Journal;
  using Clock = std::chrono::steady_clock;

  // Writes what waits, at most one group. False when nothing was done.
  bool write_group();
  void append(std::span<Record> group);
  void report(std::string reason, std::atomic<std::uint32_t>& state);
  [[nodiscard]] bool is_leaving() const noexcept {
    return is_leaving_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_waiting_for_room() const noexcept {
    return status_.waiting_for_room.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] bool has_records_ordered() noexcept { return records_.available_ordered() > 0; }

  rings::RingReader<Record> records_;
  Log& log_;
  JournalStatus& status_;
  rings::Doorbell listener_;
  rings::Parking producer_;
  CommitObserver observer_;
  // Written by who closes the market, read by the journal thread.
  std::atomic<bool> is_leaving_{false};
  Clock::time_point retry_at_;
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
  void want_spare(Log& log);
  void prepare();

  std::vector<Channel*> channels_;
  rings::ControlQueue requests_;
  bool stopping_ = false;
  // Written by the journal thread when it goes to sleep and by who wakes it; see Parking.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> parked_{0};
  // Guards what the preparing thread is told. It holds the mutex while it works on a log, so that a
  // removed channel is not in its hands any more.
  std::mutex preparing_mutex_;
  std::condition_variable preparing_;
  std::vector<Log*> unprepared_;
  bool has_ended_ = false;
  std::thread thread_;
  std::thread preparer_;
};

}  // namespace meridian::journal
