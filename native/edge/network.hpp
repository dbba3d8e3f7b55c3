// What an edge needs of the kernel: connections of a listening TCP socket, named by small numbers.
// Two implementations, chosen by probing: network.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocols/codec.hpp"

namespace meridian::edge {

using protocols::Bytes;

struct NetworkOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: one that is free
  std::uint32_t connections = 1024;
};

// Counted since the start.
struct NetworkCounts {
  std::uint64_t system_calls = 0;
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;    // more connections than there is room for
  std::uint64_t buffers_short = 0;  // times the kernel had no buffer left for what came
};

// Told by Network::turn. The number of a connection is below NetworkOptions::connections, and is
// used again after closed().
class NetworkListener {
 public:
  virtual void connected(std::uint32_t connection) noexcept = 0;
  // The bytes are gone after the call.
  virtual void received(std::uint32_t connection, Bytes bytes) noexcept = 0;
  // So many of the bytes of the last send() are on their way; none when the connection is broken.
  virtual void sent(std::uint32_t connection, std::size_t bytes) noexcept = 0;
  // The other side has closed, or the connection broke: close() it.
  virtual void broken(std::uint32_t connection) noexcept = 0;
  // After close(): nothing more comes of it.
  virtual void closed(std::uint32_t connection) noexcept = 0;

 protected:
  ~NetworkListener() = default;
};

class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  // Hands over what has happened, a bounded part of it, and starts what was asked for since the
  // last turn. Waits up to `wait_ns` when nothing has happened. True when something had.
  virtual bool turn(NetworkListener& listener, std::uint64_t wait_ns) noexcept = 0;
  // One send of a connection at a time: its bytes stay where they are until sent().
  virtual void send(std::uint32_t connection, Bytes bytes) noexcept = 0;
  // Reads nothing more of the connection until resume(); what was read before still comes.
  virtual void pause(std::uint32_t connection) noexcept = 0;
  virtual void resume(std::uint32_t connection) noexcept = 0;
  virtual void close(std::uint32_t connection) noexcept = 0;

  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  [[nodiscard]] virtual const NetworkCounts& counts() const noexcept = 0;
};

// Bytes handed over by one received() are at most so many.
inline constexpr std::size_t most_received_bytes = 2048;
// Of the kernel, for each connection and direction: what one that does not read, or that sends
// without end, can occupy.
inline constexpr int socket_buffer_bytes = 32 * 1024;

enum class Backend : std::uint8_t { best, uring, epoll };

// Null when it cannot listen; `reason` then says what to do. With Backend::best `reason` says why
// it is not io_uring, if it is not.
std::unique_ptr<Network> open_network(Backend backend, const NetworkOptions& options,
                                      std::string& reason);

// A listening socket; -1 with the reason.
int listen_on(const NetworkOptions& options, std::uint16_t& port, std::string& reason);

std::unique_ptr<Network> open_uring(const NetworkOptions& options, std::string& reason);
std::unique_ptr<Network> open_epoll(const NetworkOptions& options, std::string& reason);

}  // namespace meridian::edge
