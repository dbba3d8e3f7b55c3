#include "protocols/codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/mold.hpp"
#include "protocols/soup.hpp"

namespace meridian::protocols {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

template <class... Message>
constexpr std::size_t count_of(Messages<Message...>) {
  return sizeof...(Message);
}

// Bytes of the message with every field filled with `random`.
template <class Message>
std::vector<std::byte> filled(std::mt19937_64& random) {
  std::vector<std::byte> bytes(Message::size);
  for (std::byte& one : bytes) {
    one = static_cast<std::byte>(random());
  }
  bytes[0] = static_cast<std::byte>(Message::letter);
  if constexpr (HasOptions<Message>) {
    store_big<2>(bytes.data() + Message::size - 2, 0);
  }
  return bytes;
}

template <class Group, class... Message>
void round_trips(Messages<Message...>, std::mt19937_64& random) {
  const auto one = [&random]<class M>(M) {
    const std::vector<std::byte> bytes = filled<M>(random);
    std::string_view decoded;
    const Fault fault = decode<Group>(bytes, [&](const auto& message) {
      decoded = std::remove_cvref_t<decltype(message)>::name;
      std::array<std::byte, most_bytes<std::remove_cvref_t<decltype(message)>>()> again{};
      EXPECT_EQ(encode(message, again.data()), bytes.size());
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), again.begin())) << M::name;
    });
    EXPECT_EQ(fault, Fault::none) << M::name;
    EXPECT_EQ(decoded, M::name);
    EXPECT_EQ(decode<Group>(Bytes(bytes).first(bytes.size() - 1), [](const auto&) { FAIL(); }),
              bytes.size() == 1 ? Fault::empty : Fault::length_wrong);
    std::vector<std::byte> longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_EQ(decode<Group>(longer, [](const auto&) { FAIL(); }), Fault::length_wrong);
  };
  (one(Message{}), ...);
}

TEST(Codec, A5_1_every_message_of_every_group_comes_back_as_it_was_sent) {
  std::mt19937_64 random(20260101);
  for (int round = 0; round < 50; ++round) {
    round_trips<soup::All>(soup::All{}, random);
    round_trips<ouch::inbound::All>(ouch::inbound::All{}, random);
    round_trips<ouch::outbound::All>(ouch::outbound::All{}, random);
    round_trips<itch::All>(itch::All{}, random);
  }
  EXPECT_EQ(count_of(itch::All{}), 24U);
}

TEST(Codec, A5_1_options_come_back_and_unknown_ones_are_skipped_by_their_length) {
  ouch::inbound::EnterOrder order;
  order.user_ref = 7;
  order.options.minimum_quantity = 100;
  order.options.mark(Options::minimum_quantity_tag);
  order.options.peg_offset = -25;
  order.options.mark(Options::peg_offset_tag);
  std::array<std::byte, most_bytes<ouch::inbound::EnterOrder>() + 4> bytes{};
  std::size_t size = encode(order, bytes.data());
  EXPECT_EQ(size, 47U + 6U + 6U);
  // An option that nobody knows, of three bytes.
  bytes[size] = std::byte{3};
  bytes[size + 1] = std::byte{200};
  size += 4;
  store_big<2>(bytes.data() + 45, 16);
  ouch::inbound::EnterOrder read;
  ASSERT_EQ(decode_as(Bytes(bytes).first(size), read), Fault::none);
  EXPECT_EQ(read.options.present, order.options.present);
  EXPECT_EQ(read.options.minimum_quantity, 100U);
  EXPECT_EQ(read.options.peg_offset, -25);
}

TEST(Codec, A5_1_malformed_options_are_refused) {
  const auto fault_of = [](std::vector<std::byte> options) {
    Options read;
    return decode_options(options, read);
  };
  EXPECT_EQ(fault_of({std::byte{0}}), Fault::option_malformed);
  EXPECT_EQ(fault_of({std::byte{5}, std::byte{3}, std::byte{0}}), Fault::option_malformed);
  // Tag 3 is four bytes, not one.
  EXPECT_EQ(fault_of({std::byte{2}, std::byte{3}, std::byte{0}}), Fault::option_malformed);
  EXPECT_EQ(fault_of({std::byte{1}, std::byte{99}}), Fault::none);
}

TEST(Codec, A5_1_bytes_that_are_no_message_have_a_reason) {
  const auto ignore = [](const auto&) { FAIL(); };
  EXPECT_EQ(decode<itch::All>({}, ignore), Fault::empty);
  EXPECT_EQ(decode<itch::All>(bytes_of("z"), ignore), Fault::type_unknown);
  EXPECT_EQ(decode<ouch::inbound::All>(bytes_of("X1234"), ignore), Fault::length_wrong);
}

TEST(Soup, A5_1_frames_are_cut_out_of_a_stream) {
  const std::vector<std::byte> stream = bytes_of({"\0\1R\0\4Uabc\0", 10});
  const soup::Frame first = soup::next_frame(stream, 100);
  ASSERT_EQ(first.state, soup::FrameState::packet);
  EXPECT_EQ(first.consumed, 3U);
  const soup::Frame second = soup::next_frame(Bytes(stream).subspan(3), 100);
  ASSERT_EQ(second.state, soup::FrameState::packet);
  EXPECT_EQ(second.content.size(), 4U);
  EXPECT_EQ(soup::next_frame(Bytes(stream).subspan(9), 100).state, soup::FrameState::incomplete);
  EXPECT_EQ(soup::next_frame(Bytes(stream).subspan(3), 3).state, soup::FrameState::length_too_big);
  EXPECT_EQ(soup::next_frame(bytes_of({"\0\0", 2}), 3).state, soup::FrameState::length_zero);
}

TEST(Soup, A5_1_numbers_in_text_are_digits_or_nothing) {
  EXPECT_EQ(soup::number_of(Text<20>::of("                 120")), 120U);
  EXPECT_EQ(soup::number_of(Text<20>::of("7")), 7U);
  EXPECT_EQ(soup::number_of(Text<20>::of("")), 0U);
  EXPECT_EQ(soup::number_of(Text<20>::of("-1")), std::nullopt);
  EXPECT_EQ(soup::number_of(Text<20>::of("1 2")), std::nullopt);
  EXPECT_EQ(soup::number_of(Text<20>::of("18446744073709551616")), std::nullopt);
  EXPECT_EQ(soup::number_of(soup::text_of(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(soup::text_of(0).trimmed(), "0");
}

TEST(Mold, A5_1_a_packet_gives_its_messages_with_their_sequences) {
  std::vector<std::byte> packet(mold::header_bytes);
  mold::encode_header({mold::Session::of("MERIDIAN1"), 41, 2}, packet.data());
  for (const std::byte one : bytes_of({"\0\2ab\0\0", 6})) {
    packet.push_back(one);
  }
  std::vector<std::uint64_t> sequences;
  mold::Header header;
  const auto note = [&](std::uint64_t sequence, Bytes) { sequences.push_back(sequence); };
  ASSERT_EQ(mold::decode_packet(packet, header, note), mold::Fault::none);
  EXPECT_EQ(sequences, (std::vector<std::uint64_t>{41, 42}));
  EXPECT_EQ(header.session.trimmed(), "MERIDIAN1");
  EXPECT_EQ(mold::decode_packet(Bytes(packet).first(23), header, note), mold::Fault::truncated);
  packet.push_back(std::byte{0});
  EXPECT_EQ(mold::decode_packet(packet, header, note), mold::Fault::trailing_bytes);
  EXPECT_EQ(mold::decode_request(packet, header), mold::Fault::trailing_bytes);
  EXPECT_EQ(mold::decode_request(Bytes(packet).first(19), header), mold::Fault::truncated);
}

}  // namespace
}  // namespace meridian::protocols
