#include "feed/book_feed.hpp"

#include <array>
#include <type_traits>

#include "protocols/soup.hpp"

namespace meridian::feed {
namespace {

namespace attribute = wire::attribute;
namespace itch = protocols::itch;
using wire::EventKind;
using wire::MarketState;
using wire::TimeInForce;

constexpr std::uint64_t day_ns = 86'400'000'000'000;

// What is remembered of an order.
constexpr std::uint8_t is_limit = 1;
constexpr std::uint8_t is_hidden = 2;
constexpr std::uint8_t is_unmet = 4;  // a minimum that nothing has met
constexpr std::uint8_t is_child = 8;
constexpr std::uint8_t is_queued = 16;    // it will enter by work, and be announced
constexpr std::uint8_t was_shown = 32;    // its id is used up as a reference
constexpr std::uint8_t is_left_out = 64;  // its price does not fit

// References besides order ids: those of icebergs that show anew must not tell which order it is.
constexpr std::uint64_t refreshed_bit = std::uint64_t{1} << 63U;

constexpr char letter_of(std::uint8_t side) noexcept { return side == 0 ? 'B' : 'S'; }

constexpr bool is_call(MarketState state) noexcept {
  return state >= MarketState::pre_open && state <= MarketState::closing_auction;
}

constexpr char cross_letter(MarketState state) noexcept {
  switch (state) {
    case MarketState::closing_auction:
      return 'C';
    case MarketState::volatility_auction:
      return 'H';
    default:
      return 'O';
  }
}

}  // namespace

BookFeed::BookFeed(const Instrument& instrument, std::span<std::byte> memory,
                   MessageSink sink) noexcept
    : instrument_(instrument), sink_(sink) {
  Arena arena(memory);
  orders_ = arena.take<Order>(slot_count);
}

void BookFeed::command(const wire::Command& command, std::uint64_t timestamp_ns) noexcept {
  command_ = command;
  midnight_ns_ = timestamp_ns % day_ns;
}

void BookFeed::event(const wire::Event& event) noexcept {
  switch (static_cast<EventKind>(event.kind)) {
    case EventKind::accepted:
      accept(event);
      break;
    case EventKind::executed:
      execute(event);
      break;
    case EventKind::canceled:
      cancel(event);
      break;
    case EventKind::reduced:
      reduce(event);
      break;
    case EventKind::replaced:
      replace(event);
      break;
    case EventKind::configured:
      configured();
      break;
    case EventKind::state_set:
      set_state(event);
      break;
    case EventKind::rested:
      rest(event);
      break;
    case EventKind::triggered:
    case EventKind::activated:
      if (Order* order = find(event.order_id); order != nullptr) {
        order->flags |= is_queued;
        order->flags &= static_cast<std::uint8_t>(~is_child);
      }
      break;
    case EventKind::repriced:
      reprice(event);
      break;
    case EventKind::indicative:
      indicate(event);
      break;
    case EventKind::busted:
      put(itch::BrokenTrade{.match = match_number(event.order_id, event.remaining)});
      break;
    case EventKind::corrected:
      correct(event);
      break;
    default:
      break;
  }
  if ((event.flags & wire::event_is_last) != 0) {
    settle_pending();
    settle_leaving();
  }
}

BookFeed::Order* BookFeed::find(std::uint64_t order_id) noexcept {
  Order& order = orders_[order_id & (slot_count - 1)];
  return order.order_id == order_id ? &order : nullptr;
}

BookFeed::Order& BookFeed::make(const wire::Event& event) noexcept {
  const auto slot = static_cast<std::uint32_t>(event.order_id & (slot_count - 1));
  Order& order = orders_[slot];
  order.order_id = event.order_id;
  order.price = static_cast<std::uint32_t>(event.price);
  order.side = event.side;
  order.shown = 0;
  pending_ = {.slot = slot, .lots = event.quantity};
  return order;
}

void BookFeed::accept(const wire::Event& event) noexcept {
  Order& order = make(event);
  const std::uint16_t bits = command_.attributes;
  const auto flag = [](bool holds, std::uint8_t bit) noexcept {
    return holds ? bit : std::uint8_t{0};
  };
  const bool is_link_child = (bits & attribute::link_bits) >> attribute::link_shift ==
                             static_cast<unsigned>(wire::Link::child);
  order.flags = static_cast<std::uint8_t>(
      flag(event.code == static_cast<std::uint8_t>(wire::OrderType::limit), is_limit) |
      flag((bits & attribute::hidden) != 0, is_hidden) |
      flag((bits & attribute::all_or_none) != 0 || command_.minimum != 0, is_unmet) |
      flag(is_link_child, is_child));
  order.time_in_force = command_.time_in_force;
  // Cut to a position, an iceberg can be one no more.
  order.display = command_.display >= event.quantity ? 0 : command_.display;
}

void BookFeed::replace(const wire::Event& event) noexcept {
  const Order* old = find(event.other_order_id);
  if (old == nullptr) {
    return;
  }
  // The new one mostly takes the slot of the old one.
  const Order before = *old;
  if (before.shown != 0) {
    leaving_ = {.reference = before.reference, .side = before.side};
    hide(*find(event.other_order_id));
  }
  Order& order = make(event);
  order.flags = before.flags & static_cast<std::uint8_t>(~(was_shown | is_left_out));
  order.time_in_force = before.time_in_force;
  order.display = before.display >= event.quantity ? 0 : before.display;
}

// Whether the pending order, of which lots are left, lies in the displayed book by now.
bool BookFeed::rests_silently(const Order& order) const noexcept {
  const auto has = [&order](std::uint8_t bit) noexcept { return (order.flags & bit) != 0; };
  if (!has(is_limit) || has(is_hidden) || has(is_child) || order.display != 0) {
    return false;
  }
  if (has(is_unmet)) {
    return pending_.has_traded;
  }
  if (has(is_queued)) {
    return false;
  }
  const auto time_in_force = static_cast<TimeInForce>(order.time_in_force);
  if (time_in_force == TimeInForce::at_close) {
    return state_ == MarketState::closing_auction;
  }
  return time_in_force != TimeInForce::good_for_auction || is_call(state_);
}

// The pending order's own action is over, or other orders are about to lie behind it.
void BookFeed::settle_pending() noexcept {
  if (pending_.slot == no_slot) {
    return;
  }
  Order& order = orders_[pending_.slot];
  const bool rests = pending_.lots != 0 && rests_silently(order);
  const std::uint32_t lots = pending_.lots;
  if (pending_.has_traded) {
    order.flags &= static_cast<std::uint8_t>(~is_unmet);
  }
  pending_ = {};
  if (rests) {
    display(order, lots);
  }
}

void BookFeed::settle_leaving() noexcept {
  if (leaving_.reference != 0) {
    put(itch::OrderDeleted{.reference = leaving_.reference});
    leaving_ = {};
  }
}

// An order comes to rest with these lots to be seen.
void BookFeed::display(Order& order, std::uint32_t shown) noexcept {
  const std::uint64_t price = std::uint64_t{order.price} * instrument_.price_per_tick;
  if (price > UINT32_MAX) {
    ++unpriceable_;
    order.flags |= is_left_out;
    settle_leaving();
    return;
  }
  order.shown = shown;
  if ((order.flags & was_shown) != 0) {
    order.reference = refreshed_bit | ++refreshed_;
  } else {
    order.reference = order.order_id;
    order.flags |= was_shown;
  }
  const auto slot = static_cast<std::uint32_t>(order.order_id & (slot_count - 1));
  order.older = youngest_;
  order.younger = no_slot;
  (youngest_ == no_slot ? oldest_ : orders_[youngest_].younger) = slot;
  youngest_ = slot;
  ++displayed_;
  if (leaving_.reference != 0 && leaving_.side == order.side) {
    put(itch::OrderReplaced{.reference = leaving_.reference,
                            .new_reference = order.reference,
                            .shares = shown,
                            .price = price_of(order.price)});
    leaving_ = {};
    return;
  }
  put(itch::AddOrder{.reference = order.reference,
                     .side = letter_of(order.side),
                     .shares = shown,
                     .stock = instrument_.stock,
                     .price = price_of(order.price)});
}

// An order is displayed no more.
void BookFeed::hide(Order& order) noexcept {
  order.shown = 0;
  (order.older == no_slot ? oldest_ : orders_[order.older].younger) = order.younger;
  (order.younger == no_slot ? youngest_ : orders_[order.younger].older) = order.older;
  --displayed_;
}

void BookFeed::execute(const wire::Event& event) noexcept {
  Order* maker = find(event.other_order_id);
  Order* aggressor = find(event.order_id);
  const std::uint64_t match = match_number(event.sequence, event.index);
  const auto slot_of = [](std::uint64_t order_id) noexcept {
    return static_cast<std::uint32_t>(order_id & (slot_count - 1));
  };
  if (pending_.slot != no_slot && pending_.slot == slot_of(event.order_id)) {
    pending_.lots -= event.quantity;
    pending_.has_traded = true;
  } else if (pending_.slot != no_slot) {
    // Another order trades: the pending one has done what it could, and this one can meet it.
    settle_pending();
  }
  settle_leaving();
  const bool is_uncross = (event.code & wire::executed_at_uncross) != 0;
  if (is_uncross) {
    if (cross_price_ != static_cast<std::uint64_t>(event.price)) {
      cross(cross_match_);
    }
    cross_price_ = static_cast<std::uint64_t>(event.price);
    cross_match_ = match;
    crossed_lots_ += event.quantity;
  }
  if (maker != nullptr && maker->shown != 0) {
    execute_displayed(*maker, event);
  } else if (!is_uncross && (maker == nullptr || (maker->flags & is_left_out) == 0)) {
    put(itch::HiddenTrade{.side = 'B',
                          .shares = event.quantity,
                          .stock = instrument_.stock,
                          .price = price_of(static_cast<std::uint64_t>(event.price)),
                          .match = match});
  }
  if (aggressor != nullptr && aggressor->shown != 0) {
    execute_displayed(*aggressor, event);
  }
  // What is left of an order with a minimum that is met enters by work.
  if (maker != nullptr && (maker->flags & is_unmet) != 0) {
    maker->flags &= static_cast<std::uint8_t>(~is_unmet);
    maker->flags |= is_queued;
  }
  if (aggressor != nullptr && pending_.slot != slot_of(event.order_id)) {
    aggressor->flags &= static_cast<std::uint8_t>(~is_unmet);
  }
}

void BookFeed::execute_displayed(Order& order, const wire::Event& event) noexcept {
  const bool is_uncross = (event.code & wire::executed_at_uncross) != 0;
  const std::uint64_t match = match_number(event.sequence, event.index);
  const std::uint64_t reference = order.reference;
  const bool is_at_its_price = order.price == static_cast<std::uint64_t>(event.price);
  if (event.quantity >= order.shown) {
    hide(order);
  } else {
    order.shown -= event.quantity;
  }
  if (is_at_its_price && !is_uncross) {
    put(itch::OrderExecuted{.reference = reference, .shares = event.quantity, .match = match});
    return;
  }
  put(itch::OrderExecutedAtPrice{.reference = reference,
                                 .shares = event.quantity,
                                 .match = match,
                                 .printable = is_uncross ? 'N' : 'Y',
                                 .price = price_of(static_cast<std::uint64_t>(event.price))});
}

void BookFeed::cancel(const wire::Event& event) noexcept {
  if (pending_.slot == (event.order_id & (slot_count - 1))) {
    pending_ = {};
  }
  settle_leaving();
  Order* order = find(event.order_id);
  if (order != nullptr && order->shown != 0) {
    hide(*order);
    put(itch::OrderDeleted{.reference = order->reference});
  }
}

void BookFeed::reduce(const wire::Event& event) noexcept {
  if (pending_.slot == (event.order_id & (slot_count - 1))) {
    pending_.lots = event.remaining;
    return;
  }
  settle_leaving();
  Order* order = find(event.order_id);
  // Lots come off the reserve first.
  if (order != nullptr && order->shown > event.remaining) {
    const std::uint32_t off = order->shown - event.remaining;
    order->shown = event.remaining;
    put(itch::OrderReduced{.reference = order->reference, .shares = off});
  }
}

void BookFeed::rest(const wire::Event& event) noexcept {
  Order* order = find(event.order_id);
  if (order == nullptr) {
    return;
  }
  if (pending_.slot == (event.order_id & (slot_count - 1))) {
    pending_ = {};
  } else {
    if (pending_.slot != no_slot && orders_[pending_.slot].side == event.side) {
      // Of its own side others come to rest only behind it.
      settle_pending();
    }
    settle_leaving();
  }
  order->flags &= static_cast<std::uint8_t>(~(is_queued | is_unmet));
  order->price = static_cast<std::uint32_t>(event.price);
  display(*order, event.quantity);
}

void BookFeed::reprice(const wire::Event& event) noexcept {
  if (Order* order = find(event.order_id); order != nullptr && order->shown == 0) {
    order->price = static_cast<std::uint32_t>(event.price);
  }
}

// The trades of an uncross at one price are all told.
void BookFeed::cross(std::uint64_t match) noexcept {
  if (crossed_lots_ == 0) {
    return;
  }
  put(itch::CrossTrade{.shares = crossed_lots_,
                       .stock = instrument_.stock,
                       .price = price_of(cross_price_),
                       .match = match,
                       .cross_type = cross_letter(state_)});
  crossed_lots_ = 0;
  cross_price_ = 0;
}

void BookFeed::set_state(const wire::Event& event) noexcept {
  const auto next = static_cast<MarketState>(event.code);
  const bool ends_call = is_call(state_) && !is_call(next) && next != MarketState::halted;
  if (crossed_lots_ != 0) {
    cross(cross_match_);
  } else if (ends_call) {
    put(itch::CrossTrade{.stock = instrument_.stock,
                         .match = match_number(event.sequence, event.index),
                         .cross_type = cross_letter(state_)});
  }
  if (next == state_) {
    return;
  }
  // An interrupt halts in the middle of a command: what entered before lies in the book of then.
  settle_pending();
  state_ = next;
  if (next == MarketState::open && !is_trading_day_) {
    is_trading_day_ = true;
    put_event('Q');
  }
  put(trading_action());
  if (next == MarketState::closed && is_trading_day_) {
    is_trading_day_ = false;
    put_event('M');
  }
}

void BookFeed::indicate(const wire::Event& event) noexcept {
  // It speaks of the book at the end of the command.
  settle_pending();
  settle_leaving();
  const std::uint64_t surplus = event.other_order_id;
  const bool has_volume = event.quantity != 0 || event.order_id != 0;
  char direction = letter_of(event.side);
  if (surplus == 0) {
    direction = has_volume ? 'N' : 'O';
  }
  const std::uint32_t price = price_of(static_cast<std::uint64_t>(event.price));
  put(itch::Imbalance{.paired = event.order_id,
                      .imbalance = surplus,
                      .direction = direction,
                      .stock = instrument_.stock,
                      .far_price = price,
                      .near_price = price,
                      .reference_price = price,
                      .cross_type = cross_letter(state_),
                      .variation = ' '});
}

// ITCH has no message for it: the trade is broken, and told anew under its number.
void BookFeed::correct(const wire::Event& event) noexcept {
  const std::uint64_t match = match_number(event.order_id, event.remaining);
  put(itch::BrokenTrade{.match = match});
  put(itch::HiddenTrade{.side = 'B',
                        .shares = event.quantity,
                        .stock = instrument_.stock,
                        .price = price_of(static_cast<std::uint64_t>(event.price)),
                        .match = match});
}

// The first one opens the market.
void BookFeed::configured() noexcept {
  if (is_configured_) {
    return;
  }
  is_configured_ = true;
  is_trading_day_ = true;
  put_event('O');
  put_event('S');
  put(directory());
  put_event('Q');
  put(trading_action());
}

void BookFeed::end(std::uint64_t timestamp_ns) noexcept {
  midnight_ns_ = timestamp_ns % day_ns;
  if (is_trading_day_) {
    is_trading_day_ = false;
    put_event('M');
  }
  put_event('E');
  put_event('C');
}

void BookFeed::snapshot(MessageSink sink, std::uint64_t timestamp_ns) const noexcept {
  const std::uint64_t midnight = timestamp_ns % day_ns;
  put_to(sink, directory(), midnight);
  put_to(sink, trading_action(), midnight);
  for (std::uint32_t slot = oldest_; slot != no_slot; slot = orders_[slot].younger) {
    const Order& order = orders_[slot];
    put_to(sink,
           itch::AddOrder{.reference = order.reference,
                          .side = letter_of(order.side),
                          .shares = order.shown,
                          .stock = instrument_.stock,
                          .price = price_of(order.price)},
           midnight);
  }
  std::array<std::byte, itch::EndOfSnapshot::size> bytes{};
  const std::size_t size = protocols::encode(
      itch::EndOfSnapshot{.sequence = protocols::soup::text_of(sequence_ + 1)}, bytes.data());
  sink.put(sink.context, Bytes(bytes).first(size));
}

template <class Message>
void BookFeed::put(Message message) noexcept {
  ++sequence_;
  put_to(sink_, message, midnight_ns_);
}

template <class Message>
void BookFeed::put_to(MessageSink sink, Message message, std::uint64_t midnight_ns) const noexcept {
  message.stock_locate = instrument_.locate;
  message.timestamp = midnight_ns;
  std::array<std::byte, Message::size> bytes{};
  protocols::encode(message, bytes.data());
  sink.put(sink.context, bytes);
}

void BookFeed::put_event(char code) noexcept { put(itch::SystemEvent{.event = code}); }

// Of trades and auctions; 0 where it does not fit, as for none.
std::uint32_t BookFeed::price_of(std::uint64_t ticks) const noexcept {
  const std::uint64_t price = ticks * instrument_.price_per_tick;
  return price > UINT32_MAX ? 0 : static_cast<std::uint32_t>(price);
}

itch::StockDirectory BookFeed::directory() const noexcept {
  return {.stock = instrument_.stock,
          .category = ' ',
          .financial_status = ' ',
          .round_lot = instrument_.round_lot,
          .round_lots_only = 'N',
          .classification = 'Q',
          .subtype = protocols::Text<2>::of("Z"),
          .authenticity = 'P',
          .short_sale_threshold = ' ',
          .new_issue = ' ',
          .luld_tier = ' ',
          .etp = 'N',
          .etp_leverage = 0,
          .inverse = 'N'};
}

itch::TradingAction BookFeed::trading_action() const noexcept {
  itch::TradingAction action{.stock = instrument_.stock,
                             .state = 'Q',
                             .reserved = ' ',
                             .reason = protocols::Text<4>::of("")};
  switch (state_) {
    case MarketState::open:
      action.state = 'T';
      break;
    case MarketState::halted:
    case MarketState::closed:
      action.state = 'H';
      break;
    case MarketState::volatility_auction:
      action.state = 'P';
      action.reason = protocols::Text<4>::of("LUDP");
      break;
    default:
      break;
  }
  return action;
}

}  // namespace meridian::feed
