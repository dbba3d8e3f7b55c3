#include "journal/journal.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <span>

namespace meridian::journal {
namespace {

// How often a full disk is tried again, and how often the thread looks at the rest meanwhile.
constexpr std::chrono::milliseconds room_retry{100};
constexpr std::chrono::milliseconds room_poll{10};
constexpr int preparer_niceness = 10;

}  // namespace

std::string Channel::failure() const {
  const std::scoped_lock guard(mutex_);
  return failure_;
}

bool Channel::write_group() {
  const std::uint32_t waiting = records_.available();
  if (waiting == 0 || (is_waiting_for_room() && !is_leaving() && Clock::now() < retry_at_)) {
    return false;
  }
  const std::uint32_t count =
      std::min(records_.contiguous(waiting), static_cast<std::uint32_t>(group_records));
  std::uint32_t taken = count;
  // After a failure records are taken and dropped, so that the match thread is never held up by a
  // dead disk; nothing of them ever counts as durable.
  if (status_.failed.load(std::memory_order_relaxed) == 0) {
    const std::uint64_t before = log_.last_sequence();
    append(std::span(&records_.at(0), count));
    // What found no room stays in the ring: it is written when there is some.
    if (is_waiting_for_room()) {
      taken = static_cast<std::uint32_t>(log_.last_sequence() - before);
    }
    listener_.notify();
  }
  records_.advance(taken);
  records_.release_ordered();
  producer_.wake_if_blocked();
  return taken > 0;
}

void Channel::append(std::span<Record> group) {
  for (Record& record : group) {
    record.seal();
  }
  std::string reason;
  const Clock::time_point begun = Clock::now();
  Appended appended = log_.append(group, reason);
  if (appended == Appended::all && observer_.committed != nullptr) {
    const auto took = std::chrono::nanoseconds(Clock::now() - begun).count();
    observer_.committed(observer_.context, static_cast<std::uint64_t>(took),
                        static_cast<std::uint32_t>(group.size()));
  }
  // seq_cst: publishes in the sense of Doorbell. Read by JavaScript and by whoever closes. A failed
  // group may be durable in part.
  status_.durable.store(static_cast<double>(log_.last_sequence()), std::memory_order_seq_cst);
  if (appended == Appended::no_room && !is_leaving()) {
    report(std::move(reason), status_.waiting_for_room);
    retry_at_ = Clock::now() + room_retry;
    return;
  }
  if (is_waiting_for_room()) {
    report({}, status_.waiting_for_room);
  }
  if (appended != Appended::all) {
    report(std::move(reason), status_.failed);
  }
}

// An empty reason takes the state back.
void Channel::report(std::string reason, std::atomic<std::uint32_t>& state) {
  const std::uint32_t is_so = reason.empty() ? 0 : 1;
  {
    const std::scoped_lock guard(mutex_);
    failure_ = std::move(reason);
  }
  state.store(is_so, std::memory_order_seq_cst);
}

Journal::Journal() : thread_([this] { run(); }), preparer_([this] { prepare(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-log");
  pthread_setname_np(preparer_.native_handle(), "meridian-spare");
}

Journal::~Journal() {
  rings::StepRequest stop([this] {
    stopping_ = true;
    return true;
  });
  ask(stop);
  thread_.join();
  {
    const std::scoped_lock guard(preparing_mutex_);
    has_ended_ = true;
  }
  preparing_.notify_one();
  preparer_.join();
}

void Journal::add(Channel& channel) {
  rings::StepRequest request([this, &channel] {
    channels_.push_back(&channel);
    return true;
  });
  ask(request);
}

void Journal::remove(Channel& channel) {
  rings::StepRequest request([this, &channel] {
    channel.leave();
    if (channel.has_records_ordered()) {
      return false;
    }
    std::erase(channels_, &channel);
    return true;
  });
  ask(request);
  const std::scoped_lock guard(preparing_mutex_);
  std::erase(unprepared_, &channel.log_);
}

void Journal::ask(rings::ControlRequest& request) {
  requests_.post(request);
  parking().wake();
  request.wait();
}

void Journal::run() {
  while (!stopping_) {
    bool worked = requests_.run();
    for (Channel* channel : channels_) {
      worked = channel->write_group() || worked;
      if (channel->log_.wants_spare()) {
        want_spare(channel->log_);
      }
    }
    if (worked) {
      continue;
    }
    if (std::ranges::any_of(channels_,
                            [](Channel* channel) { return channel->is_waiting_for_room(); })) {
      std::this_thread::sleep_for(room_poll);
      continue;
    }
    parking().park(rings::Parked::idle, [this] {
      return requests_.has_posted_ordered() || std::ranges::any_of(channels_, [](Channel* channel) {
               return channel->has_records_ordered();
             });
    });
  }
}

void Journal::want_spare(Log& log) {
  // The helper works for milliseconds with the mutex held; this thread asks again next turn.
  const std::unique_lock guard(preparing_mutex_, std::try_to_lock);
  if (guard.owns_lock()) {
    log.note_spare_asked();
    unprepared_.push_back(&log);
    preparing_.notify_one();
  }
}

void Journal::prepare() {
  // Only this thread: Linux gives every thread a niceness of its own.
  setpriority(PRIO_PROCESS, 0, preparer_niceness);
  std::unique_lock guard(preparing_mutex_);
  while (!has_ended_) {
    if (unprepared_.empty()) {
      preparing_.wait(guard);
      continue;
    }
    Log* const log = unprepared_.back();
    unprepared_.pop_back();
    // Without room the segment will have none either, and whoever needs it says so.
    log->prepare_spare();
  }
}

}  // namespace meridian::journal
