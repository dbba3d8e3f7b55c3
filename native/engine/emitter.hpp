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

  // Writes the event with the command's tag and sequence and the next index. Field by field: copied
  // as a whole it would go through the stack and stall on stores not yet done, which doubled the
  // cost of an operation.
  [[gnu::always_inline]] void put(const wire::Event& event) noexcept {
    wire::Event& slot = sink_.next();
    slot.kind = event.kind;
    slot.code = event.code;
    slot.side = event.side;
    slot.flags = 0;
    slot.tag = tag_;
    slot.sequence = sequence_;
    slot.index = index_++;
    slot.account = event.account;
    slot.order_id = event.order_id;
    slot.price = event.price;
    slot.other_order_id = event.other_order_id;
    slot.other_price = event.other_price;
    slot.quantity = event.quantity;
    slot.remaining = event.remaining;
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
