#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "invariants.hpp"
#include "protocol.hpp"

namespace meridian::ownership_model {

// Hashes of all states seen, each with its number in the order of discovery. Two states with one
// hash would be taken for one: with 64 bits less than 2^-12 such pairs are expected among 60
// million.
class Seen {
 public:
  Seen();
  // The state's number, and whether it is new.
  std::pair<std::uint32_t, bool> add(std::uint64_t hash);
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  void grow();
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> numbers_;
  std::uint32_t size_ = 0;
};

struct Outcome {
  Invariant broken = Invariant::all_hold;
  bool is_complete = false;
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint32_t depth = 0;
  std::array<std::uint64_t, most_cells> traps{};
  std::vector<std::string> trace;
};

// Breadth first from the start, so that whatever it finds, it finds on a shortest way.
class Explorer {
 public:
  explicit Explorer(const Bounds& bounds);
  [[nodiscard]] Outcome run();

 private:
  struct Origin {
    std::uint32_t from;
    std::uint8_t choice;  // which of the successors
    std::uint8_t well;    // cells that need nothing in this state
  };
  struct Edge {
    std::uint32_t from;
    std::uint32_t to;
  };

  void expand(const State& state, std::uint32_t number);
  void discover(const State& state, std::uint32_t from, std::uint8_t choice);
  void find_traps();
  [[nodiscard]] std::vector<std::string> trace_to(std::uint32_t number);

  Bounds bounds_;
  Messages messages_;
  Protocol protocol_;
  Seen seen_;
  std::vector<Origin> origins_;
  std::array<std::vector<Edge>, most_cells> alone_;
  std::vector<State> frontier_;
  std::vector<State> next_;
  std::vector<Successor> found_;
  std::uint32_t broken_at_ = 0;
  Outcome outcome_;
};

}  // namespace meridian::ownership_model
