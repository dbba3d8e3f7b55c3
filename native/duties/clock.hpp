// The time of a turn.
#pragma once
#include <ctime>

#include "edge/soup_host.hpp"

namespace meridian::duties {

[[nodiscard]] inline edge::Time time_now() noexcept {
  const auto nanoseconds = [](clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
  };
  return {nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_REALTIME)};
}

}  // namespace meridian::duties
