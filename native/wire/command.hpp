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
  set_breaker = 7,
  mass_cancel = 8,
  set_limit = 9,
  kill = 10,
  set_position = 11,
  bust = 12,
  correct = 13,
  tick = 14,
  seed = 15,
};
enum class Side : std::uint8_t { buy = 0, sell = 1 };
enum class OrderType : std::uint8_t {
  limit = 0,
  market = 1,
  stop = 2,
  stop_limit = 3,
  trailing_stop = 4,
  pegged_primary = 5,
  pegged_market = 6,
  pegged_mid = 7,
};
enum class TimeInForce : std::uint8_t {
  day = 0,
  ioc = 1,
  fok = 2,
  gtc = 3,
  gtd = 4,
  at_open = 5,
  at_close = 6,
  good_for_auction = 7,
};
enum class MarketState : std::uint8_t {
  open = 0,
  halted = 1,
  pre_open = 2,
  opening_auction = 3,
  volatility_auction = 4,
  closing_auction = 5,
  closed = 6,
};
enum class DurabilityMode : std::uint8_t { matched = 0, durable = 1, replicated = 2 };
enum class BreakerMode : std::uint8_t { none = 0, interrupt = 1, limit_state = 2 };
enum class SelfTrade : std::uint8_t {
  none = 0,
  cancel_newest = 1,
  cancel_oldest = 2,
  cancel_both = 3,
  decrement = 4,
};
enum class Link : std::uint8_t { none = 0, oco = 1, child = 2 };
enum class AccountLimit : std::uint8_t {
  quantity = 0,
  notional = 1,
  collar = 2,
  open_orders = 3,
  position = 4,
  message_rate = 5,
  execution_rate = 6,
};
inline constexpr std::uint32_t account_limit_count = 7;

// Bits of `attributes`.
namespace attribute {
inline constexpr std::uint16_t post_only = 1;
inline constexpr std::uint16_t reprice = 2;
inline constexpr std::uint16_t hidden = 4;
inline constexpr std::uint16_t reduce_only = 8;
inline constexpr std::uint16_t all_or_none = 16;
inline constexpr std::uint16_t random_refresh = 32;
inline constexpr unsigned self_trade_shift = 6;  // SelfTrade, three bits
inline constexpr std::uint16_t self_trade_bits = 7U << self_trade_shift;
inline constexpr unsigned link_shift = 9;  // Link, two bits
inline constexpr std::uint16_t link_bits = 3U << link_shift;
inline constexpr std::uint16_t trail_bps = 2048;
inline constexpr std::uint16_t unused_bits = 0xF000;
}  // namespace attribute

// Bits of `order_type` in mass_cancel.
namespace filter {
inline constexpr std::uint8_t by_side = 1;
inline constexpr std::uint8_t by_price = 2;
inline constexpr std::uint8_t by_group = 4;
}  // namespace filter

// Enumerations are raw bytes here: a slot comes from outside and is checked by the engine. Which
// kind uses which field: table in native/engine/README.md.
struct alignas(64) Command {
  std::uint8_t kind;           // CommandKind
  std::uint8_t side;           // Side
  std::uint8_t order_type;     // OrderType, MarketState, DurabilityMode, BreakerMode, …
  std::uint8_t time_in_force;  // TimeInForce
  std::uint32_t tag;           // echoed in every event of the command
  std::uint64_t session;       // 0 = none
  std::uint64_t number;        // rising within the session
  std::uint64_t order_id;      // named or linked order; capacity; value of a limit; …
  std::int32_t price;          // ticks; band low in configure
  std::int32_t trigger;        // ticks; stop price, distance, protection; band high in configure
  std::uint32_t quantity;      // lots; maximum quantity in configure
  std::uint32_t display;       // lots shown of an iceberg; 0 = all
  std::uint32_t minimum;       // lots of the first execution; 0 = any
  std::uint32_t expiry_s;      // seconds since 1970-01-01 UTC, gtd only
  std::uint32_t account;
  std::uint16_t attributes;
  std::uint8_t discretion;  // ticks
  std::uint8_t group;       // chosen by the sender, for mass_cancel
};
static_assert(sizeof(Command) == 64 && alignof(Command) == 64);
static_assert(offsetof(Command, kind) == 0 && offsetof(Command, side) == 1);
static_assert(offsetof(Command, order_type) == 2 && offsetof(Command, time_in_force) == 3);
static_assert(offsetof(Command, tag) == 4 && offsetof(Command, session) == 8);
static_assert(offsetof(Command, number) == 16 && offsetof(Command, order_id) == 24);
static_assert(offsetof(Command, price) == 32 && offsetof(Command, trigger) == 36);
static_assert(offsetof(Command, quantity) == 40 && offsetof(Command, display) == 44);
static_assert(offsetof(Command, minimum) == 48 && offsetof(Command, expiry_s) == 52);
static_assert(offsetof(Command, account) == 56 && offsetof(Command, attributes) == 60);
static_assert(offsetof(Command, discretion) == 62 && offsetof(Command, group) == 63);
static_assert(std::is_trivially_copyable_v<Command>);

}  // namespace meridian::wire
