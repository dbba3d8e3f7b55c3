// Words that one thread writes and any number of threads or processes copy without a lock. A copy
// is whole, or the reader is told that it is not.
//
// A version counts the writes: odd while one is under way. The reader looks at it, copies, and
// looks again; a copy between two looks at the same even version is the state of that write. Every
// word is an atomic, so a copy that is overtaken is a wrong value and not a data race.
//
// Why the orders are enough, in terms of the C++ memory model:
// - The writer puts every word with release after the odd version was stored. The reader gets every
//   word with acquire before its second look. So a reader that got a word of a later write also
//   sees that write's odd version, or a later one, at its second look, and drops the copy.
// - The even version is stored with release and first looked at with acquire. So a reader that
// found
//   it sees no word older than that write.
// Two fences would do in place of the orders on each word, but g++ refuses fences under the thread
// sanitizer. On x86-64 both are plain moves; on AArch64 a word costs one stlr or ldar.
//
// interleaving_test.cpp runs this code through every interleaving and every stale value that the
// model allows, and shows that it fails when any one of these orders or steps is taken away.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace meridian::engine {

using SharedWord = std::atomic<std::uint64_t>;
static_assert(SharedWord::is_always_lock_free && sizeof(SharedWord) == 8,
              "the words lie in memory that several processes map");

// Two cache lines, because the adjacent-line prefetcher fetches pairs.
inline constexpr std::size_t depth_separation_bytes = 128;

// `Word` is SharedWord, or a model of it in tests. Made for one write and thrown away after end().
template <class Word>
class SeqlockWriter {
 public:
  // Starts the write of this number: 1, 2, 3, … for the words under one version.
  SeqlockWriter(Word& version, std::uint64_t number) noexcept
      : version_(&version), number_(number) {
    // Only the writer stores the version. Relaxed: the puts that follow carry it along.
    version_->store(2 * number_ - 1, std::memory_order_relaxed);
  }

  void put(Word& word, std::uint64_t value) noexcept {
    // Only the writer stores the words. Release pairs with the reader's acquire in get().
    word.store(value, std::memory_order_release);
  }

  void end() noexcept {
    // Release pairs with the reader's acquire in its first look.
    version_->store(2 * number_, std::memory_order_release);
  }

 private:
  Word* version_;
  std::uint64_t number_;
};

// Made for one copy.
template <class Word>
class SeqlockReader {
 public:
  explicit SeqlockReader(const Word& version) noexcept
      // Acquire pairs with the writer's release in end().
      : version_(&version), found_(version.load(std::memory_order_acquire)) {}

  // False while a write is under way: a copy would be for nothing.
  [[nodiscard]] bool is_settled() const noexcept { return (found_ & 1) == 0; }
  // Whether the words are those of the write of this number; 0: of none yet.
  [[nodiscard]] bool is_of(std::uint64_t number) const noexcept { return found_ == 2 * number; }

  [[nodiscard]] std::uint64_t get(const Word& word) const noexcept {
    // Acquire pairs with the writer's release in put().
    return word.load(std::memory_order_acquire);
  }

  // Whether all that was gotten belongs to one write. Until then any value may be anything.
  [[nodiscard]] bool is_whole() const noexcept {
    // Relaxed: no later look can be earlier than the acquiring gets before it.
    return is_settled() && version_->load(std::memory_order_relaxed) == found_;
  }

 private:
  const Word* version_;
  std::uint64_t found_;
};

}  // namespace meridian::engine
