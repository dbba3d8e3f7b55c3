#include "journal/journal.hpp"

#include <pthread.h>

#include <algorithm>
#include <span>

namespace meridian::journal {
std::string Channel::failure() const {
  const std::scoped_lock guard(mutex_);
  return failure_;
}

bool Channel::write_group() {
  const std::uint32_t waiting = records_.available();
  if (waiting == 0) {
    return false;
  }
  const std::uint32_t count =
      std::min(records_.contiguous(waiting), static_cast<std::uint32_t>(group_records));
  const std::span<Record> group(&records_.at(0), count);
  // After a failure records are taken and dropped, so that the match thread is never held up by a
  // dead disk; nothing of them ever counts as durable.
  if (status_.failed.load(std::memory_order_relaxed) == 0) {
    for (Record& record : group) {
      record.seal();
    }
    std::string reason;
    const bool appended = log_.append(group, reason);
    // seq_cst: publishes in the sense of Doorbell. Read by JavaScript and by whoever closes. A
    // failed group may be durable in part.
    status_.durable.store(static_cast<double>(log_.last_sequence()), std::memory_order_seq_cst);
    if (!appended) {
      {
        const std::scoped_lock guard(mutex_);
        failure_ = std::move(reason);
      }
      status_.failed.store(1, std::memory_order_seq_cst);
    }
    listener_.notify();
  }
  records_.advance(count);
  records_.release_ordered();
  producer_.wake_if_blocked();
  return true;
}

Journal::Journal() : thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-log");
}

Journal::~Journal() {
  rings::StepRequest stop([this] {
    stopping_ = true;
    return true;
  });
  ask(stop);
  thread_.join();
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
    if (channel.has_records_ordered()) {
      return false;
    }
    std::erase(channels_, &channel);
    return true;
  });
  ask(request);
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
    }
    if (!worked) {
      parking().park(rings::Parked::idle, [this] {
        return requests_.has_posted_ordered() ||
               std::ranges::any_of(channels_,
                                   [](Channel* channel) { return channel->has_records_ordered(); });
      });
    }
  }
}

}  // namespace meridian::journal
