// For tests and measurements: an edge in front of a real engine, both turned by the caller.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/order_edge.hpp"
#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "order_entry/support/gateway_market.hpp"

namespace meridian::edge {

// Rings in memory of this process.
template <class Slot>
struct LocalRing {
  explicit LocalRing(std::uint32_t capacity) : slots(capacity) {}
  rings::RingWriter<Slot> writer() {
    return {cursors, slots.data(), static_cast<std::uint32_t>(slots.size())};
  }
  rings::RingReader<Slot> reader() {
    return {cursors, slots.data(), static_cast<std::uint32_t>(slots.size())};
  }
  rings::RingCursors cursors{};
  std::vector<Slot> slots;
};

// The match duty of a test: takes commands, gives events.
class LocalMatcher {
 public:
  LocalMatcher(rings::RingReader<wire::Command> commands, rings::RingWriter<wire::Event> events)
      : memory_(engine::Market::arena_bytes()),
        market(memory_.bytes()),
        commands_(commands),
        events_(events) {
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
    command.order_id = 1U << 20U;
    command.price = 1;
    command.trigger = 1'000'000;
    command.quantity = 1'000'000;
    market.apply(command, ++sequence_, 1, *this);
    events_.publish();
  }

  // False when there was nothing to do, or no room for what would come of it.
  bool turn(std::uint64_t now_ns) {
    const std::uint32_t count = commands_.available();
    std::uint32_t taken = 0;
    for (; taken < count && events_.has_room(events_.capacity() / 2); ++taken) {
      const wire::Command command = commands_.at(0);
      market.apply(command, ++sequence_, now_ns, *this);
      commands_.advance(1);
    }
    commands_.release();
    events_.publish();
    return taken != 0;
  }

  // EventSink.
  wire::Event& next() noexcept {
    wire::Event* slot = events_.next();
    ensure(slot != nullptr);
    return *slot;
  }
  void finish() noexcept {}

 private:
  engine::LazyMemory memory_;

 public:
  engine::Market market;

 private:
  rings::RingReader<wire::Command> commands_;
  rings::RingWriter<wire::Event> events_;
  std::uint64_t sequence_ = 0;
};

inline EdgeOptions test_options(std::uint32_t connections = 8) {
  EdgeOptions options;
  options.gateway = order_entry::test_options();
  options.gateway.orders = 1U << 14U;
  options.gateway.commands = 1U << 12U;
  options.connections = connections;
  return options;
}

class EdgeMarket {
 public:
  EdgeMarket(Backend backend, std::vector<order_entry::Member> users, const EdgeOptions& options,
             std::uint32_t command_slots = 4096)
      : members(std::move(users)),
        memory_(OrderEdge::arena_bytes(options, members.size())),
        commands_(command_slots),
        events_(1U << 15U),
        network(open_network(backend, {.connections = options.connections}, reason)),
        matcher(commands_.reader(), events_.writer()) {
    if (network != nullptr) {
      edge = std::make_unique<OrderEdge>(
          options, members, memory_.bytes(), *network, commands_.writer(), events_.reader(),
          RingPeer{nullptr, [](void*) noexcept {}, [](void*) noexcept {}}, now);
    }
  }
  EdgeMarket(const EdgeMarket&) = delete;
  EdgeMarket& operator=(const EdgeMarket&) = delete;

  void turn() {
    now.steady_ns += 1000;
    now.wall_ns += 1000;
    edge->do_work(now);
    if (is_matching) {
      matcher.turn(now.wall_ns);
    }
  }
  void pass(std::uint64_t ns) {
    now.steady_ns += ns;
    now.wall_ns += ns;
  }
  [[nodiscard]] std::uint64_t closed(order_entry::Closing closing) const {
    return edge->host_counts().closed[static_cast<std::size_t>(closing)];
  }

  std::vector<order_entry::Member> members;
  std::string reason;
  Time now{.steady_ns = 1'000'000'000, .wall_ns = 1'764'028'800'000'000'000};
  bool is_matching = true;

 private:
  engine::LazyMemory memory_;
  LocalRing<wire::Command> commands_;
  LocalRing<wire::Event> events_;

 public:
  std::unique_ptr<Network> network;
  LocalMatcher matcher;
  std::unique_ptr<OrderEdge> edge;
};

}  // namespace meridian::edge
