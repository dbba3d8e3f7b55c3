#include "invariants.hpp"

#include <algorithm>

namespace meridian::ownership_model {
namespace {

bool is_in_a_log(const Bounds& bounds, const State& state, Record command) {
  const auto* begin = state.cells.begin();
  return std::any_of(begin, begin + bounds.cells,
                     [&](const Cell& cell) { return log_holds(cell, command); });
}

// I1 and I4: whatever was acknowledged is where its promise says.
Invariant kept_promise(const Protocol& protocol, const Bounds& bounds, const Messages& messages,
                       const State& state, MessageId head, Record command) {
  const Acknowledgement& ack = state.acks[command];
  if (ack.kind == ack_none || messages.holds(head, command)) {
    return Invariant::all_hold;
  }
  const bool is_listed = (state.listed & bit_of(command)) != 0;
  if (ack.kind == ack_replicated) {
    const bool is_excused = state.rolled != 0 && (is_listed || is_in_a_log(bounds, state, command));
    return is_excused ? Invariant::all_hold : Invariant::i1;
  }
  if (state.rolled != 0 || bounds.policy != Policy::same_log) {
    const bool is_kept = is_listed || is_in_a_log(bounds, state, command);
    return is_kept ? Invariant::all_hold : Invariant::i4;
  }
  const Cell& cell = state.cells[ack.cell];
  const bool is_safe = log_holds(cell, command) && !protocol.is_cut_off(cell, ack.cell, head);
  return is_safe ? Invariant::all_hold : Invariant::i4;
}

bool is_executed_twice(const Message& chain) {
  for (std::uint8_t one = 0; one < chain.total; ++one) {
    for (std::uint8_t other = one + 1U; other < chain.total; ++other) {
      if (chain.records[one] < mode_change && chain.records[one] == chain.records[other]) {
        return true;
      }
    }
  }
  return false;
}

bool has_two_owners(const Bounds& bounds, const State& state) {
  for (std::uint8_t one = 0; one < bounds.cells; ++one) {
    for (std::uint8_t other = one + 1U; other < bounds.cells; ++other) {
      const Cell& first = state.cells[one];
      const Cell& second = state.cells[other];
      if (first.phase == Phase::serving && second.phase == Phase::serving &&
          first.epoch == second.epoch) {
        return true;
      }
    }
  }
  return false;
}

bool is_told_twice(const Bounds& bounds, const State& state) {
  for (std::uint8_t one = 0; one < bounds.commands; ++one) {
    for (std::uint8_t other = one + 1U; other < bounds.commands; ++other) {
      const Acknowledgement& first = state.acks[one];
      const Acknowledgement& second = state.acks[other];
      if (first.kind != ack_none && second.kind != ack_none && first.epoch == second.epoch &&
          first.sequence == second.sequence) {
        return true;
      }
    }
  }
  return false;
}

bool is_off_the_chain(const Protocol& protocol, const Bounds& bounds, const Messages& messages,
                      const State& state, MessageId head) {
  for (std::uint8_t name = 0; name < bounds.cells && state.rolled == 0; ++name) {
    const Cell& cell = state.cells[name];
    if (cell.phase == Phase::serving && !messages.passes(head, protocol.committed(cell))) {
      return true;
    }
  }
  if (state.snapshot == no_message || bounds.fixes.c12) {
    return false;
  }
  // Without the rule a snapshot counts as soon as its message is stored.
  const auto* end = state.stream.begin() + state.stream_length;
  const bool is_stored = std::find(state.stream.begin(), end, state.snapshot) != end;
  return is_stored && !messages.passes(head, state.snapshot);
}

}  // namespace

Invariant broken_in(const Protocol& protocol, const Bounds& bounds, const Messages& messages,
                    const State& state) {
  const MessageId head = protocol.fold(state, state.stream_length);
  for (Record command = 0; command < bounds.commands; ++command) {
    const Invariant promise = kept_promise(protocol, bounds, messages, state, head, command);
    if (promise != Invariant::all_hold) {
      return promise;
    }
  }
  if (is_executed_twice(messages[head])) {
    return Invariant::i2;
  }
  if (is_told_twice(bounds, state)) {
    return Invariant::i5;
  }
  if (has_two_owners(bounds, state)) {
    return Invariant::i3;
  }
  return is_off_the_chain(protocol, bounds, messages, state, head) ? Invariant::i7
                                                                   : Invariant::all_hold;
}

const char* name_of(Invariant invariant) {
  constexpr std::array names{"none", "I1", "I2", "I3", "I4", "I5", "I6", "I7"};
  return names[static_cast<std::size_t>(invariant)];
}

const char* meaning_of(Invariant invariant) {
  constexpr std::array meanings{
      "all hold",
      "an order acknowledged as replicated is lost",
      "an order is executed twice",
      "an epoch has two owners",
      "an order acknowledged as durable is lost although its disk is there",
      "an epoch and sequence were acknowledged with two contents",
      "a cell can never serve again by itself",
      "something handed out is not on the accepted chain",
  };
  return meanings[static_cast<std::size_t>(invariant)];
}

}  // namespace meridian::ownership_model
