// One market as the match thread sees it: rings in, engine, rings out.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/depth.hpp"
#include "engine/market.hpp"
#include "journal/journal.hpp"
#include "journal/log.hpp"
#include "journal/log_reader.hpp"
#include "memory/market_memory.hpp"
#include "memory/memory_keeper.hpp"
#include "reactor/client_set.hpp"
#include "reactor/market_recovery.hpp"
#include "reactor/market_region.hpp"
#include "reactor/output_gate.hpp"
#include "reactor/shadow.hpp"
#include "reactor/tick_clock.hpp"
#include "rings/doorbell.hpp"
#include "rings/parking.hpp"
#include "rings/shared_region.hpp"
#include "rings/spsc_ring.hpp"

namespace meridian::reactor {

struct MarketOptions {
  std::string directory;
  std::uint64_t epoch = 0;
  // Slots of the rings; powers of two.
  std::uint32_t command_slots = 1U << 14U;
  std::uint32_t event_slots = 1U << 16U;
  std::uint32_t record_slots = 1U << 15U;
  memory::MemoryOptions memory;
  // Least time between two answers to readers of depth. A snapshot takes about 1 µs and a page of
  // orders 5 µs, so all of them together cost the match thread some hundredths.
  std::uint64_t depth_interval_ns = 100'000;
  // Accepted records between two snapshots of the shadow.
  std::uint64_t snapshot_interval = reactor::snapshot_interval;
  // In a segment of the log; fewer are for tests.
  std::uint64_t records_in_segment = journal::segment_records;
};

// What the match thread lends to each of its markets.
struct MatchThread {
  const TickClock& clock;
  rings::Parking parking;  // its own
  rings::Parking journal;  // to wake the journal thread
  memory::MemoryKeeper& memory;
  // Node whose memory is near it; absent where there is only one.
  std::optional<unsigned> memory_node;
};

// The lane of the process that hosts the market.
inline constexpr std::uint32_t depth_owner_lane = 0;

class HostedMarket {
 public:
  // Opens the log, replays it into a new engine, makes the rings. Blocks on the disk. Null when the
  // log is refused or memory is short; `reason` then says what to do. `listener` is called with
  // `context` from the match and the journal thread when an armed doorbell rings.
  static std::unique_ptr<HostedMarket> open(journal::FileSystem& files,
                                            const MarketOptions& options, MatchThread thread,
                                            rings::Doorbell::Ring listener, void* context,
                                            std::string& reason);
  HostedMarket(const HostedMarket&) = delete;
  HostedMarket& operator=(const HostedMarket&) = delete;
  ~HostedMarket();

  // Match thread, before its first turn.
  void start() noexcept { depth_.set_interval(thread_.clock.ticks_of(options_.depth_interval_ns)); }

  // Match thread, each turn: processes at most `budget` commands of the market's owner and some of
  // each client, and answers a reader of depth. Returns how many.
  std::uint32_t serve(std::uint32_t budget) noexcept;

  // Match thread: records of another owner, checked before, go into engine and log as they are.
  // True when all have been taken; else it wants to be called again, and serves no command in
  // between.
  bool adopt(std::span<const journal::Record> records, std::size_t& done) noexcept;

  // Match thread. A client is served until it ends or is detached; after detach() the port is not
  // touched again. attach() is false when all places are taken.
  [[nodiscard]] bool attach(ClientPort& port) noexcept { return clients_.attach(port); }
  void detach(ClientPort& port, client::EndReason reason) noexcept {
    clients_.detach(port, reason);
  }

  // Match thread: sequence of the last command.
  [[nodiscard]] std::uint64_t matched() const noexcept { return sequence_; }

  // Match thread, while parking: whether serve() would do something now, and whether commands wait.
  [[nodiscard]] bool can_work_ordered() noexcept;
  [[nodiscard]] bool has_commands_ordered() noexcept {
    return commands_.available_ordered() > 0 || clients_.owes_cancel() ||
           clients_.any([](ClientPort& port) { return port.has_commands_ordered(); });
  }
  // Match thread, while parking: whether the owner of the market waits for a page of orders. Other
  // readers may not keep the thread awake; they find what settle_depth() left behind.
  [[nodiscard]] bool owes_page_ordered() noexcept {
    return depth_.is_page_wanted_ordered(depth_owner_lane);
  }
  // Match thread, before it sleeps and before the market is removed.
  void settle_depth() noexcept { depth_.settle(engine_, sequence_); }
  // Match thread: commands or events wait, but for what somebody else does.
  [[nodiscard]] bool is_blocked() noexcept {
    return commands_.available() > 0 || own_has_work_ || clients_.owes_events() ||
           clients_.owes_cancel() ||
           clients_.any([](ClientPort& port) { return port.is_blocked(); });
  }
  // Match thread: nothing more will come out of the command ring as it stands.
  [[nodiscard]] bool is_drained() noexcept { return commands_.available() == 0; }

  // Any thread: events are thrown away from now on when the ring is full, so that a market whose
  // reader has gone can be closed. The caller wakes the match thread.
  void discard_events() noexcept { discarding_.store(true, std::memory_order_seq_cst); }
  // Any thread, before the market is removed: it does not wait for room on a full disk any longer.
  void leave() noexcept { channel_->leave(); }
  // Any thread; the epoch of the records of commands that are published after the call.
  void set_epoch(std::uint64_t epoch) noexcept { epoch_.store(epoch, std::memory_order_release); }
  [[nodiscard]] std::uint64_t epoch() const noexcept {
    return epoch_.load(std::memory_order_acquire);
  }

  [[nodiscard]] journal::Channel& channel() noexcept { return *channel_; }
  [[nodiscard]] journal::Log& log() noexcept { return *log_; }
  // For the thread that owns the producers.
  [[nodiscard]] journal::LogReader& reader() noexcept { return *reader_; }
  [[nodiscard]] const MarketRegion& region() const noexcept { return *region_; }
  // Any thread.
  [[nodiscard]] memory::MemoryReport memory_report() const noexcept { return arena_->report(); }
  [[nodiscard]] const rings::SharedRegion& memory() const noexcept { return memory_; }
  // A DepthRegion, read-only for every other process, and the DepthRequests of the market's owner,
  // who reads in lane depth_owner_lane.
  [[nodiscard]] const rings::SharedRegion& depth_memory() const noexcept { return depth_memory_; }
  [[nodiscard]] const rings::SharedRegion& depth_requests() const noexcept {
    return depth_requests_;
  }
  // A MarketMetrics, read-only for every other process.
  [[nodiscard]] const rings::SharedRegion& metrics_memory() const noexcept {
    return metrics_memory_;
  }
  [[nodiscard]] const MarketMetrics& metrics() const noexcept { return *metrics_; }
  // The thread that watches over the market.
  void show_alert(bool is_slow, std::uint64_t p50_ns, std::uint64_t usual_ns,
                  std::uint32_t cause) noexcept;
  // Any thread: every command takes so much longer from now on, to see whether anybody notices.
  void plant_delay(std::uint64_t ns) noexcept { planted_ns_.store(ns, std::memory_order_relaxed); }
  // Any thread: whether commands are measured (they are, unless told otherwise): for seeing what
  // that costs. Unmeasured, the clock is read for the sequencer alone, and no alert can be raised.
  void set_measuring(bool measures) noexcept {
    measures_.store(measures, std::memory_order_relaxed);
  }

  [[nodiscard]] const MarketOptions& options() const noexcept { return options_; }
  [[nodiscard]] const MarketRecovery& recovery() const noexcept { return recovery_; }
  [[nodiscard]] ShadowMarket& shadow() noexcept { return *shadow_; }

  // Only while the market is idle: every published command was processed, which the caller saw by
  // an acquiring look at the head of the command ring, and nothing is published meanwhile.
  [[nodiscard]] const engine::Market& idle_engine() const noexcept { return engine_; }
  [[nodiscard]] std::uint64_t idle_sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t idle_timestamp_ns() const noexcept { return timestamp_ns_; }
  // Epoch of the last record.
  [[nodiscard]] std::uint64_t idle_record_epoch() const noexcept { return record_epoch_; }

 private:
  // What the engine writes its events to: the event ring itself.
  class Sink {
   public:
    explicit Sink(HostedMarket& market) noexcept : market_(market) {}
    wire::Event& next() noexcept {
      pass_on();
      wire::Event* slot = market_.events_.next();
      written_ = slot != nullptr ? slot : &market_.wait_for_event_slot();
      return *written_;
    }
    void finish() noexcept {
      pass_on();
      written_ = nullptr;
      market_.events_.publish();
      market_.finish_command();
    }

   private:
    // An event is complete when the next one is asked for.
    void pass_on() noexcept {
      if (market_.watches_events_ && written_ != nullptr) {
        market_.watch(*written_);
      }
    }

    HostedMarket& market_;
    wire::Event* written_ = nullptr;
  };

  struct Memory {
    rings::SharedRegion market;
    rings::SharedRegion records;
    rings::SharedRegion depth;
    rings::SharedRegion depth_requests;
    rings::SharedRegion metrics;
  };
  HostedMarket(const MarketOptions& options, MatchThread thread, rings::Doorbell::Ring listener,
               void* context, std::unique_ptr<memory::MarketMemory> arena, Memory memory) noexcept;

  // Match thread: at most `budget` commands of the owner.
  std::uint32_t take(std::uint32_t budget) noexcept;
  // Match thread, under the lease, before everything else of the turn: of each client the commands
  // that come first in its ring and go before orders.
  std::uint32_t take_relief_of_clients() noexcept;
  void take_one(const wire::Command& command, std::uint32_t& taken) noexcept;
  // Match thread, while parking: whether something can be taken of a client with so much unsafe.
  [[nodiscard]] bool can_take_ordered(std::uint64_t unsafe) noexcept;
  // Match thread, under the lease: some commands of each client, and what clients that have gone
  // left to do.
  std::uint32_t take_of_clients() noexcept;
  // Match thread: shows clients what is safe, and sees whether more may be taken of them.
  void release_events() noexcept;
  // One command, from its stamps to its record. Returns the time when it was done; 0 unmeasured.
  std::uint64_t process(const wire::Command& command, std::uint64_t epoch, std::uint64_t start,
                        Sink& sink) noexcept;
  // An event of the command under way, complete.
  void watch(wire::Event& event) noexcept;
  void finish_command() noexcept {
    if (watches_events_) {
      clients_.finish_command(gate_is_open_);
    }
  }
  [[nodiscard]] GatePositions gate_positions() const noexcept;
  void measure(const wire::Command& command, std::uint64_t start, std::uint64_t sequenced,
               std::uint64_t matched, std::uint64_t end) noexcept;

  [[nodiscard]] bool has_room() noexcept;
  wire::Event& wait_for_event_slot() noexcept;
  void count_stall() noexcept;
  void publish_batch() noexcept;

  MarketOptions options_;
  MatchThread thread_;
  std::unique_ptr<memory::MarketMemory> arena_;
  rings::SharedRegion memory_;
  rings::SharedRegion record_memory_;
  rings::SharedRegion depth_memory_;
  rings::SharedRegion depth_requests_;
  rings::SharedRegion metrics_memory_;
  MarketRegion* region_;
  MarketMetrics* metrics_;
  engine::Market engine_;
  engine::DepthPublisher depth_;
  rings::RingReader<wire::Command> commands_;
  rings::RingWriter<wire::Event> events_;
  rings::RingWriter<journal::Record> records_;
  rings::Doorbell events_bell_;
  std::uint64_t sequence_ = 0;
  std::uint64_t timestamp_ns_ = 0;
  std::uint64_t record_epoch_ = 0;
  bool stalled_ = false;
  bool adopting_ = false;
  ClientSet clients_;
  OutputGate gate_;
  bool gate_is_open_ = false;
  // Somebody but the owner wants to know of the events of the command under way.
  bool watches_events_ = false;
  std::uint8_t configured_mode_ = 0;
  bool has_lease_ = false;
  bool may_take_of_clients_ = false;
  bool may_take_relief_ = false;
  // A command of the reactor's own is under way; it was refused; such commands left work.
  bool own_is_under_way_ = false;
  bool own_is_refused_ = false;
  bool own_has_work_ = false;
  // Where events go once nobody reads them any more.
  wire::Event discarded_{};
  // Written by whoever compares, read by the match thread.
  std::atomic<bool> measures_{true};
  // Written by whoever tests the alarms, read by the match thread.
  std::atomic<std::uint64_t> planted_ns_{0};
  // Written by the thread that owns the producers, read by the match thread.
  std::atomic<bool> discarding_{false};
  std::atomic<std::uint64_t> epoch_;
  std::unique_ptr<journal::Log> log_;
  std::unique_ptr<journal::LogReader> reader_;
  std::unique_ptr<ShadowMarket> shadow_;
  MarketRecovery recovery_;
  // Made when the log is open.
  std::unique_ptr<journal::Channel> channel_;
};

}  // namespace meridian::reactor
