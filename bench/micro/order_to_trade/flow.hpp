// The three ways in which orders are sent: one at a time, at a fixed rate, as fast as they go.
#pragma once
#include <cstdint>
#include <span>

#include "client/market_client.hpp"
#include "micro/machine.hpp"
#include "micro/order_to_trade/echo.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::bench {

// What came back, to be compared with what the recording says.
struct Answers {
  std::uint64_t commands = 0;
  std::uint64_t events = 0;
  std::uint64_t trades = 0;

  void take(const wire::Event& event) {
    ++events;
    commands += event.flags & wire::event_is_last;
    trades += event.kind == static_cast<std::uint8_t>(wire::EventKind::executed) ? 1U : 0U;
  }
};

// Waits for an order's last event before the next one is sent.
class ClosedLoop {
 public:
  Histogram all;     // order in → its last event seen, in ticks
  Histogram trades;  // the same of orders that traded

  // Sends until `end_ticks`, or until there is nothing left. Returns how many were sent.
  std::size_t run(client::MarketClient& client, std::span<const wire::Command> commands,
                  std::uint64_t end_ticks, std::uint64_t overhead, Answers& answers) {
    std::size_t sent = 0;
    for (; sent < commands.size(); ++sent) {
      const std::uint64_t due = answers.commands + 1;
      const std::uint64_t trades_before = answers.trades;
      const std::uint64_t begin = ticks();
      if (begin >= end_ticks || client.submit(commands[sent]) != client::Submitted::yes) {
        return sent;
      }
      client.flush();
      while (answers.commands < due) {
        client.poll_events([&answers](const wire::Event& event) { answers.take(event); });
      }
      const std::uint64_t end = ticks();
      const std::uint64_t took = end - begin - overhead;
      all.add(took);
      if (answers.trades != trades_before) {
        trades.add(took);
      }
    }
    return sent;
  }
};

// Sends at a fixed rate, whatever comes back. Latency counts from when the order was meant to be
// sent, so an order that had to wait for a late sender or a late engine waits on the record as
// well.
class OpenLoop {
 public:
  Histogram all;
  std::uint64_t ring_full = 0;  // times the ring had no room when an order was due

  // False when the engine ended the connection.
  bool run(client::MarketClient& client, std::span<const wire::Command> commands,
           double ticks_per_order, Answers& answers) {
    const std::uint64_t first_answer = answers.commands;
    const std::uint64_t start = ticks() + static_cast<std::uint64_t>(10 * ticks_per_order);
    const auto due = [start, ticks_per_order](std::uint64_t order) {
      return start + static_cast<std::uint64_t>(static_cast<double>(order) * ticks_per_order);
    };
    std::size_t sent = 0;
    std::uint64_t answered = 0;
    while (answered < commands.size()) {
      if (sent < commands.size() && __rdtsc() >= due(sent)) {
        const client::Submitted submitted = client.submit(commands[sent]);
        if (submitted == client::Submitted::yes) {
          client.flush();
          ++sent;
        } else if (submitted == client::Submitted::ring_full) {
          ++ring_full;
        } else {
          return false;
        }
      }
      if (client.poll_events([&answers](const wire::Event& event) { answers.take(event); }, 64) ==
          0) {
        continue;
      }
      for (const std::uint64_t now = ticks(); answered < answers.commands - first_answer;
           ++answered) {
        all.add(now > due(answered) ? now - due(answered) : 0);
      }
    }
    return true;
  }
};

// Keeps the ring full. False when the engine ended the connection.
inline bool send_all(client::MarketClient& client, std::span<const wire::Command> commands,
                     Answers& answers) {
  const std::uint64_t due = answers.commands + commands.size();
  std::size_t sent = 0;
  while (answers.commands < due) {
    for (std::uint32_t burst = 0; burst < 64 && sent < commands.size(); ++burst) {
      const client::Submitted submitted = client.submit(commands[sent]);
      if (submitted == client::Submitted::ring_full) {
        break;
      }
      if (submitted != client::Submitted::yes) {
        return false;
      }
      ++sent;
    }
    client.flush();
    client.poll_events([&answers](const wire::Event& event) { answers.take(event); }, 256);
  }
  return true;
}

// One command at a time through the empty rings.
inline std::uint64_t echo_burst(Echo& echo, const wire::Command& command, std::uint64_t end_ticks,
                                std::uint64_t overhead, Histogram& into) {
  std::uint64_t count = 0;
  for (std::uint64_t begin = ticks(); begin < end_ticks; begin = ticks()) {
    echo.round_trip(command);
    into.add(ticks() - begin - overhead);
    ++count;
  }
  return count;
}

// Gaps of a loop that does nothing but read the clock, in ticks; those below a microsecond are the
// loop itself.
inline void idle_spin(std::uint64_t end_ticks, std::uint64_t smallest, Histogram& into) {
  for (std::uint64_t before = ticks(); before < end_ticks;) {
    const std::uint64_t now = ticks();
    if (now - before >= smallest) {
      into.add(now - before);
    }
    before = now;
  }
}

}  // namespace meridian::bench
