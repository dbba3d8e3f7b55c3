#include "protocol.hpp"

namespace meridian::ownership_model {
namespace {

std::string at(std::uint16_t sequence) { return std::to_string(sequence); }

}  // namespace

std::string Protocol::words(const State& before, const Step& step) const {
  const std::string cell = step.cell == no_cell ? "" : std::string(1, name_of(step.cell)) + " ";
  switch (step.kind) {
    case StepKind::claim:
      return cell + "claims epoch " + at(step.what) + " in `own`";
    case StepKind::fence:
      return cell + "publishes its fence of epoch " + at(step.what) + ", expecting " +
             at(step.where) + ", or gives up if it may not";
    case StepKind::read_tail:
      return cell + "reads the tail at " + at(step.where) + ": " +
             messages_.words(step.where == 0 ? no_message : before.stream[step.where - 1U]);
    case StepKind::take_ack:
      return cell + "gets the ack of " + messages_.words(step.what) + " with " + at(step.where);
    case StepKind::follow:
      return cell + "reads " + messages_.words(step.what) + " as its follower";
    case StepKind::deliver:
      return cell + "executes " + words_of(static_cast<Record>(step.what));
    case StepKind::resend:
      return cell + "answers a resend of " + words_of(static_cast<Record>(step.what));
    case StepKind::fsync:
      return cell + "syncs its log";
    case StepKind::publish:
      return cell + "publishes " + messages_.words(step.what) + ", expecting " + at(step.where);
    case StepKind::list:
      return cell + "lists what the chain has cut off from its log";
    case StepKind::release:
      return cell + "lets go after HANDOVER";
    case StepKind::snapshot:
      return cell + "writes a snapshot at " + messages_.words(step.what);
    case StepKind::change_mode:
      return cell + "executes the change of mode";
    case StepKind::hand_over:
      return cell + "writes HANDOVER into its log";
    case StepKind::operator_grants:
      return "an operator lets " + cell + "take the market";
    case StepKind::crash:
      return cell + "crashes; its log keeps " + at(step.what) + " of " + at(step.where) +
             " entries";
    default:
      break;
  }
  const std::string message = messages_.words(step.what);
  switch (step.kind) {
    case StepKind::land:
      return message + " is stored at " + at(step.where);
    case StepKind::land_double:
      return message + ", checked before, is stored at " + at(step.where);
    case StepKind::refuse:
      return message + " is refused: it expected " + at(step.where);
    case StepKind::operator_restores:
      return "an operator restores `own` with epoch " + at(step.what);
    case StepKind::roll:
      return "JetStream loses everything behind " + at(step.where);
    case StepKind::lose_lease:
      return "the bucket LEASE is lost";
    default:
      return "unknown step";
  }
}

}  // namespace meridian::ownership_model
