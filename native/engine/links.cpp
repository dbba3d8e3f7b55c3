// Linked orders: one cancels the other, and brackets.
#include <utility>

#include "engine/market.hpp"

namespace meridian::engine {

void Market::link(OrderSlot slot, OrderSlot linked, wire::Link kind) noexcept {
  give_terms(linked);
  Terms& own = terms(slot);
  Terms& other = terms(linked);
  own.link = linked;
  if (kind == wire::Link::oco) {
    own.role = LinkRole::partner;
    other.role = LinkRole::partner;
    other.link = slot;
    return;
  }
  own.role = LinkRole::child;
  other.role = LinkRole::parent;
  (other.link == no_slot ? other.link : other.other_link) = slot;
}

// The partner of an order, which has none from now on; nor has the partner.
OrderSlot Market::take_partner(OrderSlot slot) noexcept {
  if (!pool_[slot].has_terms() || terms(slot).role != LinkRole::partner) {
    return no_slot;
  }
  const OrderSlot partner = terms(slot).link;
  for (const OrderSlot one : {slot, partner}) {
    terms(one).role = LinkRole::none;
    terms(one).link = no_slot;
  }
  return partner;
}

void Market::cancel_linked(OrderSlot slot) noexcept {
  // An aggressor without lots leaves by itself.
  if (pool_.lots(slot) != QuantityLots{0}) {
    cancel_order(slot, wire::CancelReason::linked);
  }
}

// What the leaving of an order causes. Its slot is free, but nothing has taken it yet.
void Market::follow_links(OrderSlot slot) noexcept {
  Terms& own = terms(slot);
  const LinkRole role = own.role;
  own.role = LinkRole::none;
  switch (role) {
    case LinkRole::none:
      return;
    case LinkRole::partner: {
      const OrderSlot partner = own.link;
      terms(partner).role = LinkRole::none;
      terms(partner).link = no_slot;
      cancel_linked(partner);
      return;
    }
    case LinkRole::child: {
      Terms& parent = terms(own.link);
      if (parent.link == slot) {
        parent.link = parent.other_link;
      }
      parent.other_link = no_slot;
      if (parent.link == no_slot) {
        parent.role = LinkRole::none;
      }
      return;
    }
    case LinkRole::parent:
      break;
  }
  OrderSlot first = own.link;
  OrderSlot second = own.other_link;
  if (second != no_slot && terms(second).accepted < terms(first).accepted) {
    std::swap(first, second);
  }
  const bool become_partners = second != no_slot;
  const QuantityLots executed{pool_.executed(slot)};
  const OrderId parent_id = pool_.id_of(slot);
  for (const OrderSlot child : {first, second}) {
    if (child == no_slot) {
      continue;
    }
    const bool is_activated = executed != QuantityLots{0};
    terms(child).role = LinkRole::none;
    terms(child).link = no_slot;
    if (is_activated && become_partners) {
      terms(child).role = LinkRole::partner;
      terms(child).link = child == first ? second : first;
    }
    if (!is_activated) {
      cancel_order(child, wire::CancelReason::linked);
      continue;
    }
    const QuantityLots lots = pool_.lots(child);
    if (lots > executed) {
      take_lots(child, lots - executed, wire::CancelReason::linked);
    }
    wire::Event event = event_of(wire::EventKind::activated, child);
    event.other_order_id = parent_id.value();
    out_->put(event);
    detach(child);
    enqueue(child);
  }
}

// After an `executed`: who was filled leaves, and the partners of both are canceled.
void Market::follow_execution(OrderSlot aggressor, OrderSlot maker, bool is_filled) noexcept {
  const OrderSlot makers = take_partner(maker);
  // Partners that trade with each other have lost each other by now.
  const OrderSlot aggressors = makers == aggressor ? maker : take_partner(aggressor);
  if (is_filled) {
    close(maker);
  }
  if (makers != no_slot) {
    cancel_linked(makers);
  }
  if (aggressors != no_slot && !(aggressors == maker && is_filled)) {
    cancel_linked(aggressors);
  }
}

// The links of a replaced order go over to the new one.
void Market::carry_links(const Terms& old, OrderSlot old_slot, OrderSlot slot) noexcept {
  Terms& own = terms(slot);
  own.role = old.role;
  own.link = old.link;
  own.other_link = old.other_link;
  switch (old.role) {
    case LinkRole::none:
      return;
    case LinkRole::partner:
      terms(old.link).link = slot;
      return;
    case LinkRole::child: {
      Terms& parent = terms(old.link);
      (parent.link == old_slot ? parent.link : parent.other_link) = slot;
      return;
    }
    case LinkRole::parent:
      terms(old.link).link = slot;
      if (old.other_link != no_slot) {
        terms(old.other_link).link = slot;
      }
      return;
  }
}

}  // namespace meridian::engine
