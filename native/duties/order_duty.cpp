#include "duties/order_duty.hpp"

#include <chrono>
#include <cstring>
#include <new>
#include <thread>
#include <unordered_map>
#include <utility>

#include "duties/clock.hpp"
#include "duties/log_follower.hpp"

namespace meridian::duties {
namespace {

// No member has it: what the connection itself is, beside those for whom it speaks.
constexpr std::uint32_t edge_account = UINT32_MAX;
constexpr std::uint64_t count_interval_ns = 50'000'000;
// While members wait for the market: its events do not end a wait in the kernel.
constexpr std::uint64_t answer_wait_ns = 50'000;
// For the records that were matched when the duty was attached to become durable.
constexpr std::chrono::seconds durable_limit{20};

// Finds whose command it is, and passes everything on.
class Restorer {
 public:
  Restorer(order_entry::OuchGateway& gateway, const std::vector<order_entry::Member>& members)
      : gateway_(gateway) {
    for (std::uint32_t at = 0; at < members.size(); ++at) {
      by_session_[members[at].market_session] = at;
    }
  }
  static bool may_hear(const wire::RecordPrefix& /*prefix*/, const wire::Command& /*command*/) {
    return true;
  }
  void command(const wire::RecordPrefix& /*prefix*/, const wire::Command& command) {
    const auto found = command.session == 0 ? by_session_.end() : by_session_.find(command.session);
    gateway_.restore(
        found == by_session_.end() ? order_entry::OuchGateway::no_member : found->second, command);
  }
  void event(const wire::Event& event) noexcept { gateway_.restore(event); }

 private:
  order_entry::OuchGateway& gateway_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_session_;
};

template <class Slot>
Slot* slots_of(const reactor::ClientPort& port, std::size_t before) noexcept {
  return reinterpret_cast<Slot*>(port.memory().memory().data() + client::client_slots_offset +
                                 before * client::slot_bytes);
}

edge::RingPeer waker_of(reactor::Reactor& reactor) noexcept {
  constexpr auto wake = [](void* context) noexcept {
    static_cast<reactor::Reactor*>(context)->wake();
  };
  return {&reactor, wake, wake};
}

}  // namespace

std::unique_ptr<OrderDuty> OrderDuty::open(reactor::Reactor& reactor, reactor::HostedMarket& market,
                                           OrderDutyOptions options, std::string& reason) {
  auto network = edge::open_network(options.backend, options.network, reason);
  if (network == nullptr) {
    return nullptr;
  }
  reactor::ClientTerms terms;
  terms.account = edge_account;
  terms.permissions = client::permission::stream | client::permission::speak_for_others;
  terms.command_slots = options.command_slots;
  terms.event_slots = options.event_slots;
  options.edge.stamps.clock = []() noexcept { return time_now().steady_ns; };
  int error = 0;
  auto port = reactor::ClientPort::create(terms, error);
  if (port == nullptr) {
    reason = std::string("no memory for the rings of order entry: ") + std::strerror(error);
    return nullptr;
  }
  std::unique_ptr<OrderDuty> duty(
      new OrderDuty(reactor, market, std::move(options), std::move(network), std::move(port)));
  if (!duty->memory_.is_good()) {
    reason = "no address space for so many members and connections; raise ulimit -v";
    return nullptr;
  }
  if (!reactor.attach(market, *duty->port_, &duty->restored_through_)) {
    reason = "the market serves as many clients as it can; end one of them";
    return nullptr;
  }
  duty->is_attached_ = true;
  if (!duty->restore(reason)) {
    return nullptr;
  }
  reactor.host(*duty);
  duty->is_hosted_ = true;
  return duty;
}

OrderDuty::OrderDuty(reactor::Reactor& reactor, reactor::HostedMarket& market,
                     OrderDutyOptions options, std::unique_ptr<edge::Network> network,
                     std::unique_ptr<reactor::ClientPort> port)
    : reactor_(reactor),
      market_(market),
      options_(std::move(options)),
      network_(std::move(network)),
      port_(std::move(port)),
      memory_(edge::OrderEdge::arena_bytes(options_.edge, options_.members.size())) {}

OrderDuty::~OrderDuty() {
  if (is_hosted_) {
    reactor_.unhost(*this);
  }
  if (is_attached_) {
    reactor_.detach(market_, *port_, client::EndReason::closed);
  }
}

// Events of what follows gather in the ring meanwhile.
bool OrderDuty::restore(std::string& reason) {
  auto& region =
      *std::launder(reinterpret_cast<client::ClientRegion*>(port_->memory().memory().data()));
  edge_ = std::make_unique<edge::OrderEdge>(
      options_.edge, options_.members, memory_.bytes(), *network_,
      rings::RingWriter<wire::Command>(region.commands, slots_of<wire::Command>(*port_, 0),
                                       options_.command_slots),
      rings::RingReader<wire::Event>(region.events,
                                     slots_of<wire::Event>(*port_, options_.command_slots),
                                     options_.event_slots),
      waker_of(reactor_), time_now());
  if (restored_through_ == 0) {
    return true;
  }
  LogFollower follower(market_.log());
  const auto durable = static_cast<std::uint64_t>(
      // Acquire pairs with the journal's store: what is counted can be read from the log.
      market_.region().journal.durable.load(std::memory_order_acquire));
  if (!follower.begin_with_oldest(durable)) {
    reason = follower.failure();
    return false;
  }
  for (std::uint32_t at = 0; follower.sequence() != 0 && at < options_.members.size(); ++at) {
    const std::uint64_t session = options_.members[at].market_session;
    edge_->gateway().restore_reference(at, follower.engine().newest_number(session));
  }
  Restorer restorer(edge_->gateway(), options_.members);
  const auto limit = std::chrono::steady_clock::now() + durable_limit;
  while (follower.sequence() < restored_through_) {
    if (follower.advance(restored_through_, restorer) > 0) {
      continue;
    }
    if (!follower.failure().empty()) {
      reason = follower.failure();
      return false;
    }
    if (std::chrono::steady_clock::now() > limit) {
      reason = "the log does not tell of record " + std::to_string(follower.sequence() + 1) +
               "; is its disk full or failing?";
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  edge_->gateway().restored();
  return true;
}

std::uint32_t OrderDuty::do_work(std::uint64_t wait_ns) noexcept {
  const edge::Time now = time_now();
  if (!is_over_ && ended() != client::EndReason::none) {
    is_over_ = true;
    edge_->end(now);
  }
  const bool is_awaited = edge_->gateway().waiting_commands() > 0;
  const std::uint64_t longest = is_awaited && !is_over_ ? answer_wait_ns : wait_ns;
  const bool has_worked = edge_->do_work(now, wait_ns < longest ? wait_ns : longest);
  if (now.steady_ns - counted_ns_ >= count_interval_ns) {
    tell_counts(now.steady_ns);
  }
  return has_worked ? 1 : 0;
}

void OrderDuty::tell_counts(std::uint64_t now_ns) noexcept {
  counted_ns_ = now_ns;
  const auto tell = [](std::atomic<std::uint64_t>& to, std::uint64_t count) noexcept {
    to.store(count, std::memory_order_relaxed);
  };
  const order_entry::GatewayCounts& gateway = edge_->gateway().counts();
  const edge::HostCounts& host = edge_->host_counts();
  tell(counts_.orders, edge_->counts().orders);
  tell(counts_.cancels, edge_->counts().cancels);
  tell(counts_.packets, host.packets);
  tell(counts_.messages, host.sequenced);
  tell(counts_.connections, edge_->open_connections());
  tell(counts_.open_orders, edge_->gateway().open_orders());
  tell(counts_.turned_away, network_->counts().turned_away);
  tell(counts_.ring_full, gateway.ring_full);
  tell(counts_.orders_full, gateway.orders_full);
  tell(counts_.commands_full, gateway.commands_full);
  tell(counts_.unknown_orders, gateway.unknown_orders);
  tell(counts_.repeated_refs, gateway.repeated_refs);
  tell(counts_.stamps_left_out, edge_->stamps().left_out());
  for (std::size_t at = 0; at < host.closed.size(); ++at) {
    tell(counts_.closed[at], host.closed[at]);
  }
}

}  // namespace meridian::duties
