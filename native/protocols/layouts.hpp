// clang-format off
// Generated from schemas/nasdaq/layouts.ts by native/protocols/generate.ts: change the table, not this file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocols/fields.hpp"

namespace meridian::protocols {

namespace ouch {

// What an appendage says. A bit of `present` is 1 << tag.
struct Options {
  std::uint32_t present = 0;
  std::uint64_t secondary_order_reference{};
  Text<4> firm{};
  std::uint32_t minimum_quantity{};
  char customer_type{};
  std::uint32_t max_floor{};
  char price_type{};
  std::int32_t peg_offset{};
  std::uint64_t discretion_price{};
  char discretion_price_type{};
  std::int32_t discretion_peg_offset{};
  char post_only{};
  std::uint32_t random_reserves{};
  Text<4> route{};
  std::uint32_t expire_time{};
  char trade_now{};
  char handle_instruction{};
  char bbo_weight{};
  std::uint64_t reference_price{};
  char reference_price_type{};
  std::uint32_t display_quantity{};
  std::uint64_t display_price{};

  enum Tag : std::uint8_t {
    secondary_order_reference_tag = 1,
    firm_tag = 2,
    minimum_quantity_tag = 3,
    customer_type_tag = 4,
    max_floor_tag = 5,
    price_type_tag = 6,
    peg_offset_tag = 7,
    discretion_price_tag = 9,
    discretion_price_type_tag = 10,
    discretion_peg_offset_tag = 11,
    post_only_tag = 12,
    random_reserves_tag = 13,
    route_tag = 14,
    expire_time_tag = 15,
    trade_now_tag = 16,
    handle_instruction_tag = 17,
    bbo_weight_tag = 18,
    reference_price_tag = 19,
    reference_price_type_tag = 20,
    display_quantity_tag = 22,
    display_price_tag = 23,
  };
  [[nodiscard]] constexpr bool has(Tag tag) const noexcept { return (present >> tag & 1U) != 0; }
  constexpr void mark(Tag tag) noexcept { present |= 1U << tag; }

  // Calls option(tag, name, value) for every tag, in the order of the table.
  template <class Self, class Option>
  static constexpr void visit(Self& self, Option&& option) {
    option(secondary_order_reference_tag, "secondaryOrderReference", self.secondary_order_reference);
    option(firm_tag, "firm", self.firm);
    option(minimum_quantity_tag, "minimumQuantity", self.minimum_quantity);
    option(customer_type_tag, "customerType", self.customer_type);
    option(max_floor_tag, "maxFloor", self.max_floor);
    option(price_type_tag, "priceType", self.price_type);
    option(peg_offset_tag, "pegOffset", self.peg_offset);
    option(discretion_price_tag, "discretionPrice", self.discretion_price);
    option(discretion_price_type_tag, "discretionPriceType", self.discretion_price_type);
    option(discretion_peg_offset_tag, "discretionPegOffset", self.discretion_peg_offset);
    option(post_only_tag, "postOnly", self.post_only);
    option(random_reserves_tag, "randomReserves", self.random_reserves);
    option(route_tag, "route", self.route);
    option(expire_time_tag, "expireTime", self.expire_time);
    option(trade_now_tag, "tradeNow", self.trade_now);
    option(handle_instruction_tag, "handleInstruction", self.handle_instruction);
    option(bbo_weight_tag, "bboWeight", self.bbo_weight);
    option(reference_price_tag, "referencePrice", self.reference_price);
    option(reference_price_type_tag, "referencePriceType", self.reference_price_type);
    option(display_quantity_tag, "displayQuantity", self.display_quantity);
    option(display_price_tag, "displayPrice", self.display_price);
  }
};

}  // namespace ouch
using ouch::Options;

namespace soup {

struct LoginRequest {
  static constexpr char letter = 'L';
  static constexpr std::size_t size = 47;
  static constexpr std::string_view name = "loginRequest";
  Text<6> username{};
  Text<10> password{};
  Text<10> session{};
  Text<20> sequence{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 6>{}, "username", self.username);
    field(At<7, 10>{}, "password", self.password);
    field(At<17, 10>{}, "session", self.session);
    field(At<27, 20>{}, "sequence", self.sequence);
  }
};

struct LoginAccepted {
  static constexpr char letter = 'A';
  static constexpr std::size_t size = 31;
  static constexpr std::string_view name = "loginAccepted";
  Text<10> session{};
  Text<20> sequence{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 10>{}, "session", self.session);
    field(At<11, 20>{}, "sequence", self.sequence);
  }
};

struct LoginRejected {
  static constexpr char letter = 'J';
  static constexpr std::size_t size = 2;
  static constexpr std::string_view name = "loginRejected";
  char reason{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 1>{}, "reason", self.reason);
  }
};

struct ClientHeartbeat {
  static constexpr char letter = 'R';
  static constexpr std::size_t size = 1;
  static constexpr std::string_view name = "clientHeartbeat";
  template <class Self, class Field>
  static constexpr void visit(Self&, Field&&) {
  }
};

struct ServerHeartbeat {
  static constexpr char letter = 'H';
  static constexpr std::size_t size = 1;
  static constexpr std::string_view name = "serverHeartbeat";
  template <class Self, class Field>
  static constexpr void visit(Self&, Field&&) {
  }
};

struct LogoutRequest {
  static constexpr char letter = 'O';
  static constexpr std::size_t size = 1;
  static constexpr std::string_view name = "logoutRequest";
  template <class Self, class Field>
  static constexpr void visit(Self&, Field&&) {
  }
};

struct EndOfSession {
  static constexpr char letter = 'Z';
  static constexpr std::size_t size = 1;
  static constexpr std::string_view name = "endOfSession";
  template <class Self, class Field>
  static constexpr void visit(Self&, Field&&) {
  }
};

using All = Messages<LoginRequest, LoginAccepted, LoginRejected, ClientHeartbeat, ServerHeartbeat, LogoutRequest, EndOfSession>;

}  // namespace soup

namespace ouch::inbound {

struct EnterOrder {
  static constexpr char letter = 'O';
  static constexpr std::size_t size = 47;
  static constexpr std::string_view name = "enterOrder";
  std::uint32_t user_ref{};
  char side{};
  std::uint32_t quantity{};
  Text<8> symbol{};
  std::uint64_t price{};
  char time_in_force{};
  char display{};
  char capacity{};
  char intermarket_sweep{};
  char cross_type{};
  Text<14> client_order_id{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 4>{}, "userRef", self.user_ref);
    field(At<5, 1>{}, "side", self.side);
    field(At<6, 4>{}, "quantity", self.quantity);
    field(At<10, 8>{}, "symbol", self.symbol);
    field(At<18, 8>{}, "price", self.price);
    field(At<26, 1>{}, "timeInForce", self.time_in_force);
    field(At<27, 1>{}, "display", self.display);
    field(At<28, 1>{}, "capacity", self.capacity);
    field(At<29, 1>{}, "intermarketSweep", self.intermarket_sweep);
    field(At<30, 1>{}, "crossType", self.cross_type);
    field(At<31, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct ReplaceOrder {
  static constexpr char letter = 'U';
  static constexpr std::size_t size = 40;
  static constexpr std::string_view name = "replaceOrder";
  std::uint32_t original_user_ref{};
  std::uint32_t user_ref{};
  std::uint32_t quantity{};
  std::uint64_t price{};
  char time_in_force{};
  char display{};
  char intermarket_sweep{};
  Text<14> client_order_id{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 4>{}, "originalUserRef", self.original_user_ref);
    field(At<5, 4>{}, "userRef", self.user_ref);
    field(At<9, 4>{}, "quantity", self.quantity);
    field(At<13, 8>{}, "price", self.price);
    field(At<21, 1>{}, "timeInForce", self.time_in_force);
    field(At<22, 1>{}, "display", self.display);
    field(At<23, 1>{}, "intermarketSweep", self.intermarket_sweep);
    field(At<24, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct CancelOrder {
  static constexpr char letter = 'X';
  static constexpr std::size_t size = 9;
  static constexpr std::string_view name = "cancelOrder";
  std::uint32_t user_ref{};
  std::uint32_t quantity{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 4>{}, "userRef", self.user_ref);
    field(At<5, 4>{}, "quantity", self.quantity);
  }
};

struct ModifyOrder {
  static constexpr char letter = 'M';
  static constexpr std::size_t size = 10;
  static constexpr std::string_view name = "modifyOrder";
  std::uint32_t user_ref{};
  char side{};
  std::uint32_t quantity{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 4>{}, "userRef", self.user_ref);
    field(At<5, 1>{}, "side", self.side);
    field(At<6, 4>{}, "quantity", self.quantity);
  }
};

struct AccountQuery {
  static constexpr char letter = 'Q';
  static constexpr std::size_t size = 1;
  static constexpr std::string_view name = "accountQuery";
  template <class Self, class Field>
  static constexpr void visit(Self&, Field&&) {
  }
};

using All = Messages<EnterOrder, ReplaceOrder, CancelOrder, ModifyOrder, AccountQuery>;

}  // namespace ouch::inbound

namespace ouch::outbound {

struct SystemEvent {
  static constexpr char letter = 'S';
  static constexpr std::size_t size = 10;
  static constexpr std::string_view name = "systemEvent";
  std::uint64_t timestamp{};
  char event{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 1>{}, "event", self.event);
  }
};

struct OrderAccepted {
  static constexpr char letter = 'A';
  static constexpr std::size_t size = 64;
  static constexpr std::string_view name = "orderAccepted";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  char side{};
  std::uint32_t quantity{};
  Text<8> symbol{};
  std::uint64_t price{};
  char time_in_force{};
  char display{};
  std::uint64_t order_reference{};
  char capacity{};
  char intermarket_sweep{};
  char cross_type{};
  char state{};
  Text<14> client_order_id{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 1>{}, "side", self.side);
    field(At<14, 4>{}, "quantity", self.quantity);
    field(At<18, 8>{}, "symbol", self.symbol);
    field(At<26, 8>{}, "price", self.price);
    field(At<34, 1>{}, "timeInForce", self.time_in_force);
    field(At<35, 1>{}, "display", self.display);
    field(At<36, 8>{}, "orderReference", self.order_reference);
    field(At<44, 1>{}, "capacity", self.capacity);
    field(At<45, 1>{}, "intermarketSweep", self.intermarket_sweep);
    field(At<46, 1>{}, "crossType", self.cross_type);
    field(At<47, 1>{}, "state", self.state);
    field(At<48, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct OrderReplaced {
  static constexpr char letter = 'U';
  static constexpr std::size_t size = 68;
  static constexpr std::string_view name = "orderReplaced";
  std::uint64_t timestamp{};
  std::uint32_t original_user_ref{};
  std::uint32_t user_ref{};
  char side{};
  std::uint32_t quantity{};
  Text<8> symbol{};
  std::uint64_t price{};
  char time_in_force{};
  char display{};
  std::uint64_t order_reference{};
  char capacity{};
  char intermarket_sweep{};
  char cross_type{};
  char state{};
  Text<14> client_order_id{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "originalUserRef", self.original_user_ref);
    field(At<13, 4>{}, "userRef", self.user_ref);
    field(At<17, 1>{}, "side", self.side);
    field(At<18, 4>{}, "quantity", self.quantity);
    field(At<22, 8>{}, "symbol", self.symbol);
    field(At<30, 8>{}, "price", self.price);
    field(At<38, 1>{}, "timeInForce", self.time_in_force);
    field(At<39, 1>{}, "display", self.display);
    field(At<40, 8>{}, "orderReference", self.order_reference);
    field(At<48, 1>{}, "capacity", self.capacity);
    field(At<49, 1>{}, "intermarketSweep", self.intermarket_sweep);
    field(At<50, 1>{}, "crossType", self.cross_type);
    field(At<51, 1>{}, "state", self.state);
    field(At<52, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct OrderCanceled {
  static constexpr char letter = 'C';
  static constexpr std::size_t size = 18;
  static constexpr std::string_view name = "orderCanceled";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint32_t quantity{};
  char reason{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 4>{}, "quantity", self.quantity);
    field(At<17, 1>{}, "reason", self.reason);
  }
};

struct SelfMatchCanceled {
  static constexpr char letter = 'D';
  static constexpr std::size_t size = 31;
  static constexpr std::string_view name = "selfMatchCanceled";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint32_t decrement{};
  char reason{};
  std::uint32_t quantity_prevented{};
  std::uint64_t execution_price{};
  char liquidity{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 4>{}, "decrement", self.decrement);
    field(At<17, 1>{}, "reason", self.reason);
    field(At<18, 4>{}, "quantityPrevented", self.quantity_prevented);
    field(At<22, 8>{}, "executionPrice", self.execution_price);
    field(At<30, 1>{}, "liquidity", self.liquidity);
  }
};

struct OrderExecuted {
  static constexpr char letter = 'E';
  static constexpr std::size_t size = 36;
  static constexpr std::string_view name = "orderExecuted";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint32_t quantity{};
  std::uint64_t price{};
  char liquidity{};
  std::uint64_t match{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 4>{}, "quantity", self.quantity);
    field(At<17, 8>{}, "price", self.price);
    field(At<25, 1>{}, "liquidity", self.liquidity);
    field(At<26, 8>{}, "match", self.match);
  }
};

struct BrokenTrade {
  static constexpr char letter = 'B';
  static constexpr std::size_t size = 36;
  static constexpr std::string_view name = "brokenTrade";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint64_t match{};
  char reason{};
  Text<14> client_order_id{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 8>{}, "match", self.match);
    field(At<21, 1>{}, "reason", self.reason);
    field(At<22, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct TradeCorrection {
  static constexpr char letter = 'F';
  static constexpr std::size_t size = 49;
  static constexpr std::string_view name = "tradeCorrection";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint32_t quantity{};
  std::uint64_t price{};
  char liquidity{};
  std::uint64_t match{};
  char reason{};
  Text<14> client_order_id{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 4>{}, "quantity", self.quantity);
    field(At<17, 8>{}, "price", self.price);
    field(At<25, 1>{}, "liquidity", self.liquidity);
    field(At<26, 8>{}, "match", self.match);
    field(At<34, 1>{}, "reason", self.reason);
    field(At<35, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct OrderRejected {
  static constexpr char letter = 'J';
  static constexpr std::size_t size = 29;
  static constexpr std::string_view name = "orderRejected";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint16_t reason{};
  Text<14> client_order_id{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 2>{}, "reason", self.reason);
    field(At<15, 14>{}, "clientOrderId", self.client_order_id);
  }
};

struct CancelPending {
  static constexpr char letter = 'P';
  static constexpr std::size_t size = 13;
  static constexpr std::string_view name = "cancelPending";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
  }
};

struct CancelReject {
  static constexpr char letter = 'I';
  static constexpr std::size_t size = 13;
  static constexpr std::string_view name = "cancelReject";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
  }
};

struct PriorityUpdate {
  static constexpr char letter = 'T';
  static constexpr std::size_t size = 30;
  static constexpr std::string_view name = "priorityUpdate";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  std::uint64_t price{};
  char display{};
  std::uint64_t order_reference{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 8>{}, "price", self.price);
    field(At<21, 1>{}, "display", self.display);
    field(At<22, 8>{}, "orderReference", self.order_reference);
  }
};

struct OrderModified {
  static constexpr char letter = 'M';
  static constexpr std::size_t size = 18;
  static constexpr std::string_view name = "orderModified";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  char side{};
  std::uint32_t quantity{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 1>{}, "side", self.side);
    field(At<14, 4>{}, "quantity", self.quantity);
  }
};

struct OrderRestated {
  static constexpr char letter = 'R';
  static constexpr std::size_t size = 16;
  static constexpr std::string_view name = "orderRestated";
  std::uint64_t timestamp{};
  std::uint32_t user_ref{};
  char reason{};
  Options options{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "userRef", self.user_ref);
    field(At<13, 1>{}, "reason", self.reason);
  }
};

struct AccountQueryResponse {
  static constexpr char letter = 'Q';
  static constexpr std::size_t size = 13;
  static constexpr std::string_view name = "accountQueryResponse";
  std::uint64_t timestamp{};
  std::uint32_t next_user_ref{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 8>{}, "timestamp", self.timestamp);
    field(At<9, 4>{}, "nextUserRef", self.next_user_ref);
  }
};

using All = Messages<SystemEvent, OrderAccepted, OrderReplaced, OrderCanceled, SelfMatchCanceled, OrderExecuted, BrokenTrade, TradeCorrection, OrderRejected, CancelPending, CancelReject, PriorityUpdate, OrderModified, OrderRestated, AccountQueryResponse>;

}  // namespace ouch::outbound

namespace itch {

struct SystemEvent {
  static constexpr char letter = 'S';
  static constexpr std::size_t size = 12;
  static constexpr std::string_view name = "systemEvent";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  char event{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 1>{}, "event", self.event);
  }
};

struct StockDirectory {
  static constexpr char letter = 'R';
  static constexpr std::size_t size = 39;
  static constexpr std::string_view name = "stockDirectory";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char category{};
  char financial_status{};
  std::uint32_t round_lot{};
  char round_lots_only{};
  char classification{};
  Text<2> subtype{};
  char authenticity{};
  char short_sale_threshold{};
  char new_issue{};
  char luld_tier{};
  char etp{};
  std::uint32_t etp_leverage{};
  char inverse{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "category", self.category);
    field(At<20, 1>{}, "financialStatus", self.financial_status);
    field(At<21, 4>{}, "roundLot", self.round_lot);
    field(At<25, 1>{}, "roundLotsOnly", self.round_lots_only);
    field(At<26, 1>{}, "classification", self.classification);
    field(At<27, 2>{}, "subtype", self.subtype);
    field(At<29, 1>{}, "authenticity", self.authenticity);
    field(At<30, 1>{}, "shortSaleThreshold", self.short_sale_threshold);
    field(At<31, 1>{}, "newIssue", self.new_issue);
    field(At<32, 1>{}, "luldTier", self.luld_tier);
    field(At<33, 1>{}, "etp", self.etp);
    field(At<34, 4>{}, "etpLeverage", self.etp_leverage);
    field(At<38, 1>{}, "inverse", self.inverse);
  }
};

struct TradingAction {
  static constexpr char letter = 'H';
  static constexpr std::size_t size = 25;
  static constexpr std::string_view name = "tradingAction";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char state{};
  char reserved{};
  Text<4> reason{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "state", self.state);
    field(At<20, 1>{}, "reserved", self.reserved);
    field(At<21, 4>{}, "reason", self.reason);
  }
};

struct ShortSaleRestriction {
  static constexpr char letter = 'Y';
  static constexpr std::size_t size = 20;
  static constexpr std::string_view name = "shortSaleRestriction";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char action{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "action", self.action);
  }
};

struct ParticipantPosition {
  static constexpr char letter = 'L';
  static constexpr std::size_t size = 26;
  static constexpr std::string_view name = "participantPosition";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<4> participant{};
  Text<8> stock{};
  char is_primary{};
  char mode{};
  char state{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 4>{}, "participant", self.participant);
    field(At<15, 8>{}, "stock", self.stock);
    field(At<23, 1>{}, "isPrimary", self.is_primary);
    field(At<24, 1>{}, "mode", self.mode);
    field(At<25, 1>{}, "state", self.state);
  }
};

struct BreakerLevels {
  static constexpr char letter = 'V';
  static constexpr std::size_t size = 35;
  static constexpr std::string_view name = "breakerLevels";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t level1{};
  std::uint64_t level2{};
  std::uint64_t level3{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "level1", self.level1);
    field(At<19, 8>{}, "level2", self.level2);
    field(At<27, 8>{}, "level3", self.level3);
  }
};

struct BreakerStatus {
  static constexpr char letter = 'W';
  static constexpr std::size_t size = 12;
  static constexpr std::string_view name = "breakerStatus";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  char level{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 1>{}, "level", self.level);
  }
};

struct QuotingPeriod {
  static constexpr char letter = 'K';
  static constexpr std::size_t size = 28;
  static constexpr std::string_view name = "quotingPeriod";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  std::uint32_t release_time{};
  char qualifier{};
  std::uint32_t price{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 4>{}, "releaseTime", self.release_time);
    field(At<23, 1>{}, "qualifier", self.qualifier);
    field(At<24, 4>{}, "price", self.price);
  }
};

struct AuctionCollar {
  static constexpr char letter = 'J';
  static constexpr std::size_t size = 35;
  static constexpr std::string_view name = "auctionCollar";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  std::uint32_t reference_price{};
  std::uint32_t upper_price{};
  std::uint32_t lower_price{};
  std::uint32_t extension{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 4>{}, "referencePrice", self.reference_price);
    field(At<23, 4>{}, "upperPrice", self.upper_price);
    field(At<27, 4>{}, "lowerPrice", self.lower_price);
    field(At<31, 4>{}, "extension", self.extension);
  }
};

struct OperationalHalt {
  static constexpr char letter = 'h';
  static constexpr std::size_t size = 21;
  static constexpr std::string_view name = "operationalHalt";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char market{};
  char action{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "market", self.market);
    field(At<20, 1>{}, "action", self.action);
  }
};

struct AddOrder {
  static constexpr char letter = 'A';
  static constexpr std::size_t size = 36;
  static constexpr std::string_view name = "addOrder";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  char side{};
  std::uint32_t shares{};
  Text<8> stock{};
  std::uint32_t price{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 1>{}, "side", self.side);
    field(At<20, 4>{}, "shares", self.shares);
    field(At<24, 8>{}, "stock", self.stock);
    field(At<32, 4>{}, "price", self.price);
  }
};

struct AddAttributedOrder {
  static constexpr char letter = 'F';
  static constexpr std::size_t size = 40;
  static constexpr std::string_view name = "addAttributedOrder";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  char side{};
  std::uint32_t shares{};
  Text<8> stock{};
  std::uint32_t price{};
  Text<4> participant{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 1>{}, "side", self.side);
    field(At<20, 4>{}, "shares", self.shares);
    field(At<24, 8>{}, "stock", self.stock);
    field(At<32, 4>{}, "price", self.price);
    field(At<36, 4>{}, "participant", self.participant);
  }
};

struct OrderExecuted {
  static constexpr char letter = 'E';
  static constexpr std::size_t size = 31;
  static constexpr std::string_view name = "orderExecuted";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  std::uint32_t shares{};
  std::uint64_t match{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 4>{}, "shares", self.shares);
    field(At<23, 8>{}, "match", self.match);
  }
};

struct OrderExecutedAtPrice {
  static constexpr char letter = 'C';
  static constexpr std::size_t size = 36;
  static constexpr std::string_view name = "orderExecutedAtPrice";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  std::uint32_t shares{};
  std::uint64_t match{};
  char printable{};
  std::uint32_t price{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 4>{}, "shares", self.shares);
    field(At<23, 8>{}, "match", self.match);
    field(At<31, 1>{}, "printable", self.printable);
    field(At<32, 4>{}, "price", self.price);
  }
};

struct OrderReduced {
  static constexpr char letter = 'X';
  static constexpr std::size_t size = 23;
  static constexpr std::string_view name = "orderReduced";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  std::uint32_t shares{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 4>{}, "shares", self.shares);
  }
};

struct OrderDeleted {
  static constexpr char letter = 'D';
  static constexpr std::size_t size = 19;
  static constexpr std::string_view name = "orderDeleted";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
  }
};

struct OrderReplaced {
  static constexpr char letter = 'U';
  static constexpr std::size_t size = 35;
  static constexpr std::string_view name = "orderReplaced";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  std::uint64_t new_reference{};
  std::uint32_t shares{};
  std::uint32_t price{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 8>{}, "newReference", self.new_reference);
    field(At<27, 4>{}, "shares", self.shares);
    field(At<31, 4>{}, "price", self.price);
  }
};

struct HiddenTrade {
  static constexpr char letter = 'P';
  static constexpr std::size_t size = 44;
  static constexpr std::string_view name = "hiddenTrade";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t reference{};
  char side{};
  std::uint32_t shares{};
  Text<8> stock{};
  std::uint32_t price{};
  std::uint64_t match{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "reference", self.reference);
    field(At<19, 1>{}, "side", self.side);
    field(At<20, 4>{}, "shares", self.shares);
    field(At<24, 8>{}, "stock", self.stock);
    field(At<32, 4>{}, "price", self.price);
    field(At<36, 8>{}, "match", self.match);
  }
};

struct CrossTrade {
  static constexpr char letter = 'Q';
  static constexpr std::size_t size = 40;
  static constexpr std::string_view name = "crossTrade";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t shares{};
  Text<8> stock{};
  std::uint32_t price{};
  std::uint64_t match{};
  char cross_type{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "shares", self.shares);
    field(At<19, 8>{}, "stock", self.stock);
    field(At<27, 4>{}, "price", self.price);
    field(At<31, 8>{}, "match", self.match);
    field(At<39, 1>{}, "crossType", self.cross_type);
  }
};

struct BrokenTrade {
  static constexpr char letter = 'B';
  static constexpr std::size_t size = 19;
  static constexpr std::string_view name = "brokenTrade";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t match{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "match", self.match);
  }
};

struct Imbalance {
  static constexpr char letter = 'I';
  static constexpr std::size_t size = 50;
  static constexpr std::string_view name = "imbalance";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  std::uint64_t paired{};
  std::uint64_t imbalance{};
  char direction{};
  Text<8> stock{};
  std::uint32_t far_price{};
  std::uint32_t near_price{};
  std::uint32_t reference_price{};
  char cross_type{};
  char variation{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "paired", self.paired);
    field(At<19, 8>{}, "imbalance", self.imbalance);
    field(At<27, 1>{}, "direction", self.direction);
    field(At<28, 8>{}, "stock", self.stock);
    field(At<36, 4>{}, "farPrice", self.far_price);
    field(At<40, 4>{}, "nearPrice", self.near_price);
    field(At<44, 4>{}, "referencePrice", self.reference_price);
    field(At<48, 1>{}, "crossType", self.cross_type);
    field(At<49, 1>{}, "variation", self.variation);
  }
};

struct EndOfSnapshot {
  static constexpr char letter = 'G';
  static constexpr std::size_t size = 21;
  static constexpr std::string_view name = "endOfSnapshot";
  Text<20> sequence{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 20>{}, "sequence", self.sequence);
  }
};

struct RetailInterest {
  static constexpr char letter = 'N';
  static constexpr std::size_t size = 20;
  static constexpr std::string_view name = "retailInterest";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char interest{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "interest", self.interest);
  }
};

struct DirectListing {
  static constexpr char letter = 'O';
  static constexpr std::size_t size = 48;
  static constexpr std::string_view name = "directListing";
  std::uint16_t stock_locate{};
  std::uint16_t tracking{};
  std::uint64_t timestamp{};
  Text<8> stock{};
  char open_eligibility{};
  std::uint32_t minimum_price{};
  std::uint32_t maximum_price{};
  std::uint32_t near_price{};
  std::uint64_t near_time{};
  std::uint32_t lower_collar{};
  std::uint32_t upper_collar{};
  template <class Self, class Field>
  static constexpr void visit(Self& self, Field&& field) {
    field(At<1, 2>{}, "stockLocate", self.stock_locate);
    field(At<3, 2>{}, "tracking", self.tracking);
    field(At<5, 6>{}, "timestamp", self.timestamp);
    field(At<11, 8>{}, "stock", self.stock);
    field(At<19, 1>{}, "openEligibility", self.open_eligibility);
    field(At<20, 4>{}, "minimumPrice", self.minimum_price);
    field(At<24, 4>{}, "maximumPrice", self.maximum_price);
    field(At<28, 4>{}, "nearPrice", self.near_price);
    field(At<32, 8>{}, "nearTime", self.near_time);
    field(At<40, 4>{}, "lowerCollar", self.lower_collar);
    field(At<44, 4>{}, "upperCollar", self.upper_collar);
  }
};

using All = Messages<SystemEvent, StockDirectory, TradingAction, ShortSaleRestriction, ParticipantPosition, BreakerLevels, BreakerStatus, QuotingPeriod, AuctionCollar, OperationalHalt, AddOrder, AddAttributedOrder, OrderExecuted, OrderExecutedAtPrice, OrderReduced, OrderDeleted, OrderReplaced, HiddenTrade, CrossTrade, BrokenTrade, Imbalance, EndOfSnapshot, RetailInterest, DirectListing>;

}  // namespace itch

}  // namespace meridian::protocols
