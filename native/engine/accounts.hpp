// What the engine knows of each account: its open orders in entry order, position and limits.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/units.hpp"
#include "engine/digest.hpp"
#include "engine/order_pool.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

class ByteReader;
class ByteWriter;

// Row of an account in the table, from 0 in the order in which the rows were made.
inline constexpr std::uint32_t no_row = 0xFFFFFFFF;

// What a fill touches, in one cache line.
struct alignas(64) Account {
  AccountId id;
  std::uint32_t flags;  // bit n: limit n (wire::AccountLimit) is set; and the bits below
  OrderSlot oldest;     // its open orders in entry order
  OrderSlot youngest;
  std::int64_t position;                   // lots, negative when short
  std::array<std::uint64_t, 2> open_lots;  // by side
  std::uint64_t position_factor;           // of the digest
  std::uint32_t open_orders;
  std::uint32_t sweeps;  // that wait for it

  static constexpr std::uint32_t limit_bits = (1U << wire::account_limit_count) - 1;
  static constexpr std::uint32_t killed_bit = 1U << 7;
  static constexpr std::uint32_t risk_bits = limit_bits | killed_bit;
  static constexpr std::uint32_t rate_bits =
      (1U << static_cast<int>(wire::AccountLimit::message_rate)) |
      (1U << static_cast<int>(wire::AccountLimit::execution_rate));
  static constexpr std::uint32_t message_bit =
      1U << static_cast<int>(wire::AccountLimit::message_rate);
  static constexpr std::uint32_t execution_bit =
      1U << static_cast<int>(wire::AccountLimit::execution_rate);
};
static_assert(sizeof(Account) == 64);

// Events counted within a window that begins with the first one after the last window's end.
struct Rate {
  std::uint64_t start_ns;
  std::uint64_t count;
  std::uint64_t window_ns;

  [[nodiscard]] bool is_over(std::uint64_t now_ns) const noexcept {
    return now_ns >= start_ns + window_ns;
  }
};

// The limits of an account. Those that one comparison checks come first, in a line of their own,
// as their highest allowed value whether they are set or not: README.md, "Risk".
struct alignas(64) AccountLimits {
  std::uint32_t most_quantity;
  std::uint32_t most_distance;  // from the reference price: the collar
  std::uint64_t most_notional;
  std::int64_t most_position;
  std::uint32_t most_open_orders;
  std::uint32_t most_messages;
  Rate messages;
  std::uint64_t message_factor;  // of the digest
  Rate executions;
  std::uint64_t execution_factor;  // of the digest
  std::uint32_t most_executions;
  std::array<std::uint64_t, wire::account_limit_count> values;  // 0: none

  [[nodiscard]] std::uint64_t value(wire::AccountLimit limit) const noexcept {
    return values[static_cast<std::size_t>(limit)];
  }
};

class Accounts {
 public:
  static constexpr std::uint32_t row_count = 4096;

  static constexpr std::size_t arena_bytes() noexcept {
    return Arena::bytes_of<Account>(row_count) + Arena::bytes_of<AccountLimits>(row_count) +
           Arena::bytes_of<std::uint16_t>(index_size);
  }

  explicit Accounts(Arena& arena) noexcept
      : rows_(arena.take<Account>(row_count)),
        limits_(arena.take<AccountLimits>(row_count)),
        index_(arena.take<std::uint16_t>(index_size)) {}

  [[nodiscard]] Account& operator[](std::uint32_t row) noexcept { return rows_[row]; }
  [[nodiscard]] const Account& operator[](std::uint32_t row) const noexcept { return rows_[row]; }
  [[nodiscard]] AccountLimits& limits(std::uint32_t row) noexcept { return limits_[row]; }
  [[nodiscard]] const AccountLimits& limits(std::uint32_t row) const noexcept {
    return limits_[row];
  }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_full() const noexcept { return size_ == row_count; }

  // The row of an account, or no_row.
  [[nodiscard]] std::uint32_t find(std::uint32_t id) const noexcept {
    for (std::uint32_t place = home_of(id);; place = (place + 1) % index_size) {
      const std::uint16_t entry = index_[place];
      if (entry == 0) {
        return no_row;
      }
      if (rows_[entry - 1].id.value() == id) [[likely]] {
        return entry - 1U;
      }
    }
  }

  // Only while not full, and the account has none.
  std::uint32_t add(std::uint32_t id) noexcept;

  // Changes a position by lots bought (or, negative, sold).
  [[gnu::always_inline]] void move_position(Account& account, std::int64_t lots) noexcept {
    account.position += lots;
    digest_ += account.position_factor * static_cast<std::uint64_t>(lots);
  }

  // Whether an order that is to rest, or a replace, stays within the limits that are not rates.
  // `open` is what the account has open on the side without an order that is replaced; `reference`
  // is 0 when there is none.
  struct Intent {
    std::uint32_t row;
    wire::Side side;
    std::uint32_t price;
    std::uint32_t quantity;
    std::uint32_t reference;
  };
  // Whether an account is not killed and below its rates.
  [[nodiscard, gnu::always_inline]] bool may_send(std::uint32_t row,
                                                  std::uint64_t now_ns) const noexcept {
    const std::uint32_t flags = rows_[row].flags;
    const AccountLimits& limits = limits_[row];
    const auto is_below = [&](std::uint32_t bit, const Rate& rate, std::uint32_t most) {
      return (flags & bit) == 0 || rate.is_over(now_ns) || rate.count < most;
    };
    return (flags & Account::killed_bit) == 0 &&
           is_below(Account::message_bit, limits.messages, limits.most_messages) &&
           is_below(Account::execution_bit, limits.executions, limits.most_executions);
  }
  [[nodiscard, gnu::always_inline]] bool allows(const Intent& intent) const noexcept {
    const Account& account = rows_[intent.row];
    const AccountLimits& limits = limits_[intent.row];
    const std::uint32_t distance = intent.price > intent.reference
                                       ? intent.price - intent.reference
                                       : intent.reference - intent.price;
    const bool is_buy = intent.side == wire::Side::buy;
    const std::int64_t held = is_buy ? account.position : -account.position;
    // All terms stay below 2^57.
    const auto after =
        held + static_cast<std::int64_t>(account.open_lots[static_cast<std::size_t>(intent.side)] +
                                         intent.quantity);
    // Without branches: a refusal is rare, and which limit it names is found out elsewhere.
    return (intent.quantity <= limits.most_quantity) &
           (std::uint64_t{intent.price} * intent.quantity <= limits.most_notional) &
           ((intent.reference == 0) | (distance <= limits.most_distance)) &
           (account.open_orders < limits.most_open_orders) & (after <= limits.most_position);
  }

  void set_limit(std::uint32_t row, wire::AccountLimit limit, std::uint64_t value,
                 std::uint32_t window_ms, std::uint64_t now_ns) noexcept;
  void set_killed(std::uint32_t row, bool is_killed) noexcept;
  // Counts one message or execution of an account that has that limit.
  [[gnu::always_inline]] void count_message(std::uint32_t row, std::uint64_t now_ns) noexcept {
    count(limits_[row].messages, limits_[row].message_factor, now_ns);
  }
  [[gnu::always_inline]] void count_execution(std::uint32_t row, std::uint64_t now_ns) noexcept {
    count(limits_[row].executions, limits_[row].execution_factor, now_ns);
  }

  // Sum of the digest terms of all accounts.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

  // Whether index and digest agree with the rows.
  [[nodiscard]] bool verify() const noexcept;

  // Everything but the open orders, which join again one by one.
  void save(ByteWriter& out) const noexcept;
  void load(ByteReader& in) noexcept;

 private:
  static constexpr std::uint32_t index_size = 2 * row_count;

  static std::uint32_t home_of(std::uint32_t id) noexcept {
    return static_cast<std::uint32_t>(digest::mix(id) >> 51);
  }
  [[gnu::always_inline]] void count(Rate& rate, std::uint64_t factor,
                                    std::uint64_t now_ns) noexcept {
    const std::uint64_t before = rate.count;
    const bool is_over = rate.is_over(now_ns);
    rate.start_ns = is_over ? now_ns : rate.start_ns;
    rate.count = (is_over ? 0 : before) + 1;
    digest_ += factor * (rate.count - before);
  }
  [[nodiscard]] std::uint64_t term_of(std::uint32_t row) const noexcept;
  void insert_index(std::uint32_t row) noexcept;
  void set_bounds(std::uint32_t row) noexcept;
  // Makes index and digest of rows that were read. False when they cannot be those of accounts.
  [[nodiscard]] bool restore(std::uint32_t size) noexcept;

  Account* rows_;
  AccountLimits* limits_;
  std::uint16_t* index_;  // row + 1, 0 = free
  std::uint32_t size_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace meridian::engine
