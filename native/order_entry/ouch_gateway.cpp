// Construction, logins, and what clients send.
#include "order_entry/ouch_gateway.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace meridian::order_entry {
namespace {

namespace inbound = protocols::ouch::inbound;
namespace outbound = protocols::ouch::outbound;

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint32_t day_s = 86'400;
constexpr std::uint32_t tag_index_bits = 24;

constexpr bool is_sell(char side) noexcept { return side == 'S' || side == 'T' || side == 'E'; }

OpenOrder said_by(const inbound::EnterOrder& order) noexcept {
  OpenOrder said{};
  said.user_ref = order.user_ref;
  said.price = order.price;
  said.client_order_id = order.client_order_id;
  said.side = order.side;
  said.time_in_force = order.time_in_force;
  said.display = order.display;
  said.capacity = order.capacity;
  said.intermarket_sweep = order.intermarket_sweep;
  said.cross_type = order.cross_type;
  return said;
}

// A replace does not say what stays as it was.
OpenOrder said_by(const inbound::ReplaceOrder& order) noexcept {
  OpenOrder said{};
  said.user_ref = order.user_ref;
  said.price = order.price;
  said.client_order_id = order.client_order_id;
  said.side = ' ';
  said.time_in_force = order.time_in_force;
  said.display = order.display;
  said.capacity = ' ';
  said.intermarket_sweep = order.intermarket_sweep;
  said.cross_type = ' ';
  return said;
}

}  // namespace

std::size_t OuchGateway::arena_bytes(const GatewayOptions& options, std::size_t members) noexcept {
  return OrderTable::arena_bytes(options.orders) + Arena::bytes_of<Pending>(options.commands) +
         Arena::bytes_of<Trade>(options.trades) + Arena::bytes_of<Session>(members) +
         Arena::bytes_of<std::uint32_t>(members) +
         members * Arena::bytes_of<OuchStore::Slot>(options.messages);
}

OuchGateway::OuchGateway(const GatewayOptions& options, std::span<const Member> members,
                         std::span<std::byte> memory, CommandPort port,
                         std::uint64_t now_ns) noexcept
    : OuchGateway(options, members, Arena(memory), port, now_ns) {}

OuchGateway::OuchGateway(const GatewayOptions& options, std::span<const Member> members,
                         Arena arena, CommandPort port, std::uint64_t now_ns) noexcept
    : options_(options),
      members_(members),
      port_(port),
      orders_(arena, options.orders),
      pendings_(arena.take<Pending>(options.commands)),
      trades_(arena.take<Trade>(options.trades)) {
  ensure(std::has_single_bit(options.commands) && options.commands <= (1U << tag_index_bits));
  ensure(std::has_single_bit(options.trades));
  free_pending_ = options.commands;
  auto* bytes = arena.take<std::byte>(members.size() * sizeof(Session));
  sessions_ = reinterpret_cast<Session*>(bytes);
  news_ = arena.take<std::uint32_t>(members.size());
  for (std::uint32_t member = 0; member < members.size(); ++member) {
    OuchStore::Slot* slots = arena.take<OuchStore::Slot>(options.messages);
    new (&sessions_[member]) Session{.sent = OuchStore({slots, options.messages}),
                                     .highest_ref = 0,
                                     .earlier_ref = 0,
                                     .unseen_ref = 0,
                                     .asked_ref = 0,
                                     .taken = {},
                                     .owes_cancel = false,
                                     .has_news = false};
    send(member, outbound::SystemEvent{.event = 'S'}, now_ns);
  }
}

LoginAnswer OuchGateway::login(const protocols::soup::LoginRequest& request,
                               std::uint32_t& member) noexcept {
  const auto found = std::ranges::find_if(
      members_, [&request](const Member& one) { return one.username == request.username; });
  // An unknown user costs the same comparison as a known one.
  const protocols::Text<10> nobody = protocols::Text<10>::of("");
  const bool is_known =
      is_equal_secret(found == members_.end() ? nobody : found->password, request.password);
  if (found == members_.end() || !is_known) {
    return {.refusal = 'A'};
  }
  const auto index = static_cast<std::uint32_t>(found - members_.begin());
  const OuchStore& sent = sessions_[index].sent;
  const auto wanted = protocols::soup::number_of(request.sequence);
  const bool is_this_session =
      request.session.trimmed().empty() || request.session.trimmed() == options_.session.trimmed();
  if (!is_this_session || !wanted.has_value() || *wanted > sent.next()) {
    return {.refusal = 'S'};
  }
  member = index;
  const std::uint64_t next = *wanted == 0 ? sent.next() : std::max(*wanted, sent.oldest());
  counts_.replays_cut += *wanted != 0 && next != *wanted ? 1U : 0U;
  return {.refusal = 0, .session = options_.session, .next_sequence = next};
}

Taken OuchGateway::message(std::uint32_t member, Bytes bytes, std::uint64_t now_ns) noexcept {
  Taken taken = Taken::malformed;
  protocols::decode<inbound::All>(
      bytes, [&](const auto& message) { taken = take(member, message, now_ns); });
  return taken;
}

// A reference counts from the first time on: what comes again, or too late, is ignored. What a
// gateway of before took is different: its answers went with it.
OuchGateway::Reference OuchGateway::take_ref(std::uint32_t member,
                                             std::uint32_t user_ref) noexcept {
  Session& session = sessions_[member];
  if (user_ref > session.highest_ref) {
    session.highest_ref = user_ref;
    return Reference::fresh;
  }
  if (user_ref > session.earlier_ref || user_ref <= session.asked_ref) {
    ++counts_.repeated_refs;
    return Reference::ignored;
  }
  if (was_never_taken(session, user_ref)) {
    session.asked_ref = user_ref;
    ++counts_.unused_refs;
    return Reference::unused;
  }
  return Reference::again;
}

void OuchGateway::reject(std::uint32_t member, std::uint32_t user_ref, Reject reason,
                         protocols::Text<14> client_order_id, std::uint64_t now_ns) noexcept {
  send(member,
       outbound::OrderRejected{.user_ref = user_ref,
                               .reason = static_cast<std::uint16_t>(reason),
                               .client_order_id = client_order_id},
       now_ns);
}

// Sends a command with a tag of its own.
Reject OuchGateway::submit(wire::Command& command, const Pending& pending,
                           Urgency urgency) noexcept {
  std::uint32_t index = free_pending_;
  if (index == options_.commands) {
    if (used_pending_ == options_.commands) {
      ++counts_.commands_full;
      return Reject::processing;
    }
    index = used_pending_;
  }
  command.tag = std::uint32_t{options_.tag_prefix} << tag_index_bits | index;
  if (!port_.submit(port_.context, command, urgency)) {
    ++counts_.ring_full;
    return Reject::processing;
  }
  if (index == free_pending_) {
    free_pending_ = pendings_[index].next_free;
  } else {
    ++used_pending_;
  }
  pendings_[index] = pending;
  ++waiting_;
  return Reject::none;
}

Taken OuchGateway::take(std::uint32_t member, const inbound::EnterOrder& order,
                        std::uint64_t now_ns) noexcept {
  switch (take_ref(member, order.user_ref)) {
    case Reference::fresh:
      break;
    case Reference::again:
      return ask_again(member, 0, said_by(order));
    case Reference::unused:
      reject(member, order.user_ref, Reject::processing, order.client_order_id, now_ns);
      return Taken::done;
    case Reference::ignored:
      return Taken::done;
  }
  const Reject reason = place(member, order, now_ns);
  if (reason != Reject::none) {
    reject(member, order.user_ref, reason, order.client_order_id, now_ns);
  }
  return Taken::done;
}

Reject OuchGateway::place(std::uint32_t member, const inbound::EnterOrder& order,
                          std::uint64_t now_ns) noexcept {
  if (is_ended_) {
    return Reject::destination_closed;
  }
  const Member& owner = members_[member];
  const auto now_s = static_cast<std::uint32_t>(now_ns / second_ns);
  wire::Command command;
  Reject reason = place_of(order, options_.listing, owner.firm, now_s / day_s * day_s, command);
  if (reason != Reject::none) {
    return reason;
  }
  const std::uint32_t entry = orders_.open(member, order.user_ref);
  if (entry == OrderTable::none) {
    ++counts_.orders_full;
    return Reject::processing;
  }
  command.account = owner.account;
  command.group = owner.group;
  command.session = owner.market_session;
  command.number = owner.market_session != 0 ? order.user_ref : 0;
  OpenOrder& open = orders_[entry];
  open.price = order.price;
  open.open = order.quantity;
  open.client_order_id = order.client_order_id;
  open.side = order.side;
  open.time_in_force = order.time_in_force;
  open.display = order.display;
  open.capacity = order.capacity;
  open.intermarket_sweep = order.intermarket_sweep;
  open.cross_type = order.cross_type;
  open.is_iceberg = command.display != 0;
  reason = submit(command,
                  {.member = member,
                   .user_ref = order.user_ref,
                   .replaced = 0,
                   .quantity = order.quantity,
                   .next_free = 0,
                   .asked = Asked::place,
                   .side = order.side,
                   .client_order_id = order.client_order_id},
                  Urgency::order);
  if (reason != Reject::none) {
    orders_.close(entry);
  }
  return reason;
}

Taken OuchGateway::take(std::uint32_t member, const inbound::ReplaceOrder& order,
                        std::uint64_t now_ns) noexcept {
  const std::uint32_t old = orders_.find(member, order.original_user_ref);
  if (old != OrderTable::none && orders_[old].order_id == 0) {
    return Taken::wait;
  }
  switch (take_ref(member, order.user_ref)) {
    case Reference::fresh:
      break;
    case Reference::again:
      return ask_again(member, order.original_user_ref, said_by(order));
    case Reference::unused:
      reject(member, order.user_ref, Reject::processing, order.client_order_id, now_ns);
      return Taken::done;
    case Reference::ignored:
      return Taken::done;
  }
  const Reject reason =
      old == OrderTable::none ? Reject::replace_not_allowed : replace(member, old, order);
  if (reason != Reject::none) {
    reject(member, order.user_ref, reason, order.client_order_id, now_ns);
  }
  return Taken::done;
}

// The engine keeps what an order is; only price and quantity change.
Reject OuchGateway::replacement_of(const OpenOrder& old, const inbound::ReplaceOrder& order,
                                   wire::Command& command) const noexcept {
  if (order.time_in_force != old.time_in_force || order.display != old.display ||
      order.options.present != 0) {
    return Reject::replace_not_allowed;
  }
  if (order.quantity <= old.executed || order.quantity > INT32_MAX) {
    return Reject::quantity_invalid;
  }
  const bool has_no_limit = old.price == market_price || old.price == 0;
  if (has_no_limit ? order.price != old.price
                   : !ticks_of(order.price, options_.listing.price_per_tick, command.price)) {
    return Reject::price_invalid;
  }
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::replace);
  command.order_id = old.order_id;
  command.quantity = order.quantity - old.executed;
  return Reject::none;
}

Reject OuchGateway::replace(std::uint32_t member, std::uint32_t old_entry,
                            const inbound::ReplaceOrder& order) noexcept {
  if (is_ended_) {
    return Reject::destination_closed;
  }
  wire::Command command{};
  Reject reason = replacement_of(orders_[old_entry], order, command);
  if (reason != Reject::none) {
    return reason;
  }
  const std::uint32_t entry = orders_.open(member, order.user_ref);
  if (entry == OrderTable::none) {
    ++counts_.orders_full;
    return Reject::processing;
  }
  const OpenOrder& old = orders_[old_entry];
  OpenOrder& open = orders_[entry];
  open.price = order.price;
  open.open = command.quantity;
  open.executed = old.executed;
  open.client_order_id = order.client_order_id;
  open.side = old.side;
  open.time_in_force = old.time_in_force;
  open.display = old.display;
  open.capacity = old.capacity;
  open.intermarket_sweep = order.intermarket_sweep;
  open.cross_type = old.cross_type;
  open.is_iceberg = old.is_iceberg;
  command.account = members_[member].account;
  command.session = members_[member].market_session;
  command.number = members_[member].market_session != 0 ? order.user_ref : 0;
  reason = submit(command,
                  {.member = member,
                   .user_ref = order.user_ref,
                   .replaced = order.original_user_ref,
                   .quantity = command.quantity,
                   .next_free = 0,
                   .asked = Asked::replace,
                   .side = old.side,
                   .client_order_id = order.client_order_id},
                  Urgency::order);
  if (reason != Reject::none) {
    orders_.close(entry);
  }
  return reason;
}

Reject OuchGateway::cut(const OpenOrder& order, std::uint32_t total, Pending pending) noexcept {
  const std::uint32_t left = total > order.executed ? total - order.executed : 0;
  wire::Command command{};
  command.account = members_[order.session].account;
  command.order_id = order.order_id;
  if (left == 0) {
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
  } else {
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::reduce);
    command.quantity = order.open - left;
  }
  pending.quantity = total;
  return submit(command, pending, Urgency::cancel);
}

Taken OuchGateway::take(std::uint32_t member, const inbound::CancelOrder& cancel,
                        std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(member, cancel.user_ref);
  const auto refuse = [&] {
    send(member, outbound::CancelReject{.user_ref = cancel.user_ref}, now_ns);
  };
  if (entry == OrderTable::none) {
    ++counts_.unknown_orders;
    refuse();
    return Taken::done;
  }
  const OpenOrder& order = orders_[entry];
  if (order.order_id == 0) {
    return Taken::wait;
  }
  // It would not get smaller: there is nothing to do.
  if (cancel.quantity != 0 && cancel.quantity >= std::uint64_t{order.executed} + order.open) {
    return Taken::done;
  }
  const Pending pending{.member = member,
                        .user_ref = cancel.user_ref,
                        .replaced = 0,
                        .quantity = 0,
                        .next_free = 0,
                        .asked = Asked::cancel,
                        .side = order.side,
                        .client_order_id = order.client_order_id};
  if (cut(order, cancel.quantity, pending) != Reject::none) {
    refuse();
  }
  return Taken::done;
}

Taken OuchGateway::take(std::uint32_t member, const inbound::ModifyOrder& modify,
                        std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(member, modify.user_ref);
  if (entry == OrderTable::none) {
    ++counts_.unknown_orders;
    reject(member, modify.user_ref, Reject::other, protocols::Text<14>::of(""), now_ns);
    return Taken::done;
  }
  OpenOrder& order = orders_[entry];
  if (order.order_id == 0) {
    return Taken::wait;
  }
  // Between the kinds of a sell nothing changes for the book; a buy stays a buy.
  const bool keeps_side =
      modify.side == order.side || (is_sell(modify.side) && is_sell(order.side));
  const std::uint64_t total = std::uint64_t{order.executed} + order.open;
  if (!keeps_side || modify.quantity == 0 || modify.quantity > total ||
      modify.quantity <= order.executed) {
    reject(member, modify.user_ref, keeps_side ? Reject::quantity_invalid : Reject::side_invalid,
           order.client_order_id, now_ns);
    return Taken::done;
  }
  if (modify.quantity == total) {
    order.side = modify.side;
    send(member,
         outbound::OrderModified{
             .user_ref = modify.user_ref, .side = modify.side, .quantity = modify.quantity},
         now_ns);
    return Taken::done;
  }
  const Reject reason = cut(order, modify.quantity,
                            {.member = member,
                             .user_ref = modify.user_ref,
                             .replaced = 0,
                             .quantity = 0,
                             .next_free = 0,
                             .asked = Asked::modify,
                             .side = modify.side,
                             .client_order_id = order.client_order_id});
  if (reason != Reject::none) {
    reject(member, modify.user_ref, reason, order.client_order_id, now_ns);
  }
  return Taken::done;
}

Taken OuchGateway::take(std::uint32_t member, const inbound::AccountQuery&,
                        std::uint64_t now_ns) noexcept {
  send(member, outbound::AccountQueryResponse{.next_user_ref = sessions_[member].highest_ref + 1},
       now_ns);
  return Taken::done;
}

void OuchGateway::disconnected(std::uint32_t member) noexcept {
  if (members_[member].cancels_on_disconnect) {
    cancel_all(member);
  }
}

// The engine cancels by account and group, also what the gateway does not know of yet.
void OuchGateway::cancel_all(std::uint32_t member) noexcept {
  const Member& owner = members_[member];
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::mass_cancel);
  command.account = owner.account;
  command.order_type = owner.group != 0 ? wire::filter::by_group : std::uint8_t{0};
  command.group = owner.group;
  const bool is_sent = submit(command,
                              {.member = member,
                               .user_ref = 0,
                               .replaced = 0,
                               .quantity = 0,
                               .next_free = 0,
                               .asked = Asked::mass_cancel,
                               .side = 0,
                               .client_order_id = protocols::Text<14>::of("")},
                              Urgency::cancel) == Reject::none;
  sessions_[member].owes_cancel = !is_sent;
  owes_cancels_ = owes_cancels_ || !is_sent;
}

void OuchGateway::tick() noexcept {
  if (!owes_cancels_) {
    return;
  }
  owes_cancels_ = false;
  for (std::uint32_t member = 0; member < members_.size(); ++member) {
    if (sessions_[member].owes_cancel) {
      cancel_all(member);
    }
  }
}

void OuchGateway::end(std::uint64_t now_ns) noexcept {
  if (is_ended_) {
    return;
  }
  is_ended_ = true;
  for (std::uint32_t member = 0; member < members_.size(); ++member) {
    send(member, outbound::SystemEvent{.event = 'E'}, now_ns);
  }
}

}  // namespace meridian::order_entry
