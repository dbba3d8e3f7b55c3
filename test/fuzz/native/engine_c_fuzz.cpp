// The C interface with hostile arguments in any order: null, misaligned and oversized ones change
// nothing, and whatever batches, buffers and polls are used, the events are those of a market that
// is driven directly.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "engine/engine_c.h"
#include "input.hpp"
#include "observed_market.hpp"

namespace {

using namespace meridian;
using fuzz::expect;

constexpr std::size_t most_commands = 16;
constexpr std::size_t most_events = 64;

class Caller {
 public:
  Caller(fuzz::Input& input, meridian_engine* engine) : input_(input), engine_(engine) {}

  void run() {
    while (!input_.is_empty()) {
      switch (input_.below(4)) {
        case 0:
        case 1:
          submit();
          break;
        case 2:
          poll(input_.below(most_events));
          break;
        default:
          ask();
          break;
      }
    }
    std::size_t left = 1;
    while (left > 0) {
      left = poll(most_events);
    }
    expect(expected_.empty(), "no event is lost");
    std::uint64_t digest = 0;
    std::uint64_t open = 0;
    std::uint32_t is_sound = 0;
    expect(meridian_engine_digest(engine_, &digest) == MERIDIAN_ENGINE_OK &&
               digest == twin_.market().digest(),
           "the digest is that of a market driven directly");
    expect(meridian_engine_open_orders(engine_, &open) == MERIDIAN_ENGINE_OK &&
               open == twin_.market().open_orders(),
           "open orders are those of a market driven directly");
    expect(meridian_engine_verify(engine_, &is_sound) == MERIDIAN_ENGINE_OK && is_sound == 1,
           "verify()");
    restore(digest);
  }

 private:
  // A market made of the snapshot of this one is the same; one of damaged bytes stays new.
  void restore(std::uint64_t digest) {
    std::size_t size = 0;
    expect(meridian_engine_save(engine_, nullptr, 0, &size) == MERIDIAN_ENGINE_BYTES_TOO_FEW,
           "a snapshot has a size");
    std::vector<std::byte> bytes(size);
    expect(meridian_engine_save(engine_, bytes.data(), size, &size) == MERIDIAN_ENGINE_OK,
           "a snapshot fits its size");
    meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
    meridian_engine* other = nullptr;
    expect(meridian_engine_create(&config, &other) == MERIDIAN_ENGINE_OK, "a market is there");
    bytes[sent_ % size] ^= std::byte{1};
    expect(meridian_engine_restore(other, bytes.data(), size) == MERIDIAN_ENGINE_SNAPSHOT_INVALID,
           "a damaged snapshot is refused");
    bytes[sent_ % size] ^= std::byte{1};
    expect(meridian_engine_restore(other, bytes.data(), size) == MERIDIAN_ENGINE_OK,
           "a snapshot is restored");
    std::uint64_t restored = 0;
    expect(meridian_engine_digest(other, &restored) == MERIDIAN_ENGINE_OK && restored == digest,
           "a restored market has the digest of the saved one");
    meridian_engine_destroy(other);
  }

  meridian_engine_command command() {
    if (input_.one_in(8)) {
      return input_.take<meridian_engine_command>();
    }
    meridian_engine_command made{};
    made.kind = MERIDIAN_PLACE;
    made.side = static_cast<std::uint8_t>(input_.below(2));
    made.account = input_.between(1, 3);
    made.price = static_cast<std::int32_t>(input_.between(98, 102));
    made.quantity = input_.between(1, 100);
    if (!twin_.market().has_work() && sent_ == 0) {
      made = {};
      made.kind = MERIDIAN_CONFIGURE;
      made.order_id = 50;
      made.price = 1;
      made.trigger = 1000;
      made.quantity = 1000;
    } else if (input_.one_in(4)) {
      made.display = 1;  // an execution a lot: more events than the buffer holds
    }
    ++sent_;
    return made;
  }

  void submit() {
    const std::size_t count = input_.below(most_commands);
    std::array<meridian_engine_command, most_commands + 1> commands{};
    std::array<meridian_engine_stamp, most_commands + 1> stamps{};
    const bool has_stamps = input_.one_in(2);
    for (std::size_t at = 0; at < count; ++at) {
      commands[at] = command();
      stamps[at] = {twin_.sequence() + 1 + at, twin_.now_ns() + at};
    }
    if (count > 0 && input_.one_in(8)) {
      (input_.one_in(2) ? stamps[count - 1].sequence : stamps[count - 1].timestamp_ns) =
          input_.take<std::uint64_t>();
    }
    const meridian_engine_command* given = commands.data();
    std::size_t given_count = count;
    std::size_t taken = 0;
    std::size_t* given_taken = &taken;
    meridian_engine_status wrong = MERIDIAN_ENGINE_OK;
    switch (input_.below(16)) {
      case 1:
        given = nullptr;
        wrong = count == 0 ? MERIDIAN_ENGINE_OK : MERIDIAN_ENGINE_ARGUMENT_NULL;
        break;
      case 2:
        given_taken = nullptr;
        wrong = MERIDIAN_ENGINE_ARGUMENT_NULL;
        break;
      case 3:
        given_count = MERIDIAN_ENGINE_HIGHEST_COUNT + 1 + input_.take<std::uint32_t>();
        wrong = MERIDIAN_ENGINE_COUNT_TOO_LARGE;
        break;
      case 4:
        given = reinterpret_cast<const meridian_engine_command*>(
            reinterpret_cast<const char*>(given) + input_.between(1, 7));
        wrong = MERIDIAN_ENGINE_ARGUMENT_MISALIGNED;
        break;
      default:
        break;
    }
    const meridian_engine_status status = meridian_engine_submit(
        engine_, given, has_stamps ? stamps.data() : nullptr, given_count, given_taken);
    if (wrong != MERIDIAN_ENGINE_OK) {
      expect(status == wrong && taken == 0, "a wrong argument is named and nothing is taken");
      return;
    }
    expect(taken <= count, "no more is taken than given");
    const bool stops =
        status == MERIDIAN_ENGINE_SEQUENCE_INVALID || status == MERIDIAN_ENGINE_TIMESTAMP_INVALID;
    expect(stops ? has_stamps && taken < count
                 : status == MERIDIAN_ENGINE_EVENTS_FULL ||
                       (status == MERIDIAN_ENGINE_OK && taken == count),
           "submit says why it stops");
    meridian_engine_stamp last{};
    expect(meridian_engine_last_stamp(engine_, &last) == MERIDIAN_ENGINE_OK, "there is a stamp");
    expect(last.sequence == twin_.sequence() + taken, "the sequence counts what was taken");
    for (std::size_t at = 0; at < taken; ++at) {
      wire::Command same{};
      std::memcpy(static_cast<void*>(&same), &commands[at], sizeof(same));
      const std::uint64_t counted_ns = std::max(twin_.now_ns(), twin_.sequence() + 1);
      const auto& events = twin_.apply(same, has_stamps ? stamps[at].timestamp_ns : counted_ns);
      expected_.insert(expected_.end(), events.begin(), events.end());
    }
  }

  std::size_t poll(std::size_t capacity) {
    // One event more in size than told: what lies behind must stay as it is.
    std::vector<meridian_engine_event> events(capacity + 1);
    std::memset(events.data(), 0xA5, events.size() * sizeof(events[0]));
    const meridian_engine_event untouched = events[capacity];
    std::size_t count = 0;
    std::size_t left = 0;
    expect(
        meridian_engine_poll(engine_, events.data(), capacity, &count, &left) == MERIDIAN_ENGINE_OK,
        "poll always answers");
    expect(count <= capacity && count + left <= expected_.size(), "poll gives what there is");
    expect(std::memcmp(&events[capacity], &untouched, sizeof(untouched)) == 0,
           "poll writes no further than told");
    for (std::size_t at = 0; at < count; ++at) {
      expect(std::memcmp(&events[at], &expected_.front(), sizeof(events[at])) == 0,
             "events are those of a market driven directly");
      expected_.pop_front();
    }
    expect(left > 0 || expected_.empty(), "0 left means that all is answered");
    return left;
  }

  void ask() {
    std::array<meridian_engine_level, 8> levels{};
    std::array<meridian_engine_order, 8> orders{};
    std::size_t count = 0;
    std::size_t left = 0;
    const std::int32_t side = input_.take<std::uint8_t>() - 128;
    const std::size_t capacity = input_.below(levels.size() + 1);
    const meridian_engine_status depth =
        meridian_engine_depth(engine_, side, levels.data(), capacity, &count);
    const bool is_side = side == MERIDIAN_BUY || side == MERIDIAN_SELL;
    expect(depth == MERIDIAN_ENGINE_COMMAND_PENDING ||
               depth == (is_side ? MERIDIAN_ENGINE_OK : MERIDIAN_ENGINE_SIDE_INVALID),
           "depth answers or says why not");
    expect(count <= capacity, "depth writes no further than told");
    expect(meridian_engine_resting_orders(engine_, side, orders.data(), capacity, &count, &left) ==
               depth,
           "orders answer when depth does");
    expect(count <= capacity && (left == 0 || count == capacity), "orders are all there");
    expect(
        meridian_engine_depth(engine_, side, nullptr, 1, &count) != MERIDIAN_ENGINE_OK &&
            meridian_engine_depth(nullptr, side, levels.data(), 1, &count) ==
                MERIDIAN_ENGINE_ARGUMENT_NULL &&
            meridian_engine_depth(engine_, side, levels.data(), 1, nullptr) != MERIDIAN_ENGINE_OK,
        "null is refused");
    expect(meridian_engine_digest(engine_, nullptr) != MERIDIAN_ENGINE_OK &&
               meridian_engine_verify(nullptr, nullptr) == MERIDIAN_ENGINE_ARGUMENT_NULL,
           "null is refused");
    expect(meridian_engine_status_text(input_.take<std::int32_t>()) != nullptr,
           "every number has a text");
  }

  fuzz::Input& input_;
  meridian_engine* engine_;
  fuzz::ObservedMarket twin_;
  std::deque<wire::Event> expected_;
  std::uint64_t sent_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  meridian_engine* engine = nullptr;
  if (input.one_in(8)) {
    // Any bytes as a configuration, but no more memory than a test may have.
    auto config = input.take<meridian_engine_config>();
    config.event_capacity %= 4096;
    config.size = std::min<std::uint32_t>(config.size, sizeof(config));
    config.flags &= ~static_cast<std::uint32_t>(MERIDIAN_ENGINE_PREFAULT);
    const meridian_engine_status status = meridian_engine_create(&config, &engine);
    expect((status == MERIDIAN_ENGINE_OK) == (engine != nullptr), "a handle comes with OK alone");
    meridian_engine_destroy(engine);
    return 0;
  }
  meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
  config.flags = MERIDIAN_ENGINE_COUNTED_TIME;
  config.event_capacity = 1 + input.below(64);
  expect(meridian_engine_create(&config, &engine) == MERIDIAN_ENGINE_OK, "a market is there");
  Caller(input, engine).run();
  meridian_engine_destroy(engine);
  return 0;
}
