#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// What the model remembers. A state has one representation only: what nobody can tell apart is
// equal byte by byte, for the explorer compares hashes of these bytes.
namespace meridian::ownership_model {

// A message is named by its place in the message table; the table holds what it says, and what it
// builds on, so that two messages are one exactly when their bytes would be.
using MessageId = std::uint16_t;
inline constexpr MessageId no_message = 0;

inline constexpr std::size_t most_cells = 3;
inline constexpr std::size_t most_commands = 3;
inline constexpr std::size_t most_stream = 12;
inline constexpr std::size_t most_in_flight = 4;
inline constexpr std::size_t most_entries = 14;
inline constexpr std::size_t most_records = 8;
inline constexpr std::uint8_t most_epochs = 7;
inline constexpr std::uint8_t no_cell = 0xff;
inline constexpr std::uint8_t nobody = 0xfe;  // writes the fence that is a HANDOVER

// What a record says: an order of a client, a change of mode, or HANDOVER of an epoch.
using Record = std::uint8_t;
inline constexpr Record mode_change = 6;
inline constexpr Record handover = 8;
constexpr Record handover_of(std::uint8_t epoch) { return static_cast<Record>(handover + epoch); }

// An entry of a write-ahead log: a record with the epoch in which it was written, or the mark of a
// message (a seal, or a fence).
using Entry = std::uint16_t;
inline constexpr Entry record_flag = 0x8000;
constexpr Entry record_entry(Record record, std::uint8_t epoch) {
  return static_cast<Entry>(record_flag | (epoch << 8) | record);
}
constexpr bool is_record(Entry entry) { return (entry & record_flag) != 0; }
constexpr Record record_of(Entry entry) { return static_cast<Record>(entry & 0xff); }
constexpr std::uint8_t epoch_of(Entry entry) {
  return static_cast<std::uint8_t>((entry >> 8) & 0x7f);
}

enum class Phase : std::uint8_t {
  idle,     // runs or is down: nobody can tell, for a cell that does nothing does nothing
  claimed,  // `own` names it, its fence is not published
  fencing,  // its fence is published and undecided
  serving,
};

struct Cell {
  MessageId sealed;        // last message sealed in this epoch; the fence while it is fencing
  MessageId acknowledged;  // last own message known to be stored
  MessageId head;          // last message that the follower has accepted
  std::uint8_t tail;       // stream sequence of `acknowledged`; while fencing, the expected one
  std::uint8_t read;       // stream sequence up to which the follower has read
  std::uint8_t ack;        // stream sequence in an acknowledgement on its way to this cell; 0 none
  Phase phase;
  std::uint8_t epoch;
  std::uint8_t published;  // 1: the message behind `acknowledged` is sent and undecided
  std::uint8_t granted;    // 1: an operator lets it take the market once
  std::uint8_t closed;     // 1: it has written HANDOVER in this epoch
  std::uint8_t length;     // entries of its log
  std::uint8_t synced;     // of them on the disk
  std::array<Entry, most_entries> log;
};

struct Publish {
  MessageId message;
  std::uint16_t expected;
  auto operator<=>(const Publish&) const = default;
};

// The first acknowledgement that a client has been given for a command; kind none before it.
struct Acknowledgement {
  std::uint8_t kind;
  std::uint8_t epoch;
  std::uint8_t sequence;
  std::uint8_t cell;
};
inline constexpr std::uint8_t ack_none = 0;
inline constexpr std::uint8_t ack_durable = 1;
inline constexpr std::uint8_t ack_replicated = 2;

// How often each fault may still happen.
struct Budgets {
  std::uint8_t crashes;
  std::uint8_t doubles;
  std::uint8_t rolls;
  std::uint8_t losses;
  std::uint8_t stale;
  std::uint8_t grants;
  std::uint8_t changes;
  std::uint8_t handovers;
};

struct State {
  std::array<Cell, most_cells> cells;
  std::array<MessageId, most_stream> stream;
  std::array<Publish, most_in_flight> network;
  std::array<Acknowledgement, most_commands> acks;
  MessageId snapshot;
  std::uint8_t stream_length;
  std::uint8_t in_flight;
  std::uint8_t own;  // epoch in `own`; 0 when the key is missing
  std::uint8_t
      highest;          // highest epoch ever given; only the operator and the invariants look at it
  std::uint8_t listed;  // records that stand in a divergence report, one bit each
  std::uint8_t rolled;  // 1: JetStream has lost something
  Budgets left;
};
static_assert(std::has_unique_object_representations_v<State>, "no padding: states are hashed");

}  // namespace meridian::ownership_model
