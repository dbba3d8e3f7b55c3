#include "engine/abi/side_stack.hpp"

#include <cstdint>

#include "base/ensure.hpp"

#ifdef MERIDIAN_SIDE_STACK_IS_CHECKED
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef MERIDIAN_SIDE_STACK_IS_PORTABLE
// switch_stack(from, to) pushes what a called function must keep, leaves the stack pointer in *from
// and goes on where `to` was left. The floating-point control words stay: the engine has no floats.
// first_entry is where a new stack begins: rbx holds the body and r12 its argument.
asm(R"(
.text
.type meridian_side_stack_switch, @function
.globl meridian_side_stack_switch
.hidden meridian_side_stack_switch
meridian_side_stack_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size meridian_side_stack_switch, .-meridian_side_stack_switch
.type meridian_side_stack_enter, @function
.globl meridian_side_stack_enter
.hidden meridian_side_stack_enter
meridian_side_stack_enter:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12, %rdi
  callq *%rbx
  ud2
  .cfi_endproc
.size meridian_side_stack_enter, .-meridian_side_stack_enter
)");

extern "C" {
void meridian_side_stack_switch(void** from, void* to) noexcept;
void meridian_side_stack_enter() noexcept;
}
#endif

namespace meridian::engine {

#ifdef MERIDIAN_SIDE_STACK_IS_PORTABLE

namespace {

void begin_switch(void** save, const void* bottom, std::size_t size) noexcept {
#ifdef MERIDIAN_SIDE_STACK_IS_CHECKED
  __sanitizer_start_switch_fiber(save, bottom, size);
#else
  static_cast<void>(save), static_cast<void>(bottom), static_cast<void>(size);
#endif
}

void end_switch(void* saved, const void** bottom, std::size_t* size) noexcept {
#ifdef MERIDIAN_SIDE_STACK_IS_CHECKED
  __sanitizer_finish_switch_fiber(saved, bottom, size);
#else
  static_cast<void>(saved), static_cast<void>(bottom), static_cast<void>(size);
#endif
}

}  // namespace

SideStack::SideStack(std::span<std::byte> memory, Body body, void* argument) noexcept
    : memory_(memory), body_(body), argument_(argument) {
  ensure(getcontext(&inside_) == 0);
  inside_.uc_stack.ss_sp = memory.data();
  inside_.uc_stack.ss_size = memory.size();
  inside_.uc_link = nullptr;
  // makecontext passes ints only.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&SideStack::enter), 2,
              static_cast<unsigned>(std::uint64_t{self} >> 32), static_cast<unsigned>(self));
}

void SideStack::enter(unsigned high, unsigned low) noexcept {
  const auto self = static_cast<std::uintptr_t>((std::uint64_t{high} << 32) | std::uint64_t{low});
  auto* stack = reinterpret_cast<SideStack*>(self);
  end_switch(nullptr, &stack->outside_bottom_, &stack->outside_size_);
  stack->body_(stack->argument_);
  ensure(false);
}

void SideStack::resume() noexcept {
  void* saved = nullptr;
  begin_switch(&saved, memory_.data(), memory_.size());
  swapcontext(&outside_, &inside_);
  end_switch(saved, nullptr, nullptr);
}

void SideStack::pause() noexcept {
  void* saved = nullptr;
  begin_switch(&saved, outside_bottom_, outside_size_);
  swapcontext(&inside_, &outside_);
  end_switch(saved, &outside_bottom_, &outside_size_);
}

#else

SideStack::SideStack(std::span<std::byte> memory, Body body, void* argument) noexcept
    : memory_(memory), body_(body), argument_(argument) {
  // What the switch pops: r15, r14, r13, r12, rbx, rbp, and the address to return to. The call in
  // the entry then finds the stack aligned to 16 bytes.
  constexpr std::size_t popped = 7;
  auto* top = reinterpret_cast<std::uintptr_t*>(memory_.data() + memory_.size());
  ensure(reinterpret_cast<std::uintptr_t>(top) % 16 == 0);
  std::uintptr_t* frame = top - 2 - popped;
  frame[3] = reinterpret_cast<std::uintptr_t>(argument_);
  frame[4] = reinterpret_cast<std::uintptr_t>(body_);
  frame[6] = reinterpret_cast<std::uintptr_t>(&meridian_side_stack_enter);
  inside_ = frame;
}

void SideStack::resume() noexcept { meridian_side_stack_switch(&outside_, inside_); }

void SideStack::pause() noexcept { meridian_side_stack_switch(&inside_, outside_); }

#endif

}  // namespace meridian::engine
