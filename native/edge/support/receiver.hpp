// For tests: a subscriber of packets over loopback.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/ensure.hpp"
#include "protocols/mold.hpp"

namespace meridian::edge {

// A UDP socket that never waits.
class Receiver {
 public:
  Receiver() {
    descriptor_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ensure(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ensure(getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() { ::close(descriptor_); }

  // Empty when nothing has come.
  std::vector<std::byte> packet() const {
    std::vector<std::byte> bytes(2048);
    const ssize_t got = recv(descriptor_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void ask(std::uint16_t to, const protocols::mold::Header& header) const {
    std::array<std::byte, protocols::mold::header_bytes> bytes{};
    protocols::mold::encode_header(header, bytes.data());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sendto(descriptor_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address));
  }

  std::uint16_t port = 0;

 private:
  int descriptor_ = -1;
};

}  // namespace meridian::edge
