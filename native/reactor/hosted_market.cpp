#include "reactor/hosted_market.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "reactor/thread_placement.hpp"

namespace meridian::reactor {
namespace {

// How long the match thread spins for room in an event ring before it sleeps.
constexpr std::uint64_t stall_spin_ns = 50'000;

// Free event slots a command wants before it is taken: most commands fit, so that a reader who is
// late holds up its own market and not the others. A sweep that needs more waits in its middle.
std::uint32_t event_reserve(std::uint32_t event_slots) {
  constexpr std::uint32_t usual_most = 1024;
  return event_slots / 4 < usual_most ? event_slots / 4 : usual_most;
}

// Commands of one client before the next one gets its turn: less than of the owner, who speaks for
// many.
constexpr std::uint32_t client_budget = 16;

template <class Slot>
Slot* slots_at(const rings::SharedRegion& memory, std::size_t offset) {
  return reinterpret_cast<Slot*>(memory.memory().data() + offset);
}

std::size_t event_offset(const MarketOptions& options) {
  return market_slots_offset + std::size_t{options.command_slots} * sizeof(wire::Command);
}

constexpr std::size_t record_offset = sizeof(rings::RingCursors);

// What was made at the start of a region.
template <class Thing>
Thing* start_of(const rings::SharedRegion& memory) {
  return std::launder(reinterpret_cast<Thing*>(memory.memory().data()));
}

rings::RingCursors& record_cursors(const rings::SharedRegion& memory) {
  return *start_of<rings::RingCursors>(memory);
}

// Journal thread, the only writer of these.
void note_commit(void* metrics, std::uint64_t took_ns, std::uint32_t records) noexcept {
  auto& into = *static_cast<MarketMetrics*>(metrics);
  into.commits.record(took_ns);
  into.committed_records.store(into.committed_records.load(std::memory_order_relaxed) + records,
                               std::memory_order_relaxed);
}

}  // namespace

std::unique_ptr<HostedMarket> HostedMarket::open(journal::FileSystem& files,
                                                 const MarketOptions& options, MatchThread thread,
                                                 rings::Doorbell::Ring listener, void* context,
                                                 std::string& reason) {
  int error = 0;
  Memory memory;
  const auto make = [&error](rings::SharedRegion& region, const char* name, std::size_t bytes,
                             rings::Writers writers) {
    if (error == 0) {
      region = rings::SharedRegion::create(name, bytes, error, writers);
    }
  };
  make(memory.market, "meridian-market",
       event_offset(options) + std::size_t{options.event_slots} * sizeof(wire::Event),
       rings::Writers::everyone);
  make(memory.records, "meridian-records",
       record_offset + std::size_t{options.record_slots} * sizeof(journal::Record),
       rings::Writers::everyone);
  make(memory.depth, "meridian-depth", sizeof(engine::DepthRegion), rings::Writers::maker);
  make(memory.depth_requests, "meridian-depth-requests", sizeof(engine::DepthRequests),
       rings::Writers::everyone);
  make(memory.metrics, "meridian-metrics", sizeof(MarketMetrics), rings::Writers::maker);
  if (error != 0) {
    reason = std::string("no memory for the rings of the market: ") + std::strerror(error) +
             "; give the process more memory or open fewer markets";
    return nullptr;
  }
  std::unique_ptr<memory::MarketMemory> arena =
      memory::MarketMemory::reserve(options.memory, reason);
  if (arena == nullptr) {
    return nullptr;
  }
  if (thread.memory_node.has_value()) {
    // Pages that are there already move.
    bind_memory(arena->arena(), *thread.memory_node);
    for (const rings::SharedRegion* one : {&memory.market, &memory.records, &memory.depth}) {
      bind_memory(one->memory(), *thread.memory_node);
    }
  }
  auto* region = new (memory.market.memory().data()) MarketRegion{};
  region->committed.store(-1, std::memory_order_relaxed);
  new (memory.records.memory().data()) rings::RingCursors{};
  new (memory.depth.memory().data()) engine::DepthRegion{};
  new (memory.depth_requests.memory().data()) engine::DepthRequests{};
  new (memory.metrics.memory().data()) MarketMetrics{};
  std::unique_ptr<HostedMarket> market(
      new HostedMarket(options, thread, listener, context, std::move(arena), std::move(memory)));
  market->log_ = recover_market(files, options.directory, market->engine_, market->recovery_,
                                reason, options.records_in_segment);
  if (market->log_ == nullptr) {
    return nullptr;
  }
  market->gate_.configured(market->recovery_.mode.mode, market->recovery_.mode.changed_at);
  market->reader_ = std::make_unique<journal::LogReader>(*market->log_);
  market->shadow_ = std::make_unique<ShadowMarket>(*market->log_, options.snapshot_interval);
  const journal::Recovery& found = market->recovery_.log;
  market->sequence_ = found.last_sequence;
  market->timestamp_ns_ = found.last_timestamp_ns;
  market->record_epoch_ = found.last_epoch;
  // A record may not carry a lower epoch than the one before it.
  market->epoch_ = options.epoch > found.last_epoch ? options.epoch : found.last_epoch;
  market->region_->journal.durable = static_cast<double>(found.last_sequence);
  market->channel_ = std::make_unique<journal::Channel>(
      rings::RingReader<journal::Record>(
          record_cursors(market->record_memory_),
          slots_at<journal::Record>(market->record_memory_, record_offset), options.record_slots),
      *market->log_, market->region_->journal,
      rings::Doorbell(market->region_->durable_armed, listener, context), thread.parking,
      journal::CommitObserver{note_commit, market->metrics_});
  market->publish_batch();
  market->settle_depth();
  return market;
}

HostedMarket::HostedMarket(const MarketOptions& options, MatchThread thread,
                           rings::Doorbell::Ring listener, void* context,
                           std::unique_ptr<memory::MarketMemory> arena, Memory memory) noexcept
    : options_(options),
      thread_(thread),
      arena_(std::move(arena)),
      memory_(std::move(memory.market)),
      record_memory_(std::move(memory.records)),
      depth_memory_(std::move(memory.depth)),
      depth_requests_(std::move(memory.depth_requests)),
      metrics_memory_(std::move(memory.metrics)),
      region_(start_of<MarketRegion>(memory_)),
      metrics_(start_of<MarketMetrics>(metrics_memory_)),
      engine_(arena_->arena(), &arena_->backing()),
      depth_(*start_of<engine::DepthRegion>(depth_memory_), {}),
      commands_(region_->commands, slots_at<wire::Command>(memory_, market_slots_offset),
                options.command_slots),
      events_(region_->events, slots_at<wire::Event>(memory_, event_offset(options)),
              options.event_slots),
      records_(record_cursors(record_memory_),
               slots_at<journal::Record>(record_memory_, record_offset), options.record_slots),
      events_bell_(region_->events_armed, listener, context),
      epoch_(options.epoch) {
  depth_.attach(depth_owner_lane, *start_of<engine::DepthRequests>(depth_requests_));
  thread_.memory.add(*arena_);
  arena_->begin(engine_);
}

HostedMarket::~HostedMarket() { thread_.memory.remove(*arena_); }

std::uint32_t HostedMarket::serve(std::uint32_t budget) noexcept {
  std::uint32_t taken = 0;
  if (!adopting_) {
    if (clients_.has_clients()) {
      release_events();
      taken = may_take_relief_ ? take_relief_of_clients() : 0;
    }
    taken += take(budget);
    if (!clients_.is_idle() || own_has_work_) {
      if (!clients_.has_clients()) {
        has_lease_ = OutputGate::has_lease(gate_positions());
      }
      // Without a lease a command that nobody asks for would stand between this owner's log
      // and that of the next.
      taken += has_lease_ ? take_of_clients() : 0;
    }
  }
  if (taken == 0) {
    engine_.walk_ahead();
  }
  depth_.poll(engine_, sequence_, thread_.clock.now());
  return taken;
}

std::uint32_t HostedMarket::take(std::uint32_t budget) noexcept {
  const std::uint32_t waiting = commands_.available();
  if (waiting == 0) {
    return 0;
  }
  const std::uint32_t most = waiting < budget ? waiting : budget;
  // Acquire pairs with set_epoch: commands published after it are seen after it.
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  Sink sink(*this);
  std::uint64_t start = 0;
  std::uint32_t taken = 0;
  for (; taken < most && has_room(); ++taken) {
    if (waiting - taken > engine::Market::look_ahead_far) {
      engine_.look_ahead(glimpse_of_shared(commands_.at(engine::Market::look_ahead_near)),
                         glimpse_of_shared(commands_.at(engine::Market::look_ahead_far)));
    }
    // The slot stays the producer's memory: it is copied once, and only the copy is used.
    const wire::Command command = commands_.at(0);
    if (waiting == 1) {
      engine_.expect(command);
    }
    start = process(command, epoch, start != 0 ? start : thread_.clock.now(), sink);
    commands_.advance(1);
  }
  if (taken > 0) {
    // A sweep or a cascade goes on by itself when nobody sends what would carry it on.
    own_has_work_ = own_has_work_ || (taken == waiting && engine_.has_work());
    stalled_ = false;
    publish_batch();
  }
  return taken;
}

std::uint64_t HostedMarket::process(const wire::Command& command, std::uint64_t epoch,
                                    std::uint64_t start, Sink& sink) noexcept {
  const std::uint64_t wall = thread_.clock.wall_ns(start);
  timestamp_ns_ = wall > timestamp_ns_ ? wall : timestamp_ns_;
  ++sequence_;
  record_epoch_ = epoch;
  records_.next()->fill(epoch, sequence_, timestamp_ns_, command);
  const bool configures = command.kind == static_cast<std::uint8_t>(wire::CommandKind::configure);
  if (configures) [[unlikely]] {
    configured_mode_ = command.order_type;
  }
  watches_events_ = configures || own_is_under_way_ || clients_.has_clients();
  const bool measures = measures_.load(std::memory_order_relaxed);
  const bool is_sampled = measures && sequence_ % sample_interval == 0;
  const std::uint64_t sequenced = is_sampled ? thread_.clock.now() : 0;
  engine_.apply(command, sequence_, timestamp_ns_, sink);
  if (const std::uint64_t planted = planted_ns_.load(std::memory_order_relaxed); planted != 0)
      [[unlikely]] {
    for (const std::uint64_t until = thread_.clock.now() + thread_.clock.ticks_of(planted);
         thread_.clock.now() < until;) {
    }
  }
  const std::uint64_t matched = is_sampled ? thread_.clock.now() : 0;
  records_.publish();
  if (!measures) [[unlikely]] {
    return 0;
  }
  const std::uint64_t end = thread_.clock.now();
  region_->service_time.record(thread_.clock.duration_ns(end - start));
  measure(command, start, sequenced, matched, end);
  return end;
}

void HostedMarket::measure(const wire::Command& command, std::uint64_t start,
                           std::uint64_t sequenced, std::uint64_t matched,
                           std::uint64_t end) noexcept {
  std::atomic<std::uint64_t>& commands = metrics_->commands[command.kind < 16 ? command.kind : 0];
  commands.store(commands.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (sequenced == 0) {
    return;
  }
  const auto record = [this](Stage stage, std::uint64_t ticks) {
    metrics_->stages[static_cast<std::size_t>(stage)].record(thread_.clock.duration_ns(ticks));
  };
  record(Stage::sequence, sequenced - start);
  record(Stage::match, matched - sequenced);
  record(Stage::hand_on, end - matched);
}

void HostedMarket::watch(wire::Event& event) noexcept {
  const auto kind = static_cast<wire::EventKind>(event.kind);
  if (kind == wire::EventKind::configured) [[unlikely]] {
    gate_.configured(configured_mode_, sequence_);
    gate_is_open_ = false;  // until it is looked at again
  }
  if (own_is_under_way_ || clients_.is_from_client()) {
    event.flags |= wire::event_is_foreign;
    own_is_refused_ = own_is_refused_ || (own_is_under_way_ && kind == wire::EventKind::refused);
  }
  clients_.route(event);
}

std::uint32_t HostedMarket::take_relief_of_clients() noexcept {
  std::uint32_t taken = 0;
  clients_.visit_in_turn([&](ClientPort& port) noexcept {
    const std::uint32_t before = taken;
    wire::Command command;
    while (taken - before < client_budget && port.has_relief() && has_room() &&
           port.take(command)) {
      take_one(command, taken);
    }
    if (taken != before) {
      port.release_commands();
    }
  });
  if (taken > 0) {
    stalled_ = false;
    publish_batch();
  }
  return taken;
}

void HostedMarket::take_one(const wire::Command& command, std::uint32_t& taken) noexcept {
  Sink sink(*this);
  process(command, epoch_.load(std::memory_order_acquire), thread_.clock.now(), sink);
  ++taken;
}

std::uint32_t HostedMarket::take_of_clients() noexcept {
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  Sink sink(*this);
  std::uint32_t taken = 0;
  std::uint64_t start = 0;
  const auto process_next = [&](const wire::Command& command) noexcept {
    start = process(command, epoch, start != 0 ? start : thread_.clock.now(), sink);
    ++taken;
  };
  if (may_take_of_clients_) {
    clients_.visit_in_turn([&](ClientPort& port) noexcept {
      const std::uint32_t before = taken;
      wire::Command command;
      while (taken - before < client_budget && port.has_command() && has_room() &&
             port.take(command)) {
        engine::Market::Glimpse near;
        engine::Market::Glimpse far;
        if (port.glimpse(engine::Market::look_ahead_far - 1, far) &&
            port.glimpse(engine::Market::look_ahead_near - 1, near)) {
          engine_.look_ahead(near, far);
        } else if (taken == before) {
          engine_.expect(command);
        }
        process_next(command);
      }
      if (taken != before) {
        port.release_commands();
      }
    });
  }
  // What the reactor does of itself is journalled like any command.
  own_is_under_way_ = true;
  while (clients_.owes_cancel() && has_room()) {
    own_is_refused_ = false;
    process_next(clients_.owed_cancel());
    own_has_work_ = true;
    if (own_is_refused_) {
      break;  // too many sweeps wait: some work first
    }
    clients_.cancel_is_done();
  }
  if (own_has_work_ && has_room()) {
    own_has_work_ = engine_.has_work();
    if (own_has_work_) {
      wire::Command tick{};
      tick.kind = static_cast<std::uint8_t>(wire::CommandKind::tick);
      process_next(tick);
    }
  }
  own_is_under_way_ = false;
  if (taken > 0) {
    stalled_ = false;
    publish_batch();
  }
  return taken;
}

GatePositions HostedMarket::gate_positions() const noexcept {
  GatePositions positions;
  positions.matched = sequence_;
  // seq_cst, because a thread about to sleep looks at them as well: see Parking.
  positions.durable =
      static_cast<std::uint64_t>(region_->journal.durable.load(std::memory_order_seq_cst));
  positions.committed = region_->committed.load(std::memory_order_seq_cst);
  positions.lease_until_ns = region_->lease_until_ns.load(std::memory_order_seq_cst);
  if (positions.lease_until_ns != 0) {
    positions.now_ns = static_cast<double>(thread_.clock.monotonic_ns_at(thread_.clock.now()));
  }
  return positions;
}

void HostedMarket::release_events() noexcept {
  const GatePositions positions = gate_positions();
  const bool was_open = gate_is_open_;
  gate_is_open_ = gate_.is_open(positions);
  has_lease_ = OutputGate::has_lease(positions);
  if (gate_is_open_ && was_open) {
    may_take_of_clients_ = true;
    may_take_relief_ = true;
    return;
  }
  const std::uint64_t safe = gate_.safe(positions);
  clients_.release_events_through(safe);
  may_take_of_clients_ = has_lease_ && sequence_ - safe < unsafe_window;
  may_take_relief_ = has_lease_ && sequence_ - safe < unsafe_window + relief_window;
}

void HostedMarket::show_alert(bool is_slow, std::uint64_t p50_ns, std::uint64_t usual_ns,
                              std::uint32_t cause) noexcept {
  metrics_->slow_p50_ns.store(p50_ns, std::memory_order_relaxed);
  metrics_->usual_p50_ns.store(usual_ns, std::memory_order_relaxed);
  metrics_->slow_cause.store(cause, std::memory_order_relaxed);
  if (is_slow) {
    metrics_->alerts.fetch_add(1, std::memory_order_relaxed);
  }
  // Release: whoever sees the state sees what it is about.
  metrics_->is_slow.store(is_slow ? 1 : 0, std::memory_order_release);
}

bool HostedMarket::adopt(std::span<const journal::Record> records, std::size_t& done) noexcept {
  constexpr std::size_t budget = 256;
  adopting_ = true;
  ReplaySink sink;
  std::size_t taken = 0;
  for (; taken < budget && done < records.size() && records_.has_room(1); ++taken, ++done) {
    const journal::Record& record = records[done];
    const wire::RecordPrefix prefix = record.prefix();
    sequence_ = prefix.sequence;
    timestamp_ns_ = prefix.timestamp_ns;
    record_epoch_ = prefix.epoch;
    *records_.next() = record;
    const wire::Command command = record.command();
    engine_.apply(command, sequence_, timestamp_ns_, sink);
    if (sink.has_configured()) {
      gate_.configured(command.order_type, sequence_);
    }
  }
  if (taken > 0) {
    publish_batch();
  }
  adopting_ = done < records.size();
  // No later record may carry a lower epoch. The producers' owner sets no epoch meanwhile.
  if (record_epoch_ > epoch()) {
    set_epoch(record_epoch_);
  }
  return !adopting_;
}

bool HostedMarket::can_work_ordered() noexcept {
  const bool has_output_room = !adopting_ && records_.has_room_ordered(1) &&
                               (events_.has_room_ordered(event_reserve(events_.capacity())) ||
                                discarding_.load(std::memory_order_seq_cst));
  if (has_output_room && commands_.available_ordered() > 0) {
    return true;
  }
  if (clients_.is_idle() && !own_has_work_) {
    return false;
  }
  const GatePositions positions = gate_positions();
  const std::uint64_t safe = gate_.safe(positions);
  if (has_output_room && OutputGate::has_lease(positions) &&
      (clients_.owes_cancel() || own_has_work_ || can_take_ordered(sequence_ - safe))) {
    return true;
  }
  return clients_.any([safe](const ClientPort& port) { return port.can_release(safe); });
}

bool HostedMarket::can_take_ordered(std::uint64_t unsafe) noexcept {
  if (unsafe < unsafe_window) {
    return clients_.any([](ClientPort& port) { return port.can_work_ordered(); });
  }
  return unsafe < unsafe_window + relief_window && clients_.any([](ClientPort& port) {
    return port.can_work_ordered() && port.has_relief();
  });
}

bool HostedMarket::has_room() noexcept {
  if (!records_.has_room(1)) {
    return false;
  }
  if (events_.has_room(event_reserve(events_.capacity())) ||
      discarding_.load(std::memory_order_relaxed)) {
    return true;
  }
  if (!stalled_) {
    stalled_ = true;
    count_stall();
  }
  return false;
}

wire::Event& HostedMarket::wait_for_event_slot() noexcept {
  if (discarding_.load(std::memory_order_relaxed)) {
    return discarded_;
  }
  count_stall();
  events_.publish_ordered();
  events_bell_.notify();
  const std::uint64_t sleep_after = thread_.clock.now() + thread_.clock.ticks_of(stall_spin_ns);
  while (!discarding_.load(std::memory_order_relaxed)) {
    if (wire::Event* slot = events_.next(); slot != nullptr) {
      return *slot;
    }
    if (thread_.clock.now() > sleep_after) {
      thread_.parking.park(rings::Parked::blocked, [this] {
        return events_.has_room_ordered(1) || discarding_.load(std::memory_order_seq_cst);
      });
    }
  }
  return discarded_;
}

void HostedMarket::count_stall() noexcept {
  // One writer, so no read-modify-write is needed.
  region_->event_ring_stalls.store(region_->event_ring_stalls.load(std::memory_order_relaxed) + 1,
                                   std::memory_order_relaxed);
}

void HostedMarket::publish_batch() noexcept {
  region_->matched.store(static_cast<double>(sequence_), std::memory_order_relaxed);
  region_->digest.store(engine_.digest(), std::memory_order_relaxed);
  region_->resting_orders.store(static_cast<double>(engine_.open_orders()),
                                std::memory_order_relaxed);
  events_.publish_ordered();
  records_.publish_ordered();
  commands_.release_ordered();
  thread_.journal.wake();
  events_bell_.notify();
  clients_.wake_readers();
}

}  // namespace meridian::reactor
