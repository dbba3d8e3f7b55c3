#include "edge/soup_host.hpp"

#include <cstring>

namespace meridian::edge {

namespace soup = protocols::soup;
using order_entry::Closing;
using order_entry::LoginAnswer;
using order_entry::SoupServer;
using order_entry::Taken;

namespace {

// Clocks are looked at so often.
constexpr std::uint64_t look_ns = 50'000'000;

}  // namespace

struct SoupHost::Handler {
  SoupHost& host;
  std::uint32_t index;
  std::uint32_t user = none;

  LoginAnswer login(const soup::LoginRequest& request) noexcept {
    return host.application_.login(request, user);
  }
  void accepted(const LoginAnswer& answer) noexcept {
    const std::uint32_t before = host.of_user_[user];
    if (before != none) {
      host.connections_[before].server.close(Closing::replaced);
      host.start_leaving(before);
    }
    Connection& connection = host.connections_[index];
    connection.user = user;
    connection.next_sequence = answer.next_sequence;
    host.of_user_[user] = index;
    host.put(connection, soup::LoginAccepted{.session = answer.session,
                                             .sequence = soup::text_of(answer.next_sequence)});
  }
  Taken data(Bytes message) noexcept {
    return host.application_.data(host.connections_[index].user, message);
  }
};

SoupHost::SoupHost(SoupApplication& application, Network& network, std::uint32_t connections,
                   std::uint32_t users, std::span<std::byte> memory, Time now)
    : application_(application),
      network_(network),
      now_(now),
      connections_(connections),
      of_user_(users, none) {
  ensure(memory.size() >= arena_bytes(connections));
  // What grows later is bounded by these.
  ready_.reserve(connections);
  taking_.reserve(connections);
  std::byte* next = memory.data();
  for (Connection& connection : connections_) {
    connection.input = next;
    connection.output = next + input_bytes;
    next += input_bytes + output_bytes;
  }
}

bool SoupHost::turn(std::uint64_t wait_ns) noexcept {
  return network_.turn(*this, ready_.empty() ? wait_ns : 0);
}

void SoupHost::tell_all() noexcept {
  for (const std::uint32_t index : of_user_) {
    if (index != none) {
      pump(index);
    }
  }
}

// Cancels of all connections, as far as they come first in theirs; then everything in its order.
bool SoupHost::take_packets() noexcept {
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

bool SoupHost::take_packets_of(std::uint32_t index, bool only_urgent,
                               std::uint32_t& budget) noexcept {
  Connection& connection = connections_[index];
  Handler handler{*this, index};
  std::uint32_t own_budget = packets_per_connection;
  bool is_left = false;
  while (connection.is_open && !connection.is_leaving) {
    const SoupServer::Head head = SoupServer::peek(connection.unread());
    is_left = head.packet != 0;
    if (is_left &&
        (budget == 0 || own_budget == 0 || (only_urgent && !application_.is_urgent(head)))) {
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

void SoupHost::look_at_clocks() noexcept {
  if (now_.steady_ns - looked_ns_ < look_ns) {
    return;
  }
  looked_ns_ = now_.steady_ns;
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

void SoupHost::mark_ready(std::uint32_t index) noexcept {
  if (!connections_[index].is_ready) {
    connections_[index].is_ready = true;
    ready_.push_back(index);
  }
}

void SoupHost::connected(std::uint32_t index) noexcept {
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

void SoupHost::received(std::uint32_t index, Bytes bytes) noexcept {
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

void SoupHost::sent(std::uint32_t index, std::size_t bytes) noexcept {
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

void SoupHost::broken(std::uint32_t index) noexcept {
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

void SoupHost::closed(std::uint32_t index) noexcept {
  connections_[index].is_open = false;
  --open_;
}

// Counts why it ends and frees its member, who may log in anew.
void SoupHost::let_go(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  connection.is_leaving = true;
  connection.leaves_ns = now_.steady_ns + farewell_ns;
  ++counts_.closed[static_cast<std::size_t>(connection.server.closing())];
  if (connection.user != none) {
    if (of_user_[connection.user] == index) {
      of_user_[connection.user] = none;
    }
    application_.left(connection.user);
    connection.user = none;
  }
}

// Says why, if the protocol has a word for it, and closes when that is sent.
void SoupHost::start_leaving(std::uint32_t index) noexcept {
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

void SoupHost::close_now(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_closed) {
    connection.is_closed = true;
    network_.close(index);
  }
}

std::byte* SoupHost::room(Connection& connection, std::size_t bytes) noexcept {
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
bool SoupHost::put(Connection& connection, const Packet& packet) noexcept {
  std::byte* to = room(connection, soup::length_bytes + Packet::size);
  if (to == nullptr) {
    return false;
  }
  connection.output_end += static_cast<std::uint32_t>(soup::encode_packet(packet, to));
  connection.server.said(now_.steady_ns);
  return true;
}

void SoupHost::put_debug(Connection& connection, std::string_view text) noexcept {
  const std::size_t bytes = soup::data_header_bytes + text.size();
  std::byte* to = room(connection, bytes);
  if (to != nullptr) {
    soup::encode_data_header(soup::debug, text.size(), to);
    std::memcpy(to + soup::data_header_bytes, text.data(), text.size());
    connection.output_end += static_cast<std::uint32_t>(bytes);
  }
}

// Sequenced messages, as many as there is room for.
void SoupHost::fill(Connection& connection) noexcept {
  const std::uint32_t user = connection.user;
  if (connection.next_sequence < application_.oldest(user)) {
    connection.server.close(Closing::reader_slow);
    return;
  }
  for (const std::uint64_t end = application_.next(user); connection.next_sequence != end;) {
    const Bytes message = application_.message(user, connection.next_sequence);
    std::byte* to = room(connection, soup::data_header_bytes + message.size());
    if (to == nullptr) {
      return;
    }
    soup::encode_data_header(soup::sequenced_data, message.size(), to);
    std::memcpy(to + soup::data_header_bytes, message.data(), message.size());
    connection.output_end += static_cast<std::uint32_t>(soup::data_header_bytes + message.size());
    connection.server.said(now_.steady_ns);
    ++connection.next_sequence;
    ++counts_.sequenced;
  }
  if (application_.is_over(user)) {
    connection.server.close(Closing::ended);
  }
}

void SoupHost::pump(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (!connection.is_open || connection.is_closed) {
    return;
  }
  if (connection.user != none) {
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
