// Shared-memory clients inside the process of the reactor; client_process_test.cpp has those in
// processes of their own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/market_client.hpp"
#include "reactor/client_gateway.hpp"
#include "reactor/client_test_support.hpp"

namespace meridian::reactor {
namespace {

using client::ConnectRefusal;
using client::EndReason;
using client::Hello;
using client::MarketClient;
using client::Submitted;
using wire::EventKind;

class ClientTest : public ClientFixture {};

TEST_F(ClientTest, TurnsAnOrderOfOneClientAndOneOfAnotherIntoATradeBothAreTold) {
  MarketClient seller = connect(7);
  MarketClient buyer = connect(8);
  send(seller, place_command(wire::Side::sell, 100, 5, 71));
  const auto accepted = events_of(seller, 1);
  EXPECT_EQ(accepted[0].kind, kind(EventKind::accepted));
  EXPECT_EQ(accepted[0].tag, 71U);
  send(buyer, place_command(wire::Side::buy, 101, 3, 81));

  const auto bought = events_until_last(buyer);
  const auto fill = std::ranges::find(bought, kind(EventKind::executed), &wire::Event::kind);
  ASSERT_NE(fill, bought.end());
  EXPECT_EQ(fill->account, 8U);
  EXPECT_EQ(fill->quantity, 3U);
  EXPECT_EQ(fill->tag, 81U);
  EXPECT_EQ(fill->flags & wire::event_is_foreign, 0);
  EXPECT_EQ(fill->other_price, 0) << "who sold is nobody's business";

  events_until_last(seller, 1);  // of its own order: accepted, touch
  const auto sold = events_until_last(seller);
  ASSERT_EQ(sold.size(), 1U) << "what concerns its account, and nothing else";
  EXPECT_EQ(sold[0].kind, kind(EventKind::executed));
  EXPECT_EQ(sold[0].flags, wire::event_is_last | wire::event_is_foreign);
  EXPECT_EQ(sold[0].tag, 0U) << "the tag is the buyer's";
  EXPECT_EQ(sold[0].account, 0U) << "who bought is nobody's business";
  EXPECT_EQ(sold[0].other_price, 7);
  EXPECT_EQ(sold[0].other_order_id, accepted[0].order_id);
}

TEST_F(ClientTest, GivesASubscriberOfTheStreamEveryEventWithEveryAccount) {
  MarketClient watcher = connect(9, client::permission::stream);
  MarketClient seller = connect(7);
  MarketClient buyer = connect(8);
  send(seller, place_command(wire::Side::sell, 100, 5));
  events_until_last(seller);
  send(buyer, place_command(wire::Side::buy, 101, 3));
  events_until_last(buyer);
  const auto first = events_until_last(watcher);
  const auto second = events_until_last(watcher);
  ASSERT_EQ(first.size(), 2U) << "accepted, touch";
  ASSERT_EQ(second.size(), 3U) << "accepted, executed, touch";
  EXPECT_EQ(second[1].account, 8U);
  EXPECT_EQ(second[1].other_price, 7);
  for (std::uint32_t index = 0; index < second.size(); ++index) {
    EXPECT_EQ(second[index].index, index);
  }
}

TEST_F(ClientTest, ServesManyClientsInTurnAndAnswersEachInItsOrder) {
  constexpr std::uint32_t orders = 2'000;
  std::vector<MarketClient> clients;
  for (std::uint32_t account = 1; account <= 20; ++account) {
    clients.push_back(connect(account));
  }
  std::vector<std::uint32_t> sent(clients.size());
  std::vector<std::uint32_t> answered(clients.size());
  std::uint32_t done = 0;
  while (done < clients.size()) {
    done = 0;
    for (std::size_t at = 0; at < clients.size(); ++at) {
      MarketClient& client = clients[at];
      ASSERT_EQ(client.ended(), EndReason::none) << at;
      while (sent[at] < orders) {
        wire::Command command = place_command(
            (sent[at] + at) % 2 == 0 ? wire::Side::sell : wire::Side::buy, 100, 1, sent[at]);
        command.account = 0;
        if (client.submit(command) != Submitted::yes) {
          break;
        }
        ++sent[at];
      }
      client.flush();
      client.poll_events([&](const wire::Event& event) {
        if ((event.flags & wire::event_is_foreign) != 0) {
          return;
        }
        EXPECT_EQ(event.tag, answered[at]);
        answered[at] += event.flags & 1U;
      });
      done += answered[at] == orders ? 1U : 0U;
    }
  }
  wait_for([&] { return market().region().matched.load() == 20 * orders + 1; });
}

TEST_F(ClientTest, EndsAClientThatReadsTooSlowlyAndHoldsUpNobodyElse) {
  Hello slow = hello_of(7);
  slow.event_slots = 64;
  MarketClient deaf = connect(slow);
  MarketClient other = connect(8);
  for (int order = 0; order < 100; ++order) {
    send(deaf, place_command(wire::Side::sell, 100, 1));
    events_until_last(deaf);
  }
  EXPECT_EQ(deaf.ended(), EndReason::none);
  // From here on it reads nothing, and each of its orders trades.
  for (int order = 0; order < 100; ++order) {
    send(other, place_command(wire::Side::buy, 100, 1));
    events_until_last(other);
  }
  EXPECT_EQ(deaf.ended(), EndReason::event_ring_full);
  EXPECT_EQ(deaf.submit(place_command(wire::Side::sell, 100, 1)), Submitted::ended);
  wait_for([&] { return ended(EndReason::event_ring_full) == 1; });
}

TEST_F(ClientTest, HoldsTheCommandsOfAClientWithoutRoomForEventsAndTakesThemLater) {
  Hello small = hello_of(7);
  small.event_slots = 16;
  small.command_slots = 64;
  MarketClient client = connect(small);
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  while (client.submit(place_command(wire::Side::sell, 100, 1, sent)) == Submitted::yes) {
    ++sent;
  }
  EXPECT_EQ(sent, 64U);
  EXPECT_EQ(client.ring_full_count(), 1U);
  client.flush();
  wait_parked();  // blocked: everything waits for this client to read
  EXPECT_EQ(client.ended(), EndReason::none) << "its own commands never overrun its ring";
  while (answered < sent) {
    client.wait(1'000'000);
    client.poll_events([&](const wire::Event& event) { answered += event.flags & 1U; }, 3);
    ASSERT_EQ(client.ended(), EndReason::none);
  }
}

TEST_F(ClientTest, CancelsTheOrdersOfAGroupWhenItsClientGoes) {
  Hello hello = hello_of(7);
  hello.cancel_scope = 9;
  MarketClient watcher = connect(9, client::permission::stream);
  MarketClient client = connect(hello);
  for (std::uint32_t order = 0; order < 300; ++order) {
    wire::Command command = place_command(wire::Side::sell, 100 + order % 7, 1, order);
    command.group = order % 3 == 0 ? 0 : 9;
    send(client, command);
    events_until_last(client);
  }
  client.close();
  // 200 of 300 go, in steps of work: the reactor ticks until all is done.
  std::uint32_t canceled = 0;
  wait_for([&] {
    watcher.poll_events([&](const wire::Event& event) {
      canceled += event.kind == kind(EventKind::canceled) ? 1U : 0U;
    });
    return canceled == 200;
  });
  wait_for([this] { return ended(EndReason::closed) == 1; });  // counted after the last of it
  finish();
  EXPECT_EQ(market().idle_engine().open_orders(), 100U);
}

TEST_F(ClientTest, CancelsMoreClientsAtOnceThanSweepsCanWait) {
  {
    std::vector<MarketClient> clients;
    for (std::uint32_t account = 1; account <= 40; ++account) {
      Hello hello = hello_of(account);
      hello.cancel_scope = client::cancel_scope::account;
      clients.push_back(connect(hello));
      for (int order = 0; order < 100; ++order) {
        send(clients.back(), place_command(wire::Side::sell, 100, 1));
        events_until_last(clients.back());
      }
    }
  }
  wait_for([&] { return ended(EndReason::died) == 40; });
  wait_for([&] { return market().region().resting_orders.load() == 0; });
}

TEST_F(ClientTest, JournalsWhatClientsSentSoThatAReplayGivesTheSameBook) {
  std::vector<MarketClient> clients;
  for (std::uint32_t account = 1; account <= 5; ++account) {
    clients.push_back(connect(account));
  }
  for (std::uint32_t order = 0; order < 2'000; ++order) {
    MarketClient& client = clients[order % clients.size()];
    wire::Command command =
        place_command(order % 2 == 0 ? wire::Side::buy : wire::Side::sell, 95 + order % 10, 3);
    command.account = 0;
    command.number = order + 1;
    send(client, command);
    events_until_last(client);
  }
  wait_for([&] { return market().region().matched.load() == 2'001; });
  clients.clear();
  finish();
  const std::uint64_t digest = market().idle_engine().digest();
  const std::uint64_t sequence = market().idle_sequence();
  EXPECT_EQ(sequence, 2'001U);
  reopen();
  EXPECT_EQ(market().idle_engine().digest(), digest);
  EXPECT_EQ(market().idle_sequence(), sequence);
}

TEST_F(ClientTest, AnswersAResendOfAResumedSessionWithItsFirstOutcome) {
  std::uint64_t session = 0;
  {
    MarketClient client = connect(7);
    session = client.session();
    EXPECT_NE(session, 0U);
    wire::Command command = place_command(wire::Side::sell, 100, 1);
    command.number = 1;
    send(client, command);
    events_until_last(client);
  }
  Hello hello = hello_of(7);
  hello.session = session;
  MarketClient client = connect(hello);
  EXPECT_EQ(client.session(), session);
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::session_in_use);
  wire::Command command = place_command(wire::Side::sell, 100, 1);
  command.number = 1;
  send(client, command);
  EXPECT_EQ(events_until_last(client)[0].kind, kind(EventKind::repeated));
}

TEST_F(ClientTest, RefusesAConnectionAndSaysWhy) {
  Hello hello = hello_of(7);
  hello.token.fill(std::byte{99});
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::credentials_refused);
  hello = hello_of(7);
  hello.permissions = client::permission::administer;
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::credentials_refused);
  hello = hello_of(7);
  std::ranges::copy("NOWHERE", hello.market.begin());
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::market_unknown);
  hello = hello_of(7);
  hello.event_slots = 100;
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::request_invalid);
  hello = hello_of(7);
  hello.version = 77;
  EXPECT_EQ(refusal_of(hello), ConnectRefusal::version_unknown);
  MarketClient client;
  const auto refused = client.connect("/nowhere/at-all", hello_of(7));
  EXPECT_EQ(refused.value_or(MarketClient::Refused{}).refusal, ConnectRefusal::unreachable);
  EXPECT_FALSE(client.is_connected());
  EXPECT_EQ(this->refused(ConnectRefusal::credentials_refused), 2U);
}

TEST_F(ClientTest, RefusesTheSixtyFifthClient) {
  std::vector<MarketClient> clients;
  clients.reserve(most_clients);
  for (std::uint32_t count = 0; count < most_clients; ++count) {
    clients.push_back(connect(7));
  }
  EXPECT_EQ(refusal_of(hello_of(7)), ConnectRefusal::clients_full);
  clients.back().close();
  wait_for([&] { return refusal_of(hello_of(7)) == ConnectRefusal::none; });
}

TEST_F(ClientTest, RefusesAUserWithoutAGrant) {
  ClientGrant grant = grant_of(77);
  grant.user = getuid() + 1;
  gateway().grant(grant);
  EXPECT_EQ(refusal_of(hello_of(77)), ConnectRefusal::credentials_refused);
  grant.user = getuid();
  gateway().grant(grant);
  EXPECT_EQ(refusal_of(hello_of(77)), ConnectRefusal::none);
  gateway().revoke(grant.token);
  EXPECT_EQ(refusal_of(hello_of(77)), ConnectRefusal::credentials_refused);
}

TEST_F(ClientTest, ShowsADurableMarketsEventsOnlyWhenTheirRecordsAreDurable) {
  configure(wire::DurabilityMode::durable);
  MarketClient client = connect(7);
  send(client, place_command(wire::Side::sell, 100, 1));
  const auto events = events_until_last(client);
  EXPECT_GE(market().region().journal.durable.load(), static_cast<double>(events.front().sequence));
  // From here on the disk takes nothing.
  files().write_error = -ENOSPC;
  files().good_writes = 0;
  configure(wire::DurabilityMode::durable);
  wait_for([&] { return market().region().journal.failed.load() == 1; });
  send(client, place_command(wire::Side::sell, 100, 1));
  EXPECT_FALSE(client.wait(100'000'000));
}

TEST_F(ClientTest, ShowsAReplicatedMarketsEventsOnlyWhenTheyAreCommitted) {
  configure(wire::DurabilityMode::replicated);
  MarketClient client = connect(7);
  send(client, place_command(wire::Side::sell, 100, 1));
  wait_for([&] { return market().region().matched.load() == 3; });
  EXPECT_FALSE(client.wait(50'000'000));
  commit(2);
  EXPECT_FALSE(client.wait(50'000'000));
  commit(3);
  EXPECT_EQ(events_until_last(client).front().sequence, 3U);
}

TEST_F(ClientTest, TakesNothingFromAClientOnceTheLeaseHasLapsed) {
  MarketClient client = connect(7);
  lease_until(1);
  wait_parked();
  send(client, place_command(wire::Side::sell, 100, 1));
  EXPECT_FALSE(client.wait(50'000'000));
  EXPECT_EQ(client.waiting(), 1U);
  lease_until(static_cast<double>(monotonic_ns()) + 60e9);
  EXPECT_EQ(events_until_last(client).front().kind, kind(EventKind::accepted));
}

TEST_F(ClientTest, A5_4_TakesCancelsBeforeTheOrdersOfEverybodyElse) {
  std::vector<MarketClient> flood;
  for (std::uint32_t account = 10; account < 20; ++account) {
    flood.push_back(connect(account));
  }
  MarketClient leaver = connect(7);
  for (int round = 0; round < 5; ++round) {
    send(leaver, place_command(wire::Side::sell, 100, 1));
    const std::uint64_t order_id = events_until_last(leaver).front().order_id;
    lease_until(1);
    wait_parked();  // its last turn under the lease is over
    for (MarketClient& one : flood) {
      for (int order = 0; order < 50; ++order) {
        wire::Command command = place_command(wire::Side::sell, 200, 1);
        command.account = one.account();
        ASSERT_EQ(one.submit(command), Submitted::yes);
      }
      one.flush();
    }
    wire::Command cancel{};
    cancel.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
    cancel.order_id = order_id;
    const auto matched = static_cast<std::uint64_t>(market().region().matched.load());
    send(leaver, cancel);
    lease_until(static_cast<double>(monotonic_ns()) + 60e9);
    EXPECT_EQ(events_until_last(leaver).front().sequence, matched + 1);
    wait_for(
        [&] { return market().region().matched.load() == static_cast<double>(matched + 501); });
  }
}

TEST_F(ClientTest, A5_4_TakesCancelsWhenTooMuchIsUnsafeForOrders) {
  MarketClient client = connect(7);
  send(client, place_command(wire::Side::sell, 100, 1));
  const std::uint64_t order_id = events_until_last(client).front().order_id;
  commit(market().region().matched.load());
  configure(wire::DurabilityMode::replicated);
  flood_of_owner(unsafe_window);
  send(client, place_command(wire::Side::sell, 101, 1));
  EXPECT_FALSE(client.wait(50'000'000));
  EXPECT_EQ(client.waiting(), 1U);
  MarketClient second = connect(7);
  wire::Command cancel{};
  cancel.kind = static_cast<std::uint8_t>(wire::CommandKind::cancel);
  cancel.order_id = order_id;
  send(second, cancel);
  wait_for([&] { return second.waiting() == 0; });
  EXPECT_EQ(client.waiting(), 1U);
  commit(market().region().matched.load());
  EXPECT_EQ(events_until_last(second).front().kind, kind(EventKind::canceled));
  wait_for([&] { return client.waiting() == 0; });
}

TEST_F(ClientTest, SleepsWithoutALeaseAndCancelsForThoseWhoLeftWhenThereIsOne) {
  MarketClient survivor = connect(8);
  client::Hello hello = hello_of(7);
  hello.cancel_scope = client::cancel_scope::account;
  MarketClient leaver = connect(hello);
  send(leaver, place_command(wire::Side::sell, 100, 1));
  events_until_last(leaver);
  lease_until(1);
  wait_parked();
  leaver.close();
  send(survivor, place_command(wire::Side::sell, 101, 1));
  wait_for([&] { return ended(client::EndReason::closed) == 1; });
  const double matched = market().region().matched.load();
  wait_parked();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(parked(), 0U) << "who may do nothing does not look for work";
  EXPECT_EQ(market().region().matched.load(), matched);
  lease_until(static_cast<double>(monotonic_ns()) + 60e9);
  wait_for([&] { return market().region().matched.load() >= matched + 2; });
  wait_for([&] { return market().region().resting_orders.load() == 1; });
}

TEST_F(ClientTest, B9_4_TakesNothingOfDismissedClientsAndCancelsNothingOfThem) {
  client::Hello hello = hello_of(7);
  hello.cancel_scope = client::cancel_scope::account;
  MarketClient client = connect(hello);
  send(client, place_command(wire::Side::sell, 100, 1));
  events_until_last(client);
  lease_until(1);
  wait_parked();
  send(client, place_command(wire::Side::sell, 101, 1));
  const double matched = market().region().matched.load();
  dismiss();
  EXPECT_EQ(client.ended(), client::EndReason::market_closed);
  EXPECT_EQ(refusal_of(hello), client::ConnectRefusal::market_unknown);
  lease_until(static_cast<double>(monotonic_ns()) + 60e9);
  admit();
  admit();
  MarketClient again = connect(hello);
  send(again, place_command(wire::Side::sell, 102, 1));
  EXPECT_EQ(events_until_last(again).front().price, 102);
  EXPECT_EQ(market().region().matched.load(), matched + 1);
  EXPECT_EQ(market().region().resting_orders.load(), 2U);
  dismiss();
  EXPECT_EQ(again.ended(), client::EndReason::market_closed);
}

TEST_F(ClientTest, WakesAReactorThatSleeps) {
  MarketClient client = connect(7);
  for (int round = 0; round < 20; ++round) {
    wait_parked();
    send(client, place_command(wire::Side::sell, 100, 1));
    events_until_last(client);
  }
  EXPECT_GE(gateway().counters().wakes.load(), 1U);
}

TEST_F(ClientTest, HasWorkWhileAClientWithWildCursorsIsNotYetEnded) {
  ClientTerms terms;
  terms.account = 7;
  terms.event_slots = 16;
  int error = 0;
  for (const bool is_tail : {true, false}) {
    const auto port = ClientPort::create(terms, error);
    ASSERT_NE(port, nullptr);
    auto* region = reinterpret_cast<client::ClientRegion*>(port->memory().memory().data());
    EXPECT_FALSE(port->has_commands_ordered());
    EXPECT_FALSE(port->is_blocked());
    region->commands.tail.store(is_tail ? 0x7FFF'FFFF : 1);
    if (!is_tail) {
      region->events.head.store(0x1234'5678);
    }
    // The match thread may see them for the first time while it parks: it stays awake for them.
    EXPECT_TRUE(port->has_commands_ordered());
    EXPECT_TRUE(port->is_blocked());
    EXPECT_TRUE(port->can_work_ordered());
    EXPECT_FALSE(port->has_command());
    EXPECT_EQ(port->end_reason(), EndReason::cursor_invalid);
  }
}

TEST_F(ClientTest, LetsOrderEntryInThisProcessSpeakForItsMembers) {
  ClientTerms terms;
  terms.account = 39;
  terms.session = 1;
  terms.permissions = client::permission::speak_for_others | client::permission::stream;
  int error = 0;
  const auto port = ClientPort::create(terms, error);
  ASSERT_NE(port, nullptr);
  ASSERT_TRUE(attach(*port));
  auto* region = reinterpret_cast<client::ClientRegion*>(port->memory().memory().data());
  auto* slots = reinterpret_cast<wire::Command*>(port->memory().memory().data() +
                                                 client::client_slots_offset);
  rings::RingWriter<wire::Command> commands(region->commands, slots, terms.command_slots);
  rings::RingReader<wire::Event> events(region->events,
                                        reinterpret_cast<wire::Event*>(slots + terms.command_slots),
                                        terms.event_slots);
  for (std::uint32_t member = 1; member <= 3; ++member) {
    wire::Command command = place_command(wire::Side::sell, 100, 1, member);
    command.account = member;
    command.session = 500 + member;
    command.number = 1;
    *commands.next() = command;
  }
  commands.publish_ordered();
  wake();
  std::uint32_t accepted = 0;
  wait_for([&] {
    for (; events.available_ordered() > 0; events.advance(1)) {
      const wire::Event event = events.at(0);
      accepted += event.kind == kind(EventKind::accepted) && event.account == event.tag ? 1U : 0U;
    }
    return accepted == 3;
  });
  EXPECT_EQ(port->counters().commands.load(), 3U);
  detach(*port);
}

TEST_F(ClientTest, ConfinesAnOrdinaryClientToOrdersAndLetsAnAdministratorDoTheRest) {
  MarketClient client = connect(7);
  EXPECT_EQ(client.submit(configure_command()), Submitted::not_permitted);
  MarketClient administrator = connect(1, client::permission::administer);
  wire::Command kill{};
  kill.kind = static_cast<std::uint8_t>(wire::CommandKind::kill);
  kill.account = 7;
  send(administrator, kill);
  EXPECT_EQ(events_until_last(client).front().kind, kind(EventKind::killed));
}

}  // namespace
}  // namespace meridian::reactor
