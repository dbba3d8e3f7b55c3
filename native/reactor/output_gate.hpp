// Which sequence is safe: what it caused may leave the process (DESIGN.md §5, §8.2).
#pragma once
#include <algorithm>
#include <cstdint>

#include "wire/command.hpp"

namespace meridian::reactor {

// Commands that may be matched and not yet safe; beyond it no order is taken from a client.
inline constexpr std::uint64_t unsafe_window = std::uint64_t{1} << 18U;

// So many more may be of those that go before orders, as of those that come over NATS.
inline constexpr std::uint64_t relief_window = std::uint64_t{1} << 16U;

struct GatePositions {
  std::uint64_t matched = 0;
  std::uint64_t durable = 0;
  // Negative while nobody follows the accepted chain for this market.
  double committed = -1;
  // CLOCK_MONOTONIC, nanoseconds; 0 when the market is under no lease.
  double lease_until_ns = 0;
  double now_ns = 0;
};

// The market's mode as its journal says, and what follows from it.
class OutputGate {
 public:
  // A `configure` of this sequence was accepted.
  void configured(std::uint8_t mode, std::uint64_t sequence) noexcept {
    const auto wanted = static_cast<wire::DurabilityMode>(mode);
    if (wanted != mode_ || changed_at_ == 0) {
      mode_ = wanted;
      changed_at_ = sequence;
    }
  }

  // Everything matched is safe at once, whatever the clock says: nothing else need be looked at.
  [[nodiscard]] bool is_open(const GatePositions& positions) const noexcept {
    return mode_of(positions) == wire::DurabilityMode::matched && positions.lease_until_ns == 0;
  }

  [[nodiscard]] std::uint64_t safe(const GatePositions& positions) const noexcept {
    const std::uint64_t committed =
        positions.committed < 0 ? 0 : static_cast<std::uint64_t>(positions.committed);
    std::uint64_t promised = committed;
    if (has_lease(positions)) {
      switch (mode_of(positions)) {
        case wire::DurabilityMode::matched:
          promised = positions.matched;
          break;
        case wire::DurabilityMode::durable:
          promised = positions.durable;
          break;
        case wire::DurabilityMode::replicated:
          break;
      }
    }
    return std::min(std::max(promised, committed), positions.matched);
  }

  static bool has_lease(const GatePositions& positions) noexcept {
    return positions.lease_until_ns == 0 || positions.now_ns < positions.lease_until_ns;
  }

 private:
  // A new mode holds from where its command is committed; until then acks wait as in `replicated`.
  [[nodiscard]] wire::DurabilityMode mode_of(const GatePositions& positions) const noexcept {
    return positions.committed >= 0 && positions.committed < static_cast<double>(changed_at_)
               ? wire::DurabilityMode::replicated
               : mode_;
  }

  wire::DurabilityMode mode_ = wire::DurabilityMode::replicated;
  std::uint64_t changed_at_ = 0;
};

}  // namespace meridian::reactor
