// The protocols of depth.hpp through everything that may happen to them. Each test lists the
// outcomes that are forbidden and finds none of them, finds those that must be possible, and then
// takes away one order or one step of the protocol at a time: each time a forbidden outcome must
// appear.
#include "engine/support/interleaving.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/seqlock.hpp"
#include "engine/snapshot_board.hpp"

namespace meridian::engine {
namespace {

using interleaving::Body;
using interleaving::Explorer;
using interleaving::Kind;
using interleaving::Memory;
using interleaving::Operation;
using interleaving::Outcome;
using interleaving::Outcomes;
using interleaving::Word;

// Words numbered from 0 on.
template <class Words>
struct Numbered {
  Numbered() { Word::made = 0; }
};
template <class Words>
struct Shared : private Numbered<Words>, Words {};

struct Forbidden {
  const char* name;
  Explorer::Predicate is_seen;
};
struct Possible {
  const char* name;
  Outcomes outcomes;
};
struct Bug {
  const char* name;
  Explorer::Mutation plant;
  // Seen by interleavings alone, with every load giving the last write.
  bool needs_no_weak_memory = false;
};

// Everything that can happen, which holds nothing forbidden and all that must be possible.
void expect_all(const std::vector<Body>& bodies, const std::vector<Forbidden>& forbidden,
                const std::vector<Possible>& possible) {
  const std::set<Outcomes> all = Explorer(bodies).explore();
  for (const Forbidden& one : forbidden) {
    if (std::ranges::any_of(all, one.is_seen)) {
      ADD_FAILURE() << one.name << ":\n" << Explorer(bodies).way_to(one.is_seen);
    }
  }
  for (const Possible& one : possible) {
    EXPECT_TRUE(all.contains(one.outcomes)) << one.name << ": else the test proves nothing";
  }
}

void expect_found(const std::vector<Body>& bodies, const std::vector<Forbidden>& forbidden,
                  const std::vector<Bug>& bugs) {
  const auto any = [&forbidden](const Outcomes& outcomes) {
    return std::ranges::any_of(forbidden,
                               [&outcomes](const Forbidden& one) { return one.is_seen(outcomes); });
  };
  for (const Bug& bug : bugs) {
    EXPECT_NE(Explorer(bodies, Memory::weak, bug.plant).way_to(any), "") << bug.name;
    EXPECT_EQ(Explorer(bodies, Memory::consistent, bug.plant).way_to(any).empty(),
              !bug.needs_no_weak_memory)
        << bug.name;
  }
}

bool is_reader(const Operation& operation) { return operation.thread != 0; }

Explorer::Mutation relaxed(bool by_reader, Kind kind, std::size_t location) {
  return [=](Operation& operation) {
    if (is_reader(operation) == by_reader && operation.kind == kind &&
        operation.location == location) {
      operation.order = std::memory_order_relaxed;
    }
  };
}

// The model itself, on programs whose outcomes are known.

struct TwoWords {
  Word data;
  Word flag;
};

std::vector<Body> message_passing(TwoWords& words, std::memory_order store,
                                  std::memory_order load) {
  return {[&words, store](Outcome&) {
            words.data.store(1, std::memory_order_relaxed);
            words.flag.store(1, store);
          },
          [&words, load](Outcome& outcome) {
            outcome.push_back(words.flag.load(load));
            outcome.push_back(words.data.load(std::memory_order_relaxed));
          }};
}

TEST(MemoryModel, AMessageIsSeenWithItsFlagOnlyIfReleasedAndAcquired) {
  Shared<TwoWords> words;
  const auto is_stale = [](const Outcomes& outcomes) { return outcomes[1] == Outcome{1, 0}; };
  const auto relaxed_order = std::memory_order_relaxed;
  const auto way = [&](std::memory_order store, std::memory_order load) {
    return Explorer(message_passing(words, store, load)).way_to(is_stale);
  };
  EXPECT_EQ(way(std::memory_order_release, std::memory_order_acquire), "");
  EXPECT_NE(way(relaxed_order, std::memory_order_acquire), "");
  EXPECT_EQ(way(std::memory_order_release, relaxed_order),
            "thread 0 store word 0: 1\nthread 0 store word 1: 1\n"
            "thread 1 load  word 1: 1\nthread 1 load  word 0: 0\n");
  EXPECT_EQ(Explorer(message_passing(words, relaxed_order, relaxed_order), Memory::consistent)
                .way_to(is_stale),
            "");
}

TEST(MemoryModel, StoresAreSeenLateByTheOtherThreadAndInOneOrderByAll) {
  Shared<TwoWords> words;
  const auto body = [](Word& own, Word& other) {
    return [&own, &other](Outcome& outcome) {
      own.store(1, std::memory_order_release);
      outcome.push_back(other.load(std::memory_order_acquire));
    };
  };
  const std::vector<Body> store_buffering = {body(words.data, words.flag),
                                             body(words.flag, words.data)};
  const auto are_both_late = [](const Outcomes& outcomes) {
    return outcomes == Outcomes{{0}, {0}};
  };
  EXPECT_NE(Explorer(store_buffering).way_to(are_both_late), "");
  EXPECT_EQ(Explorer(store_buffering, Memory::consistent).way_to(are_both_late), "");
  const std::vector<Body> coherence = {
      [&words](Outcome&) {
        words.data.store(1, std::memory_order_relaxed);
        words.data.store(2, std::memory_order_relaxed);
      },
      [&words](Outcome& outcome) {
        for (int read = 0; read < 2; ++read) {
          outcome.push_back(words.data.load(std::memory_order_relaxed));
        }
      }};
  EXPECT_EQ(
      Explorer(coherence).explore(),
      (std::set<Outcomes>{
          {{}, {0, 0}}, {{}, {0, 1}}, {{}, {0, 2}}, {{}, {1, 1}}, {{}, {1, 2}}, {{}, {2, 2}}}));
}

TEST(MemoryModel, NoAdditionIsLostAndAReleaseReachesThroughIt) {
  Shared<TwoWords> words;
  const std::vector<Body> bodies = {
      [&words](Outcome&) {
        words.data.store(1, std::memory_order_relaxed);
        words.flag.fetch_add(1, std::memory_order_release);
      },
      [&words](Outcome&) { words.flag.fetch_add(1, std::memory_order_relaxed); },
      [&words](Outcome& outcome) {
        outcome.push_back(words.flag.load(std::memory_order_acquire));
        outcome.push_back(words.data.load(std::memory_order_relaxed));
      }};
  for (const Outcomes& outcomes : Explorer(bodies).explore()) {
    EXPECT_FALSE((outcomes[2] == Outcome{2, 0}));
  }
}

// One word under a version, then another: a writer of two states and two readers of two copies
// each.

struct Guarded {
  Word version;
  Word first;
  Word second;
};
constexpr std::size_t version_word = 0;
constexpr std::size_t first_word = 1;
constexpr std::size_t second_word = 2;

// What a reader reports of a copy that it dropped.
constexpr std::uint64_t dropped = 9;

std::vector<Body> seqlock_bodies(Guarded& words) {
  const Body reader = [&words](Outcome& outcome) {
    for (int copy = 0; copy < 2; ++copy) {
      const SeqlockReader<Word> read(words.version);
      if (!read.is_settled()) {
        outcome.insert(outcome.end(), {dropped, dropped});
        continue;
      }
      const std::uint64_t first = read.get(words.first);
      const std::uint64_t second = read.get(words.second);
      if (read.is_whole()) {
        outcome.insert(outcome.end(), {first, second});
      } else {
        outcome.insert(outcome.end(), {dropped, dropped});
      }
    }
  };
  const Body writer = [&words](Outcome&) {
    for (std::uint64_t state = 1; state <= 2; ++state) {
      SeqlockWriter<Word> write(words.version, state);
      write.put(words.first, state);
      write.put(words.second, state);
      write.end();
    }
  };
  return {writer, reader, reader};
}

bool any_reader(const Outcomes& outcomes, const std::function<bool(const Outcome&)>& holds) {
  return std::any_of(outcomes.begin() + 1, outcomes.end(), holds);
}

const std::vector<Forbidden> forbidden_of_seqlock = {
    {"a copy mixes two writes",
     [](const Outcomes& outcomes) {
       return any_reader(
           outcomes, [](const Outcome& read) { return read[0] != read[1] || read[2] != read[3]; });
     }},
    {"a reader goes back to an older state",
     [](const Outcomes& outcomes) {
       return any_reader(outcomes, [](const Outcome& read) {
         return read[0] != dropped && read[2] != dropped && read[2] < read[0];
       });
     }},
};

TEST(SeqlockInterleaving, NoCopyIsTornAndNoReaderGoesBack) {
  Shared<Guarded> words;
  expect_all(seqlock_bodies(words), forbidden_of_seqlock,
             {{"readers see all states", {{}, {0, 0, 1, 1}, {1, 1, 2, 2}}},
              {"copies are dropped in the middle",
               {{}, {1, 1, dropped, dropped}, {dropped, dropped, 2, 2}}}});
}

TEST(SeqlockInterleaving, EveryOrderAndEveryStepIsNeeded) {
  Shared<Guarded> words;
  const auto on_version = [](const Operation& operation) {
    return operation.location == version_word;
  };
  expect_found(seqlock_bodies(words), forbidden_of_seqlock,
               {{"the writer does not make the version odd",
                 [=](Operation& operation) {
                   operation.is_dropped = operation.kind == Kind::store && on_version(operation) &&
                                          operation.value % 2 == 1;
                 },
                 true},
                {"the reader takes an odd version for an even one",
                 [=](Operation& operation) {
                   operation.seen_mask =
                       on_version(operation) ? ~std::uint64_t{1} : ~std::uint64_t{0};
                 },
                 true},
                {"the reader does not look again",
                 [=](Operation& operation) {
                   operation.is_dropped = operation.kind == Kind::load && on_version(operation) &&
                                          operation.order == std::memory_order_relaxed;
                 },
                 true},
                {"the first word is put relaxed", relaxed(false, Kind::store, first_word)},
                {"the second word is put relaxed", relaxed(false, Kind::store, second_word)},
                {"the even version is stored relaxed", relaxed(false, Kind::store, version_word)},
                {"the first look is relaxed", relaxed(true, Kind::load, version_word)},
                {"the first word is gotten relaxed", relaxed(true, Kind::load, first_word)},
                {"the second word is gotten relaxed", relaxed(true, Kind::load, second_word)}});
}

// The top and the board together, as DepthPublisher uses them: per state the top, what is known,
// and a snapshot into one of two buffers. The first reader reads twice and tells the second one
// what it saw.

using SmallBoard = SnapshotBoard<Word, 2, 2>;
struct Published {
  SmallBoard board;
  Word told;
};
constexpr std::size_t applied_word = 0;
// Of each buffer: version, sequence, two words.
bool is_buffer_word(const Operation& operation, std::size_t place) {
  return operation.location >= 2 && operation.location < 10 &&
         (operation.location - 2) % 4 == place;
}

Body board_writer(Published& shared, std::uint64_t states) {
  return [&shared, states](Outcome&) {
    SnapshotBoardWriter writer(shared.board);
    for (std::uint64_t state = 1; state <= states; ++state) {
      writer.advance(state);
      writer.publish(state, [state](auto&& put) {
        put(0, state);
        put(1, state);
      });
    }
  };
}

// Reports {floor, sequence, word, word, what is known afterwards}; zeros for a copy that is void.
std::uint64_t board_read(Published& shared, bool has_floor, Outcome& outcome) {
  const SnapshotBoardReader reader(shared.board);
  const std::uint64_t floor = has_floor ? reader.known() : 0;
  std::uint64_t sequence = 0;
  std::uint64_t words[2] = {};
  const bool is_read = reader.read(floor, sequence, [&words](auto&& get) {
    words[0] = get(0);
    words[1] = get(1);
  });
  if (!is_read) {
    outcome.insert(outcome.end(), {0, 0, 0, 0, 0});
    return 0;
  }
  outcome.insert(outcome.end(), {floor, sequence, words[0], words[1], reader.known()});
  return sequence;
}

std::vector<Body> board_bodies(Published& shared) {
  return {board_writer(shared, 3),
          [&shared](Outcome& outcome) {
            const std::uint64_t seen = board_read(shared, true, outcome);
            shared.told.store(seen, std::memory_order_release);
          },
          [&shared](Outcome& outcome) {
            outcome.push_back(shared.told.load(std::memory_order_acquire));
            board_read(shared, true, outcome);
          }};
}

struct BoardRead {
  std::uint64_t floor, sequence, first, second, known;
};
std::vector<BoardRead> reads_of(const Outcomes& outcomes) {
  std::vector<BoardRead> reads;
  for (const Outcome& outcome : outcomes) {
    for (std::size_t at = outcome.size() % 5; at + 5 <= outcome.size(); at += 5) {
      reads.push_back(
          {outcome[at], outcome[at + 1], outcome[at + 2], outcome[at + 3], outcome[at + 4]});
    }
  }
  return reads;
}
Forbidden in_any_read(const char* name, bool (*is_seen)(const BoardRead&)) {
  return {name, [is_seen](const Outcomes& outcomes) {
            return std::ranges::any_of(reads_of(outcomes), is_seen);
          }};
}

const std::vector<Forbidden> forbidden_of_board = {
    in_any_read("a snapshot mixes two states",
                [](const BoardRead& read) {
                  return read.first != read.sequence || read.second != read.sequence;
                }),
    in_any_read(
        "a snapshot is older than what its reader knew when it began",
        [](const BoardRead& read) { return read.sequence != 0 && read.sequence < read.floor; }),
    in_any_read("a snapshot is newer than what is known when its reader has it",
                [](const BoardRead& read) { return read.sequence > read.known; }),
    {"a reader sees an older state than one that another reader told it of",
     [](const Outcomes& outcomes) {
       return outcomes[2][2] != 0 && outcomes[2][2] < outcomes[2][0];
     }},
};

TEST(BoardInterleaving, SnapshotsAreWholeAndLieBetweenTheStatesBeforeAndAfterTheRead) {
  Shared<Published> shared;
  expect_all(board_bodies(shared), forbidden_of_board,
             {{"one copy is void and another is late", {{}, {0, 0, 0, 0, 0}, {0, 2, 2, 2, 2, 3}}},
              {"the last state is read and told", {{}, {2, 3, 3, 3, 3}, {3, 3, 3, 3, 3, 3}}}});
}

TEST(BoardInterleaving, EveryOrderAndEveryStepOfABufferIsNeeded) {
  Shared<Published> shared;
  const auto buffer_relaxed = [](bool by_reader, Kind kind, std::size_t place) {
    return [=](Operation& operation) {
      if (is_reader(operation) == by_reader && operation.kind == kind &&
          is_buffer_word(operation, place)) {
        operation.order = std::memory_order_relaxed;
      }
    };
  };
  expect_found(board_bodies(shared), forbidden_of_board,
               {{"the writer does not make the version of a buffer odd",
                 [](Operation& operation) {
                   operation.is_dropped = operation.kind == Kind::store &&
                                          is_buffer_word(operation, 0) && operation.value % 2 == 1;
                 },
                 true},
                {"the reader does not look again",
                 [](Operation& operation) {
                   operation.is_dropped = operation.kind == Kind::load &&
                                          is_buffer_word(operation, 0) &&
                                          operation.order == std::memory_order_relaxed;
                 },
                 true},
                {"the writer does not tell what is known",
                 [](Operation& operation) {
                   operation.is_dropped =
                       operation.kind == Kind::store && operation.location == applied_word;
                 },
                 true},
                {"the sequence is put relaxed", buffer_relaxed(false, Kind::store, 1)},
                {"a word is put relaxed", buffer_relaxed(false, Kind::store, 2)},
                {"the sequence is gotten relaxed", buffer_relaxed(true, Kind::load, 1)},
                {"a word is gotten relaxed", buffer_relaxed(true, Kind::load, 2)}});
}

// Reads that take whatever is there.

std::vector<Body> latest_bodies(Published& shared) {
  return {board_writer(shared, 3), [&shared](Outcome& outcome) {
            board_read(shared, false, outcome);
            board_read(shared, false, outcome);
          }};
}

const std::vector<Forbidden> forbidden_of_latest = {
    forbidden_of_board[0],
    {"a reader goes back to an older snapshot", [](const Outcomes& outcomes) {
       const std::vector<BoardRead> reads = reads_of(outcomes);
       return reads[0].known != 0 && reads[1].known != 0 && reads[1].sequence < reads[0].sequence;
     }}};

TEST(BoardInterleaving, AReaderThatTakesWhatIsThereNeverGoesBack) {
  Shared<Published> shared;
  expect_all(latest_bodies(shared), forbidden_of_latest,
             {{"it goes on", {{}, {0, 1, 1, 1, 1, 0, 3, 3, 3, 3}}}});
  // A reader that takes any whole snapshot from the buffer of the latest one.
  std::vector<Body> hasty = latest_bodies(shared);
  hasty[1] = [&shared](Outcome& outcome) {
    for (int copy = 0; copy < 2; ++copy) {
      const std::uint64_t latest = shared.board.latest.load(std::memory_order_acquire);
      const auto& buffer = shared.board.buffers[latest % 2];
      const SeqlockReader<Word> reader(buffer.version);
      const std::uint64_t sequence = reader.get(buffer.sequence);
      const bool is_whole = reader.is_whole();
      outcome.insert(outcome.end(), {0, sequence, sequence, sequence, is_whole ? 1U : 0U});
    }
  };
  EXPECT_NE(Explorer(hasty, Memory::consistent).way_to(forbidden_of_latest[1].is_seen), "");
}

// The top is written before its state is made known.

struct TopAndKnown {
  SnapshotBoard<Word, 1, 1> board;
  Guarded top;
};

std::vector<Body> top_bodies(TopAndKnown& shared) {
  return {[&shared](Outcome&) {
            SnapshotBoardWriter writer(shared.board);
            for (std::uint64_t state = 1; state <= 2; ++state) {
              SeqlockWriter<Word> write(shared.top.version, state);
              write.put(shared.top.first, state);
              write.end();
              writer.advance(state);
            }
          },
          [&shared](Outcome& outcome) {
            const SnapshotBoardReader reader(shared.board);
            const std::uint64_t known = reader.known();
            const SeqlockReader<Word> read(shared.top.version);
            const std::uint64_t state = read.get(shared.top.first);
            outcome = {known, read.is_whole() ? state : dropped};
          }};
}

TEST(TopInterleaving, TheTopIsNeverOlderThanTheStateThatIsKnown) {
  Shared<TopAndKnown> shared;
  const std::vector<Forbidden> forbidden = {
      {"the top is older than the known state",
       [](const Outcomes& outcomes) { return outcomes[1][1] < outcomes[1][0]; }}};
  expect_all(top_bodies(shared), forbidden,
             {{"the top is newer", {{}, {1, 2}}}, {"both are the last", {{}, {2, 2}}}});
  expect_found(top_bodies(shared), forbidden,
               {{"the state is made known relaxed", relaxed(false, Kind::store, applied_word)},
                {"what is known is loaded relaxed", relaxed(true, Kind::load, applied_word)}});
}

// A reader asks twice, as DepthReader::ask_page does, and takes an answer only if it is to its own
// question.

struct Asked {
  SnapshotBoard<Word, 1, 1> board;
  Word request;
  Guarded answer;  // the request, and request * 4 + state
};

std::vector<Body> page_bodies(Asked& shared) {
  return {[&shared](Outcome&) {
            SnapshotBoardWriter writer(shared.board);
            std::uint64_t answered = 0;
            for (std::uint64_t state = 1; state <= 3; ++state) {
              writer.advance(state);
              const std::uint64_t request = shared.request.load(std::memory_order_relaxed);
              if (request != answered) {
                SeqlockWriter<Word> write(shared.answer.version, ++answered);
                answered = request;
                write.put(shared.answer.first, request);
                write.put(shared.answer.second, request * 4 + state);
                write.end();
              }
            }
          },
          [&shared](Outcome& outcome) {
            const SnapshotBoardReader reader(shared.board);
            for (std::uint64_t asked = 1; asked <= 2; ++asked) {
              const std::uint64_t known = reader.known();
              shared.request.store(asked, std::memory_order_relaxed);
              const SeqlockReader<Word> read(shared.answer.version);
              std::uint64_t got = 0;
              if (read.is_settled() && read.get(shared.answer.first) == asked) {
                got = read.get(shared.answer.second);
              }
              outcome.insert(outcome.end(), {known, got != 0 && read.is_whole() ? got : 0});
            }
          }};
}

TEST(PageInterleaving, AnAnswerIsToItsQuestionAndNoOlder) {
  Shared<Asked> shared;
  const std::size_t first_of_answer = shared.answer.first.location();
  const std::size_t version_of_answer = shared.answer.version.location();
  const std::vector<Forbidden> forbidden = {
      {"an answer is to another question",
       [](const Outcomes& outcomes) {
         const Outcome& read = outcomes[1];
         return (read[1] != 0 && read[1] / 4 != 1) || (read[3] != 0 && read[3] / 4 != 2);
       }},
      {"an answer is older than what the reader knew when it asked", [](const Outcomes& outcomes) {
         const Outcome& read = outcomes[1];
         return (read[1] != 0 && read[1] % 4 < read[0]) || (read[3] != 0 && read[3] % 4 < read[2]);
       }}};
  expect_all(
      page_bodies(shared), forbidden,
      {{"both are answered", {{}, {0, 5, 1, 10}}}, {"the first is late", {{}, {0, 0, 1, 10}}}});
  expect_found(page_bodies(shared), forbidden,
               {{"the reader does not look again",
                 [=](Operation& operation) {
                   operation.is_dropped = operation.kind == Kind::load &&
                                          operation.location == version_of_answer &&
                                          operation.order == std::memory_order_relaxed;
                 },
                 true},
                {"the request is put relaxed", relaxed(false, Kind::store, first_of_answer)},
                {"the request is gotten relaxed", relaxed(true, Kind::load, first_of_answer)}});
}

}  // namespace
}  // namespace meridian::engine
