// Prints what the decoders make of bytes, for comparison with the codec in the other language: a
// line `group hexadecimal` in, a line out: the fault, or the message with every field.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "protocols/codec.hpp"

namespace {

using namespace meridian::protocols;

std::optional<std::vector<std::byte>> bytes_of(std::string_view digits) {
  std::vector<std::byte> bytes;
  if (digits.size() % 2 != 0) {
    return std::nullopt;
  }
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    unsigned value = 0;
    const char* from = digits.data() + at;
    if (std::from_chars(from, from + 2, value, 16).ptr != from + 2) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

// Numbers in decimal, letters as their code, text as the code of each letter.
template <class T>
void append(std::string& line, const char* name, const T& value) {
  line += ' ';
  line += name;
  line += '=';
  if constexpr (is_text<T>) {
    for (const char letter : value.trimmed()) {
      line += std::to_string(static_cast<unsigned char>(letter));
      line += '.';
    }
  } else if constexpr (std::is_same_v<T, char>) {
    line += std::to_string(static_cast<unsigned char>(value));
  } else {
    line += std::to_string(value);
  }
}

template <class Message>
std::string description(const Message& message) {
  std::string line(Message::name);
  Message::visit(message,
                 [&line](auto, const char* name, const auto& value) { append(line, name, value); });
  if constexpr (HasOptions<Message>) {
    Options::visit(message.options, [&](Options::Tag tag, const char* name, const auto& value) {
      if (message.options.has(tag)) {
        append(line, name, value);
      }
    });
  }
  return line;
}

// The message encoded again must be the bytes it came from, if these were written as we write.
template <class Group>
std::string answer(Bytes bytes) {
  static constexpr std::array faults = {"none", "empty", "type_unknown", "length_wrong",
                                        "option_malformed"};
  std::string line;
  const Fault fault = decode<Group>(bytes, [&](const auto& message) {
    line = description(message);
    std::array<std::byte, most_bytes<std::remove_cvref_t<decltype(message)>>()> again{};
    const std::size_t size = encode(message, again.data());
    line += " again=";
    line +=
        size == bytes.size() && std::equal(bytes.begin(), bytes.end(), again.begin()) ? "1" : "0";
  });
  return fault == Fault::none ? line
                              : std::string("fault ") + faults[static_cast<std::size_t>(fault)];
}

std::string answer(std::string_view group, Bytes bytes) {
  if (group == "soupPackets") {
    return answer<soup::All>(bytes);
  }
  if (group == "ouchInbound") {
    return answer<ouch::inbound::All>(bytes);
  }
  if (group == "ouchOutbound") {
    return answer<ouch::outbound::All>(bytes);
  }
  return group == "itchMessages" ? answer<itch::All>(bytes) : std::string();
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::size_t space = line.find(' ');
    const std::string_view text(line);
    const auto bytes = bytes_of(space == std::string::npos ? "" : text.substr(space + 1));
    const std::string said = bytes.has_value() ? answer(text.substr(0, space), *bytes) : "";
    if (said.empty()) {
      std::cerr << "not a group and bytes in hexadecimal: " << line << '\n';
      return 2;
    }
    std::cout << said << '\n';
  }
  return 0;
}
