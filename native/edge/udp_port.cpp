#include "edge/udp_port.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::edge {
namespace {

bool address_of(const std::string& text, std::uint16_t port, sockaddr_in& address,
                std::string& reason) {
  address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &address.sin_addr) == 1) {
    return true;
  }
  reason = "not an IPv4 address: " + text;
  return false;
}

}  // namespace

std::unique_ptr<UdpPort> UdpPort::open(const UdpOptions& options, std::string& reason) {
  std::unique_ptr<UdpPort> port(new UdpPort());
  sockaddr_in requests{};
  if (!address_of(options.to, options.to_port, port->to_, reason) ||
      !address_of(options.requests, options.requests_port, requests, reason)) {
    return nullptr;
  }
  port->sender_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  port->answerer_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  socklen_t size = sizeof(requests);
  if (port->sender_ < 0 || port->answerer_ < 0 ||
      bind(port->answerer_, reinterpret_cast<const sockaddr*>(&requests), size) != 0 ||
      getsockname(port->answerer_, reinterpret_cast<sockaddr*>(&requests), &size) != 0) {
    reason = "cannot hear requests on " + options.requests + ":" +
             std::to_string(options.requests_port) + ": " + std::strerror(errno) +
             "; choose another port";
    return nullptr;
  }
  port->requests_port_ = ntohs(requests.sin_port);
  if (IN_MULTICAST(ntohl(port->to_.sin_addr.s_addr)) &&
      setsockopt(port->sender_, IPPROTO_IP, IP_MULTICAST_TTL, &options.multicast_hops,
                 sizeof(options.multicast_hops)) != 0) {
    reason = std::string("no multicast: ") + std::strerror(errno);
    return nullptr;
  }
  port->packets_ = open_sender(options.backend, port->sender_, port->to_, reason);
  if (port->packets_ == nullptr) {
    return nullptr;
  }
  return port;
}

UdpPort::~UdpPort() {
  packets_.reset();
  for (const int descriptor : {sender_, answerer_}) {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
  }
}

protocols::Bytes UdpPort::request() noexcept {
  socklen_t size = sizeof(asker_);
  ++counts_.system_calls;
  const ssize_t got = recvfrom(answerer_, request_.data(), request_.size(), 0,
                               reinterpret_cast<sockaddr*>(&asker_), &size);
  if (got <= 0) {
    return {};
  }
  ++counts_.requests;
  return protocols::Bytes(request_).first(static_cast<std::size_t>(got));
}

void UdpPort::answer(protocols::Bytes packet) noexcept {
  ++counts_.system_calls;
  const ssize_t put = sendto(answerer_, packet.data(), packet.size(), 0,
                             reinterpret_cast<const sockaddr*>(&asker_), sizeof(asker_));
  ++(put == static_cast<ssize_t>(packet.size()) ? counts_.answered : counts_.dropped);
}

}  // namespace meridian::edge
