// Writes the events of one command into a sink.
#pragma once
#include <concepts>
#include <cstdint>

#include "base/ensure.hpp"
#include "wire/event.hpp"

namespace meridian::engine {

// Where events go. next() gives the next slot to write, whatever it holds now; the slot stays
// writable until the following next() or finish(). finish() ends the command. A sink has room for
// all events of a command: one for each order it trades with and at most four more.
template <class Sink>
concept EventSink = requires(Sink& sink) {
  { sink.next() } -> std::same_as<wire::Event&>;
  sink.finish();
};

template <EventSink Sink>
class Emitter {
 public:
  Emitter(Sink& sink, std::uint32_t tag, std::uint64_t sequence) noexcept
      : sink_(sink), tag_(tag), sequence_(sequence) {}
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  // Completes the event (tag, sequence, index) and writes it.
  void put(wire::Event& event) noexcept {
    event.tag = tag_;
    event.sequence = sequence_;
    event.index = index_++;
    wire::Event& slot = sink_.next();
    slot = event;
    last_ = &slot;
  }

  // Marks the last event and ends the command. There is one: no command goes unanswered.
  void finish() noexcept {
    ensure(last_ != nullptr);
    last_->flags = wire::event_is_last;
    sink_.finish();
  }

 private:
  Sink& sink_;
  wire::Event* last_ = nullptr;
  std::uint32_t tag_;
  std::uint32_t index_ = 0;
  std::uint64_t sequence_;
};

}  // namespace meridian::engine
