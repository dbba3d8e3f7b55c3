#include "protocol.hpp"

#include <algorithm>
#include <cstring>

#include "base/ensure.hpp"

namespace meridian::ownership_model {

std::uint8_t records_in(const Cell& cell) {
  return static_cast<std::uint8_t>(
      std::count_if(cell.log.begin(), cell.log.begin() + cell.length, is_record));
}

bool log_holds(const Cell& cell, Record record) {
  return std::any_of(cell.log.begin(), cell.log.begin() + cell.length,
                     [&](Entry entry) { return is_record(entry) && record_of(entry) == record; });
}

void append_entry(Cell& cell, Entry entry, bool synced) {
  ensure(cell.length < most_entries);
  cell.log[cell.length] = entry;
  ++cell.length;
  if (synced) {
    cell.synced = cell.length;
  }
}

void forget(Cell& cell) {
  cell.sealed = cell.acknowledged = cell.head = no_message;
  cell.tail = cell.read = cell.ack = cell.epoch = cell.published = cell.closed = 0;
  cell.phase = Phase::idle;
}

State Protocol::start() const {
  State state;
  std::memset(&state, 0, sizeof state);
  state.left = bounds_.faults;
  return state;
}

void Protocol::successors(const State& state, std::vector<Successor>& found) {
  found.clear();
  from_ = &state;
  found_ = &found;
  for (std::uint8_t name = 0; name < bounds_.cells; ++name) {
    switch (state.cells[name].phase) {
      case Phase::idle:
        claim(state, name);
        list(state, name);
        break;
      case Phase::claimed:
        fence(state, name);
        break;
      case Phase::fencing:
        take_ack(state, name);
        read_fence(state, name);
        break;
      case Phase::serving:
        take_ack(state, name);
        read_tail(state, name);
        follow(state, name);
        publish(state, name);
        orders(state, name);
        administration(state, name);
        break;
    }
    crash(state, name);
  }
  network(state);
  operators(state);
  faults(state);
}

MessageId Protocol::fold(const State& state, std::uint8_t length) const {
  MessageId head = no_message;
  for (std::uint8_t index = 0; index < length; ++index) {
    if (messages_.continues(head, state.stream[index])) {
      head = state.stream[index];
    }
  }
  return head;
}

Mode Protocol::mode_of(MessageId head) const {
  const bool is_durable = (bounds_.mode == Mode::durable) != messages_.holds(head, mode_change);
  return is_durable ? Mode::durable : Mode::replicated;
}

MessageId Protocol::committed(const Cell& cell) const {
  return bounds_.fixes.c2 ? cell.head : cell.acknowledged;
}

std::uint8_t Protocol::highest_stored(const State& state, std::uint8_t length) const {
  std::uint8_t highest = 0;
  for (std::uint8_t index = 0; index < length; ++index) {
    highest = std::max(highest, messages_[state.stream[index]].epoch);
  }
  return highest;
}

MessageId Protocol::undecided(const Cell& cell) const {
  if (cell.published == 0) {
    return no_message;
  }
  return cell.phase == Phase::fencing ? cell.sealed
                                      : messages_.next_towards(cell.sealed, cell.acknowledged);
}

bool Protocol::send(State& next, MessageId message, std::uint8_t expected) const {
  const Publish publish{message, expected};
  const auto* begin = next.network.begin();
  const auto copies = std::count(begin, begin + next.in_flight, publish);
  if (copies >= bounds_.copies || next.in_flight >= bounds_.in_flight) {
    return false;
  }
  next.network[next.in_flight] = publish;
  ++next.in_flight;
  return true;
}

std::uint8_t Protocol::safe_as(const Cell& cell, std::uint8_t sequence, std::uint8_t entry,
                               std::uint8_t changed_at) const {
  const std::uint8_t accepted = messages_[committed(cell)].total;
  const bool is_changed = changed_at != 0 && sequence > changed_at;
  const bool is_durable = (bounds_.mode == Mode::durable) != is_changed;
  const std::uint8_t kind = is_durable ? ack_durable : ack_replicated;
  if (sequence <= accepted) {
    return kind;
  }
  const bool is_on_disk = entry < cell.synced;
  if (is_changed && changed_at > accepted) {
    return !bounds_.fixes.c6 && is_on_disk ? ack_durable : ack_none;
  }
  return is_durable && is_on_disk ? ack_durable : ack_none;
}

void Protocol::acknowledge_client(State& next, std::uint8_t name, Record command,
                                  std::uint8_t sequence, std::uint8_t kind) const {
  Acknowledgement& ack = next.acks[command];
  // A stronger promise replaces a weaker one; the first of a kind is the one that is kept.
  if (kind > ack.kind) {
    ack = Acknowledgement{kind, next.cells[name].epoch, sequence, name};
  }
}

// What may leave leaves at once: a promise that is given earlier can be broken in more ways.
void Protocol::acknowledge_clients(State& next) const {
  for (std::uint8_t name = 0; name < bounds_.cells; ++name) {
    const Cell& cell = next.cells[name];
    if (cell.phase != Phase::serving) {
      continue;
    }
    std::uint8_t sequence = 0;
    std::uint8_t changed_at = 0;
    for (std::uint8_t entry = 0; entry < cell.length; ++entry) {
      if (!is_record(cell.log[entry])) {
        continue;
      }
      ++sequence;
      const Record record = record_of(cell.log[entry]);
      if (record == mode_change) {
        changed_at = sequence;
      }
      if (record < mode_change) {
        acknowledge_client(next, name, record, sequence,
                           safe_as(cell, sequence, entry, changed_at));
      }
    }
  }
}

// Nobody can tell these apart: publishes that can never be stored any more, their order in flight,
// acknowledgements that nobody waits for, what stands behind the end of an array.
void Protocol::tidy(State& next) const {
  const bool may_fit_later = next.left.rolls > 0 || next.left.doubles > 0;
  auto* begin = next.network.begin();
  auto* end = begin + next.in_flight;
  if (!may_fit_later) {
    end = std::remove_if(begin, end,
                         [&](const Publish& one) { return one.expected < next.stream_length; });
  }
  std::sort(begin, end);
  next.in_flight = static_cast<std::uint8_t>(end - begin);
  std::fill(end, next.network.end(), Publish{0, 0});
  std::fill(next.stream.begin() + next.stream_length, next.stream.end(), no_message);
  for (Cell& cell : next.cells) {
    std::fill(cell.log.begin() + cell.length, cell.log.end(), Entry{0});
    if (!bounds_.power) {
      cell.synced = cell.length;
    }
    if (cell.published == 0) {
      cell.ack = 0;
    }
  }
}

void Protocol::emit(State next, Step step) {
  tidy(next);
  acknowledge_clients(next);
  if (std::memcmp(&next, from_, sizeof next) != 0) {
    found_->push_back(Successor{next, step});
  }
}

}  // namespace meridian::ownership_model
