#include "engine/session_table.hpp"

namespace meridian::engine {

void SessionTable::store(std::uint64_t session, std::uint64_t number, Sequence sequence,
                         const Outcome& outcome) noexcept {
  std::uint32_t number_of_row = row_of(session);
  if (number_of_row == no_row) [[unlikely]] {
    number_of_row = claim_row(session);
  }
  Row& row = rows_[number_of_row];
  if (row.count > 0) {
    row.newest = (row.newest + 1) % outcomes_per_row;
  }
  Stored& stored = outcomes_[std::size_t{number_of_row} * outcomes_per_row + row.newest];
  std::uint64_t change = 0;
  if (row.count == outcomes_per_row) {
    change -= term_of(session, stored);
  } else {
    ++row.count;
  }
  stored = Stored{.number = number,
                  .sequence = sequence.value(),
                  .order_id_and_refusal = outcome.order_id.value() |
                                          (static_cast<std::uint64_t>(outcome.refusal) << 56),
                  .executed = outcome.executed,
                  .remaining = outcome.remaining};
  change += term_of(session, stored);
  row.last_sequence = sequence.value();
  row.digest += change;
  digest_ += change;
}

const SessionTable::Stored* SessionTable::find(std::uint32_t row,
                                               std::uint64_t number) const noexcept {
  // Numbers fall as the age rises: the youngest age whose number is not above the one sought.
  std::uint32_t low = 0;
  std::uint32_t high = rows_[row].count;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (at_age(row, middle).number > number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == rows_[row].count || at_age(row, low).number != number) {
    return nullptr;
  }
  return &at_age(row, low);
}

std::uint32_t SessionTable::claim_row(std::uint64_t session) noexcept {
  std::uint32_t claimed = used_rows_;
  if (used_rows_ < row_count) {
    ++used_rows_;
  } else {
    claimed = 0;
    for (std::uint32_t row = 1; row < row_count; ++row) {
      if (rows_[row].last_sequence < rows_[claimed].last_sequence) {
        claimed = row;
      }
    }
    digest_ -= rows_[claimed].digest;
    erase_index(rows_[claimed].session);
  }
  rows_[claimed] =
      Row{.session = session, .last_sequence = 0, .digest = 0, .newest = 0, .count = 0};
  insert_index(session, claimed);
  return claimed;
}

void SessionTable::insert_index(std::uint64_t session, std::uint32_t row) noexcept {
  std::uint32_t place = home_of(session);
  while (index_[place] != 0) {
    place = (place + 1) % index_size;
  }
  index_[place] = static_cast<std::uint16_t>(row + 1);
}

void SessionTable::erase_index(std::uint64_t session) noexcept {
  std::uint32_t hole = home_of(session);
  while (rows_[index_[hole] - 1].session != session) {
    hole = (hole + 1) % index_size;
  }
  // Entries behind the hole that could stand in it move up, so that no probe ends too early.
  for (std::uint32_t place = (hole + 1) % index_size; index_[place] != 0;
       place = (place + 1) % index_size) {
    const std::uint32_t home = home_of(rows_[index_[place] - 1].session);
    const std::uint32_t from_home = (place - home) % index_size;
    const std::uint32_t from_hole = (place - hole) % index_size;
    if (from_home >= from_hole) {
      index_[hole] = index_[place];
      hole = place;
    }
  }
  index_[hole] = 0;
}

bool SessionTable::verify() const noexcept {
  std::uint64_t all = 0;
  for (std::uint32_t number = 0; number < used_rows_; ++number) {
    const Row& row = rows_[number];
    if (row.session == 0 || row.count == 0 || row.count > outcomes_per_row ||
        row_of(row.session) != number || newest(number).sequence != row.last_sequence) {
      return false;
    }
    std::uint64_t terms = 0;
    for (std::uint32_t age = 0; age < row.count; ++age) {
      const Stored& stored = at_age(number, age);
      terms += term_of(row.session, stored);
      if (age > 0 && (stored.number >= at_age(number, age - 1).number ||
                      stored.sequence >= at_age(number, age - 1).sequence)) {
        return false;
      }
    }
    if (terms != row.digest) {
      return false;
    }
    all += terms;
  }
  std::uint32_t indexed = 0;
  for (const std::uint16_t entry : index_) {
    indexed += entry != 0 ? 1U : 0U;
  }
  return all == digest_ && indexed == used_rows_;
}

}  // namespace meridian::engine
