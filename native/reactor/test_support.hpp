// For the tests of this folder: a reactor, and a client at the other end of a market's rings.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "journal/test_support.hpp"
#include "reactor/reactor.hpp"

namespace meridian::reactor {

inline wire::Command configure_command(std::uint64_t capacity = 1000) {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
  command.order_id = capacity;
  command.price = 1;
  command.trigger = 1'000'000;
  command.quantity = 1'000'000;
  return command;
}

inline wire::Command place_command(wire::Side side, std::int64_t price, std::uint64_t quantity,
                                   std::uint32_t tag = 0) {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
  command.side = static_cast<std::uint8_t>(side);
  command.tag = tag;
  command.price = static_cast<std::int32_t>(price);
  command.quantity = static_cast<std::uint32_t>(quantity);
  command.account = 7;
  return command;
}

// The producer of a market's commands and the reader of its events, on the test's thread.
class Client {
 public:
  Client(Reactor& reactor, HostedMarket& market)
      : reactor_(reactor),
        region_(*reinterpret_cast<MarketRegion*>(market.memory().memory().data())),
        commands_(region_.commands, at<wire::Command>(market, market_slots_offset),
                  market.options().command_slots),
        events_(region_.events,
                at<wire::Event>(market, market_slots_offset +
                                            market.options().command_slots * sizeof(wire::Command)),
                market.options().event_slots) {}

  bool send(const wire::Command& command) {
    wire::Command* slot = commands_.next();
    if (slot == nullptr) {
      return false;
    }
    *slot = command;
    commands_.publish_ordered();
    reactor_.wake();
    return true;
  }
  // At most `limit` events that are there now.
  std::vector<wire::Event> drain(std::uint32_t limit = UINT32_MAX) {
    std::vector<wire::Event> taken;
    const std::uint32_t count = std::min(events_.available_ordered(), limit);
    taken.reserve(count);
    for (std::uint32_t offset = 0; offset < count; ++offset) {
      taken.push_back(events_.at(offset));
    }
    events_.advance(count);
    events_.release_ordered();
    reactor_.thread().parking.wake_if_blocked();
    return taken;
  }
  // All events up to and with the last one of the command of this sequence.
  std::vector<wire::Event> drain_through(std::uint64_t sequence) {
    std::vector<wire::Event> all;
    while (all.empty() || all.back().sequence < sequence ||
           (all.back().flags & wire::event_is_last) == 0) {
      const std::vector<wire::Event> some = drain();
      all.insert(all.end(), some.begin(), some.end());
      std::this_thread::yield();
    }
    return all;
  }
  void wait_matched(double sequence) const {
    while (region_.matched.load() < sequence) {
      std::this_thread::yield();
    }
  }
  [[nodiscard]] MarketRegion& region() { return region_; }

 private:
  template <class Slot>
  static Slot* at(HostedMarket& market, std::size_t offset) {
    return reinterpret_cast<Slot*>(market.memory().memory().data() + offset);
  }

  Reactor& reactor_;
  MarketRegion& region_;
  rings::RingWriter<wire::Command> commands_;
  rings::RingReader<wire::Event> events_;
};

}  // namespace meridian::reactor
