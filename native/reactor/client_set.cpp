#include "reactor/client_set.hpp"

namespace meridian::reactor {
namespace {

using client::EndReason;
using wire::EventKind;

// Kinds whose `other_price` is an account.
bool names_two_accounts(std::uint8_t kind) noexcept {
  return kind == static_cast<std::uint8_t>(EventKind::executed) ||
         kind == static_cast<std::uint8_t>(EventKind::busted) ||
         kind == static_cast<std::uint8_t>(EventKind::corrected);
}

constexpr std::uint64_t bit(std::uint32_t place) noexcept { return std::uint64_t{1} << place; }

}  // namespace

bool ClientSet::attach(ClientPort& port) noexcept {
  const std::uint64_t taken = present_ | owed_;
  if (taken == ~std::uint64_t{0}) {
    return false;
  }
  const auto place = static_cast<std::uint32_t>(std::countr_one(taken));
  ports_[place] = &port;
  present_ |= bit(place);
  served_ |= bit(place);
  index_accounts();
  return true;
}

void ClientSet::detach(ClientPort& port, EndReason reason) noexcept {
  port.end(reason);
  for (std::uint64_t left = present_; left != 0; left &= left - 1) {
    const auto place = static_cast<std::uint32_t>(std::countr_zero(left));
    if (ports_[place] == &port) {
      stop_serving(place);
      if (reason == EndReason::market_closed) {
        // Its orders stay with the market, which another process has now, or this one again.
        owed_ &= ~bit(place);
      }
      present_ &= ~bit(place);
      ports_[place] = nullptr;
      return;
    }
  }
}

void ClientSet::stop_serving(std::uint32_t place) noexcept {
  if ((served_ & bit(place)) == 0) {
    return;
  }
  served_ &= ~bit(place);
  touched_ &= ~bit(place);
  shown_ &= ~bit(place);
  index_accounts();
  const ClientTerms& terms = ports_[place]->terms();
  if (terms.cancel_scope != client::cancel_scope::nothing) {
    owed_ |= bit(place);
    owed_terms_[place] = terms;
  }
}

void ClientSet::index_accounts() noexcept {
  index_.fill({});
  stream_ = 0;
  for (std::uint64_t left = served_; left != 0; left &= left - 1) {
    const auto place = static_cast<std::uint32_t>(std::countr_zero(left));
    const ClientTerms& terms = ports_[place]->terms();
    if (terms.may(client::permission::stream)) {
      stream_ |= bit(place);
    }
    std::uint32_t at = home_of(terms.account);
    while (index_[at].clients != 0 && index_[at].account != terms.account) {
      at = (at + 1) % index_size;
    }
    index_[at].account = terms.account;
    index_[at].clients |= bit(place);
  }
}

std::uint64_t ClientSet::clients_of(std::uint64_t account) const noexcept {
  std::uint32_t at = home_of(static_cast<std::uint32_t>(account));
  while (index_[at].clients != 0) {
    if (index_[at].account == account) {
      return index_[at].clients;
    }
    at = (at + 1) % index_size;
  }
  return 0;
}

void ClientSet::route(const wire::Event& event) noexcept {
  std::uint64_t concerned = stream_ | (event.account == 0 ? origin_ : clients_of(event.account));
  if (names_two_accounts(event.kind)) {
    concerned |= clients_of(static_cast<std::uint64_t>(event.other_price));
  }
  touched_ |= concerned;
  for (; concerned != 0; concerned &= concerned - 1) {
    const auto place = static_cast<std::uint32_t>(std::countr_zero(concerned));
    ports_[place]->put(event, origin_ == bit(place));
  }
}

void ClientSet::finish_command(bool is_safe) noexcept {
  for (std::uint64_t left = touched_; left != 0; left &= left - 1) {
    ClientPort& port = *ports_[static_cast<std::size_t>(std::countr_zero(left))];
    port.finish_command();
    if (is_safe) {
      port.release_events();
    }
  }
  shown_ |= is_safe ? touched_ : 0;
  touched_ = 0;
}

void ClientSet::release_events_through(std::uint64_t safe) noexcept {
  for (std::uint64_t left = served_; left != 0; left &= left - 1) {
    ports_[static_cast<std::size_t>(std::countr_zero(left))]->release_events_through(safe);
  }
}

void ClientSet::wake_readers() noexcept {
  for (std::uint64_t left = shown_; left != 0; left &= left - 1) {
    ports_[static_cast<std::size_t>(std::countr_zero(left))]->wake_reader();
  }
  shown_ = 0;
}

wire::Command ClientSet::owed_cancel() const noexcept {
  const ClientTerms& terms = owed_terms_[static_cast<std::size_t>(std::countr_zero(owed_))];
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::mass_cancel);
  command.account = terms.account;
  if (terms.cancel_scope != client::cancel_scope::account) {
    command.order_type = wire::filter::by_group;
    command.group = static_cast<std::uint8_t>(terms.cancel_scope);
  }
  return command;
}

}  // namespace meridian::reactor
