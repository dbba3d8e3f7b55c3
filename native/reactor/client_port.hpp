// The reactor's end of one shared-memory client. The region is the client's to scribble on:
// nothing here trusts it, and whatever the client does to it harms only the client.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "client/client_region.hpp"
#include "engine/market.hpp"
#include "rings/parking.hpp"
#include "rings/shared_region.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::reactor {

// What the connection stands for; no slot can change it.
struct ClientTerms {
  std::uint32_t account = 0;
  std::uint64_t session = 0;
  std::uint32_t permissions = 0;  // client::permission
  std::uint32_t cancel_scope = client::cancel_scope::nothing;
  std::uint32_t command_slots = 4096;
  std::uint32_t event_slots = 1U << 14U;

  [[nodiscard]] bool may(std::uint32_t permission) const noexcept {
    return (permissions & permission) != 0;
  }
};

// Written by the match thread, read by anybody.
struct ClientCounters {
  std::atomic<std::uint64_t> commands{0};  // taken
  std::atomic<std::uint64_t> events{0};    // written to the client's ring
  // Times its commands had to wait because its event ring lacked the room a command may need.
  std::atomic<std::uint64_t> holds{0};

  static void bump(std::atomic<std::uint64_t>& counter) noexcept {
    // One writer, so no read-modify-write is needed.
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

// A glimpse of a command in memory that its writer may still write: each field is read once.
[[gnu::always_inline]] inline engine::Market::Glimpse glimpse_of_shared(
    const wire::Command& command) noexcept {
  return {.kind = __atomic_load_n(&command.kind, __ATOMIC_RELAXED),
          .side = __atomic_load_n(&command.side, __ATOMIC_RELAXED),
          .price = __atomic_load_n(&command.price, __ATOMIC_RELAXED),
          .order_id = __atomic_load_n(&command.order_id, __ATOMIC_RELAXED)};
}

// Cancels and what bounds the risk of an account or a market: they go before orders.
[[nodiscard]] constexpr bool is_relief(std::uint8_t kind) noexcept {
  switch (static_cast<wire::CommandKind>(kind)) {
    case wire::CommandKind::cancel:
    case wire::CommandKind::reduce:
    case wire::CommandKind::mass_cancel:
    case wire::CommandKind::set_state:
    case wire::CommandKind::set_limit:
    case wire::CommandKind::kill:
      return true;
    default:
      return false;
  }
}

// Everything but what says otherwise is for the match thread.
class ClientPort {
 public:
  // Makes the region. Null on failure, and `error_number` (errno) tells why. Any thread.
  static std::unique_ptr<ClientPort> create(const ClientTerms& terms, int& error_number);
  ClientPort(const ClientPort&) = delete;
  ClientPort& operator=(const ClientPort&) = delete;

  [[nodiscard]] const ClientTerms& terms() const noexcept { return terms_; }
  [[nodiscard]] const rings::SharedRegion& memory() const noexcept { return memory_; }
  // Any thread.
  [[nodiscard]] const ClientCounters& counters() const noexcept { return counters_; }
  // Any thread: not `none` once the client is served no longer. Acquire pairs with end().
  [[nodiscard]] client::EndReason end_reason() const noexcept {
    return static_cast<client::EndReason>(end_reason_.load(std::memory_order_acquire));
  }

  // Whether a command can be taken now: one waits, and its event ring has the room that most
  // commands need. Ends the client when its cursors make no sense.
  [[nodiscard]] bool has_command() noexcept {
    if (commands_.available() == 0) {
      if (commands_.is_faulty()) [[unlikely]] {
        end(client::EndReason::cursor_invalid);
      }
      return false;
    }
    return has_event_room();
  }
  // The same, and the command is one that goes before orders. Only a hint, because the client may
  // write it still.
  [[nodiscard]] bool has_relief() noexcept {
    return commands_.available() > 0 && is_relief(glimpse_of_shared(commands_.at(0)).kind) &&
           has_command();
  }
  // Copies the next command out of the client's memory, once, and checks the copy: false when it
  // broke the rules and was ended. Account and session become those of the connection.
  [[nodiscard]] bool take(wire::Command& command) noexcept;
  // Of the commands that wait behind the next one, for looking ahead: false when there are not so
  // many. Only a hint: the client may write them still.
  [[nodiscard]] bool glimpse(std::uint32_t behind, engine::Market::Glimpse& seen) noexcept {
    if (commands_.available() <= behind) {
      return false;
    }
    seen = glimpse_of_shared(commands_.at(behind));
    return true;
  }
  // Commands taken so far may be overwritten.
  void release_commands() noexcept { commands_.release(); }

  // While parking; see Parking. Cursors that make no sense are work as well: has_command() ends the
  // client, who may not have to wait for somebody else's command to be told.
  [[nodiscard]] bool can_work_ordered() noexcept {
    return has_commands_ordered() &&
           (commands_.is_faulty() || events_.has_room_ordered(reserve_) || events_.is_faulty());
  }
  [[nodiscard]] bool has_commands_ordered() noexcept {
    return commands_.available_ordered() > 0 || commands_.is_faulty();
  }
  [[nodiscard]] bool is_blocked() noexcept {
    return commands_.available() > 0 || commands_.is_faulty();
  }

  // A copy of the event for this client, to be seen after release_events(); ends the client when
  // there is no room. `is_own`: the command came through this ring.
  void put(const wire::Event& event, bool is_own) noexcept;
  // Marks the last event that this client got of the command under way.
  void finish_command() noexcept {
    if (last_ != nullptr) {
      last_->flags |= wire::event_is_last;
      last_ = nullptr;
    }
  }
  // Shows the client what was put.
  void release_events() noexcept {
    released_ = events_.position();
    events_.publish_through(released_);
  }
  // The same for commands up to `safe` only, of what finish_command() has ended.
  void release_events_through(std::uint64_t safe) noexcept;
  [[nodiscard]] bool can_release(std::uint64_t safe) const noexcept {
    return owes_events() && events_.slot_at(released_).sequence <= safe;
  }
  [[nodiscard]] bool owes_events() const noexcept { return released_ != events_.position(); }
  // Wakes a client that sleeps, after its events were released.
  void wake_reader() noexcept {
    events_.publish_through_ordered(released_);
    client_.wake();
  }

  // Nothing more is taken from or given to the client.
  void end(client::EndReason reason) noexcept;

 private:
  ClientPort(const ClientTerms& terms, rings::SharedRegion memory) noexcept;

  [[nodiscard]] bool has_event_room() noexcept;
  // Accounts of others are nobody's business; the tag of another producer means nothing here.
  [[nodiscard]] wire::Event view_of(const wire::Event& event, bool is_own) const noexcept;
  ClientTerms terms_;
  rings::SharedRegion memory_;
  rings::RingReader<wire::Command> commands_;
  rings::RingWriter<wire::Event> events_;
  rings::Parking client_;
  std::uint32_t reserve_;
  std::uint32_t released_ = 0;
  wire::Event* last_ = nullptr;
  bool is_held_ = false;
  ClientCounters counters_;
  // Written by the match thread, or by whoever attached the port before and after it is attached.
  std::atomic<std::uint32_t> end_reason_{0};
};

}  // namespace meridian::reactor
