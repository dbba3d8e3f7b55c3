// The states that one writer shows to any number of readers: a few buffers used in turn, so that a
// reader has the time of several snapshots to copy one, and is never held up by a writer that was
// stopped in the middle of the next.
#pragma once
#include <cstddef>
#include <cstdint>

#include "engine/seqlock.hpp"

namespace meridian::engine {

// Plain data in shared memory; all zero is a board without a snapshot. Only the writer stores.
template <class Word, std::size_t Buffers, std::size_t Words>
struct SnapshotBoard {
  static constexpr std::size_t buffers_count = Buffers;

  struct alignas(depth_separation_bytes) Buffer {
    Word version;
    Word sequence;  // of the state in the words
    Word words[Words];
  };

  // The writer's last state that others may know of, snapshot or not.
  alignas(depth_separation_bytes) Word applied;
  // Snapshots made; the last one is in buffers[latest % Buffers]. Away from `applied`: this is what
  // waiting readers look at all the time, and they must not take that line from the writer.
  alignas(depth_separation_bytes) Word latest;
  Buffer buffers[Buffers];
};

template <class Word, std::size_t Buffers, std::size_t Words>
class SnapshotBoardWriter {
 public:
  using Board = SnapshotBoard<Word, Buffers, Words>;
  explicit SnapshotBoardWriter(Board& board) noexcept : board_(&board) {}

  // From now on readers know of the state `sequence`.
  void advance(std::uint64_t sequence) noexcept {
    // Release pairs with the acquire in known(): whoever knows of a state also sees what was shown
    // before it.
    board_->applied.store(sequence, std::memory_order_release);
  }

  // Makes a snapshot of the state that advance() named last; `fill` is called once with
  // put(index, value) and leaves alone the words that readers will not ask for.
  template <class Fill>
  void publish(std::uint64_t sequence, Fill&& fill) noexcept {
    ++made_;
    auto& buffer = board_->buffers[made_ % Buffers];
    SeqlockWriter<Word> write(buffer.version, made_);
    write.put(buffer.sequence, sequence);
    fill([&](std::size_t index, std::uint64_t value) noexcept {
      write.put(buffer.words[index], value);
    });
    write.end();
    // Relaxed: a reader goes by the version of the buffer, which has to be that of this snapshot.
    board_->latest.store(made_, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint64_t made() const noexcept { return made_; }

 private:
  Board* board_;
  std::uint64_t made_ = 0;
};

template <class Word, std::size_t Buffers, std::size_t Words>
class SnapshotBoardReader {
 public:
  using Board = SnapshotBoard<Word, Buffers, Words>;
  explicit SnapshotBoardReader(const Board& board) noexcept : board_(&board) {}

  // The last state that this reader can know of. A read that starts now may give no older one.
  [[nodiscard]] std::uint64_t known() const noexcept {
    // Acquire pairs with the release in advance(). The floor itself would not need it; what else
    // the reader looks at, does.
    return board_->applied.load(std::memory_order_acquire);
  }

  // One try, without a loop: copies the latest snapshot by copy(get), where get(index) gives a
  // word. True when the copy is whole and its state is `floor` or later; else what was copied is
  // void. copy() may be given words that do not belong together: it checks every count it goes by.
  template <class Copy>
  [[nodiscard]] bool read(std::uint64_t floor, std::uint64_t& sequence,
                          Copy&& copy) const noexcept {
    // Relaxed: nothing is taken from the buffer unless its version is that of this snapshot.
    const std::uint64_t latest = board_->latest.load(std::memory_order_relaxed);
    const auto& buffer = board_->buffers[latest % Buffers];
    const SeqlockReader<Word> reader(buffer.version);
    // A later snapshot in this buffer will not do: the one after the latest may stand there before
    // it is named, and a reader that took it would next time go back to the one that is named.
    if (!reader.is_of(latest)) {
      return false;
    }
    sequence = reader.get(buffer.sequence);
    if (sequence < floor) {
      return false;
    }
    copy([&](std::size_t index) noexcept { return reader.get(buffer.words[index]); });
    return reader.is_whole();
  }

 private:
  const Board* board_;
};

}  // namespace meridian::engine
