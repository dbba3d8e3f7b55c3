// Shared-memory clients in processes of their own: good ones, dead ones and bad ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "client/market_client.hpp"
#include "reactor/client_test_support.hpp"

namespace meridian::reactor {
namespace {

using client::EndReason;
using client::MarketClient;

// A program that was started, with what it prints.
class Program {
 public:
  explicit Program(std::vector<std::string> words) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    process_ = fork();
    if (process_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (process_ > 0) {
      end(SIGKILL);
    }
    std::fclose(output_);
  }

  // The next line it prints; empty when it has ended.
  std::string line() {
    std::array<char, 256> text{};
    if (std::fgets(text.data(), static_cast<int>(text.size()), output_) == nullptr) {
      return "";
    }
    std::string found = text.data();
    found.pop_back();
    return found;
  }
  void end(int signal) {
    kill(process_, signal);
    exit_code();
  }
  [[nodiscard]] pid_t process() const { return process_; }
  // Waits for its end.
  int exit_code() {
    int status = -1;
    waitpid(std::exchange(process_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
};

class ClientProcessTest : public ClientFixture {
 protected:
  std::vector<std::string> probe(const std::string& mode, std::uint32_t account,
                                 std::uint64_t count = 0) {
    return {MERIDIAN_CLIENT_PROBE,   mode,
            gateway().path(),        market_name,
            std::to_string(account), std::to_string(account),
            std::to_string(count)};
  }
  // A bad client is ended, and a good one is served while and after it is.
  void expect_harmless(const std::string& mode, std::uint64_t count = 0) {
    MarketClient good = connect(8);
    Program bad(probe(mode, 7, count));
    EXPECT_EQ(bad.line(), "begun");
    for (int round = 0; round < 200; ++round) {
      send(good, place_command(wire::Side::buy, 50, 1));
      events_until_last(good);
    }
    EXPECT_EQ(bad.exit_code(), 0) << mode;
    send(good, place_command(wire::Side::buy, 50, 1));
    events_until_last(good);
    EXPECT_EQ(good.ended(), EndReason::none);
    good.close();
    finish();
    EXPECT_TRUE(market().idle_engine().verify());
  }
};

TEST_F(ClientProcessTest, TradesForAnotherProcess) {
  Program program(probe("flow", 7, 20'000));
  EXPECT_EQ(program.line(), "begun");
  EXPECT_EQ(program.exit_code(), 0);
  wait_for([&] { return ended(EndReason::closed) == 1; });
  finish();
  EXPECT_EQ(market().idle_engine().open_orders(), 0U);
  EXPECT_EQ(market().idle_sequence(), 20'001U);
}

TEST_F(ClientProcessTest, TradesForSeveralProcessesAtOnce) {
  std::vector<std::unique_ptr<Program>> programs;
  for (std::uint32_t account = 2; account <= 5; ++account) {
    programs.push_back(std::make_unique<Program>(probe("rest", account, 500)));
  }
  for (auto& program : programs) {
    EXPECT_EQ(program->line(), "begun");
  }
  EXPECT_EQ(market().region().resting_orders.load(), 2'000.0);
}

TEST_F(ClientProcessTest, CancelsTheOrdersOfAClientThatIsKilled) {
  Program program(probe("rest", 7, 500));
  EXPECT_EQ(program.line(), "begun");
  EXPECT_EQ(market().region().resting_orders.load(), 500.0);
  program.end(SIGKILL);
  wait_for([&] { return ended(EndReason::died) == 1; });
  wait_for([&] { return market().region().resting_orders.load() == 0; });
}

TEST_F(ClientProcessTest, EndsAClientWithAWildTail) { expect_harmless("wild-tail"); }
TEST_F(ClientProcessTest, EndsAClientWithAWildHead) { expect_harmless("wild-head"); }
TEST_F(ClientProcessTest, EndsAClientThatNamesAnotherAccount) {
  expect_harmless("foreign-account");
}
TEST_F(ClientProcessTest, EndsAClientThatNamesAnotherSession) {
  expect_harmless("foreign-session");
}
TEST_F(ClientProcessTest, EndsAClientThatSendsWhatItMayNot) { expect_harmless("forbidden-kind"); }
TEST_F(ClientProcessTest, LetsNoClientTruncateItsRegion) { expect_harmless("truncate"); }
TEST_F(ClientProcessTest, EndsAClientThatPunchesHolesIntoItsRegion) { expect_harmless("punch"); }
TEST_F(ClientProcessTest, SurvivesGarbage) { expect_harmless("garbage", 20261126); }
TEST_F(ClientProcessTest, SurvivesOtherGarbage) { expect_harmless("garbage", 7); }

// The reactor in a process of its own, killed and started again.
class KilledHostTest : public testing::Test {
 protected:
  std::vector<std::string> host() {
    return {MERIDIAN_MARKET_HOST,
            "--directory",
            folder.file("log"),
            "--socket",
            folder.file("socket"),
            "--market",
            "TEST",
            "--token",
            "0707070707070707070707070707070707070707070707070707070707070707",
            "--account",
            "7",
            "--permissions",
            "2"};
  }
  std::vector<std::string> probe(const std::string& mode, std::uint64_t count,
                                 const std::string& session) {
    return {MERIDIAN_CLIENT_PROBE, mode,   folder.file("socket"), "TEST", "7", "7",
            std::to_string(count), session};
  }
  MarketClient connect(std::uint32_t permissions = 0) {
    client::Hello hello;
    hello.account = 7;
    hello.permissions = permissions;
    hello.token.fill(std::byte{7});
    std::ranges::copy("TEST", hello.market.begin());
    MarketClient client;
    const auto refused = client.connect(folder.file("socket").c_str(), hello);
    EXPECT_EQ(refused.value_or(MarketClient::Refused{}).text, "");
    return client;
  }
  void configure() {
    MarketClient client = connect(client::permission::administer);
    wire::Command command = configure_command(1'000'000);
    command.order_type = static_cast<std::uint8_t>(wire::DurabilityMode::durable);
    EXPECT_EQ(client.submit(command), client::Submitted::yes);
    client.flush();
    EXPECT_TRUE(client.wait(10'000'000'000));
    client.close();
  }

  journal::TemporaryFolder folder;
};

TEST_F(KilledHostTest, LosesNoOrderItAcknowledgedAsDurableAndDoublesNoneThatIsSentAgain) {
  Program first(host());
  ASSERT_EQ(first.line().rfind("ready ", 0), 0U);
  configure();
  Program client(probe("until-killed", 0, "0"));
  const std::string begun = client.line();
  ASSERT_EQ(begun.rfind("begun ", 0), 0U) << begun;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  first.end(SIGKILL);
  const std::string told = client.line();
  ASSERT_EQ(told.rfind("answered ", 0), 0U) << "the client sees that its host is gone";
  EXPECT_EQ(client.exit_code(), 0);
  const std::uint64_t answered = std::stoull(told.substr(9));
  EXPECT_GT(answered, 0U);

  Program second(host());
  ASSERT_EQ(second.line().rfind("ready ", 0), 0U);
  Program again(probe("resend", answered, begun.substr(6)));
  unsigned long long repeated = 0;
  unsigned long long accepted = 0;
  const std::string outcome = again.line();
  ASSERT_EQ(std::sscanf(outcome.c_str(), "repeated %llu accepted %llu", &repeated, &accepted), 2)
      << outcome;
  EXPECT_EQ(again.exit_code(), 0);
  EXPECT_EQ(repeated, std::min<std::uint64_t>(answered, 500)) << "what was acknowledged is there";
  EXPECT_EQ(accepted, 0U) << "and is not done twice";
}

// Counts, not times, of a match thread that has nothing to do but match.
class SteadyStateTest : public KilledHostTest {
 protected:
  static constexpr std::uint64_t orders = 400'000;

  struct Faults {
    unsigned long long minor = 0;
    unsigned long long major = 0;
  };
  static Faults faults_of(const std::string& process, const std::string& thread) {
    Faults faults;
    std::ifstream file("/proc/" + process + "/task/" + thread + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t after = line.rfind(')');
    if (after != std::string::npos) {
      std::sscanf(line.c_str() + after, ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu",
                  &faults.minor, &faults.major);
    }
    return faults;
  }
  // Pairs of orders that trade, up to 2,048 under way.
  static void flow(MarketClient& client) {
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    while (answered < orders) {
      while (sent < orders && sent - answered < 2'048 &&
             client.submit(place_command(sent % 2 == 0 ? wire::Side::sell : wire::Side::buy, 100,
                                         1)) == client::Submitted::yes) {
        ++sent;
      }
      client.flush();
      if (client.poll_events([&](const wire::Event& event) { answered += event.flags & 1U; }) ==
          0) {
        std::this_thread::yield();
      }
      ASSERT_EQ(client.ended(), EndReason::none);
    }
  }
};

TEST_F(SteadyStateTest, MakesNoSystemCallAndTakesNoPageFaultPerOrder) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's own memory faults";
#endif
  if (std::system("strace -V > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "strace is missing: apt-get install -y strace";
  }
  std::vector<std::string> words = host();
  // Never idle for so long, so that it does not sleep.
  words.insert(words.end(), {"--spin-ns", "60000000000"});
  Program program(words);
  const std::string ready = program.line();
  ASSERT_EQ(ready.rfind("ready ", 0), 0U) << ready;
  const std::string thread = ready.substr(6, ready.find(' ', 6) - 6);
  configure();
  MarketClient client = connect();
  flow(client);  // every page it will ever touch is there now
  const Faults before = faults_of(std::to_string(program.process()), thread);
  const std::string table = folder.file("calls");
  Program strace({"/usr/bin/env", "strace", "-qq", "-c", "-o", table, "-p", thread});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  flow(client);
  connect()
      .close();  // a request to the match thread, which answers it by a system call: one is seen
  strace.end(SIGINT);
  const Faults after = faults_of(std::to_string(program.process()), thread);
  client.close();

  EXPECT_EQ(after.minor - before.minor, 0U);
  EXPECT_EQ(after.major - before.major, 0U);
  // What is left wakes the journal, once for each time it had caught up.
  std::uint64_t calls = 0;
  std::ifstream file(table);
  std::string found;
  for (std::string line; std::getline(file, line); found += line + "\n") {
    unsigned long long count = 0;
    if (std::sscanf(line.c_str(), " %*f %*f %*u %llu", &count) == 1 &&
        line.find("total") == std::string::npos) {
      EXPECT_NE(line.find("futex"), std::string::npos) << line;
      calls += count;
    }
  }
  EXPECT_GE(calls, 1U) << "strace saw nothing at all";
  EXPECT_LE(calls, orders / 100) << found;
  std::cout << calls << " system calls for " << orders << " orders\n";
}

}  // namespace
}  // namespace meridian::reactor
