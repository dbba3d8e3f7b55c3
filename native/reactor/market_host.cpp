// Hosts one market for shared-memory clients without Node: for benches, tests, and machines that
// have no more to do. Ends in order on SIGTERM and SIGINT; SIGUSR1 prints "at MATCHED DURABLE",
// SIGUSR2 turns measuring off or on again and prints "measuring 0" or "measuring 1".
//   market_host --directory DIR --socket PATH --market NAME --token HEX --account N
//     [--permissions N] [--processor N] [--spin-ns N] [--fifo PRIORITY] [--record-slots N]
// The token is for processes of the same user. Prints "ready MATCH_THREAD PLACED" when clients can
// connect (PLACED: reactor::placed_… bits), and "ended SEQUENCE DIGEST" when it ends.
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "journal/file_system.hpp"
#include "reactor/client_gateway.hpp"
#include "reactor/reactor.hpp"

namespace {

using namespace meridian;

struct Request {
  reactor::MarketOptions market;
  reactor::ReactorOptions reactor;
  reactor::ClientGrant grant;
  std::string name;
  std::string socket;
};

bool read_token(std::string_view text, std::array<std::byte, client::token_bytes>& token) {
  if (text.size() != 2 * token.size()) {
    return false;
  }
  for (std::size_t at = 0; at < token.size(); ++at) {
    const std::string digits(text.substr(2 * at, 2));
    char* end = nullptr;
    token[at] = static_cast<std::byte>(std::strtoul(digits.c_str(), &end, 16));
    if (*end != '\0') {
      return false;
    }
  }
  return true;
}

bool read_request(int count, char** arguments, Request& request) {
  request.grant.user = getuid();
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view word = arguments[at];
    const char* text = arguments[at + 1];
    const std::uint64_t number = std::strtoull(text, nullptr, 10);
    if (word == "--directory") {
      request.market.directory = text;
    } else if (word == "--socket") {
      request.socket = text;
    } else if (word == "--market") {
      request.name = text;
    } else if (word == "--token") {
      if (!read_token(text, request.grant.token)) {
        return false;
      }
    } else if (word == "--account") {
      request.grant.account = static_cast<std::uint32_t>(number);
    } else if (word == "--permissions") {
      request.grant.permissions = static_cast<std::uint32_t>(number);
    } else if (word == "--processor") {
      request.reactor.processor = static_cast<unsigned>(number);
    } else if (word == "--spin-ns") {
      request.reactor.spin_ns = number;
    } else if (word == "--fifo") {
      request.reactor.fifo_priority = static_cast<int>(number);
    } else if (word == "--record-slots") {
      request.market.record_slots = static_cast<std::uint32_t>(number);
    } else {
      return false;
    }
  }
  return count % 2 == 1 && !request.market.directory.empty() && !request.socket.empty() &&
         !request.name.empty() && request.grant.account != 0;
}

int fail(const std::string& reason) {
  std::fprintf(stderr, "market_host: %s\n", reason.c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  Request request;
  if (!read_request(count, arguments, request)) {
    std::fputs(
        "usage: market_host --directory DIR --socket PATH --market NAME --token HEX --account N "
        "[--permissions N] [--processor N] [--spin-ns N] [--fifo PRIORITY] [--record-slots N]\n",
        stderr);
    return 2;
  }
  // Before any thread is made, so that all of them leave the signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  int error = 0;
  const rings::SharedRegion memory = rings::SharedRegion::create(
      "meridian-reactor", sizeof(reactor::ReactorRegion), error, rings::Writers::maker);
  if (error != 0) {
    return fail(std::string("no memory for the reactor: ") + std::strerror(error));
  }
  auto* region = new (memory.memory().data()) reactor::ReactorRegion{};
  reactor::Reactor match(request.reactor, *region);
  journal::PosixFileSystem files;
  std::string reason;
  const auto market = reactor::HostedMarket::open(
      files, request.market, match.thread(), [](void* /*context*/) noexcept {}, nullptr, reason);
  if (market == nullptr) {
    return fail(reason);
  }
  // The owner of the market has nobody to tell.
  market->discard_events();
  match.add(*market);
  const auto gateway = reactor::ClientGateway::open(match, {request.socket, &memory}, reason);
  if (gateway == nullptr) {
    match.remove(*market);
    return fail(reason);
  }
  gateway->grant(request.grant);
  gateway->add(request.name, *market);
  std::printf("ready %d %u\n", match.thread_id(), region->placed.load());
  std::fflush(stdout);
  bool measures = true;
  for (int signal = 0;
       sigwait(&signals, &signal) == 0 && (signal == SIGUSR1 || signal == SIGUSR2);) {
    if (signal == SIGUSR2) {
      measures = !measures;
      market->set_measuring(measures);
      std::printf("measuring %d\n", measures ? 1 : 0);
    } else {
      const reactor::MarketRegion& at = market->region();
      std::printf("at %.0f %.0f\n", at.matched.load(), at.journal.durable.load());
    }
    std::fflush(stdout);
  }
  gateway->remove(*market);
  match.remove(*market);
  std::printf("ended %llu %016llx\n", static_cast<unsigned long long>(market->idle_sequence()),
              static_cast<unsigned long long>(market->idle_engine().digest()));
  return 0;
}
