// OUCH order entry of a hosted market as a duty of its reactor: the edge at one end of a client's
// rings, the market at the other. What its members had before it was opened comes from the log.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "duties/lazy_memory.hpp"
#include "edge/order_edge.hpp"
#include "reactor/client_port.hpp"
#include "reactor/duty.hpp"
#include "reactor/reactor.hpp"

namespace meridian::duties {

struct OrderDutyOptions {
  edge::EdgeOptions edge;
  edge::NetworkOptions network;
  edge::Backend backend = edge::Backend::best;
  // Each with a session of the market's own, by which it knows what they sent before.
  std::vector<order_entry::Member> members;
  std::uint32_t command_slots = 1U << 12U;
  std::uint32_t event_slots = 1U << 16U;
};

// Written by the thread of the duty, some times a second; read by anybody.
struct OrderDutyCounts {
  std::atomic<std::uint64_t> orders{0};   // commands
  std::atomic<std::uint64_t> cancels{0};  // commands of the class that goes first
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> messages{0};  // sequenced, to members
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> open_orders{0};
  std::atomic<std::uint64_t> turned_away{0};
  std::atomic<std::uint64_t> ring_full{0};
  std::atomic<std::uint64_t> orders_full{0};
  std::atomic<std::uint64_t> commands_full{0};
  std::atomic<std::uint64_t> unknown_orders{0};
  std::atomic<std::uint64_t> repeated_refs{0};
  std::atomic<std::uint64_t> stamps_left_out{0};
  std::array<std::atomic<std::uint64_t>, order_entry::closings> closed{};  // by Closing
};

class OrderDuty final : public reactor::Duty {
 public:
  // Listens, attaches to the market, learns from its log what its members have there, and is hosted
  // by the reactor from then on. Blocks for as long as reading the log takes. Null when something
  // of it fails; `reason` then says what to do. The market is one that the reactor has and keeps
  // until the duty is gone.
  static std::unique_ptr<OrderDuty> open(reactor::Reactor& reactor, reactor::HostedMarket& market,
                                         OrderDutyOptions options, std::string& reason);
  ~OrderDuty();

  [[nodiscard]] const char* name() const noexcept override { return "meridian-orders"; }
  std::uint32_t do_work(std::uint64_t wait_ns) noexcept override;

  // Any thread: not `none` once the market serves it no longer. Its members are told the end of
  // their sessions then; another duty begins with what the market has.
  [[nodiscard]] client::EndReason ended() const noexcept { return port_->end_reason(); }
  [[nodiscard]] std::uint16_t port() const noexcept { return network_->port(); }
  [[nodiscard]] const char* backend() const noexcept { return network_->name(); }
  [[nodiscard]] const OrderDutyCounts& counts() const noexcept { return counts_; }
  // One thread at a time: calls visitor(edge::OrderStamps) for traced commands that were answered.
  template <class Visitor>
  void drain_stamps(Visitor&& visitor) noexcept {
    edge_->stamps().drain(visitor);
  }
  // Commands whose records told of the members' orders.
  [[nodiscard]] std::uint64_t restored_through() const noexcept { return restored_through_; }

 private:
  OrderDuty(reactor::Reactor& reactor, reactor::HostedMarket& market, OrderDutyOptions options,
            std::unique_ptr<edge::Network> network, std::unique_ptr<reactor::ClientPort> port);

  [[nodiscard]] bool restore(std::string& reason);
  void tell_counts(std::uint64_t now_ns) noexcept;

  reactor::Reactor& reactor_;
  reactor::HostedMarket& market_;
  OrderDutyOptions options_;
  std::unique_ptr<edge::Network> network_;
  std::unique_ptr<reactor::ClientPort> port_;
  LazyMemory memory_;
  std::unique_ptr<edge::OrderEdge> edge_;
  bool is_attached_ = false;
  bool is_hosted_ = false;
  bool is_over_ = false;
  std::uint64_t restored_through_ = 0;
  std::uint64_t counted_ns_ = 0;
  OrderDutyCounts counts_;
};

}  // namespace meridian::duties
