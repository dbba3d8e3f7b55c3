// Writes the packets of a seeded market to standard output, each behind its length in two bytes, so
// that programs that are not ours can read what we send.
//   feed_sample SEED COMMANDS
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "feed/mold_publisher.hpp"
#include "feed/support/fed_market.hpp"
#include "feed/support/random_commands.hpp"

namespace {

using namespace meridian;

void write_packet(void*, protocols::Bytes packet) noexcept {
  std::array<std::byte, 2> length{};
  protocols::store_big<2>(length.data(), packet.size());
  std::fwrite(length.data(), 1, length.size(), stdout);
  std::fwrite(packet.data(), 1, packet.size(), stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: feed_sample SEED COMMANDS\n", stderr);
    return 2;
  }
  const std::uint64_t seed = std::strtoull(arguments[1], nullptr, 10);
  const std::uint64_t commands = std::strtoull(arguments[2], nullptr, 10);
  std::vector<protocols::ItchStore::Slot> slots(1U << 16U);
  protocols::ItchStore store(slots);
  feed::MoldPublisher publisher(protocols::mold::Session::of("MERIDIAN1"), store,
                                {nullptr, write_packet});
  feed::FedMarket fed([&publisher](protocols::Bytes message) { publisher.put(message); });
  feed::RandomCommands stream(seed);
  for (std::uint64_t step = 0; step < commands; ++step) {
    fed.now_ns += 100'000;
    const wire::Command command =
        step == 0 ? feed::RandomCommands::configure() : stream.next(fed.now_ns / 1'000'000'000);
    for (const wire::Event& event : fed.apply(command)) {
      stream.take(event);
    }
    if (step % 4 == 0) {
      publisher.flush(fed.now_ns);
    }
  }
  publisher.tick(fed.now_ns);
  publisher.tick(fed.now_ns + feed::MoldPublisher::heartbeat_ns);
  fed.feed.end(fed.now_ns);
  publisher.end(fed.now_ns);
  return 0;
}
