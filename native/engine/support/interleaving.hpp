// Runs small concurrent code through everything the C++ memory model lets happen: every
// interleaving of its atomic operations, and for every load every value that it may still return.
//
// The code under test is the product's own, with Word in place of std::atomic<std::uint64_t>. The
// model is the release/acquire fragment of C++ with relaxed operations, as views (per location, the
// oldest write that a thread may still read):
// - a store appends to its location's writes; with release it carries the thread's whole view, else
//   only itself;
// - a load returns any write that its thread's view allows; with acquire it takes over the view
// that
//   the write carries;
// - an addition reads the last write and hands on what that carried.
// So a relaxed store is seen before or after its neighbours in any order, and a relaxed load may be
// stale for ever. Left out: fences, seq_cst, and stores that are seen before the loads they depend
// on were done (out of thin air). Stores of several threads to one location are ordered as they are
// executed; the code under test has one storing thread for each location.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/ensure.hpp"

namespace meridian::engine::interleaving {

enum class Kind : std::uint8_t { load, store, add };

struct Operation {
  Kind kind = Kind::load;
  std::size_t location = 0;
  std::uint64_t value = 0;  // stored or added
  std::memory_order order = std::memory_order_relaxed;
  std::size_t thread = 0;
  std::size_t index = 0;  // among the operations of its thread
  // What a mutation may ask for besides changing the fields above.
  bool is_dropped = false;  // not executed; a load gives what its thread last got from there
  std::uint64_t seen_mask = ~0ULL;  // applied to a loaded value
};

// What one thread does. It must end whatever its loads return, and do nothing but use Words and
// append to its outcome.
using Outcome = std::vector<std::uint64_t>;
using Body = std::function<void(Outcome&)>;

// A thread is run from its start each time, with the results that its operations had so far, until
// it asks for the next one. From there on it runs to its end with zeros, and nothing of that
// counts.
class Replay {
 public:
  explicit Replay(const std::vector<std::uint64_t>& results) noexcept : results_(&results) {
    current = this;
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  ~Replay() { current = nullptr; }

  static std::uint64_t perform(Kind kind, std::size_t location, std::uint64_t value,
                               std::memory_order order) noexcept {
    ensure(current != nullptr);
    return current->next({.kind = kind, .location = location, .value = value, .order = order});
  }
  [[nodiscard]] bool is_pending() const noexcept { return is_pending_; }
  [[nodiscard]] const Operation& pending() const noexcept { return pending_; }

 private:
  std::uint64_t next(const Operation& operation) noexcept {
    if (used_ < results_->size()) {
      return (*results_)[used_++];
    }
    if (!is_pending_) {
      is_pending_ = true;
      pending_ = operation;
      pending_.index = used_;
    }
    return 0;
  }

  static inline Replay* current = nullptr;
  const std::vector<std::uint64_t>* results_;
  std::size_t used_ = 0;
  bool is_pending_ = false;
  Operation pending_;
};

// In place of std::atomic<std::uint64_t>. Words number themselves in the order they are made; the
// test starts the count again before it makes the structure it looks at.
class Word {
 public:
  static inline std::size_t made = 0;

  Word() noexcept : location_(made++) {}
  Word(const Word&) = delete;
  Word& operator=(const Word&) = delete;

  [[nodiscard]] std::uint64_t load(std::memory_order order) const noexcept {
    return Replay::perform(Kind::load, location_, 0, order);
  }
  // Not const, like those of std::atomic: code that stores through a const Word must not compile.
  // NOLINTNEXTLINE(readability-make-member-function-const)
  void store(std::uint64_t value, std::memory_order order) noexcept {
    Replay::perform(Kind::store, location_, value, order);
  }
  // NOLINTNEXTLINE(readability-make-member-function-const)
  std::uint64_t fetch_add(std::uint64_t value, std::memory_order order) noexcept {
    return Replay::perform(Kind::add, location_, value, order);
  }
  [[nodiscard]] std::size_t location() const noexcept { return location_; }

 private:
  std::size_t location_;
};

enum class Memory : std::uint8_t {
  weak,        // as above
  consistent,  // every load returns the last write: interleavings only
};

// Per thread what it reported.
using Outcomes = std::vector<Outcome>;

// Goes through all states depth first. What a thread does next depends on the thread and on the
// writes so far only, so each is kept once and a state is their numbers.
class Explorer {
 public:
  // Changes an operation before it is executed: how a bug is planted.
  using Mutation = std::function<void(Operation&)>;
  using Predicate = std::function<bool(const Outcomes&)>;

  static constexpr std::size_t most_threads = 3;

  // Every Word that the bodies use has been made, counting from 0.
  explicit Explorer(std::vector<Body> bodies, Memory memory = Memory::weak, Mutation mutation = {})
      : bodies_(std::move(bodies)), memory_(memory), mutation_(std::move(mutation)) {
    ensure(bodies_.size() <= most_threads);
  }

  // What the threads can report together.
  [[nodiscard]] std::set<Outcomes> explore() {
    run({});
    return std::move(found_);
  }

  // The operations, one a line, that lead to such an outcome; empty when none do.
  [[nodiscard]] std::string way_to(const Predicate& outcome) {
    run(outcome);
    return std::move(way_);
  }

 private:
  // Per location, the index of the oldest write that may be read.
  using View = std::vector<std::uint8_t>;
  struct Write {
    std::uint64_t value = 0;
    View view;
  };
  using Writes = std::vector<std::vector<Write>>;  // per location
  struct Thread {
    std::vector<std::uint64_t> results;
    View view;
    std::vector<std::uint64_t> last_loaded;  // per location
    bool is_done = false;
    Outcome outcome;
    Operation next;
  };
  using Number = std::uint32_t;
  struct Transition {
    Number thread;
    Number writes;
    std::uint64_t result;
  };
  struct State {
    Number writes = 0;
    std::array<Number, most_threads> threads{};
    friend bool operator==(const State&, const State&) = default;
  };
  struct StateHash {
    std::size_t operator()(const State& state) const noexcept {
      std::uint64_t hash = state.writes;
      for (const Number thread : state.threads) {
        hash = (hash ^ (hash >> 31) ^ thread) * 0x9E37'79B9'7F4A'7C15;
      }
      return hash ^ (hash >> 29);
    }
  };

  // Things that are equal when their keys are, numbered in the order they were first seen.
  template <class Thing>
  class Numbers {
   public:
    Number operator()(std::string key, Thing thing) {
      const auto [found, is_new] =
          by_key_.emplace(std::move(key), static_cast<Number>(things_.size()));
      if (is_new) {
        things_.push_back(std::move(thing));
      }
      return found->second;
    }
    const Thing& operator[](Number number) const { return things_[number]; }
    void clear() {
      by_key_.clear();
      things_.clear();
    }

   private:
    std::unordered_map<std::string, Number> by_key_;
    std::deque<Thing> things_;
  };

  void run(Predicate wanted) {
    wanted_ = std::move(wanted);
    threads_.clear();
    writes_.clear();
    transitions_.clear();
    visited_.clear();
    found_.clear();
    path_.clear();
    way_.clear();
    const View start(Word::made, 0);
    State state;
    state.writes = number(Writes(Word::made, {Write{0, start}}));
    for (std::size_t index = 0; index < bodies_.size(); ++index) {
      Thread thread;
      thread.view = start;
      thread.last_loaded.assign(Word::made, 0);
      state.threads[index] = number(std::move(thread), index);
    }
    visit(state);
  }

  void visit(const State& state) {
    if (!way_.empty() || !visited_.insert(state).second) {
      return;
    }
    bool is_end = true;
    for (std::size_t index = 0; index < bodies_.size(); ++index) {
      if (threads_[state.threads[index]].is_done) {
        continue;
      }
      is_end = false;
      for (const Transition& transition : transitions_of(state.threads[index], state.writes)) {
        State after = state;
        after.threads[index] = transition.thread;
        after.writes = transition.writes;
        path_.emplace_back(state.threads[index], transition.result);
        visit(after);
        path_.pop_back();
      }
    }
    if (is_end) {
      end(state);
    }
  }

  void end(const State& state) {
    Outcomes outcomes;
    for (std::size_t index = 0; index < bodies_.size(); ++index) {
      outcomes.push_back(threads_[state.threads[index]].outcome);
    }
    if (wanted_ && wanted_(outcomes)) {
      for (const auto& [thread, result] : path_) {
        write_line(threads_[thread].next, result);
      }
    }
    found_.insert(std::move(outcomes));
  }

  void write_line(const Operation& operation, std::uint64_t result) {
    static constexpr const char* kinds[] = {" load  ", " store ", " add   "};
    way_ += "thread " + std::to_string(operation.thread) +
            kinds[static_cast<std::size_t>(operation.kind)] + "word " +
            std::to_string(operation.location) + ": " +
            std::to_string(operation.kind == Kind::load ? result : operation.value) +
            (operation.is_dropped ? " (dropped)\n" : "\n");
  }

  // Every way a thread can go on from these writes.
  const std::vector<Transition>& transitions_of(Number thread_number, Number writes_number) {
    const std::uint64_t key = std::uint64_t{thread_number} << 32 | writes_number;
    const auto known = transitions_.find(key);
    if (known != transitions_.end()) {
      return known->second;
    }
    std::vector<Transition> all;
    const Operation operation = threads_[thread_number].next;
    const std::size_t last = writes_[writes_number][operation.location].size() - 1;
    const bool may_be_stale = operation.kind == Kind::load && memory_ == Memory::weak;
    std::size_t read = may_be_stale ? threads_[thread_number].view[operation.location] : last;
    for (; read <= last; ++read) {
      Thread thread = threads_[thread_number];
      Number writes = writes_number;
      const std::uint64_t result = operation.is_dropped ? thread.last_loaded[operation.location]
                                                        : execute(thread, writes, operation, read);
      thread.results.push_back(result);
      all.push_back({number(std::move(thread), operation.thread), writes, result});
    }
    return transitions_.emplace(key, std::move(all)).first->second;
  }

  std::uint64_t execute(Thread& thread, Number& writes_number, const Operation& operation,
                        std::size_t read) {
    const std::size_t location = operation.location;
    const std::vector<Write>& there = writes_[writes_number][location];
    std::uint64_t result = 0;
    if (operation.kind != Kind::store) {
      result = there[read].value & operation.seen_mask;
      thread.last_loaded[location] = result;
      thread.view[location] = static_cast<std::uint8_t>(read);
      if (acquires(operation.order)) {
        join(thread.view, there[read].view);
      }
    }
    if (operation.kind == Kind::load) {
      return result;
    }
    ensure(there.size() < 255);
    thread.view[location] = static_cast<std::uint8_t>(there.size());
    Write write{operation.kind == Kind::add ? result + operation.value : operation.value,
                operation.kind == Kind::add ? there[read].view : View(thread.view.size(), 0)};
    write.view[location] = thread.view[location];
    if (releases(operation.order)) {
      join(write.view, thread.view);
    }
    Writes writes = writes_[writes_number];
    writes[location].push_back(std::move(write));
    writes_number = number(std::move(writes));
    return result;
  }

  static bool acquires(std::memory_order order) noexcept {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel;
  }
  static bool releases(std::memory_order order) noexcept {
    return order == std::memory_order_release || order == std::memory_order_acq_rel;
  }
  static void join(View& view, const View& other) {
    for (std::size_t location = 0; location < view.size(); ++location) {
      view[location] = view[location] < other[location] ? other[location] : view[location];
    }
  }

  // Of a thread that has no next operation only its outcome is kept.
  Number number(Thread thread, std::size_t index) {
    const Replay replay(thread.results);
    Outcome outcome;
    bodies_[index](outcome);
    if (replay.is_pending()) {
      thread.next = replay.pending();
      thread.next.thread = index;
      if (mutation_) {
        mutation_(thread.next);
      }
    } else {
      thread = {};
      thread.is_done = true;
      thread.outcome = std::move(outcome);
    }
    std::string key;
    put(key, index);
    put(key, thread.is_done ? 1 : 0);
    put(key, thread.results.size());
    for (const std::uint64_t value : thread.is_done ? thread.outcome : thread.results) {
      put(key, value);
    }
    key.append(thread.view.begin(), thread.view.end());
    return threads_(std::move(key), std::move(thread));
  }

  Number number(Writes writes) {
    std::string key;
    for (const auto& location : writes) {
      put(key, location.size());
      for (const Write& write : location) {
        put(key, write.value);
        key.append(write.view.begin(), write.view.end());
      }
    }
    return writes_(std::move(key), std::move(writes));
  }

  static void put(std::string& key, std::uint64_t value) {
    ensure(value < 0xFFFF);
    key.push_back(static_cast<char>(value & 0xFF));
    key.push_back(static_cast<char>(value >> 8));
  }

  std::vector<Body> bodies_;
  Memory memory_;
  Mutation mutation_;
  Predicate wanted_;
  Numbers<Thread> threads_;
  Numbers<Writes> writes_;
  std::unordered_map<std::uint64_t, std::vector<Transition>> transitions_;  // by thread and writes
  std::unordered_set<State, StateHash> visited_;
  std::vector<std::pair<Number, std::uint64_t>> path_;  // thread before its step, result
  std::set<Outcomes> found_;
  std::string way_;
};

}  // namespace meridian::engine::interleaving
