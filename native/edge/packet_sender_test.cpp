#include "edge/packet_sender.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace meridian::edge {
namespace {

class Socket {
 public:
  Socket() : descriptor(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Room for everything that a test sends.
    const int bytes = 1 << 22;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(descriptor); }

  void bind_here() {
    socklen_t size = sizeof(address);
    ASSERT_EQ(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  }
  [[nodiscard]] std::string next() const {
    std::string text(PacketSender::memory_bytes, '\0');
    const ssize_t got = recv(descriptor, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

  int descriptor;
  sockaddr_in address{};
};

// Packets differ in content and size.
std::string packet_of(std::size_t number) {
  return std::to_string(number) +
         std::string(number * 37 % 1300, static_cast<char>('a' + number % 26));
}

void send(PacketSender& sender, std::size_t number) {
  const std::string packet = packet_of(number);
  std::memcpy(sender.memory(), packet.data(), packet.size());
  sender.send(packet.size());
}

class PacketSenderTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    to.bind_here();
    std::string reason;
    sender = open_sender(GetParam(), from.descriptor, to.address, reason);
    if (sender == nullptr) {
      GTEST_SKIP() << reason;
    }
  }
  Socket from;
  Socket to;
  std::unique_ptr<PacketSender> sender;
};

TEST_P(PacketSenderTest, SendsEachPacketAsItWasMadeInTheirOrder) {
  std::size_t next = 0;
  for (std::size_t turn = 0; turn < 60; ++turn) {
    for (std::size_t count = 0; count < turn % 7; ++count) {
      send(*sender, next++);
    }
    sender->turn();
  }
  sender->turn();
  for (std::size_t number = 0; number < next; ++number) {
    ASSERT_EQ(to.next(), packet_of(number)) << number;
  }
  EXPECT_EQ(to.next(), "");
  EXPECT_EQ(sender->counts().sent, next);
  EXPECT_EQ(sender->counts().dropped, 0U);
  if (GetParam() == Backend::uring) {
    EXPECT_LE(sender->counts().system_calls, 60U) << "one a turn at most";
  } else {
    EXPECT_EQ(sender->counts().system_calls, next);
  }
}

TEST_P(PacketSenderTest, SendsMoreInOneTurnThanItHasSlots) {
  constexpr std::size_t count = 1'000;
  for (std::size_t number = 0; number < count; ++number) {
    send(*sender, number);
  }
  sender->turn();
  for (std::size_t number = 0; number < count; ++number) {
    ASSERT_EQ(to.next(), packet_of(number)) << number;
  }
  EXPECT_EQ(sender->counts().dropped, 0U);
}

TEST_P(PacketSenderTest, CountsWhatTheKernelDoesNotTake) {
  sockaddr_in nowhere{};
  nowhere.sin_family = AF_INET;
  // No such port: the kernel refuses at once.
  nowhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string reason;
  const auto other = open_sender(GetParam(), from.descriptor, nowhere, reason);
  ASSERT_NE(other, nullptr) << reason;
  for (std::size_t number = 0; number < 10; ++number) {
    send(*other, number);
    other->turn();
  }
  EXPECT_EQ(other->counts().sent, 0U);
  EXPECT_EQ(other->counts().dropped, 10U);
}

INSTANTIATE_TEST_SUITE_P(Each, PacketSenderTest, testing::Values(Backend::uring, Backend::epoll));

TEST(UringSender, StopsAskingForNoCopiesWhereTheKernelCopiesAllTheSame) {
  Socket from;
  Socket to;
  to.bind_here();
  std::string reason;
  const auto sender = open_uring_sender(from.descriptor, to.address, reason);
  if (sender == nullptr) {
    GTEST_SKIP() << reason;
  }
  if (std::string_view(sender->name()) != "io_uring, zero copy") {
    GTEST_SKIP() << "this kernel has no zero copy, or locks no memory";
  }
  constexpr std::size_t count = 200;
  for (std::size_t number = 0; number < count; ++number) {
    send(*sender, number);
    sender->turn();
    ASSERT_EQ(to.next(), packet_of(number)) << number;
  }
  EXPECT_STREQ(sender->name(), "io_uring");
  EXPECT_EQ(sender->counts().not_copied, 0U) << "over loopback";
  EXPECT_GE(sender->counts().copied, 64U);
  EXPECT_LT(sender->counts().copied, count);
  EXPECT_EQ(sender->counts().sent, count);
}

// In a network of its own with a device that keeps nothing: 0 when all is as it should be, 77 when
// there can be no such network, else the line.
int send_without_copies() {
  if (unshare(CLONE_NEWNET) != 0 ||
      std::system("ip link add sink type ifb 2>/dev/null && ip addr add 10.9.9.1/24 dev sink && "
                  "ip link set sink up && "
                  "ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 dev sink") != 0) {
    return 77;
  }
  const Socket from;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(0x0A090902);
  std::string reason;
  const auto sender = open_uring_sender(from.descriptor, to, reason);
  if (sender == nullptr || std::string_view(sender->name()) != "io_uring, zero copy") {
    return 77;
  }
  constexpr std::size_t count = 1'000;
  for (std::size_t number = 0; number < count; ++number) {
    send(*sender, number);
    sender->turn();
  }
  // The kernel gives the last ones back a moment later.
  for (int wait = 0; wait < 100 && sender->counts().not_copied + 64 < count; ++wait) {
    usleep(10'000);
    send(*sender, 0);
    sender->turn();
  }
  const PacketCounts& counts = sender->counts();
  return counts.copied == 0 && counts.not_copied + 64 >= count && counts.dropped == 0 &&
                 std::string_view(sender->name()) == "io_uring, zero copy"
             ? 0
             : 1;
}

TEST(UringSender, SendsWithoutACopyWhereTheNetworkTakesTheMemoryItself) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    _exit(send_without_copies());
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "no network of one's own, or no zero copy (needs CAP_NET_ADMIN and ifb)";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace meridian::edge
