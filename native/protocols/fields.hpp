// How one field of a message stands in its bytes: big-endian integers, letters, text filled up with
// spaces.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace meridian::protocols {

// Text of a fixed width.
template <std::size_t Width>
struct Text {
  std::array<char, Width> letters;  // trivial, so that zeroed memory is valid

  static constexpr std::size_t width = Width;

  // `text` at the start and spaces behind it; what is beyond the width is left out.
  static constexpr Text of(std::string_view text) noexcept {
    Text made{};
    for (std::size_t at = 0; at < Width; ++at) {
      made.letters[at] = at < text.size() ? text[at] : ' ';
    }
    return made;
  }

  // Without the spaces that fill it up, in front and behind.
  [[nodiscard]] constexpr std::string_view trimmed() const noexcept {
    std::size_t first = 0;
    std::size_t end = Width;
    while (first < end && letters[first] == ' ') {
      ++first;
    }
    while (end > first && letters[end - 1] == ' ') {
      --end;
    }
    return std::string_view(letters.data(), Width).substr(first, end - first);
  }

  friend constexpr bool operator==(const Text& left, const Text& right) noexcept {
    return left.letters == right.letters;
  }
};

template <class T>
inline constexpr bool is_text = false;
template <std::size_t Width>
inline constexpr bool is_text<Text<Width>> = true;

// The place of a field in its message.
template <std::size_t Offset, std::size_t Width>
struct At {
  static constexpr std::size_t offset = Offset;
  static constexpr std::size_t width = Width;
};

template <std::size_t Width>
constexpr std::uint64_t load_big(const std::byte* from) noexcept {
  static_assert(Width <= 8);
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < Width; ++at) {
    value = value << 8U | static_cast<std::uint64_t>(from[at]);
  }
  return value;
}

template <std::size_t Width>
constexpr void store_big(std::byte* to, std::uint64_t value) noexcept {
  static_assert(Width <= 8);
  for (std::size_t at = 0; at < Width; ++at) {
    to[at] = static_cast<std::byte>(value >> (8 * (Width - 1 - at)));
  }
}

template <std::size_t Width, class T>
constexpr void load_field(const std::byte* from, T& value) noexcept {
  if constexpr (is_text<T>) {
    static_assert(T::width == Width);
    for (std::size_t at = 0; at < Width; ++at) {
      value.letters[at] = static_cast<char>(from[at]);
    }
  } else {
    static_assert(std::is_integral_v<T> && sizeof(T) >= Width);
    value = static_cast<T>(load_big<Width>(from));
  }
}

template <std::size_t Width, class T>
constexpr void store_field(std::byte* to, const T& value) noexcept {
  if constexpr (is_text<T>) {
    for (std::size_t at = 0; at < Width; ++at) {
      to[at] = static_cast<std::byte>(value.letters[at]);
    }
  } else {
    store_big<Width>(to, static_cast<std::uint64_t>(value));
  }
}

// A group of messages within which a letter means one thing.
template <class... Message>
struct Messages {};

}  // namespace meridian::protocols
