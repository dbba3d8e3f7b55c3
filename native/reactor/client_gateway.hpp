// The door for shared-memory clients: a unix socket where they show who they are and are handed
// their region. Nothing of an order passes here.
#pragma once
#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/client_region.hpp"
#include "reactor/client_port.hpp"
#include "reactor/reactor.hpp"
#include "rings/shared_region.hpp"

namespace meridian::reactor {

// Who may connect as what. All of it has to fit: a token that another user's process shows is
// worth nothing.
struct ClientGrant {
  std::array<std::byte, client::token_bytes> token{};
  uid_t user = 0;
  std::uint32_t account = 0;
  std::uint32_t permissions = 0;  // at most these may be asked for
};

// Counts since the gateway was opened; read by anybody.
struct GatewayCounters {
  std::atomic<std::uint64_t> accepted{0};
  std::array<std::atomic<std::uint64_t>, 8> refused{};                       // by ConnectRefusal
  std::array<std::atomic<std::uint64_t>, client::end_reason_count> ended{};  // by EndReason
  std::atomic<std::uint64_t> wakes{0};  // of a reactor that slept
};

struct GatewayOptions {
  // Path of the socket. Its folder decides who can reach it, grants decide who is served.
  std::string path;
  // Carries the ReactorRegion; made with Writers::maker, for it is handed to every client.
  const rings::SharedRegion* reactor_memory = nullptr;
};

class ClientGateway {
 public:
  // Null when the socket cannot be opened; `reason` then says what to do.
  static std::unique_ptr<ClientGateway> open(Reactor& reactor, const GatewayOptions& options,
                                             std::string& reason);
  ClientGateway(const ClientGateway&) = delete;
  ClientGateway& operator=(const ClientGateway&) = delete;
  // Markets have been removed.
  ~ClientGateway();

  // Any thread but those of the reactor. A market is one that the reactor has; adding it twice is
  // adding it once. remove() returns when none of its clients is served any more: what of theirs
  // had not been taken never is, and none of their orders is canceled.
  void add(const std::string& name, HostedMarket& market);
  void remove(const HostedMarket& market);
  void grant(const ClientGrant& grant);
  // Clients that are served already stay.
  void revoke(const std::array<std::byte, client::token_bytes>& token);

  [[nodiscard]] const GatewayCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const std::string& path() const noexcept { return options_.path; }

 private:
  struct Served {
    std::string name;
    HostedMarket* market;
  };
  struct Connection {
    int socket = -1;
    ucred peer{};
    std::uint64_t deadline_ns = 0;  // for the hello
    HostedMarket* market = nullptr;
    std::unique_ptr<ClientPort> port;  // null before the hello
    std::uint32_t messages = 0;        // since the last look at all connections
    bool is_muted = false;             // said too much; heard again at that look
  };
  struct Answer {
    client::ConnectRefusal refusal = client::ConnectRefusal::none;
    const char* text = "";
  };

  ClientGateway(Reactor& reactor, GatewayOptions options, int listener, int poller, int bell);

  void run();
  void accept_all();
  void hear(Connection& connection);
  // False when the connection is over.
  bool greet(Connection& connection, const client::Hello& hello);
  Answer check(const Connection& connection, const client::Hello& hello);
  Answer attach(Connection& connection, const client::Hello& hello);
  [[nodiscard]] bool is_session_in_use(const HostedMarket& market, std::uint64_t session);
  bool answer(const Connection& connection, const client::Welcome& welcome, bool with_memory) const;
  void end(Connection& connection, client::EndReason reason);
  void look_at_all();
  void forget_closed();
  [[nodiscard]] Served* find(const char* name);
  void watch(int descriptor, std::uint32_t events, int operation) const;

  Reactor& reactor_;
  GatewayOptions options_;
  int listener_;
  int poller_;
  int bell_;
  // Guards what follows; the gateway's own thread holds it while it works.
  std::mutex mutex_;
  std::vector<Served> markets_;
  std::vector<ClientGrant> grants_;
  std::vector<std::unique_ptr<Connection>> connections_;
  bool stopping_ = false;
  GatewayCounters counters_;
  std::thread thread_;
};

}  // namespace meridian::reactor
