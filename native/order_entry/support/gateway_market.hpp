// For tests: OUCH sessions in front of a real engine.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"
#include "order_entry/ouch_gateway.hpp"

namespace meridian::order_entry {

inline Member member_of(std::string_view name, std::uint32_t account, std::uint8_t group = 0,
                        bool cancels = false) {
  return {.username = protocols::Text<6>::of(name),
          .password = protocols::Text<10>::of("secret"),
          .market_session = account * std::uint64_t{1000} + group,
          .account = account,
          .firm = protocols::Text<4>::of("FIRM"),
          .group = group,
          .cancels_on_disconnect = cancels};
}

inline GatewayOptions test_options() {
  return {.session = protocols::Text<10>::of("MERIDIAN1"),
          .listing = {.symbol = protocols::Text<8>::of("ACME"), .price_per_tick = 100},
          .orders = 256,
          .commands = 256,
          .messages = 1024,
          .trades = 64,
          .tag_prefix = 9};
}

// An order for the first member's market, at 10^-4.
inline protocols::ouch::inbound::EnterOrder order_of(std::uint32_t user_ref, char side,
                                                     std::uint32_t quantity, std::uint64_t price) {
  return {.user_ref = user_ref,
          .side = side,
          .quantity = quantity,
          .symbol = protocols::Text<8>::of("ACME"),
          .price = price,
          .time_in_force = '0',
          .display = 'Y',
          .capacity = 'P',
          .intermarket_sweep = 'N',
          .cross_type = 'N',
          .client_order_id = protocols::Text<14>::of("mine")};
}

class GatewayMarket {
 public:
  explicit GatewayMarket(std::vector<Member> users, const GatewayOptions& options = test_options())
      : members(std::move(users)),
        market_memory_(engine::Market::arena_bytes()),
        gateway_memory_(OuchGateway::arena_bytes(options, members.size())),
        market(market_memory_.bytes()),
        gateway(options, members, gateway_memory_.bytes(),
                {this,
                 [](void* context, const wire::Command& command, Urgency urgency) noexcept {
                   return static_cast<GatewayMarket*>(context)->queue(command, urgency);
                 }},
                now_ns),
        read_(members.size(), 2) {
    wire::Command command{};
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
    command.order_id = 1000;
    command.price = 1;
    command.trigger = 1'000'000;
    command.quantity = 1'000'000;
    apply(command);
  }
  GatewayMarket(const GatewayMarket&) = delete;
  GatewayMarket& operator=(const GatewayMarket&) = delete;

  // The engine takes what the gateway has sent, and the gateway what the engine answers.
  void work() {
    while (!commands.empty()) {
      const wire::Command command = commands.front();
      commands.pop_front();
      apply(command);
    }
  }
  void apply(const wire::Command& command) {
    events_.clear();
    market.apply(command, ++sequence_, now_ns, *this);
    for (const wire::Event& event : events_) {
      gateway.event(event, now_ns);
    }
  }

  // A command of the journal, which the gateway learns of before its first login.
  void restore(std::uint32_t member, const wire::Command& command) {
    events_.clear();
    market.apply(command, ++sequence_, now_ns, *this);
    gateway.restore(member, command);
    for (const wire::Event& event : events_) {
      gateway.restore(event);
    }
  }

  template <class Message>
  Taken give(std::uint32_t member, const Message& message) {
    std::array<std::byte, protocols::most_bytes<Message>()> bytes{};
    const std::size_t size = protocols::encode(message, bytes.data());
    return gateway.message(member, Bytes(bytes).first(size), now_ns);
  }
  template <class Message>
  std::string say(std::uint32_t member, const Message& message) {
    give(member, message);
    work();
    return heard(member);
  }
  // What the member was sent since it last listened: letter, user reference, number of lots.
  std::string heard(std::uint32_t member) {
    std::ostringstream all;
    const char* separator = "";
    const OuchStore& sent = gateway.sent(member);
    for (; read_[member] < sent.next(); ++read_[member]) {
      last = {sent.at(read_[member]).begin(), sent.at(read_[member]).end()};
      all << separator;
      separator = " ";
      protocols::decode<protocols::ouch::outbound::All>(
          last, [&all](const auto& message) { describe(all, message); });
    }
    return all.str();
  }
  template <class Message>
  Message last_as() const {
    Message message;
    ensure(protocols::decode_as(last, message) == protocols::Fault::none);
    return message;
  }

  // EventSink.
  wire::Event& next() noexcept { return events_.emplace_back(); }
  void finish() noexcept {}

  std::uint64_t now_ns = 1'764'028'800'000'000'000;
  std::vector<Member> members;
  std::deque<wire::Command> commands;
  std::size_t room = 1000;
  std::size_t room_for_cancels = 1000;
  std::vector<std::byte> last;

 private:
  template <class Message>
  static void describe(std::ostringstream& text, const Message& message) {
    text << Message::letter;
    if constexpr (requires { message.user_ref; }) {
      text << message.user_ref;
    }
    if constexpr (requires { message.quantity; }) {
      text << ':' << message.quantity;
    }
    if constexpr (std::is_same_v<Message, protocols::ouch::outbound::OrderCanceled>) {
      text << message.reason;
    }
    if constexpr (std::is_same_v<Message, protocols::ouch::outbound::OrderExecuted>) {
      text << message.liquidity;
    }
    if constexpr (std::is_same_v<Message, protocols::ouch::outbound::OrderRejected>) {
      text << '/' << message.reason;
    }
  }
  bool queue(const wire::Command& command, Urgency urgency) {
    if (commands.size() >= (urgency == Urgency::cancel ? room_for_cancels : room)) {
      return false;
    }
    commands.push_back(command);
    return true;
  }

  engine::LazyMemory market_memory_;
  engine::LazyMemory gateway_memory_;
  std::vector<wire::Event> events_;
  std::uint64_t sequence_ = 0;

 public:
  engine::Market market;
  OuchGateway gateway;

 private:
  std::vector<std::uint64_t> read_;
};

}  // namespace meridian::order_entry
