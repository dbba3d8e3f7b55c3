// What is around the cells: the network and the stream, operators, and everything that goes wrong.
#include <algorithm>

#include "protocol.hpp"

namespace meridian::ownership_model {

void Protocol::network(const State& state) {
  const std::uint8_t everybody = static_cast<std::uint8_t>(bit(bounds_.cells) - 1U);
  for (std::uint8_t index = 0; index < state.in_flight; ++index) {
    const Publish publish = state.network[index];
    if (index > 0 && publish == state.network[index - 1U]) {
      continue;
    }
    State next = state;
    std::copy(state.network.begin() + index + 1, state.network.begin() + state.in_flight,
              next.network.begin() + index);
    --next.in_flight;
    next.network[next.in_flight] = Publish{0, 0};
    const bool is_expected = publish.expected == state.stream_length;
    if (!is_expected) {
      emit(next, Step{StepKind::refuse, no_cell, publish.message, publish.expected, everybody});
    }
    const bool is_double = publish.expected < state.stream_length && state.left.doubles > 0;
    if ((!is_expected && !is_double) || state.stream_length == most_stream) {
      continue;
    }
    next.stream[state.stream_length] = publish.message;
    ++next.stream_length;
    next.left.doubles = static_cast<std::uint8_t>(next.left.doubles - (is_expected ? 0 : 1));
    const Step step{is_expected ? StepKind::land : StepKind::land_double, no_cell, publish.message,
                    next.stream_length, is_expected ? everybody : std::uint8_t{0}};
    const std::uint8_t name = messages_[publish.message].writer;
    Cell none{};
    Cell& writer = name == nobody ? none : next.cells[name];
    const bool is_waited_for = undecided(writer) == publish.message;
    if (is_waited_for && writer.ack != 0) {
      // Two copies are stored: the acknowledgement of either may be the one that arrives.
      emit(next, step);
    }
    if (is_waited_for) {
      writer.ack = next.stream_length;
    }
    emit(next, step);
  }
}

void Protocol::operators(const State& state) {
  const std::uint8_t everybody = static_cast<std::uint8_t>(bit(bounds_.cells) - 1U);
  if (state.own == 0 && state.highest > 0 && bounds_.fixes.c11) {
    State next = state;
    next.own = state.highest;
    emit(next, Step{StepKind::operator_restores, no_cell, state.highest, 0, everybody});
  }
  for (std::uint8_t name = 0; name < bounds_.cells && state.left.grants > 0; ++name) {
    if (state.cells[name].phase == Phase::idle && state.cells[name].granted == 0) {
      State next = state;
      next.cells[name].granted = 1;
      --next.left.grants;
      emit(next, Step{StepKind::operator_grants, name});
    }
  }
}

void Protocol::faults(const State& state) {
  if (state.left.rolls > 0) {
    for (std::uint8_t length = 0; length < state.stream_length; ++length) {
      State next = state;
      next.stream_length = length;
      next.rolled = 1;
      --next.left.rolls;
      emit(next, Step{StepKind::roll, no_cell, 0, length});
    }
  }
  if (state.left.losses > 0 && state.own > 0) {
    State next = state;
    next.own = 0;
    --next.left.losses;
    emit(next, Step{StepKind::lose_lease});
  }
}

void Protocol::crash(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  if (state.left.crashes == 0 || (now.phase == Phase::idle && now.synced == now.length)) {
    return;
  }
  for (std::uint8_t kept = now.synced; kept <= now.length; ++kept) {
    State next = state;
    Cell& cell = next.cells[name];
    forget(cell);
    cell.length = cell.synced = kept;
    --next.left.crashes;
    emit(next, Step{StepKind::crash, name, kept, now.length});
  }
}

bool Protocol::is_well(const State& state, std::uint8_t name) const {
  const Cell& cell = state.cells[name];
  const bool is_full = state.stream_length > bounds_.messages;
  const MessageId head = fold(state, state.stream_length);
  switch (cell.phase) {
    case Phase::idle: {
      const bool is_at_bound =
          1 + std::max(state.own, highest_stored(state, state.stream_length)) > bounds_.epochs;
      // Whoever may not take the market waits for an operator, once its log is in order.
      return may_take(cell, name, head) ? is_at_bound : !is_cut_off(cell, name, head);
    }
    case Phase::claimed:
      return is_full;
    case Phase::fencing:
      return false;
    case Phase::serving: {
      const bool is_tail_own = state.stream_length > 0 && cell.tail == state.stream_length &&
                               state.stream[cell.tail - 1U] == cell.acknowledged;
      const bool is_all_sent =
          cell.sealed == cell.acknowledged && records_in(cell) == messages_[cell.sealed].total;
      const bool is_all_accepted = cell.head == cell.acknowledged && head == cell.head;
      return is_tail_own && ((is_all_sent && is_all_accepted) || (!is_all_sent && is_full));
    }
  }
  return false;
}

}  // namespace meridian::ownership_model
