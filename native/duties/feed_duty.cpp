#include "duties/feed_duty.hpp"

#include <algorithm>
#include <utility>

#include "duties/clock.hpp"
#include "reactor/market_region.hpp"

namespace meridian::duties {

std::unique_ptr<FeedDuty> FeedDuty::open(reactor::Reactor& reactor, reactor::HostedMarket& market,
                                         FeedDutyOptions options, std::string& reason) {
  auto network = edge::open_network(options.backend, options.network, reason);
  if (network == nullptr) {
    return nullptr;
  }
  auto udp = edge::UdpPort::open(options.udp, reason);
  if (udp == nullptr) {
    return nullptr;
  }
  std::unique_ptr<FeedDuty> duty(
      new FeedDuty(reactor, market, std::move(options), std::move(network), std::move(udp)));
  if (!duty->memory_.is_good()) {
    reason = "no address space for the messages of the feed; raise ulimit -v or keep fewer";
    return nullptr;
  }
  duty->edge_ = std::make_unique<edge::FeedEdge>(duty->options_.feed, duty->options_.subscribers,
                                                 duty->memory_.bytes(), *duty->network_,
                                                 *duty->udp_, time_now());
  if (!duty->follower_.begin_with_first(duty->positions().durable)) {
    reason = duty->failure();
    return nullptr;
  }
  duty->edge_->keep_silent(true);
  while (duty->follow() > 0) {
  }
  duty->edge_->keep_silent(false);
  if (!duty->failure().empty()) {
    reason = duty->failure();
    return nullptr;
  }
  duty->tell_counts();
  reactor.host(*duty);
  duty->is_hosted_ = true;
  return duty;
}

FeedDuty::FeedDuty(reactor::Reactor& reactor, reactor::HostedMarket& market,
                   FeedDutyOptions options, std::unique_ptr<edge::Network> network,
                   std::unique_ptr<edge::UdpPort> udp)
    : reactor_(reactor),
      market_(market),
      options_(std::move(options)),
      network_(std::move(network)),
      udp_(std::move(udp)),
      memory_(edge::FeedEdge::arena_bytes(options_.feed)),
      follower_(market.log()) {}

FeedDuty::~FeedDuty() {
  if (is_hosted_) {
    reactor_.unhost(*this);
  }
}

std::uint32_t FeedDuty::do_work(std::uint64_t wait_ns) noexcept {
  const std::size_t told = follow();
  const bool has_worked = edge_->do_work(time_now(), told > 0 ? 0 : wait_ns);
  if (told > 0 || has_worked) {
    tell_counts();
  }
  return static_cast<std::uint32_t>(told) + (has_worked ? 1U : 0U);
}

std::size_t FeedDuty::follow() {
  safe_ = safe();
  // One beyond it as well: before the first configure nothing is safe, and that one may be heard.
  return follower_.advance(std::max(safe_, follower_.sequence() + 1), *this);
}

bool FeedDuty::may_hear(const wire::RecordPrefix& prefix,
                        const wire::Command& command) const noexcept {
  if (command.kind == static_cast<std::uint8_t>(wire::CommandKind::configure)) {
    // A change of mode is told of when it is committed, whatever the mode was.
    const double committed = market_.region().committed.load(std::memory_order_relaxed);
    return committed < 0 || static_cast<double>(prefix.sequence) <= committed;
  }
  return prefix.sequence <= safe_;
}

void FeedDuty::command(const wire::RecordPrefix& prefix, const wire::Command& command) noexcept {
  sequence_ = prefix.sequence;
  mode_ = command.order_type;
  edge_->command(command, prefix.timestamp_ns);
}

void FeedDuty::event(const wire::Event& event) noexcept {
  if (event.kind == static_cast<std::uint8_t>(wire::EventKind::configured)) {
    gate_.configured(mode_, sequence_);
    safe_ = safe();
  }
  edge_->event(event);
}

// The log gives what is durable only, so
// in a `matched` market as well.
std::uint64_t FeedDuty::safe() const noexcept { return gate_.safe(positions()); }

reactor::GatePositions FeedDuty::positions() const noexcept {
  const reactor::MarketRegion& region = market_.region();
  reactor::GatePositions positions;
  // Acquire pairs with the journal's store: what is counted as durable can be read from the log.
  positions.durable =
      static_cast<std::uint64_t>(region.journal.durable.load(std::memory_order_acquire));
  positions.matched = positions.durable;
  positions.committed = region.committed.load(std::memory_order_relaxed);
  positions.lease_until_ns = region.lease_until_ns.load(std::memory_order_relaxed);
  positions.now_ns = static_cast<double>(reactor::monotonic_ns());
  return positions;
}

void FeedDuty::tell_counts() noexcept {
  const auto tell = [](std::atomic<std::uint64_t>& to, std::uint64_t count) noexcept {
    to.store(count, std::memory_order_relaxed);
  };
  tell(counts_.digest, follower_.digest());
  tell(counts_.messages, edge_->book().sequence());
  tell(counts_.packets, udp_->sender().counts().sent);
  tell(counts_.packets_dropped, udp_->sender().counts().dropped);
  tell(counts_.requests, udp_->counts().requests);
  tell(counts_.replays, edge_->counts().replays);
  tell(counts_.snapshots, edge_->counts().snapshots);
  tell(counts_.snapshots_refused, edge_->counts().snapshots_refused);
  tell(counts_.unpriceable, edge_->book().unpriceable());
  // Release: whoever sees the sequence sees what was counted at it.
  counts_.sequence.store(follower_.sequence(), std::memory_order_release);
  counts_.has_failed.store(!follower_.failure().empty(), std::memory_order_release);
}

}  // namespace meridian::duties
