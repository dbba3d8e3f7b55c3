#include "order_entry/soup_server.hpp"

#include <array>

namespace meridian::order_entry {

std::string_view name_of(Closing closing) noexcept {
  static constexpr std::array<std::string_view, closings> names = {
      "none",
      "login refused",
      "logged out",
      "nothing heard for 15 s; send a heartbeat each second",
      "no login within 5 s",
      "a packet of length 0",
      "a packet of more than 512 bytes",
      "a packet of a type that clients do not send",
      "a packet whose length does not belong to its type",
      "data before the login",
      "a second login",
      "data that is no message of this session",
      "what was not read is no longer kept; log in anew with the next sequence wanted",
      "this user logged in on another connection",
      "the session is over",
      "closed by the other side",
      "more was sent than could be taken; wait for answers"};
  return names[static_cast<std::size_t>(closing)];
}

SoupServer::Head SoupServer::peek(Bytes bytes) noexcept {
  const protocols::soup::Frame frame = protocols::soup::next_frame(bytes, most_packet_bytes);
  if (frame.state != protocols::soup::FrameState::packet) {
    return {};
  }
  const auto letter = static_cast<char>(frame.content[0]);
  const bool has_message = letter == protocols::soup::unsequenced_data && frame.content.size() > 1;
  return {letter, has_message ? static_cast<char>(frame.content[1]) : '\0'};
}

void SoupServer::tick(std::uint64_t now_ns) noexcept {
  if (now_ns - heard_ns_ >= silence_ns) {
    close(Closing::silent);
  } else if (!is_logged_in_ && now_ns - opened_ns_ >= login_ns) {
    close(Closing::login_late);
  }
}

}  // namespace meridian::order_entry
