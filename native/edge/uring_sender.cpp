// Packets by io_uring. Each is made in a slot of memory that is registered once; a slot is free
// again when the kernel says that it needs it no longer.
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/ensure.hpp"
#include "edge/packet_sender.hpp"

namespace meridian::edge {
namespace {

constexpr std::uint32_t slots = 256;
// No slot to be sent: what is made there, because the kernel holds all others, is dropped.
constexpr std::uint32_t spare = slots;
// Newer than the headers of liburing 2.3: the notification says whether the kernel copied.
constexpr unsigned report_usage = 1U << 3U;
constexpr std::uint32_t was_copied = 1U << 31U;
// After so many notifications it is known whether this network copies.
constexpr std::uint64_t trial = 64;

class UringSender final : public PacketSender {
 public:
  explicit UringSender(const sockaddr_in& to) : to_(to) {
    free_.reserve(slots);
    for (std::uint32_t slot = slots; slot > 0; --slot) {
      free_.push_back(slot - 1);
    }
  }
  ~UringSender() override {
    if (is_open_) {
      io_uring_queue_exit(&ring_);
    }
    if (memory_ != nullptr) {
      munmap(memory_, bytes());
    }
  }

  bool open(int socket, std::string& reason);

  [[nodiscard]] std::byte* memory() noexcept override {
    return memory_ + std::size_t{current_} * memory_bytes;
  }
  void send(std::size_t bytes) noexcept override;
  void turn() noexcept override;
  [[nodiscard]] const char* name() const noexcept override {
    return avoids_copies_ ? "io_uring, zero copy" : "io_uring";
  }

 private:
  struct Header {
    msghdr message{};
    iovec part{};
  };

  static std::size_t bytes() noexcept { return std::size_t{slots + 1} * memory_bytes; }
  bool set_up(std::string& reason) noexcept;
  void prepare(io_uring_sqe* entry, std::byte* packet, std::size_t size) noexcept;
  // Starts what waits, and takes what is done.
  void start() noexcept;
  void take(const io_uring_cqe& entry) noexcept;
  void take_slot() noexcept {
    current_ = spare;
    if (!free_.empty()) {
      current_ = free_.back();
      free_.pop_back();
    }
  }

  io_uring ring_{};
  bool is_open_ = false;
  bool is_enabled_ = false;
  bool avoids_copies_ = false;
  std::uint32_t waiting_ = 0;  // prepared and not started
  std::uint32_t current_ = spare;
  std::byte* memory_ = nullptr;
  sockaddr_in to_;
  std::vector<std::uint32_t> free_;
  std::array<Header, slots> headers_{};
};

bool UringSender::set_up(std::string& reason) noexcept {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED |
                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  // Each packet has two completions at most.
  parameters.cq_entries = slots * 2;
  const int failed = io_uring_queue_init_params(slots, &ring_, &parameters);
  if (failed != 0) {
    reason = std::string("no io_uring: ") + std::strerror(-failed);
    return false;
  }
  is_open_ = true;
  void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    reason = "no memory for packets";
    return false;
  }
  memory_ = static_cast<std::byte*>(memory);
  return true;
}

bool UringSender::open(int socket, std::string& reason) {
  if (!set_up(reason)) {
    return false;
  }
  const int refused = io_uring_register_files(&ring_, &socket, 1);
  if (refused != 0) {
    reason = std::string("io_uring registers no socket: ") + std::strerror(-refused);
    return false;
  }
  // Registered memory is locked; where that is refused, packets are copied.
  const iovec all{memory_, bytes()};
  const bool is_registered = io_uring_register_buffers(&ring_, &all, 1) == 0;
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  avoids_copies_ =
      is_registered && probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
  if (probe != nullptr) {
    io_uring_free_probe(probe);
  }
  take_slot();
  return true;
}

void UringSender::prepare(io_uring_sqe* entry, std::byte* packet, std::size_t size) noexcept {
  if (avoids_copies_) {
    io_uring_prep_send_zc_fixed(entry, 0, packet, size, MSG_DONTWAIT, report_usage, 0);
    io_uring_prep_send_set_addr(entry, reinterpret_cast<const sockaddr*>(&to_), sizeof(to_));
  } else {
    Header& header = headers_[current_];
    header.part = {packet, size};
    header.message.msg_name = &to_;
    header.message.msg_namelen = sizeof(to_);
    header.message.msg_iov = &header.part;
    header.message.msg_iovlen = 1;
    io_uring_prep_sendmsg(entry, 0, &header.message, MSG_DONTWAIT);
  }
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = current_;
}

void UringSender::send(std::size_t bytes) noexcept {
  if (current_ == spare) {
    ++counts_.dropped;
    return;
  }
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  // There are as many entries as slots, and each turn starts all.
  ensure(entry != nullptr);
  prepare(entry, memory(), bytes);
  ++waiting_;
  if (free_.empty()) {
    start();
  }
  take_slot();
}

void UringSender::turn() noexcept {
  // Slots that the kernel holds are asked for with the next packets, or when few are left.
  if (waiting_ != 0 || free_.size() < slots / 2) {
    start();
  }
}

void UringSender::start() noexcept {
  if (!is_enabled_) {
    is_enabled_ = true;
    io_uring_enable_rings(&ring_);
    static_cast<void>(io_uring_register_ring_fd(&ring_));
  }
  ++counts_.system_calls;
  io_uring_submit_and_get_events(&ring_);
  waiting_ = 0;
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    take(*entry);
    ++count;
  }
  io_uring_cq_advance(&ring_, count);
}

void UringSender::take(const io_uring_cqe& entry) noexcept {
  const auto slot = static_cast<std::uint32_t>(entry.user_data);
  if ((entry.flags & IORING_CQE_F_NOTIF) != 0) {
    const bool is_copied = (static_cast<std::uint32_t>(entry.res) & was_copied) != 0;
    ++(is_copied ? counts_.copied : counts_.not_copied);
    // Two completions for each packet, for nothing: this network copies.
    if (counts_.copied + counts_.not_copied == trial && counts_.copied > counts_.not_copied) {
      avoids_copies_ = false;
    }
    free_.push_back(slot);
    return;
  }
  ++(entry.res >= 0 ? counts_.sent : counts_.dropped);
  if (entry.res == -EINVAL || entry.res == -EOPNOTSUPP) {
    avoids_copies_ = false;  // a kernel that sends so, but does not say whether it copied
  }
  if ((entry.flags & IORING_CQE_F_MORE) == 0) {
    free_.push_back(slot);
  }
}

}  // namespace

std::unique_ptr<PacketSender> open_uring_sender(int socket, const sockaddr_in& to,
                                                std::string& reason) {
  auto sender = std::make_unique<UringSender>(to);
  if (!sender->open(socket, reason)) {
    return nullptr;
  }
  return sender;
}

}  // namespace meridian::edge
