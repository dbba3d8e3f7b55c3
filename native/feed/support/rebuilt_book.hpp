// For tests: what a subscriber makes of ITCH messages, knowing nothing of the engine. Every message
// must make sense to it.
#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "protocols/codec.hpp"

namespace meridian::feed {

struct DisplayedOrder {
  std::uint64_t reference;
  std::uint32_t price;
  std::uint32_t shares;

  friend bool operator==(const DisplayedOrder&, const DisplayedOrder&) = default;
};

class RebuiltBook {
 public:
  // False when the message makes no sense; `fault` then says why.
  bool take(protocols::Bytes bytes) {
    ++messages;
    const auto decoded =
        protocols::decode<protocols::itch::All>(bytes, [this](const auto& message) {
          using Message = std::remove_cvref_t<decltype(message)>;
          letters += Message::letter;
          if constexpr (requires { message.timestamp; }) {
            apply(message);
          }
        });
    if (decoded != protocols::Fault::none) {
      fault = "not a message";
    }
    return fault.empty();
  }

  // Best price first, oldest first within a price.
  [[nodiscard]] std::vector<DisplayedOrder> side(char letter) const {
    std::vector<DisplayedOrder> all;
    const auto append = [&all](const std::list<DisplayedOrder>& level) {
      all.insert(all.end(), level.begin(), level.end());
    };
    const auto& levels = letter == 'B' ? bids_ : asks_;
    if (letter == 'B') {
      for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
        append(level->second);
      }
    } else {
      for (const auto& [price, level] : levels) {
        append(level);
      }
    }
    return all;
  }

  std::string fault;
  std::string letters;
  std::uint64_t messages = 0;
  char state = ' ';

 private:
  using Levels = std::map<std::uint32_t, std::list<DisplayedOrder>>;
  struct Place {
    char side;
    std::uint32_t price;
    std::list<DisplayedOrder>::iterator order;
  };

  template <class Message>
  void apply(const Message&) {}
  void apply(const protocols::itch::AddOrder& added) {
    add(added.reference, added.side, added.shares, added.price);
  }
  void apply(const protocols::itch::OrderExecuted& executed) {
    take_off(executed.reference, executed.shares);
  }
  void apply(const protocols::itch::OrderExecutedAtPrice& executed) {
    take_off(executed.reference, executed.shares);
  }
  void apply(const protocols::itch::OrderReduced& reduced) {
    take_off(reduced.reference, reduced.shares);
  }
  void apply(const protocols::itch::OrderDeleted& deleted) { remove(deleted.reference); }
  void apply(const protocols::itch::OrderReplaced& replaced) {
    const auto found = orders_.find(replaced.reference);
    if (found == orders_.end()) {
      fault = "an order is replaced that is not there";
      return;
    }
    const char side = found->second.side;
    remove(replaced.reference);
    add(replaced.new_reference, side, replaced.shares, replaced.price);
  }
  void apply(const protocols::itch::TradingAction& action) { state = action.state; }

  void add(std::uint64_t reference, char side, std::uint32_t shares, std::uint32_t price) {
    if (shares == 0 || price == 0 || (side != 'B' && side != 'S')) {
      fault = "an order without shares, price or side";
      return;
    }
    std::list<DisplayedOrder>& level = (side == 'B' ? bids_ : asks_)[price];
    level.push_back({reference, price, shares});
    if (!orders_.insert({reference, Place{side, price, std::prev(level.end())}}).second) {
      fault = "a reference is used twice";
    }
  }
  void take_off(std::uint64_t reference, std::uint32_t shares) {
    const auto found = orders_.find(reference);
    if (found == orders_.end()) {
      fault = "shares come off an order that is not there";
      return;
    }
    std::uint32_t& left = found->second.order->shares;
    if (shares == 0 || shares > left) {
      fault = "more shares come off an order than it has, or none";
      return;
    }
    left -= shares;
    if (left == 0) {
      remove(reference);
    }
  }
  void remove(std::uint64_t reference) {
    const auto found = orders_.find(reference);
    if (found == orders_.end()) {
      fault = "an order is deleted that is not there";
      return;
    }
    const Place place = found->second;
    Levels& levels = place.side == 'B' ? bids_ : asks_;
    levels[place.price].erase(place.order);
    if (levels[place.price].empty()) {
      levels.erase(place.price);
    }
    orders_.erase(found);
  }

  Levels bids_;
  Levels asks_;
  std::map<std::uint64_t, Place> orders_;
};

}  // namespace meridian::feed
