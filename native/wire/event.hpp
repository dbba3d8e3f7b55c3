// An event as it stands in a 64-byte ring slot. Little-endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace meridian::wire {

enum class EventKind : std::uint8_t {
  accepted = 1,
  executed = 2,
  canceled = 3,
  reduced = 4,
  replaced = 5,
  refused = 6,
  repeated = 7,
  configured = 8,
  state_set = 9,
  touch = 10,
  rested = 11,
  triggered = 12,
  activated = 13,
  repriced = 14,
  indicative = 15,
  limit_state = 16,
  breaker_set = 17,
  mass_canceled = 18,
  limit_set = 19,
  killed = 20,
  position_set = 21,
  busted = 22,
  corrected = 23,
  ticked = 24,
  seeded = 25,
};

// Bits in `flags`. The engine sets the first. The second is the reactor's, in the rings of a
// producer: the command came from another one, so its tag means nothing to this reader.
inline constexpr std::uint8_t event_is_last = 1;  // last event of its command
inline constexpr std::uint8_t event_is_foreign = 2;

// Bits of `code` in executed.
inline constexpr std::uint8_t executed_at_uncross = 1;
inline constexpr std::uint8_t executed_with_dark = 2;

// What each kind carries where: table in native/engine/README.md. Unused fields are 0.
struct alignas(64) Event {
  std::uint8_t kind;             // EventKind
  std::uint8_t code;             // Refusal, CancelReason, OrderType, MarketState, …
  std::uint8_t side;             // Side
  std::uint8_t flags;            // event_is_last
  std::uint32_t tag;             // of the command
  std::uint64_t sequence;        // of the command
  std::uint32_t index;           // within the command
  std::uint32_t account;         // owner of order_id
  std::uint64_t order_id;        // touch: bid lots
  std::int64_t price;            // ticks; touch: bid price
  std::uint64_t other_order_id;  // executed: maker; replaced: replaced order; touch: ask lots
  std::int64_t other_price;      // executed: maker's account; touch: ask price
  std::uint32_t quantity;        // lots
  std::uint32_t remaining;       // lots
};
static_assert(sizeof(Event) == 64 && alignof(Event) == 64);
static_assert(offsetof(Event, kind) == 0 && offsetof(Event, code) == 1);
static_assert(offsetof(Event, side) == 2 && offsetof(Event, flags) == 3);
static_assert(offsetof(Event, tag) == 4 && offsetof(Event, sequence) == 8);
static_assert(offsetof(Event, index) == 16 && offsetof(Event, account) == 20);
static_assert(offsetof(Event, order_id) == 24 && offsetof(Event, price) == 32);
static_assert(offsetof(Event, other_order_id) == 40 && offsetof(Event, other_price) == 48);
static_assert(offsetof(Event, quantity) == 56 && offsetof(Event, remaining) == 60);
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace meridian::wire
