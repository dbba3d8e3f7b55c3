#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bounds.hpp"
#include "messages.hpp"
#include "state.hpp"

namespace meridian::ownership_model {

enum class StepKind : std::uint8_t {
  claim,
  fence,
  read_tail,
  take_ack,
  follow,
  deliver,
  resend,
  fsync,
  publish,
  list,
  release,
  snapshot,
  land,
  refuse,
  operator_restores,
  operator_grants,
  change_mode,
  hand_over,
  crash,
  land_double,
  roll,
  lose_lease,
};

struct Step {
  StepKind kind;
  std::uint8_t cell = no_cell;
  std::uint16_t what = 0;
  std::uint16_t where = 0;
  // Cells that can do it without anybody's help: bit c, all of them for the network.
  std::uint8_t alone = 0;
};

struct Successor {
  State state;
  Step step;
};

// What each participant may do next. Every step is one that cannot be seen halfway; whatever waits
// is merely not chosen, so there are no clocks.
class Protocol {
 public:
  Protocol(const Bounds& bounds, Messages& messages) : bounds_(bounds), messages_(messages) {}

  [[nodiscard]] State start() const;
  void successors(const State& state, std::vector<Successor>& found);
  // Whether the cell needs nobody and nothing any more, or only what the bounds forbid.
  [[nodiscard]] bool is_well(const State& state, std::uint8_t cell) const;
  // What readers make of the first `length` messages of the stream.
  [[nodiscard]] MessageId fold(const State& state, std::uint8_t length) const;
  // Whether a log's records behind the accepted ones are cut off by the chain.
  [[nodiscard]] bool is_cut_off(const Cell& cell, std::uint8_t name, MessageId head) const;
  [[nodiscard]] Mode mode_of(MessageId head) const;
  // The last message of which the cell says that it is accepted.
  [[nodiscard]] MessageId committed(const Cell& cell) const;
  [[nodiscard]] std::string words(const State& before, const Step& step) const;

 private:
  // takeover.cpp
  void claim(const State& state, std::uint8_t name);
  void fence(const State& state, std::uint8_t name);
  void read_fence(const State& state, std::uint8_t name);
  void serve(State& next, std::uint8_t name, std::uint8_t at) const;
  void list(const State& state, std::uint8_t name);
  void compare(State& next, std::uint8_t name, MessageId head) const;
  [[nodiscard]] bool may_take(const Cell& cell, std::uint8_t name, MessageId head) const;
  // serving.cpp
  void read_tail(const State& state, std::uint8_t name);
  [[nodiscard]] State after_tail(const State& state, std::uint8_t name, std::uint8_t seen) const;
  void take_ack(const State& state, std::uint8_t name);
  void follow(const State& state, std::uint8_t name);
  void publish(const State& state, std::uint8_t name);
  void orders(const State& state, std::uint8_t name);
  void publish_handover(const State& state, std::uint8_t name);
  void administration(const State& state, std::uint8_t name);
  // world.cpp
  void network(const State& state);
  void faults(const State& state);
  void crash(const State& state, std::uint8_t name);
  void operators(const State& state);

  [[nodiscard]] std::uint8_t highest_stored(const State& state, std::uint8_t length) const;
  [[nodiscard]] MessageId undecided(const Cell& cell) const;
  [[nodiscard]] bool send(State& next, MessageId message, std::uint8_t expected) const;
  void acknowledge_clients(State& next) const;
  void acknowledge_client(State& next, std::uint8_t name, Record command, std::uint8_t sequence,
                          std::uint8_t kind) const;
  // The kind of acknowledgement that may leave for a record of a log; ack_none when it has to wait.
  [[nodiscard]] std::uint8_t safe_as(const Cell& cell, std::uint8_t sequence, std::uint8_t entry,
                                     std::uint8_t changed_at) const;
  void tidy(State& next) const;
  void emit(State next, Step step);
  // Calls with each length of the stream that a read may show: the whole one, or a prefix as a
  // fault.
  template <typename Use>
  void views(const State& state, Use use) const;

  const Bounds& bounds_;
  Messages& messages_;
  const State* from_ = nullptr;
  std::vector<Successor>* found_ = nullptr;
};

template <typename Use>
void Protocol::views(const State& state, Use use) const {
  use(state, state.stream_length);
  if (state.left.stale == 0) {
    return;
  }
  State stale = state;
  --stale.left.stale;
  for (std::uint8_t length = 0; length < state.stream_length; ++length) {
    use(stale, length);
  }
}

// Parts of a cell that more than one file needs.
[[nodiscard]] std::uint8_t records_in(const Cell& cell);
[[nodiscard]] bool log_holds(const Cell& cell, Record record);
void append_entry(Cell& cell, Entry entry, bool synced);
// What a cell forgets when its ownership or its process ends.
void forget(Cell& cell);
[[nodiscard]] constexpr std::uint8_t bit(std::uint8_t position) {
  return static_cast<std::uint8_t>(1U << position);
}
[[nodiscard]] constexpr std::uint8_t bit_of(Record record) {
  return record < mode_change ? bit(record) : 0;
}

}  // namespace meridian::ownership_model
