# Where the image begins, and its only way out: calls of the environment, numbered as in Linux, so
# that any RISC-V emulator for user programs can run it. Memory is zeroed by whoever loads the image.

  .section .text.start, "ax"
  .globl start
start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, stack_top
  call replay_main
  li a7, 93  # exit
  ecall
  ebreak

# environment_call(first, second, third, number)
  .text
  .globl environment_call
environment_call:
  mv a7, a3
  ecall
  ret
