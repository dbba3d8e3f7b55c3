// ITCH of a hosted market as a duty of its reactor. It follows the market's log as far as the
// market's mode lets it be told, so its messages and their sequences are a function of the journal:
// a feed that is opened again goes on where the one before it was.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "duties/lazy_memory.hpp"
#include "duties/log_follower.hpp"
#include "edge/feed_edge.hpp"
#include "reactor/duty.hpp"
#include "reactor/output_gate.hpp"
#include "reactor/reactor.hpp"

namespace meridian::duties {

struct FeedDutyOptions {
  edge::FeedOptions feed;
  edge::NetworkOptions network;
  edge::Backend backend = edge::Backend::best;
  edge::UdpOptions udp;
  std::vector<edge::Subscriber> subscribers;
};

// Written by the thread of the duty; read by anybody.
struct FeedDutyCounts {
  std::atomic<std::uint64_t> sequence{0};  // of the market's last command that was told of
  std::atomic<std::uint64_t> digest{0};    // of the book at that command
  std::atomic<std::uint64_t> messages{0};  // of the feed so far
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> packets_dropped{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> replays{0};
  std::atomic<std::uint64_t> snapshots{0};
  std::atomic<std::uint64_t> snapshots_refused{0};
  std::atomic<std::uint64_t> unpriceable{0};
  std::atomic<bool> has_failed{false};
};

class FeedDuty final : public reactor::Duty {
 public:
  // Listens, makes the messages of the log as it is, which are kept and not sent again, and is
  // hosted by the reactor from then on. Blocks for as long as reading the log takes. Null when
  // something of it fails; `reason` then says what to do. The market is one that the reactor has
  // and keeps until the duty is gone.
  static std::unique_ptr<FeedDuty> open(reactor::Reactor& reactor, reactor::HostedMarket& market,
                                        FeedDutyOptions options, std::string& reason);
  ~FeedDuty();

  [[nodiscard]] const char* name() const noexcept override { return "meridian-feed"; }
  std::uint32_t do_work(std::uint64_t wait_ns) noexcept override;

  // For the LogFollower.
  [[nodiscard]] bool may_hear(const wire::RecordPrefix& prefix,
                              const wire::Command& command) const noexcept;
  void command(const wire::RecordPrefix& prefix, const wire::Command& command) noexcept;
  void event(const wire::Event& event) noexcept;

  [[nodiscard]] std::uint16_t port() const noexcept { return network_->port(); }
  [[nodiscard]] std::uint16_t requests_port() const noexcept { return udp_->requests_port(); }
  [[nodiscard]] const char* backend() const noexcept { return network_->name(); }
  [[nodiscard]] const FeedDutyCounts& counts() const noexcept { return counts_; }
  // Why it goes no further, once counts().has_failed says so.
  [[nodiscard]] const std::string& failure() const noexcept { return follower_.failure(); }

 private:
  FeedDuty(reactor::Reactor& reactor, reactor::HostedMarket& market, FeedDutyOptions options,
           std::unique_ptr<edge::Network> network, std::unique_ptr<edge::UdpPort> udp);

  // The next records that may be told of.
  std::size_t follow();
  [[nodiscard]] std::uint64_t safe() const noexcept;
  [[nodiscard]] reactor::GatePositions positions() const noexcept;
  void tell_counts() noexcept;

  reactor::Reactor& reactor_;
  reactor::HostedMarket& market_;
  FeedDutyOptions options_;
  std::unique_ptr<edge::Network> network_;
  std::unique_ptr<edge::UdpPort> udp_;
  LazyMemory memory_;
  LogFollower follower_;
  reactor::OutputGate gate_;
  std::unique_ptr<edge::FeedEdge> edge_;
  // What may be told of by the mode as it was at the last record.
  std::uint64_t safe_ = 0;
  // Of the record that is told of.
  std::uint64_t sequence_ = 0;
  std::uint8_t mode_ = 0;
  bool is_hosted_ = false;
  FeedDutyCounts counts_;
};

}  // namespace meridian::duties
