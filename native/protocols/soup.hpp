// SoupBinTCP 3.0 framing: packets of a 2-byte length, a letter and what belongs to it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "protocols/codec.hpp"

namespace meridian::protocols::soup {

inline constexpr std::size_t length_bytes = 2;
// Of a packet with data: length and letter.
inline constexpr std::size_t data_header_bytes = 3;
inline constexpr char sequenced_data = 'S';
inline constexpr char unsequenced_data = 'U';
inline constexpr char debug = '+';

enum class FrameState : std::uint8_t {
  incomplete,     // more bytes are needed
  packet,         // `content` is the packet, letter first; it took `consumed` bytes
  length_zero,    // the length counts the letter: the stream has lost its frame
  length_too_big  // longer than the receiver takes
};
struct Frame {
  FrameState state = FrameState::incomplete;
  Bytes content;
  std::size_t consumed = 0;
};

// The first packet of `bytes`, of at most `limit` bytes behind its length.
[[nodiscard]] inline Frame next_frame(Bytes bytes, std::size_t limit) noexcept {
  if (bytes.size() < length_bytes) {
    return {};
  }
  const std::size_t length = load_big<length_bytes>(bytes.data());
  if (length == 0) {
    return {FrameState::length_zero, {}, 0};
  }
  if (length > limit) {
    return {FrameState::length_too_big, {}, 0};
  }
  if (bytes.size() < length_bytes + length) {
    return {};
  }
  return {FrameState::packet, bytes.subspan(length_bytes, length), length_bytes + length};
}

// Writes a packet without data; returns its bytes.
template <class Packet>
std::size_t encode_packet(const Packet& packet, std::byte* to) noexcept {
  const std::size_t size = encode(packet, to + length_bytes);
  store_big<length_bytes>(to, size);
  return length_bytes + size;
}

// Writes length and letter of a packet whose `size` bytes of data stand or will stand behind them.
inline void encode_data_header(char letter, std::size_t size, std::byte* to) noexcept {
  store_big<length_bytes>(to, 1 + size);
  to[length_bytes] = static_cast<std::byte>(letter);
}

// A number in text: digits, with the spaces that fill it up. Spaces alone are 0. None for anything
// else, and beyond 64 bits.
[[nodiscard]] constexpr std::optional<std::uint64_t> number_of(const Text<20>& text) noexcept {
  std::uint64_t value = 0;
  for (const char letter : text.trimmed()) {
    if (letter < '0' || letter > '9') {
      return std::nullopt;
    }
    const auto digit = static_cast<std::uint64_t>(letter - '0');
    if (value > (UINT64_MAX - digit) / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  return value;
}

// A number at the end of its field, spaces before it.
[[nodiscard]] constexpr Text<20> text_of(std::uint64_t value) noexcept {
  Text<20> text = Text<20>::of("");
  std::size_t at = text.letters.size();
  do {
    text.letters[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return text;
}

}  // namespace meridian::protocols::soup
