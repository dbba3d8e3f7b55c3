// Connections of SoupBinTCP over a network: packets in to an application, its sequenced messages
// out. Each connection stays within its limits, and ends for a reason that is counted.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "edge/network.hpp"
#include "order_entry/soup_server.hpp"

namespace meridian::edge {

// Of one turn, from whoever runs the duty.
struct Time {
  std::uint64_t steady_ns = 0;  // never goes back
  std::uint64_t wall_ns = 0;    // since 1970-01-01 UTC
};

struct HostCounts {
  std::array<std::uint64_t, order_entry::closings> closed{};  // by order_entry::Closing
  std::uint64_t packets = 0;                                  // of clients
  std::uint64_t sequenced = 0;                                // messages to clients
  std::uint64_t pauses = 0;  // times a client's bytes were left to the kernel
};

// Whom connections are for. A user is a number of the application's; it has one connection at a
// time.
class SoupApplication {
 public:
  static constexpr std::uint32_t no_user = UINT32_MAX;

  // A number for `user` when accepted.
  virtual order_entry::LoginAnswer login(const protocols::soup::LoginRequest& request,
                                         std::uint32_t& user) noexcept = 0;
  virtual order_entry::Taken data(std::uint32_t user, Bytes message) noexcept = 0;
  // The connection of the user is over.
  virtual void left(std::uint32_t user) noexcept = 0;
  // Its messages from oldest() to before next() are there.
  [[nodiscard]] virtual std::uint64_t oldest(std::uint32_t user) const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t next(std::uint32_t user) const noexcept = 0;
  [[nodiscard]] virtual Bytes message(std::uint32_t user,
                                      std::uint64_t sequence) const noexcept = 0;
  // Nothing follows what is there.
  [[nodiscard]] virtual bool is_over(std::uint32_t user) const noexcept = 0;
  // Whether a client's packet goes before others when there is little room.
  [[nodiscard]] virtual bool is_urgent(order_entry::SoupServer::Head head) const noexcept = 0;

 protected:
  ~SoupApplication() = default;
};

class SoupHost final : public NetworkListener {
 public:
  // Received and not acted upon; beyond it the connection ends.
  static constexpr std::size_t input_bytes = std::size_t{64} * 1024;
  // Above this the kernel keeps what comes, which slows the client down.
  static constexpr std::size_t pause_bytes = std::size_t{8} * 1024;
  static constexpr std::size_t output_bytes = std::size_t{16} * 1024;
  // Time to take leave.
  static constexpr std::uint64_t farewell_ns = 1'000'000'000;
  // Of one turn.
  static constexpr std::uint32_t packets_per_turn = 512;
  static constexpr std::uint32_t packets_per_connection = 64;

  static std::size_t arena_bytes(std::uint32_t connections) noexcept {
    return Arena::bytes_of<std::byte>(connections * (input_bytes + output_bytes));
  }

  // `memory` is aligned to 64 bytes and arena_bytes() long; it, the network and the application
  // outlive the host. Users are numbers below `users`.
  SoupHost(SoupApplication& application, Network& network, std::uint32_t connections,
           std::uint32_t users, std::span<std::byte> memory, Time now);

  // First in a turn: what time it is.
  void begin(Time now) noexcept { now_ = now; }
  // What has come and what was sent, and what is to be sent is started: one look at the kernel, so
  // users are told of news before it. Waits there for up to `wait_ns` when nothing is left to be
  // done. True when something was.
  bool turn(std::uint64_t wait_ns) noexcept;
  // Acts upon packets, a bounded number of them.
  bool take_packets() noexcept;
  // The user has news.
  void tell(std::uint32_t user) noexcept {
    if (of_user_[user] != none) {
      pump(of_user_[user]);
    }
  }
  void tell_all() noexcept;
  // Once a turn.
  void look_at_clocks() noexcept;

  [[nodiscard]] const HostCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::uint32_t open_connections() const noexcept { return open_; }
  [[nodiscard]] Time now() const noexcept { return now_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct Connection {
    order_entry::SoupServer server;
    std::uint64_t next_sequence = 0;
    std::uint64_t leaves_ns = 0;  // at the latest, when it is leaving
    std::byte* input = nullptr;
    std::byte* output = nullptr;
    std::uint32_t user = none;
    std::uint32_t input_start = 0;
    std::uint32_t input_end = 0;
    std::uint32_t output_start = 0;
    std::uint32_t output_end = 0;
    bool is_open = false;
    bool is_ready = false;
    bool is_sending = false;
    bool is_paused = false;
    bool is_leaving = false;
    bool is_closed = false;  // told the network so

    [[nodiscard]] Bytes unread() const noexcept {
      return {input + input_start, input_end - input_start};
    }
  };
  // What a SoupServer asks of its connection.
  struct Handler;

  // NetworkListener.
  void connected(std::uint32_t index) noexcept override;
  void received(std::uint32_t index, Bytes bytes) noexcept override;
  void sent(std::uint32_t index, std::size_t bytes) noexcept override;
  void broken(std::uint32_t index) noexcept override;
  void closed(std::uint32_t index) noexcept override;

  // True when a whole packet is left that was not acted upon.
  bool take_packets_of(std::uint32_t index, bool only_urgent, std::uint32_t& budget) noexcept;
  void mark_ready(std::uint32_t index) noexcept;
  void start_leaving(std::uint32_t index) noexcept;
  void close_now(std::uint32_t index) noexcept;
  void let_go(std::uint32_t index) noexcept;
  // Puts what is to be sent behind what waits, and sends.
  void pump(std::uint32_t index) noexcept;
  void fill(Connection& connection) noexcept;
  [[nodiscard]] std::byte* room(Connection& connection, std::size_t bytes) noexcept;
  template <class Packet>
  bool put(Connection& connection, const Packet& packet) noexcept;
  void put_debug(Connection& connection, std::string_view text) noexcept;

  SoupApplication& application_;
  Network& network_;
  Time now_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> ready_;
  std::vector<std::uint32_t> taking_;
  std::vector<std::uint32_t> of_user_;  // connection, or none
  std::uint64_t looked_ns_ = 0;
  std::uint32_t open_ = 0;
  HostCounts counts_;
};

}  // namespace meridian::edge
