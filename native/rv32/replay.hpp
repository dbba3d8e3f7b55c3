// The program of the image: journal records in, the market's answers out. A template over its
// surroundings, so that the same program also runs on the machine that it is compared with.
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "engine/market.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/record.hpp"

namespace meridian::rv32 {

// How a replay ends; the exit status.
enum class Ending : std::uint8_t {
  complete = 0,
  output_refused = 1,    // the surroundings take no more
  record_cut_short = 2,  // the input ends inside a record
  record_unknown = 3,    // of another version
  out_of_order = 4,      // the sequences are not 1, 2, 3, …
  events_full = 5,       // one command had more events than fit
  broken_invariant = 6,  // in the state after the last record
};

// What the market said to one record; its events follow.
struct AnswerHeader {
  std::uint32_t events;
  std::uint32_t open_orders;
  std::uint64_t digest;
};
static_assert(sizeof(AnswerHeader) == 16);

// read() fills the bytes and returns how many; fewer only where the input ends. write() returns
// whether all were taken.
template <class Port>
concept ReplayPort =
    requires(Port& port, std::span<std::byte> into, std::span<const std::byte> from) {
      { port.read(into) } -> std::same_as<std::size_t>;
      { port.write(from) } -> std::same_as<bool>;
    };

// The events of one command. More than fit are counted and not kept.
class EventList {
 public:
  explicit EventList(std::span<wire::Event> slots) noexcept : slots_(slots) {}

  wire::Event& next() noexcept {
    const std::size_t place = count_ < slots_.size() ? count_ : slots_.size() - 1;
    ++count_;
    return slots_[place];
  }
  void finish() noexcept {}

  void clear() noexcept { count_ = 0; }
  [[nodiscard]] bool fit() const noexcept { return count_ <= slots_.size(); }
  [[nodiscard]] std::span<const wire::Event> events() const noexcept {
    return slots_.first(count_);
  }

 private:
  std::span<wire::Event> slots_;
  std::size_t count_ = 0;
};

// Events that a command may have here: a sweep through as many orders.
inline constexpr std::size_t most_events = std::size_t{1} << 18;

// `arena` as the market wants it; `slots` holds most_events.
template <ReplayPort Port>
Ending replay(Port& port, std::span<std::byte> arena, std::span<wire::Event> slots) noexcept {
  engine::Market market(arena);
  EventList sink(slots);
  alignas(64) std::array<std::byte, wire::record_bytes> record;
  std::uint64_t sequence = 0;
  std::size_t got = 0;
  while ((got = port.read(record)) == record.size()) {
    wire::RecordPrefix prefix;
    wire::Command command;
    std::memcpy(&prefix, record.data(), sizeof(prefix));
    std::memcpy(&command, record.data() + sizeof(prefix), sizeof(command));
    if (prefix.version != wire::record_version) {
      return Ending::record_unknown;
    }
    if (prefix.sequence != ++sequence) {
      return Ending::out_of_order;
    }
    sink.clear();
    market.apply(command, prefix.sequence, prefix.timestamp_ns, sink);
    if (!sink.fit()) {
      return Ending::events_full;
    }
    const AnswerHeader header{static_cast<std::uint32_t>(sink.events().size()),
                              market.open_orders(), market.digest()};
    if (!port.write(std::as_bytes(std::span(&header, 1))) ||
        !port.write(std::as_bytes(sink.events()))) {
      return Ending::output_refused;
    }
  }
  if (got != 0) {
    return Ending::record_cut_short;
  }
  return market.verify() ? Ending::complete : Ending::broken_invariant;
}

}  // namespace meridian::rv32
