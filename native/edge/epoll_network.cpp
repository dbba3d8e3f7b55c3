// Connections by epoll: for kernels and containers without io_uring.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "edge/network.hpp"

namespace meridian::edge {
namespace {

constexpr int events_per_turn = 256;
constexpr int accepts_per_turn = 32;
constexpr std::uint64_t listening_mark = ~std::uint64_t{0};

class EpollNetwork final : public Network {
 public:
  EpollNetwork(int epoll, int listening, std::uint16_t port, std::uint32_t connections)
      : epoll_(epoll), listening_(listening), port_(port), connections_(connections) {
    free_.reserve(connections);
    closing_.reserve(connections);
    done_.reserve(connections);
    for (std::uint32_t index = connections; index > 0; --index) {
      free_.push_back(index - 1);
    }
  }
  ~EpollNetwork() override {
    for (const Connection& connection : connections_) {
      if (connection.descriptor >= 0) {
        ::close(connection.descriptor);
      }
    }
    ::close(listening_);
    ::close(epoll_);
  }

  bool turn(NetworkListener& listener, std::uint64_t wait_ns) noexcept override {
    bool has_worked = finish(listener);
    std::array<epoll_event, events_per_turn> events{};
    const auto wait_ms = static_cast<int>((wait_ns + 999'999) / 1'000'000);
    ++counts_.system_calls;
    const int count = epoll_wait(epoll_, events.data(), events_per_turn, has_worked ? 0 : wait_ms);
    for (int at = 0; at < count; ++at) {
      const epoll_event& event = events[static_cast<std::size_t>(at)];
      if (event.data.u64 == listening_mark) {
        accept_some(listener);
      } else {
        serve(static_cast<std::uint32_t>(event.data.u64), event.events, listener);
      }
      has_worked = true;
    }
    return finish(listener) || has_worked;
  }

  void send(std::uint32_t index, Bytes bytes) noexcept override {
    Connection& connection = connections_[index];
    connection.sending = bytes;
    push(index);
  }

  void pause(std::uint32_t index) noexcept override { want(index, false); }
  void resume(std::uint32_t index) noexcept override { want(index, true); }

  void close(std::uint32_t index) noexcept override {
    if (!connections_[index].is_closing) {
      connections_[index].is_closing = true;
      closing_.push_back(index);
    }
  }

  [[nodiscard]] std::uint16_t port() const noexcept override { return port_; }
  [[nodiscard]] const char* name() const noexcept override { return "epoll"; }
  [[nodiscard]] const NetworkCounts& counts() const noexcept override { return counts_; }

 private:
  struct Connection {
    int descriptor = -1;
    Bytes sending;
    bool wants_bytes = true;
    bool waits_for_room = false;
    bool is_closing = false;
    std::uint32_t incarnation = 0;  // of the number
  };
  struct Done {
    std::uint32_t index;
    std::uint32_t incarnation;
    std::size_t bytes;
  };

  void accept_some(NetworkListener& listener) noexcept {
    for (int count = 0; count < accepts_per_turn; ++count) {
      ++counts_.system_calls;
      const int descriptor = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) {
        return;
      }
      if (free_.empty()) {
        ++counts_.turned_away;
        ++counts_.system_calls;
        ::close(descriptor);
        continue;
      }
      const std::uint32_t index = free_.back();
      free_.pop_back();
      const std::uint32_t incarnation = connections_[index].incarnation + 1;
      connections_[index] = Connection{};
      connections_[index].incarnation = incarnation;
      connections_[index].descriptor = descriptor;
      epoll_event event{};
      event.events = EPOLLIN | EPOLLRDHUP;
      event.data.u64 = index;
      ++counts_.system_calls;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
      ++counts_.accepted;
      listener.connected(index);
    }
  }

  void serve(std::uint32_t index, std::uint32_t happened, NetworkListener& listener) noexcept {
    Connection& connection = connections_[index];
    if (connection.descriptor < 0 || connection.is_closing) {
      return;
    }
    if ((happened & EPOLLOUT) != 0 && !connection.sending.empty()) {
      push(index);
    }
    if (connection.wants_bytes && (happened & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
      receive(index, listener);
    } else if ((happened & (EPOLLHUP | EPOLLERR)) != 0) {
      listener.broken(index);
    }
  }

  void receive(std::uint32_t index, NetworkListener& listener) noexcept {
    std::array<std::byte, most_received_bytes> bytes;
    ++counts_.system_calls;
    const ssize_t got = recv(connections_[index].descriptor, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      listener.received(index, Bytes(bytes).first(static_cast<std::size_t>(got)));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      listener.broken(index);
    }
  }

  // Sends what it can; the rest when there is room.
  void push(std::uint32_t index) noexcept {
    Connection& connection = connections_[index];
    ++counts_.system_calls;
    const ssize_t put = ::send(connection.descriptor, connection.sending.data(),
                               connection.sending.size(), MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!connection.waits_for_room) {
        connection.waits_for_room = true;
        watch(index);
      }
      return;
    }
    connection.sending = {};
    if (connection.waits_for_room) {
      connection.waits_for_room = false;
      watch(index);
    }
    // Told in the next turn: a listener is not called out of its own call.
    done_.push_back({index, connection.incarnation, put < 0 ? 0 : static_cast<std::size_t>(put)});
  }

  void want(std::uint32_t index, bool wants) noexcept {
    Connection& connection = connections_[index];
    if (connection.wants_bytes != wants && connection.descriptor >= 0) {
      connection.wants_bytes = wants;
      watch(index);
    }
  }

  void watch(std::uint32_t index) noexcept {
    const Connection& connection = connections_[index];
    epoll_event event{};
    event.events = (connection.wants_bytes ? EPOLLIN | EPOLLRDHUP : 0U) |
                   (connection.waits_for_room ? EPOLLOUT : 0U);
    event.data.u64 = index;
    ++counts_.system_calls;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.descriptor, &event);
  }

  // Tells what was done since the last turn. True when there was something.
  bool finish(NetworkListener& listener) noexcept {
    const bool has_worked = !done_.empty() || !closing_.empty();
    // A listener sends on at once, which may be done at once: told in the next turn.
    const std::size_t count = done_.size();
    for (std::size_t at = 0; at < count; ++at) {
      const Done done = done_[at];
      const Connection& connection = connections_[done.index];
      if (connection.descriptor >= 0 && !connection.is_closing &&
          connection.incarnation == done.incarnation) {
        listener.sent(done.index, done.bytes);
      }
    }
    done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t at = 0; at < closing_.size(); ++at) {
      const std::uint32_t index = closing_[at];
      ++counts_.system_calls;
      ::close(connections_[index].descriptor);
      connections_[index].descriptor = -1;
      free_.push_back(index);
      listener.closed(index);
    }
    closing_.clear();
    return has_worked;
  }

  int epoll_;
  int listening_;
  std::uint16_t port_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> closing_;
  std::vector<Done> done_;
  NetworkCounts counts_;
};

}  // namespace

std::unique_ptr<Network> open_epoll(const NetworkOptions& options, std::string& reason) {
  std::uint16_t port = 0;
  const int listening = listen_on(options, port, reason);
  if (listening < 0) {
    return nullptr;
  }
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = listening_mark;
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) != 0) {
    reason = std::string("no epoll: ") + std::strerror(errno);
    ::close(listening);
    return nullptr;
  }
  // Accepting must not wait for a connection that went away in between.
  if (fcntl(listening, F_SETFL, O_NONBLOCK) != 0) {
    reason = std::string("no non-blocking socket: ") + std::strerror(errno);
    ::close(listening);
    ::close(epoll);
    return nullptr;
  }
  return std::make_unique<EpollNetwork>(epoll, listening, port, options.connections);
}

}  // namespace meridian::edge
