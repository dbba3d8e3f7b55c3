// The OUCH sessions of one market: messages in, commands out; events in, sequenced messages out.
// Sessions outlive connections. Pure: connections, rings and time are somebody else's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "order_entry/order_table.hpp"
#include "order_entry/ouch_mapping.hpp"
#include "order_entry/soup_server.hpp"
#include "protocols/message_store.hpp"
#include "wire/event.hpp"

namespace meridian::order_entry {

// Every message that is sent fits, with every option.
using OuchStore = protocols::MessageStore<256>;

// A user of order entry.
struct Member {
  protocols::Text<6> username = protocols::Text<6>::of("");
  protocols::Text<10> password = protocols::Text<10>::of("");
  // Of its commands; 0: the market does not recognize what it has had before.
  std::uint64_t market_session = 0;
  std::uint32_t account = 0;
  protocols::Text<4> firm = protocols::Text<4>::of("");
  std::uint8_t group = 0;  // of its orders, when not 0: what cancel on disconnect cancels
  bool cancels_on_disconnect = false;
};

struct GatewayOptions {
  protocols::Text<10> session = protocols::Text<10>::of("");
  Listing listing{};
  std::uint32_t orders = 1U << 16U;    // open at once; a power of two
  std::uint32_t commands = 1U << 14U;  // without an answer; a power of two, at most 2^24
  std::uint32_t messages = 1U << 10U;  // kept for each session; a power of two
  std::uint32_t trades = 1U << 16U;    // that can still be told to be broken; a power of two
  std::uint8_t tag_prefix = 0;         // first byte of its tags, no other client's
};

// Where commands go. False: there is no room for one of this class now.
enum class Urgency : std::uint8_t { cancel, order };
struct CommandPort {
  void* context = nullptr;
  bool (*submit)(void* context, const wire::Command& command, Urgency urgency) noexcept = nullptr;
};

// What was not done, and why.
struct GatewayCounts {
  std::uint64_t repeated_refs = 0;   // user reference numbers that did not rise: ignored
  std::uint64_t resent_refs = 0;     // of before the gateway was opened: asked of the market again
  std::uint64_t unused_refs = 0;     // of those, rejected: the market never had them
  std::uint64_t unknown_orders = 0;  // cancels of orders that are not open: ignored or rejected
  std::uint64_t ring_full = 0;       // refused: no room for commands
  std::uint64_t orders_full = 0;     // refused: no room for open orders
  std::uint64_t commands_full = 0;   // refused: too many commands without an answer
  std::uint64_t replays_cut = 0;     // logins whose next sequence is no longer kept
};

class OuchGateway {
 public:
  static std::size_t arena_bytes(const GatewayOptions& options, std::size_t members) noexcept;

  // `memory` is zeroed, aligned to 64 bytes and arena_bytes() long; it and the members outlive the
  // gateway. The start of the day is the first message of every session.
  OuchGateway(const GatewayOptions& options, std::span<const Member> members,
              std::span<std::byte> memory, CommandPort port, std::uint64_t now_ns) noexcept;
  OuchGateway(const OuchGateway&) = delete;
  OuchGateway& operator=(const OuchGateway&) = delete;

  // Whose session a login opens. The caller ends the connection that had it.
  LoginAnswer login(const protocols::soup::LoginRequest& request, std::uint32_t& member) noexcept;
  // A message of a member. To wait when it is about an order that the market has not answered for:
  // the same bytes are to be given again after the next events.
  Taken message(std::uint32_t member, Bytes bytes, std::uint64_t now_ns) noexcept;
  // Its connection is gone.
  void disconnected(std::uint32_t member) noexcept;
  // An event of the market, in order.
  void event(const wire::Event& event, std::uint64_t now_ns) noexcept;
  // Before the first login: a command of the journal, and after it each of its events. `member` is
  // whose session it names, or no_member. Nothing is sent.
  static constexpr std::uint32_t no_member = UINT32_MAX;
  void restore(std::uint32_t member, const wire::Command& command) noexcept;
  void restore(const wire::Event& event) noexcept;
  // Its references have risen so far, whatever else is known.
  void restore_reference(std::uint32_t member, std::uint64_t number) noexcept;
  // That was all: orders of members who ask for it are canceled, for they are not connected.
  void restored() noexcept;
  // Cancels on disconnect that found no room are tried again.
  void tick() noexcept;
  // The day is over; the sessions end when their messages are read.
  void end(std::uint64_t now_ns) noexcept;

  [[nodiscard]] const OuchStore& sent(std::uint32_t member) const noexcept {
    return sessions_[member].sent;
  }
  // Calls visitor(member) for those who were sent something since the last call.
  template <class Visitor>
  void drain_news(Visitor&& visitor) noexcept {
    for (std::uint32_t at = 0; at < news_count_; ++at) {
      sessions_[news_[at]].has_news = false;
      visitor(news_[at]);
    }
    news_count_ = 0;
  }
  [[nodiscard]] bool is_ended() const noexcept { return is_ended_; }
  [[nodiscard]] const GatewayCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::uint32_t open_orders() const noexcept { return orders_.count(); }
  // Commands that the market has not answered for.
  [[nodiscard]] std::uint32_t waiting_commands() const noexcept { return waiting_; }
  [[nodiscard]] std::size_t members() const noexcept { return members_.size(); }

 private:
  // As many as the market remembers outcomes of a session.
  static constexpr std::uint32_t references_known = 1024;

  struct Session {
    OuchStore sent;
    std::uint32_t highest_ref;
    // What was taken before this gateway was opened: up to earlier_ref, of which it has seen only
    // what came after unseen_ref. Such references may rise once more, and have, up to asked_ref.
    std::uint32_t earlier_ref;
    std::uint32_t unseen_ref;
    std::uint32_t asked_ref;
    // Which of the last references_known up to earlier_ref the journal had, by the low bits.
    std::array<std::uint64_t, references_known / 64> taken;
    bool owes_cancel;
    bool has_news;
  };
  static constexpr std::uint32_t no_tag = UINT32_MAX;
  enum class Asked : std::uint8_t { free = 0, place, replace, cancel, modify, mass_cancel, again };
  enum class Reference : std::uint8_t { fresh, again, unused, ignored };
  // A command without an answer; its index is the low part of the command's tag.
  struct Pending {
    std::uint32_t member;
    std::uint32_t user_ref;  // of the order it is about; of the new one
    std::uint32_t replaced;  // user reference of the order that it replaces
    std::uint32_t quantity;  // asked for
    std::uint32_t next_free;
    Asked asked;
    char side;  // of a modify
    protocols::Text<14> client_order_id;
  };
  // One side of a trade.
  struct Trade {
    std::uint64_t match;
    std::uint64_t price;
    std::uint32_t member;
    std::uint32_t user_ref;
    std::uint32_t quantity;
    char liquidity;
    protocols::Text<14> client_order_id;
  };

  OuchGateway(const GatewayOptions& options, std::span<const Member> members, Arena arena,
              CommandPort port, std::uint64_t now_ns) noexcept;

  Taken take(std::uint32_t member, const protocols::ouch::inbound::EnterOrder& order,
             std::uint64_t now_ns) noexcept;
  Taken take(std::uint32_t member, const protocols::ouch::inbound::ReplaceOrder& order,
             std::uint64_t now_ns) noexcept;
  Reject replace(std::uint32_t member, std::uint32_t old_entry,
                 const protocols::ouch::inbound::ReplaceOrder& order) noexcept;
  [[nodiscard]] Reject replacement_of(const OpenOrder& old,
                                      const protocols::ouch::inbound::ReplaceOrder& order,
                                      wire::Command& command) const noexcept;
  Taken take(std::uint32_t member, const protocols::ouch::inbound::CancelOrder& cancel,
             std::uint64_t now_ns) noexcept;
  Taken take(std::uint32_t member, const protocols::ouch::inbound::ModifyOrder& modify,
             std::uint64_t now_ns) noexcept;
  Taken take(std::uint32_t member, const protocols::ouch::inbound::AccountQuery& query,
             std::uint64_t now_ns) noexcept;
  Reject place(std::uint32_t member, const protocols::ouch::inbound::EnterOrder& order,
               std::uint64_t now_ns) noexcept;
  // Takes lots off an order, so that it has `total` with what was executed of it.
  Reject cut(const OpenOrder& order, std::uint32_t total, Pending pending) noexcept;
  Reference take_ref(std::uint32_t member, std::uint32_t user_ref) noexcept;
  static void note_taken(Session& session, std::uint32_t user_ref) noexcept;
  static bool was_never_taken(const Session& session, std::uint32_t user_ref) noexcept;
  // Asks the market for the first outcome of what it had before. `said` is the resend as an order;
  // `replaced` is 0 for one that replaces nothing.
  Taken ask_again(std::uint32_t member, std::uint32_t replaced, const OpenOrder& said) noexcept;
  void told_again(const Pending& pending, const wire::Event& event, std::uint64_t now_ns) noexcept;
  void reject(std::uint32_t member, std::uint32_t user_ref, Reject reason,
              protocols::Text<14> client_order_id, std::uint64_t now_ns) noexcept;
  Reject submit(wire::Command& command, const Pending& pending, Urgency urgency) noexcept;
  void cancel_all(std::uint32_t member) noexcept;

  [[nodiscard]] Pending* pending_of(const wire::Event& event) noexcept;
  void release(const wire::Event& event) noexcept;
  void accepted(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void repeated(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void replaced(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void refused(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void executed(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void execute(std::uint32_t entry, const wire::Event& event, bool is_maker,
               std::uint64_t now_ns) noexcept;
  void canceled(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void reduced(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void rested(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void repriced(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void busted(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void corrected(const wire::Event& event, std::uint64_t now_ns) noexcept;
  void send_accepted(const OpenOrder& order, std::uint64_t order_id, std::uint32_t quantity,
                     char state, std::uint64_t now_ns) noexcept;
  void send_replaced(const OpenOrder& order, std::uint64_t order_id, std::uint32_t replaced,
                     char state, std::uint64_t now_ns) noexcept;
  template <class Visitor>
  void visit_trades(std::uint64_t match, Visitor&& visitor) noexcept;
  template <class Message>
  void send(std::uint32_t member, Message message, std::uint64_t now_ns) noexcept;

  GatewayOptions options_;
  std::span<const Member> members_;
  CommandPort port_;
  OrderTable orders_;
  Session* sessions_;
  std::uint32_t* news_;  // members
  Pending* pendings_;
  Trade* trades_;
  std::uint64_t traded_ = 0;
  std::uint32_t news_count_ = 0;
  std::uint32_t free_pending_ = 0;
  std::uint32_t used_pending_ = 0;
  std::uint32_t waiting_ = 0;
  // Of the restored command, when it is a member's.
  std::uint32_t restored_tag_ = no_tag;
  wire::MarketState market_state_ = wire::MarketState::open;
  bool owes_cancels_ = false;
  bool is_ended_ = false;
  bool is_restoring_ = false;
  GatewayCounts counts_;
};

template <class Message>
void OuchGateway::send(std::uint32_t member, Message message, std::uint64_t now_ns) noexcept {
  constexpr std::uint64_t day_ns = 86'400'000'000'000;
  if (is_restoring_) {
    return;
  }
  message.timestamp = now_ns % day_ns;
  std::array<std::byte, protocols::most_bytes<Message>()> bytes{};
  static_assert(bytes.size() <= OuchStore::most_message_bytes);
  const std::size_t size = protocols::encode(message, bytes.data());
  Session& session = sessions_[member];
  session.sent.append(Bytes(bytes).first(size));
  if (!session.has_news) {
    session.has_news = true;
    news_[news_count_++] = member;
  }
}

}  // namespace meridian::order_entry
