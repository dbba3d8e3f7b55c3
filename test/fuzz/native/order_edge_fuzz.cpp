// Clients that send whatever they like, in whatever pieces, log in, break off and do not read: the
// edge stays within its limits, no connection is used after it was closed, and what the sessions
// hold for open is what is open in the market.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "edge/order_edge.hpp"
#include "edge/support/edge_market.hpp"
#include "input.hpp"
#include "observed_market.hpp"
#include "order_entry/support/gateway_market.hpp"

namespace {

using namespace meridian;

constexpr std::uint32_t connection_count = 4;

// A network whose other side is the fuzzer.
class FakeNetwork final : public edge::Network {
 public:
  bool turn(edge::NetworkListener& listener, std::uint64_t) noexcept override {
    for (std::uint32_t index = 0; index < connection_count; ++index) {
      if (connections[index].is_closing) {
        connections[index] = {};
        listener.closed(index);
      }
    }
    if (act) {
      act(listener);
    }
    return true;
  }
  void send(std::uint32_t index, edge::Bytes bytes) noexcept override {
    Connection& connection = connections[index];
    fuzz::expect(connection.is_open && !connection.is_closing, "sent to one that is open");
    fuzz::expect(connection.sending.empty() && !bytes.empty(), "one send at a time");
    connection.sending = bytes;
  }
  void pause(std::uint32_t index) noexcept override { connections[index].is_paused = true; }
  void resume(std::uint32_t index) noexcept override { connections[index].is_paused = false; }
  void close(std::uint32_t index) noexcept override {
    fuzz::expect(connections[index].is_open && !connections[index].is_closing, "closed once");
    connections[index].is_closing = true;
  }
  [[nodiscard]] std::uint16_t port() const noexcept override { return 1; }
  [[nodiscard]] const char* name() const noexcept override { return "fuzzer"; }
  [[nodiscard]] const edge::NetworkCounts& counts() const noexcept override { return counts_; }

  struct Connection {
    bool is_open = false;
    bool is_closing = false;
    bool is_paused = false;
    edge::Bytes sending;
  };
  std::array<Connection, connection_count> connections{};
  std::function<void(edge::NetworkListener&)> act;

 private:
  edge::NetworkCounts counts_;
};

class Run {
 public:
  explicit Run(fuzz::Input& input)
      : input_(input),
        members_{order_entry::member_of("alice", 1, 1, true), order_entry::member_of("bob", 2)},
        options_(options()),
        commands_(64),
        events_(1U << 14U),
        edge_(options_, members_, fresh_memory(), network_, commands_.writer(), events_.reader(),
              edge::RingPeer{nullptr, [](void*) noexcept {}, [](void*) noexcept {}}, now_) {
    wire::Command configure{};
    configure.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
    configure.order_id = 200;
    configure.price = 1;
    configure.trigger = 1000;
    configure.quantity = 1000;
    match(configure);
    network_.act = [this](edge::NetworkListener& listener) { act(listener); };
  }

  void run() {
    while (!input_.is_empty()) {
      const std::uint64_t passed =
          input_.one_in(32) ? input_.below(20) * std::uint64_t{1'000'000'000} : 1'000'000;
      now_.steady_ns += passed;
      now_.wall_ns += passed;
      edge_.do_work(now_);
      if (!input_.one_in(3)) {
        match_all();
      }
    }
    // Quiet: everything is answered.
    network_.act = nullptr;
    for (int turn = 0; turn < 200; ++turn) {
      edge_.do_work(now_);
      match_all();
    }
    edge_.do_work(now_);
    fuzz::expect(edge_.gateway().open_orders() == market_.market().open_orders(),
                 "what is held for open is open");
    market_.check();
  }

 private:
  static edge::EdgeOptions options() {
    edge::EdgeOptions options;
    options.gateway = order_entry::test_options();
    options.gateway.orders = 64;
    options.gateway.commands = 32;
    options.gateway.messages = 16;
    options.connections = connection_count;
    options.slots_for_cancels = 8;
    return options;
  }
  static std::span<std::byte> fresh_memory() {
    static const engine::LazyMemory memory(edge::OrderEdge::arena_bytes(options(), 2));
    const std::span<std::byte> bytes = memory.bytes();
    fuzz::expect(madvise(bytes.data(), bytes.size(), MADV_DONTNEED) == 0, "memory is given back");
    return bytes;
  }

  void match(const wire::Command& command) {
    rings::RingWriter<wire::Event> writer = events_.writer();
    for (const wire::Event& event : market_.apply(command, now_.wall_ns)) {
      wire::Event* slot = writer.next();
      fuzz::expect(slot != nullptr, "the ring of events is large enough");
      *slot = event;
    }
    writer.publish();
  }
  void match_all() {
    rings::RingReader<wire::Command> reader = commands_.reader();
    while (reader.available() != 0) {
      const wire::Command command = reader.at(0);
      reader.advance(1);
      match(command);
    }
    reader.release();
  }

  void act(edge::NetworkListener& listener) {
    const std::uint32_t index = input_.below(connection_count);
    FakeNetwork::Connection& connection = network_.connections[index];
    if (connection.is_closing) {
      return;
    }
    if (!connection.is_open) {
      connection = {};
      connection.is_open = true;
      listener.connected(index);
      log_in(index, listener);
      return;
    }
    const std::uint32_t choice = input_.below(16);
    if (choice == 0) {
      listener.broken(index);
    } else if (choice < 4 && !connection.sending.empty()) {
      const std::size_t most = connection.sending.size();
      const std::size_t bytes = 1 + input_.take<std::uint16_t>() % most;
      connection.sending = {};
      listener.sent(index, bytes);
    } else if (choice < 14) {
      send_message(index, listener);
    } else {
      send_garbage(index, listener);
    }
  }
  void give(std::uint32_t index, edge::NetworkListener& listener, edge::Bytes bytes) {
    listener.received(index, bytes);
  }
  void log_in(std::uint32_t index, edge::NetworkListener& listener) {
    std::array<std::byte, 64> bytes{};
    const std::size_t size = protocols::soup::encode_packet(
        protocols::soup::LoginRequest{
            .username = protocols::Text<6>::of(input_.one_in(2) ? "alice" : "bob"),
            .password = protocols::Text<10>::of(input_.one_in(16) ? "wrong" : "secret"),
            .session = protocols::Text<10>::of(""),
            .sequence = protocols::soup::text_of(input_.below(8))},
        bytes.data());
    give(index, listener, edge::Bytes(bytes).first(size));
  }
  template <class Message>
  void give_message(std::uint32_t index, edge::NetworkListener& listener, const Message& message) {
    std::array<std::byte, protocols::most_bytes<Message>() + 3> bytes{};
    const std::size_t size = protocols::encode(message, bytes.data() + 3);
    protocols::soup::encode_data_header('U', size, bytes.data());
    // At times a byte is another, or the end is missing.
    if (input_.one_in(32)) {
      bytes[input_.take<std::uint16_t>() % (size + 3)] = input_.take<std::byte>();
    }
    const std::size_t length = input_.one_in(64) ? input_.below(40) : size + 3;
    give(index, listener, edge::Bytes(bytes).first(std::min(length, size + 3)));
  }
  void send_message(std::uint32_t index, edge::NetworkListener& listener) {
    namespace inbound = protocols::ouch::inbound;
    switch (input_.below(8)) {
      case 0:
      case 1:
        give_message(index, listener,
                     inbound::CancelOrder{.user_ref = old_ref(), .quantity = input_.below(12)});
        break;
      case 2:
        give_message(index, listener,
                     inbound::ReplaceOrder{.original_user_ref = old_ref(),
                                           .user_ref = new_ref(),
                                           .quantity = input_.below(12),
                                           .price = price(),
                                           .time_in_force = '0',
                                           .display = 'Y',
                                           .intermarket_sweep = 'N',
                                           .client_order_id = protocols::Text<14>::of("")});
        break;
      case 3:
        give_message(index, listener,
                     inbound::ModifyOrder{.user_ref = old_ref(),
                                          .side = "BSTE"[input_.below(4)],
                                          .quantity = input_.below(12)});
        break;
      default:
        enter(index, listener);
    }
  }
  void enter(std::uint32_t index, edge::NetworkListener& listener) {
    using protocols::Options;
    auto order =
        order_entry::order_of(new_ref(), "BS"[input_.below(2)], input_.between(1, 12), price());
    order.time_in_force = "0003"[input_.below(4)];
    order.display = "YYYNPM"[input_.below(6)];
    if (input_.one_in(4)) {
      order.options.max_floor = input_.between(1, 4);
      order.options.mark(Options::max_floor_tag);
    }
    if (input_.one_in(8)) {
      order.options.minimum_quantity = input_.between(1, 8);
      order.options.mark(Options::minimum_quantity_tag);
    }
    if (input_.one_in(8)) {
      order.options.discretion_price = price();
      order.options.mark(Options::discretion_price_tag);
    }
    give_message(index, listener, order);
  }
  void send_garbage(std::uint32_t index, edge::NetworkListener& listener) {
    std::array<std::byte, 64> bytes;
    const std::size_t size = input_.between(1, 64);
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = input_.take<std::byte>();
    }
    give(index, listener, edge::Bytes(bytes).first(size));
  }
  std::uint32_t new_ref() { return highest_ref_ += input_.below(3); }
  std::uint32_t old_ref() { return highest_ref_ - std::min(highest_ref_, input_.below(12)); }
  std::uint64_t price() { return 100 * input_.between(95, 105) + (input_.one_in(32) ? 1U : 0U); }

  fuzz::Input& input_;
  fuzz::ObservedMarket market_;
  std::vector<order_entry::Member> members_;
  edge::EdgeOptions options_;
  edge::LocalRing<wire::Command> commands_;
  edge::LocalRing<wire::Event> events_;
  edge::Time now_{.steady_ns = 1'000'000'000, .wall_ns = 1'764'028'800'000'000'000};
  FakeNetwork network_;
  edge::OrderEdge edge_;
  std::uint32_t highest_ref_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Run(input).run();
  return 0;
}
