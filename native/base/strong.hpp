// A number that knows what it counts: swapped arguments do not compile.
#pragma once

namespace meridian {

// `Tag` makes the type distinct; `Tag::is_amount` (bool) says whether values may be added.
template <class Tag, class Representation>
class Strong {
 public:
  // Trivial, so that zeroed memory is a valid object.
  Strong() noexcept = default;
  constexpr explicit Strong(Representation value) noexcept : value_(value) {}

  [[nodiscard]] constexpr Representation value() const noexcept { return value_; }

  // Written out: through operator<=> g++ 12 makes two branches of one comparison.
  friend constexpr bool operator==(Strong left, Strong right) noexcept {
    return left.value_ == right.value_;
  }
  friend constexpr bool operator<(Strong left, Strong right) noexcept {
    return left.value_ < right.value_;
  }
  friend constexpr bool operator>(Strong left, Strong right) noexcept {
    return left.value_ > right.value_;
  }
  friend constexpr bool operator<=(Strong left, Strong right) noexcept {
    return left.value_ <= right.value_;
  }
  friend constexpr bool operator>=(Strong left, Strong right) noexcept {
    return left.value_ >= right.value_;
  }

  // The sum must fit the representation.
  friend constexpr Strong operator+(Strong left, Strong right) noexcept
    requires(Tag::is_amount)
  {
    return Strong(static_cast<Representation>(left.value_ + right.value_));
  }
  // `right` must not exceed `left`.
  friend constexpr Strong operator-(Strong left, Strong right) noexcept
    requires(Tag::is_amount)
  {
    return Strong(static_cast<Representation>(left.value_ - right.value_));
  }

 private:
  Representation value_;
};

}  // namespace meridian
