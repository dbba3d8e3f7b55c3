// Depth under a writer at full speed: every answer against a replay of the same commands, recorded
// histories against the definition of a register, and the checks against things that are wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/depth.hpp"
#include "engine/support/depth_reference.hpp"
#include "engine/support/lazy_memory.hpp"
#include "engine/support/register_history.hpp"
#include "workloads/market_workload.hpp"

namespace meridian::engine {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t operations = 60'000;
#else
constexpr std::uint64_t operations = 400'000;
#endif
constexpr std::size_t reader_count = 3;
constexpr std::uint32_t vandal_lane = 3;
constexpr DepthOptions options{.levels = 16, .orders = 24, .interval = 40};

struct NullSink {
  wire::Event event{};
  wire::Event& next() noexcept { return event; }
  void finish() noexcept {}
};

// Workload W with a small book, and what its replay says of the state after every command.
class Script {
 public:
  explicit Script(std::uint64_t count) {
    const bench::MarketWorkload workload = bench::record_workload(1'000, 16, count);
    commands_ = workload.preload;
    commands_.insert(commands_.end(), workload.timed.begin(), workload.timed.end());
    const LazyMemory memory(Market::arena_bytes());
    Market market(memory.bytes());
    NullSink sink;
    states_.resize(commands_.size() + 1);
    std::uint64_t batch_end = 0;
    std::uint64_t last_end = 0;
    describe(market, states_[0]);
    for (std::uint64_t sequence = 1; sequence <= commands_.size(); ++sequence) {
      market.apply(commands_[sequence - 1], sequence, sequence, sink);
      State& state = states_[sequence];
      const Quote bid = market.quote(wire::Side::buy);
      const Quote ask = market.quote(wire::Side::sell);
      state.top = {bid.lots.value() == 0 ? 0 : bid.price.value(), bid.lots.value(),
                   ask.lots.value() == 0 ? 0 : ask.price.value(), ask.lots.value()};
      // Batches of 1 to 64 commands.
      batch_end = batch_end < sequence ? sequence + random_() % 64 : batch_end;
      if (batch_end == sequence || sequence == commands_.size()) {
        describe(market, state);
        const State& before = states_[last_end];
        state.top_changed = state.top == before.top ? before.top_changed : sequence;
        last_end = sequence;
      }
    }
  }

  struct State {
    std::array<std::uint64_t, 4> top{};
    std::uint64_t top_changed = 0;  // at the ends of batches: the first that had this top
    bool is_batch_end = false;
    std::array<std::uint64_t, 2> sides{};
    std::array<std::uint64_t, 2> pages{};
  };
  [[nodiscard]] const std::vector<wire::Command>& commands() const { return commands_; }
  [[nodiscard]] const State& after(std::uint64_t sequence) const { return states_[sequence]; }
  [[nodiscard]] std::uint64_t last() const { return commands_.size(); }

  // The whole levels, best first, that fit into a page.
  static ReferenceSide reference_page(const Market& market, wire::Side side) {
    ReferenceSide all = reference_side(market, side, ~std::size_t{0}, depth_page_orders + 1);
    all.levels.clear();
    if (all.orders.size() > depth_page_orders) {
      const std::uint64_t cut = all.orders.back()[1];
      std::erase_if(all.orders, [cut](const auto& order) { return order[1] == cut; });
      all.has_more_orders = true;
    }
    return all;
  }

 private:
  // What a snapshot or a page made in this state shows.
  static void describe(const Market& market, State& state) {
    state.is_batch_end = true;
    for (const wire::Side side : {wire::Side::buy, wire::Side::sell}) {
      const auto number = static_cast<std::size_t>(side);
      state.sides[number] =
          fingerprint(reference_side(market, side, options.levels, options.orders));
      state.pages[number] = fingerprint(reference_page(market, side));
    }
  }

  std::mt19937_64 random_{20'240'607};
  std::vector<wire::Command> commands_;
  std::vector<State> states_;
};

// A market, its published depth, and the threads around it.
struct Stage {
  LazyMemory memory{Market::arena_bytes()};
  Market market{memory.bytes()};
  std::unique_ptr<DepthRegion> region = std::make_unique<DepthRegion>();
  std::array<DepthRequests, depth_lanes> requests{};
  DepthPublisher publisher{*region, options};
  // Counted by the readers; the writer waits for them now and then, so that they see something of
  // its run on a machine with few processors.
  std::array<std::atomic<std::uint64_t>, reader_count> reads{};
  std::atomic<bool> is_done{false};

  Stage() {
    for (std::uint32_t lane = 0; lane < depth_lanes; ++lane) {
      publisher.attach(lane, requests[lane]);
    }
  }

  // The writer, in the thread of the test.
  template <class BeforeCommand, class AfterBatch>
  void write(const Script& script, BeforeCommand&& before, AfterBatch&& after_batch) {
    constexpr std::uint64_t wait_after = 5'000;
    NullSink sink;
    std::uint64_t stamp = 0;
    std::uint64_t next_wait = wait_after;
    for (std::uint64_t sequence = 1; sequence <= script.last(); ++sequence) {
      before();
      market.apply(script.commands()[sequence - 1], sequence, sequence, sink);
      if (script.after(sequence).is_batch_end) {
        publisher.poll(market, sequence, stamp += 16);
        after_batch(sequence);
        if (sequence >= next_wait) {
          wait_for_readers(sequence, stamp);
          next_wait = sequence + wait_after;
        }
      }
    }
    publisher.settle(market, script.last());
    is_done.store(true, std::memory_order_relaxed);
  }

  void wait_for_readers(std::uint64_t sequence, std::uint64_t& stamp) {
    std::array<std::uint64_t, reader_count> seen{};
    std::ranges::transform(reads, seen.begin(), [](const auto& count) { return count.load(); });
    for (std::size_t reader = 0; reader < reader_count; ++reader) {
      while (reads[reader].load(std::memory_order_relaxed) == seen[reader]) {
        publisher.poll(market, sequence, ++stamp);
        std::this_thread::yield();
      }
    }
  }
};

// One reader: everything it can ask for, checked. Returns the first fault.
std::string check_all(Stage& stage, const Script& script, std::uint32_t lane) {
  DepthReader reader(*stage.region, &stage.requests[lane], lane);
  auto snapshot = std::make_unique<DepthSnapshot>();
  auto page = std::make_unique<DepthPage>();
  std::uint64_t last_sequence = 0;
  std::uint64_t last_top = 0;
  wire::Side side = wire::Side::buy;
  const auto ask = [&] {
    side = opposite(side);
    reader.ask_page(side, side == wire::Side::buy ? PriceTicks{0x7FFF'FFFE} : PriceTicks{1});
  };
  ask();
  for (bool is_last = false; !is_last;) {
    is_last = stage.is_done.load(std::memory_order_relaxed);
    const std::uint64_t floor = reader.begin();
    DepthTopView top;
    if (!reader.top(top)) {
      std::this_thread::yield();
      continue;
    }
    const Script::State& changed = script.after(top.sequence);
    const std::array<std::uint64_t, 4> shown{top.bid_price.value(), top.bid_lots.value(),
                                             top.ask_price.value(), top.ask_lots.value()};
    if (changed.top != shown || changed.top_changed != top.sequence) {
      return "a top that no command left behind";
    }
    if (top.sequence < script.after(floor).top_changed || top.sequence < last_top) {
      return "a top that is older than what is known";
    }
    last_top = top.sequence;
    while (!reader.read(floor, *snapshot)) {
      std::this_thread::yield();
    }
    std::string fault = fault_of(*snapshot);
    if (!fault.empty()) {
      return fault;
    }
    const Script::State& state = script.after(snapshot->sequence);
    if (!state.is_batch_end || snapshot->sequence < floor || snapshot->sequence < last_sequence) {
      return "a snapshot of the wrong state";
    }
    last_sequence = snapshot->sequence;
    for (const wire::Side one : {wire::Side::buy, wire::Side::sell}) {
      if (fingerprint(shown_side(*snapshot, one)) != state.sides[static_cast<std::size_t>(one)]) {
        return "a snapshot that differs from the replay";
      }
    }
    if (reader.page(*page)) {
      ReferenceSide orders;
      for (std::uint32_t place = 0; place < page->count; ++place) {
        const DepthOrder& order = page->orders[place];
        orders.orders.push_back({order.id.value(), order.price.value(), order.lots.value()});
      }
      orders.has_more_orders = page->next != PriceTicks{0};
      if (fingerprint(orders) !=
          script.after(page->sequence).pages[static_cast<std::size_t>(side)]) {
        return "a page that differs from the replay";
      }
      ask();
    }
    stage.reads[lane].fetch_add(1, std::memory_order_relaxed);
  }
  return last_sequence == script.last() ? "" : "the last state was never seen";
}

TEST(DepthConcurrency, EveryAnswerIsTheStateOfTheReplayAtItsSequence) {
  const Script script(operations);
  Stage stage;
  std::array<std::string, reader_count> faults;
  std::vector<std::thread> readers;
  readers.reserve(reader_count);
  for (std::uint32_t lane = 0; lane < reader_count; ++lane) {
    readers.emplace_back([&, lane] {
      faults[lane] = check_all(stage, script, lane);
      // A reader that gave up must not hold the writer up.
      while (!stage.is_done.load(std::memory_order_relaxed)) {
        stage.reads[lane].fetch_add(1, std::memory_order_relaxed);
        std::this_thread::yield();
      }
    });
  }
  // A process that stores whatever it likes into its page.
  std::thread vandal([&stage] {
    std::mt19937_64 random(1);
    while (!stage.is_done.load(std::memory_order_relaxed)) {
      stage.requests[vandal_lane].raised.store(static_cast<std::uint32_t>(random()));
      stage.requests[vandal_lane].page.store(random());
      std::this_thread::yield();
    }
  });
  const auto nothing = [](auto&&...) {};
  stage.write(script, nothing, nothing);
  for (std::thread& reader : readers) {
    reader.join();
  }
  vandal.join();
  for (const std::string& fault : faults) {
    EXPECT_EQ(fault, "");
  }
  EXPECT_GT(stage.publisher.snapshots(), 10U);
  EXPECT_GT(stage.publisher.pages(), 10U);
  EXPECT_TRUE(stage.market.verify());
}

// Histories.

TEST(RegisterHistory, RefusesWhatNoRegisterDoes) {
  const std::vector<RegisterOperation> writes = {{10, 20, 1}, {30, 40, 2}, {50, 60, 3}};
  const auto fault = [&writes](std::vector<RegisterOperation> reads) {
    return fault_of(RegisterHistory{writes, std::move(reads)});
  };
  EXPECT_EQ(fault({}), "");
  EXPECT_EQ(fault({{1, 5, 0}, {11, 19, 0}, {21, 29, 1}, {25, 35, 2}, {61, 70, 3}}), "");
  EXPECT_EQ(fault({{31, 45, 1}, {32, 46, 2}, {33, 55, 3}}), "") << "they overlap";
  EXPECT_NE(fault({{41, 45, 1}}).find("is stale"), std::string::npos);
  EXPECT_NE(fault({{21, 29, 0}}).find("is stale"), std::string::npos);
  EXPECT_NE(fault({{21, 29, 2}}).find("only after it"), std::string::npos);
  EXPECT_NE(fault({{41, 45, 4}}).find("nobody wrote"), std::string::npos);
  EXPECT_NE(fault({{31, 32, 2}, {33, 34, 1}}).find("goes back"), std::string::npos);
  EXPECT_NE(fault({{33, 32, 2}}).find("ends before"), std::string::npos);
  EXPECT_NE(fault_of({{{10, 20, 1}, {15, 30, 2}}, {}}), "");
  EXPECT_NE(fault_of({{{10, 20, 2}, {25, 30, 1}}, {}}), "");
}

TEST(RegisterHistory, AgreesWithASearchThroughAllOrders) {
  constexpr std::uint64_t seed = 77;
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  std::mt19937_64 random(seed);
  std::array<int, 2> verdicts{};
  for (int round = 0; round < 4'000; ++round) {
    // Three writes one after the other and four reads, in random places of a random order.
    std::vector<std::uint64_t> stamps(14);
    for (std::size_t at = 0; at < stamps.size(); ++at) {
      stamps[at] = at + 1;
    }
    std::ranges::shuffle(stamps, random);
    std::sort(stamps.begin(), stamps.begin() + 6);
    RegisterHistory history;
    for (std::size_t at = 0; at < 3; ++at) {
      history.writes.push_back({stamps[2 * at], stamps[2 * at + 1], at + 1});
    }
    for (std::size_t at = 3; at < 7; ++at) {
      const auto [begin, end] = std::minmax(stamps[2 * at], stamps[2 * at + 1]);
      history.reads.push_back({begin, end, random() % 4});
    }
    const bool is_good = is_linearisable_by_search(history);
    ++verdicts[is_good ? 1 : 0];
    ASSERT_EQ(fault_of(history).empty(), is_good) << "round " << round;
  }
  EXPECT_GT(verdicts[0], 100);
  EXPECT_GT(verdicts[1], 100);
}

// A clock whose readings are ordered like the operations around them.
class Stamps {
 public:
  std::uint64_t take() noexcept { return next_.fetch_add(1, std::memory_order_seq_cst) + 1; }

 private:
  std::atomic<std::uint64_t> next_{0};
};

TEST(DepthConcurrency, RecordedHistoriesOfSnapshotsAndTopsAreLinearisable) {
  const Script script(operations / 8);
  Stage stage;
  Stamps stamps;
  std::array<RegisterHistory, reader_count> snapshots;
  std::array<RegisterHistory, reader_count> tops;
  std::vector<std::thread> readers;
  readers.reserve(reader_count);
  for (std::uint32_t lane = 0; lane < reader_count; ++lane) {
    readers.emplace_back([&, lane] {
      DepthReader reader(*stage.region, &stage.requests[lane], lane);
      auto snapshot = std::make_unique<DepthSnapshot>();
      while (!stage.is_done.load(std::memory_order_relaxed)) {
        DepthTopView top;
        std::uint64_t begin = stamps.take();
        if (reader.top(top)) {
          tops[lane].reads.push_back({begin, stamps.take(), top.sequence});
        }
        begin = stamps.take();
        const std::uint64_t floor = reader.begin();
        while (!reader.read(floor, *snapshot)) {
          std::this_thread::yield();
        }
        snapshots[lane].reads.push_back({begin, stamps.take(), snapshot->sequence});
        stage.reads[lane].fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  RegisterHistory all_snapshots;
  RegisterHistory all_tops;
  std::uint64_t begin = 0;
  stage.write(
      script, [&] { begin = begin == 0 ? stamps.take() : begin; },
      [&](std::uint64_t sequence) {
        const RegisterOperation write{begin, stamps.take(), sequence};
        begin = 0;
        all_snapshots.writes.push_back(write);
        if (script.after(sequence).top_changed == sequence) {
          all_tops.writes.push_back(write);
        }
      });
  for (std::uint32_t lane = 0; lane < reader_count; ++lane) {
    readers[lane].join();
    const auto add = [](RegisterHistory& all, const RegisterHistory& some) {
      all.reads.insert(all.reads.end(), some.reads.begin(), some.reads.end());
    };
    add(all_snapshots, snapshots[lane]);
    add(all_tops, tops[lane]);
  }
  EXPECT_EQ(fault_of(all_snapshots), "");
  EXPECT_EQ(fault_of(all_tops), "");
  EXPECT_GT(all_snapshots.reads.size(), 10U);
  EXPECT_GT(all_tops.reads.size(), 10U);
}

TEST(DepthConcurrency, AHistoryOfReadsThatTakeWhateverIsThereIsRefused) {
  const Script script(1'000);
  Stage stage;
  RegisterHistory history;
  DepthReader reader(*stage.region, nullptr, 0);
  auto snapshot = std::make_unique<DepthSnapshot>();
  std::uint64_t stamp = 0;
  NullSink sink;
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) {
    const std::uint64_t begin = ++stamp;
    stage.market.apply(script.commands()[sequence - 1], sequence, sequence, sink);
    stage.publisher.poll(stage.market, sequence, sequence);
    history.writes.push_back({begin, ++stamp, sequence});
    const std::uint64_t read_begin = ++stamp;
    ASSERT_TRUE(reader.read(0, *snapshot));
    history.reads.push_back({read_begin, ++stamp, snapshot->sequence});
  }
  EXPECT_NE(fault_of(history).find("is stale"), std::string::npos);
}

}  // namespace
}  // namespace meridian::engine
