// Market data as a duty: ITCH over MoldUDP64 with answers to re-requests, and over SoupBinTCP as a
// replay of what is kept or as a snapshot of the book.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edge/soup_host.hpp"
#include "edge/udp_port.hpp"
#include "feed/book_feed.hpp"
#include "feed/mold_publisher.hpp"

namespace meridian::edge {

struct Subscriber {
  protocols::Text<6> username = protocols::Text<6>::of("");
  protocols::Text<10> password = protocols::Text<10>::of("");
};

struct FeedOptions {
  feed::Instrument instrument{};
  protocols::Text<10> session = protocols::Text<10>::of("");
  std::uint32_t messages = 1U << 20U;  // kept for those who missed some; a power of two
  std::uint32_t connections = 64;
  std::uint32_t snapshots = 4;                  // under way at once
  std::uint32_t snapshot_messages = 1U << 17U;  // of one: orders and three; a power of two
};

struct FeedCounts {
  std::uint64_t replays = 0;
  std::uint64_t replays_cut = 0;  // begun with a later message than was asked for
  std::uint64_t snapshots = 0;
  std::uint64_t snapshots_refused = 0;  // too many under way, or too large a book
};

class FeedEdge final : private SoupApplication {
 public:
  // The session to name in a login for a snapshot.
  static constexpr std::string_view snapshot_session = "SNAPSHOT";
  static constexpr std::uint32_t requests_per_turn = 32;

  static std::size_t arena_bytes(const FeedOptions& options) noexcept;

  // `memory` is zeroed, aligned to 64 bytes and arena_bytes() long; it, the network, the port and
  // the subscribers outlive the edge.
  FeedEdge(const FeedOptions& options, std::span<const Subscriber> subscribers,
           std::span<std::byte> memory, Network& network, UdpPort& udp, Time now);
  FeedEdge(const FeedEdge&) = delete;
  FeedEdge& operator=(const FeedEdge&) = delete;

  // A command that is safe to tell of, as the engine took it; then its events, in order.
  void command(const wire::Command& command, std::uint64_t timestamp_ns) noexcept {
    feed_.command(command, timestamp_ns);
  }
  void event(const wire::Event& event) noexcept { feed_.event(event); }

  // Messages are kept and not sent while this is on: what is made anew was sent before.
  void keep_silent(bool is_silent) noexcept { publisher_.keep_silent(is_silent); }

  // One turn, bounded; as OrderEdge::do_work.
  bool do_work(Time now, std::uint64_t wait_ns = 0) noexcept;
  // The day is over.
  void end(Time now) noexcept;

  [[nodiscard]] const FeedCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] const HostCounts& host_counts() const noexcept { return host_.counts(); }
  [[nodiscard]] const feed::BookFeed& book() const noexcept { return feed_; }
  [[nodiscard]] const feed::MoldReplayer& replayer() const noexcept { return replayer_; }

 private:
  using Slot = protocols::ItchStore::Slot;
  static constexpr std::uint32_t live = UINT32_MAX;

  // What a connection is sent.
  struct User {
    bool is_taken = false;
    std::uint32_t snapshot = live;  // which one, or the messages as they come
  };
  struct Snapshot {
    std::span<Slot> slots;
    protocols::ItchStore store;
    bool is_taken = false;
  };

  FeedEdge(const FeedOptions& options, std::span<const Subscriber> subscribers, Arena arena,
           Network& network, UdpPort& udp, Time now);

  // SoupApplication.
  order_entry::LoginAnswer login(const protocols::soup::LoginRequest& request,
                                 std::uint32_t& user) noexcept override;
  order_entry::Taken data(std::uint32_t, Bytes) noexcept override {
    return order_entry::Taken::malformed;
  }
  void left(std::uint32_t user) noexcept override;
  [[nodiscard]] std::uint64_t oldest(std::uint32_t user) const noexcept override {
    return store_of(user).oldest();
  }
  [[nodiscard]] std::uint64_t next(std::uint32_t user) const noexcept override {
    return store_of(user).next();
  }
  [[nodiscard]] Bytes message(std::uint32_t user, std::uint64_t sequence) const noexcept override {
    return store_of(user).at(sequence);
  }
  [[nodiscard]] bool is_over(std::uint32_t user) const noexcept override {
    return is_ended_ || users_[user].snapshot != live;
  }
  [[nodiscard]] bool is_urgent(order_entry::SoupServer::Head) const noexcept override {
    return true;
  }

  [[nodiscard]] const protocols::ItchStore& store_of(std::uint32_t user) const noexcept {
    return users_[user].snapshot == live ? store_ : snapshots_[users_[user].snapshot].store;
  }
  [[nodiscard]] bool knows(const protocols::soup::LoginRequest& request) const noexcept;
  order_entry::LoginAnswer start_replay(const protocols::soup::LoginRequest& request,
                                        std::uint32_t user) noexcept;
  order_entry::LoginAnswer start_snapshot(std::uint32_t user) noexcept;
  bool answer_requests() noexcept;

  FeedOptions options_;
  std::span<const Subscriber> subscribers_;
  UdpPort& udp_;
  protocols::ItchStore store_;
  feed::MoldPublisher publisher_;
  feed::MoldReplayer replayer_;
  feed::BookFeed feed_;
  std::vector<User> users_;
  std::vector<Snapshot> snapshots_;
  std::uint64_t told_ = 0;  // sequence that the connections were told of
  bool is_ended_ = false;
  FeedCounts counts_;
  SoupHost host_;
};

}  // namespace meridian::edge
