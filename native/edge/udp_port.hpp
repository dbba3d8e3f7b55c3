// The two UDP sockets of a feed: one sends packets to everybody, one hears requests and answers
// them.
#pragma once
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "protocols/codec.hpp"

namespace meridian::edge {

struct UdpOptions {
  std::string to = "127.0.0.1";  // a multicast group, or one receiver
  std::uint16_t to_port = 0;
  std::string requests = "127.0.0.1";  // where requests are heard
  std::uint16_t requests_port = 0;     // 0: one that is free
  int multicast_hops = 1;
};

struct UdpCounts {
  std::uint64_t system_calls = 0;
  std::uint64_t sent = 0;
  // The kernel had no room: subscribers ask for these packets.
  std::uint64_t dropped = 0;
  std::uint64_t requests = 0;
};

class UdpPort {
 public:
  // Null with the reason.
  static std::unique_ptr<UdpPort> open(const UdpOptions& options, std::string& reason);
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;
  ~UdpPort();

  void send(protocols::Bytes packet) noexcept;
  // The next request that has come, cut at 64 bytes; empty when there is none.
  [[nodiscard]] protocols::Bytes request() noexcept;
  // To whoever sent the last request.
  void answer(protocols::Bytes packet) noexcept;

  [[nodiscard]] std::uint16_t requests_port() const noexcept { return requests_port_; }
  [[nodiscard]] const UdpCounts& counts() const noexcept { return counts_; }

 private:
  UdpPort() = default;
  void send_to(int descriptor, const sockaddr_in& address, protocols::Bytes packet) noexcept;

  int sender_ = -1;
  int answerer_ = -1;
  std::uint16_t requests_port_ = 0;
  sockaddr_in to_{};
  sockaddr_in asker_{};
  std::array<std::byte, 64> request_{};
  UdpCounts counts_;
};

}  // namespace meridian::edge
