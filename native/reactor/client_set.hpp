// The shared-memory clients of one market: whose turn it is, and who gets which event.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "reactor/client_port.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::reactor {

inline constexpr std::uint32_t most_clients = 64;

// For the match thread. Ports belong to whoever attached them, who detaches them before they go.
//
// A client gets: the events of its own commands that name its account or nobody's; every event that
// names its account, whoever's command caused it (marked foreign); with permission::stream, all.
class ClientSet {
 public:
  // Nothing to poll, nothing to route and nothing owed.
  [[nodiscard]] bool is_idle() const noexcept { return (served_ | owed_) == 0; }
  [[nodiscard]] bool has_clients() const noexcept { return served_ != 0; }

  // False when all places are taken.
  [[nodiscard]] bool attach(ClientPort& port) noexcept;
  // Ends the client if it has not ended, and forgets it.
  void detach(ClientPort& port, client::EndReason reason) noexcept;

  // Calls visit(port) for every client that is served, beginning with another one each time. What
  // is routed during the call is of the client's own commands.
  template <class Visit>
  void visit_in_turn(Visit&& visit) noexcept {
    first_ = (first_ + 1) % most_clients;
    std::uint64_t left = std::rotr(served_, static_cast<int>(first_));
    for (; left != 0; left &= left - 1) {
      const auto place =
          (static_cast<std::uint32_t>(std::countr_zero(left)) + first_) % most_clients;
      ClientPort& port = *ports_[place];
      if (port.end_reason() == client::EndReason::none) [[likely]] {
        origin_ = std::uint64_t{1} << place;
        visit(port);
        origin_ = 0;
      }
      if (port.end_reason() != client::EndReason::none) [[unlikely]] {
        stop_serving(place);
      }
    }
  }
  template <class Test>
  [[nodiscard]] bool any(Test&& test) const noexcept {
    for (std::uint64_t left = served_; left != 0; left &= left - 1) {
      if (test(*ports_[static_cast<std::size_t>(std::countr_zero(left))])) {
        return true;
      }
    }
    return false;
  }

  // Copies the event for those it concerns.
  void route(const wire::Event& event) noexcept;
  // The command under way came from a client and not from the market's owner or the reactor.
  [[nodiscard]] bool is_from_client() const noexcept { return origin_ != 0; }
  // The command has no more events. They are shown at once when `is_safe`.
  void finish_command(bool is_safe) noexcept;
  // Shows what commands up to `safe` have caused.
  void release_events_through(std::uint64_t safe) noexcept;
  [[nodiscard]] bool owes_events() const noexcept {
    return any([](const ClientPort& port) { return port.owes_events(); });
  }
  // Wakes those who sleep and were shown events since the last call.
  void wake_readers() noexcept;

  // Cancels of the orders that clients left behind: commands of the reactor's own.
  [[nodiscard]] bool owes_cancel() const noexcept { return owed_ != 0; }
  [[nodiscard]] wire::Command owed_cancel() const noexcept;
  void cancel_is_done() noexcept { owed_ &= owed_ - 1; }

 private:
  struct AccountEntry {
    std::uint32_t account;
    std::uint64_t clients;
  };
  // At most half full, so that probes stay short.
  static constexpr std::uint32_t index_size = 2 * most_clients;

  static std::uint32_t home_of(std::uint32_t account) noexcept {
    return (account * 0x9E3779B1U) >> 25U;
  }
  static_assert(index_size == 1U << 7U, "home_of gives seven bits");

  [[nodiscard]] std::uint64_t clients_of(std::uint64_t account) const noexcept;
  void index_accounts() noexcept;
  void stop_serving(std::uint32_t place) noexcept;

  std::array<ClientPort*, most_clients> ports_{};
  std::uint64_t served_ = 0;   // places that are polled and routed to
  std::uint64_t present_ = 0;  // places whose port has not been detached
  std::uint64_t origin_ = 0;   // whose command is under way; none is the market's owner
  std::uint64_t touched_ = 0;  // got events of the command under way
  std::uint64_t shown_ = 0;    // were shown events since wake_readers()
  std::uint64_t stream_ = 0;   // served, with permission::stream
  std::uint64_t owed_ = 0;     // places whose orders are still to be canceled
  std::array<ClientTerms, most_clients> owed_terms_{};
  std::uint32_t first_ = 0;
  // Which clients have an account; 0 is an empty place.
  std::array<AccountEntry, index_size> index_{};
};

}  // namespace meridian::reactor
