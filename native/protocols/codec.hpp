// Encodes and decodes the messages of layouts.hpp. Decoding is total: whatever the bytes, the
// handler is called with a message, or the fault says why they are none. Only the layout is
// checked; what a letter means is the receiver's affair.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ensure.hpp"
#include "protocols/fields.hpp"
#include "protocols/layouts.hpp"

namespace meridian::protocols {

using Bytes = std::span<const std::byte>;

enum class Fault : std::uint8_t {
  none = 0,
  empty = 1,
  type_unknown = 2,
  length_wrong = 3,
  option_malformed = 4,
};

template <class Message>
concept HasOptions = requires(const Message& message) { message.options; };

inline constexpr std::size_t appendage_length_bytes = 2;

// The most bytes an appendage of ours has: every known option once.
constexpr std::size_t most_option_bytes() noexcept {
  std::size_t bytes = 0;
  ouch::Options options;
  ouch::Options::visit(options, [&bytes](ouch::Options::Tag, const char*, const auto& value) {
    bytes += 2 + sizeof(value);
  });
  return bytes;
}

// The most bytes that encode() writes for a message.
template <class Message>
constexpr std::size_t most_bytes() noexcept {
  return Message::size + (HasOptions<Message> ? most_option_bytes() : 0);
}

// Writes the options that are present; returns their bytes.
std::size_t encode_options(const ouch::Options& options, std::byte* to) noexcept;
// Reads an appendage. Unknown tags are skipped by their length; the last option of a tag counts.
[[nodiscard]] Fault decode_options(Bytes bytes, ouch::Options& options) noexcept;

// Writes the message, letter first; returns its bytes. `to` has room for most_bytes<Message>().
template <class Message>
std::size_t encode(const Message& message, std::byte* to) noexcept {
  to[0] = static_cast<std::byte>(Message::letter);
  Message::visit(message, [to](auto at, const char*, const auto& value) noexcept {
    store_field<decltype(at)::width>(to + decltype(at)::offset, value);
  });
  if constexpr (HasOptions<Message>) {
    const std::size_t appended = encode_options(message.options, to + Message::size);
    store_big<appendage_length_bytes>(to + Message::size - appendage_length_bytes, appended);
    return Message::size + appended;
  } else {
    return Message::size;
  }
}

// Reads one message whose letter is known to be right.
template <class Message>
[[nodiscard]] Fault decode_as(Bytes bytes, Message& message) noexcept {
  if (bytes.size() < Message::size) {
    return Fault::length_wrong;
  }
  if constexpr (HasOptions<Message>) {
    const std::uint64_t appended =
        load_big<appendage_length_bytes>(bytes.data() + Message::size - appendage_length_bytes);
    if (bytes.size() != Message::size + appended) {
      return Fault::length_wrong;
    }
  } else if (bytes.size() != Message::size) {
    return Fault::length_wrong;
  }
  Message::visit(message, [&bytes](auto at, const char*, auto& value) noexcept {
    load_field<decltype(at)::width>(bytes.data() + decltype(at)::offset, value);
  });
  if constexpr (HasOptions<Message>) {
    return decode_options(bytes.subspan(Message::size), message.options);
  } else {
    return Fault::none;
  }
}

namespace detail {

template <class Message, class Handler>
bool decode_if(Bytes bytes, Handler& handler, Fault& fault) {
  if (static_cast<char>(bytes[0]) != Message::letter) {
    return false;
  }
  Message message;
  fault = decode_as(bytes, message);
  if (fault == Fault::none) {
    handler(static_cast<const Message&>(message));
  }
  return true;
}

template <class... Message, class Handler>
Fault decode_any(Messages<Message...>, Bytes bytes, Handler& handler) {
  Fault fault = Fault::type_unknown;
  static_cast<void>((decode_if<Message>(bytes, handler, fault) || ...));
  return fault;
}

}  // namespace detail

// Calls handler(message) with the message of the group that the bytes are.
//   decode<itch::All>(bytes, [](const auto& message) { … });
template <class Group, class Handler>
Fault decode(Bytes bytes, Handler&& handler) {
  return bytes.empty() ? Fault::empty : detail::decode_any(Group{}, bytes, handler);
}

}  // namespace meridian::protocols
