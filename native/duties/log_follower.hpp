// A market as its log tells it: an engine of its own that takes the durable records, so that
// whoever listens is told each command with its events, in the order in which they happened.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "journal/log.hpp"
#include "journal/log_reader.hpp"
#include "reactor/market_recovery.hpp"
#include "wire/event.hpp"

namespace meridian::duties {

// One thread at a time. The log outlives it.
class LogFollower {
 public:
  // Records read at once.
  static constexpr std::size_t batch = 256;

  explicit LogFollower(journal::Log& log);
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  // Before the first advance(), with how many records are durable: whether the log still begins
  // with record 1, or has none.
  [[nodiscard]] bool begin_with_first(std::uint64_t durable);
  // The same, but where the log was trimmed it begins with the oldest snapshot that can be
  // restored.
  [[nodiscard]] bool begin_with_oldest(std::uint64_t durable);
  // What it begins with, as an engine: record 1 is told of first when its sequence is 0.
  [[nodiscard]] const engine::Market& engine() const noexcept { return engine_.market(); }

  // Why it follows no further; empty while it does.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  // Of the last record that was told.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t digest() const noexcept { return engine_.market().digest(); }

  // Tells of records with sequences up to `last` that are durable, at most a batch, and until
  // listener.may_hear(prefix, command) is false: for each one listener.command(prefix, command),
  // then listener.event(event) for each of its events. How many.
  template <class Listener>
  std::size_t advance(std::uint64_t last, Listener& listener) {
    if (!failure_.empty() || last <= sequence_) {
      return 0;
    }
    const std::size_t count = reader_.read(sequence_ + 1, last, records_);
    for (std::size_t at = 0; at < count; ++at) {
      const journal::Record& record = records_[at];
      const wire::RecordPrefix prefix = record.prefix();
      if (!is_next(record, prefix)) {
        return at;
      }
      const wire::Command command = record.command();
      if (!listener.may_hear(prefix, command)) {
        return at;
      }
      sequence_ = prefix.sequence;
      listener.command(prefix, command);
      Sink<Listener> sink(listener);
      engine_.market().apply(command, prefix.sequence, prefix.timestamp_ns, sink);
    }
    return count;
  }

 private:
  // An event is complete when the next one is asked for.
  template <class Listener>
  class Sink {
   public:
    explicit Sink(Listener& listener) noexcept : listener_(listener) {}
    wire::Event& next() noexcept {
      pass_on();
      is_begun_ = true;
      return event_;
    }
    void finish() noexcept { pass_on(); }

   private:
    void pass_on() noexcept {
      if (is_begun_) {
        listener_.event(event_);
        is_begun_ = false;
      }
    }

    Listener& listener_;
    wire::Event event_{};
    bool is_begun_ = false;
  };

  // Sets the failure when it is not.
  [[nodiscard]] bool is_next(const journal::Record& record, const wire::RecordPrefix& prefix);

  journal::Log& log_;
  const std::string directory_;
  journal::LogReader reader_;
  reactor::OwnEngine engine_;
  std::vector<journal::Record> records_;
  std::uint64_t sequence_ = 0;
  std::string failure_;
};

}  // namespace meridian::duties
