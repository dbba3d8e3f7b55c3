// A second engine for each market, fed by its log: snapshots and state roots come from here, so
// that the engine that answers orders is never asked for its whole state.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/log.hpp"
#include "journal/log_reader.hpp"
#include "journal/snapshot_file.hpp"
#include "reactor/market_recovery.hpp"

namespace meridian::reactor {

// Accepted records between two snapshots: a fifth of a second of replay.
inline constexpr std::uint64_t snapshot_interval = 1U << 20U;

struct ShadowState {
  // Where the shadow stands: always a point of the accepted chain.
  journal::ChainPoint point;
  std::uint64_t digest = 0;
  // Sequence of the last snapshot that is on the disk; 0 before the first.
  std::uint64_t snapshot = 0;
  // Why it follows no longer, or why the last snapshot could not be written; else empty.
  std::string failure;
};

// The shadow of one market. It follows the accepted chain and not the log: what it says may leave
// the node.
class ShadowMarket {
 public:
  ShadowMarket(journal::Log& log, std::uint64_t interval) noexcept
      : log_(log), reader_(log), interval_(interval) {}
  ShadowMarket(const ShadowMarket&) = delete;
  ShadowMarket& operator=(const ShadowMarket&) = delete;

  // Any thread: records up to here are accepted, or will be durable here soon. Points do not fall.
  void accept(const journal::ChainPoint& point);
  [[nodiscard]] ShadowState state() const;

 private:
  friend class Shadow;
  enum class Step { worked, waits_for_disk, idle };

  // Shadow thread: some records, or one snapshot.
  Step step();
  bool begin();
  bool check(std::span<const journal::Record> records);
  void arrive();
  void write_snapshot();
  void fail(std::string reason);

  journal::Log& log_;
  journal::LogReader reader_;
  std::uint64_t interval_;
  // The following belong to the shadow thread.
  std::unique_ptr<OwnEngine> engine_;
  std::vector<journal::Record> batch_;
  bool has_failed_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t record_epoch_ = 0;
  std::uint64_t timestamp_ns_ = 0;
  std::uint64_t snapshot_ = 0;
  JournalledMode mode_;
  journal::ChainPoint goal_;
  // Guards what both sides know.
  mutable std::mutex mutex_;
  journal::ChainPoint accepted_;
  ShadowState state_;
};

// The thread that all shadows of a process share, at the lowest priority.
class Shadow {
 public:
  Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;
  // Markets must have been removed.
  ~Shadow();

  // Any thread. After `remove` the market is not touched any more.
  void add(ShadowMarket& market);
  void remove(ShadowMarket& market);
  void accept(ShadowMarket& market, const journal::ChainPoint& point);

 private:
  void run();

  // Held for one step at a time.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ShadowMarket*> markets_;
  bool has_ended_ = false;
  // Written by who accepts, without the mutex: a step can take as long as a snapshot.
  std::atomic<bool> has_news_{false};
  std::thread thread_;
};

}  // namespace meridian::reactor
