// OUCH 5.0 in front of a market on this machine: a process that connects as a shared-memory client
// and serves order entry over TCP. Ends in order on SIGTERM and SIGINT: the day is over, whoever
// has read everything is sent the end of the session.
//   ouch_gateway --socket PATH --market NAME --token HEX --account N --members FILE --symbol TEXT
//     [--listen ADDRESS:PORT] [--price-per-tick N] [--session TEXT] [--connections N]
//     [--backend best|uring|epoll] [--spin-ns N]
// FILE has a line for each member: user password account firm group cancel-on-disconnect (0 or 1).
// The account needs the permissions `stream` and `administer`. Prints "ready PORT BACKEND".
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "client/market_client.hpp"
#include "edge/order_edge.hpp"

namespace {

using namespace meridian;

struct Request {
  client::Hello hello;
  edge::EdgeOptions edge;
  edge::NetworkOptions network;
  edge::Backend backend = edge::Backend::best;
  std::string socket;
  std::string members;
  std::uint64_t spin_ns = 50'000;
};

volatile std::sig_atomic_t is_asked_to_end = 0;

bool read_token(std::string_view text, std::array<std::byte, client::token_bytes>& token) {
  if (text.size() != 2 * token.size()) {
    return false;
  }
  for (std::size_t at = 0; at < token.size(); ++at) {
    const std::string digits(text.substr(2 * at, 2));
    char* end = nullptr;
    token[at] = static_cast<std::byte>(std::strtoul(digits.c_str(), &end, 16));
    if (*end != '\0') {
      return false;
    }
  }
  return true;
}

bool read_backend(std::string_view text, edge::Backend& backend) {
  backend = text == "uring"   ? edge::Backend::uring
            : text == "epoll" ? edge::Backend::epoll
                              : edge::Backend::best;
  return text == "uring" || text == "epoll" || text == "best";
}

bool read_listen(const std::string& text, edge::NetworkOptions& network) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return false;
  }
  network.address = text.substr(0, colon);
  const unsigned long port = std::strtoul(text.c_str() + colon + 1, nullptr, 10);
  network.port = static_cast<std::uint16_t>(port);
  return port <= UINT16_MAX;
}

bool read_option(std::string_view word, const char* text, Request& request) {
  const std::uint64_t number = std::strtoull(text, nullptr, 10);
  if (word == "--socket") {
    request.socket = text;
  } else if (word == "--market") {
    std::strncpy(request.hello.market.data(), text, request.hello.market.size() - 1);
  } else if (word == "--token") {
    return read_token(text, request.hello.token);
  } else if (word == "--account") {
    request.hello.account = static_cast<std::uint32_t>(number);
  } else if (word == "--members") {
    request.members = text;
  } else if (word == "--symbol") {
    request.edge.gateway.listing.symbol = protocols::Text<8>::of(text);
  } else if (word == "--listen") {
    return read_listen(text, request.network);
  } else if (word == "--price-per-tick") {
    request.edge.gateway.listing.price_per_tick = static_cast<std::uint32_t>(number);
    return number != 0 && number <= UINT32_MAX;
  } else if (word == "--session") {
    request.edge.gateway.session = protocols::Text<10>::of(text);
  } else if (word == "--connections") {
    request.network.connections = static_cast<std::uint32_t>(number);
    return number != 0 && number <= 65'536;
  } else if (word == "--backend") {
    return read_backend(text, request.backend);
  } else if (word == "--spin-ns") {
    request.spin_ns = number;
  } else {
    return false;
  }
  return true;
}

bool read_request(int count, char** arguments, Request& request) {
  request.edge.gateway.session = protocols::Text<10>::of("MERIDIAN1");
  request.hello.permissions = client::permission::stream | client::permission::administer;
  request.hello.event_slots = 1U << 16U;
  for (int at = 1; at + 1 < count; at += 2) {
    if (!read_option(arguments[at], arguments[at + 1], request)) {
      return false;
    }
  }
  request.edge.connections = request.network.connections;
  return count % 2 == 1 && !request.socket.empty() && !request.members.empty() &&
         request.hello.account != 0 && request.hello.market[0] != '\0';
}

// Their commands go through one connection to the market, whose session is its own: no member has
// one.
bool read_members(const std::string& path, std::vector<order_entry::Member>& members,
                  std::string& reason) {
  std::ifstream file(path);
  if (!file) {
    reason = "cannot read the members in " + path;
    return false;
  }
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') {
      continue;
    }
    std::istringstream words(line);
    std::string user;
    std::string password;
    std::string firm;
    std::uint32_t account = 0;
    unsigned group = 0;
    unsigned cancels = 0;
    if (!(words >> user >> password >> account >> firm >> group >> cancels) || user.size() > 6 ||
        password.size() > 10 || firm.size() > 4 || account == 0 || group > 255 || cancels > 1) {
      reason = "not a member: \"" + line + "\"; a line is: user password account firm group 0|1";
      return false;
    }
    members.push_back({.username = protocols::Text<6>::of(user),
                       .password = protocols::Text<10>::of(password),
                       .market_session = 0,
                       .account = account,
                       .firm = protocols::Text<4>::of(firm),
                       .group = static_cast<std::uint8_t>(group),
                       .cancels_on_disconnect = cancels == 1});
  }
  reason = "no members in " + path;
  return !members.empty();
}

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

edge::Time time_now() { return {nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_REALTIME)}; }

// The rings of a connection, with what wakes a reactor that sleeps.
struct MarketRings {
  client::MarketClient& market;
  client::MarketClient::Memory memory = market.memory();
  client::ClientRegion& region =
      *std::launder(reinterpret_cast<client::ClientRegion*>(memory.region.data()));
  const std::atomic<std::uint32_t>& parked =
      *std::launder(reinterpret_cast<const std::atomic<std::uint32_t>*>(memory.reactor.data() +
                                                                        memory.parked_offset));

  template <class Slot>
  Slot* slots(std::size_t before) const {
    return reinterpret_cast<Slot*>(memory.region.data() + client::client_slots_offset +
                                   before * client::slot_bytes);
  }
  rings::RingWriter<wire::Command> commands() const {
    return {region.commands, slots<wire::Command>(0), region.command_slots};
  }
  rings::RingReader<wire::Event> events() const {
    return {region.events, slots<wire::Event>(region.command_slots), region.event_slots};
  }
  edge::RingPeer peer() {
    // Whoever sleeps, whatever it waits for, looks at both rings when it is woken.
    constexpr auto wake = [](void* context) noexcept {
      const auto& rings = *static_cast<MarketRings*>(context);
      if (rings.parked.load(std::memory_order_seq_cst) != 0) {
        rings.market.wake();
      }
    };
    return {this, wake, wake};
  }
};

int fail(const std::string& reason) {
  std::fprintf(stderr, "ouch_gateway: %s\n", reason.c_str());
  return 1;
}

// Turns until the market is gone or the process is asked to end. False when the market is gone.
bool serve(edge::OrderEdge& order_edge, client::MarketClient& market, std::uint64_t spin_ns) {
  constexpr std::uint64_t look_ns = 50'000'000;
  // Events of the market do not end a wait in the kernel, so it is short.
  constexpr std::uint64_t longest_wait_ns = 200'000;
  constexpr std::uint64_t farewell_ns = 2'000'000'000;
  std::uint64_t worked_ns = 0;
  std::uint64_t looked_ns = 0;
  std::uint64_t ends_ns = 0;
  for (;;) {
    const edge::Time now = time_now();
    const bool is_idle = now.steady_ns - worked_ns >= spin_ns;
    if (order_edge.do_work(now, is_idle ? longest_wait_ns : 0)) {
      worked_ns = now.steady_ns;
    }
    if (is_asked_to_end != 0 && ends_ns == 0) {
      order_edge.end(now);
      ends_ns = now.steady_ns + farewell_ns;
    }
    if (ends_ns != 0 && (now.steady_ns >= ends_ns || order_edge.open_connections() == 0)) {
      return true;
    }
    if (now.steady_ns - looked_ns >= look_ns) {
      looked_ns = now.steady_ns;
      if (market.ended() != client::EndReason::none || market.is_peer_gone()) {
        return false;
      }
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  Request request;
  if (!read_request(count, arguments, request)) {
    std::fputs(
        "usage: ouch_gateway --socket PATH --market NAME --token HEX --account N --members FILE "
        "--symbol TEXT [--listen ADDRESS:PORT] [--price-per-tick N] [--session TEXT] "
        "[--connections N] [--backend best|uring|epoll] [--spin-ns N]\n",
        stderr);
    return 2;
  }
  std::string reason;
  std::vector<order_entry::Member> members;
  if (!read_members(request.members, members, reason)) {
    return fail(reason);
  }
  client::MarketClient market;
  if (const auto refused = market.connect(request.socket.c_str(), request.hello)) {
    return fail("the market refuses: " + refused->text);
  }
  const std::unique_ptr<edge::Network> network =
      edge::open_network(request.backend, request.network, reason);
  if (network == nullptr) {
    return fail(reason);
  }
  const std::size_t bytes = edge::OrderEdge::arena_bytes(request.edge, members.size());
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail("no memory for so many connections and members: " +
                std::string(std::strerror(errno)));
  }
  MarketRings rings{market};
  edge::OrderEdge order_edge(request.edge, members, {static_cast<std::byte*>(memory), bytes},
                             *network, rings.commands(), rings.events(), rings.peer(), time_now());
  const auto end = [](int) noexcept { is_asked_to_end = 1; };
  std::signal(SIGTERM, end);
  std::signal(SIGINT, end);
  std::printf("ready %u %s\n", network->port(), network->name());
  std::fflush(stdout);
  const bool has_market = serve(order_edge, market, request.spin_ns);
  return has_market ? 0 : fail("the market is gone; start this again when it is back");
}
