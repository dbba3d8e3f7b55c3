// The server's side of one SoupBinTCP connection: packets in, what to do about them out. Pure:
// bytes and time come from whoever owns the socket.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocols/soup.hpp"

namespace meridian::order_entry {

using protocols::Bytes;

// Why a connection ends. Counted by reason.
enum class Closing : std::uint8_t {
  none = 0,
  login_refused = 1,
  logged_out = 2,
  silent = 3,            // nothing for 15 s
  login_late = 4,        // no login within 5 s
  length_zero = 5,       // of a packet
  length_too_big = 6,    // of a packet
  packet_unknown = 7,    // a letter that no client sends
  packet_malformed = 8,  // its length does not belong to its letter
  not_logged_in = 9,     // data before the login
  logged_in_already = 10,
  message_malformed = 11,  // data that is no message of the protocol carried
  reader_slow = 12,        // what it has not read is no longer kept
  replaced = 13,           // its user logged in on another connection
  ended = 14,              // the session is over
  peer = 15,               // the other side closed, or the connection broke
  input_full = 16,         // it sends more than is taken from it
};
inline constexpr std::size_t closings = 17;

// In the words of a debug packet.
[[nodiscard]] std::string_view name_of(Closing closing) noexcept;

// What became of a message.
enum class Taken : std::uint8_t {
  done,
  malformed,
  wait,  // it comes again later, and those behind it wait as well
};

struct LoginAnswer {
  char refusal = 0;  // A or S; 0 when accepted
  protocols::Text<10> session{};
  std::uint64_t next_sequence = 0;  // of the first sequenced message that follows
};

// Takes the same time whatever the difference.
template <std::size_t Width>
[[nodiscard]] bool is_equal_secret(const protocols::Text<Width>& left,
                                   const protocols::Text<Width>& right) noexcept {
  unsigned difference = 0;
  for (std::size_t at = 0; at < Width; ++at) {
    difference |= static_cast<unsigned>(left.letters[at] ^ right.letters[at]);
  }
  return difference == 0;
}

class SoupServer {
 public:
  static constexpr std::uint64_t heartbeat_ns = 1'000'000'000;
  static constexpr std::uint64_t silence_ns = 15'000'000'000;
  static constexpr std::uint64_t login_ns = 5'000'000'000;
  // Behind its length: the longest message of a client with every option, and some unknown ones.
  static constexpr std::size_t most_packet_bytes = 512;

  SoupServer() noexcept = default;
  explicit SoupServer(std::uint64_t now_ns) noexcept
      : opened_ns_(now_ns), heard_ns_(now_ns), said_ns_(now_ns) {}

  // What the first packet of `bytes` is, without acting on it: the letter of the message carried by
  // unsequenced data, the packet's own letter otherwise; 0 when there is no whole packet.
  struct Head {
    char packet = 0;
    char message = 0;
  };
  [[nodiscard]] static Head peek(Bytes bytes) noexcept;

  // Acts on the first packet; returns its bytes, 0 when it is not whole or the connection is to
  // close, or the message waits. The handler offers
  //   LoginAnswer login(const LoginRequest&);  void accepted(const LoginAnswer&);
  //   Taken data(Bytes message);
  template <class Handler>
  std::size_t take(Bytes bytes, std::uint64_t now_ns, Handler& handler);

  // Looks at the clocks.
  void tick(std::uint64_t now_ns) noexcept;
  [[nodiscard]] bool owes_heartbeat(std::uint64_t now_ns) const noexcept {
    return is_logged_in_ && now_ns - said_ns_ >= heartbeat_ns;
  }
  // Something was sent.
  void said(std::uint64_t now_ns) noexcept { said_ns_ = now_ns; }

  void close(Closing closing) noexcept {
    closing_ = closing_ == Closing::none ? closing : closing_;
  }
  [[nodiscard]] Closing closing() const noexcept { return closing_; }
  [[nodiscard]] bool is_logged_in() const noexcept { return is_logged_in_; }
  // The code of the refusal, when that is why it closes.
  [[nodiscard]] char login_refusal() const noexcept { return login_refusal_; }

 private:
  template <class Handler>
  bool act(Bytes packet, Handler& handler);
  template <class Handler>
  void log_in(Bytes packet, Handler& handler);

  std::uint64_t opened_ns_ = 0;
  std::uint64_t heard_ns_ = 0;
  std::uint64_t said_ns_ = 0;
  Closing closing_ = Closing::none;
  char login_refusal_ = 0;
  bool is_logged_in_ = false;
};

template <class Handler>
std::size_t SoupServer::take(Bytes bytes, std::uint64_t now_ns, Handler& handler) {
  using protocols::soup::FrameState;
  if (closing_ != Closing::none) {
    return 0;
  }
  const protocols::soup::Frame frame = protocols::soup::next_frame(bytes, most_packet_bytes);
  switch (frame.state) {
    case FrameState::incomplete:
      return 0;
    case FrameState::length_zero:
      close(Closing::length_zero);
      return 0;
    case FrameState::length_too_big:
      close(Closing::length_too_big);
      return 0;
    case FrameState::packet:
      break;
  }
  heard_ns_ = now_ns;
  return act(frame.content, handler) ? frame.consumed : 0;
}

// False when the packet has to come again.
template <class Handler>
bool SoupServer::act(Bytes packet, Handler& handler) {
  const auto letter = static_cast<char>(packet[0]);
  const bool is_bare = packet.size() == 1;
  if (letter == protocols::soup::unsequenced_data) {
    if (!is_logged_in_) {
      close(Closing::not_logged_in);
      return true;
    }
    const Taken taken = handler.data(packet.subspan(1));
    if (taken == Taken::malformed) {
      close(Closing::message_malformed);
    }
    return taken != Taken::wait;
  }
  switch (letter) {
    case protocols::soup::LoginRequest::letter:
      log_in(packet, handler);
      break;
    case protocols::soup::ClientHeartbeat::letter:
      if (!is_bare) {
        close(Closing::packet_malformed);
      }
      break;
    case protocols::soup::LogoutRequest::letter:
      close(is_bare ? Closing::logged_out : Closing::packet_malformed);
      break;
    case protocols::soup::debug:
      break;
    default:
      close(Closing::packet_unknown);
  }
  return true;
}

template <class Handler>
void SoupServer::log_in(Bytes packet, Handler& handler) {
  protocols::soup::LoginRequest request;
  if (protocols::decode_as(packet, request) != protocols::Fault::none) {
    close(Closing::packet_malformed);
    return;
  }
  if (is_logged_in_) {
    close(Closing::logged_in_already);
    return;
  }
  const LoginAnswer answer = handler.login(request);
  if (answer.refusal != 0) {
    login_refusal_ = answer.refusal;
    close(Closing::login_refused);
    return;
  }
  is_logged_in_ = true;
  handler.accepted(answer);
}

}  // namespace meridian::order_entry
