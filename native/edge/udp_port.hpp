// The two UDP sockets of a feed: one sends packets to everybody, one hears requests and answers
// them.
#pragma once
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "edge/packet_sender.hpp"
#include "protocols/codec.hpp"

namespace meridian::edge {

struct UdpOptions {
  std::string to = "127.0.0.1";  // a multicast group, or one receiver
  std::uint16_t to_port = 0;
  std::string requests = "127.0.0.1";  // where requests are heard
  std::uint16_t requests_port = 0;     // 0: one that is free
  int multicast_hops = 1;
  Backend backend = Backend::best;  // of the packets to everybody
};

// Of requests; packets to everybody are the sender's.
struct UdpCounts {
  std::uint64_t system_calls = 0;
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t dropped = 0;  // the kernel had no room for the answer
};

class UdpPort {
 public:
  // Null with the reason.
  static std::unique_ptr<UdpPort> open(const UdpOptions& options, std::string& reason);
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;
  ~UdpPort();

  // Packets to everybody.
  [[nodiscard]] PacketSender& sender() noexcept { return *packets_; }
  // The next request that has come, cut at 64 bytes; empty when there is none.
  [[nodiscard]] protocols::Bytes request() noexcept;
  // To whoever sent the last request.
  void answer(protocols::Bytes packet) noexcept;

  [[nodiscard]] std::uint16_t requests_port() const noexcept { return requests_port_; }
  [[nodiscard]] const UdpCounts& counts() const noexcept { return counts_; }

 private:
  UdpPort() = default;
  int sender_ = -1;
  int answerer_ = -1;
  std::uint16_t requests_port_ = 0;
  sockaddr_in to_{};
  sockaddr_in asker_{};
  std::array<std::byte, 64> request_{};
  UdpCounts counts_;
  // Ends before its socket is closed.
  std::unique_ptr<PacketSender> packets_;
};

}  // namespace meridian::edge
