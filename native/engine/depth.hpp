// Readers of a book beside its one writer, without a lock: best bid and offer, levels, orders.
//
// The best bid and offer is written after each batch of commands that changed it, which is when the
// events of the batch go out as well. Levels and orders are written when somebody asks: under a
// writer of tens of millions of commands a second a copy of the live book would never be whole, and
// copying it all the time would cost more than matching.
//
// How stale, and at what price:
// - A read never gives a state older than the one its reader could know of when it began
//   (DepthReader::begin). While the writer works it is answered at the next poll that is `interval`
//   or more after the last answer; before the writer sleeps it leaves a snapshot behind (settle),
//   so an idle market needs no answer.
// - All readers together cost the writer one snapshot or page of orders in each interval, whatever
//   they store into their pages: at most 2 * 32 levels and 2 * 128 orders, or 256 orders. All
//   readers share one snapshot. Besides, a reader that never looks away makes the writer fetch back
//   the lines of the top and of what is known, once a batch; that is why the top is not written
//   after each command (for 1.5 to 2 ns a command of workload W without any reader, against 0.3).
// - A reader takes one try a call and never waits: what to do between two tries is its caller's.
//
// What is shown is matched, and may be lost with its node before it is durable: every answer
// carries the sequence by which its reader can tell.
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "base/ensure.hpp"
#include "base/units.hpp"
#include "engine/depth_region.hpp"
#include "engine/level_book.hpp"
#include "wire/command.hpp"

namespace meridian::engine {

// What is needed of a book: market.hpp says what the functions do.
template <class Book>
concept DisplayedBook =
    requires(const Book& book, wire::Side side, PriceTicks price,
             bool (*level)(PriceTicks, TotalLots), bool (*order)(OrderId, QuantityLots)) {
      { book.quote(side) } -> std::same_as<Quote>;
      book.visit_levels(side, price, level);
      book.visit_orders(side, price, order);
    };

struct DepthOptions {
  // Of a side, in a snapshot; at most depth_levels and depth_orders. Orders are what it costs: each
  // is a line of the cache that is not at hand.
  std::uint32_t levels = depth_levels;
  std::uint32_t orders = 32;
  // Least distance of two answers, in the unit of the stamps that poll() is given.
  std::uint64_t interval = 0;
};

// The writer's end, on the thread that applies the commands.
class DepthPublisher {
 public:
  // `region` is new and outlives the publisher.
  DepthPublisher(DepthRegion& region, const DepthOptions& options) noexcept
      : region_(&region), board_(region.board), options_(options) {
    ensure(options.levels <= depth_levels && options.orders <= depth_orders);
  }
  DepthPublisher(const DepthPublisher&) = delete;
  DepthPublisher& operator=(const DepthPublisher&) = delete;

  // From now on answers a reader whose requests lie there, by the page slot of this number.
  void attach(std::uint32_t lane, const DepthRequests& requests) noexcept {
    ensure(lane < depth_lanes && lanes_[lane].requests == nullptr);
    lanes_[lane].requests = &requests;
  }

  // For a writer that learns only later how its stamps run.
  void set_interval(std::uint64_t interval) noexcept { options_.interval = interval; }

  // After each batch of commands, the last of which was `sequence`, and on each idle turn: readers
  // know of this state from now on and see its best bid and offer, and one of them may get an
  // answer. `stamp` never falls.
  template <DisplayedBook Book>
  [[gnu::always_inline]] void poll(const Book& book, std::uint64_t sequence,
                                   std::uint64_t stamp) noexcept {
    advance(book, sequence);
    if (stamp - answered_at_ >= options_.interval && answer(book)) {
      answered_at_ = stamp;
    }
  }

  // Leaves everything current behind, asked or not, but for pages of orders: after recovery, and
  // before the writer sleeps.
  template <DisplayedBook Book>
  void settle(const Book& book, std::uint64_t sequence) noexcept {
    advance(book, sequence);
    if (snapshot_of_ != applied_) {
      make_snapshot(book);
    }
  }

  // Whether the reader of this lane waits for a page of orders, ordered against a parking word: see
  // rings/parking.hpp.
  [[nodiscard]] bool is_page_wanted_ordered(std::uint32_t lane) const noexcept {
    const Lane& one = lanes_[lane];
    return one.requests != nullptr &&
           one.requests->page.load(std::memory_order_seq_cst) != one.answered;
  }

  [[nodiscard]] std::uint64_t snapshots() const noexcept { return board_.made(); }
  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }

 private:
  struct Lane {
    const DepthRequests* requests = nullptr;
    std::uint32_t raised_seen = 0;
    std::uint64_t answered = 0;
    std::uint64_t writes = 0;
  };

  // The top first: whoever knows of a state sees no older top (TopInterleaving in
  // interleaving_test.cpp).
  template <DisplayedBook Book>
  [[gnu::always_inline]] void advance(const Book& book, std::uint64_t sequence) noexcept {
    if (sequence == applied_) {
      return;
    }
    applied_ = sequence;
    const Quote bid = book.quote(wire::Side::buy);
    const Quote ask = book.quote(wire::Side::sell);
    if (bid.price != bid_.price || bid.lots != bid_.lots || ask.price != ask_.price ||
        ask.lots != ask_.lots) {
      show_top(bid, ask);
    }
    board_.advance(sequence);
  }

  [[gnu::noinline]] void show_top(const Quote& bid, const Quote& ask) noexcept {
    bid_ = bid;
    ask_ = ask;
    // A side without orders has no lots, and a price that says so: it is shown as 0.
    const std::uint64_t bid_price = bid.lots == TotalLots{0} ? 0 : bid.price.value();
    const std::uint64_t ask_price = ask.lots == TotalLots{0} ? 0 : ask.price.value();
    DepthTop& top = region_->top;
    SeqlockWriter<SharedWord> write(top.version, ++tops_);
    write.put(top.sequence, applied_);
    write.put(top.prices, ask_price << 32 | bid_price);
    write.put(top.bid_lots, bid.lots.value());
    write.put(top.ask_lots, ask.lots.value());
    write.end();
  }

  // The snapshot and the lanes take turns, so that none of them can keep the others from theirs.
  template <DisplayedBook Book>
  bool answer(const Book& book) noexcept {
    for (Lane& lane : lanes_) {
      if (lane.requests != nullptr) {
        // Relaxed, here and for the page: nothing is read through them, and what is missed now is
        // seen at a later poll.
        const std::uint32_t raised = lane.requests->raised.load(std::memory_order_relaxed);
        is_snapshot_wanted_ = is_snapshot_wanted_ || raised != lane.raised_seen;
        lane.raised_seen = raised;
      }
    }
    for (std::uint32_t tried = 0; tried <= depth_lanes; ++tried) {
      const std::uint32_t turn = turn_;
      turn_ = turn == depth_lanes ? 0 : turn + 1;
      if (turn == depth_lanes ? answer_by_snapshot(book) : answer_by_page(book, turn)) {
        return true;
      }
    }
    return false;
  }

  template <DisplayedBook Book>
  bool answer_by_snapshot(const Book& book) noexcept {
    const bool is_wanted = is_snapshot_wanted_ && snapshot_of_ != applied_;
    is_snapshot_wanted_ = false;
    if (is_wanted) {
      make_snapshot(book);
    }
    return is_wanted;
  }

  template <DisplayedBook Book>
  bool answer_by_page(const Book& book, std::uint32_t number) noexcept {
    Lane& lane = lanes_[number];
    if (lane.requests == nullptr) {
      return false;
    }
    const std::uint64_t request = lane.requests->page.load(std::memory_order_relaxed);
    if (request == lane.answered) {
      return false;
    }
    lane.answered = request;
    make_page(book, region_->pages[number], ++lane.writes, request);
    return true;
  }

  template <DisplayedBook Book>
  [[gnu::noinline]] void make_snapshot(const Book& book) noexcept {
    snapshot_of_ = applied_;
    board_.publish(applied_, [&](auto&& put) noexcept {
      const SideCounts bids = put_side(book, wire::Side::buy, put);
      const SideCounts asks = put_side(book, wire::Side::sell, put);
      put(SnapshotWords::level_counts, std::uint64_t{asks.levels} << 32 | bids.levels);
      put(SnapshotWords::order_counts, std::uint64_t{asks.orders} << 32 | bids.orders);
      put(SnapshotWords::more, (bids.has_more_levels ? 1U : 0U) | (asks.has_more_levels ? 2U : 0U) |
                                   (bids.has_more_orders ? 4U : 0U) |
                                   (asks.has_more_orders ? 8U : 0U));
    });
  }

  struct SideCounts {
    std::uint32_t levels = 0;
    std::uint32_t orders = 0;
    bool has_more_levels = false;
    bool has_more_orders = false;
  };

  template <DisplayedBook Book, class Put>
  SideCounts put_side(const Book& book, wire::Side side, Put& put) const noexcept {
    const auto number = static_cast<std::size_t>(side);
    SideCounts counts;
    book.visit_levels(side, book.quote(side).price, [&](PriceTicks price, TotalLots lots) noexcept {
      if (counts.levels == options_.levels) {
        counts.has_more_levels = true;
        return false;
      }
      const std::size_t at = SnapshotWords::level(number, counts.levels++);
      put(at, price.value());
      put(at + 1, lots.value());
      if (!counts.has_more_orders) {
        book.visit_orders(side, price, [&](OrderId id, QuantityLots remaining) noexcept {
          counts.has_more_orders = counts.orders == options_.orders;
          if (!counts.has_more_orders) {
            put_order(put, SnapshotWords::order(number, counts.orders++), id, price, remaining);
          }
          return !counts.has_more_orders;
        });
      }
      return true;
    });
    counts.has_more_orders = counts.has_more_orders || counts.has_more_levels;
    return counts;
  }

  template <class Put>
  static void put_order(Put& put, std::size_t at, OrderId id, PriceTicks price,
                        QuantityLots remaining) noexcept {
    put(at, id.value());
    put(at + 1, std::uint64_t{price.value()} << 32 | remaining.value());
  }

  // Whole levels from the requested price on, as many as fit; of a first level that does not fit
  // its oldest orders.
  template <DisplayedBook Book>
  [[gnu::noinline]] void make_page(const Book& book, DepthPageSlot& slot, std::uint64_t number,
                                   std::uint64_t request) noexcept {
    ++pages_;
    const auto side = static_cast<wire::Side>((request >> 31) & 1);
    const PriceTicks from{static_cast<std::uint32_t>(request & 0x7FFF'FFFF)};
    SeqlockWriter<SharedWord> write(slot.version, number);
    const auto put = [&](std::size_t at, std::uint64_t value) noexcept {
      write.put(slot.orders[at], value);
    };
    std::uint32_t count = 0;
    bool is_cut = false;
    PriceTicks next{0};
    book.visit_levels(side, from, [&](PriceTicks price, TotalLots) noexcept {
      const std::uint32_t before = count;
      bool fits = !is_cut && count < depth_page_orders;
      if (fits) {
        book.visit_orders(side, price, [&](OrderId id, QuantityLots remaining) noexcept {
          fits = count < depth_page_orders;
          if (fits) {
            put_order(put, std::size_t{2} * count++, id, price, remaining);
          }
          return fits;
        });
        if (!fits && before == 0) {
          is_cut = true;
          return true;
        }
      }
      if (!fits) {
        count = before;
        next = price;
      }
      return fits;
    });
    write.put(slot.request, request);
    write.put(slot.sequence, applied_);
    write.put(slot.count, count);
    write.put(slot.next, next.value());
    write.put(slot.is_cut, is_cut ? 1 : 0);
    write.end();
  }

  DepthRegion* region_;
  SnapshotBoardWriter<SharedWord, depth_buffers, SnapshotWords::count> board_;
  DepthOptions options_;
  // What was shown last.
  Quote bid_{below_every_price, TotalLots{0}};
  Quote ask_{above_every_price, TotalLots{0}};
  std::uint64_t tops_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t snapshot_of_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t answered_at_ = 0;
  bool is_snapshot_wanted_ = false;
  std::uint32_t turn_ = depth_lanes;  // whose turn it is: a lane's, or the snapshot's
  std::array<Lane, depth_lanes> lanes_;
};

// Best bid and offer in the state `sequence`, and in all later ones until the next change; 0 at 0
// while a side is empty.
struct DepthTopView {
  std::uint64_t sequence = 0;
  PriceTicks bid_price{0};
  PriceTicks ask_price{0};
  TotalLots bid_lots{0};
  TotalLots ask_lots{0};
};

struct DepthLevel {
  PriceTicks price;
  TotalLots lots;
};
struct DepthOrder {
  OrderId id;
  PriceTicks price;
  QuantityLots lots;
};

// One side of a snapshot, best first, oldest first within a price.
struct DepthSide {
  std::uint32_t level_count = 0;
  std::uint32_t order_count = 0;
  bool has_more_levels = false;
  bool has_more_orders = false;
  std::array<DepthLevel, depth_levels> levels;
  std::array<DepthOrder, depth_orders> orders;
};
struct DepthSnapshot {
  std::uint64_t sequence = 0;
  std::array<DepthSide, 2> sides;  // bids, asks
};

struct DepthPage {
  std::uint64_t sequence = 0;
  PriceTicks next{0};   // where the next page begins; 0: there are no more
  bool is_cut = false;  // the first level has more orders than a page
  std::uint32_t count = 0;
  std::array<DepthOrder, depth_page_orders> orders;
};

// A reader's end. Made by each reading thread for itself; processes that do not trust each other
// use lanes of their own.
class DepthReader {
 public:
  // `region` may be mapped read-only. Without `requests` the reader sees what others ask for, and
  // what the writer leaves behind when it sleeps. Only one reader of a lane may ask for pages.
  DepthReader(const DepthRegion& region, DepthRequests* requests, std::uint32_t lane) noexcept
      : region_(&region), board_(region.board), requests_(requests), lane_(lane) {
    ensure(lane < depth_lanes);
    // Whoever used the lane before must not answer for this reader.
    page_number_ = static_cast<std::uint32_t>(
        region.pages[lane].request.load(std::memory_order_relaxed) >> 32);
  }

  // The best bid and offer. False when the writer was in the middle of changing it at every try:
  // it is very busy, or was stopped there by the kernel.
  [[nodiscard]] bool top(DepthTopView& view) const noexcept {
    constexpr int tries = 64;
    for (int tried = 0; tried < tries; ++tried) {
      const DepthTop& top = region_->top;
      const SeqlockReader<SharedWord> reader(top.version);
      view.sequence = reader.get(top.sequence);
      const std::uint64_t prices = reader.get(top.prices);
      view.bid_price = PriceTicks{static_cast<std::uint32_t>(prices)};
      view.ask_price = PriceTicks{static_cast<std::uint32_t>(prices >> 32)};
      view.bid_lots = TotalLots{reader.get(top.bid_lots)};
      view.ask_lots = TotalLots{reader.get(top.ask_lots)};
      if (reader.is_whole()) {
        return true;
      }
    }
    return false;
  }

  // Begins a read: the state that the snapshot may not be older than.
  [[nodiscard]] std::uint64_t begin() noexcept {
    tries_ = 0;
    return board_.known();
  }

  // One try of a read that began with `floor`. True: `snapshot` is a state of the book, no older.
  // False: it is void, and the writer knows that somebody waits.
  [[nodiscard]] bool read(std::uint64_t floor, DepthSnapshot& snapshot) noexcept {
    const bool is_read = board_.read(floor, snapshot.sequence, [&](auto&& get) noexcept {
      const std::uint64_t levels = get(SnapshotWords::level_counts);
      const std::uint64_t orders = get(SnapshotWords::order_counts);
      const std::uint64_t more = get(SnapshotWords::more);
      for (unsigned number = 0; number < 2; ++number) {
        DepthSide& side = snapshot.sides[number];
        side.level_count = bounded(levels >> (32 * number), depth_levels);
        side.order_count = bounded(orders >> (32 * number), depth_orders);
        side.has_more_levels = (more >> number & 1) != 0;
        side.has_more_orders = (more >> (number + 2) & 1) != 0;
        for (std::uint32_t place = 0; place < side.level_count; ++place) {
          const std::size_t at = SnapshotWords::level(number, place);
          side.levels[place] = {PriceTicks{static_cast<std::uint32_t>(get(at))},
                                TotalLots{get(at + 1)}};
        }
        for (std::uint32_t place = 0; place < side.order_count; ++place) {
          const std::size_t at = SnapshotWords::order(number, place);
          side.orders[place] = order_of(get(at), get(at + 1));
        }
      }
    });
    if (!is_read) {
      raise();
    }
    return is_read;
  }

  // Asks for the orders of a side at `from` and worse, whole levels as far as they fit; a page
  // asked for before is given up. Whoever can wake the writer does so if it sleeps: the store is
  // ordered against its parking word.
  void ask_page(wire::Side side, PriceTicks from) noexcept {
    ++page_number_;
    page_number_ += page_number_ == 0 ? 1U : 0U;
    asked_ = std::uint64_t{page_number_} << 32 | static_cast<std::uint64_t>(side) << 31 |
             (from.value() & 0x7FFF'FFFF);
    // Only this reader stores it, the writer loads it.
    requests_->page.store(asked_, std::memory_order_seq_cst);
  }

  // One try to get the page that was asked for last.
  [[nodiscard]] bool page(DepthPage& page) const noexcept {
    const DepthPageSlot& slot = region_->pages[lane_];
    const SeqlockReader<SharedWord> reader(slot.version);
    if (!reader.is_settled() || reader.get(slot.request) != asked_) {
      return false;
    }
    page.sequence = reader.get(slot.sequence);
    page.count = bounded(reader.get(slot.count), depth_page_orders);
    page.next = PriceTicks{static_cast<std::uint32_t>(reader.get(slot.next))};
    page.is_cut = reader.get(slot.is_cut) != 0;
    for (std::uint32_t place = 0; place < page.count; ++place) {
      const std::size_t at = std::size_t{2} * place;
      page.orders[place] = order_of(reader.get(slot.orders[at]), reader.get(slot.orders[at + 1]));
    }
    return reader.is_whole();
  }

 private:
  // Counts of a copy that is not known to be whole are only kept from leading out of the arrays.
  static std::uint32_t bounded(std::uint64_t count, std::uint32_t most) noexcept {
    const auto low = static_cast<std::uint32_t>(count);
    return low < most ? low : most;
  }

  static DepthOrder order_of(std::uint64_t id, std::uint64_t price_and_lots) noexcept {
    return {OrderId{id}, PriceTicks{static_cast<std::uint32_t>(price_and_lots >> 32)},
            QuantityLots{static_cast<std::uint32_t>(price_and_lots)}};
  }

  // At the first try, and once more at the 64th, 128th, 256th, …: once would do, if no other
  // process of the lane stored into the page, and each time takes a cache line from the writer.
  void raise() noexcept {
    constexpr std::uint32_t first_again = 64;
    const bool is_time = tries_ == 0 || (tries_ >= first_again && (tries_ & (tries_ - 1)) == 0);
    ++tries_;
    if (requests_ != nullptr && is_time) {
      // Any reader of the lane adds, the writer loads. Relaxed: nothing is read through it. That
      // the answer is no older than `floor` follows from read(), not from when the writer sees
      // this.
      requests_->raised.fetch_add(1, std::memory_order_relaxed);
    }
  }

  const DepthRegion* region_;
  SnapshotBoardReader<SharedWord, depth_buffers, SnapshotWords::count> board_;
  DepthRequests* requests_;
  std::uint32_t lane_;
  std::uint32_t tries_ = 0;
  std::uint32_t page_number_ = 0;
  std::uint64_t asked_ = 0;
};

}  // namespace meridian::engine
