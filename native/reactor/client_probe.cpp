// A process for the tests of shared-memory clients: one that behaves, or one that does not.
//   client_probe MODE SOCKET MARKET TOKEN_BYTE ACCOUNT [COUNT [SESSION]]
// What each mode does is said beside it. Prints one line when it has begun, and exits with 0 when
// all went as a good or a bad client may expect.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "client/market_client.hpp"

namespace {

using namespace meridian;
using client::ClientRegion;
using client::EndReason;
using client::Hello;
using client::MarketClient;
using client::Submitted;

constexpr std::uint64_t patience_ns = 10'000'000'000;

struct Setting {
  const char* socket;
  Hello hello;
  std::uint64_t count;
};

wire::Command order(wire::Side side, std::int32_t price, std::uint32_t tag) {
  wire::Command command{};
  command.kind = static_cast<std::uint8_t>(wire::CommandKind::place);
  command.side = static_cast<std::uint8_t>(side);
  command.price = price;
  command.quantity = 1;
  command.tag = tag;
  command.group = 9;
  return command;
}

void say(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

bool connect(MarketClient& client, const Setting& setting) {
  const auto refused = client.connect(setting.socket, setting.hello);
  if (refused) {
    std::printf("refused %u %s\n", static_cast<unsigned>(refused->refusal), refused->text.c_str());
  }
  return !refused;
}

// Waits until the reactor ends the connection; true when for this reason.
bool is_ended(const ClientRegion& region, EndReason reason) {
  for (int round = 0; round < 10'000; ++round) {
    if (const std::uint32_t ended = region.ended.load(); ended != 0) {
      return ended == static_cast<std::uint32_t>(reason);
    }
    usleep(1'000);
  }
  return false;
}

// Sends numbered orders, buys and sells in turn at one price, and checks that each is answered in
// order and each second one trades.
int flow(const Setting& setting) {
  MarketClient client;
  if (!connect(client, setting)) {
    return 1;
  }
  say("begun");
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t trades = 0;
  while (answered < setting.count) {
    while (sent < setting.count && sent - answered < 64) {
      wire::Command command = order(sent % 2 == 0 ? wire::Side::sell : wire::Side::buy, 100,
                                    static_cast<std::uint32_t>(sent));
      command.number = sent + 1;
      if (client.submit(command) != Submitted::yes) {
        break;
      }
      ++sent;
    }
    client.flush();
    client.wait(1'000'000);
    bool is_right = true;
    client.poll_events([&](const wire::Event& event) {
      is_right = is_right && event.tag == answered;
      trades += event.kind == static_cast<std::uint8_t>(wire::EventKind::executed) ? 1 : 0;
      answered += (event.flags & wire::event_is_last) != 0 ? 1 : 0;
    });
    if (!is_right || client.ended() != EndReason::none || client.is_peer_gone()) {
      return 1;
    }
  }
  client.close();
  return trades == setting.count / 2 ? 0 : 1;
}

// Sends numbered orders until the reactor's process is gone; prints how many were answered.
int until_killed(const Setting& setting) {
  MarketClient client;
  if (!connect(client, setting)) {
    return 1;
  }
  std::printf("begun %llu\n", static_cast<unsigned long long>(client.session()));
  std::fflush(stdout);
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  while (!client.is_peer_gone()) {
    while (sent - answered < 64) {
      wire::Command command = order(wire::Side::sell, 100, static_cast<std::uint32_t>(sent));
      command.number = sent + 1;
      if (client.submit(command) != Submitted::yes) {
        break;
      }
      ++sent;
    }
    client.flush();
    client.wait(100'000);
    client.poll_events([&](const wire::Event& event) {
      answered += (event.flags & wire::event_is_last) != 0 ? 1 : 0;
    });
  }
  std::printf("answered %llu\n", static_cast<unsigned long long>(answered));
  return 0;
}

// Sends the last 500 numbers up to COUNT again: each is answered by its first outcome.
int resend(const Setting& setting) {
  MarketClient client;
  if (!connect(client, setting)) {
    return 1;
  }
  std::uint64_t repeated = 0;
  std::uint64_t accepted = 0;
  for (std::uint64_t number = setting.count > 500 ? setting.count - 499 : 1;
       number <= setting.count; ++number) {
    wire::Command command = order(wire::Side::sell, 100, static_cast<std::uint32_t>(number));
    command.number = number;
    if (client.submit(command) != Submitted::yes) {
      return 1;
    }
    client.flush();
    for (bool is_answered = false; !is_answered;) {
      if (!client.wait(patience_ns)) {
        return 1;
      }
      client.poll_events([&](const wire::Event& event) {
        const auto kind = static_cast<wire::EventKind>(event.kind);
        repeated += kind == wire::EventKind::repeated ? 1 : 0;
        accepted += kind == wire::EventKind::accepted ? 1 : 0;
        is_answered = is_answered || (event.flags & wire::event_is_last) != 0;
      });
    }
  }
  std::printf("repeated %llu accepted %llu\n", static_cast<unsigned long long>(repeated),
              static_cast<unsigned long long>(accepted));
  client.close();
  return 0;
}

// Places COUNT orders, waits for their answers, and then waits to be killed.
int rest(const Setting& setting) {
  MarketClient client;
  if (!connect(client, setting)) {
    return 1;
  }
  std::uint64_t answered = 0;
  for (std::uint64_t sent = 0; sent < setting.count;) {
    const auto price = static_cast<std::int32_t>(200 + sent % 50);
    const Submitted submitted = client.submit(order(wire::Side::sell, price, 0));
    if (submitted == Submitted::ended) {
      return 1;
    }
    sent += submitted == Submitted::yes ? 1 : 0;
    client.flush();
    client.poll_events([&](const wire::Event& event) { answered += event.flags & 1U; });
  }
  while (answered < setting.count) {
    client.wait(patience_ns);
    client.poll_events([&](const wire::Event& event) { answered += event.flags & 1U; });
  }
  say("begun");
  for (;;) {
    pause();
  }
}

// The region as a process has it that goes its own way.
struct Raw {
  int socket = -1;
  int descriptor = -1;
  ClientRegion* region = nullptr;
  std::byte* commands = nullptr;
};

bool connect_raw(const Setting& setting, Raw& raw) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, setting.socket, sizeof(address.sun_path) - 1);
  raw.socket = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  client::Welcome welcome;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 2)> control{};
  iovec part{&welcome, sizeof(welcome)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::connect(raw.socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      send(raw.socket, &setting.hello, sizeof(setting.hello), 0) !=
          static_cast<ssize_t>(sizeof(setting.hello)) ||
      recvmsg(raw.socket, &message, 0) != static_cast<ssize_t>(sizeof(welcome)) ||
      welcome.refusal != 0) {
    return false;
  }
  std::memcpy(&raw.descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  void* memory =
      mmap(nullptr, welcome.region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, raw.descriptor, 0);
  if (memory == MAP_FAILED) {
    return false;
  }
  raw.region = static_cast<ClientRegion*>(memory);
  raw.commands = static_cast<std::byte*>(memory) + client::client_slots_offset;
  return true;
}

void wake(const Raw& raw) {
  const std::uint8_t message = client::message_wake;
  send(raw.socket, &message, 1, MSG_NOSIGNAL);
}

// Publishes one command as it stands.
void publish(const Raw& raw, const wire::Command& command) {
  std::memcpy(raw.commands, &command, sizeof(command));
  raw.region->commands.tail.store(1);
  wake(raw);
}

// Random slots and random cursors, until the reactor has enough.
int garbage(const Raw& raw, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uint32_t tail = 0;
  while (raw.region->ended.load() == 0) {
    for (std::uint32_t slot = 0; slot < 16; ++slot) {
      for (std::size_t at = 0; at < sizeof(wire::Command); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(raw.commands + slot * sizeof(wire::Command) + at, &word, sizeof(word));
      }
    }
    raw.region->commands.tail.store(random() % 8 == 0 ? static_cast<std::uint32_t>(random())
                                                      : ++tail);
    raw.region->events.head.store(static_cast<std::uint32_t>(random()));
    wake(raw);
  }
  return 0;
}

int misbehave(std::string_view mode, const Setting& setting) {
  Raw raw;
  if (!connect_raw(setting, raw)) {
    return 1;
  }
  say("begun");
  wire::Command command = order(wire::Side::sell, 100, 0);
  if (mode == "garbage") {
    return garbage(raw, setting.count);
  }
  if (mode == "wild-tail") {
    raw.region->commands.tail.store(0x7FFF'FFFF);
    wake(raw);
    return is_ended(*raw.region, EndReason::cursor_invalid) ? 0 : 1;
  }
  if (mode == "wild-head") {
    // Noticed when the ring looks full for the first time; until then it is not even read.
    raw.region->events.head.store(0x1234'5678);
    for (std::uint32_t tail = 1; raw.region->ended.load() == 0; ++tail) {
      std::memcpy(raw.commands + (tail - 1) % setting.hello.command_slots * sizeof(command),
                  &command, sizeof(command));
      raw.region->commands.tail.store(tail);
      wake(raw);
      while (raw.region->ended.load() == 0 && raw.region->commands.head.load() != tail) {
        usleep(10);
      }
    }
    return is_ended(*raw.region, EndReason::cursor_invalid) ? 0 : 1;
  }
  if (mode == "foreign-account") {
    command.account = setting.hello.account + 1;
    publish(raw, command);
    return is_ended(*raw.region, EndReason::account_foreign) ? 0 : 1;
  }
  if (mode == "foreign-session") {
    command.session = raw.region->session + 1;
    command.number = 1;
    publish(raw, command);
    return is_ended(*raw.region, EndReason::session_foreign) ? 0 : 1;
  }
  if (mode == "forbidden-kind") {
    command.kind = static_cast<std::uint8_t>(wire::CommandKind::kill);
    publish(raw, command);
    return is_ended(*raw.region, EndReason::kind_not_permitted) ? 0 : 1;
  }
  if (mode == "truncate") {
    // Sealed: neither shrinks nor grows, whatever is tried.
    const bool is_sealed = ftruncate(raw.descriptor, 0) != 0 &&
                           ftruncate(raw.descriptor, 1 << 28) != 0 &&
                           fcntl(raw.descriptor, F_ADD_SEALS, F_SEAL_WRITE) != 0;
    publish(raw, command);
    while (raw.region->events.tail.load() == 0) {
      usleep(1'000);
    }
    return is_sealed ? 0 : 1;
  }
  if (mode == "punch") {
    // The pages are gone for both sides, and come back empty when the reactor touches them.
    madvise(raw.region, 4096, MADV_REMOVE);
    const long gone = fallocate(raw.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                static_cast<off_t>(client::client_region_bytes(
                                    setting.hello.command_slots, setting.hello.event_slots)));
    return gone == 0 && is_ended(*raw.region, EndReason::region_damaged) ? 0 : 1;
  }
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  alarm(120);
  if (count < 6) {
    return 2;
  }
  const std::string_view mode = arguments[1];
  Setting setting{arguments[2], {}, count > 6 ? std::strtoull(arguments[6], nullptr, 10) : 0};
  std::strncpy(setting.hello.market.data(), arguments[3], setting.hello.market.size() - 1);
  setting.hello.token.fill(static_cast<std::byte>(std::strtoul(arguments[4], nullptr, 10)));
  setting.hello.account = static_cast<std::uint32_t>(std::strtoul(arguments[5], nullptr, 10));
  setting.hello.session = count > 7 ? std::strtoull(arguments[7], nullptr, 10) : 0;
  setting.hello.event_slots = 1024;
  setting.hello.command_slots = 64;
  if (mode == "flow") {
    return flow(setting);
  }
  if (mode == "until-killed") {
    return until_killed(setting);
  }
  if (mode == "resend") {
    return resend(setting);
  }
  if (mode == "rest") {
    setting.hello.cancel_scope = 9;
    return rest(setting);
  }
  return misbehave(mode, setting);
}
