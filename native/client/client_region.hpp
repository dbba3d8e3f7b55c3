// What a co-located process shares with the reactor, and what both say to each other before they
// do: README.md. Little-endian, plain data, compared by both sides at the handshake (`version`).
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "rings/spsc_ring.hpp"

namespace meridian::client {

inline constexpr std::uint64_t region_magic = 0x3152'4E4C'4344'454DULL;  // "MEDCLNR1"
inline constexpr std::uint64_t hello_magic = 0x3148'4E4C'4344'454DULL;   // "MEDCLNH1"
// Changes with any layout of this file, of wire/command.hpp or of wire/event.hpp.
inline constexpr std::uint32_t protocol_version = 1;

// What a client may do beyond ordinary orders of its account.
namespace permission {
// Receives every event of the market, accounts of others included.
inline constexpr std::uint32_t stream = 1;
// Sends every kind of command: configure, set_state, set_limit, kill, bust, …
inline constexpr std::uint32_t administer = 2;
// Speaks for many: any account and any session may stand in a slot. For order entry that has
// checked who they are.
inline constexpr std::uint32_t speak_for_others = 4;
}  // namespace permission

// Which orders are canceled when the client is gone, however it went.
namespace cancel_scope {
inline constexpr std::uint32_t nothing = 0;
// 1 … 255: orders of the account with this `group`.
inline constexpr std::uint32_t largest_group = 255;
inline constexpr std::uint32_t account = 256;  // all orders of the account
}  // namespace cancel_scope

// Why a client is served no longer. Numbers never change meaning.
enum class EndReason : std::uint32_t {
  none = 0,                // it is served
  closed = 1,              // it said goodbye
  died = 2,                // its socket closed without a goodbye
  cursor_invalid = 3,      // a ring position that no ring of this size can have
  account_foreign = 4,     // a command for another account
  session_foreign = 5,     // a command of another session
  kind_not_permitted = 6,  // a command that needs `administer`
  event_ring_full = 7,     // it read its events too slowly; what did not fit was never written
  market_closed = 8,
  region_damaged = 9,  // pages of the region were given back
};
inline constexpr std::size_t end_reason_count = 10;

// Why a connection is refused. Numbers never change meaning.
enum class ConnectRefusal : std::uint32_t {
  none = 0,
  version_unknown = 1,
  market_unknown = 2,
  credentials_refused = 3,  // process owner, token, account and rights do not go together
  session_in_use = 4,
  clients_full = 5,
  request_invalid = 6,
  out_of_memory = 7,
  unreachable = 8,  // given by the library: nobody listens, or no answer came
};

inline constexpr std::size_t token_bytes = 32;
inline constexpr std::size_t market_name_bytes = 36;

// First message of a client on its socket (SOCK_SEQPACKET), one packet.
struct Hello {
  std::uint64_t magic = hello_magic;
  std::uint32_t version = protocol_version;
  std::uint32_t account = 0;
  std::uint64_t session = 0;  // 0: a new one; else the one to go on with
  std::uint32_t permissions = 0;
  std::uint32_t cancel_scope = cancel_scope::nothing;
  std::uint32_t command_slots = 4096;  // powers of two, 16 … 2^20
  std::uint32_t event_slots = 1U << 14U;
  std::array<std::byte, token_bytes> token{};
  std::array<char, market_name_bytes> market{};  // ends with a zero
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Hello) == 112);

// The answer, one packet. With refusal `none` two descriptors come along: the client's region, and
// a read-only one in which `parked_offset` is the reactor's parking word.
struct Welcome {
  std::uint64_t magic = hello_magic;
  std::uint32_t version = protocol_version;
  std::uint32_t refusal = 0;  // ConnectRefusal
  std::uint64_t session = 0;
  std::uint64_t region_bytes = 0;
  std::uint64_t reactor_bytes = 0;
  std::uint32_t parked_offset = 0;
  std::uint32_t account = 0;
  std::uint32_t permissions = 0;
  std::uint32_t command_slots = 0;
  std::uint32_t event_slots = 0;
  std::uint32_t reserved = 0;
  std::array<char, 192> text{};  // why it was refused and what to do; ends with a zero
};
static_assert(sizeof(Welcome) == 256);

// Later messages of a client, one byte each. The reactor's process sends none.
inline constexpr std::uint8_t message_wake = 'w';  // the reactor slept when something was published
inline constexpr std::uint8_t message_goodbye = 'b';

// Start of the region; the command slots follow at `client_slots_offset`, then the event slots.
// Everything here can be overwritten by the client: the reactor believes nothing but the two
// cursors the client owns, and checks those.
struct ClientRegion {
  // Written once, before the region is handed over.
  alignas(rings::separation_bytes) std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t command_slots;
  std::uint64_t session;
  std::uint32_t event_slots;
  std::uint32_t account;
  std::uint32_t permissions;

  rings::RingCursors commands;  // producer the client
  rings::RingCursors events;    // producer the match thread

  // Written by the reactor's process: EndReason.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> ended;

  // Parking word of the client: written by it before it sleeps, cleared by the match thread.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> parked;
};
static_assert(std::is_standard_layout_v<ClientRegion>);
static_assert(offsetof(ClientRegion, session) == 16 && offsetof(ClientRegion, commands) == 128);
static_assert(offsetof(ClientRegion, events) == 384 && offsetof(ClientRegion, ended) == 640);
static_assert(offsetof(ClientRegion, parked) == 768);

inline constexpr std::size_t client_slots_offset = 4096;
static_assert(sizeof(ClientRegion) <= client_slots_offset);
inline constexpr std::size_t slot_bytes = 64;

[[nodiscard]] constexpr std::size_t client_region_bytes(std::uint32_t command_slots,
                                                        std::uint32_t event_slots) noexcept {
  return client_slots_offset + (std::size_t{command_slots} + std::size_t{event_slots}) * slot_bytes;
}

inline constexpr std::uint32_t least_slots = 16;
inline constexpr std::uint32_t most_slots = 1U << 20U;
[[nodiscard]] constexpr bool is_ring_size(std::uint32_t slots) noexcept {
  return slots >= least_slots && slots <= most_slots && (slots & (slots - 1)) == 0;
}

}  // namespace meridian::client
