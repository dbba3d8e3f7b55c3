// Order entry as a duty: connections of clients on one side, the rings of a market on the other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "edge/order_stamps.hpp"
#include "edge/soup_host.hpp"
#include "order_entry/ouch_gateway.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::edge {

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
  StampOptions stamps;
};

struct EdgeCounts {
  std::uint64_t orders = 0;   // commands
  std::uint64_t cancels = 0;  // commands that go first
};

class OrderEdge final : private SoupApplication {
 public:
  // Of one turn.
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
  [[nodiscard]] const HostCounts& host_counts() const noexcept { return host_.counts(); }
  [[nodiscard]] const order_entry::OuchGateway& gateway() const noexcept { return gateway_; }
  // To restore from, before the first turn.
  [[nodiscard]] order_entry::OuchGateway& gateway() noexcept { return gateway_; }
  [[nodiscard]] std::uint32_t open_connections() const noexcept { return host_.open_connections(); }
  // One other thread may drain it.
  [[nodiscard]] OrderStampBook& stamps() noexcept { return stamps_; }

 private:
  // SoupApplication.
  order_entry::LoginAnswer login(const protocols::soup::LoginRequest& request,
                                 std::uint32_t& user) noexcept override {
    return gateway_.login(request, user);
  }
  order_entry::Taken data(std::uint32_t user, Bytes message) noexcept override {
    return gateway_.message(user, message, host_.now().wall_ns);
  }
  void left(std::uint32_t user) noexcept override { gateway_.disconnected(user); }
  [[nodiscard]] std::uint64_t oldest(std::uint32_t user) const noexcept override {
    return gateway_.sent(user).oldest();
  }
  [[nodiscard]] std::uint64_t next(std::uint32_t user) const noexcept override {
    return gateway_.sent(user).next();
  }
  [[nodiscard]] Bytes message(std::uint32_t user, std::uint64_t sequence) const noexcept override {
    return gateway_.sent(user).at(sequence);
  }
  [[nodiscard]] bool is_over(std::uint32_t) const noexcept override { return gateway_.is_ended(); }
  [[nodiscard]] bool is_urgent(order_entry::SoupServer::Head head) const noexcept override;

  bool take_events() noexcept;
  void publish() noexcept;
  bool submit(const wire::Command& command, order_entry::Urgency urgency) noexcept;

  EdgeOptions options_;
  rings::RingWriter<wire::Command> commands_;
  rings::RingReader<wire::Event> events_;
  RingPeer peer_;
  bool has_published_ = false;
  EdgeCounts counts_;
  OrderStampBook stamps_;
  order_entry::OuchGateway gateway_;
  SoupHost host_;
};

}  // namespace meridian::edge
