// Writes the events of one command into a sink.
#pragma once
#include <bit>
#include <concepts>
#include <cstdint>

#include "base/ensure.hpp"
#include "wire/event.hpp"

namespace meridian::engine {

// Where events go. next() gives the next slot to write, whatever it holds now; the slot stays
// writable until the following next() or finish(). finish() ends the command. There is no bound on
// the events of one command that a sink may rely on: a sink that is full waits.
template <class Sink>
concept EventSink = requires(Sink& sink) {
  { sink.next() } -> std::same_as<wire::Event&>;
  sink.finish();
};

// Writes the events of one command into any sink, which it reaches through a function: what is rare
// is compiled once and not for every sink.
class EventWriter {
 public:
  using Next = wire::Event& (*)(void* sink) noexcept;

  EventWriter(void* sink, Next next, std::uint32_t tag, std::uint64_t sequence) noexcept
      : sink_(sink), next_(next), tag_(tag), sequence_(sequence) {}
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // Writes the event with the command's tag and sequence and the next index.
  void put(const wire::Event& event) noexcept { write(event, next_(sink_)); }

  // Field by field: copied as a whole the event would go through the stack and stall on stores not
  // yet done, which doubled the cost of an operation.
  [[gnu::always_inline]] void write(const wire::Event& event, wire::Event& slot) noexcept {
    // Kind, code, side, flags 0 and tag in one store.
    static_assert(std::endian::native == std::endian::little);
    const std::uint64_t head = event.kind | (std::uint64_t{event.code} << 8) |
                               (std::uint64_t{event.side} << 16) | (std::uint64_t{tag_} << 32);
    __builtin_memcpy(&slot, &head, sizeof(head));
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

  // Index of the next event.
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] wire::Event* last() const noexcept { return last_; }
  [[nodiscard]] std::uint32_t tag() const noexcept { return tag_; }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  void continue_after(std::uint32_t index, wire::Event* last) noexcept {
    index_ = index;
    last_ = last;
  }

 private:
  void* sink_;
  Next next_;
  wire::Event* last_ = nullptr;
  std::uint32_t tag_;
  std::uint32_t index_ = 0;
  std::uint64_t sequence_;
};

// The same for the hot path, where the sink is known. Its state stays in registers because its
// address never leaves.
template <EventSink Sink>
class Emitter {
 public:
  Emitter(Sink& sink, std::uint32_t tag, std::uint64_t sequence) noexcept
      : sink_(sink), writer_(&sink, next_of, tag, sequence) {}
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  [[gnu::always_inline]] void put(const wire::Event& event) noexcept {
    writer_.write(event, sink_.next());
  }
  [[nodiscard]] std::uint32_t index() const noexcept { return writer_.index(); }

  // An emitter that goes on where this one stands, for a function that wants it in registers, and
  // where it ended.
  [[nodiscard]] Emitter fork() const noexcept { return Emitter(sink_, writer_); }
  void join(const Emitter& fork) noexcept {
    writer_.continue_after(fork.writer_.index(), fork.writer_.last());
  }

  // Calls rare(writer) with a writer that goes on where this one stands.
  template <class Rare>
  [[gnu::always_inline]] auto rarely(std::uint32_t tag, std::uint64_t sequence,
                                     Rare&& rare) noexcept {
    EventWriter writer(&sink_, next_of, tag, sequence);
    writer.continue_after(writer_.index(), writer_.last());
    const auto result = rare(writer);
    writer_.continue_after(writer.index(), writer.last());
    return result;
  }

  // Marks the last event and ends the command. There is one: no command goes unanswered.
  void finish() noexcept {
    ensure(writer_.last() != nullptr);
    writer_.last()->flags = wire::event_is_last;
    sink_.finish();
  }

 private:
  Emitter(Sink& sink, const EventWriter& writer) noexcept
      : sink_(sink), writer_(&sink, next_of, writer.tag(), writer.sequence()) {
    writer_.continue_after(writer.index(), writer.last());
  }
  static wire::Event& next_of(void* sink) noexcept { return static_cast<Sink*>(sink)->next(); }

  Sink& sink_;
  EventWriter writer_;
};

}  // namespace meridian::engine
