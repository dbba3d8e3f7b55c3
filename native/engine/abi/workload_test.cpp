// Workload W through the C interface, in batches and with a small event buffer: the stated trades,
// volume and hash, and the digest of the engine used directly.
#include <gtest/gtest.h>
#include <meridian/engine_c.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>
#include <vector>

#include "workloads/market_workload.hpp"
#include "workloads/workload_w.hpp"

namespace meridian::bench {
namespace {

constexpr std::uint64_t slot_mask = (1U << 24) - 1;

meridian_engine_command as_c(const wire::Command& command) {
  meridian_engine_command same{};
  std::memcpy(&same, &command, sizeof(same));
  return same;
}

class Interface {
 public:
  Interface() {
    meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
    config.flags = MERIDIAN_ENGINE_COUNTED_TIME;
    config.event_capacity = 1024;
    EXPECT_EQ(meridian_engine_create(&config, &engine_), MERIDIAN_ENGINE_OK);
  }
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  ~Interface() { meridian_engine_destroy(engine_); }

  // All commands and all their events.
  template <class OnEvent>
  void run(const std::vector<meridian_engine_command>& commands, OnEvent&& on_event) {
    std::size_t next = 0;
    std::size_t left = 1;
    while (next < commands.size() || left > 0) {
      std::size_t taken = 0;
      const std::size_t batch = std::min<std::size_t>(commands.size() - next, 300);
      const meridian_engine_status status =
          meridian_engine_submit(engine_, commands.data() + next, nullptr, batch, &taken);
      ASSERT_TRUE(status == MERIDIAN_ENGINE_OK || status == MERIDIAN_ENGINE_EVENTS_FULL);
      next += taken;
      std::size_t count = 0;
      ASSERT_EQ(meridian_engine_poll(engine_, events_.data(), events_.size(), &count, &left),
                MERIDIAN_ENGINE_OK);
      std::for_each_n(events_.begin(), count, on_event);
    }
  }

  [[nodiscard]] meridian_engine* handle() const { return engine_; }

 private:
  meridian_engine* engine_ = nullptr;
  std::array<meridian_engine_event, 700> events_{};
};

TEST(Interface, TradesWorkloadWNarrowAsStated) {
  const auto narrow =
      std::find_if(std::begin(workload_cases), std::end(workload_cases),
                   [](const WorkloadCase& one) { return std::string_view(one.name) == "narrow"; });
  ASSERT_NE(narrow, std::end(workload_cases));

  // Recorded with the engine itself; the generator, run once more, names the orders.
  const MarketWorkload recorded =
      record_workload(narrow->target, narrow->block, narrow->operations);
  std::vector<meridian_engine_command> commands;
  std::vector<std::uint64_t> ids;
  WorkloadW generator(narrow->target, narrow->block);
  for (const std::vector<wire::Command>* part : {&recorded.preload, &recorded.timed}) {
    for (const wire::Command& command : *part) {
      const bool is_configure =
          command.kind == static_cast<std::uint8_t>(wire::CommandKind::configure);
      const bool is_preload = part == &recorded.preload;
      commands.push_back(as_c(command));
      ids.push_back(is_configure ? 0
                    : is_preload ? generator.next_preload().id
                                 : generator.next().id);
    }
  }

  Interface market;
  TradeHash traded;
  std::uint64_t refused = 0;
  std::uint64_t last_sequence = 0;
  std::vector<std::uint64_t> by_slot(slot_mask + 1);
  market.run(commands, [&](const meridian_engine_event& event) {
    const std::uint64_t id = ids[event.sequence - 1];
    last_sequence = event.sequence;
    switch (event.kind) {
      case MERIDIAN_ACCEPTED:
      case MERIDIAN_REPLACED:
        by_slot[event.order_id & slot_mask] = id;
        break;
      case MERIDIAN_EXECUTED:
        if (event.sequence > recorded.preload.size()) {
          traded.add(by_slot[event.other_order_id & slot_mask], id,
                     static_cast<std::uint64_t>(event.price), event.quantity);
        }
        break;
      case MERIDIAN_REFUSED:
        ++refused;
        break;
      default:
        break;
    }
  });
  EXPECT_EQ(last_sequence, commands.size());
  EXPECT_EQ(refused, 0U);
  EXPECT_EQ(traded.trades(), narrow->trades);
  EXPECT_EQ(traded.volume(), narrow->volume);
  EXPECT_EQ(traded.value(), narrow->hash);
  std::uint64_t digest = 0;
  EXPECT_EQ(meridian_engine_digest(market.handle(), &digest), MERIDIAN_ENGINE_OK);
  EXPECT_EQ(digest, recorded.digest);
  std::uint32_t is_sound = 0;
  EXPECT_EQ(meridian_engine_verify(market.handle(), &is_sound), MERIDIAN_ENGINE_OK);
  EXPECT_EQ(is_sound, 1U);
  std::uint64_t open = 0;
  EXPECT_EQ(meridian_engine_open_orders(market.handle(), &open), MERIDIAN_ENGINE_OK);
  EXPECT_EQ(open, recorded.resting_orders);
}

}  // namespace
}  // namespace meridian::bench
