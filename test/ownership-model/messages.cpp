#include "messages.hpp"

#include <algorithm>

#include "base/ensure.hpp"

namespace meridian::ownership_model {

Messages::Messages() {
  Message start;
  start.fences.fill(no_cell);
  messages_.push_back(start);
}

MessageId Messages::fence(MessageId previous, std::uint8_t epoch, std::uint8_t writer) {
  ensure(epoch <= most_epochs);
  Message message = messages_[previous];
  message.kind = Kind::fence;
  message.epoch = epoch;
  message.writer = writer;
  message.previous = previous;
  message.count = 0;
  message.fences[epoch] = writer;
  message.last_fence = writer;
  return keep(message, {});
}

MessageId Messages::block(MessageId previous, std::span<const Record> records) {
  Message message = messages_[previous];
  ensure(message.total + records.size() <= most_records && !records.empty());
  message.kind = Kind::block;
  message.previous = previous;
  message.count = static_cast<std::uint8_t>(records.size());
  std::ranges::copy(records, message.records.begin() + message.total);
  message.total = static_cast<std::uint8_t>(message.total + records.size());
  return keep(message, records);
}

MessageId Messages::keep(const Message& message, std::span<const Record> own) {
  std::vector<std::uint16_t> key{static_cast<std::uint16_t>(message.kind), message.epoch,
                                 message.writer, message.previous};
  key.insert(key.end(), own.begin(), own.end());
  const auto found = known_.find(key);
  if (found != known_.end()) {
    return found->second;
  }
  ensure(messages_.size() < record_flag);
  const auto id = static_cast<MessageId>(messages_.size());
  messages_.push_back(message);
  known_.emplace(std::move(key), id);
  return id;
}

bool Messages::continues(MessageId head, MessageId next) const {
  const Message& message = messages_[next];
  if (message.previous != head) {
    return false;
  }
  return message.kind == Kind::fence ? message.epoch > messages_[head].epoch
                                     : message.epoch == messages_[head].epoch;
}

bool Messages::passes(MessageId head, MessageId message) const {
  while (head != message && head != no_message) {
    head = messages_[head].previous;
  }
  return head == message;
}

MessageId Messages::next_towards(MessageId head, MessageId previous) const {
  while (head != no_message && messages_[head].previous != previous) {
    head = messages_[head].previous;
  }
  return head;
}

bool Messages::holds(MessageId head, Record record) const {
  const Message& chain = messages_[head];
  const auto* end = chain.records.begin() + chain.total;
  return std::find(chain.records.begin(), end, record) != end;
}

bool Messages::ends_in_handover(MessageId head) const {
  const Message& last = messages_[head];
  if (last.kind == Kind::fence) {
    return last.writer == nobody;
  }
  return last.kind == Kind::block && last.records[last.total - 1U] == handover_of(last.epoch);
}

char name_of(std::uint8_t cell) { return static_cast<char>('A' + cell); }

std::string words_of(Record record) {
  if (record >= handover) {
    return "HANDOVER " + std::to_string(record - handover);
  }
  if (record == mode_change) {
    return "change of mode";
  }
  return std::string(1, static_cast<char>('x' + record));
}

std::string Messages::words(MessageId id) const {
  const Message& message = messages_[id];
  if (message.kind == Kind::start) {
    return "the start";
  }
  const std::string epoch = std::to_string(message.epoch);
  if (message.kind == Kind::fence) {
    return message.writer == nobody ? "HANDOVER fence " + epoch
                                    : "FENCE " + epoch + "(" + name_of(message.writer) + ")";
  }
  std::string text = "block [";
  for (int index = message.total - message.count; index < message.total; ++index) {
    text += words_of(message.records[static_cast<std::size_t>(index)]);
    text += index + 1 < message.total ? " " : "";
  }
  return text + "] of epoch " + epoch;
}

}  // namespace meridian::ownership_model
