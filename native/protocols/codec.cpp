#include "protocols/codec.hpp"

namespace meridian::protocols {

std::size_t encode_options(const ouch::Options& options, std::byte* to) noexcept {
  std::size_t written = 0;
  ouch::Options::visit(options, [&](ouch::Options::Tag tag, const char*, const auto& value) {
    if (!options.has(tag)) {
      return;
    }
    constexpr std::size_t width = sizeof(value);
    to[written] = static_cast<std::byte>(1 + width);
    to[written + 1] = static_cast<std::byte>(tag);
    store_field<width>(to + written + 2, value);
    written += 2 + width;
  });
  return written;
}

Fault decode_options(Bytes bytes, ouch::Options& options) noexcept {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = static_cast<std::size_t>(bytes[at]);
    if (length == 0 || at + 1 + length > bytes.size()) {
      return Fault::option_malformed;
    }
    const auto found = static_cast<std::uint8_t>(bytes[at + 1]);
    bool is_malformed = false;
    ouch::Options::visit(options, [&](ouch::Options::Tag tag, const char*, auto& value) {
      if (tag != found) {
        return;
      }
      constexpr std::size_t width = sizeof(value);
      if (length != 1 + width) {
        is_malformed = true;
        return;
      }
      load_field<width>(bytes.data() + at + 2, value);
      options.mark(tag);
    });
    if (is_malformed) {
      return Fault::option_malformed;
    }
    at += 1 + length;
  }
  return Fault::none;
}

}  // namespace meridian::protocols
