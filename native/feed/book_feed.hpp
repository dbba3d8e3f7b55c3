// A market's commands and events as ITCH messages: a fold, so the same journal gives the same
// messages with the same sequences, whoever computes them.
//
// The engine says nothing when a plain limit order comes to rest in the command that brought it; so
// the feed follows what kind of order each is, by the rules of engine/README.md ("Entering").
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.hpp"
#include "protocols/codec.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::feed {

using protocols::Bytes;

// Where messages go, in the order of their sequence.
struct MessageSink {
  void* context = nullptr;
  void (*put)(void* context, Bytes message) noexcept = nullptr;
};

// What the directory says of the market, and how its units become those of ITCH.
struct Instrument {
  protocols::Text<8> stock = protocols::Text<8>::of("");
  std::uint16_t locate = 1;
  std::uint32_t price_per_tick = 100;  // in 10^-4; the band times this must fit 32 bits
  std::uint32_t round_lot = 100;
};

// Number of a trade in all protocols: `busted` and `corrected` name sequence and index.
constexpr std::uint64_t match_number(std::uint64_t sequence, std::uint64_t index) noexcept {
  return sequence << 24U | (index & 0xFFFFFFU);
}

class BookFeed {
 public:
  // About 800 MiB, meant to be lazily backed: a slot is touched when an order takes it.
  static constexpr std::size_t arena_bytes() noexcept { return Arena::bytes_of<Order>(slot_count); }

  // `memory` is zeroed, aligned to 64 bytes, arena_bytes() long, and outlives the feed.
  BookFeed(const Instrument& instrument, std::span<std::byte> memory, MessageSink sink) noexcept;
  BookFeed(const BookFeed&) = delete;
  BookFeed& operator=(const BookFeed&) = delete;

  // A command as the engine took it; then all its events, in order.
  void command(const wire::Command& command, std::uint64_t timestamp_ns) noexcept;
  void event(const wire::Event& event) noexcept;

  // The day is over: the last messages.
  void end(std::uint64_t timestamp_ns) noexcept;

  // Messages so far: the sequence of the last one.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint32_t displayed_orders() const noexcept { return displayed_; }
  // Orders left out because ITCH has 32 bits for their price.
  [[nodiscard]] std::uint64_t unpriceable() const noexcept { return unpriceable_; }

  // The displayed book as directory, state and added orders, oldest priority first, then the end of
  // snapshot with the sequence of the first message that is not in it. Between two commands.
  void snapshot(MessageSink sink, std::uint64_t timestamp_ns) const noexcept;
  // Messages of a snapshot besides its orders: directory, state, end.
  static constexpr std::uint32_t snapshot_frame = 3;

 private:
  static constexpr std::uint32_t slot_count = 1U << 24U;  // of the engine's order ids
  static constexpr std::uint32_t no_slot = 0;             // ids begin with slot 1

  // What is known of the order that last took a slot.
  struct Order {
    std::uint64_t order_id;
    std::uint64_t reference;  // under which it is displayed
    std::uint32_t older;      // displayed orders, by the time they came to rest
    std::uint32_t younger;
    std::uint32_t price;  // ticks
    std::uint32_t shown;  // lots; 0 while it is not displayed
    std::uint32_t display;
    std::uint8_t side;
    std::uint8_t flags;
    std::uint8_t time_in_force;
  };

  // An order that may come to rest without an event, until it does or the command ends.
  struct Pending {
    std::uint32_t slot = no_slot;
    std::uint32_t lots = 0;
    bool has_traded = false;
  };
  // A displayed order that was replaced: its deletion waits for what becomes of the new one.
  struct Leaving {
    std::uint64_t reference = 0;
    std::uint8_t side = 0;
  };

  [[nodiscard]] Order* find(std::uint64_t order_id) noexcept;
  Order& make(const wire::Event& event) noexcept;
  void accept(const wire::Event& event) noexcept;
  void replace(const wire::Event& event) noexcept;
  void execute(const wire::Event& event) noexcept;
  void execute_displayed(Order& order, const wire::Event& event) noexcept;
  void cancel(const wire::Event& event) noexcept;
  void reduce(const wire::Event& event) noexcept;
  void rest(const wire::Event& event) noexcept;
  void reprice(const wire::Event& event) noexcept;
  void set_state(const wire::Event& event) noexcept;
  void indicate(const wire::Event& event) noexcept;
  void correct(const wire::Event& event) noexcept;
  void configured() noexcept;

  void settle_pending() noexcept;
  void settle_leaving() noexcept;
  [[nodiscard]] bool rests_silently(const Order& order) const noexcept;
  void display(Order& order, std::uint32_t shown) noexcept;
  void hide(Order& order) noexcept;
  void cross(std::uint64_t match) noexcept;

  template <class Message>
  void put(Message message) noexcept;
  template <class Message>
  void put_to(MessageSink sink, Message message, std::uint64_t midnight_ns) const noexcept;
  void put_event(char code) noexcept;
  [[nodiscard]] std::uint32_t price_of(std::uint64_t ticks) const noexcept;
  [[nodiscard]] protocols::itch::StockDirectory directory() const noexcept;
  [[nodiscard]] protocols::itch::TradingAction trading_action() const noexcept;

  Instrument instrument_;
  MessageSink sink_;
  Order* orders_;
  std::uint32_t oldest_ = no_slot;
  std::uint32_t youngest_ = no_slot;
  std::uint32_t displayed_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t refreshed_ = 0;  // references given besides order ids
  std::uint64_t unpriceable_ = 0;

  wire::Command command_{};
  std::uint64_t midnight_ns_ = 0;  // since the last one, UTC
  wire::MarketState state_ = wire::MarketState::open;
  bool is_configured_ = false;
  bool is_trading_day_ = false;
  Pending pending_;
  Leaving leaving_;
  // Of the uncross under way.
  std::uint64_t crossed_lots_ = 0;
  std::uint64_t cross_price_ = 0;
  std::uint64_t cross_match_ = 0;
};

}  // namespace meridian::feed
