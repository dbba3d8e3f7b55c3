// Runs a market from a pipe, so that another implementation can be compared with it.
//   stdin:  72 bytes a command: u64 timestamp in ns, then the command; sequence 1, 2, 3, …
//           a timestamp of all ones is no command: what follows is for a new market
//   stdout: for each command u32 events, u32 open orders + 2^31 while work is left, u64 digest,
//   then
//           the events
//   --verify: checks every invariant after each command; a fault ends the run with status 3
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/market.hpp"
#include "engine/support/lazy_memory.hpp"

namespace {

using meridian::engine::Market;
using meridian::wire::Command;
using meridian::wire::Event;

class Collector {
 public:
  Event& next() { return events_.emplace_back(); }
  void finish() {}
  void clear() { events_.clear(); }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
};

struct Input {
  std::uint64_t timestamp_ns;
  unsigned char command[sizeof(Command)];
};
constexpr std::size_t input_bytes = sizeof(std::uint64_t) + sizeof(Command);
static_assert(sizeof(Input) == input_bytes);

constexpr std::uint64_t new_market = ~std::uint64_t{0};

constexpr std::uint32_t has_work_bit = 1U << 31;

struct World {
  meridian::engine::LazyMemory memory{Market::arena_bytes()};
  Market market{memory.bytes()};
};

struct Header {
  std::uint32_t events;
  std::uint32_t open_orders;  // and has_work_bit
  std::uint64_t digest;
};
static_assert(sizeof(Header) == 16);

bool write(const void* bytes, std::size_t size) {
  return std::fwrite(bytes, 1, size, stdout) == size;
}

}  // namespace

int main(int count, char** arguments) {
  const bool verifies = count == 2 && std::strcmp(arguments[1], "--verify") == 0;
  if (count > 2 || (count == 2 && !verifies)) {
    std::fputs("usage: engine_replay [--verify] < commands > events\n", stderr);
    return 2;
  }
  std::optional<World> world(std::in_place);
  Collector sink;
  Input input;
  std::uint64_t sequence = 0;
  std::size_t read = 0;
  while ((read = std::fread(&input, 1, input_bytes, stdin)) == input_bytes) {
    if (input.timestamp_ns == new_market) {
      world.emplace();
      sequence = 0;
      continue;
    }
    Market& market = world->market;
    ++sequence;
    sink.clear();
    Command command;
    std::memcpy(&command, input.command, sizeof(command));
    market.apply(command, sequence, input.timestamp_ns, sink);
    if (verifies && !market.verify()) {
      std::fprintf(stderr, "a broken invariant after command %llu\n",
                   static_cast<unsigned long long>(sequence));
      return 3;
    }
    const Header header{static_cast<std::uint32_t>(sink.events().size()),
                        market.open_orders() | (market.has_work() ? has_work_bit : 0),
                        market.digest()};
    if (!write(&header, sizeof(header)) ||
        !write(sink.events().data(), sink.events().size() * sizeof(Event))) {
      std::fputs("cannot write to stdout\n", stderr);
      return 1;
    }
  }
  if (read != 0) {
    std::fprintf(stderr, "input ends inside the command after %llu\n",
                 static_cast<unsigned long long>(sequence));
    return 1;
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
