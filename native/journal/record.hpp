// Building and checking the 96 bytes of a journal record (wire/record.hpp).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "journal/crc32c.hpp"
#include "wire/command.hpp"
#include "wire/record.hpp"

namespace meridian::journal {

// A record as bytes: a command needs 64-byte alignment, which a row of 96-byte records cannot give.
struct alignas(32) Record {
  std::array<std::byte, wire::record_bytes> bytes;

  [[nodiscard]] wire::RecordPrefix prefix() const noexcept {
    wire::RecordPrefix prefix{};
    std::memcpy(&prefix, bytes.data(), sizeof(prefix));
    return prefix;
  }
  [[nodiscard]] wire::Command command() const noexcept {
    wire::Command command{};
    std::memcpy(&command, bytes.data() + sizeof(wire::RecordPrefix), sizeof(command));
    return command;
  }
  // Everything but the checksum, which seal() adds: the match thread leaves that to the journal.
  void fill(std::uint64_t epoch, std::uint64_t sequence, std::uint64_t timestamp_ns,
            const wire::Command& command) noexcept {
    const wire::RecordPrefix prefix{0, wire::record_version, 0, epoch, sequence, timestamp_ns};
    std::memcpy(bytes.data(), &prefix, sizeof(prefix));
    std::memcpy(bytes.data() + sizeof(prefix), &command, sizeof(command));
  }
  [[nodiscard]] std::uint32_t checksum() const noexcept {
    return crc32c(std::span(bytes).subspan(sizeof(std::uint32_t)));
  }
  void seal() noexcept {
    const std::uint32_t crc = checksum();
    std::memcpy(bytes.data(), &crc, sizeof(crc));
  }
  // The checksum holds; the version may still be one that this release does not know.
  [[nodiscard]] bool is_whole() const noexcept { return prefix().crc32c == checksum(); }
};
static_assert(sizeof(Record) == wire::record_bytes);

}  // namespace meridian::journal
