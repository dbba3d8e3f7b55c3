#include "order_entry/soup_server.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::order_entry {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

// Accepts everybody, and takes notes.
struct Notes {
  std::string log;
  char refusal = 0;
  Taken taken = Taken::done;

  LoginAnswer login(const protocols::soup::LoginRequest& request) {
    log += "login ";
    log += request.username.trimmed();
    log += ";";
    return {.refusal = refusal};
  }
  void accepted(const LoginAnswer&) { log += "accepted;"; }
  Taken data(Bytes message) {
    log += "data ";
    log += std::to_string(message.size());
    log += ";";
    return taken;
  }
};

std::vector<std::byte> packet_of(char letter, std::string_view rest) {
  std::vector<std::byte> bytes(3 + rest.size());
  protocols::soup::encode_data_header(letter, rest.size(), bytes.data());
  std::memcpy(bytes.data() + 3, rest.data(), rest.size());
  return bytes;
}

std::vector<std::byte> login_packet() {
  std::vector<std::byte> bytes(64);
  bytes.resize(protocols::soup::encode_packet(
      protocols::soup::LoginRequest{.username = protocols::Text<6>::of("alice"),
                                    .password = protocols::Text<10>::of("secret"),
                                    .session = protocols::Text<10>::of(""),
                                    .sequence = protocols::soup::text_of(1)},
      bytes.data()));
  return bytes;
}

class Connection : public testing::Test {
 protected:
  std::size_t take(const std::vector<std::byte>& bytes, std::uint64_t now = second) {
    return server.take(bytes, now, notes);
  }
  SoupServer server{second};
  Notes notes;
};

TEST_F(Connection, A5_1_a_login_opens_it_for_data) {
  EXPECT_EQ(take(login_packet()), 49U);
  EXPECT_EQ(take(packet_of('U', "abc")), 6U);
  EXPECT_EQ(take(packet_of('R', "")), 3U);
  EXPECT_EQ(take(packet_of('+', "hello")), 8U);
  EXPECT_EQ(notes.log, "login alice;accepted;data 3;");
  EXPECT_EQ(server.closing(), Closing::none);
  EXPECT_EQ(take(packet_of('O', "")), 3U);
  EXPECT_EQ(server.closing(), Closing::logged_out);
  EXPECT_EQ(take(packet_of('U', "abc")), 0U);
}

TEST_F(Connection, A5_1_half_a_packet_waits_for_its_rest) {
  std::vector<std::byte> half = login_packet();
  half.resize(30);
  EXPECT_EQ(take(half), 0U);
  EXPECT_EQ(server.closing(), Closing::none);
}

TEST_F(Connection, A5_1_a_message_that_has_to_wait_stays_where_it_is) {
  take(login_packet());
  notes.taken = Taken::wait;
  EXPECT_EQ(take(packet_of('U', "abc")), 0U);
  EXPECT_EQ(server.closing(), Closing::none);
  notes.taken = Taken::malformed;
  take(packet_of('U', "abc"));
  EXPECT_EQ(server.closing(), Closing::message_malformed);
}

TEST_F(Connection, A5_1_whatever_breaks_the_protocol_closes_it_with_its_own_reason) {
  const auto closing = [](const std::vector<std::byte>& bytes, bool logs_in) {
    SoupServer fresh(second);
    Notes log;
    if (logs_in) {
      fresh.take(login_packet(), second, log);
    }
    fresh.take(bytes, second, log);
    return fresh.closing();
  };
  const std::vector<std::byte> zero(2);
  EXPECT_EQ(closing(zero, false), Closing::length_zero);
  EXPECT_EQ(closing(packet_of('U', std::string(600, 'x')), true), Closing::length_too_big);
  EXPECT_EQ(closing(packet_of('U', std::string(511, 'x')), true), Closing::none);
  EXPECT_EQ(closing(packet_of('S', "abc"), true), Closing::packet_unknown);
  EXPECT_EQ(closing(packet_of('H', ""), true), Closing::packet_unknown);
  EXPECT_EQ(closing(packet_of('L', "abc"), false), Closing::packet_malformed);
  EXPECT_EQ(closing(packet_of('R', "x"), true), Closing::packet_malformed);
  EXPECT_EQ(closing(packet_of('O', "x"), true), Closing::packet_malformed);
  EXPECT_EQ(closing(packet_of('U', "abc"), false), Closing::not_logged_in);
  EXPECT_EQ(closing(login_packet(), true), Closing::logged_in_already);
}

TEST_F(Connection, A5_1_a_refused_login_closes_it_and_keeps_the_code) {
  notes.refusal = 'A';
  take(login_packet());
  EXPECT_EQ(server.closing(), Closing::login_refused);
  EXPECT_EQ(server.login_refusal(), 'A');
  EXPECT_EQ(notes.log, "login alice;");
}

TEST_F(Connection, A5_1_without_a_login_it_ends_after_five_seconds) {
  server.tick(6 * second - 1);
  EXPECT_EQ(server.closing(), Closing::none);
  server.tick(6 * second);
  EXPECT_EQ(server.closing(), Closing::login_late);
}

TEST_F(Connection, A5_1_bytes_without_a_login_do_not_keep_it_open) {
  for (std::uint64_t now = second; now < 6 * second; now += second / 2) {
    take(packet_of('R', ""), now);
    server.tick(now);
  }
  server.tick(6 * second);
  EXPECT_EQ(server.closing(), Closing::login_late);
}

TEST_F(Connection, A5_1_silence_of_fifteen_seconds_ends_it_and_heartbeats_are_due_each_second) {
  take(login_packet(), 2 * second);
  server.said(2 * second);
  EXPECT_FALSE(server.owes_heartbeat(3 * second - 1));
  EXPECT_TRUE(server.owes_heartbeat(3 * second));
  take(packet_of('R', ""), 10 * second);
  server.tick(25 * second - 1);
  EXPECT_EQ(server.closing(), Closing::none);
  server.tick(25 * second);
  EXPECT_EQ(server.closing(), Closing::silent);
}

}  // namespace
}  // namespace meridian::order_entry
