// The library for a process on the reactor's machine: orders in and events out through shared
// memory, without a system call while the reactor is awake. One header; README.md has an example.
#pragma once
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "client/client_region.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::client {

enum class Submitted : std::uint8_t {
  yes,
  ring_full,      // poll() events, then try again
  not_permitted,  // needs permission::administer; the reactor would end the connection
  ended,          // see ended()
};

// One connection to one market. Used by one thread. Every function returns at once unless it says
// otherwise.
class MarketClient {
 public:
  struct Refused {
    ConnectRefusal refusal = ConnectRefusal::none;
    std::string text;
  };

  MarketClient() noexcept = default;
  MarketClient(MarketClient&& other) noexcept { *this = std::move(other); }
  MarketClient& operator=(MarketClient&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(region_bytes_, other.region_bytes_);
    std::swap(reactor_bytes_, other.reactor_bytes_);
    std::swap(region_, other.region_);
    std::swap(reactor_, other.reactor_);
    std::swap(parked_, other.parked_);
    std::swap(ends_, other.ends_);
    std::swap(ring_full_, other.ring_full_);
    return *this;
  }
  MarketClient(const MarketClient&) = delete;
  MarketClient& operator=(const MarketClient&) = delete;
  // Without close() the reactor takes it for dead: commands it has not taken yet are never taken.
  ~MarketClient() { release(); }

  // Blocks until the answer is there, at most `timeout_ms`. Empty when connected.
  [[nodiscard]] std::optional<Refused> connect(const char* socket_path, const Hello& hello,
                                               int timeout_ms = 5'000) {
    release();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(socket_path);
    if (length >= sizeof(address.sun_path)) {
      return unreachable("the path of the socket is too long");
    }
    std::memcpy(address.sun_path, socket_path, length + 1);
    socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (socket_ < 0 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        send(socket_, &hello, sizeof(hello), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof(hello))) {
      return unreachable("nobody listens there; is the market open, and its socket named?");
    }
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, timeout_ms) != 1) {
      return unreachable("no answer came in time");
    }
    Welcome welcome;
    std::array<int, 2> descriptors{-1, -1};
    if (!receive(welcome, descriptors)) {
      return unreachable("the answer was none of this protocol");
    }
    if (welcome.refusal != 0) {
      Refused refused{static_cast<ConnectRefusal>(welcome.refusal), welcome.text.data()};
      release();
      return refused;
    }
    const bool is_mapped = map(welcome, descriptors);
    for (const int descriptor : descriptors) {
      if (descriptor >= 0) {
        ::close(descriptor);
      }
    }
    return is_mapped ? std::nullopt : unreachable("the memory that came along cannot be mapped");
  }

  [[nodiscard]] bool is_connected() const noexcept { return region_ != nullptr; }
  // Names the client over connections: connect with it again to have resends recognized.
  [[nodiscard]] std::uint64_t session() const noexcept { return region_->session; }
  [[nodiscard]] std::uint32_t account() const noexcept { return region_->account; }
  [[nodiscard]] std::uint32_t permissions() const noexcept { return region_->permissions; }

  // Puts a command into the ring; the reactor sees it after flush(). Account and session are the
  // connection's and may be left 0. With `number` (rising) a resend gets its first outcome.
  [[nodiscard]] Submitted submit(const wire::Command& command) noexcept {
    if ((region_->permissions & permission::administer) == 0 && !is_ordinary(command.kind)) {
      return Submitted::not_permitted;
    }
    // Acquire: what the reactor wrote before it ended the connection can be read.
    if (region_->ended.load(std::memory_order_acquire) != 0) {
      return Submitted::ended;
    }
    wire::Command* slot = ends_->commands.next();
    if (slot == nullptr) {
      ++ring_full_;
      return Submitted::ring_full;
    }
    *slot = command;
    return Submitted::yes;
  }

  // Makes submitted commands visible. A system call only when the reactor sleeps.
  void flush() noexcept {
    ends_->commands.publish_ordered();
    if (parked_->load(std::memory_order_seq_cst) != 0) {
      say(message_wake);
    }
  }

  // Calls visitor(event) for at most `limit` events that are there, in order.
  template <class Visitor>
  std::uint32_t poll_events(Visitor&& visitor, std::uint32_t limit = ~std::uint32_t{0}) noexcept {
    const std::uint32_t there = ends_->events.available();
    const std::uint32_t count = there < limit ? there : limit;
    if (count == 0) {
      return 0;
    }
    for (std::uint32_t offset = 0; offset < count; ++offset) {
      visitor(static_cast<const wire::Event&>(ends_->events.at(offset)));
    }
    ends_->events.advance(count);
    ends_->events.release_ordered();
    if (parked_->load(std::memory_order_seq_cst) == blocked) {
      say(message_wake);
    }
    return count;
  }

  // Blocks until events are there, the connection has ended, or the time is over. True for events.
  bool wait(std::uint64_t timeout_ns) noexcept {
    wait_beyond(ends_->events.position(), timeout_ns);
    return ends_->events.available() > 0;
  }

  // Why the reactor serves this connection no longer; none while it does. One load; it cannot tell
  // that the reactor's process was killed: is_peer_gone() does.
  [[nodiscard]] EndReason ended() const noexcept {
    return static_cast<EndReason>(region_->ended.load(std::memory_order_acquire));
  }
  // The reactor's process has closed the connection or is dead. A system call.
  [[nodiscard]] bool is_peer_gone() const noexcept {
    pollfd state{socket_, POLLRDHUP, 0};
    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
  }

  // Commands that the reactor has not taken yet.
  [[nodiscard]] std::uint32_t waiting() const noexcept {
    return ends_->commands.position() - region_->commands.head.load(std::memory_order_acquire);
  }
  // Times submit() found the ring full.
  [[nodiscard]] std::uint64_t ring_full_count() const noexcept { return ring_full_; }

  // For bindings of other languages, which keep positions of their own: the memory, whose layout is
  // in client_region.hpp, and what needs the kernel.
  struct Memory {
    std::span<std::byte> region;
    std::span<const std::byte> reactor;  // read-only
    std::size_t parked_offset = 0;       // of the reactor's parking word, in `reactor`
  };
  [[nodiscard]] Memory memory() const noexcept {
    return {{reinterpret_cast<std::byte*>(region_), region_bytes_},
            {reactor_, reactor_bytes_},
            static_cast<std::size_t>(reinterpret_cast<const std::byte*>(parked_) - reactor_)};
  }
  // After a publish that found the parking word not 0.
  void wake() const noexcept { say(message_wake); }
  // Blocks until there is an event beyond the position `head`, the connection has ended, or the
  // time is over. One thread at a time.
  void wait_beyond(std::uint32_t head, std::uint64_t timeout_ns) const noexcept {
    const std::uint64_t end_ns = monotonic_ns() + timeout_ns;
    for (;;) {
      region_->parked.store(1, std::memory_order_seq_cst);
      const bool is_over = region_->events.tail.load(std::memory_order_seq_cst) != head ||
                           region_->ended.load(std::memory_order_seq_cst) != 0;
      const std::uint64_t now_ns = monotonic_ns();
      if (is_over || now_ns >= end_ns) {
        region_->parked.store(0, std::memory_order_relaxed);
        return;
      }
      // A wake-up for what was read already may come late: it is looked again.
      timespec limit{};
      limit.tv_sec = static_cast<time_t>((end_ns - now_ns) / 1'000'000'000U);
      limit.tv_nsec = static_cast<long>((end_ns - now_ns) % 1'000'000'000U);
      syscall(SYS_futex, &region_->parked, FUTEX_WAIT, 1, &limit, nullptr, 0);
    }
  }

  // Says goodbye. Commands that are still waiting() are never taken; orders are canceled as the
  // hello said.
  void close() noexcept {
    if (is_connected()) {
      say(message_goodbye);
    }
    release();
  }

 private:
  struct Ends {
    rings::RingWriter<wire::Command> commands;
    rings::RingReader<wire::Event> events;
  };

  static constexpr std::uint32_t blocked = 2;  // rings::Parked::blocked

  static std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
  }

  static bool is_ordinary(std::uint8_t kind) noexcept {
    return (kind >= static_cast<std::uint8_t>(wire::CommandKind::place) &&
            kind <= static_cast<std::uint8_t>(wire::CommandKind::replace)) ||
           kind == static_cast<std::uint8_t>(wire::CommandKind::mass_cancel);
  }

  std::optional<Refused> unreachable(const char* why) {
    release();
    return Refused{ConnectRefusal::unreachable, why};
  }

  bool receive(Welcome& welcome, std::array<int, 2>& descriptors) const noexcept {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 2)> control{};
    iovec part{&welcome, sizeof(welcome)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(socket_, &message, MSG_CMSG_CLOEXEC) != static_cast<ssize_t>(sizeof(welcome))) {
      return false;
    }
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int) * 2)) {
      std::memcpy(descriptors.data(), CMSG_DATA(header), sizeof(int) * 2);
    }
    welcome.text.back() = '\0';
    return welcome.magic == hello_magic && welcome.version == protocol_version;
  }

  bool map(const Welcome& welcome, const std::array<int, 2>& descriptors) noexcept {
    region_bytes_ = welcome.region_bytes;
    reactor_bytes_ = welcome.reactor_bytes;
    void* region = mmap(nullptr, region_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                        descriptors[0], 0);
    void* reactor =
        mmap(nullptr, reactor_bytes_, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptors[1], 0);
    region_ = region == MAP_FAILED ? nullptr : std::launder(static_cast<ClientRegion*>(region));
    reactor_ = reactor == MAP_FAILED ? nullptr : static_cast<const std::byte*>(reactor);
    if (region_ == nullptr || reactor_ == nullptr || region_->magic != region_magic) {
      return false;
    }
    parked_ = std::launder(
        reinterpret_cast<const std::atomic<std::uint32_t>*>(reactor_ + welcome.parked_offset));
    std::byte* slots = static_cast<std::byte*>(region) + client_slots_offset;
    ends_ = std::make_unique<Ends>(
        Ends{{region_->commands, reinterpret_cast<wire::Command*>(slots), welcome.command_slots},
             {region_->events,
              reinterpret_cast<wire::Event*>(slots + welcome.command_slots * slot_bytes),
              welcome.event_slots}});
    return true;
  }

  void say(std::uint8_t message) const noexcept {
    // A full or closed socket: the reactor's process is about to read the same byte, or is gone.
    const ssize_t sent = send(socket_, &message, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    static_cast<void>(sent);
  }

  void release() noexcept {
    ends_.reset();
    if (region_ != nullptr) {
      munmap(region_, region_bytes_);
    }
    if (reactor_ != nullptr) {
      munmap(const_cast<std::byte*>(reactor_), reactor_bytes_);
    }
    if (socket_ >= 0) {
      ::close(socket_);
    }
    region_ = nullptr;
    reactor_ = nullptr;
    parked_ = nullptr;
    socket_ = -1;
    ring_full_ = 0;
  }

  int socket_ = -1;
  std::size_t region_bytes_ = 0;
  std::size_t reactor_bytes_ = 0;
  ClientRegion* region_ = nullptr;
  const std::byte* reactor_ = nullptr;
  const std::atomic<std::uint32_t>* parked_ = nullptr;
  std::unique_ptr<Ends> ends_;
  std::uint64_t ring_full_ = 0;
};

}  // namespace meridian::client
