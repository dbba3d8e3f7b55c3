#include "edge/order_edge.hpp"

#include <cstring>

namespace meridian::edge {

namespace soup = protocols::soup;
using order_entry::Closing;
using order_entry::LoginAnswer;
using order_entry::SoupServer;
using order_entry::Taken;
using order_entry::Urgency;

namespace {

// Clocks are looked at so often.
constexpr std::uint64_t look_ns = 50'000'000;
constexpr std::size_t longest_sequenced =
    soup::data_header_bytes + order_entry::OuchStore::most_message_bytes;

// What goes first when there is little room: it can only make the book smaller.
bool is_urgent(SoupServer::Head head) noexcept {
  if (head.packet != soup::unsequenced_data) {
    return head.packet != soup::LoginRequest::letter;
  }
  return head.message == protocols::ouch::inbound::CancelOrder::letter ||
         head.message == protocols::ouch::inbound::ModifyOrder::letter;
}

std::size_t buffers_of(std::size_t connections) noexcept {
  return connections * (OrderEdge::input_bytes + OrderEdge::output_bytes);
}

}  // namespace

struct OrderEdge::Handler {
  OrderEdge& edge;
  std::uint32_t index;
  std::uint32_t member = none;

  LoginAnswer login(const soup::LoginRequest& request) noexcept {
    return edge.gateway_.login(request, member);
  }
  void accepted(const LoginAnswer& answer) noexcept {
    const std::uint32_t before = edge.of_member_[member];
    if (before != none) {
      edge.connections_[before].server.close(Closing::replaced);
      edge.start_leaving(before);
    }
    Connection& connection = edge.connections_[index];
    connection.member = member;
    connection.next_sequence = answer.next_sequence;
    edge.of_member_[member] = index;
    edge.put(connection, soup::LoginAccepted{.session = answer.session,
                                             .sequence = soup::text_of(answer.next_sequence)});
  }
  Taken data(Bytes message) noexcept {
    return edge.gateway_.message(edge.connections_[index].member, message, edge.now_.wall_ns);
  }
};

std::size_t OrderEdge::arena_bytes(const EdgeOptions& options, std::size_t members) noexcept {
  return Arena::bytes_of<std::byte>(buffers_of(options.connections)) +
         order_entry::OuchGateway::arena_bytes(options.gateway, members);
}

OrderEdge::OrderEdge(const EdgeOptions& options, std::span<const order_entry::Member> members,
                     std::span<std::byte> memory, Network& network,
                     rings::RingWriter<wire::Command> commands,
                     rings::RingReader<wire::Event> events, RingPeer peer, Time now)
    : options_(options),
      network_(network),
      commands_(commands),
      events_(events),
      peer_(peer),
      now_(now),
      connections_(options.connections),
      of_member_(members.size(), none),
      gateway_(options.gateway, members,
               memory.subspan(Arena::bytes_of<std::byte>(buffers_of(options.connections))),
               {this,
                [](void* context, const wire::Command& command, Urgency urgency) noexcept {
                  return static_cast<OrderEdge*>(context)->submit(command, urgency);
                }},
               now.wall_ns) {
  ensure(options.slots_for_cancels < commands.capacity());
  // What grows later is bounded by these.
  ready_.reserve(options.connections);
  taking_.reserve(options.connections);
  std::byte* next = memory.data();
  for (Connection& connection : connections_) {
    connection.input = next;
    connection.output = next + input_bytes;
    next += input_bytes + output_bytes;
  }
}

bool OrderEdge::do_work(Time now, std::uint64_t wait_ns) noexcept {
  now_ = now;
  const bool may_wait = ready_.empty();
  bool has_worked = network_.turn(*this, may_wait ? wait_ns : 0);
  has_worked = take_events() || has_worked;
  has_worked = take_packets() || has_worked;
  gateway_.tick();
  publish();
  gateway_.drain_news([this](std::uint32_t member) {
    if (of_member_[member] != none) {
      pump(of_member_[member]);
    }
  });
  if (now_.steady_ns - looked_ns_ >= look_ns) {
    looked_ns_ = now_.steady_ns;
    look_at_clocks();
  }
  return has_worked;
}

void OrderEdge::end(Time now) noexcept {
  now_ = now;
  is_ended_ = true;
  gateway_.end(now.wall_ns);
  for (std::uint32_t index = 0; index < connections_.size(); ++index) {
    if (connections_[index].member != none) {
      pump(index);
    }
  }
}

bool OrderEdge::take_events() noexcept {
  const std::uint32_t waiting = events_.available();
  const std::uint32_t count = waiting < events_per_turn ? waiting : events_per_turn;
  if (count == 0) {
    return false;
  }
  for (std::uint32_t at = 0; at < count; ++at) {
    // The slot stays the producer's memory: only the copy is used.
    const wire::Event event = events_.at(at);
    gateway_.event(event, now_.wall_ns);
  }
  events_.advance(count);
  events_.release_ordered();
  peer_.released(peer_.context);
  return true;
}

// Cancels of all connections, as far as they come first in theirs; then everything in its order.
bool OrderEdge::take_packets() noexcept {
  if (ready_.empty()) {
    return false;
  }
  taking_.swap(ready_);
  for (const std::uint32_t index : taking_) {
    connections_[index].is_ready = false;
  }
  std::uint32_t budget = packets_per_turn;
  for (const std::uint32_t index : taking_) {
    static_cast<void>(take_packets_of(index, true, budget));
  }
  for (const std::uint32_t index : taking_) {
    if (take_packets_of(index, false, budget)) {
      mark_ready(index);
    }
  }
  const bool has_worked = budget != packets_per_turn;
  taking_.clear();
  return has_worked;
}

bool OrderEdge::take_packets_of(std::uint32_t index, bool only_cancels,
                                std::uint32_t& budget) noexcept {
  Connection& connection = connections_[index];
  Handler handler{*this, index};
  std::uint32_t own_budget = packets_per_connection;
  bool is_left = false;
  while (connection.is_open && !connection.is_leaving) {
    const SoupServer::Head head = SoupServer::peek(connection.unread());
    is_left = head.packet != 0;
    if (is_left && (budget == 0 || own_budget == 0 || (only_cancels && !is_urgent(head)))) {
      break;
    }
    const std::size_t taken = connection.server.take(connection.unread(), now_.steady_ns, handler);
    connection.input_start += static_cast<std::uint32_t>(taken);
    if (connection.server.closing() != Closing::none) {
      start_leaving(index);
      return false;
    }
    if (taken == 0) {
      break;
    }
    ++counts_.packets;
    --budget;
    --own_budget;
  }
  if (connection.is_paused && connection.input_end - connection.input_start < pause_bytes / 2) {
    connection.is_paused = false;
    network_.resume(index);
  }
  if (connection.is_open && connection.output_end != connection.output_start) {
    pump(index);
  }
  return is_left && connection.is_open && !connection.is_leaving;
}

void OrderEdge::look_at_clocks() noexcept {
  for (std::uint32_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    if (!connection.is_open || connection.is_closed) {
      continue;
    }
    if (connection.is_leaving) {
      if (now_.steady_ns >= connection.leaves_ns) {
        close_now(index);
      }
      continue;
    }
    connection.server.tick(now_.steady_ns);
    if (connection.server.closing() != Closing::none) {
      start_leaving(index);
    } else if (connection.server.owes_heartbeat(now_.steady_ns) && !connection.is_sending) {
      put(connection, soup::ServerHeartbeat{});
      pump(index);
    }
  }
}

bool OrderEdge::submit(const wire::Command& command, Urgency urgency) noexcept {
  const bool is_cancel = urgency == Urgency::cancel;
  if (!commands_.has_room(is_cancel ? 1 : options_.slots_for_cancels + 1)) {
    return false;
  }
  *commands_.next() = command;
  has_published_ = true;
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

void OrderEdge::mark_ready(std::uint32_t index) noexcept {
  if (!connections_[index].is_ready) {
    connections_[index].is_ready = true;
    ready_.push_back(index);
  }
}

void OrderEdge::connected(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  std::byte* input = connection.input;
  std::byte* output = connection.output;
  const bool is_ready = connection.is_ready;
  connection = Connection{};
  connection.server = SoupServer(now_.steady_ns);
  connection.input = input;
  connection.output = output;
  connection.is_ready = is_ready;
  connection.is_open = true;
  ++open_;
}

void OrderEdge::received(std::uint32_t index, Bytes bytes) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_open || connection.is_leaving) {
    return;
  }
  if (bytes.size() > input_bytes - connection.input_end) {
    const std::size_t held = connection.unread().size();
    std::memmove(connection.input, connection.input + connection.input_start, held);
    connection.input_start = 0;
    connection.input_end = static_cast<std::uint32_t>(held);
    if (bytes.size() > input_bytes - held) {
      connection.server.close(Closing::input_full);
      start_leaving(index);
      return;
    }
  }
  if (connection.input_start == connection.input_end) {
    connection.input_start = 0;
    connection.input_end = 0;
  }
  std::memcpy(connection.input + connection.input_end, bytes.data(), bytes.size());
  connection.input_end += static_cast<std::uint32_t>(bytes.size());
  mark_ready(index);
  if (!connection.is_paused && connection.unread().size() >= pause_bytes) {
    connection.is_paused = true;
    ++counts_.pauses;
    network_.pause(index);
  }
}

void OrderEdge::sent(std::uint32_t index, std::size_t bytes) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_open) {
    return;
  }
  connection.is_sending = false;
  if (bytes == 0) {
    broken(index);
    return;
  }
  connection.output_start += static_cast<std::uint32_t>(bytes);
  pump(index);
}

void OrderEdge::broken(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_open || connection.is_closed) {
    return;
  }
  connection.server.close(Closing::peer);
  if (!connection.is_leaving) {
    let_go(index);
  }
  close_now(index);
}

void OrderEdge::closed(std::uint32_t index) noexcept {
  connections_[index].is_open = false;
  --open_;
}

// Counts why it ends and frees its member, who may log in anew.
void OrderEdge::let_go(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  connection.is_leaving = true;
  connection.leaves_ns = now_.steady_ns + farewell_ns;
  ++counts_.closed[static_cast<std::size_t>(connection.server.closing())];
  if (connection.member != none) {
    if (of_member_[connection.member] == index) {
      of_member_[connection.member] = none;
    }
    gateway_.disconnected(connection.member);
    connection.member = none;
  }
}

// Says why, if the protocol has a word for it, and closes when that is sent.
void OrderEdge::start_leaving(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (connection.is_leaving) {
    return;
  }
  const Closing closing = connection.server.closing();
  let_go(index);
  switch (closing) {
    case Closing::login_refused:
      put(connection, soup::LoginRejected{.reason = connection.server.login_refusal()});
      break;
    case Closing::ended:
      put(connection, soup::EndOfSession{});
      break;
    case Closing::logged_out:
    case Closing::peer:
      break;
    default:
      put_debug(connection, order_entry::name_of(closing));
      break;
  }
  pump(index);
}

void OrderEdge::close_now(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_closed) {
    connection.is_closed = true;
    network_.close(index);
  }
}

std::byte* OrderEdge::room(Connection& connection, std::size_t bytes) noexcept {
  if (!connection.is_sending && connection.output_start != 0) {
    const std::size_t waiting = connection.output_end - connection.output_start;
    std::memmove(connection.output, connection.output + connection.output_start, waiting);
    connection.output_start = 0;
    connection.output_end = static_cast<std::uint32_t>(waiting);
  }
  return bytes <= output_bytes - connection.output_end ? connection.output + connection.output_end
                                                       : nullptr;
}

// False when there is no room: what cannot be said to one who does not read is left out.
template <class Packet>
bool OrderEdge::put(Connection& connection, const Packet& packet) noexcept {
  std::byte* to = room(connection, soup::length_bytes + Packet::size);
  if (to == nullptr) {
    return false;
  }
  connection.output_end += static_cast<std::uint32_t>(soup::encode_packet(packet, to));
  connection.server.said(now_.steady_ns);
  return true;
}

void OrderEdge::put_debug(Connection& connection, std::string_view text) noexcept {
  const std::size_t bytes = soup::data_header_bytes + text.size();
  std::byte* to = room(connection, bytes);
  if (to != nullptr) {
    soup::encode_data_header(soup::debug, text.size(), to);
    std::memcpy(to + soup::data_header_bytes, text.data(), text.size());
    connection.output_end += static_cast<std::uint32_t>(bytes);
  }
}

// Sequenced messages, as many as there is room for.
void OrderEdge::fill(Connection& connection) noexcept {
  const order_entry::OuchStore& store = gateway_.sent(connection.member);
  if (connection.next_sequence < store.oldest()) {
    connection.server.close(Closing::reader_slow);
    return;
  }
  while (store.has(connection.next_sequence)) {
    std::byte* to = room(connection, longest_sequenced);
    if (to == nullptr) {
      return;
    }
    const Bytes message = store.at(connection.next_sequence);
    soup::encode_data_header(soup::sequenced_data, message.size(), to);
    std::memcpy(to + soup::data_header_bytes, message.data(), message.size());
    connection.output_end += static_cast<std::uint32_t>(soup::data_header_bytes + message.size());
    connection.server.said(now_.steady_ns);
    ++connection.next_sequence;
    ++counts_.sequenced;
  }
  if (is_ended_) {
    connection.server.close(Closing::ended);
  }
}

void OrderEdge::pump(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_open || connection.is_closed) {
    return;
  }
  if (connection.member != none) {
    fill(connection);
    if (connection.server.closing() != Closing::none) {
      start_leaving(index);
      return;
    }
  }
  if (connection.is_sending) {
    return;
  }
  const std::uint32_t waiting = connection.output_end - connection.output_start;
  if (waiting != 0) {
    connection.is_sending = true;
    network_.send(index, {connection.output + connection.output_start, waiting});
  } else if (connection.is_leaving) {
    close_now(index);
  }
}

}  // namespace meridian::edge
