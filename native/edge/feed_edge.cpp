#include "edge/feed_edge.hpp"

#include <algorithm>

namespace meridian::edge {

namespace soup = protocols::soup;
using order_entry::LoginAnswer;

std::size_t FeedEdge::arena_bytes(const FeedOptions& options) noexcept {
  return Arena::bytes_of<Slot>(options.messages) +
         options.snapshots * Arena::bytes_of<Slot>(options.snapshot_messages) +
         feed::BookFeed::arena_bytes() + SoupHost::arena_bytes(options.connections);
}

FeedEdge::FeedEdge(const FeedOptions& options, std::span<const Subscriber> subscribers,
                   std::span<std::byte> memory, Network& network, UdpPort& udp, Time now)
    : FeedEdge(options, subscribers, Arena(memory), network, udp, now) {}

FeedEdge::FeedEdge(const FeedOptions& options, std::span<const Subscriber> subscribers, Arena arena,
                   Network& network, UdpPort& udp, Time now)
    : options_(options),
      subscribers_(subscribers),
      udp_(udp),
      store_({arena.take<Slot>(options.messages), options.messages}),
      publisher_(
          options.session, store_,
          {&udp.sender(),
           [](void* context, Bytes packet) noexcept {
             static_cast<PacketSender*>(context)->send(packet.size());
           },
           [](void* context) noexcept { return static_cast<PacketSender*>(context)->memory(); }}),
      replayer_(options.session, store_),
      feed_(options.instrument,
            {arena.take<std::byte>(feed::BookFeed::arena_bytes()), feed::BookFeed::arena_bytes()},
            {this,
             [](void* context, Bytes message) noexcept {
               static_cast<FeedEdge*>(context)->publisher_.put(message);
             }}),
      users_(options.connections),
      host_(*this, network, options.connections, options.connections,
            {arena.take<std::byte>(SoupHost::arena_bytes(options.connections)),
             SoupHost::arena_bytes(options.connections)},
            now) {
  snapshots_.reserve(options.snapshots);
  for (std::uint32_t at = 0; at < options.snapshots; ++at) {
    const std::span<Slot> slots(arena.take<Slot>(options.snapshot_messages),
                                options.snapshot_messages);
    snapshots_.push_back({slots, protocols::ItchStore(slots), false});
  }
}

bool FeedEdge::do_work(Time now, std::uint64_t wait_ns) noexcept {
  host_.begin(now);
  publisher_.tick(now.steady_ns);
  udp_.sender().turn();
  bool has_worked = told_ != store_.next();
  if (has_worked) {
    told_ = store_.next();
    host_.tell_all();
  }
  has_worked = host_.turn(has_worked ? 0 : wait_ns) || has_worked;
  has_worked = host_.take_packets() || has_worked;
  has_worked = answer_requests() || has_worked;
  host_.look_at_clocks();
  return has_worked;
}

void FeedEdge::end(Time now) noexcept {
  feed_.end(now.wall_ns);
  publisher_.end(now.steady_ns);
  udp_.sender().turn();
  is_ended_ = true;
  host_.tell_all();
}

bool FeedEdge::answer_requests() noexcept {
  std::array<std::byte, feed::packet_bytes> packet;
  for (std::uint32_t count = 0; count < requests_per_turn; ++count) {
    const Bytes request = udp_.request();
    if (request.empty()) {
      return count != 0;
    }
    std::size_t size = 0;
    if (replayer_.answer(request, packet, size) == feed::MoldReplayer::Answer::sent) {
      udp_.answer(Bytes(packet).first(size));
    }
  }
  return true;
}

bool FeedEdge::knows(const soup::LoginRequest& request) const noexcept {
  return std::ranges::any_of(subscribers_, [&request](const Subscriber& one) {
    return one.username == request.username &&
           order_entry::is_equal_secret(one.password, request.password);
  });
}

LoginAnswer FeedEdge::login(const soup::LoginRequest& request, std::uint32_t& user) noexcept {
  if (!knows(request)) {
    return {.refusal = 'A'};
  }
  const auto free = std::ranges::find_if(users_, [](const User& one) { return !one.is_taken; });
  // There are as many as connections.
  ensure(free != users_.end());
  const auto index = static_cast<std::uint32_t>(free - users_.begin());
  const LoginAnswer answer = request.session.trimmed() == snapshot_session
                                 ? start_snapshot(index)
                                 : start_replay(request, index);
  if (answer.refusal == 0) {
    users_[index].is_taken = true;
    user = index;
  }
  return answer;
}

LoginAnswer FeedEdge::start_replay(const soup::LoginRequest& request, std::uint32_t user) noexcept {
  const auto wanted = soup::number_of(request.sequence);
  const bool is_this_session =
      request.session.trimmed().empty() || request.session.trimmed() == options_.session.trimmed();
  if (!is_this_session || !wanted.has_value() || *wanted > store_.next()) {
    return {.refusal = 'S'};
  }
  users_[user].snapshot = live;
  ++counts_.replays;
  const std::uint64_t next = *wanted == 0 ? store_.next() : std::max(*wanted, store_.oldest());
  counts_.replays_cut += *wanted != 0 && next != *wanted ? 1U : 0U;
  return {.refusal = 0, .session = options_.session, .next_sequence = next};
}

// The book of now, written out: what happens while it is read does not change it.
LoginAnswer FeedEdge::start_snapshot(std::uint32_t user) noexcept {
  const auto free =
      std::ranges::find_if(snapshots_, [](const Snapshot& one) { return !one.is_taken; });
  const std::uint64_t needed =
      std::uint64_t{feed_.displayed_orders()} + feed::BookFeed::snapshot_frame;
  if (free == snapshots_.end() || needed > options_.snapshot_messages) {
    ++counts_.snapshots_refused;
    return {.refusal = 'S'};
  }
  free->is_taken = true;
  free->store = protocols::ItchStore(free->slots);
  feed_.snapshot({&free->store,
                  [](void* context, Bytes message) noexcept {
                    static_cast<protocols::ItchStore*>(context)->append(message);
                  }},
                 host_.now().wall_ns);
  users_[user].snapshot = static_cast<std::uint32_t>(free - snapshots_.begin());
  ++counts_.snapshots;
  return {.refusal = 0, .session = protocols::Text<10>::of(snapshot_session), .next_sequence = 1};
}

void FeedEdge::left(std::uint32_t user) noexcept {
  User& gone = users_[user];
  if (gone.snapshot != live) {
    snapshots_[gone.snapshot].is_taken = false;
  }
  gone = {};
}

}  // namespace meridian::edge
