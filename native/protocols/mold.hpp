// MoldUDP64: session (10), sequence of the first message (8), count (2), then so many messages,
// each behind its 2-byte length. Count 0 is a heartbeat and 0xFFFF the end of the session; both
// carry the sequence that comes next. The same 20 bytes from a client ask for messages again.
#pragma once
#include <cstddef>
#include <cstdint>

#include "protocols/codec.hpp"

namespace meridian::protocols::mold {

inline constexpr std::size_t header_bytes = 20;
inline constexpr std::uint16_t heartbeat_count = 0;
inline constexpr std::uint16_t end_of_session_count = 0xFFFF;
inline constexpr std::size_t message_length_bytes = 2;

using Session = Text<10>;

struct Header {
  Session session;
  std::uint64_t sequence = 0;
  std::uint16_t count = 0;
};

enum class Fault : std::uint8_t { none = 0, truncated = 1, trailing_bytes = 2 };

inline void encode_header(const Header& header, std::byte* to) noexcept {
  store_field<10>(to, header.session);
  store_big<8>(to + 10, header.sequence);
  store_big<2>(to + 18, header.count);
}

[[nodiscard]] inline Fault decode_header(Bytes bytes, Header& header) noexcept {
  if (bytes.size() < header_bytes) {
    return Fault::truncated;
  }
  load_field<10>(bytes.data(), header.session);
  header.sequence = load_big<8>(bytes.data() + 10);
  header.count = static_cast<std::uint16_t>(load_big<2>(bytes.data() + 18));
  return Fault::none;
}

// A request is a header and nothing else.
[[nodiscard]] inline Fault decode_request(Bytes bytes, Header& request) noexcept {
  const Fault fault = decode_header(bytes, request);
  return fault == Fault::none && bytes.size() > header_bytes ? Fault::trailing_bytes : fault;
}

// Calls handler(sequence, message) for each message of a packet. Some may have been handed over
// when a later one is found to be cut off.
template <class Handler>
[[nodiscard]] Fault decode_packet(Bytes bytes, Header& header, Handler&& handler) {
  if (const Fault fault = decode_header(bytes, header); fault != Fault::none) {
    return fault;
  }
  const bool carries = header.count != heartbeat_count && header.count != end_of_session_count;
  const std::size_t count = carries ? header.count : 0;
  std::size_t at = header_bytes;
  for (std::size_t index = 0; index < count; ++index) {
    if (at + message_length_bytes > bytes.size()) {
      return Fault::truncated;
    }
    const std::size_t length = load_big<message_length_bytes>(bytes.data() + at);
    at += message_length_bytes;
    if (at + length > bytes.size()) {
      return Fault::truncated;
    }
    handler(header.sequence + index, bytes.subspan(at, length));
    at += length;
  }
  return at == bytes.size() ? Fault::none : Fault::trailing_bytes;
}

}  // namespace meridian::protocols::mold
