// For the tests of shared-memory clients: a reactor with one market, and a gateway before it.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/market_client.hpp"
#include "journal/test_support.hpp"
#include "reactor/client_gateway.hpp"
#include "reactor/reactor.hpp"
#include "reactor/test_support.hpp"

namespace meridian::reactor {

inline std::uint8_t kind(wire::EventKind value) { return static_cast<std::uint8_t>(value); }

class ClientFixture : public testing::Test {
 protected:
  static constexpr const char* market_name = "TEST";

  ClientFixture() {
    std::string reason;
    gateway_ = ClientGateway::open(*reactor_, {folder_.file("socket"), &memory_}, reason);
    EXPECT_NE(gateway_, nullptr) << reason;
    for (std::uint32_t account = 1; account <= 40; ++account) {
      gateway_->grant(grant_of(account));
    }
    open();
    configure(wire::DurabilityMode::matched);
  }
  ~ClientFixture() override { finish(); }

  // A token for each account; account 1 may administer, 9 may have the stream.
  static ClientGrant grant_of(std::uint32_t account) {
    ClientGrant grant;
    grant.token.fill(static_cast<std::byte>(account));
    grant.user = getuid();
    grant.account = account;
    grant.permissions = account == 1   ? client::permission::administer
                        : account == 9 ? client::permission::stream
                                       : 0;
    return grant;
  }
  static client::Hello hello_of(std::uint32_t account, std::uint32_t permissions = 0) {
    client::Hello hello;
    hello.account = account;
    hello.permissions = permissions;
    hello.token = grant_of(account).token;
    std::strncpy(hello.market.data(), market_name, hello.market.size() - 1);
    return hello;
  }

  client::MarketClient connect(const client::Hello& hello) {
    client::MarketClient client;
    const auto refused = client.connect(gateway_->path().c_str(), hello);
    EXPECT_EQ(refused.value_or(client::MarketClient::Refused{}).text, "");
    return client;
  }
  client::MarketClient connect(std::uint32_t account, std::uint32_t permissions = 0) {
    return connect(hello_of(account, permissions));
  }
  client::ConnectRefusal refusal_of(const client::Hello& hello) {
    client::MarketClient client;
    const auto refused = client.connect(gateway_->path().c_str(), hello);
    EXPECT_TRUE(!refused || !refused->text.empty());
    return refused ? refused->refusal : client::ConnectRefusal::none;
  }

  static void send(client::MarketClient& client, const wire::Command& wanted) {
    wire::Command command = wanted;
    if ((client.permissions() & client::permission::administer) == 0) {
      command.account = client.account();
    }
    EXPECT_EQ(client.submit(command), client::Submitted::yes);
    client.flush();
  }
  // The next events up to the last one of a command, or `most`.
  static std::vector<wire::Event> events_until_last(client::MarketClient& client,
                                                    std::size_t most = SIZE_MAX) {
    std::vector<wire::Event> events;
    while (events.size() < most &&
           (events.empty() || (events.back().flags & wire::event_is_last) == 0)) {
      if (!client.wait(10'000'000'000)) {
        ADD_FAILURE() << "no event came";
        events.resize(1);
        return events;
      }
      client.poll_events([&](const wire::Event& event) { events.push_back(event); }, 1);
    }
    return events;
  }
  static std::vector<wire::Event> events_of(client::MarketClient& client, std::size_t count) {
    return events_until_last(client, count);
  }
  static void wait_for(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), limit) << "it did not come about";
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  void wait_parked() {
    wait_for([this] { return region_->parked.load() != 0; });
  }

  [[nodiscard]] std::uint32_t parked() const { return region_->parked.load(); }

  // A configure of the market's owner; the market has an event reader from now on.
  void configure(wire::DurabilityMode mode) {
    wire::Command command = configure_command(100'000);
    command.order_type = static_cast<std::uint8_t>(mode);
    Client owner(*reactor_, *market_);
    const double before = owner.region().matched.load();
    owner.send(command);
    owner.wait_matched(before + 1);
  }
  // So many commands of the market's owner that do nothing.
  void flood_of_owner(std::uint64_t count) {
    wire::Command tick{};
    tick.kind = static_cast<std::uint8_t>(wire::CommandKind::tick);
    Client owner(*reactor_, *market_);
    const double before = owner.region().matched.load();
    for (std::uint64_t sent = 0; sent < count;) {
      sent += owner.send(tick) ? 1U : 0U;
      owner.drain();
    }
    owner.wait_matched(before + static_cast<double>(count));
  }
  void commit(double sequence) {
    const_cast<MarketRegion&>(market_->region()).committed.store(sequence);
    reactor_->wake();
  }
  void lease_until(double monotonic) {
    const_cast<MarketRegion&>(market_->region()).lease_until_ns.store(monotonic);
    reactor_->wake();
  }

  bool attach(ClientPort& port) { return reactor_->attach(*market_, port); }
  void detach(ClientPort& port) { reactor_->detach(*market_, port, client::EndReason::closed); }
  void wake() { reactor_->wake(); }

  // The market stays, and is served elsewhere.
  void dismiss() { gateway_->remove(*market_); }
  void admit() { gateway_->add(market_name, *market_); }
  // Closes the market; idle_…() can be asked then.
  void finish() {
    if (is_open_) {
      is_open_ = false;
      gateway_->remove(*market_);
      reactor_->remove(*market_);
    }
  }
  void reopen() {
    finish();
    market_.reset();
    open();
  }

  [[nodiscard]] pid_t match_thread() const { return reactor_->thread_id(); }
  [[nodiscard]] HostedMarket& market() { return *market_; }
  [[nodiscard]] ClientGateway& gateway() { return *gateway_; }
  [[nodiscard]] journal::FaultyFileSystem& files() { return files_; }
  [[nodiscard]] std::uint64_t ended(client::EndReason reason) {
    return gateway_->counters().ended[static_cast<std::size_t>(reason)].load();
  }
  [[nodiscard]] std::uint64_t refused(client::ConnectRefusal refusal) {
    return gateway_->counters().refused[static_cast<std::size_t>(refusal)].load();
  }

 private:
  void open() {
    MarketOptions options;
    options.directory = folder_.file("log");
    std::string reason;
    market_ = HostedMarket::open(
        files_, options, reactor_->thread(), [](void*) noexcept {}, nullptr, reason);
    ASSERT_NE(market_, nullptr) << reason;
    market_->discard_events();
    reactor_->add(*market_);
    gateway_->add(market_name, *market_);
    is_open_ = true;
  }

  journal::TemporaryFolder folder_;
  journal::FaultyFileSystem files_;
  int error_ = 0;
  rings::SharedRegion memory_ = rings::SharedRegion::create(
      "meridian-reactor", sizeof(ReactorRegion), error_, rings::Writers::maker);
  ReactorRegion* region_ = new (memory_.memory().data()) ReactorRegion{};
  std::unique_ptr<Reactor> reactor_ = std::make_unique<Reactor>(ReactorOptions{}, *region_);
  std::unique_ptr<HostedMarket> market_;
  std::unique_ptr<ClientGateway> gateway_;
  bool is_open_ = false;
};

}  // namespace meridian::reactor
