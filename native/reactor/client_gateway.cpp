#include "reactor/client_gateway.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "reactor/tick_clock.hpp"

namespace meridian::reactor {
namespace {

using client::ConnectRefusal;
using client::EndReason;
using client::Hello;
using client::Welcome;

// Connections that have not said hello, and how long they may take.
constexpr std::size_t most_strangers = 64;
constexpr std::uint64_t hello_limit_ns = 5'000'000'000;
// How often all connections are looked at, while there are any.
constexpr int look_interval_ms = 50;
// Messages of a client between two looks; one that says more is not heard until the next.
constexpr std::uint32_t most_messages = 1024;

// Compares without telling by its duration how much agreed.
bool is_equal(const std::array<std::byte, client::token_bytes>& left,
              const std::array<std::byte, client::token_bytes>& right) {
  std::byte difference{0};
  for (std::size_t at = 0; at < left.size(); ++at) {
    difference |= left[at] ^ right[at];
  }
  return difference == std::byte{0};
}

// Not guessable, so that no client can use up the numbers of another's session. Below 2^53, as in
// JavaScript; never 0.
std::uint64_t new_session() {
  std::uint64_t session = 0;
  while (session == 0) {
    if (getrandom(&session, sizeof(session), 0) != static_cast<ssize_t>(sizeof(session))) {
      session = 0;
    }
    session >>= 11U;
  }
  return session;
}

bool has_hung_up(int socket) {
  std::byte byte{};
  return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Pages of the region that were there when it was made have been given back: the match thread would
// fault on each of them.
bool has_holes(const rings::SharedRegion& memory) {
  struct stat found{};
  constexpr std::size_t block = 512;
  return fstat(memory.descriptor(), &found) == 0 &&
         static_cast<std::size_t>(found.st_blocks) * block < memory.memory().size();
}

int open_listener(const std::string& path, std::string& reason) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    reason = "the path " + path + " is too long for a socket; use a shorter one";
    return -1;
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) {
    reason = std::string("no socket: ") + std::strerror(errno);
    return -1;
  }
  // A file without anybody behind it was left by a process that died.
  if (connect(listener, name, sizeof(address)) != 0 && errno == ECONNREFUSED) {
    unlink(path.c_str());
  }
  if (bind(listener, name, sizeof(address)) != 0 || chmod(path.c_str(), 0666) != 0 ||
      listen(listener, 64) != 0) {
    reason = "cannot listen on " + path + ": " + std::strerror(errno) +
             "; does another process serve it, and is its folder writable?";
    close(listener);
    return -1;
  }
  return listener;
}

}  // namespace

std::unique_ptr<ClientGateway> ClientGateway::open(Reactor& reactor, const GatewayOptions& options,
                                                   std::string& reason) {
  const int listener = open_listener(options.path, reason);
  if (listener < 0) {
    return nullptr;
  }
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return std::unique_ptr<ClientGateway>(
      new ClientGateway(reactor, options, listener, poller, bell));
}

ClientGateway::ClientGateway(Reactor& reactor, GatewayOptions options, int listener, int poller,
                             int bell)
    : reactor_(reactor),
      options_(std::move(options)),
      listener_(listener),
      poller_(poller),
      bell_(bell),
      thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "meridian-door");
}

ClientGateway::~ClientGateway() {
  {
    const std::scoped_lock guard(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  const ssize_t rung = write(bell_, &one, sizeof(one));
  static_cast<void>(rung);
  thread_.join();
  for (const auto& connection : connections_) {
    close(connection->socket);
  }
  close(listener_);
  close(poller_);
  close(bell_);
  unlink(options_.path.c_str());
}

void ClientGateway::add(const std::string& name, HostedMarket& market) {
  const std::scoped_lock guard(mutex_);
  if (find(name.c_str()) == nullptr) {
    markets_.push_back({name, &market});
  }
}

void ClientGateway::remove(const HostedMarket& market) {
  const std::scoped_lock guard(mutex_);
  std::erase_if(markets_, [&market](const Served& served) { return served.market == &market; });
  for (const auto& connection : connections_) {
    if (connection->market == &market) {
      end(*connection, EndReason::market_closed);
    }
  }
  forget_closed();
}

void ClientGateway::grant(const ClientGrant& grant) {
  const std::scoped_lock guard(mutex_);
  grants_.push_back(grant);
}

void ClientGateway::revoke(const std::array<std::byte, client::token_bytes>& token) {
  const std::scoped_lock guard(mutex_);
  std::erase_if(grants_, [&token](const ClientGrant& one) { return is_equal(one.token, token); });
}

void ClientGateway::watch(int descriptor, std::uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  epoll_ctl(poller_, operation, descriptor, &event);
}

void ClientGateway::run() {
  watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  watch(bell_, EPOLLIN, EPOLL_CTL_ADD);
  std::array<epoll_event, 64> events{};
  std::uint64_t next_look_ns = 0;
  for (bool is_watching = false;;) {
    const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()),
                                 is_watching ? look_interval_ms : -1);
    const std::scoped_lock guard(mutex_);
    if (stopping_) {
      return;
    }
    for (int at = 0; at < count; ++at) {
      const int descriptor = events[static_cast<std::size_t>(at)].data.fd;
      const auto found =
          std::ranges::find(connections_, descriptor,
                            [](const std::unique_ptr<Connection>& one) { return one->socket; });
      if (found != connections_.end()) {
        hear(**found);
      } else if (descriptor == listener_) {
        accept_all();
      }
    }
    if (const std::uint64_t now = monotonic_ns(); now >= next_look_ns) {
      next_look_ns = now + std::uint64_t{look_interval_ms} * 1'000'000U;
      look_at_all();
    }
    forget_closed();
    is_watching = !connections_.empty();
  }
}

void ClientGateway::accept_all() {
  for (;;) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
      return;
    }
    const auto strangers =
        std::ranges::count_if(connections_, [](const auto& one) { return one->port == nullptr; });
    auto connection = std::make_unique<Connection>();
    connection->socket = socket;
    connection->deadline_ns = monotonic_ns() + hello_limit_ns;
    socklen_t length = sizeof(connection->peer);
    if (static_cast<std::size_t>(strangers) >= most_strangers ||
        getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &connection->peer, &length) != 0) {
      ++counters_.refused[static_cast<std::size_t>(ConnectRefusal::clients_full)];
      close(socket);
      continue;
    }
    watch(socket, EPOLLIN, EPOLL_CTL_ADD);
    connections_.push_back(std::move(connection));
  }
}

void ClientGateway::hear(Connection& connection) {
  for (;;) {
    Hello hello;
    const ssize_t got = recv(connection.socket, &hello, sizeof(hello), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0) {
      if (errno != EAGAIN) {
        end(connection, EndReason::died);
      }
      return;
    }
    if (connection.port == nullptr) {
      if (got != static_cast<ssize_t>(sizeof(hello)) || !greet(connection, hello)) {
        end(connection, EndReason::died);
        return;
      }
      continue;
    }
    std::uint8_t message = 0;
    std::memcpy(&message, &hello, sizeof(message));
    if (got != 1 || (message != client::message_wake && message != client::message_goodbye)) {
      end(connection, EndReason::died);
      return;
    }
    if (message == client::message_goodbye) {
      end(connection, EndReason::closed);
      return;
    }
    ++counters_.wakes;
    reactor_.wake();
    if (++connection.messages >= most_messages) {
      connection.is_muted = true;
      watch(connection.socket, 0, EPOLL_CTL_MOD);
      return;
    }
  }
}

bool ClientGateway::greet(Connection& connection, const Hello& hello) {
  Answer answered = check(connection, hello);
  if (answered.refusal == ConnectRefusal::none) {
    answered = attach(connection, hello);
  }
  Welcome welcome;
  welcome.refusal = static_cast<std::uint32_t>(answered.refusal);
  std::strncpy(welcome.text.data(), answered.text, welcome.text.size() - 1);
  if (answered.refusal != ConnectRefusal::none) {
    ++counters_.refused[static_cast<std::size_t>(answered.refusal)];
    answer(connection, welcome, false);
    return false;
  }
  const ClientTerms& terms = connection.port->terms();
  welcome.session = terms.session;
  welcome.region_bytes = connection.port->memory().memory().size();
  welcome.reactor_bytes = options_.reactor_memory->memory().size();
  welcome.parked_offset = offsetof(ReactorRegion, parked);
  welcome.account = terms.account;
  welcome.permissions = terms.permissions;
  welcome.command_slots = terms.command_slots;
  welcome.event_slots = terms.event_slots;
  ++counters_.accepted;
  return answer(connection, welcome, true);
}

ClientGateway::Answer ClientGateway::check(const Connection& connection, const Hello& hello) {
  if (hello.magic != client::hello_magic || hello.version != client::protocol_version) {
    return {ConnectRefusal::version_unknown,
            "the client speaks another version of this protocol; build it against this release"};
  }
  if (!client::is_ring_size(hello.command_slots) || !client::is_ring_size(hello.event_slots) ||
      hello.account == 0 || hello.session >= (std::uint64_t{1} << 53U) ||
      hello.cancel_scope > client::cancel_scope::account || hello.market.back() != '\0') {
    return {ConnectRefusal::request_invalid,
            "the request cannot be right; use ring sizes that are powers of two from 16 to 2^20, "
            "an account that is not 0 and a cancel scope up to 256"};
  }
  const bool is_granted = std::ranges::any_of(grants_, [&](const ClientGrant& grant) {
    return is_equal(grant.token, hello.token) && grant.user == connection.peer.uid &&
           grant.account == hello.account && (hello.permissions & ~grant.permissions) == 0;
  });
  if (!is_granted) {
    return {ConnectRefusal::credentials_refused,
            "no grant has this token for this user, account and permissions; ask whoever runs the "
            "market for one"};
  }
  if (find(hello.market.data()) == nullptr) {
    return {
        ConnectRefusal::market_unknown,
        "this process serves no market of that name now; look where it is served, or try again"};
  }
  return {};
}

ClientGateway::Answer ClientGateway::attach(Connection& connection, const Hello& hello) {
  HostedMarket& market = *find(hello.market.data())->market;
  if (hello.session != 0 && is_session_in_use(market, hello.session)) {
    return {ConnectRefusal::session_in_use,
            "the session has a connection already; close that one, or begin another session"};
  }
  ClientTerms terms;
  terms.account = hello.account;
  terms.session = hello.session != 0 ? hello.session : new_session();
  terms.permissions = hello.permissions;
  terms.cancel_scope = hello.cancel_scope;
  terms.command_slots = hello.command_slots;
  terms.event_slots = hello.event_slots;
  int error = 0;
  auto port = ClientPort::create(terms, error);
  if (port == nullptr) {
    return {ConnectRefusal::out_of_memory,
            "no memory for the client's rings; ask for smaller ones, or free some"};
  }
  if (!reactor_.attach(market, *port)) {
    return {ConnectRefusal::clients_full,
            "the market serves as many clients as it can; try again when one has gone"};
  }
  connection.market = &market;
  connection.port = std::move(port);
  return {};
}

bool ClientGateway::is_session_in_use(const HostedMarket& market, std::uint64_t session) {
  for (const auto& connection : connections_) {
    if (connection->port == nullptr || connection->market != &market ||
        connection->port->terms().session != session) {
      continue;
    }
    // Its owner may have died a moment ago and be back before that was heard.
    if (!has_hung_up(connection->socket)) {
      return true;
    }
    end(*connection, EndReason::died);
  }
  return false;
}

bool ClientGateway::answer(const Connection& connection, const Welcome& welcome,
                           bool with_memory) const {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 2)> control{};
  Welcome copy = welcome;
  iovec part{&copy, sizeof(copy)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (with_memory) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * 2);
    const std::array<int, 2> descriptors{connection.port->memory().descriptor(),
                                         options_.reactor_memory->descriptor()};
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(descriptors));
  }
  return sendmsg(connection.socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(sizeof(copy));
}

void ClientGateway::end(Connection& connection, EndReason reason) {
  if (connection.port != nullptr) {
    reactor_.detach(*connection.market, *connection.port, reason);
    ++counters_.ended[static_cast<std::size_t>(connection.port->end_reason())];
  }
  connection.port = nullptr;
  connection.market = nullptr;
  close(connection.socket);
  connection.socket = -1;
}

void ClientGateway::look_at_all() {
  const std::uint64_t now = monotonic_ns();
  for (const auto& connection : connections_) {
    if (connection->socket < 0) {
      continue;
    }
    connection->messages = 0;
    if (std::exchange(connection->is_muted, false)) {
      watch(connection->socket, EPOLLIN, EPOLL_CTL_MOD);
    }
    if (connection->port == nullptr) {
      if (now > connection->deadline_ns) {
        end(*connection, EndReason::died);
      }
    } else if (connection->port->end_reason() != EndReason::none) {
      end(*connection, connection->port->end_reason());
    } else if (has_holes(connection->port->memory())) {
      end(*connection, EndReason::region_damaged);
    }
  }
}

void ClientGateway::forget_closed() {
  std::erase_if(connections_, [](const auto& one) { return one->socket < 0; });
}

ClientGateway::Served* ClientGateway::find(const char* name) {
  const auto found = std::ranges::find(markets_, name, &Served::name);
  return found == markets_.end() ? nullptr : &*found;
}

}  // namespace meridian::reactor
