#pragma once

#include "protocol.hpp"

namespace meridian::ownership_model {

// What holds in every state; README.md has each in words. The order is that in which they are
// asked.
enum class Invariant : std::uint8_t {
  all_hold,
  i1,
  i2,
  i3,
  i4,
  i5,
  i6,
  i7,
};

[[nodiscard]] Invariant broken_in(const Protocol& protocol, const Bounds& bounds,
                                  const Messages& messages, const State& state);
[[nodiscard]] const char* name_of(Invariant invariant);
[[nodiscard]] const char* meaning_of(Invariant invariant);

}  // namespace meridian::ownership_model
