// A command as it stands in a 64-byte ring slot and in a journal record. Little-endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace meridian::wire {

enum class CommandKind : std::uint8_t {
  place = 1,
  cancel = 2,
  reduce = 3,
  replace = 4,
  configure = 5,
  set_state = 6,
};
enum class Side : std::uint8_t { buy = 0, sell = 1 };
enum class OrderType : std::uint8_t { limit = 0, market = 1 };
enum class TimeInForce : std::uint8_t { day = 0, ioc = 1, fok = 2 };
enum class MarketState : std::uint8_t { open = 0, halted = 1 };
enum class DurabilityMode : std::uint8_t { matched = 0, durable = 1, replicated = 2 };

// Enumerations are raw bytes here: a slot comes from outside and is checked by the engine.
struct alignas(64) Command {
  std::uint8_t kind;  // CommandKind
  std::uint8_t side;  // Side; place only
  std::uint8_t
      order_type;  // OrderType (place), MarketState (set_state), DurabilityMode (configure)
  std::uint8_t time_in_force;  // TimeInForce; place only
  std::uint32_t tag;           // echoed in every event of the command
  std::uint64_t session;       // 0 = none
  std::uint64_t number;        // rising within the session
  std::uint64_t order_id;      // cancel, reduce, replace; order capacity in configure
  std::int64_t price;          // ticks; band low in configure
  std::int64_t band_high;      // ticks; configure only, else 0
  std::uint64_t quantity;      // lots; maximum quantity in configure
  std::uint32_t account;
  std::uint32_t reserved;  // 0
};
static_assert(sizeof(Command) == 64 && alignof(Command) == 64);
static_assert(offsetof(Command, kind) == 0 && offsetof(Command, side) == 1);
static_assert(offsetof(Command, order_type) == 2 && offsetof(Command, time_in_force) == 3);
static_assert(offsetof(Command, tag) == 4 && offsetof(Command, session) == 8);
static_assert(offsetof(Command, number) == 16 && offsetof(Command, order_id) == 24);
static_assert(offsetof(Command, price) == 32 && offsetof(Command, band_high) == 40);
static_assert(offsetof(Command, quantity) == 48 && offsetof(Command, account) == 56);
static_assert(offsetof(Command, reserved) == 60);
static_assert(std::is_trivially_copyable_v<Command>);

}  // namespace meridian::wire
