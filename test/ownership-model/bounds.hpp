#pragma once

#include <cstdint>

#include "state.hpp"

namespace meridian::ownership_model {

// Rules of the protocol that a counterexample has brought in; each can be left out.
struct Fixes {
  bool c1 = true;  // a resend is answered no earlier than the order itself
  bool c2 = true;  // accepted is what the owner's follower has read as accepted
  bool c3 = true;  // a changed tail is never built upon
  bool c4 = true;  // a log is compared record by record, not by hashes
  bool c5 = true;  // the policy is checked before every fence
  bool c6 = true;  // what follows a change of mode waits until the change is accepted
  bool c7 = true;  // HANDOVER is the last record of its epoch
  bool c8 = true;  // a healed old owner lists what the chain has cut off
  bool c9 =
      true;  // anything foreign behind its fence ends an ownership; an idle owner reads its tail
  bool c10 = true;  // no fence with an epoch that the journal has passed
  bool c11 = true;  // a missing `own` of a known market waits for an operator
  bool c12 = true;  // a snapshot counts only on the chain
  bool c13 = true;  // an owner whose tail is its own also looks whether what is below is in place
  bool deduplication = true;
};

enum class Mode : std::uint8_t { replicated, durable };
// HANDOVER as the last record of its epoch, or as a fence of nobody.
enum class Handover : std::uint8_t { record, fence };
// Who may take a market whose accepted mode is durable, besides the log that had it last.
enum class Policy : std::uint8_t { same_log, lossy, operator_grants };

struct Bounds {
  Fixes fixes;
  Mode mode = Mode::replicated;
  Policy policy = Policy::same_log;
  Handover handover = Handover::record;
  std::uint8_t cells = 2;
  std::uint8_t commands = 1;
  std::uint8_t sessions = 2;
  std::uint8_t epochs = 3;
  std::uint8_t messages = 7;  // nobody publishes on a longer stream
  std::uint8_t in_flight = 3;
  std::uint8_t copies = 1;  // of the same bytes in flight
  bool power = false;       // a crash may cut the log behind what is on the disk
  bool snapshots = false;
  bool live = false;  // check that each cell alone can get to serve
  Budgets faults{2, 0, 0, 0, 0, 0, 0, 0};
  std::uint64_t most_states = 0;  // 0: no limit
};

}  // namespace meridian::ownership_model
