// Order entry over TCP on loopback, with both networks in one run: many connections, one connection
// with batches, and one order at a time beside a bare echo. Prints one JSON object, and what it is
// at on the error output.
//   edge [--messages N] [--connections N,N,…] [--batches N] [--blocks N] [--singles N]
// --messages: of each network with each number of connections. --singles: of a block, in which the
// echo and the networks take turns. The server (edge and matching, fused) is one thread that spins,
// the clients another. An alarm ends the process in any case.
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "edge/support/client.hpp"
#include "edge/support/edge_market.hpp"

namespace {

using namespace meridian;
namespace inbound = protocols::ouch::inbound;

std::uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// A thread that started inherits this: each pins itself.
void pin(unsigned processor) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(processor % static_cast<unsigned>(std::thread::hardware_concurrency()), &processors);
  sched_setaffinity(0, sizeof(processors), &processors);
}

void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "edge: %s\n", what);
    std::exit(1);
  }
}

constexpr unsigned time_limit_seconds = 280;
// Of one at a time, before anything is measured: memory that was never touched.
constexpr std::uint64_t warm_up_rounds = 200;
// Fewer rounds have no quantiles.
constexpr std::uint64_t least_rounds = 4;

void say(const char* what, const char* network) {
  std::fprintf(stderr, "progress: %s, %s\n", what, network);
}

// The edge and a market in one thread that never waits.
class Server {
 public:
  Server(edge::Backend backend, std::uint32_t connections) {
    std::vector<order_entry::Member> members;
    for (std::uint32_t index = 0; index < connections; ++index) {
      members.push_back(order_entry::member_of(name_of(index), index + 1));
      members.back().market_session = 0;
    }
    edge::EdgeOptions options = edge::test_options(connections);
    // A batch client has five batches out at most; the many have one message each.
    options.gateway.messages = connections == 1 ? 1024 : 64;
    options.gateway.orders = 1U << 16U;
    market_ = std::make_unique<edge::EdgeMarket>(backend, std::move(members), options, 1U << 14U);
    require(market_->network != nullptr, market_->reason.c_str());
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    is_over_.store(true);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  static std::string name_of(std::uint32_t index) {
    std::string name = std::to_string(100'000 + index);
    return name;
  }
  [[nodiscard]] std::uint16_t port() const { return market_->network->port(); }
  // Read while nothing is under way; turns that found nothing are counted apart.
  [[nodiscard]] std::uint64_t system_calls() const { return calls_.load(); }
  [[nodiscard]] std::uint64_t busy_system_calls() const { return busy_calls_.load(); }

 private:
  void run() {
    pin(1);
    std::uint64_t before = 0;
    while (!is_over_.load(std::memory_order_relaxed)) {
      const edge::Time now{now_ns(), now_ns(CLOCK_REALTIME)};
      const bool has_worked = market_->edge->do_work(now);
      const bool has_matched = market_->matcher.turn(now.wall_ns);
      const std::uint64_t calls = market_->network->counts().system_calls;
      calls_.store(calls, std::memory_order_relaxed);
      if (has_worked || has_matched) {
        busy_calls_.store(busy_calls_.load(std::memory_order_relaxed) + calls - before,
                          std::memory_order_relaxed);
      }
      before = calls;
    }
  }

  std::unique_ptr<edge::EdgeMarket> market_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> busy_calls_{0};
  std::thread thread_;
};

std::vector<std::unique_ptr<edge::Client>> log_in(const Server& server, std::uint32_t count) {
  std::vector<std::unique_ptr<edge::Client>> clients;
  for (std::uint32_t index = 0; index < count; ++index) {
    clients.push_back(std::make_unique<edge::Client>(server.port()));
    require(clients.back()->is_connected, "a client cannot connect; raise the limit of open files");
    clients.back()->log_in(Server::name_of(index), "secret", 1);
  }
  for (const auto& client : clients) {
    while (client->hear().size() < 2) {
      require(!client->is_closed, "a client was turned away");
    }
    client->heard.clear();
    client->sequenced = 0;
  }
  return clients;
}

// An order, and in the next round its cancel: the book does not grow.
void add_message(edge::Client& client, std::uint64_t round) {
  const auto user_ref = static_cast<std::uint32_t>(round / 2 + 1);
  if (round % 2 == 0) {
    client.add(order_entry::order_of(user_ref, 'B', 10, 10'000 + 100 * (user_ref % 64)));
  } else {
    client.add(inbound::CancelOrder{.user_ref = user_ref, .quantity = 0});
  }
}

std::uint64_t quantile(std::vector<std::uint64_t>& values, double share) {
  std::ranges::sort(values);
  const auto at = static_cast<std::size_t>(static_cast<double>(values.size()) * share);
  return values[std::min(at, values.size() - 1)];
}

void many(const char* name, edge::Backend backend, std::uint32_t count, std::uint64_t wanted,
          const char* separator) {
  say((std::to_string(count) + " clients").c_str(), name);
  const std::uint64_t rounds = std::max(least_rounds, wanted / count / 2 * 2);
  const Server server(backend, count);
  const auto clients = log_in(server, count);
  std::vector<std::uint64_t> times;
  times.reserve(rounds);
  const std::uint64_t calls = server.busy_system_calls();
  const std::uint64_t start = now_ns();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const std::uint64_t begun = now_ns();
    for (const auto& client : clients) {
      add_message(*client, round);
      require(client->flush(), "a socket took no message");
    }
    for (const auto& client : clients) {
      while (client->sequenced <= round) {
        client->count();
      }
    }
    times.push_back(now_ns() - begun);
  }
  const auto messages = static_cast<double>(rounds * count);
  const double seconds = static_cast<double>(now_ns() - start) / 1e9;
  std::printf(
      "%s{\"network\":\"%s\",\"connections\":%u,\"rounds\":%llu,\"perSecond\":%.0f,"
      "\"callsPerMessage\":%.3f,\"roundP50\":%llu,\"roundP99\":%llu}",
      separator, name, count, static_cast<unsigned long long>(rounds), messages / seconds,
      static_cast<double>(server.busy_system_calls() - calls) / messages,
      static_cast<unsigned long long>(quantile(times, 0.5)),
      static_cast<unsigned long long>(quantile(times, 0.99)));
}

// Whole batches of orders and cancels in one send each, a few of them under way.
void batched(const char* name, edge::Backend backend, std::uint64_t batches,
             const char* separator) {
  say("64 messages a send", name);
  constexpr std::uint64_t batch = 64;
  constexpr std::uint64_t under_way = 4;
  const Server server(backend, 1);
  const auto clients = log_in(server, 1);
  edge::Client& client = *clients[0];
  const std::uint64_t calls = server.busy_system_calls();
  const std::uint64_t start = now_ns();
  for (std::uint64_t sent = 0; sent < batches; ++sent) {
    while (client.sequenced + under_way * batch < sent * batch) {
      client.count();
    }
    // Orders in one batch, their cancels in the next: none has to wait for its order's answer.
    for (std::uint64_t one = 0; one < batch; ++one) {
      const std::uint64_t pair = sent / 2 * batch + one;
      add_message(client, 2 * pair + sent % 2);
    }
    require(client.flush(), "a socket took not all of a batch");
  }
  while (client.sequenced < batches * batch) {
    client.count();
  }
  const auto messages = static_cast<double>(batches * batch);
  std::printf("%s{\"network\":\"%s\",\"batch\":%llu,\"perSecond\":%.0f,\"callsPerMessage\":%.4f}",
              separator, name, static_cast<unsigned long long>(batch),
              messages / (static_cast<double>(now_ns() - start) / 1e9),
              static_cast<double>(server.busy_system_calls() - calls) / messages);
}

void print_single(const char* name, std::vector<std::uint64_t>& times, const char* separator) {
  std::printf("%s{\"network\":\"%s\",\"p50\":%llu,\"p99\":%llu}", separator, name,
              static_cast<unsigned long long>(quantile(times, 0.5)),
              static_cast<unsigned long long>(quantile(times, 0.99)));
}

// One order, its acknowledgement, and the next.
void single(const char* name, edge::Backend backend, std::uint64_t rounds, const char* separator) {
  const Server server(backend, 1);
  const auto clients = log_in(server, 1);
  edge::Client& client = *clients[0];
  std::vector<std::uint64_t> times;
  times.reserve(rounds);
  for (std::uint64_t round = 0; round < warm_up_rounds + rounds; ++round) {
    add_message(client, round);
    const std::uint64_t begun = now_ns();
    client.flush();
    while (client.sequenced <= round) {
      client.count();
    }
    if (round >= warm_up_rounds) {
      times.push_back(now_ns() - begun);
    }
  }
  print_single(name, times, separator);
}

// The same sizes through a server that only sends them back, and spins as well.
void echo(std::uint64_t rounds, const char* separator) {
  std::uint16_t port = 0;
  std::string reason;
  const int listening = edge::listen_on({}, port, reason);
  require(listening >= 0, reason.c_str());
  std::atomic<bool> is_over{false};
  std::thread server([&] {
    pin(1);
    const int peer = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK);
    std::array<std::byte, 512> bytes{};
    while (!is_over.load(std::memory_order_relaxed)) {
      const ssize_t got = recv(peer, bytes.data(), bytes.size(), 0);
      if (got > 0) {
        // An acknowledgement has 67 bytes.
        require(send(peer, bytes.data(), 67, MSG_NOSIGNAL) == 67, "an echo was cut");
      }
    }
    ::close(peer);
  });
  edge::Client client(port);
  const std::vector<std::byte> order(50);
  std::vector<std::uint64_t> times;
  times.reserve(rounds);
  for (std::uint64_t round = 0; round < warm_up_rounds + rounds; ++round) {
    const std::uint64_t begun = now_ns();
    client.send_raw(order);
    while (!client.discard(67)) {
    }
    if (round >= warm_up_rounds) {
      times.push_back(now_ns() - begun);
    }
  }
  is_over.store(true);
  server.join();
  ::close(listening);
  print_single("echo", times, separator);
}

struct Request {
  std::uint64_t messages = 100'000;
  std::uint64_t blocks = 10;
  std::uint64_t singles = 1'000;
  std::uint64_t batches = 20'000;
  std::vector<std::uint32_t> connections = {64, 512, 4096};
};

bool read_request(int count, char** arguments, Request& request) {
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    char* text = arguments[at + 1];
    if (word == "--messages") {
      request.messages = std::strtoull(text, nullptr, 10);
    } else if (word == "--blocks") {
      request.blocks = std::strtoull(text, nullptr, 10);
    } else if (word == "--singles") {
      request.singles = std::strtoull(text, nullptr, 10);
    } else if (word == "--batches") {
      request.batches = std::strtoull(text, nullptr, 10) / 2 * 2;
    } else if (word == "--connections") {
      request.connections.clear();
      for (char* next = text; *next != '\0';) {
        request.connections.push_back(static_cast<std::uint32_t>(std::strtoul(next, &next, 10)));
        next += *next == ',' ? 1 : 0;
      }
    } else {
      return false;
    }
  }
  return count % 2 == 1 && request.messages > 0 && request.batches > 0 && request.blocks > 0 &&
         request.singles > 0;
}

}  // namespace

int main(int count, char** arguments) {
  Request request;
  if (!read_request(count, arguments, request)) {
    std::fputs(
        "usage: edge [--messages N] [--connections N,N,…] [--batches N] [--blocks N] "
        "[--singles N]\n",
        stderr);
    return 2;
  }
  alarm(time_limit_seconds);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  pin(0);
  std::string reason;
  const bool has_uring =
      edge::open_network(edge::Backend::uring, {.connections = 1}, reason) != nullptr;
  struct Named {
    const char* name;
    edge::Backend backend;
  };
  std::vector<Named> networks = {{"epoll", edge::Backend::epoll}};
  if (has_uring) {
    networks.push_back({"io_uring", edge::Backend::uring});
  }
  std::printf("{\"without\":\"%s\",\"many\":[", reason.c_str());
  const char* separator = "";
  for (const std::uint32_t connections : request.connections) {
    for (const Named& network : networks) {
      many(network.name, network.backend, connections, request.messages, separator);
      separator = ",";
    }
  }
  std::printf("],\"batched\":[");
  separator = "";
  for (const Named& network : networks) {
    batched(network.name, network.backend, request.batches, separator);
    separator = ",";
  }
  std::printf("],\"single\":[");
  separator = "";
  for (std::uint64_t block = 0; block < request.blocks; ++block) {
    say(("one at a time, block " + std::to_string(block + 1)).c_str(), "an echo and each network");
    echo(request.singles, separator);
    separator = ",";
    for (const Named& network : networks) {
      single(network.name, network.backend, request.singles, separator);
    }
  }
  std::printf("]}\n");
  return 0;
}
