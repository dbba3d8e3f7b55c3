// What a gateway that has just been started learns from the journal: the orders of its members that
// are open still, and how far their references have risen. Nothing of it is told to anybody.
#include <algorithm>

#include "order_entry/ouch_gateway.hpp"

namespace meridian::order_entry {
namespace {

// What the client said, as far as the command tells: the inverse of place_of.
char display_of(const wire::Command& command) noexcept {
  if (static_cast<wire::OrderType>(command.order_type) == wire::OrderType::pegged_mid) {
    return 'M';
  }
  if ((command.attributes & wire::attribute::post_only) != 0) {
    return 'P';
  }
  return (command.attributes & wire::attribute::hidden) != 0 ? 'N' : 'Y';
}

void set_times(const wire::Command& command, OpenOrder& order) noexcept {
  order.cross_type = 'N';
  order.time_in_force = '0';
  switch (static_cast<wire::TimeInForce>(command.time_in_force)) {
    case wire::TimeInForce::at_open:
      order.cross_type = 'O';
      break;
    case wire::TimeInForce::at_close:
      order.cross_type = 'C';
      break;
    case wire::TimeInForce::good_for_auction:
      order.cross_type = 'H';
      break;
    case wire::TimeInForce::gtd:
      order.time_in_force = '6';
      break;
    case wire::TimeInForce::ioc:
      order.time_in_force = '3';
      break;
    default:
      break;
  }
}

void set_price(const wire::Command& command, const Listing& listing, OpenOrder& order) noexcept {
  const bool is_market =
      static_cast<wire::OrderType>(command.order_type) == wire::OrderType::market;
  order.price =
      is_market ? market_price : static_cast<std::uint64_t>(command.price) * listing.price_per_tick;
}

}  // namespace

// Those between the highest of before and this one were never taken: references rise in the
// journal.
void OuchGateway::note_taken(Session& session, std::uint32_t user_ref) noexcept {
  constexpr std::uint64_t one = 1;
  if (user_ref - session.highest_ref >= references_known) {
    session.taken = {};
  } else {
    for (std::uint32_t between = session.highest_ref + 1; between != user_ref; ++between) {
      session.taken[between % references_known / 64] &= ~(one << between % 64U);
    }
  }
  session.taken[user_ref % references_known / 64] |= one << user_ref % 64U;
  session.highest_ref = user_ref;
}

// False as well for what was taken before the journal that could be read, and for what is too old.
bool OuchGateway::was_never_taken(const Session& session, std::uint32_t user_ref) noexcept {
  const bool is_known =
      user_ref > session.unseen_ref && session.earlier_ref - user_ref < references_known;
  return is_known && (session.taken[user_ref % references_known / 64] >> user_ref % 64U & 1U) == 0;
}

void OuchGateway::restore(std::uint32_t member, const wire::Command& command) noexcept {
  restored_tag_ = no_tag;
  const bool is_place = command.kind == static_cast<std::uint8_t>(wire::CommandKind::place);
  const bool is_replace = command.kind == static_cast<std::uint8_t>(wire::CommandKind::replace);
  // Whatever had such a number was no client of OUCH.
  if (member == no_member || !(is_place || is_replace) || command.number > UINT32_MAX) {
    return;
  }
  const auto user_ref = static_cast<std::uint32_t>(command.number);
  if (user_ref <= sessions_[member].highest_ref) {
    return;  // a resend
  }
  note_taken(sessions_[member], user_ref);
  const std::uint32_t old = is_replace ? orders_.find(command.order_id) : OrderTable::none;
  const std::uint32_t entry =
      is_replace && old == OrderTable::none ? OrderTable::none : orders_.open(member, user_ref);
  if (entry == OrderTable::none) {
    counts_.orders_full += is_place ? 1U : 0U;
    return;
  }
  OpenOrder& order = orders_[entry];
  if (is_replace) {
    const std::uint32_t next = order.next_by_ref;
    order = orders_[old];
    order.order_id = 0;
    order.user_ref = user_ref;
    order.next_by_ref = next;
  } else {
    order.side = command.side == static_cast<std::uint8_t>(wire::Side::buy) ? 'B' : 'S';
    order.display = display_of(command);
    order.capacity = 'P';
    order.intermarket_sweep = 'N';
    order.is_iceberg = command.display != 0;
    order.client_order_id = protocols::Text<14>::of("");
    set_times(command, order);
  }
  if (!is_replace || command.price != 0) {
    set_price(command, options_.listing, order);
  }
  order.open = command.quantity;
  wire::Command unsent{};
  const CommandPort port = port_;
  port_ = {nullptr, [](void*, const wire::Command&, Urgency) noexcept { return true; }};
  const Reject taken = submit(unsent,
                              {.member = member,
                               .user_ref = user_ref,
                               .replaced = is_replace ? orders_[old].user_ref : 0,
                               .quantity = command.quantity,
                               .next_free = 0,
                               .asked = is_replace ? Asked::replace : Asked::place,
                               .side = order.side,
                               .client_order_id = order.client_order_id},
                              Urgency::order);
  port_ = port;
  ensure(taken == Reject::none);
  restored_tag_ = unsent.tag;
}

void OuchGateway::restore(const wire::Event& told) noexcept {
  wire::Event event = told;
  event.flags |= wire::event_is_foreign;
  if (restored_tag_ != no_tag) {
    event.flags &= static_cast<std::uint8_t>(~wire::event_is_foreign);
    event.tag = restored_tag_;
  }
  is_restoring_ = true;
  this->event(event, 0);
  is_restoring_ = false;
}

void OuchGateway::restore_reference(std::uint32_t member, std::uint64_t number) noexcept {
  Session& session = sessions_[member];
  if (number > session.highest_ref && number <= UINT32_MAX) {
    session.highest_ref = static_cast<std::uint32_t>(number);
  }
  session.unseen_ref = session.highest_ref;
}

void OuchGateway::restored() noexcept {
  for (std::uint32_t member = 0; member < members_.size(); ++member) {
    sessions_[member].earlier_ref = sessions_[member].highest_ref;
  }
  // Their connections went with the process that had them.
  for (std::uint32_t member = 0; member < members_.size(); ++member) {
    if (members_[member].cancels_on_disconnect && orders_.has_any(member)) {
      cancel_all(member);
    }
  }
}

// The market recognizes its number, whatever else it says; a cancel of nothing can do no harm.
Taken OuchGateway::ask_again(std::uint32_t member, std::uint32_t replaced,
                             const OpenOrder& said) noexcept {
  std::uint32_t entry = orders_.find(member, said.user_ref);
  const bool is_open = entry != OrderTable::none;
  if (!is_open) {
    entry = orders_.open(member, said.user_ref);
    if (entry == OrderTable::none) {
      return Taken::wait;
    }
    OpenOrder& order = orders_[entry];
    const std::uint32_t next = order.next_by_ref;
    order = said;
    order.session = member;
    order.next_by_ref = next;
  } else {
    orders_[entry].client_order_id = said.client_order_id;
    orders_[entry].intermarket_sweep = said.intermarket_sweep;
  }
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
  command.account = members_[member].account;
  command.session = members_[member].market_session;
  command.number = said.user_ref;
  const Reject taken = submit(command,
                              {.member = member,
                               .user_ref = said.user_ref,
                               .replaced = replaced,
                               .quantity = 0,
                               .next_free = 0,
                               .asked = Asked::again,
                               .side = said.side,
                               .client_order_id = said.client_order_id},
                              Urgency::order);
  if (taken != Reject::none) {
    if (!is_open) {
      orders_.close(entry);
    }
    return Taken::wait;
  }
  sessions_[member].asked_ref = said.user_ref;
  ++counts_.resent_refs;
  return Taken::done;
}

// What the market no longer remembers is ignored like any reference that does not rise: neither
// accepted nor rejected would be true of it. Only what is too old to be known here comes so far.
void OuchGateway::told_again(const Pending& pending, const wire::Event& event,
                             std::uint64_t now_ns) noexcept {
  const std::uint32_t entry = orders_.find(pending.member, pending.user_ref);
  const bool is_told = event.kind == static_cast<std::uint8_t>(wire::EventKind::repeated);
  if (is_told && event.code != 0) {
    reject(pending.member, pending.user_ref, reject_of(static_cast<wire::Refusal>(event.code)),
           pending.client_order_id, now_ns);
  }
  if (entry == OrderTable::none) {
    return;
  }
  OpenOrder& order = orders_[entry];
  bool is_open = order.order_id != 0;
  if (is_told && event.code == 0) {
    if (!is_open) {
      order.open = event.remaining;
      order.executed = event.quantity;
      // Of before what was read of the log: it may be open still.
      is_open = pending.user_ref <= sessions_[pending.member].unseen_ref && event.remaining != 0;
      if (is_open) {
        orders_.name(entry, event.order_id);
      }
    }
    const char state = is_open ? 'L' : 'D';
    if (pending.replaced != 0) {
      send_replaced(order, event.order_id, pending.replaced, state, now_ns);
    } else {
      send_accepted(order, event.order_id, event.quantity + event.remaining, state, now_ns);
    }
  }
  if (!is_open) {
    orders_.close(entry);
  }
}

}  // namespace meridian::order_entry
