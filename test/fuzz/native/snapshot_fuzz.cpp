// Bytes as a saved state with the right checksum and digest: whoever makes them up gets a refusal,
// or a market that keeps every invariant and takes commands without harm to the process. That
// commands could have led to such a state is more than anybody can check.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "engine/byte_stream.hpp"
#include "input.hpp"
#include "observed_market.hpp"

namespace {

using meridian::engine::LazyMemory;
using meridian::engine::Market;

struct Sink {
  meridian::wire::Event event{};
  meridian::wire::Event& next() { return event; }
  void finish() {}
};

// The first byte says how many of the last bytes are commands.
constexpr std::size_t most_commands = 16;

void put_last(std::vector<std::byte>& bytes, std::uint64_t value) {
  for (unsigned byte = 0; byte < 8; ++byte) {
    bytes[bytes.size() - 8 + byte] = static_cast<std::byte>(value >> (8 * byte) & 0xFF);
  }
}

std::vector<std::byte> with_checksum(std::vector<std::byte> state) {
  std::uint64_t checksum = meridian::engine::empty_checksum;
  for (const std::byte byte : state) {
    checksum = meridian::engine::add_to_checksum(checksum, byte);
  }
  state.resize(state.size() + sizeof(checksum));
  put_last(state, checksum);
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LazyMemory memory(Market::arena_bytes());
  if (size == 0) {
    return 0;
  }
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size)).subspan(1);
  const std::size_t wanted = data[0] % most_commands;
  const std::size_t commands = std::min(wanted, input.size() / sizeof(meridian::wire::Command));
  const auto tail = input.last(commands * sizeof(meridian::wire::Command));
  std::vector<std::byte> state(input.begin(),
                               input.end() - static_cast<std::ptrdiff_t>(tail.size()));
  if (state.size() < sizeof(std::uint64_t)) {
    return 0;
  }
  const std::span<std::byte> bytes = memory.bytes();
  const auto renew = [bytes] {
    meridian::fuzz::expect(madvise(bytes.data(), bytes.size(), MADV_DONTNEED) == 0, "memory");
  };
  renew();
  {
    // Who makes up a state makes up its digest as well: it is the one that comes out.
    Market first(bytes);
    if (!first.restore(with_checksum(state))) {
      put_last(state, first.digest());
    }
  }
  renew();
  Market market(bytes);
  if (!market.restore(with_checksum(state))) {
    return 0;
  }
  meridian::fuzz::expect(market.verify(), "a restored state keeps the invariants");
  std::vector<std::byte> again(market.saved_bytes());
  meridian::fuzz::expect(market.save(again) == again.size(), "a restored state can be saved");
  Sink sink;
  for (std::size_t number = 0; number < commands; ++number) {
    meridian::wire::Command command;
    std::memcpy(&command, tail.data() + number * sizeof(command), sizeof(command));
    // Far behind everything that the state remembers.
    const std::uint64_t sequence = (std::uint64_t{1} << 52) + number;
    market.apply(command, sequence, std::uint64_t{1} << 62, sink);
  }
  return 0;
}
