#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "state.hpp"

namespace meridian::ownership_model {

enum class Kind : std::uint8_t { start, fence, block };

struct Message {
  Kind kind = Kind::start;
  std::uint8_t epoch = 0;
  std::uint8_t writer = no_cell;
  MessageId previous = no_message;
  std::uint8_t count = 0;  // of its own records
  // Everything from here on follows from the chain that the message ends.
  std::uint8_t total = 0;
  std::array<Record, most_records> records{};
  // Writer of the fence of each epoch on the chain; no_cell without one.
  std::array<std::uint8_t, most_epochs + 1> fences{};
  std::uint8_t last_fence = no_cell;
};

// All messages ever sealed in a run, each once. A message names what it builds on, so it says the
// whole chain; a reader's place on the chain is the message it has accepted last.
class Messages {
 public:
  Messages();
  [[nodiscard]] MessageId fence(MessageId previous, std::uint8_t epoch, std::uint8_t writer);
  [[nodiscard]] MessageId block(MessageId previous, std::span<const Record> records);
  [[nodiscard]] const Message& operator[](MessageId id) const { return messages_[id]; }
  // Whether a reader that has accepted `head` accepts the message next.
  [[nodiscard]] bool continues(MessageId head, MessageId next) const;
  // Whether the chain that ends in `head` passes through the message.
  [[nodiscard]] bool passes(MessageId head, MessageId message) const;
  // The message on the chain up to `head` that builds on `previous`; no_message when none does.
  [[nodiscard]] MessageId next_towards(MessageId head, MessageId previous) const;
  [[nodiscard]] bool holds(MessageId head, Record record) const;
  [[nodiscard]] bool ends_in_handover(MessageId head) const;
  [[nodiscard]] std::string words(MessageId id) const;

 private:
  [[nodiscard]] MessageId keep(const Message& message, std::span<const Record> own);
  std::vector<Message> messages_;
  std::map<std::vector<std::uint16_t>, MessageId> known_;
};

[[nodiscard]] std::string words_of(Record record);
[[nodiscard]] char name_of(std::uint8_t cell);

}  // namespace meridian::ownership_model
