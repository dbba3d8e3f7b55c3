// An owner at work: what it reads of its own journal, what it seals, what it takes from clients.
#include <algorithm>
#include <span>

#include "protocol.hpp"

namespace meridian::ownership_model {

void Protocol::take_ack(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  if (now.ack == 0) {
    return;
  }
  State next = state;
  Cell& cell = next.cells[name];
  if (cell.phase == Phase::fencing) {
    serve(next, name, cell.ack);
  } else if (cell.ack > cell.tail) {
    cell.acknowledged = undecided(now);
    cell.tail = cell.ack;
    cell.published = cell.ack = 0;
  } else {
    // An old number: JetStream has lost something, and only reading the tail can tell what.
    cell.ack = 0;
  }
  emit(next, Step{StepKind::take_ack, name, undecided(now), now.ack, bit(name)});
}

// The tail at the leader, while a block is undecided and, so that an idle owner notices, at any
// time.
void Protocol::read_tail(const State& state, std::uint8_t name) {
  if (!bounds_.fixes.c9 && state.cells[name].published == 0) {
    return;
  }
  views(state, [&](const State& read, std::uint8_t seen) {
    emit(after_tail(read, name, seen),
         Step{StepKind::read_tail, name, 0, seen,
              seen == state.stream_length ? bit(name) : std::uint8_t{0}});
  });
}

State Protocol::after_tail(const State& state, std::uint8_t name, std::uint8_t seen) const {
  State next = state;
  Cell& cell = next.cells[name];
  const MessageId waited = undecided(cell);
  const MessageId last = seen == 0 ? no_message : state.stream[seen - 1U];
  const bool is_own = last != no_message && messages_[last].epoch == cell.epoch &&
                      messages_[last].writer == name && messages_.passes(cell.sealed, last);
  if (waited != no_message && last == waited) {
    cell.acknowledged = waited;
    cell.tail = seen;
    cell.published = cell.ack = 0;
  } else if (is_own && last == cell.acknowledged && seen == cell.tail) {
    if (bounds_.fixes.c13 && !messages_.passes(fold(state, seen), last)) {
      // Its own message stands behind a gap that it has not seen.
      forget(cell);
    } else if (waited != no_message) {
      static_cast<void>(send(next, waited, cell.tail));
    }
  } else if (is_own) {
    // Older than what was acknowledged, or stored twice: what follows it is sent again.
    cell.acknowledged = last;
    cell.tail = seen;
    cell.published = cell.ack = 0;
    if (cell.read > seen) {
      cell.read = seen;
      cell.head = last;
    }
  } else if (bounds_.fixes.c3) {
    forget(cell);
  } else if (waited != no_message) {
    cell.tail = seen;
    static_cast<void>(send(next, waited, seen));
  }
  return next;
}

// One message a step. A prefix is nothing else than not having read on yet.
void Protocol::follow(const State& state, std::uint8_t name) {
  if (state.cells[name].read >= state.stream_length) {
    return;
  }
  State next = state;
  Cell& cell = next.cells[name];
  const MessageId message = state.stream[cell.read];
  ++cell.read;
  const bool is_own = messages_[message].epoch == cell.epoch && messages_[message].writer == name;
  const bool is_accepted = messages_.continues(cell.head, message);
  const bool is_copy = !is_accepted && messages_.passes(cell.head, message);
  if (!is_copy && (is_own ? !is_accepted : bounds_.fixes.c9)) {
    forget(cell);
  } else if (is_accepted) {
    cell.head = message;
  }
  emit(next, Step{StepKind::follow, name, message, cell.read, bit(name)});
}

void Protocol::publish(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  if (now.published != 0 || state.stream_length > bounds_.messages) {
    return;
  }
  const auto offer = [&](MessageId message, bool is_new) {
    State next = state;
    Cell& cell = next.cells[name];
    cell.published = 1;
    if (is_new) {
      cell.sealed = message;
      if (!bounds_.fixes.c4) {
        append_entry(cell, message, false);
      }
    }
    if (send(next, message, cell.tail)) {
      emit(next, Step{StepKind::publish, name, message, cell.tail, bit(name)});
    }
  };
  if (now.sealed != now.acknowledged) {
    offer(messages_.next_towards(now.sealed, now.acknowledged), false);
    return;
  }
  std::array<Record, most_entries> gathered{};
  std::size_t count = 0;
  std::uint8_t sequence = 0;
  for (std::uint8_t index = 0; index < now.synced; ++index) {
    if (is_record(now.log[index]) && ++sequence > messages_[now.sealed].total) {
      gathered[count++] = record_of(now.log[index]);
    }
  }
  // One record, or all that have gathered.
  if (count > 0) {
    offer(messages_.block(now.sealed, std::span(gathered).first(1)), true);
  }
  if (count > 1) {
    offer(messages_.block(now.sealed, std::span(gathered).first(count)), true);
  }
}

void Protocol::orders(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  for (Record command = 0; command < bounds_.commands; ++command) {
    const bool is_known = log_holds(now, command);
    if (is_known && !bounds_.fixes.c1) {
      State next = state;
      acknowledge_client(next, name, command, 1,
                         mode_of(now.head) == Mode::durable ? ack_durable : ack_replicated);
      emit(next, Step{StepKind::resend, name, command});
    }
    const bool is_in_order = command < bounds_.sessions ||
                             log_holds(now, static_cast<Record>(command - bounds_.sessions));
    const bool is_closed = now.closed != 0 && bounds_.fixes.c7;
    if (is_closed || !is_in_order || (is_known && bounds_.fixes.deduplication) ||
        records_in(now) >= most_records - 1) {
      continue;
    }
    State next = state;
    append_entry(next.cells[name], record_entry(command, now.epoch), !bounds_.power);
    emit(next, Step{StepKind::deliver, name, command});
  }
  if (now.synced < now.length) {
    State next = state;
    next.cells[name].synced = now.length;
    emit(next, Step{StepKind::fsync, name, 0, 0, bit(name)});
  }
}

// A fence of nobody on top of the last own message: with it the epoch is over for everybody.
void Protocol::publish_handover(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  // Only once every record is stored: what the fence cuts off is not in the journal.
  const bool is_drained = now.published == 0 && now.sealed == now.acknowledged &&
                          records_in(now) == messages_[now.sealed].total;
  if (!is_drained || now.epoch == most_epochs || state.stream_length > bounds_.messages) {
    return;
  }
  State next = state;
  next.cells[name].closed = 1;
  --next.left.handovers;
  const MessageId message =
      messages_.fence(now.sealed, static_cast<std::uint8_t>(now.epoch + 1), nobody);
  if (send(next, message, now.tail)) {
    emit(next, Step{StepKind::publish, name, message, now.tail, bit(name)});
  }
}

void Protocol::administration(const State& state, std::uint8_t name) {
  const Cell& now = state.cells[name];
  const auto write = [&](Record record, StepKind kind) {
    State next = state;
    Cell& cell = next.cells[name];
    append_entry(cell, record_entry(record, cell.epoch), !bounds_.power);
    if (kind == StepKind::hand_over) {
      cell.closed = 1;
      --next.left.handovers;
    } else {
      --next.left.changes;
    }
    emit(next, Step{kind, name, record});
  };
  if (now.closed == 0 && state.left.changes > 0) {
    write(mode_change, StepKind::change_mode);
  }
  if (now.closed == 0 && state.left.handovers > 0) {
    if (bounds_.handover == Handover::record) {
      write(handover_of(now.epoch), StepKind::hand_over);
    } else {
      publish_handover(state, name);
    }
  }
  if (now.closed != 0 && bounds_.fixes.c7) {
    State next = state;
    forget(next.cells[name]);
    emit(next, Step{StepKind::release, name, 0, 0, bit(name)});
  }
  if (bounds_.snapshots && now.head != state.snapshot && messages_[now.head].total > 0) {
    State next = state;
    next.snapshot = now.head;
    emit(next, Step{StepKind::snapshot, name, now.head});
  }
}

}  // namespace meridian::ownership_model
