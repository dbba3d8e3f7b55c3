// For the tests of this folder: a reactor with one market, on a machine of as many processors as it
// is told.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "journal/test_support.hpp"
#include "reactor/reactor.hpp"
#include "reactor/test_support.hpp"

namespace meridian::duties {

inline void wait_for(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit) << "it did not come about";
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

class Hosted {
 public:
  // `online` as sysfs lists processors: with two a duty has a thread of its own, with one it has
  // not.
  explicit Hosted(const std::string& online) {
    reactor::ReactorOptions machine;
    machine.placement = reactor::PlacementRequest{};
    machine.sysfs = [online](const std::string& path) -> std::optional<std::string> {
      return path == "devices/system/cpu/online" ? std::optional(online + "\n") : std::nullopt;
    };
    reactor = std::make_unique<reactor::Reactor>(machine, region_);
    // Small, so that tests can fill and trim them.
    options.records_in_segment = 64;
    options.snapshot_interval = 50;
    open();
  }
  Hosted(const Hosted&) = delete;
  Hosted& operator=(const Hosted&) = delete;
  ~Hosted() { close(); }

  void open() {
    options.directory = folder_.file("log");
    std::string reason;
    market = reactor::HostedMarket::open(
        files_, options, reactor->thread(), [](void*) noexcept {}, nullptr, reason);
    ASSERT_NE(market, nullptr) << reason;
    market->discard_events();
    reactor->add(*market);
    owner = std::make_unique<reactor::Client>(*reactor, *market);
  }
  void close() {
    if (market != nullptr) {
      reactor->remove(*market);
      owner.reset();
      market.reset();
    }
  }
  // Records up to here are accepted; the shadow has made its snapshots when this returns.
  void accept_all() const {
    journal::ChainPoint point;
    point.sequence = static_cast<std::uint64_t>(owner->region().matched.load());
    point.epoch = 1;
    reactor->accept(*market, point);
    wait_for([&] { return market->shadow().state().point.sequence == point.sequence; });
  }
  // As the owner does who starts again with what is on the disk.
  void reopen() {
    close();
    open();
  }

  // Sends a command of the market's owner and waits until it was matched.
  void apply(const wire::Command& command) const {
    const double before = owner->region().matched.load();
    owner->send(command);
    owner->wait_matched(before + 1);
  }
  void configure(wire::DurabilityMode mode) const {
    wire::Command command = reactor::configure_command(100'000);
    command.order_type = static_cast<std::uint8_t>(mode);
    apply(command);
  }
  void commit(double sequence) const {
    owner->region().committed.store(sequence);
    reactor->wake();
  }
  void lease_until(double monotonic_ns) const {
    owner->region().lease_until_ns.store(monotonic_ns);
    reactor->wake();
  }

 private:
  journal::TemporaryFolder folder_;
  journal::FaultyFileSystem files_;
  reactor::ReactorRegion region_{};

 public:
  // Of the next open().
  reactor::MarketOptions options;
  std::unique_ptr<reactor::Reactor> reactor;
  std::unique_ptr<reactor::HostedMarket> market;
  std::unique_ptr<reactor::Client> owner;
};

}  // namespace meridian::duties
