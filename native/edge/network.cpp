#include "edge/network.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::edge {
namespace {

void set_option(int socket, int level, int option, int value) {
  // What fails here is a kernel that limits buffers: connections work all the same.
  static_cast<void>(setsockopt(socket, level, option, &value, sizeof(value)));
}

}  // namespace

int listen_on(const NetworkOptions& options, std::uint16_t& port, std::string& reason) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  if (inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) {
    reason = "not an IPv4 address: " + options.address;
    return -1;
  }
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening < 0) {
    reason = std::string("no socket: ") + std::strerror(errno);
    return -1;
  }
  // What is set here holds for every connection that comes of it.
  set_option(listening, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(listening, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(listening, SOL_SOCKET, SO_RCVBUF, socket_buffer_bytes);
  set_option(listening, SOL_SOCKET, SO_SNDBUF, socket_buffer_bytes);
  socklen_t size = sizeof(address);
  if (bind(listening, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listening, SOMAXCONN) != 0 ||
      getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    reason = "cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " +
             std::strerror(errno) + "; choose another port";
    ::close(listening);
    return -1;
  }
  port = ntohs(address.sin_port);
  return listening;
}

std::unique_ptr<Network> open_network(Backend backend, const NetworkOptions& options,
                                      std::string& reason) {
  if (backend != Backend::epoll) {
    std::unique_ptr<Network> network = open_uring(options, reason);
    if (network != nullptr || backend == Backend::uring) {
      return network;
    }
  }
  std::string why_not;
  std::unique_ptr<Network> network = open_epoll(options, why_not);
  if (network == nullptr) {
    reason = why_not;
  }
  return network;
}

}  // namespace meridian::edge
