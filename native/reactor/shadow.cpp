#include "reactor/shadow.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace meridian::reactor {
namespace {

constexpr int shadow_niceness = 19;
constexpr std::size_t records_in_step = 1'024;
constexpr std::chrono::milliseconds disk_poll{5};
// A wake-up that comes between the look and the sleep is lost, because accept() takes no mutex.
constexpr std::chrono::milliseconds idle_poll{100};

}  // namespace

void ShadowMarket::accept(const journal::ChainPoint& point) {
  const std::scoped_lock guard(mutex_);
  accepted_ = point;
}

ShadowState ShadowMarket::state() const {
  const std::scoped_lock guard(mutex_);
  return state_;
}

void ShadowMarket::fail(std::string reason) {
  has_failed_ = true;
  const std::scoped_lock guard(mutex_);
  state_.failure = std::move(reason);
}

bool ShadowMarket::begin() {
  engine_ = std::make_unique<OwnEngine>();
  if (!engine_->is_good()) {
    fail("no address space for the shadow of the market; raise the limit of virtual memory");
    return false;
  }
  batch_.resize(records_in_step);
  std::vector<std::string> faults;
  const journal::SnapshotHeader header = restore_newest(log_.files(), log_.directory(), log_.id(),
                                                        goal_.sequence, engine_->market(), faults);
  sequence_ = header.sequence;
  record_epoch_ = header.record_epoch;
  timestamp_ns_ = header.timestamp_ns;
  snapshot_ = header.sequence;
  mode_ = mode_of(header);
  const std::scoped_lock guard(mutex_);
  state_.snapshot = snapshot_;
  return true;
}

// The shadow is also the scrub: what it reads was durable before.
bool ShadowMarket::check(std::span<const journal::Record> records) {
  for (const journal::Record& record : records) {
    const wire::RecordPrefix prefix = record.prefix();
    if (!record.is_whole() || prefix.version != wire::record_version ||
        prefix.sequence != sequence_ + 1 || prefix.epoch < record_epoch_ ||
        prefix.timestamp_ns < timestamp_ns_) {
      fail("damage: the durable record " + std::to_string(sequence_ + 1) + " in " +
           log_.directory() + " is not what was written; restore the folder from a copy, or move " +
           "it away");
      return false;
    }
    sequence_ = prefix.sequence;
    record_epoch_ = prefix.epoch;
    timestamp_ns_ = prefix.timestamp_ns;
  }
  return true;
}

ShadowMarket::Step ShadowMarket::step() {
  if (has_failed_) {
    return Step::idle;
  }
  if (engine_ == nullptr || sequence_ == goal_.sequence) {
    const std::scoped_lock guard(mutex_);
    if (accepted_.sequence <= goal_.sequence) {
      return Step::idle;
    }
    goal_ = accepted_;
  }
  if (engine_ == nullptr && !begin()) {
    return Step::idle;
  }
  const std::size_t count = reader_.read(sequence_ + 1, goal_.sequence, batch_);
  const auto records = std::span<const journal::Record>(batch_).first(count);
  if (!check(records)) {
    return Step::idle;
  }
  replay(engine_->market(), records, mode_);
  if (sequence_ == goal_.sequence) {
    arrive();
    return Step::worked;
  }
  return count > 0 ? Step::worked : Step::waits_for_disk;
}

// At a point of the accepted chain.
void ShadowMarket::arrive() {
  {
    const std::scoped_lock guard(mutex_);
    state_.point = goal_;
    state_.digest = engine_->market().digest();
  }
  if (sequence_ - snapshot_ >= interval_) {
    write_snapshot();
  }
}

void ShadowMarket::write_snapshot() {
  journal::Snapshot snapshot;
  snapshot.state.resize(engine_->market().saved_bytes());
  snapshot.state.resize(engine_->market().save(snapshot.state));
  journal::SnapshotHeader& header = snapshot.header;
  header.sequence = sequence_;
  header.epoch = goal_.epoch;
  header.record_epoch = record_epoch_;
  header.timestamp_ns = timestamp_ns_;
  header.digest = engine_->market().digest();
  header.chain_hash = goal_.hash;
  header.mode = mode_.mode;
  header.mode_changed_at = mode_.changed_at;
  std::copy_n(log_.id().begin(), header.log_id.size(), header.log_id.begin());
  const int outcome = journal::write_snapshot(log_.files(), log_.directory(), snapshot);
  // Also after a failure: the next one is tried after as many records, not after each of them.
  snapshot_ = sequence_;
  const std::scoped_lock guard(mutex_);
  state_.failure = outcome == 0 ? ""
                                : "cannot write a snapshot in " + log_.directory() + ": " +
                                      journal::error_text(outcome) + "; the log is complete";
  if (outcome == 0) {
    state_.snapshot = sequence_;
  }
}

Shadow::Shadow() : thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-shadow");
}

Shadow::~Shadow() {
  {
    const std::scoped_lock guard(mutex_);
    has_ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Shadow::add(ShadowMarket& market) {
  const std::scoped_lock guard(mutex_);
  markets_.push_back(&market);
}

void Shadow::remove(ShadowMarket& market) {
  const std::scoped_lock guard(mutex_);
  std::erase(markets_, &market);
}

void Shadow::accept(ShadowMarket& market, const journal::ChainPoint& point) {
  market.accept(point);
  has_news_.store(true, std::memory_order_release);
  wake_.notify_one();
}

void Shadow::run() {
  // Only this thread: Linux gives every thread a niceness of its own.
  setpriority(PRIO_PROCESS, 0, shadow_niceness);
  std::unique_lock guard(mutex_);
  while (!has_ended_) {
    has_news_.store(false, std::memory_order_relaxed);
    auto most = ShadowMarket::Step::idle;
    for (ShadowMarket* market : markets_) {
      most = std::min(most, market->step());
    }
    if (most == ShadowMarket::Step::worked) {
      // Lets others have the mutex.
      guard.unlock();
      guard.lock();
    } else if (most == ShadowMarket::Step::waits_for_disk) {
      wake_.wait_for(guard, disk_poll);
    } else {
      wake_.wait_for(guard, idle_poll,
                     [this] { return has_ended_ || has_news_.load(std::memory_order_acquire); });
    }
  }
}

}  // namespace meridian::reactor
