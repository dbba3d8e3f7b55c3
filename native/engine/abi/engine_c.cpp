// The C interface over one Market. It checks what callers give, and keeps a market, its memory, its
// events and its side stack together in one mapping.
#include "engine/engine_c.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <type_traits>

#include "engine/abi/event_buffer.hpp"
#include "engine/abi/side_stack.hpp"
#include "engine/byte_stream.hpp"
#include "engine/market.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/refusal.hpp"

namespace {

namespace wire = meridian::wire;
using meridian::engine::ByteReader;
using meridian::engine::ByteWriter;
using meridian::engine::EventBuffer;
using meridian::engine::Market;
using meridian::engine::SideStack;

// ---- The structures of the header are those of native/wire, and so are the numbers.

#define MERIDIAN_SAME_FIELD(Ours, Theirs, field)                    \
  static_assert(offsetof(Ours, field) == offsetof(Theirs, field) && \
                std::is_same_v<decltype(Ours::field), decltype(Theirs::field)>)
#define MERIDIAN_SAME_COMMAND_FIELD(field) \
  MERIDIAN_SAME_FIELD(meridian_engine_command, wire::Command, field)
#define MERIDIAN_SAME_EVENT_FIELD(field) \
  MERIDIAN_SAME_FIELD(meridian_engine_event, wire::Event, field)

static_assert(sizeof(meridian_engine_command) == sizeof(wire::Command));
MERIDIAN_SAME_COMMAND_FIELD(kind);
MERIDIAN_SAME_COMMAND_FIELD(side);
MERIDIAN_SAME_COMMAND_FIELD(order_type);
MERIDIAN_SAME_COMMAND_FIELD(time_in_force);
MERIDIAN_SAME_COMMAND_FIELD(tag);
MERIDIAN_SAME_COMMAND_FIELD(session);
MERIDIAN_SAME_COMMAND_FIELD(number);
MERIDIAN_SAME_COMMAND_FIELD(order_id);
MERIDIAN_SAME_COMMAND_FIELD(price);
MERIDIAN_SAME_COMMAND_FIELD(trigger);
MERIDIAN_SAME_COMMAND_FIELD(quantity);
MERIDIAN_SAME_COMMAND_FIELD(display);
MERIDIAN_SAME_COMMAND_FIELD(minimum);
MERIDIAN_SAME_COMMAND_FIELD(expiry_s);
MERIDIAN_SAME_COMMAND_FIELD(account);
MERIDIAN_SAME_COMMAND_FIELD(attributes);
MERIDIAN_SAME_COMMAND_FIELD(discretion);
MERIDIAN_SAME_COMMAND_FIELD(group);

static_assert(sizeof(meridian_engine_event) == sizeof(wire::Event));
MERIDIAN_SAME_EVENT_FIELD(kind);
MERIDIAN_SAME_EVENT_FIELD(code);
MERIDIAN_SAME_EVENT_FIELD(side);
MERIDIAN_SAME_EVENT_FIELD(flags);
MERIDIAN_SAME_EVENT_FIELD(tag);
MERIDIAN_SAME_EVENT_FIELD(sequence);
MERIDIAN_SAME_EVENT_FIELD(index);
MERIDIAN_SAME_EVENT_FIELD(account);
MERIDIAN_SAME_EVENT_FIELD(order_id);
MERIDIAN_SAME_EVENT_FIELD(price);
MERIDIAN_SAME_EVENT_FIELD(other_order_id);
MERIDIAN_SAME_EVENT_FIELD(other_price);
MERIDIAN_SAME_EVENT_FIELD(quantity);
MERIDIAN_SAME_EVENT_FIELD(remaining);

template <class Enumeration>
constexpr bool is(int ours, Enumeration theirs) {
  return ours == static_cast<int>(theirs);
}
static_assert(is(MERIDIAN_PLACE, wire::CommandKind::place));
static_assert(is(MERIDIAN_CANCEL, wire::CommandKind::cancel));
static_assert(is(MERIDIAN_REDUCE, wire::CommandKind::reduce));
static_assert(is(MERIDIAN_REPLACE, wire::CommandKind::replace));
static_assert(is(MERIDIAN_CONFIGURE, wire::CommandKind::configure));
static_assert(is(MERIDIAN_SET_STATE, wire::CommandKind::set_state));
static_assert(is(MERIDIAN_SET_BREAKER, wire::CommandKind::set_breaker));
static_assert(is(MERIDIAN_MASS_CANCEL, wire::CommandKind::mass_cancel));
static_assert(is(MERIDIAN_SET_LIMIT, wire::CommandKind::set_limit));
static_assert(is(MERIDIAN_KILL, wire::CommandKind::kill));
static_assert(is(MERIDIAN_SET_POSITION, wire::CommandKind::set_position));
static_assert(is(MERIDIAN_BUST, wire::CommandKind::bust));
static_assert(is(MERIDIAN_CORRECT, wire::CommandKind::correct));
static_assert(is(MERIDIAN_TICK, wire::CommandKind::tick));
static_assert(is(MERIDIAN_SEED, wire::CommandKind::seed));
static_assert(is(MERIDIAN_BUY, wire::Side::buy) && is(MERIDIAN_SELL, wire::Side::sell));
static_assert(is(MERIDIAN_LIMIT, wire::OrderType::limit));
static_assert(is(MERIDIAN_MARKET, wire::OrderType::market));
static_assert(is(MERIDIAN_STOP, wire::OrderType::stop));
static_assert(is(MERIDIAN_STOP_LIMIT, wire::OrderType::stop_limit));
static_assert(is(MERIDIAN_TRAILING_STOP, wire::OrderType::trailing_stop));
static_assert(is(MERIDIAN_PEGGED_PRIMARY, wire::OrderType::pegged_primary));
static_assert(is(MERIDIAN_PEGGED_MARKET, wire::OrderType::pegged_market));
static_assert(is(MERIDIAN_PEGGED_MID, wire::OrderType::pegged_mid));
static_assert(is(MERIDIAN_DAY, wire::TimeInForce::day));
static_assert(is(MERIDIAN_IMMEDIATE_OR_CANCEL, wire::TimeInForce::ioc));
static_assert(is(MERIDIAN_FILL_OR_KILL, wire::TimeInForce::fok));
static_assert(is(MERIDIAN_GOOD_TILL_CANCEL, wire::TimeInForce::gtc));
static_assert(is(MERIDIAN_GOOD_TILL_DATE, wire::TimeInForce::gtd));
static_assert(is(MERIDIAN_AT_OPEN, wire::TimeInForce::at_open));
static_assert(is(MERIDIAN_AT_CLOSE, wire::TimeInForce::at_close));
static_assert(is(MERIDIAN_GOOD_FOR_AUCTION, wire::TimeInForce::good_for_auction));
static_assert(is(MERIDIAN_STATE_OPEN, wire::MarketState::open));
static_assert(is(MERIDIAN_STATE_HALTED, wire::MarketState::halted));
static_assert(is(MERIDIAN_STATE_PRE_OPEN, wire::MarketState::pre_open));
static_assert(is(MERIDIAN_STATE_OPENING_AUCTION, wire::MarketState::opening_auction));
static_assert(is(MERIDIAN_STATE_VOLATILITY_AUCTION, wire::MarketState::volatility_auction));
static_assert(is(MERIDIAN_STATE_CLOSING_AUCTION, wire::MarketState::closing_auction));
static_assert(is(MERIDIAN_STATE_CLOSED, wire::MarketState::closed));
static_assert(MERIDIAN_POST_ONLY == wire::attribute::post_only);
static_assert(MERIDIAN_REPRICE == wire::attribute::reprice);
static_assert(MERIDIAN_HIDDEN == wire::attribute::hidden);
static_assert(MERIDIAN_REDUCE_ONLY == wire::attribute::reduce_only);
static_assert(MERIDIAN_ALL_OR_NONE == wire::attribute::all_or_none);
static_assert(MERIDIAN_RANDOM_REFRESH == wire::attribute::random_refresh);
static_assert(MERIDIAN_TRAIL_BPS == wire::attribute::trail_bps);
constexpr int self_trade(wire::SelfTrade mode) {
  return static_cast<int>(mode) << wire::attribute::self_trade_shift;
}
static_assert(MERIDIAN_SELF_TRADE_CANCEL_NEWEST == self_trade(wire::SelfTrade::cancel_newest));
static_assert(MERIDIAN_SELF_TRADE_CANCEL_OLDEST == self_trade(wire::SelfTrade::cancel_oldest));
static_assert(MERIDIAN_SELF_TRADE_CANCEL_BOTH == self_trade(wire::SelfTrade::cancel_both));
static_assert(MERIDIAN_SELF_TRADE_DECREMENT == self_trade(wire::SelfTrade::decrement));
static_assert(is(MERIDIAN_LINK_OCO >> wire::attribute::link_shift, wire::Link::oco));
static_assert(is(MERIDIAN_LINK_CHILD >> wire::attribute::link_shift, wire::Link::child));
static_assert(is(MERIDIAN_ACCEPTED, wire::EventKind::accepted));
static_assert(is(MERIDIAN_EXECUTED, wire::EventKind::executed));
static_assert(is(MERIDIAN_CANCELED, wire::EventKind::canceled));
static_assert(is(MERIDIAN_REDUCED, wire::EventKind::reduced));
static_assert(is(MERIDIAN_REPLACED, wire::EventKind::replaced));
static_assert(is(MERIDIAN_REFUSED, wire::EventKind::refused));
static_assert(is(MERIDIAN_REPEATED, wire::EventKind::repeated));
static_assert(is(MERIDIAN_CONFIGURED, wire::EventKind::configured));
static_assert(is(MERIDIAN_STATE_SET, wire::EventKind::state_set));
static_assert(is(MERIDIAN_TOUCH, wire::EventKind::touch));
static_assert(is(MERIDIAN_RESTED, wire::EventKind::rested));
static_assert(is(MERIDIAN_TRIGGERED, wire::EventKind::triggered));
static_assert(is(MERIDIAN_ACTIVATED, wire::EventKind::activated));
static_assert(is(MERIDIAN_REPRICED, wire::EventKind::repriced));
static_assert(is(MERIDIAN_INDICATIVE, wire::EventKind::indicative));
static_assert(is(MERIDIAN_LIMIT_STATE, wire::EventKind::limit_state));
static_assert(is(MERIDIAN_BREAKER_SET, wire::EventKind::breaker_set));
static_assert(is(MERIDIAN_MASS_CANCELED, wire::EventKind::mass_canceled));
static_assert(is(MERIDIAN_LIMIT_SET, wire::EventKind::limit_set));
static_assert(is(MERIDIAN_KILLED, wire::EventKind::killed));
static_assert(is(MERIDIAN_POSITION_SET, wire::EventKind::position_set));
static_assert(is(MERIDIAN_BUSTED, wire::EventKind::busted));
static_assert(is(MERIDIAN_CORRECTED, wire::EventKind::corrected));
static_assert(is(MERIDIAN_TICKED, wire::EventKind::ticked));
static_assert(is(MERIDIAN_SEEDED, wire::EventKind::seeded));
static_assert(MERIDIAN_EVENT_IS_LAST == wire::event_is_last);

// ---- Arguments

template <class T>
bool is_misaligned(const T* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignof(T) != 0;
}

// Of a pointer through which one value is read or written.
template <class T>
meridian_engine_status check_value(const T* pointer) noexcept {
  if (pointer == nullptr) {
    return MERIDIAN_ENGINE_ARGUMENT_NULL;
  }
  return is_misaligned(pointer) ? MERIDIAN_ENGINE_ARGUMENT_MISALIGNED : MERIDIAN_ENGINE_OK;
}

// Of an array: null only when it is empty.
template <class T>
meridian_engine_status check_array(const T* pointer, std::size_t count) noexcept {
  if (pointer == nullptr && count != 0) {
    return MERIDIAN_ENGINE_ARGUMENT_NULL;
  }
  if (is_misaligned(pointer)) {
    return MERIDIAN_ENGINE_ARGUMENT_MISALIGNED;
  }
  return count > MERIDIAN_ENGINE_HIGHEST_COUNT ? MERIDIAN_ENGINE_COUNT_TOO_LARGE
                                               : MERIDIAN_ENGINE_OK;
}

// The first that is not OK.
template <class... Statuses>
meridian_engine_status first_error(Statuses... statuses) noexcept {
  meridian_engine_status found = MERIDIAN_ENGINE_OK;
  static_cast<void>(((found = statuses, found != MERIDIAN_ENGINE_OK) || ...));
  return found;
}

// ---- Configuration

constexpr std::uint32_t known_flags = MERIDIAN_ENGINE_PREFAULT | MERIDIAN_ENGINE_COUNTED_TIME;
constexpr std::uint32_t highest_config_size = 4096;
constexpr std::uint32_t default_event_capacity = 1U << 15;
constexpr std::uint32_t highest_event_capacity = 1U << 26;
constexpr std::uint32_t highest_capacity = (1U << 24) - 2;
constexpr std::int32_t highest_price = 0x7FFFFFFE;
constexpr std::uint32_t highest_quantity = 0x7FFFFFFF;

// The caller's structure as this library knows it: fields that an older caller lacks are 0.
meridian_engine_status read_config(const meridian_engine_config* given,
                                   meridian_engine_config& config) noexcept {
  const std::uint32_t size = given->size;
  if (size < offsetof(meridian_engine_config, flags) + sizeof(given->flags) ||
      size > highest_config_size) {
    return MERIDIAN_ENGINE_CONFIG_INVALID;
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::uint32_t at = sizeof(config); at < size; ++at) {
    if (bytes[at] != 0) {
      return MERIDIAN_ENGINE_CONFIG_UNKNOWN;
    }
  }
  config = {};
  std::memcpy(&config, given, std::min<std::size_t>(size, sizeof(config)));
  if ((config.flags & ~known_flags) != 0 || config.reserved != 0) {
    return MERIDIAN_ENGINE_CONFIG_UNKNOWN;
  }
  config.event_capacity =
      config.event_capacity == 0 ? default_event_capacity : config.event_capacity;
  config.band_low = config.band_low == 0 ? 1 : config.band_low;
  config.band_high = config.band_high == 0 ? highest_price : config.band_high;
  config.maximum_quantity =
      config.maximum_quantity == 0 ? highest_quantity : config.maximum_quantity;
  const bool is_good = config.event_capacity <= highest_event_capacity &&
                       config.capacity <= highest_capacity && config.band_low >= 1 &&
                       config.band_high >= config.band_low && config.band_high <= highest_price &&
                       config.maximum_quantity <= highest_quantity;
  config.event_capacity = is_good ? std::bit_ceil(config.event_capacity) : 0;
  return is_good ? MERIDIAN_ENGINE_OK : MERIDIAN_ENGINE_CONFIG_INVALID;
}

std::uint64_t clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// A snapshot begins with this much of the library's own: what it is, the stamp of the last command,
// a checksum of both. The rest is the engine's.
constexpr std::uint64_t snapshot_magic = 0x3142415F4E52444D;  // "MDRN_AB1"
constexpr std::size_t snapshot_head_bytes = 4 * sizeof(std::uint64_t);

constexpr std::size_t stack_bytes = std::size_t{1} << 20;

}  // namespace

// One mapping: this object, a page that traps, the side stack, the event buffer, the order memory.
struct meridian_engine {
 public:
  struct Parts {
    std::span<std::byte> mapping;
    std::span<std::byte> stack;
    std::span<wire::Event> events;
    std::span<std::byte> orders;
  };

  meridian_engine(const Parts& parts, bool counts_time) noexcept
      : mapping_(parts.mapping),
        stack_(parts.stack, &meridian_engine::run, this),
        events_(parts.events, stack_),
        orders_(parts.orders),
        market_(parts.orders),
        counts_time_(counts_time) {}
  meridian_engine(const meridian_engine&) = delete;
  meridian_engine& operator=(const meridian_engine&) = delete;

  // Takes commands until there are no more, one is not good, or the events are full.
  meridian_engine_status submit(const meridian_engine_command* commands,
                                const meridian_engine_stamp* stamps, std::size_t count,
                                std::size_t& taken) noexcept {
    batch_ = {.commands = commands,
              .stamps = stamps,
              .count = count,
              .taken = 0,
              .now_ns = stamps == nullptr && !counts_time_ && count != 0 ? clock_ns() : 0,
              .status = MERIDIAN_ENGINE_OK};
    stack_.resume();
    taken = batch_.taken;
    const bool is_full = batch_.status == MERIDIAN_ENGINE_OK && (taken != count || is_inside_);
    const meridian_engine_status status = is_full ? MERIDIAN_ENGINE_EVENTS_FULL : batch_.status;
    batch_ = {};
    return status;
  }

  std::size_t poll(meridian_engine_event* events, std::size_t capacity,
                   std::size_t& left) noexcept {
    auto* to = reinterpret_cast<std::byte*>(events);
    std::size_t count = 0;
    for (;;) {
      count += events_.take(to + count * sizeof(wire::Event), capacity - count);
      if (!is_inside_ || !events_.has_room()) {
        break;
      }
      stack_.resume();
      if (count == capacity) {
        break;
      }
    }
    left = events_.waiting();
    return count;
  }

  // Writes nothing when the bytes are too few; returns how many are needed.
  std::size_t save(std::span<std::byte> bytes) const noexcept {
    const std::size_t needed = snapshot_head_bytes + market_.saved_bytes();
    if (bytes.size() < needed) {
      return needed;
    }
    ByteWriter head(bytes.first(snapshot_head_bytes));
    head.put64(snapshot_magic);
    head.put64(last_.sequence);
    head.put64(last_.timestamp_ns);
    head.put_checksum();
    static_cast<void>(market_.save(bytes.subspan(snapshot_head_bytes)));
    return needed;
  }

  meridian_engine_status restore(std::span<const std::byte> bytes) noexcept {
    if (last_.sequence != 0) {
      return MERIDIAN_ENGINE_NOT_NEW;
    }
    if (bytes.size() < snapshot_head_bytes) {
      return MERIDIAN_ENGINE_SNAPSHOT_INVALID;
    }
    const std::span<const std::byte> given = bytes.first(snapshot_head_bytes);
    ByteReader head(given);
    const std::uint64_t magic = head.take64();
    const std::uint64_t sequence = head.take64();
    const std::uint64_t timestamp_ns = head.take64();
    std::uint64_t checksum = meridian::engine::empty_checksum;
    for (const std::byte byte : given.first(snapshot_head_bytes - sizeof(checksum))) {
      checksum = meridian::engine::add_to_checksum(checksum, byte);
    }
    if (magic != snapshot_magic || head.take64() != checksum) {
      return MERIDIAN_ENGINE_SNAPSHOT_INVALID;
    }
    if (!market_.restore(bytes.subspan(snapshot_head_bytes))) {
      // Half of a state: the market is made anew in zeroed memory.
      if (madvise(orders_.data(), orders_.size(), MADV_DONTNEED) != 0) {
        return MERIDIAN_ENGINE_MEMORY_REFUSED;
      }
      new (&market_) Market(orders_);
      return MERIDIAN_ENGINE_SNAPSHOT_INVALID;
    }
    last_ = {.sequence = sequence, .timestamp_ns = timestamp_ns};
    return MERIDIAN_ENGINE_OK;
  }

  // A command has paused inside: the market is between two states.
  [[nodiscard]] bool is_inside() const noexcept { return is_inside_; }
  [[nodiscard]] const Market& market() const noexcept { return market_; }
  [[nodiscard]] meridian_engine_stamp last_stamp() const noexcept { return last_; }
  [[nodiscard]] std::span<std::byte> mapping() const noexcept { return mapping_; }

 private:
  struct Batch {
    const meridian_engine_command* commands = nullptr;
    const meridian_engine_stamp* stamps = nullptr;
    std::size_t count = 0;
    std::size_t taken = 0;
    std::uint64_t now_ns = 0;
    meridian_engine_status status = MERIDIAN_ENGINE_OK;
  };

  // On the side stack. The market may pause in apply(), so that what is on this stack and in
  // command_ is all that a command needs; the batch it came in is gone by then.
  static void run(void* self) noexcept {
    auto& engine = *static_cast<meridian_engine*>(self);
    for (;;) {
      while (engine.batch_.taken != engine.batch_.count && engine.events_.has_room() &&
             engine.stamp_next()) {
        std::memcpy(&engine.command_, engine.batch_.commands + engine.batch_.taken,
                    sizeof(engine.command_));
        ++engine.batch_.taken;
        engine.is_inside_ = true;
        engine.market_.apply(engine.command_, engine.last_.sequence, engine.last_.timestamp_ns,
                             engine.events_);
        engine.is_inside_ = false;
      }
      engine.stack_.pause();
    }
  }

  bool stamp_next() noexcept {
    const meridian_engine_stamp before = last_;
    if (batch_.stamps == nullptr) {
      last_.sequence = before.sequence + 1;
      last_.timestamp_ns =
          std::max(before.timestamp_ns, counts_time_ ? last_.sequence : batch_.now_ns);
      return true;
    }
    const meridian_engine_stamp given = batch_.stamps[batch_.taken];
    if (given.sequence != before.sequence + 1) [[unlikely]] {
      batch_.status = MERIDIAN_ENGINE_SEQUENCE_INVALID;
      return false;
    }
    if (given.timestamp_ns < before.timestamp_ns) [[unlikely]] {
      batch_.status = MERIDIAN_ENGINE_TIMESTAMP_INVALID;
      return false;
    }
    last_ = given;
    return true;
  }

  std::span<std::byte> mapping_;
  SideStack stack_;
  EventBuffer events_;
  std::span<std::byte> orders_;
  wire::Command command_{};
  Batch batch_;
  meridian_engine_stamp last_{};
  Market market_;
  bool counts_time_;
  bool is_inside_ = false;
};

namespace {

// What comes first in most functions that ask something of a market.
meridian_engine_status check_settled(const meridian_engine* engine) noexcept {
  const meridian_engine_status status = check_value(engine);
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  return engine->is_inside() ? MERIDIAN_ENGINE_COMMAND_PENDING : MERIDIAN_ENGINE_OK;
}

meridian_engine_status check_side(std::int32_t side) noexcept {
  return side == MERIDIAN_BUY || side == MERIDIAN_SELL ? MERIDIAN_ENGINE_OK
                                                       : MERIDIAN_ENGINE_SIDE_INVALID;
}

// Makes the system back the memory.
void touch(std::span<std::byte> memory, std::size_t page) noexcept {
  for (std::size_t at = 0; at < memory.size(); at += page) {
    // A write of what is there: a read would be given a shared page of zeros.
    volatile std::byte& byte = memory[at];
    byte = std::byte{0};
  }
}

}  // namespace

uint32_t meridian_engine_abi_version(void) { return MERIDIAN_ENGINE_ABI_VERSION; }

const char* meridian_engine_status_text(int32_t status) {
  switch (status) {
    case MERIDIAN_ENGINE_OK:
      return "ok";
    case MERIDIAN_ENGINE_EVENTS_FULL:
      return "the event buffer is full: poll, then submit what was not taken";
    case MERIDIAN_ENGINE_ARGUMENT_NULL:
      return "a pointer is null that must not be";
    case MERIDIAN_ENGINE_ARGUMENT_MISALIGNED:
      return "a pointer is not aligned as its type demands";
    case MERIDIAN_ENGINE_COUNT_TOO_LARGE:
      return "a count is above MERIDIAN_ENGINE_HIGHEST_COUNT";
    case MERIDIAN_ENGINE_SIDE_INVALID:
      return "a side is neither buy nor sell";
    case MERIDIAN_ENGINE_CONFIG_INVALID:
      return "a field of the configuration is out of range";
    case MERIDIAN_ENGINE_CONFIG_UNKNOWN:
      return "the configuration uses fields that this library does not know";
    case MERIDIAN_ENGINE_MEMORY_REFUSED:
      return "the system refused the memory";
    case MERIDIAN_ENGINE_SEQUENCE_INVALID:
      return "a sequence is not the last plus one";
    case MERIDIAN_ENGINE_TIMESTAMP_INVALID:
      return "a timestamp is lower than the last";
    case MERIDIAN_ENGINE_COMMAND_PENDING:
      return "a command still has events to give: poll until none is left";
    case MERIDIAN_ENGINE_BYTES_TOO_FEW:
      return "the snapshot needs more bytes than there are";
    case MERIDIAN_ENGINE_SNAPSHOT_INVALID:
      return "the bytes are damaged, or no snapshot that this library knows";
    case MERIDIAN_ENGINE_NOT_NEW:
      return "the market has taken commands already";
    default:
      return "no such status";
  }
}

meridian_engine_status meridian_engine_create(const meridian_engine_config* config,
                                              meridian_engine** engine) {
  meridian_engine_status status = check_value(engine);
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  *engine = nullptr;
  meridian_engine_config wanted{};
  status = check_value(config);
  if (status == MERIDIAN_ENGINE_OK) {
    status = read_config(config, wanted);
  }
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto rounded = [page](std::size_t bytes) { return (bytes + page - 1) / page * page; };
  const std::size_t trap_at = rounded(sizeof(meridian_engine));
  const std::size_t stack_at = trap_at + page;
  const std::size_t events_at = stack_at + rounded(stack_bytes);
  const std::size_t event_bytes = wanted.event_capacity * sizeof(wire::Event);
  const std::size_t orders_at = events_at + rounded(event_bytes);
  const std::size_t order_bytes = rounded(Market::arena_bytes());
  const std::size_t size = orders_at + order_bytes;
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    return MERIDIAN_ENGINE_MEMORY_REFUSED;
  }
  const std::span mapping(static_cast<std::byte*>(address), size);
  if (mprotect(mapping.data() + trap_at, page, PROT_NONE) != 0) {
    munmap(address, size);
    return MERIDIAN_ENGINE_MEMORY_REFUSED;
  }
  const std::span events = mapping.subspan(events_at, event_bytes);
  const std::span orders = mapping.subspan(orders_at, order_bytes);
  if ((wanted.flags & MERIDIAN_ENGINE_PREFAULT) != 0) {
    touch(events, page);
    touch(orders.first(std::min<std::uint64_t>(wanted.prefault_bytes, order_bytes)), page);
  }
  auto* created = new (address) meridian_engine(
      {.mapping = mapping,
       .stack = mapping.subspan(stack_at, rounded(stack_bytes)),
       .events = {reinterpret_cast<wire::Event*>(events.data()), wanted.event_capacity},
       .orders = orders},
      (wanted.flags & MERIDIAN_ENGINE_COUNTED_TIME) != 0);
  if (wanted.capacity != 0) {
    meridian_engine_command configure{};
    configure.kind = MERIDIAN_CONFIGURE;
    configure.order_id = wanted.capacity;
    configure.price = wanted.band_low;
    configure.trigger = wanted.band_high;
    configure.quantity = wanted.maximum_quantity;
    std::size_t taken = 0;
    created->submit(&configure, nullptr, 1, taken);
  }
  *engine = created;
  return MERIDIAN_ENGINE_OK;
}

void meridian_engine_destroy(meridian_engine* engine) {
  if (check_value(engine) != MERIDIAN_ENGINE_OK) {
    return;
  }
  // The object lies in its own mapping, and a command that has paused inside is forgotten with its
  // stack: nothing here owns anything else.
  static_assert(std::is_trivially_destructible_v<Market>);
  const std::span<std::byte> mapping = engine->mapping();
  munmap(mapping.data(), mapping.size());
}

meridian_engine_status meridian_engine_submit(meridian_engine* engine,
                                              const meridian_engine_command* commands,
                                              const meridian_engine_stamp* stamps, size_t count,
                                              size_t* taken) {
  const meridian_engine_status status =
      first_error(check_value(engine), check_value(taken), check_array(commands, count),
                  stamps == nullptr ? MERIDIAN_ENGINE_OK : check_array(stamps, count));
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  return engine->submit(commands, stamps, count, *taken);
}

meridian_engine_status meridian_engine_poll(meridian_engine* engine, meridian_engine_event* events,
                                            size_t capacity, size_t* count, size_t* left) {
  const meridian_engine_status status =
      first_error(check_value(engine), check_value(count), check_array(events, capacity),
                  left == nullptr ? MERIDIAN_ENGINE_OK : check_value(left));
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  std::size_t waiting = 0;
  *count = engine->poll(events, capacity, waiting);
  if (left != nullptr) {
    *left = waiting;
  }
  return MERIDIAN_ENGINE_OK;
}

meridian_engine_status meridian_engine_depth(const meridian_engine* engine, int32_t side,
                                             meridian_engine_level* levels, size_t capacity,
                                             size_t* count) {
  const meridian_engine_status status = first_error(
      check_settled(engine), check_value(count), check_array(levels, capacity), check_side(side));
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  std::size_t written = 0;
  engine->market().visit_resting(
      static_cast<wire::Side>(side),
      [&](meridian::OrderId, meridian::AccountId, meridian::PriceTicks price,
          meridian::QuantityLots shown) noexcept {
        if (written == 0 || levels[written - 1].price != price.value()) {
          if (written == capacity) {
            return false;
          }
          levels[written++] = {.price = price.value(), .lots = 0, .orders = 0};
        }
        levels[written - 1].lots += shown.value();
        ++levels[written - 1].orders;
        return true;
      });
  *count = written;
  return MERIDIAN_ENGINE_OK;
}

meridian_engine_status meridian_engine_resting_orders(const meridian_engine* engine, int32_t side,
                                                      meridian_engine_order* orders,
                                                      size_t capacity, size_t* count,
                                                      size_t* left) {
  const meridian_engine_status status =
      first_error(check_settled(engine), check_value(count), check_array(orders, capacity),
                  left == nullptr ? MERIDIAN_ENGINE_OK : check_value(left), check_side(side));
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  std::size_t written = 0;
  std::size_t beyond = 0;
  engine->market().visit_resting(
      static_cast<wire::Side>(side),
      [&](meridian::OrderId order_id, meridian::AccountId account, meridian::PriceTicks price,
          meridian::QuantityLots shown) noexcept {
        if (written == capacity) {
          ++beyond;
          return left != nullptr;
        }
        orders[written++] = {.order_id = order_id.value(),
                             .price = price.value(),
                             .lots = shown.value(),
                             .account = account.value()};
        return true;
      });
  *count = written;
  if (left != nullptr) {
    *left = beyond;
  }
  return MERIDIAN_ENGINE_OK;
}

meridian_engine_status meridian_engine_open_orders(const meridian_engine* engine, uint64_t* count) {
  const meridian_engine_status status = first_error(check_settled(engine), check_value(count));
  if (status == MERIDIAN_ENGINE_OK) {
    *count = engine->market().open_orders();
  }
  return status;
}

meridian_engine_status meridian_engine_digest(const meridian_engine* engine, uint64_t* digest) {
  const meridian_engine_status status = first_error(check_settled(engine), check_value(digest));
  if (status == MERIDIAN_ENGINE_OK) {
    *digest = engine->market().digest();
  }
  return status;
}

meridian_engine_status meridian_engine_last_stamp(const meridian_engine* engine,
                                                  meridian_engine_stamp* stamp) {
  const meridian_engine_status status = first_error(check_value(engine), check_value(stamp));
  if (status == MERIDIAN_ENGINE_OK) {
    *stamp = engine->last_stamp();
  }
  return status;
}

meridian_engine_status meridian_engine_has_work(const meridian_engine* engine, uint32_t* has_work) {
  const meridian_engine_status status = first_error(check_settled(engine), check_value(has_work));
  if (status == MERIDIAN_ENGINE_OK) {
    *has_work = engine->market().has_work() ? 1 : 0;
  }
  return status;
}

meridian_engine_status meridian_engine_verify(const meridian_engine* engine, uint32_t* is_sound) {
  const meridian_engine_status status = first_error(check_settled(engine), check_value(is_sound));
  if (status == MERIDIAN_ENGINE_OK) {
    *is_sound = engine->market().verify() ? 1 : 0;
  }
  return status;
}

meridian_engine_status meridian_engine_save(const meridian_engine* engine, void* bytes,
                                            size_t capacity, size_t* size) {
  auto* to = static_cast<std::byte*>(bytes);
  const meridian_engine_status status =
      first_error(check_settled(engine), check_value(size), check_array(to, capacity));
  if (status != MERIDIAN_ENGINE_OK) {
    return status;
  }
  *size = engine->save({to, capacity});
  return *size <= capacity ? MERIDIAN_ENGINE_OK : MERIDIAN_ENGINE_BYTES_TOO_FEW;
}

meridian_engine_status meridian_engine_restore(meridian_engine* engine, const void* bytes,
                                               size_t size) {
  const auto* from = static_cast<const std::byte*>(bytes);
  const meridian_engine_status status = first_error(check_settled(engine), check_array(from, size));
  return status == MERIDIAN_ENGINE_OK ? engine->restore({from, size}) : status;
}
