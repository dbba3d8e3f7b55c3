// Order entry as a duty: connections of clients on one side, the rings of a market on the other.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edge/network.hpp"
#include "order_entry/ouch_gateway.hpp"
#include "order_entry/soup_server.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::edge {

// Of one turn, from whoever runs the duty.
struct Time {
  std::uint64_t steady_ns = 0;  // never goes back
  std::uint64_t wall_ns = 0;    // since 1970-01-01 UTC
};

// The other end of the rings: told when something was published, or room was made.
struct RingPeer {
  void* context = nullptr;
  void (*published)(void* context) noexcept = nullptr;
  void (*released)(void* context) noexcept = nullptr;
};

struct EdgeOptions {
  order_entry::GatewayOptions gateway;
  std::uint32_t connections = 1024;
  // Slots of the command ring that orders leave to cancels.
  std::uint32_t slots_for_cancels = 256;
};

struct EdgeCounts {
  std::array<std::uint64_t, order_entry::closings> closed{};  // by order_entry::Closing
  std::uint64_t packets = 0;                                  // of clients
  std::uint64_t orders = 0;                                   // commands
  std::uint64_t cancels = 0;                                  // commands that go first
  std::uint64_t sequenced = 0;                                // messages to clients
  std::uint64_t pauses = 0;  // times a client's bytes were left to the kernel
};

class OrderEdge final : public NetworkListener {
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
  static constexpr std::uint32_t events_per_turn = 512;

  static std::size_t arena_bytes(const EdgeOptions& options, std::size_t members) noexcept;

  // `memory` is zeroed, aligned to 64 bytes and arena_bytes() long; it, the network and the members
  // outlive the edge. The network has as many connections as the options say.
  OrderEdge(const EdgeOptions& options, std::span<const order_entry::Member> members,
            std::span<std::byte> memory, Network& network,
            rings::RingWriter<wire::Command> commands, rings::RingReader<wire::Event> events,
            RingPeer peer, Time now);

  // One turn, bounded. Waits in the kernel for up to `wait_ns` when there is nothing to do: a
  // network thread of its own may, a fused one gives 0. True when something was done.
  bool do_work(Time now, std::uint64_t wait_ns = 0) noexcept;
  // The day is over: who has read everything is sent the end of the session.
  void end(Time now) noexcept;

  [[nodiscard]] const EdgeCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] const order_entry::OuchGateway& gateway() const noexcept { return gateway_; }
  [[nodiscard]] std::uint32_t open_connections() const noexcept { return open_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct Connection {
    order_entry::SoupServer server;
    std::uint64_t next_sequence = 0;
    std::uint64_t leaves_ns = 0;  // at the latest, when it is leaving
    std::byte* input = nullptr;
    std::byte* output = nullptr;
    std::uint32_t member = none;
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

  bool take_events() noexcept;
  bool take_packets() noexcept;
  // True when a whole packet is left that was not acted upon.
  bool take_packets_of(std::uint32_t index, bool only_cancels, std::uint32_t& budget) noexcept;
  void look_at_clocks() noexcept;
  void publish() noexcept;
  bool submit(const wire::Command& command, order_entry::Urgency urgency) noexcept;
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

  EdgeOptions options_;
  Network& network_;
  rings::RingWriter<wire::Command> commands_;
  rings::RingReader<wire::Event> events_;
  RingPeer peer_;
  Time now_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> ready_;
  std::vector<std::uint32_t> taking_;
  std::vector<std::uint32_t> of_member_;  // connection, or none
  std::uint64_t looked_ns_ = 0;
  std::uint32_t open_ = 0;
  bool has_published_ = false;
  bool is_ended_ = false;
  EdgeCounts counts_;
  order_entry::OuchGateway gateway_;
};

}  // namespace meridian::edge
