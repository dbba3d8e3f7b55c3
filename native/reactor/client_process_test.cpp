// Shared-memory clients in processes of their own: good ones, dead ones and bad ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
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
  void configure() {
    client::Hello hello;
    hello.account = 7;
    hello.permissions = client::permission::administer;
    hello.token.fill(std::byte{7});
    std::ranges::copy("TEST", hello.market.begin());
    MarketClient client;
    const auto refused = client.connect(folder.file("socket").c_str(), hello);
    ASSERT_FALSE(refused) << refused->text;
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

}  // namespace
}  // namespace meridian::reactor
