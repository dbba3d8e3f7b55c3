#include "edge/order_edge.hpp"

namespace meridian::edge {

namespace soup = protocols::soup;
using order_entry::SoupServer;
using order_entry::Urgency;

std::size_t OrderEdge::arena_bytes(const EdgeOptions& options, std::size_t members) noexcept {
  return SoupHost::arena_bytes(options.connections) +
         order_entry::OuchGateway::arena_bytes(options.gateway, members);
}

OrderEdge::OrderEdge(const EdgeOptions& options, std::span<const order_entry::Member> members,
                     std::span<std::byte> memory, Network& network,
                     rings::RingWriter<wire::Command> commands,
                     rings::RingReader<wire::Event> events, RingPeer peer, Time now)
    : options_(options),
      commands_(commands),
      events_(events),
      peer_(peer),
      stamps_(options.stamps, options.gateway.tag_prefix, options.gateway.commands),
      gateway_(options.gateway, members, memory.subspan(SoupHost::arena_bytes(options.connections)),
               {this,
                [](void* context, const wire::Command& command, Urgency urgency) noexcept {
                  return static_cast<OrderEdge*>(context)->submit(command, urgency);
                }},
               now.wall_ns),
      host_(*this, network, options.connections, static_cast<std::uint32_t>(members.size()), memory,
            now) {
  ensure(options.slots_for_cancels < commands.capacity());
}

bool OrderEdge::do_work(Time now, std::uint64_t wait_ns) noexcept {
  host_.begin(now);
  bool has_worked = take_events();
  // What the turn before refused at once is news as well.
  gateway_.drain_news([this](std::uint32_t member) { host_.tell(member); });
  has_worked = host_.turn(has_worked ? 0 : wait_ns) || has_worked;
  if (stamps_.is_on()) {
    stamps_.told();
    stamps_.heard_network();
  }
  has_worked = host_.take_packets() || has_worked;
  gateway_.tick();
  publish();
  host_.look_at_clocks();
  return has_worked;
}

void OrderEdge::end(Time now) noexcept {
  gateway_.end(now.wall_ns);
  host_.tell_all();
}

// What can only make the book smaller, and what concerns the connection alone.
bool OrderEdge::is_urgent(SoupServer::Head head) const noexcept {
  if (head.packet != soup::unsequenced_data) {
    return head.packet != soup::LoginRequest::letter;
  }
  return head.message == protocols::ouch::inbound::CancelOrder::letter ||
         head.message == protocols::ouch::inbound::ModifyOrder::letter;
}

bool OrderEdge::take_events() noexcept {
  const std::uint32_t waiting = events_.available();
  const std::uint32_t count = waiting < events_per_turn ? waiting : events_per_turn;
  if (count == 0) {
    return false;
  }
  const bool is_stamped = stamps_.is_on();
  if (is_stamped) {
    stamps_.begin_events();
  }
  for (std::uint32_t at = 0; at < count; ++at) {
    // The slot stays the producer's memory: only the copy is used.
    const wire::Event event = events_.at(at);
    gateway_.event(event, host_.now().wall_ns);
    if (is_stamped) {
      stamps_.took(event);
    }
  }
  events_.advance(count);
  events_.release_ordered();
  peer_.released(peer_.context);
  return true;
}

bool OrderEdge::submit(const wire::Command& command, Urgency urgency) noexcept {
  const bool is_cancel = urgency == Urgency::cancel;
  if (!commands_.has_room(is_cancel ? 1 : options_.slots_for_cancels + 1)) {
    return false;
  }
  *commands_.next() = command;
  has_published_ = true;
  if (stamps_.is_on()) {
    stamps_.offered(command.tag);
  }
  ++(is_cancel ? counts_.cancels : counts_.orders);
  return true;
}

void OrderEdge::publish() noexcept {
  if (has_published_) {
    has_published_ = false;
    commands_.publish_ordered();
    peer_.published(peer_.context);
  }
}

}  // namespace meridian::edge
