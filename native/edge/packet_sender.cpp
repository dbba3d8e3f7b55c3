#include "edge/packet_sender.hpp"

#include <sys/socket.h>

#include <array>

namespace meridian::edge {
namespace {

// A system call for each packet.
class CallSender final : public PacketSender {
 public:
  CallSender(int socket, const sockaddr_in& to) : socket_(socket), to_(to) {}

  [[nodiscard]] std::byte* memory() noexcept override { return packet_.data(); }
  void send(std::size_t bytes) noexcept override {
    ++counts_.system_calls;
    const ssize_t put = sendto(socket_, packet_.data(), bytes, MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&to_), sizeof(to_));
    ++(put == static_cast<ssize_t>(bytes) ? counts_.sent : counts_.dropped);
  }
  void turn() noexcept override {}
  [[nodiscard]] const char* name() const noexcept override { return "sendto"; }

 private:
  int socket_;
  sockaddr_in to_;
  std::array<std::byte, memory_bytes> packet_{};
};

}  // namespace

std::unique_ptr<PacketSender> open_sender(Backend backend, int socket, const sockaddr_in& to,
                                          std::string& reason) {
  if (backend != Backend::epoll) {
    std::unique_ptr<PacketSender> sender = open_uring_sender(socket, to, reason);
    if (sender != nullptr || backend == Backend::uring) {
      return sender;
    }
  }
  return std::make_unique<CallSender>(socket, to);
}

}  // namespace meridian::edge
