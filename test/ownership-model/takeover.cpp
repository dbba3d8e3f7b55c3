// From idle to serving: claim `own`, fence the journal, read it back, compare the log with it.
#include <algorithm>

#include "protocol.hpp"

namespace meridian::ownership_model {

bool Protocol::may_take(const Cell& cell, std::uint8_t name, MessageId head) const {
  const std::uint8_t last = messages_[head].last_fence;
  if (mode_of(head) == Mode::replicated || bounds_.policy == Policy::lossy) {
    return true;
  }
  return last == no_cell || last == name || cell.granted != 0 || messages_.ends_in_handover(head);
}

void Protocol::claim(const State& state, std::uint8_t name) {
  // A key that is missing although somebody has owned the market is for an operator to restore.
  const bool is_lost = state.own == 0 && state.highest > 0;
  if (is_lost && bounds_.fixes.c11) {
    return;
  }
  views(state, [&](const State& read, std::uint8_t seen) {
    const auto epoch =
        static_cast<std::uint8_t>(1 + std::max(read.own, highest_stored(read, seen)));
    if (epoch > bounds_.epochs || !may_take(read.cells[name], name, fold(read, seen))) {
      return;
    }
    State next = read;
    next.own = epoch;
    next.highest = std::max(next.highest, epoch);
    next.cells[name].phase = Phase::claimed;
    next.cells[name].epoch = epoch;
    emit(next, Step{StepKind::claim, name, epoch, seen, bit(name)});
  });
}

void Protocol::fence(const State& state, std::uint8_t name) {
  views(state, [&](const State& read, std::uint8_t seen) {
    const MessageId head = fold(read, seen);
    State next = read;
    Cell& cell = next.cells[name];
    const Step step{StepKind::fence, name, cell.epoch, seen,
                    seen == state.stream_length ? bit(name) : std::uint8_t{0}};
    const bool is_passed = bounds_.fixes.c10 && highest_stored(read, seen) >= cell.epoch;
    const bool is_forbidden = bounds_.fixes.c5 && !may_take(cell, name, head);
    if (is_passed || is_forbidden) {
      forget(cell);
      emit(next, step);
      return;
    }
    if (state.stream_length > bounds_.messages) {
      return;
    }
    cell.sealed = messages_.fence(head, cell.epoch, name);
    cell.tail = seen;
    cell.phase = Phase::fencing;
    cell.published = 1;
    if (send(next, cell.sealed, seen)) {
      emit(next, step);
    }
  });
}

// The tail at the leader, while the fence is undecided.
void Protocol::read_fence(const State& state, std::uint8_t name) {
  views(state, [&](const State& read, std::uint8_t seen) {
    State next = read;
    Cell& cell = next.cells[name];
    const MessageId last = seen == 0 ? no_message : read.stream[seen - 1U];
    if (last == cell.sealed) {
      serve(next, name, seen);
    } else if (seen == cell.tail) {
      if (!send(next, cell.sealed, cell.tail)) {
        return;
      }
    } else if (bounds_.fixes.c10 && highest_stored(read, seen) >= cell.epoch) {
      forget(cell);
    } else {
      const std::uint8_t epoch = cell.epoch;
      forget(cell);
      cell.epoch = epoch;
      cell.phase = Phase::claimed;
    }
    emit(next, Step{StepKind::read_tail, name, 0, seen,
                    seen == state.stream_length ? bit(name) : std::uint8_t{0}});
  });
}

// The fence is stored at a sequence: replay ends there, and says whether the fence is accepted.
void Protocol::serve(State& next, std::uint8_t name, std::uint8_t at) const {
  Cell& cell = next.cells[name];
  const MessageId fence = cell.sealed;
  if (at > next.stream_length || next.stream[at - 1U] != fence) {
    cell.ack = 0;
    return;
  }
  if (fold(next, at) != fence) {
    // Without the rule it waits for an unbroken chain that will never be.
    if (bounds_.fixes.c10) {
      forget(cell);
    } else {
      cell.ack = 0;
    }
    return;
  }
  compare(next, name, fence);
  for (std::uint8_t have = records_in(cell); have < messages_[fence].total; ++have) {
    append_entry(cell, record_entry(messages_[fence].records[have], cell.epoch), true);
  }
  if (!bounds_.fixes.c4) {
    append_entry(cell, fence, true);
  }
  cell.phase = Phase::serving;
  cell.acknowledged = cell.head = fence;
  cell.tail = cell.read = at;
  cell.ack = cell.published = cell.closed = cell.granted = 0;
}

bool Protocol::is_cut_off(const Cell& cell, std::uint8_t name, MessageId head) const {
  const Message& chain = messages_[head];
  std::uint8_t sequence = 0;
  for (std::uint8_t index = 0; index < cell.length; ++index) {
    const Entry entry = cell.log[index];
    if (!is_record(entry)) {
      continue;
    }
    if (sequence < chain.total) {
      if (chain.records[sequence] != record_of(entry)) {
        return true;
      }
      ++sequence;
      continue;
    }
    // The first record behind the accepted ones: has anybody else fenced since it was written?
    for (std::uint8_t epoch = epoch_of(entry) + 1U; epoch <= most_epochs; ++epoch) {
      if (chain.fences[epoch] != no_cell && chain.fences[epoch] != name) {
        return true;
      }
    }
    return false;
  }
  return false;
}

// The log against the chain: the records behind the accepted ones stay, or go into the report.
void Protocol::compare(State& next, std::uint8_t name, MessageId head) const {
  Cell& cell = next.cells[name];
  const Message& chain = messages_[head];
  bool is_kept = !is_cut_off(cell, name, head);
  if (!bounds_.fixes.c4 && is_kept && records_in(cell) > chain.total) {
    // Without the rule: only if the log holds the hash of the last accepted message.
    const auto* begin = cell.log.cbegin();
    const auto* end = begin + cell.length;
    is_kept = chain.previous == no_message || std::find(begin, end, chain.previous) != end;
  }
  if (is_kept) {
    return;
  }
  const Cell old = cell;
  cell.length = cell.synced = 0;
  std::uint8_t sequence = 0;
  bool is_same = true;
  for (std::uint8_t index = 0; index < old.length; ++index) {
    const Entry entry = old.log[index];
    if (is_record(entry)) {
      is_same = is_same && sequence < chain.total && chain.records[sequence] == record_of(entry);
      ++sequence;
    }
    if (is_same) {
      append_entry(cell, entry, true);
    } else if (is_record(entry)) {
      next.listed = static_cast<std::uint8_t>(next.listed | bit_of(record_of(entry)));
    }
  }
}

// A cell that does not own the market looks at its log all the same.
void Protocol::list(const State& state, std::uint8_t name) {
  const MessageId head = fold(state, state.stream_length);
  if (!bounds_.fixes.c8 || !is_cut_off(state.cells[name], name, head)) {
    return;
  }
  State next = state;
  compare(next, name, head);
  emit(next, Step{StepKind::list, name, 0, 0, bit(name)});
}

}  // namespace meridian::ownership_model
