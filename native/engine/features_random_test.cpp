// Streams of commands of every kind: whatever comes, every invariant holds after each one.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/support/test_market.hpp"

namespace meridian::engine {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((state_ >> 33) % bound);
  }
  bool one(std::uint32_t in_this_many) { return below(in_this_many) == 0; }

 private:
  std::uint64_t state_;
};

std::uint64_t seed_or(std::uint64_t fixed) {
  const char* given = std::getenv("MERIDIAN_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fixed;
}

class Stream {
 public:
  explicit Stream(std::uint64_t seed) : random_(seed) {}

  wire::Command next(std::uint64_t now_s) {
    const std::uint32_t dice = random_.below(1000);
    const std::uint32_t account = 1 + random_.below(5);
    if (dice < 620) {
      return place(account, now_s);
    }
    if (dice < 700) {
      const Live live = any();
      return cancel(live.id, random_.one(20) ? account : live.account);
    }
    if (dice < 760) {
      const Live live = any();
      return reduce(live.id, 1 + random_.below(30), live.account);
    }
    if (dice < 860) {
      const Live live = any();
      wire::Command command =
          replace(live.id, 1 + random_.below(60), random_.one(3) ? 0 : price(), live.account);
      command.trigger = random_.one(2) ? 0 : random_.one(2) ? price() : 1 + small();
      return command;
    }
    if (dice < 880) {
      static constexpr wire::MarketState states[] = {wire::MarketState::open,
                                                     wire::MarketState::open,
                                                     wire::MarketState::open,
                                                     wire::MarketState::halted,
                                                     wire::MarketState::pre_open,
                                                     wire::MarketState::opening_auction,
                                                     wire::MarketState::closing_auction,
                                                     wire::MarketState::volatility_auction,
                                                     wire::MarketState::closed};
      return set_state(states[random_.below(9)]);
    }
    if (dice < 900) {
      wire::Command command = command_of(wire::CommandKind::set_breaker, 0);
      command.order_type = static_cast<std::uint8_t>(random_.below(3));
      command.price = random_.one(2) ? 0 : price();
      command.quantity = command.order_type == 0 ? 0 : 1 + random_.below(20);
      command.expiry_s = random_.below(3);
      return command;
    }
    if (dice < 915) {
      wire::Command command = command_of(wire::CommandKind::mass_cancel, account);
      command.order_type = static_cast<std::uint8_t>(random_.below(8));
      command.side =
          (command.order_type & 1) != 0 ? static_cast<std::uint8_t>(random_.below(2)) : 0;
      command.price = (command.order_type & 2) != 0 ? price() : 0;
      command.trigger = (command.order_type & 2) != 0 ? command.price + 5 : 0;
      command.group =
          (command.order_type & 4) != 0 ? static_cast<std::uint8_t>(random_.below(3)) : 0;
      return command;
    }
    if (dice < 935) {
      wire::Command command = command_of(wire::CommandKind::set_limit, account);
      command.order_type = static_cast<std::uint8_t>(random_.below(7));
      command.order_id = random_.one(2) ? 0 : 20 + random_.below(20000);
      command.quantity = command.order_type >= 5 ? 1 + random_.below(2000) : 0;
      return command;
    }
    if (dice < 945) {
      wire::Command command = command_of(wire::CommandKind::kill, account);
      command.order_type = random_.one(3) ? 0 : 1;
      return command;
    }
    if (dice < 960) {
      wire::Command command = command_of(wire::CommandKind::set_position, account);
      command.side = static_cast<std::uint8_t>(random_.below(2));
      command.order_id = random_.below(200);
      return command;
    }
    if (dice < 975 && traded_sequence_ != 0) {
      wire::Command command = command_of(
          random_.one(2) ? wire::CommandKind::bust : wire::CommandKind::correct, account);
      command.order_id = traded_sequence_;
      command.quantity = traded_index_;
      if (command.kind == static_cast<std::uint8_t>(wire::CommandKind::correct)) {
        command.price = price();
        command.display = 1 + random_.below(5);
      }
      return command;
    }
    if (dice < 980) {
      wire::Command command = command_of(wire::CommandKind::seed, 0);
      command.order_id = 1 + random_.below(1 << 30);
      return command;
    }
    return command_of(wire::CommandKind::tick, 0);
  }

  void take(const std::vector<wire::Event>& events) {
    for (const wire::Event& event : events) {
      const auto kind = static_cast<wire::EventKind>(event.kind);
      if (kind == wire::EventKind::accepted || kind == wire::EventKind::replaced) {
        live_.push_back({event.order_id, event.account});
        if (live_.size() > 60) {
          live_.erase(live_.begin() + random_.below(50));
        }
      }
      if (kind == wire::EventKind::executed) {
        traded_sequence_ = event.sequence;
        traded_index_ = event.index;
      }
    }
  }

 private:
  struct Live {
    std::uint64_t id;
    std::uint32_t account;
  };
  Live any() {
    return live_.empty() ? Live{1, 1}
                         : live_[random_.below(static_cast<std::uint32_t>(live_.size()))];
  }
  std::int32_t small() { return static_cast<std::int32_t>(random_.below(6)); }
  std::int32_t price() { return 90 + static_cast<std::int32_t>(random_.below(21)); }

  wire::Command place(std::uint32_t account, std::uint64_t now_s) {
    const wire::Side side = random_.one(2) ? buy : sell;
    wire::Command command = limit(side, 1 + random_.below(60), price(), account);
    // A good part of the orders is not well formed: they must be refused, not followed.
    static constexpr wire::OrderType types[] = {
        wire::OrderType::limit,         wire::OrderType::limit,
        wire::OrderType::limit,         wire::OrderType::limit,
        wire::OrderType::limit,         wire::OrderType::market,
        wire::OrderType::stop,          wire::OrderType::stop_limit,
        wire::OrderType::trailing_stop, wire::OrderType::pegged_primary,
        wire::OrderType::pegged_market, wire::OrderType::pegged_mid};
    const wire::OrderType type = types[random_.below(12)];
    command.order_type = static_cast<std::uint8_t>(type);
    command.time_in_force =
        static_cast<std::uint8_t>(random_.one(2) ? random_.below(8) : random_.below(2) * 3);
    if (command.time_in_force == static_cast<std::uint8_t>(wire::TimeInForce::gtd)) {
      command.expiry_s = static_cast<std::uint32_t>(now_s) + random_.below(4);
    }
    if (type == wire::OrderType::market || type == wire::OrderType::stop ||
        type == wire::OrderType::trailing_stop) {
      command.price = 0;
    }
    if (type == wire::OrderType::stop || type == wire::OrderType::stop_limit) {
      command.trigger = price();
    } else if (type == wire::OrderType::trailing_stop || type >= wire::OrderType::pegged_primary) {
      command.trigger = 1 + small();
      command.price = type == wire::OrderType::trailing_stop || random_.one(2) ? 0 : command.price;
    } else if (type == wire::OrderType::market && random_.one(3)) {
      command.trigger = 1 + small();
    }
    if (random_.one(3)) {
      command.attributes = static_cast<std::uint16_t>(random_.below(5) << 6);
    }
    if (random_.one(8)) {
      command.attributes |= wire::attribute::reduce_only;
    }
    if (type == wire::OrderType::limit && random_.one(2)) {
      switch (random_.below(7)) {
        case 0:
          command.attributes |= wire::attribute::post_only;
          command.attributes |= random_.one(2) ? wire::attribute::reprice : std::uint16_t{0};
          break;
        case 1:
          command.attributes |= wire::attribute::hidden;
          break;
        case 2:
          command.attributes |= wire::attribute::all_or_none;
          break;
        case 3:
          command.minimum = 1 + random_.below(command.quantity);
          break;
        case 4:
          command.discretion = static_cast<std::uint8_t>(1 + random_.below(4));
          break;
        default:
          command.display = 1 + random_.below(8);
          command.attributes |= random_.one(2) ? wire::attribute::random_refresh : std::uint16_t{0};
          break;
      }
    }
    if (random_.one(6) && type < wire::OrderType::pegged_primary) {
      const Live live = any();
      command.order_id = live.id;
      command.account = live.account;
      command.attributes |= static_cast<std::uint16_t>((1 + random_.below(2)) << 9);
    }
    command.group = static_cast<std::uint8_t>(random_.below(3));
    return command;
  }

  Random random_;
  std::vector<Live> live_;
  std::uint64_t traded_sequence_ = 0;
  std::uint32_t traded_index_ = 0;
};

class EveryFeature : public testing::TestWithParam<std::uint64_t> {};

TEST_P(EveryFeature, KeepsEveryInvariantAndItsFutureOverASnapshot) {
  const std::uint64_t seed = seed_or(GetParam());
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  Stream stream(seed);
  Random clock(seed + 1);
  TestMarket market(60);
  TestMarket again(60);
  std::uint64_t now_s = 1;
  std::vector<int> seen(26);
  for (int step = 0; step < 8'000 && !HasFailure(); ++step) {
    SCOPED_TRACE(testing::Message() << "step=" << step);
    now_s += clock.below(4) == 0 ? 1U : 0U;
    market.pass_to(now_s);
    again.pass_to(now_s);
    wire::Command command = stream.next(now_s);
    if (step % 3 == 0) {
      command = in_session(command, 1 + clock.below(300), static_cast<std::uint64_t>(step) + 1);
    }
    const auto& events = market.run(command);
    for (const wire::Event& event : events) {
      ++seen[event.kind];
    }
    stream.take(events);
    const std::vector<wire::Event> copy = events;
    const auto& same = again.run(command, false);
    ASSERT_EQ(copy.size(), same.size());
    for (std::size_t at = 0; at < copy.size(); ++at) {
      ASSERT_EQ(describe(copy[at]), describe(same[at]));
    }
    ASSERT_EQ(market.digest(), again.digest());
    if (step % 500 == 499) {
      again.restart();
      ASSERT_EQ(market.digest(), again.digest());
      ASSERT_TRUE(again.market().verify());
    }
  }
  // A stream from outside may be short of something; the fixed ones are not.
  for (int kind = 1; kind <= 25 && seed == GetParam(); ++kind) {
    if (kind != static_cast<int>(wire::EventKind::repeated) &&
        kind != static_cast<int>(wire::EventKind::configured)) {
      EXPECT_GT(seen[static_cast<std::size_t>(kind)], 0) << "no event of kind " << kind;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Market, EveryFeature, testing::Values(1, 2, 3, 8214690731, 77));

// A breaker without a reference allows every price and changes no state, but it sends each command
// through the general path.
TEST(GeneralPath, AgreesWithThePlainPathOnPlainOrders) {
  const std::uint64_t seed = seed_or(4711);
  SCOPED_TRACE(testing::Message() << "SEED=" << seed);
  Random random(seed);
  TestMarket plain(40);
  TestMarket general(40);
  wire::Command breaker = command_of(wire::CommandKind::set_breaker, 0);
  plain.run(breaker);
  breaker.order_type = static_cast<std::uint8_t>(wire::BreakerMode::limit_state);
  breaker.quantity = 1;
  general.run(breaker);
  std::vector<std::uint64_t> ids;
  for (int step = 0; step < 20'000 && !HasFailure(); ++step) {
    SCOPED_TRACE(testing::Message() << "step=" << step);
    const std::uint32_t account = 1 + random.below(3);
    const std::uint64_t named =
        ids.empty() ? 5 : ids[random.below(static_cast<std::uint32_t>(ids.size()))];
    const std::uint32_t dice = random.below(100);
    const auto price = static_cast<std::int32_t>(90 + random.below(21));
    wire::Command command =
        limit(random.one(2) ? buy : sell, random.below(40), price, account,
              static_cast<wire::TimeInForce>(random.one(3) ? random.below(3) : 0));
    if (dice < 10) {
      command.order_type = 1;
      command.price = 0;
    } else if (dice < 25) {
      command = cancel(named, account);
    } else if (dice < 35) {
      command = replace(named, random.below(40), price, account);
    } else if (dice < 45) {
      command = reduce(named, random.below(10), account);
    } else if (dice < 47) {
      command = command_of(wire::CommandKind::set_limit, account);
      command.order_type = static_cast<std::uint8_t>(random.below(7));
      command.order_id = random.one(2) ? 0 : 20 + random.below(2000);
      command.quantity = command.order_type >= 5 ? 1 : 0;
    }
    const auto& events = plain.run(command);
    const auto& same = general.run(command);
    ASSERT_EQ(events.size(), same.size());
    for (std::size_t at = 0; at < events.size(); ++at) {
      ASSERT_EQ(describe(events[at]), describe(same[at]));
      if (events[at].kind == static_cast<std::uint8_t>(wire::EventKind::accepted) ||
          events[at].kind == static_cast<std::uint8_t>(wire::EventKind::replaced)) {
        ids.push_back(events[at].order_id);
      }
    }
    if (ids.size() > 50) {
      ids.erase(ids.begin(), ids.begin() + 10);
    }
    ASSERT_EQ(plain.digest(), general.digest());
  }
}

}  // namespace
}  // namespace meridian::engine
