// Packets of a feed out of a UDP socket. Two ways: a system call for each, or by io_uring, all of a
// turn in one and, where the kernel really does not copy, straight from memory that is registered
// with it.
#pragma once
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "edge/network.hpp"
#include "protocols/codec.hpp"

namespace meridian::edge {

struct PacketCounts {
  std::uint64_t system_calls = 0;
  std::uint64_t sent = 0;
  // The kernel had no room: subscribers ask for these packets.
  std::uint64_t dropped = 0;
  // Of those asked to be sent without a copy: what the kernel says it did.
  std::uint64_t not_copied = 0;
  std::uint64_t copied = 0;
};

class PacketSender {
 public:
  // The largest packet.
  static constexpr std::size_t memory_bytes = 2048;

  PacketSender() = default;
  PacketSender(const PacketSender&) = delete;
  PacketSender& operator=(const PacketSender&) = delete;
  virtual ~PacketSender() = default;

  // Where the next packet is to be made. Never null; another one after each send().
  [[nodiscard]] virtual std::byte* memory() noexcept = 0;
  // Sends the first bytes of memory(), at the latest with the next turn().
  virtual void send(std::size_t bytes) noexcept = 0;
  // Once a turn.
  virtual void turn() noexcept = 0;

  [[nodiscard]] virtual const char* name() const noexcept = 0;
  [[nodiscard]] const PacketCounts& counts() const noexcept { return counts_; }

 protected:
  PacketCounts counts_;
};

// `socket` is the caller's and outlives the sender. Null without io_uring, if that is asked for;
// `reason` then says why. Backend::best takes the other way instead.
std::unique_ptr<PacketSender> open_sender(Backend backend, int socket, const sockaddr_in& to,
                                          std::string& reason);
std::unique_ptr<PacketSender> open_uring_sender(int socket, const sockaddr_in& to,
                                                std::string& reason);

}  // namespace meridian::edge
