// Explores every state of the ownership protocol within bounds: README.md.
//   ownership_model [--without=C1,…] [--mode=durable] [--policy=lossy|operator] [--cells=3] …
// Prints one line of JSON; ends with 0 when everything holds, 1 when something is broken or the run
// was cut, 2 for what it does not understand.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "bounds.hpp"
#include "explorer.hpp"

namespace {

using meridian::ownership_model::Bounds;
using meridian::ownership_model::Explorer;
using meridian::ownership_model::Fixes;
using meridian::ownership_model::Handover;
using meridian::ownership_model::Invariant;
using meridian::ownership_model::Mode;
using meridian::ownership_model::Outcome;
using meridian::ownership_model::Policy;

constexpr int status_broken = 1;
constexpr int status_usage = 2;

struct FixName {
  std::string_view name;
  bool Fixes::* fix;
};
constexpr FixName fix_names[] = {
    {"C1", &Fixes::c1},   {"C2", &Fixes::c2},
    {"C3", &Fixes::c3},   {"C4", &Fixes::c4},
    {"C5", &Fixes::c5},   {"C6", &Fixes::c6},
    {"C7", &Fixes::c7},   {"C8", &Fixes::c8},
    {"C9", &Fixes::c9},   {"C10", &Fixes::c10},
    {"C11", &Fixes::c11}, {"C12", &Fixes::c12},
    {"C13", &Fixes::c13}, {"deduplication", &Fixes::deduplication},
};

bool leave_out(Fixes& fixes, std::string_view names) {
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    bool is_known = false;
    for (const FixName& known : fix_names) {
      if (known.name == name) {
        fixes.*known.fix = false;
        is_known = true;
      }
    }
    if (!is_known) {
      return false;
    }
    names = comma == std::string_view::npos ? "" : names.substr(comma + 1);
  }
  return true;
}

template <typename Number>
bool read_number(std::string_view text, Number most, Number& into) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) {
    return false;
  }
  into = value;
  return true;
}

bool set_word(Bounds& bounds, std::string_view key, std::string_view value) {
  if (key == "without") {
    return leave_out(bounds.fixes, value);
  }
  if (key == "mode" && (value == "durable" || value == "replicated")) {
    bounds.mode = value == "durable" ? Mode::durable : Mode::replicated;
    return true;
  }
  if (key == "handover" && (value == "record" || value == "fence")) {
    bounds.handover = value == "fence" ? Handover::fence : Handover::record;
    return true;
  }
  if (key == "policy" && (value == "lossy" || value == "operator" || value == "same-log")) {
    bounds.policy = value == "lossy"      ? Policy::lossy
                    : value == "operator" ? Policy::operator_grants
                                          : Policy::same_log;
    return true;
  }
  if (key == "limit") {
    return read_number(value, std::uint64_t{400'000'000}, bounds.most_states);
  }
  return false;
}

bool set_count(Bounds& bounds, std::string_view key, std::string_view value) {
  struct Count {
    std::string_view name;
    std::uint8_t* into;
    std::uint8_t most;
  };
  namespace model = meridian::ownership_model;
  const Count counts[] = {
      {"cells", &bounds.cells, model::most_cells},
      {"commands", &bounds.commands, model::most_commands},
      {"sessions", &bounds.sessions, model::most_commands},
      {"epochs", &bounds.epochs, model::most_epochs},
      {"messages", &bounds.messages, model::most_stream - 2},
      {"in-flight", &bounds.in_flight, model::most_in_flight},
      {"copies", &bounds.copies, 2},
      {"crashes", &bounds.faults.crashes, 9},
      {"doubles", &bounds.faults.doubles, 9},
      {"rolls", &bounds.faults.rolls, 9},
      {"losses", &bounds.faults.losses, 9},
      {"stale", &bounds.faults.stale, 9},
      {"grants", &bounds.faults.grants, 9},
      {"changes", &bounds.faults.changes, 1},
      {"handovers", &bounds.faults.handovers, 2},
  };
  for (const Count& count : counts) {
    if (count.name == key) {
      return read_number(value, count.most, *count.into);
    }
  }
  return set_word(bounds, key, value);
}

std::optional<Bounds> bounds_of(int count, char** arguments) {
  Bounds bounds;
  for (int index = 1; index < count; ++index) {
    const std::string_view given = arguments[index];
    const std::size_t equals = given.find('=');
    const std::string_view key = given.substr(0, equals);
    bool is_understood = false;
    if (key == "--live" || key == "--power" || key == "--snapshots") {
      (key == "--live" ? bounds.live : key == "--power" ? bounds.power : bounds.snapshots) = true;
      is_understood = equals == std::string_view::npos;
    } else if (key.starts_with("--") && equals != std::string_view::npos) {
      is_understood = set_count(bounds, key.substr(2), given.substr(equals + 1));
    }
    if (!is_understood) {
      std::fprintf(stderr, "not understood: %s\n", arguments[index]);
      return std::nullopt;
    }
  }
  return bounds;
}

void print(const Outcome& outcome, const Bounds& bounds, double seconds) {
  std::printf("{\"broken\":\"%s\",\"meaning\":\"%s\",\"complete\":%s,\"states\":%llu,",
              name_of(outcome.broken), meaning_of(outcome.broken),
              outcome.is_complete ? "true" : "false",
              static_cast<unsigned long long>(outcome.states));
  std::printf("\"transitions\":%llu,\"depth\":%u,\"seconds\":%.1f,\"traps\":[",
              static_cast<unsigned long long>(outcome.transitions), outcome.depth, seconds);
  for (std::size_t cell = 0; cell < bounds.cells; ++cell) {
    std::printf("%s%llu", cell == 0 ? "" : ",",
                static_cast<unsigned long long>(outcome.traps[cell]));
  }
  std::printf("],\"trace\":[");
  for (std::size_t step = 0; step < outcome.trace.size(); ++step) {
    std::printf("%s\"%s\"", step == 0 ? "" : ",", outcome.trace[step].c_str());
  }
  std::printf("]}\n");
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Bounds> bounds = bounds_of(count, arguments);
  if (!bounds) {
    return status_usage;
  }
  const auto started = std::chrono::steady_clock::now();
  Explorer explorer(*bounds);
  const Outcome outcome = explorer.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  print(outcome, *bounds, took.count());
  const bool holds = outcome.broken == Invariant::all_hold && outcome.is_complete;
  return holds ? 0 : status_broken;
}
