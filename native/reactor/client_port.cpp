#include "reactor/client_port.hpp"

#include <new>
#include <utility>

namespace meridian::reactor {
namespace {

using client::ClientRegion;
using client::EndReason;
using wire::CommandKind;
using wire::EventKind;

// Free event slots a command wants before it is taken, as for the market's owner: most commands
// fit, and the rest of the ring is for events of other people's commands.
std::uint32_t reserve_of(std::uint32_t event_slots) noexcept {
  constexpr std::uint32_t usual_most = 1024;
  return event_slots / 4 < usual_most ? event_slots / 4 : usual_most;
}

// Commands of the account itself; all others need client::permission::administer.
bool is_ordinary(std::uint8_t kind) noexcept {
  switch (static_cast<CommandKind>(kind)) {
    case CommandKind::place:
    case CommandKind::cancel:
    case CommandKind::reduce:
    case CommandKind::replace:
    case CommandKind::mass_cancel:
      return true;
    default:
      return false;
  }
}

ClientRegion& start_of(const rings::SharedRegion& memory) noexcept {
  return *std::launder(reinterpret_cast<ClientRegion*>(memory.memory().data()));
}

template <class Slot>
Slot* slots_at(const rings::SharedRegion& memory, std::size_t offset) noexcept {
  return reinterpret_cast<Slot*>(memory.memory().data() + offset);
}

}  // namespace

std::unique_ptr<ClientPort> ClientPort::create(const ClientTerms& terms, int& error_number) {
  rings::SharedRegion memory = rings::SharedRegion::create(
      "meridian-client", client::client_region_bytes(terms.command_slots, terms.event_slots),
      error_number);
  if (error_number != 0) {
    return nullptr;
  }
  auto* region = new (memory.memory().data()) ClientRegion{};
  region->magic = client::region_magic;
  region->version = client::protocol_version;
  region->command_slots = terms.command_slots;
  region->session = terms.session;
  region->event_slots = terms.event_slots;
  region->account = terms.account;
  region->permissions = terms.permissions;
  return std::unique_ptr<ClientPort>(new ClientPort(terms, std::move(memory)));
}

ClientPort::ClientPort(const ClientTerms& terms, rings::SharedRegion memory) noexcept
    : terms_(terms),
      memory_(std::move(memory)),
      commands_(start_of(memory_).commands,
                slots_at<wire::Command>(memory_, client::client_slots_offset), terms.command_slots),
      events_(start_of(memory_).events,
              slots_at<wire::Event>(
                  memory_, client::client_slots_offset + terms.command_slots * client::slot_bytes),
              terms.event_slots),
      client_(start_of(memory_).parked),
      reserve_(reserve_of(terms.event_slots)) {}

bool ClientPort::take(wire::Command& command) noexcept {
  command = commands_.at(0);
  // The copy is made here and now: the compiler may not read the client's memory again in its
  // stead, for the client may have changed it after the checks below.
  asm volatile("" ::: "memory");
  commands_.advance(1);
  const bool may_administer = terms_.may(client::permission::administer);
  const bool speaks_for_others = terms_.may(client::permission::speak_for_others);
  if (!may_administer && !is_ordinary(command.kind)) [[unlikely]] {
    end(EndReason::kind_not_permitted);
    return false;
  }
  if (command.account == 0) {
    command.account = terms_.account;
  } else if (command.account != terms_.account && !may_administer && !speaks_for_others)
      [[unlikely]] {
    end(EndReason::account_foreign);
    return false;
  }
  if (command.session != 0 && command.session != terms_.session && !speaks_for_others)
      [[unlikely]] {
    end(EndReason::session_foreign);
    return false;
  }
  if (command.number == 0) {
    command.session = 0;
  } else if (command.session == 0) {
    command.session = terms_.session;
  }
  ClientCounters::bump(counters_.commands);
  return true;
}

bool ClientPort::has_event_room() noexcept {
  if (events_.has_room(reserve_)) [[likely]] {
    is_held_ = false;
    return true;
  }
  if (events_.is_faulty()) {
    end(EndReason::cursor_invalid);
  } else if (!is_held_) {
    is_held_ = true;
    ClientCounters::bump(counters_.holds);
  }
  return false;
}

void ClientPort::put(const wire::Event& event, bool is_own) noexcept {
  if (end_reason_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    return;
  }
  wire::Event* slot = events_.next();
  if (slot == nullptr) [[unlikely]] {
    end(events_.is_faulty() ? EndReason::cursor_invalid : EndReason::event_ring_full);
    return;
  }
  *slot = view_of(event, is_own);
  last_ = slot;
  ClientCounters::bump(counters_.events);
}

wire::Event ClientPort::view_of(const wire::Event& event, bool is_own) const noexcept {
  wire::Event view = event;
  view.flags = is_own ? 0 : wire::event_is_foreign;
  if (!is_own) {
    view.tag = 0;
  }
  if (terms_.may(client::permission::stream)) {
    return view;
  }
  const auto kind = static_cast<EventKind>(event.kind);
  if (kind == EventKind::executed || kind == EventKind::busted || kind == EventKind::corrected) {
    if (view.account != terms_.account) {
      view.account = 0;
    }
    if (view.other_price != terms_.account) {
      view.other_price = 0;
    }
  }
  return view;
}

void ClientPort::release_events_through(std::uint64_t safe) noexcept {
  // The sequences stand in the client's memory: one that changes them sees its own events early,
  // which lie before its eyes anyway.
  const std::uint32_t before = released_;
  while (released_ != events_.position() && events_.slot_at(released_).sequence <= safe) {
    ++released_;
  }
  if (released_ != before) {
    wake_reader();
  }
}

void ClientPort::end(EndReason reason) noexcept {
  last_ = nullptr;
  if (end_reason() != EndReason::none) {
    return;
  }
  // Release pairs with the acquire of whoever reads the reason: counters are final.
  end_reason_.store(static_cast<std::uint32_t>(reason), std::memory_order_release);
  start_of(memory_).ended.store(static_cast<std::uint32_t>(reason), std::memory_order_seq_cst);
  client_.wake();
}

}  // namespace meridian::reactor
