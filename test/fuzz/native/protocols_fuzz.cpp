// Whatever bytes arrive at an edge: every decoder gives a message or a fault, never reads past the
// end, and what was decoded is encoded as bytes that say the same.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "protocols/codec.hpp"
#include "protocols/mold.hpp"
#include "protocols/soup.hpp"

namespace {

using namespace meridian::protocols;

void expect(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  }
}

template <class Group>
void try_group(Bytes bytes) {
  bool is_called = false;
  const Fault fault = decode<Group>(bytes, [&is_called](const auto& message) {
    using Message = std::remove_cvref_t<decltype(message)>;
    is_called = true;
    std::array<std::byte, most_bytes<Message>()> encoded{};
    const std::size_t size = encode(message, encoded.data());
    Message again;
    expect(decode_as(Bytes(encoded).first(size), again) == Fault::none, "it decodes again");
    std::array<std::byte, most_bytes<Message>()> twice{};
    expect(encode(again, twice.data()) == size && encoded == twice, "it says the same again");
  });
  expect(is_called == (fault == Fault::none), "a message or a fault");
}

void try_message(Bytes bytes) {
  try_group<soup::All>(bytes);
  try_group<ouch::inbound::All>(bytes);
  try_group<ouch::outbound::All>(bytes);
  try_group<itch::All>(bytes);
}

void try_stream(Bytes stream) {
  constexpr std::size_t limit = 512;
  for (;;) {
    const soup::Frame frame = soup::next_frame(stream, limit);
    if (frame.state != soup::FrameState::packet) {
      return;
    }
    expect(frame.consumed <= stream.size() && !frame.content.empty(),
           "a packet lies in the stream");
    try_message(frame.content);
    try_message(frame.content.subspan(1));
    soup::LoginRequest login;
    if (decode_as(frame.content, login) == Fault::none) {
      static_cast<void>(soup::number_of(login.sequence));
    }
    stream = stream.subspan(frame.consumed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  try_message(bytes);
  try_stream(bytes);
  mold::Header header;
  static_cast<void>(mold::decode_request(bytes, header));
  std::size_t handed = 0;
  const mold::Fault fault =
      mold::decode_packet(bytes, header, [&handed](std::uint64_t, Bytes message) {
        ++handed;
        try_group<itch::All>(message);
      });
  expect(fault != mold::Fault::none || handed == header.count || header.count == 0xFFFF,
         "a whole packet gives all its messages");
  return 0;
}
