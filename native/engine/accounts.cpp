#include "engine/accounts.hpp"

#include "base/ensure.hpp"

namespace meridian::engine {

std::uint32_t Accounts::add(std::uint32_t id) noexcept {
  ensure(size_ < row_count);
  const std::uint32_t row = size_++;
  Account& account = rows_[row];
  account.id = AccountId{id};
  account.position_factor = digest::mix(id * digest::first_factor);
  set_bounds(row);
  insert_index(row);
  return row;
}

// What one comparison asks: the highest allowed value of each limit, the highest there is when it
// is not set.
void Accounts::set_bounds(std::uint32_t row) noexcept {
  AccountLimits& limits = limits_[row];
  const auto most = [&](wire::AccountLimit limit, std::uint64_t highest) noexcept {
    const std::uint64_t value = limits.value(limit);
    return value == 0 || value > highest ? highest : value;
  };
  constexpr std::uint64_t every_32_bits = 0xFFFFFFFF;
  limits.most_quantity =
      static_cast<std::uint32_t>(most(wire::AccountLimit::quantity, every_32_bits));
  limits.most_distance =
      static_cast<std::uint32_t>(most(wire::AccountLimit::collar, every_32_bits));
  limits.most_notional = most(wire::AccountLimit::notional, ~std::uint64_t{0});
  limits.most_position =
      static_cast<std::int64_t>(most(wire::AccountLimit::position, ~std::uint64_t{0} >> 1));
  limits.most_open_orders =
      static_cast<std::uint32_t>(most(wire::AccountLimit::open_orders, every_32_bits));
  limits.most_messages =
      static_cast<std::uint32_t>(most(wire::AccountLimit::message_rate, every_32_bits));
  limits.most_executions =
      static_cast<std::uint32_t>(most(wire::AccountLimit::execution_rate, every_32_bits));
  const std::uint64_t id = rows_[row].id.value();
  limits.message_factor = digest::mix(id * digest::second_factor);
  limits.execution_factor = digest::mix(id * digest::third_factor);
}

void Accounts::insert_index(std::uint32_t row) noexcept {
  std::uint32_t place = home_of(rows_[row].id.value());
  while (index_[place] != 0) {
    place = (place + 1) % index_size;
  }
  index_[place] = static_cast<std::uint16_t>(row + 1);
}

void Accounts::set_limit(std::uint32_t row, wire::AccountLimit limit, std::uint64_t value,
                         std::uint32_t window_ms, std::uint64_t now_ns) noexcept {
  AccountLimits& limits = limits_[row];
  const std::uint64_t before = term_of(row);
  const auto number = static_cast<std::size_t>(limit);
  limits.values[number] = value;
  const Rate fresh{now_ns, 0, std::uint64_t{window_ms} * 1'000'000};
  if (limit == wire::AccountLimit::message_rate) {
    limits.messages = fresh;
  } else if (limit == wire::AccountLimit::execution_rate) {
    limits.executions = fresh;
  }
  const std::uint32_t bit = 1U << number;
  Account& account = rows_[row];
  account.flags = value != 0 ? account.flags | bit : account.flags & ~bit;
  set_bounds(row);
  digest_ += term_of(row) - before;
}

void Accounts::set_killed(std::uint32_t row, bool is_killed) noexcept {
  const std::uint64_t before = term_of(row);
  Account& account = rows_[row];
  account.flags =
      is_killed ? account.flags | Account::killed_bit : account.flags & ~Account::killed_bit;
  digest_ += term_of(row) - before;
}

std::uint64_t Accounts::term_of(std::uint32_t row) const noexcept {
  const Account& account = rows_[row];
  const AccountLimits& limits = limits_[row];
  const std::uint64_t id = account.id.value();
  std::uint64_t term =
      digest::mix(id * digest::first_factor) * static_cast<std::uint64_t>(account.position) +
      digest::mix(id * digest::second_factor) * limits.messages.count +
      digest::mix(id * digest::third_factor) * limits.executions.count;
  for (std::uint32_t limit = 0; limit < wire::account_limit_count; ++limit) {
    term += digest::mix(id * digest::fourth_factor + limit) * limits.values[limit];
  }
  if ((account.flags & Account::killed_bit) != 0) {
    term += digest::mix(id * digest::fifth_factor);
  }
  return term;
}

bool Accounts::verify() const noexcept {
  std::uint64_t terms = 0;
  for (std::uint32_t row = 0; row < size_; ++row) {
    const Account& account = rows_[row];
    if (account.id.value() == 0 || find(account.id.value()) != row) {
      return false;
    }
    for (std::uint32_t limit = 0; limit < wire::account_limit_count; ++limit) {
      if (((account.flags >> limit) & 1) != (limits_[row].values[limit] != 0 ? 1U : 0U)) {
        return false;
      }
    }
    terms += term_of(row);
  }
  return terms == digest_;
}

bool Accounts::restore(std::uint32_t size) noexcept {
  if (size > row_count) {
    return false;
  }
  for (std::uint32_t row = 0; row < size; ++row) {
    const std::uint32_t id = rows_[row].id.value();
    if (id == 0 || find(id) != no_row) {
      return false;
    }
    rows_[row].position_factor = digest::mix(id * digest::first_factor);
    set_bounds(row);
    insert_index(row);
    digest_ += term_of(row);
  }
  size_ = size;
  return true;
}

}  // namespace meridian::engine
