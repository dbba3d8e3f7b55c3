// For tests and measurements: a client of SoupBinTCP and OUCH over a socket, that never waits.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/ensure.hpp"
#include "protocols/codec.hpp"
#include "protocols/soup.hpp"

namespace meridian::edge {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) {
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(descriptor_ >= 0);
    if (receive_buffer != 0) {
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected =
        connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    fcntl(descriptor_, F_SETFL, O_NONBLOCK);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { hang_up(); }

  void hang_up() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }

  // False when the socket took not all of it.
  bool send_raw(protocols::Bytes bytes) const {
    const ssize_t put = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return put == static_cast<ssize_t>(bytes.size());
  }
  bool send_text(std::string_view text) const {
    return send_raw(std::as_bytes(std::span(text.data(), text.size())));
  }
  void log_in(std::string_view user, std::string_view password = "secret",
              std::uint64_t sequence = 1, std::string_view session = "") const {
    std::array<std::byte, 64> bytes{};
    const std::size_t size = protocols::soup::encode_packet(
        protocols::soup::LoginRequest{.username = protocols::Text<6>::of(user),
                                      .password = protocols::Text<10>::of(password),
                                      .session = protocols::Text<10>::of(session),
                                      .sequence = protocols::soup::text_of(sequence)},
        bytes.data());
    send_raw(protocols::Bytes(bytes).first(size));
  }
  // Puts a message behind those that are to be sent.
  template <class Message>
  void add(const Message& message) {
    std::array<std::byte, protocols::most_bytes<Message>() + 3> bytes{};
    const std::size_t size =
        protocols::encode(message, bytes.data() + protocols::soup::data_header_bytes);
    protocols::soup::encode_data_header(protocols::soup::unsequenced_data, size, bytes.data());
    const protocols::Bytes whole =
        protocols::Bytes(bytes).first(size + protocols::soup::data_header_bytes);
    outgoing_.insert(outgoing_.end(), whole.begin(), whole.end());
  }
  bool flush() {
    const bool is_sent = outgoing_.empty() || send_raw(outgoing_);
    outgoing_.clear();
    return is_sent;
  }
  template <class Message>
  void say(const Message& message) {
    add(message);
    flush();
  }
  void heartbeat() const { send_text({"\0\1R", 3}); }
  void log_out() const { send_text({"\0\1O", 3}); }

  // Reads what is there, and calls packet(content) for each whole one.
  template <class Receiver>
  void listen(Receiver&& packet) {
    std::array<std::byte, 4096> bytes;
    for (;;) {
      const ssize_t got = recv(descriptor_, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        is_closed = is_closed || got == 0 || (errno != EAGAIN && errno != EINTR);
        break;
      }
      incoming_.insert(incoming_.end(), bytes.begin(), bytes.begin() + got);
      if (got < static_cast<ssize_t>(bytes.size())) {
        break;  // all that was there: one system call, as for whoever this is compared with
      }
    }
    std::size_t at = 0;
    for (;;) {
      const protocols::soup::Frame frame =
          protocols::soup::next_frame(protocols::Bytes(incoming_).subspan(at), 65'535);
      if (frame.state != protocols::soup::FrameState::packet) {
        break;
      }
      packet(frame.content);
      at += frame.consumed;
    }
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  // Reads and forgets; true when so many bytes have come since the last time it was.
  bool discard(std::size_t bytes) {
    std::array<std::byte, 512> read;
    const ssize_t got = recv(descriptor_, read.data(), read.size(), 0);
    discarded_ += got > 0 ? static_cast<std::size_t>(got) : 0;
    if (discarded_ < bytes) {
      return false;
    }
    discarded_ -= bytes;
    return true;
  }
  // Counts sequenced messages, and nothing more.
  void count() {
    listen([this](protocols::Bytes content) {
      sequenced += static_cast<char>(content[0]) == protocols::soup::sequenced_data ? 1U : 0U;
    });
  }
  // Letters of the packets; of sequenced data the letter of the message.
  std::string hear() {
    listen([this](protocols::Bytes content) {
      const auto letter = static_cast<char>(content[0]);
      heard += letter == 'S' ? static_cast<char>(content[1]) : letter;
      sequenced += letter == 'S' ? 1U : 0U;
      if (letter == '+') {
        debug.assign(reinterpret_cast<const char*>(content.data()) + 1, content.size() - 1);
      }
      last.assign(content.begin(), content.end());
    });
    return heard;
  }

  bool is_connected = false;
  bool is_closed = false;
  std::string heard;
  std::string debug;
  std::uint64_t sequenced = 0;
  std::vector<std::byte> last;

 private:
  int descriptor_ = -1;
  std::size_t discarded_ = 0;
  std::vector<std::byte> outgoing_;
  std::vector<std::byte> incoming_;
};

}  // namespace meridian::edge
