// What each client session was told last, so that a resent command gets its first outcome and is
// not executed twice.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "base/units.hpp"
#include "engine/digest.hpp"
#include "wire/refusal.hpp"

namespace meridian::engine {

class ByteReader;
class ByteWriter;

struct Outcome {
  wire::Refusal refusal = wire::Refusal::none;
  OrderId order_id{0};  // of the order placed or acted on; 0 when refused
  QuantityLots executed{0};
  QuantityLots remaining{0};  // lots of that order resting after the command
};

class SessionTable {
 public:
  static constexpr std::uint32_t row_count = 256;
  static constexpr std::uint32_t outcomes_per_row = 1024;

  // An outcome as remembered. `number` rises along a row.
  struct Stored {
    std::uint64_t number;
    std::uint64_t sequence;
    std::uint64_t order_id_and_refusal;  // refusal in the top byte
    QuantityLots executed;
    QuantityLots remaining;

    [[nodiscard]] OrderId order_id() const noexcept {
      return OrderId{order_id_and_refusal & ((std::uint64_t{1} << 56) - 1)};
    }
    [[nodiscard]] std::uint8_t refusal() const noexcept {
      return static_cast<std::uint8_t>(order_id_and_refusal >> 56);
    }
  };
  static_assert(sizeof(Stored) == 32);

  static constexpr std::size_t arena_bytes() noexcept {
    return Arena::bytes_of<Row>(row_count) +
           Arena::bytes_of<Stored>(std::size_t{row_count} * outcomes_per_row);
  }

  explicit SessionTable(Arena& arena) noexcept
      : rows_(arena.take<Row>(row_count)),
        outcomes_(arena.take<Stored>(std::size_t{row_count} * outcomes_per_row)) {}

  struct Answer {
    bool is_new;           // the command is to be processed
    const Stored* stored;  // the first outcome of a resend; null when it is too old
  };
  [[nodiscard]] Answer look_up(std::uint64_t session, std::uint64_t number) const noexcept {
    const std::uint32_t row = row_of(session);
    if (row == no_row || number > newest(row).number) [[likely]] {
      return {true, nullptr};
    }
    return {false, find(row, number)};
  }

  // The highest number that the session has used; 0 when nothing is remembered of it.
  [[nodiscard]] std::uint64_t newest_number(std::uint64_t session) const noexcept {
    const std::uint32_t row = row_of(session);
    return row == no_row ? 0 : newest(row).number;
  }

  // Remembers the outcome of a command for which look_up() said is_new. A session without a row
  // takes a free one, else that of the session that was used longest ago.
  void store(std::uint64_t session, std::uint64_t number, Sequence sequence,
             const Outcome& outcome) noexcept;

  // Sum of the digest terms of all remembered outcomes.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

  void save(ByteWriter& out) const noexcept;
  // Only into a new table.
  void load(ByteReader& in) noexcept;

  // Whether index, rows, order of numbers and digests agree.
  [[nodiscard]] bool verify() const noexcept;

 private:
  struct Row {
    std::uint64_t session;
    std::uint64_t last_sequence;
    std::uint64_t digest;
    std::uint32_t newest;  // place of the newest outcome
    std::uint32_t count;   // outcomes remembered, 1 … outcomes_per_row in a used row
  };
  static_assert(sizeof(Row) == 32);

  static constexpr std::uint32_t no_row = 0xFFFFFFFF;
  // Open addressing at a quarter full at most: probes stay short and deletion shifts back.
  static constexpr std::uint32_t index_size = 1024;

  static std::uint32_t home_of(std::uint64_t session) noexcept {
    return static_cast<std::uint32_t>(digest::mix(session) >> 54);
  }

  static std::uint64_t term_of(std::uint64_t session, const Stored& stored) noexcept {
    const std::uint64_t refusal = stored.refusal();
    return digest::outcome_term(session, stored.number, stored.sequence,
                                stored.order_id().value() ^ refusal, stored.executed,
                                stored.remaining);
  }

  // The outcome `age` places before the newest.
  [[nodiscard]] const Stored& at_age(std::uint32_t row, std::uint32_t age) const noexcept {
    const std::uint32_t place = (rows_[row].newest - age) % outcomes_per_row;
    return outcomes_[std::size_t{row} * outcomes_per_row + place];
  }
  [[nodiscard]] const Stored& newest(std::uint32_t row) const noexcept { return at_age(row, 0); }

  [[nodiscard]] std::uint32_t row_of(std::uint64_t session) const noexcept {
    for (std::uint32_t place = home_of(session);; place = (place + 1) % index_size) {
      const std::uint16_t entry = index_[place];
      if (entry == 0) {
        return no_row;
      }
      if (rows_[entry - 1].session == session) {
        return entry - 1U;
      }
    }
  }

  [[nodiscard]] const Stored* find(std::uint32_t row, std::uint64_t number) const noexcept;
  [[nodiscard]] std::uint32_t claim_row(std::uint64_t session) noexcept;
  void insert_index(std::uint64_t session, std::uint32_t row) noexcept;
  void erase_index(std::uint64_t session) noexcept;

  Row* rows_;
  Stored* outcomes_;
  std::array<std::uint16_t, index_size> index_{};  // row + 1, 0 = free
  std::uint32_t used_rows_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace meridian::engine
