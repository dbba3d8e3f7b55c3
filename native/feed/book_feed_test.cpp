#include "feed/book_feed.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "engine/support/test_market.hpp"
#include "feed/support/fed_market.hpp"
#include "feed/support/random_commands.hpp"

namespace meridian::feed {
namespace {

std::uint64_t seed_or(std::uint64_t fixed) {
  const char* given = std::getenv("MERIDIAN_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fixed;
}

std::string shown(const std::vector<DisplayedOrder>& orders) {
  std::ostringstream out;
  for (const DisplayedOrder& order : orders) {
    out << ' ' << engine::name_of(order.reference) << ':' << order.shares << '@' << order.price;
  }
  return out.str();
}

// Runs a seeded stream; false (with the reason printed) at the first difference.
bool follows(std::uint64_t seed, int commands, std::set<char>& letters) {
  RebuiltBook book;
  FedMarket fed([&book](Bytes message) { book.take(message); });
  RandomCommands stream(seed);
  Random time(seed + 1);
  for (int step = 0; step <= commands; ++step) {
    fed.now_ns += time.one_in(20) ? 1'000'000'000ULL * time.below(3) : 1'000ULL * time.below(500);
    const wire::Command command =
        step == 0 ? RandomCommands::configure() : stream.next(fed.now_ns / 1'000'000'000);
    const std::vector<wire::Event>& events = fed.apply(command);
    for (const wire::Event& event : events) {
      stream.take(event);
    }
    const bool is_good = book.fault.empty() && is_same(book.side('B'), fed.side('B')) &&
                         is_same(book.side('S'), fed.side('S'));
    if (!is_good) {
      std::ostringstream out;
      for (const wire::Event& event : events) {
        out << "\n  " << engine::describe(event);
      }
      ADD_FAILURE() << book.fault << " SEED=" << seed << " step=" << step << " kind "
                    << int{command.kind} << " type " << int{command.order_type} << " tif "
                    << int{command.time_in_force} << " attributes " << command.attributes
                    << " minimum " << command.minimum << " display " << command.display << out.str()
                    << "\nfeed   B" << shown(book.side('B')) << "\nengine B" << shown(fed.side('B'))
                    << "\nfeed   S" << shown(book.side('S')) << "\nengine S" << shown(fed.side('S'))
                    << "\n"
                    << book.letters.substr(book.letters.size() < 12 ? 0 : book.letters.size() - 12);
      return false;
    }
  }
  letters.insert(book.letters.begin(), book.letters.end());
  EXPECT_EQ(book.messages, fed.feed.sequence());
  EXPECT_EQ(fed.feed.displayed_orders(), book.side('B').size() + book.side('S').size());
  return true;
}

TEST(BookFeed, B5_6_the_book_rebuilt_from_the_feed_is_the_engines_at_every_sequence) {
  std::set<char> letters;
  const std::uint64_t first = seed_or(1);
  const char* given = std::getenv("MERIDIAN_FEED_STREAMS");
  const std::uint64_t streams = given != nullptr ? std::strtoull(given, nullptr, 10) : 40;
  for (std::uint64_t seed = first; seed < first + streams; ++seed) {
    if (!follows(seed, 3000, letters)) {
      return;
    }
  }
  // Every message of a continuous market with auctions was needed.
  EXPECT_EQ(std::string(letters.begin(), letters.end()), "ABCDEHIPQRSUX");
}

class Story : public testing::Test {
 protected:
  // Letters of the messages of one command.
  std::string letters(const wire::Command& command) {
    book_.letters.clear();
    fed_.apply(command);
    EXPECT_EQ(book_.fault, "");
    return book_.letters;
  }

  RebuiltBook book_;
  FedMarket fed_{[this](Bytes message) { book_.take(message); }};
};

TEST_F(Story, B5_6_an_iceberg_that_shows_anew_is_a_new_order_which_does_not_tell_which) {
  EXPECT_EQ(letters(RandomCommands::configure()), "SSRSH");
  wire::Command iceberg = engine::limit(engine::sell, 30, 100, 1);
  iceberg.display = 10;
  EXPECT_EQ(letters(iceberg), "A");
  EXPECT_EQ(book_.side('S').front().reference, engine::id(1, 1));
  EXPECT_EQ(letters(engine::limit(engine::buy, 10, 100, 2)), "EA");
  ASSERT_EQ(book_.side('S').size(), 1U);
  EXPECT_EQ(book_.side('S').front().shares, 10U);
  EXPECT_EQ(book_.side('S').front().reference & 0xFFFFFFU, 1U);
  EXPECT_EQ(book_.side('S').front().reference >> 63U, 1U);
  EXPECT_EQ(letters(engine::reduce(engine::id(1, 1), 5, 1)), "");
  EXPECT_EQ(letters(engine::reduce(engine::id(1, 1), 8, 1)), "X");
  EXPECT_EQ(letters(engine::cancel(engine::id(1, 1), 1)), "D");
}

TEST_F(Story, B5_6_a_hidden_order_shows_only_its_trades) {
  letters(RandomCommands::configure());
  wire::Command hidden = engine::limit(engine::sell, 30, 100, 1);
  hidden.attributes = wire::attribute::hidden;
  EXPECT_EQ(letters(hidden), "");
  EXPECT_EQ(letters(engine::limit(engine::buy, 10, 100, 2)), "P");
  EXPECT_EQ(letters(engine::cancel(engine::id(1, 1), 1)), "");
}

TEST_F(Story, B5_6_a_replaced_order_is_replaced_or_leaves_before_it_trades) {
  letters(RandomCommands::configure());
  EXPECT_EQ(letters(engine::limit(engine::sell, 30, 100, 1)), "A");
  EXPECT_EQ(letters(engine::replace(engine::id(1, 1), 20, 101, 1)), "U");
  EXPECT_EQ(letters(engine::limit(engine::buy, 5, 99, 2)), "A");
  EXPECT_EQ(letters(engine::replace(engine::id(2, 1), 20, 99, 1)), "DEA");
}

TEST_F(Story, B5_6_a_discretionary_order_trades_at_another_price_than_its_own) {
  letters(RandomCommands::configure());
  wire::Command order = engine::limit(engine::sell, 30, 100, 1);
  order.discretion = 3;
  EXPECT_EQ(letters(order), "A");
  EXPECT_EQ(letters(engine::limit(engine::buy, 5, 98, 2)), "C");
}

TEST_F(Story, B5_6_an_auction_tells_its_imbalance_and_its_cross) {
  letters(RandomCommands::configure());
  EXPECT_EQ(letters(engine::set_state(wire::MarketState::opening_auction)), "H");
  EXPECT_EQ(letters(engine::limit(engine::sell, 30, 100, 1)), "A");
  EXPECT_EQ(letters(engine::limit(engine::buy, 10, 101, 2)), "AI");
  // Nobody prints the two halves of a trade: the cross does.
  EXPECT_EQ(letters(engine::set_state(wire::MarketState::open)), "CCQH");
  letters(engine::set_state(wire::MarketState::closing_auction));
  EXPECT_EQ(letters(engine::set_state(wire::MarketState::closed)), "QHSD");
}

TEST_F(Story, B5_6_a_trade_can_be_broken_and_corrected_under_its_number) {
  letters(RandomCommands::configure());
  letters(engine::limit(engine::sell, 30, 100, 1));
  letters(engine::limit(engine::buy, 10, 100, 2));
  wire::Command correct = engine::command_of(wire::CommandKind::correct, 0);
  correct.order_id = 3;
  correct.quantity = 1;
  correct.price = 101;
  correct.display = 10;
  EXPECT_EQ(letters(correct), "BP");
  correct.kind = static_cast<std::uint8_t>(wire::CommandKind::bust);
  correct.price = 0;
  correct.display = 0;
  EXPECT_EQ(letters(correct), "B");
}

TEST_F(Story, B5_6_an_order_lies_before_those_that_its_trades_have_triggered) {
  letters(RandomCommands::configure());
  letters(engine::limit(engine::sell, 5, 100, 1));
  wire::Command stop = engine::limit(engine::buy, 3, 100, 2);
  stop.order_type = static_cast<std::uint8_t>(wire::OrderType::stop_limit);
  stop.trigger = 100;
  EXPECT_EQ(letters(stop), "");
  EXPECT_EQ(letters(engine::limit(engine::buy, 10, 100, 3)), "EAA");
  EXPECT_TRUE(is_same(book_.side('B'), fed_.side('B')));
}

TEST_F(Story, B5_6_a_queued_order_that_is_replaced_stays_out_of_the_book) {
  letters(RandomCommands::configure());
  letters(engine::limit(engine::buy, 10, 100, 1));
  wire::Command child = engine::limit(engine::sell, 10, 110, 1);
  child.attributes = static_cast<std::uint16_t>(2U << wire::attribute::link_shift);
  child.order_id = engine::id(1, 1);
  EXPECT_EQ(letters(child), "");
  EXPECT_EQ(letters(engine::limit(engine::sell, 4, 100, 2)), "E");
  EXPECT_EQ(letters(engine::set_state(wire::MarketState::pre_open)), "H");
  EXPECT_EQ(letters(engine::cancel(engine::id(1, 1), 1)), "D");
  EXPECT_EQ(letters(engine::replace(engine::id(1, 2), 4, 111, 1)), "");
  EXPECT_EQ(letters(engine::set_state(wire::MarketState::open)), "QHA");
  EXPECT_TRUE(is_same(book_.side('S'), fed_.side('S')));
}

TEST_F(Story, B5_6_a_snapshot_is_the_displayed_book_and_the_sequence_that_follows) {
  letters(RandomCommands::configure());
  letters(engine::limit(engine::sell, 5, 101, 1));
  letters(engine::limit(engine::sell, 6, 100, 1));
  letters(engine::limit(engine::buy, 7, 99, 2));
  letters(engine::limit(engine::buy, 2, 101, 2));
  RebuiltBook fresh;
  fed_.feed.snapshot(
      {&fresh, [](void* context,
                  Bytes message) noexcept { static_cast<RebuiltBook*>(context)->take(message); }},
      fed_.now_ns);
  EXPECT_EQ(fresh.letters, "RHAAAG");
  EXPECT_TRUE(is_same(fresh.side('S'), fed_.side('S')));
  EXPECT_TRUE(is_same(fresh.side('B'), fed_.side('B')));
  EXPECT_EQ(fresh.state, 'T');
  EXPECT_EQ(fed_.feed.sequence(), 9U);
}

TEST_F(Story, B5_6_the_end_of_the_day_is_told) {
  letters(RandomCommands::configure());
  book_.letters.clear();
  fed_.feed.end(fed_.now_ns);
  EXPECT_EQ(book_.letters, "SSS");
}

}  // namespace
}  // namespace meridian::feed
