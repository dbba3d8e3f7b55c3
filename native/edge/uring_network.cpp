// Connections by io_uring: multishot accept and receive, buffers provided in a ring, registered
// files, completions run when asked for, and one system call a turn.
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/ensure.hpp"
#include "edge/network.hpp"

namespace meridian::edge {
namespace {

constexpr unsigned submissions = 1024;
constexpr unsigned completions_per_turn = 256;
constexpr std::uint32_t buffers = 1024;
constexpr std::uint16_t buffer_group = 1;
// Files that are accepted only to be turned away.
constexpr std::uint32_t spare_files = 64;

enum class Operation : std::uint8_t { accept, receive, send, close, turn_away, cancel };

// What comes back with a completion.
struct Mark {
  Operation operation;
  std::uint32_t index;
  std::uint32_t incarnation;

  [[nodiscard]] std::uint64_t packed() const noexcept {
    return static_cast<std::uint64_t>(operation) | std::uint64_t{incarnation & 0xFFFFFFU} << 8U |
           std::uint64_t{index} << 32U;
  }
  static Mark unpacked(std::uint64_t data) noexcept {
    return {static_cast<Operation>(data & 0xFFU), static_cast<std::uint32_t>(data >> 32U),
            static_cast<std::uint32_t>(data >> 8U) & 0xFFFFFFU};
  }
};

struct Completion {
  Mark mark;
  std::int32_t result;
  std::uint32_t flags;
};

class UringNetwork final : public Network {
 public:
  explicit UringNetwork(std::uint32_t connections) : connections_(connections) {
    free_.reserve(connections);
    for (std::uint32_t index = connections; index > 0; --index) {
      free_.push_back(index - 1);
    }
  }
  ~UringNetwork() override {
    if (is_open_) {
      io_uring_queue_exit(&ring_);
    }
    if (buffer_ring_ != nullptr) {
      munmap(buffer_ring_, buffer_ring_bytes());
    }
    if (buffer_memory_ != nullptr) {
      munmap(buffer_memory_, std::size_t{buffers} * most_received_bytes);
    }
    if (listening_ >= 0) {
      ::close(listening_);
    }
  }

  bool open(const NetworkOptions& options, std::string& reason);

  bool turn(NetworkListener& listener, std::uint64_t wait_ns) noexcept override;

  void send(std::uint32_t index, Bytes bytes) noexcept override {
    Connection& connection = connections_[index];
    connection.is_sending = true;
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, connection.file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    finish_entry(entry, Operation::send, index);
  }

  void pause(std::uint32_t index) noexcept override {
    Connection& connection = connections_[index];
    if (!connection.wants_bytes) {
      return;
    }
    connection.wants_bytes = false;
    if (connection.is_receiving) {
      cancel(Operation::receive, index);
    }
  }
  void resume(std::uint32_t index) noexcept override {
    Connection& connection = connections_[index];
    if (!connection.wants_bytes) {
      connection.wants_bytes = true;
      // A receive whose cancellation is under way is started anew when that is through.
      receive(index);
    }
  }

  void close(std::uint32_t index) noexcept override {
    Connection& connection = connections_[index];
    if (connection.is_closing) {
      return;
    }
    connection.is_closing = true;
    // What is under way ends first. Not by a shutdown: the kernel leaves that to a worker thread.
    if (connection.is_receiving) {
      cancel(Operation::receive, index);
    }
    if (connection.is_sending) {
      cancel(Operation::send, index);
    }
    settle(index);
  }

  [[nodiscard]] std::uint16_t port() const noexcept override { return port_; }
  [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }
  [[nodiscard]] const NetworkCounts& counts() const noexcept override { return counts_; }

 private:
  struct Connection {
    int file = -1;  // in the table of registered files
    std::uint32_t incarnation = 0;
    bool is_open = false;
    bool wants_bytes = true;
    bool is_receiving = false;
    bool is_sending = false;
    bool is_closing = false;
  };

  static std::size_t buffer_ring_bytes() noexcept { return buffers * sizeof(io_uring_buf); }
  [[nodiscard]] std::uint64_t mark(Operation operation, std::uint32_t index) const noexcept {
    return Mark{operation, index, connections_[index].incarnation}.packed();
  }
  io_uring_sqe* next_entry() noexcept {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      ++counts_.system_calls;
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
      ensure(entry != nullptr);
    }
    return entry;
  }
  void finish_entry(io_uring_sqe* entry, Operation operation, std::uint32_t index) noexcept {
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = mark(operation, index);
  }
  bool set_up(std::uint32_t connections, std::string& reason) noexcept;
  bool provide_buffers(std::string& reason) noexcept;
  void give_buffer(std::uint32_t id) noexcept {
    io_uring_buf_ring_add(buffer_ring_, buffer_memory_ + std::size_t{id} * most_received_bytes,
                          most_received_bytes, static_cast<unsigned short>(id),
                          io_uring_buf_ring_mask(buffers), 0);
    io_uring_buf_ring_advance(buffer_ring_, 1);
  }
  void cancel(Operation operation, std::uint32_t index) noexcept {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_cancel64(entry, mark(operation, index), 0);
    entry->user_data = mark(Operation::cancel, index);
  }
  void accept() noexcept {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept_direct(entry, listening_, nullptr, nullptr, 0);
    entry->user_data = Mark{Operation::accept, 0, 0}.packed();
    is_accepting_ = true;
  }
  void receive(std::uint32_t index) noexcept {
    Connection& connection = connections_[index];
    if (connection.is_receiving || !connection.wants_bytes || connection.is_closing) {
      return;
    }
    connection.is_receiving = true;
    io_uring_sqe* entry = next_entry();
    io_uring_prep_recv_multishot(entry, connection.file, nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffer_group;
    finish_entry(entry, Operation::receive, index);
  }
  void serve(const Completion& completion, NetworkListener& listener) noexcept;
  void accepted(const Completion& completion, NetworkListener& listener) noexcept;
  void received(const Completion& completion, NetworkListener& listener) noexcept;
  void settle(std::uint32_t index) noexcept;

  io_uring ring_{};
  std::array<io_uring_cqe*, completions_per_turn> entries_{};
  bool is_open_ = false;
  bool is_enabled_ = false;
  bool is_accepting_ = false;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::byte* buffer_memory_ = nullptr;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> free_;
  NetworkCounts counts_;
};

bool UringNetwork::set_up(std::uint32_t connections, std::string& reason) noexcept {
  io_uring_params parameters{};
  // The last flag came with 6.1, after everything else that is used here: a kernel that takes it
  // has multishot receive and rings of buffers. The ring is enabled by the thread that turns it.
  parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED |
                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  parameters.cq_entries = std::bit_ceil(connections < 1024 ? 4096U : connections * 4);
  const int failed = io_uring_queue_init_params(submissions, &ring_, &parameters);
  if (failed != 0) {
    reason = std::string("no io_uring: ") + std::strerror(-failed) +
             (failed == -EPERM ? "; a container needs a seccomp profile that allows it" : "") +
             (failed == -EINVAL ? "; it needs Linux 6.1 or later" : "");
    return false;
  }
  is_open_ = true;
  const int refused = io_uring_register_files_sparse(&ring_, connections + spare_files);
  if (refused != 0) {
    reason = std::string("io_uring registers no files: ") + std::strerror(-refused);
    return false;
  }
  return provide_buffers(reason);
}

bool UringNetwork::provide_buffers(std::string& reason) noexcept {
  void* ring = mmap(nullptr, buffer_ring_bytes(), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* memory = mmap(nullptr, std::size_t{buffers} * most_received_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (ring == MAP_FAILED || memory == MAP_FAILED) {
    reason = "no memory for buffers of io_uring";
    return false;
  }
  buffer_ring_ = static_cast<io_uring_buf_ring*>(ring);
  buffer_memory_ = static_cast<std::byte*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(buffer_ring_);
  registration.ring_entries = buffers;
  registration.bgid = buffer_group;
  const int refused = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (refused != 0) {
    reason = std::string("io_uring takes no ring of buffers: ") + std::strerror(-refused);
    return false;
  }
  io_uring_buf_ring_init(buffer_ring_);
  for (std::uint32_t id = 0; id < buffers; ++id) {
    give_buffer(id);
  }
  return true;
}

bool UringNetwork::open(const NetworkOptions& options, std::string& reason) {
  if (!set_up(options.connections, reason)) {
    return false;
  }
  listening_ = listen_on(options, port_, reason);
  return listening_ >= 0;
}

bool UringNetwork::turn(NetworkListener& listener, std::uint64_t wait_ns) noexcept {
  if (!is_enabled_) {
    is_enabled_ = true;
    io_uring_enable_rings(&ring_);
    // The ring as a registered file, of this thread: each call finds it without a look-up. Without,
    // all is the same but slower.
    static_cast<void>(io_uring_register_ring_fd(&ring_));
    accept();
  }
  ++counts_.system_calls;
  if (wait_ns == 0) {
    io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec limit{};
    limit.tv_sec = static_cast<std::int64_t>(wait_ns / 1'000'000'000);
    limit.tv_nsec = static_cast<long long>(wait_ns % 1'000'000'000);
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  }
  const unsigned count = io_uring_peek_batch_cqe(&ring_, entries_.data(), completions_per_turn);
  for (unsigned at = 0; at < count; ++at) {
    const io_uring_cqe* entry = entries_[at];
    serve({Mark::unpacked(entry->user_data), entry->res, entry->flags}, listener);
  }
  io_uring_cq_advance(&ring_, count);
  return count != 0;
}

void UringNetwork::serve(const Completion& completion, NetworkListener& listener) noexcept {
  const std::uint32_t index = completion.mark.index;
  switch (completion.mark.operation) {
    case Operation::accept:
      accepted(completion, listener);
      return;
    case Operation::receive:
      received(completion, listener);
      return;
    case Operation::send: {
      Connection& connection = connections_[index];
      connection.is_sending = false;
      if (!connection.is_closing) {
        listener.sent(index,
                      completion.result > 0 ? static_cast<std::size_t>(completion.result) : 0U);
      }
      settle(index);
      return;
    }
    case Operation::close: {
      Connection& connection = connections_[index];
      connection.file = -1;
      free_.push_back(index);
      listener.closed(index);
      [[fallthrough]];
    }
    case Operation::turn_away:
      if (!is_accepting_) {
        accept();
      }
      return;
    case Operation::cancel:
      return;
  }
}

void UringNetwork::accepted(const Completion& completion, NetworkListener& listener) noexcept {
  if ((completion.flags & IORING_CQE_F_MORE) == 0) {
    is_accepting_ = false;
  }
  // Without a free file accepting goes on when one is closed.
  const bool is_full = completion.result == -ENFILE;
  if (!is_accepting_ && !is_full) {
    accept();
  }
  if (completion.result < 0) {
    return;
  }
  if (free_.empty()) {
    ++counts_.turned_away;
    io_uring_sqe* entry = next_entry();
    io_uring_prep_close_direct(entry, static_cast<unsigned>(completion.result));
    entry->user_data = Mark{Operation::turn_away, 0, 0}.packed();
    return;
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Connection& connection = connections_[index];
  const std::uint32_t incarnation = connection.incarnation + 1;
  connection = Connection{};
  connection.incarnation = incarnation;
  connection.file = completion.result;
  connection.is_open = true;
  ++counts_.accepted;
  listener.connected(index);
  receive(index);
}

void UringNetwork::received(const Completion& completion, NetworkListener& listener) noexcept {
  const std::uint32_t index = completion.mark.index;
  Connection& connection = connections_[index];
  const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
  const std::uint32_t id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
  if (completion.result > 0 && has_buffer && !connection.is_closing) {
    listener.received(index, Bytes(buffer_memory_ + std::size_t{id} * most_received_bytes,
                                   static_cast<std::size_t>(completion.result)));
  }
  if (has_buffer) {
    give_buffer(id);
  }
  if ((completion.flags & IORING_CQE_F_MORE) != 0) {
    return;
  }
  connection.is_receiving = false;
  const bool goes_on =
      completion.result > 0 || completion.result == -ENOBUFS || completion.result == -ECANCELED;
  counts_.buffers_short += completion.result == -ENOBUFS ? 1U : 0U;
  if (connection.is_closing) {
    settle(index);
  } else if (goes_on) {
    receive(index);
  } else {
    listener.broken(index);
  }
}

// Closes the file when nothing of the connection is under way any more.
void UringNetwork::settle(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_closing || connection.is_receiving || connection.is_sending ||
      !connection.is_open) {
    return;
  }
  io_uring_sqe* entry = next_entry();
  io_uring_prep_close_direct(entry, static_cast<unsigned>(connection.file));
  entry->user_data = mark(Operation::close, index);
  // No second time.
  connection.is_open = false;
}

}  // namespace

std::unique_ptr<Network> open_uring(const NetworkOptions& options, std::string& reason) {
  auto network = std::make_unique<UringNetwork>(options.connections);
  if (!network->open(options, reason)) {
    return nullptr;
  }
  return network;
}

}  // namespace meridian::edge
