// Checks of what we own. They are cheap and stay on in production: a process whose own state is
// wrong must stop before it tells anybody about it. What others send is refused, never ensured.
#pragma once

namespace meridian {

// Stops the process with an illegal instruction when `holds` is false. A trap and not a message:
// the callers are forbidden to allocate or to call the kernel, and the core dump shows the place.
inline void ensure(bool holds) noexcept {
  if (!holds) [[unlikely]] {
    __builtin_trap();
  }
}

}  // namespace meridian
