// A second stack on which work can stop in the middle of a call and go on later: a command whose
// events do not fit waits there for room, without a thread and without a bound on its events.
#pragma once
#include <cstddef>
#include <span>

#if defined(__SANITIZE_ADDRESS__)
#define MERIDIAN_SIDE_STACK_IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MERIDIAN_SIDE_STACK_IS_CHECKED 1
#endif
#endif

// The switch of our own costs a few nanoseconds; that of the C library makes system calls. It
// serves other processors, and builds under AddressSanitizer, so that both are tested.
#if !defined(__x86_64__) || defined(MERIDIAN_SIDE_STACK_IS_CHECKED)
#define MERIDIAN_SIDE_STACK_IS_PORTABLE 1
#include <ucontext.h>
#endif

namespace meridian::engine {

class SideStack {
 public:
  // Never returns.
  using Body = void (*)(void* argument) noexcept;

  // `memory` is aligned to 16 bytes and outlives the stack; below it lies what must trap.
  SideStack(std::span<std::byte> memory, Body body, void* argument) noexcept;
  SideStack(const SideStack&) = delete;
  SideStack& operator=(const SideStack&) = delete;

  // Starts the body, or goes on with it; returns when it pauses.
  void resume() noexcept;
  // Called by the body: goes back to whoever resumed it.
  void pause() noexcept;

 private:
#ifdef MERIDIAN_SIDE_STACK_IS_PORTABLE
  static void enter(unsigned high, unsigned low) noexcept;

  ucontext_t inside_{};
  ucontext_t outside_{};
  // What AddressSanitizer knows of the stack that resumed this one.
  const void* outside_bottom_ = nullptr;
  std::size_t outside_size_ = 0;
#else
  // Stack pointers of the side that does not run.
  void* inside_ = nullptr;
  void* outside_ = nullptr;
#endif
  std::span<std::byte> memory_;
  Body body_;
  void* argument_;
};

}  // namespace meridian::engine
