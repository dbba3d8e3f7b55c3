#include "explorer.hpp"

#include <algorithm>
#include <cstring>

#include "base/ensure.hpp"

namespace meridian::ownership_model {
namespace {

constexpr std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 32U)) * 0xd6e8feb86659fd93U;
  value = (value ^ (value >> 29U)) * 0x9fb21c651e98df25U;
  return value ^ (value >> 32U);
}

std::uint64_t hash_of(const State& state) {
  std::uint64_t hash = 0x9e3779b97f4a7c15U;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&state);
  for (std::size_t at = 0; at < sizeof state; at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + at, std::min(sizeof word, sizeof state - at));
    hash = mixed(hash ^ word) + 0x9e3779b97f4a7c15U;
  }
  return hash == 0 ? 1 : hash;
}

}  // namespace

Seen::Seen() : hashes_(std::size_t{1} << 16U), numbers_(hashes_.size()) {}

std::pair<std::uint32_t, bool> Seen::add(std::uint64_t hash) {
  if (size_ * std::size_t{10} > hashes_.size() * 7) {
    grow();
  }
  const std::size_t mask = hashes_.size() - 1;
  std::size_t slot = hash & mask;
  while (hashes_[slot] != 0) {
    if (hashes_[slot] == hash) {
      return {numbers_[slot], false};
    }
    slot = (slot + 1) & mask;
  }
  hashes_[slot] = hash;
  numbers_[slot] = size_;
  return {size_++, true};
}

void Seen::grow() {
  std::vector<std::uint64_t> hashes(hashes_.size() * 2);
  std::vector<std::uint32_t> numbers(hashes.size());
  const std::size_t mask = hashes.size() - 1;
  for (std::size_t old = 0; old < hashes_.size(); ++old) {
    if (hashes_[old] == 0) {
      continue;
    }
    std::size_t slot = hashes_[old] & mask;
    while (hashes[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    hashes[slot] = hashes_[old];
    numbers[slot] = numbers_[old];
  }
  hashes_.swap(hashes);
  numbers_.swap(numbers);
}

Explorer::Explorer(const Bounds& bounds) : bounds_(bounds), protocol_(bounds_, messages_) {}

Outcome Explorer::run() {
  discover(protocol_.start(), 0, 0);
  std::uint32_t first = 0;
  while (!next_.empty() && outcome_.broken == Invariant::all_hold) {
    frontier_.swap(next_);
    next_.clear();
    if (bounds_.most_states != 0 && seen_.size() > bounds_.most_states) {
      break;
    }
    for (std::size_t index = 0; index < frontier_.size(); ++index) {
      expand(frontier_[index], first + static_cast<std::uint32_t>(index));
      if (outcome_.broken != Invariant::all_hold) {
        break;
      }
    }
    first += static_cast<std::uint32_t>(frontier_.size());
    outcome_.depth += next_.empty() ? 0U : 1U;
  }
  outcome_.states = seen_.size();
  outcome_.is_complete = outcome_.broken == Invariant::all_hold && next_.empty();
  if (outcome_.is_complete && bounds_.live) {
    find_traps();
  }
  if (outcome_.broken != Invariant::all_hold) {
    outcome_.trace = trace_to(broken_at_);
  }
  return outcome_;
}

void Explorer::expand(const State& state, std::uint32_t number) {
  protocol_.successors(state, found_);
  ensure(found_.size() <= 0xff);
  for (std::size_t choice = 0; choice < found_.size(); ++choice) {
    const auto [to, is_new] = seen_.add(hash_of(found_[choice].state));
    ++outcome_.transitions;
    const std::uint8_t alone = found_[choice].step.alone;
    for (std::uint8_t name = 0; name < bounds_.cells && bounds_.live && alone != 0; ++name) {
      if ((alone & bit(name)) != 0) {
        alone_[name].push_back(Edge{number, to});
      }
    }
    if (is_new) {
      discover(found_[choice].state, number, static_cast<std::uint8_t>(choice));
      if (outcome_.broken != Invariant::all_hold) {
        return;
      }
    }
  }
}

void Explorer::discover(const State& state, std::uint32_t from, std::uint8_t choice) {
  if (origins_.empty()) {
    static_cast<void>(seen_.add(hash_of(state)));
  }
  std::uint8_t well = 0;
  for (std::uint8_t name = 0; name < bounds_.cells && bounds_.live; ++name) {
    well = static_cast<std::uint8_t>(well | (protocol_.is_well(state, name) ? bit(name) : 0U));
  }
  origins_.push_back(Origin{from, choice, well});
  next_.push_back(state);
  outcome_.broken = broken_in(protocol_, bounds_, messages_, state);
  if (outcome_.broken != Invariant::all_hold) {
    broken_at_ = static_cast<std::uint32_t>(origins_.size() - 1);
  }
}

// I6: backwards from the states in which a cell is well, along what it can do alone. What is not
// reached so is a trap.
void Explorer::find_traps() {
  std::uint32_t nearest = 0xffffffffU;
  for (std::uint8_t name = 0; name < bounds_.cells; ++name) {
    std::vector<Edge>& edges = alone_[name];
    std::vector<std::uint32_t> starts(origins_.size() + 1);
    for (const Edge& edge : edges) {
      ++starts[edge.to + 1U];
    }
    for (std::size_t at = 1; at < starts.size(); ++at) {
      starts[at] += starts[at - 1];
    }
    std::vector<std::uint32_t> sources(edges.size());
    std::vector<std::uint32_t> filled(starts.begin(), starts.end() - 1);
    for (const Edge& edge : edges) {
      sources[filled[edge.to]++] = edge.from;
    }
    edges = {};
    std::vector<bool> can(origins_.size());
    std::vector<std::uint32_t> waiting;
    for (std::uint32_t number = 0; number < origins_.size(); ++number) {
      if ((origins_[number].well & bit(name)) != 0) {
        can[number] = true;
        waiting.push_back(number);
      }
    }
    while (!waiting.empty()) {
      const std::uint32_t to = waiting.back();
      waiting.pop_back();
      for (std::uint32_t at = starts[to]; at < starts[to + 1U]; ++at) {
        if (!can[sources[at]]) {
          can[sources[at]] = true;
          waiting.push_back(sources[at]);
        }
      }
    }
    const auto trap = std::find(can.begin(), can.end(), false);
    outcome_.traps[name] = static_cast<std::uint64_t>(std::count(can.begin(), can.end(), false));
    if (trap != can.end()) {
      nearest = std::min(nearest, static_cast<std::uint32_t>(trap - can.begin()));
      outcome_.broken = Invariant::i6;
    }
  }
  broken_at_ = nearest;
}

std::vector<std::string> Explorer::trace_to(std::uint32_t number) {
  std::vector<std::uint8_t> choices;
  for (std::uint32_t at = number; at != 0; at = origins_[at].from) {
    choices.push_back(origins_[at].choice);
  }
  std::vector<std::string> steps;
  State state = protocol_.start();
  for (auto choice = choices.rbegin(); choice != choices.rend(); ++choice) {
    protocol_.successors(state, found_);
    const Successor& taken = found_[*choice];
    steps.push_back(protocol_.words(state, taken.step));
    state = taken.state;
  }
  return steps;
}

}  // namespace meridian::ownership_model
