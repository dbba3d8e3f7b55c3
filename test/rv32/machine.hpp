// A processor that executes RV32IM as the unprivileged RISC-V specification has it (RV32I 2.1,
// M 2.0): one hart, no interrupts, no control and status registers. What a program must not do
// stops it.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "memory.hpp"

namespace meridian::rv32 {

enum class StopKind : std::uint8_t {
  environment_call,
  breakpoint,
  illegal_instruction,
  misaligned_fetch,
  misaligned_load,
  misaligned_store,
  forbidden_fetch,
  forbidden_load,
  forbidden_store,
  limit_reached,
};

// Why a run stopped, and where.
struct Stop {
  StopKind kind;
  std::uint32_t pc;           // of the instruction that stopped it
  std::uint32_t instruction;  // 0 when it could not be fetched or the limit came first
  std::uint32_t address;      // that was to be fetched, loaded or stored; else 0
};

// One line for people.
std::string describe(const Stop& stop);

class Machine {
 public:
  Machine(Memory& memory, std::uint32_t entry) : memory_(memory), pc_(entry) {}

  // Executes instructions until one stops the run or `limit` are done. A stop leaves everything as
  // it was before the instruction, except that an environment call is over and pc is past it.
  Stop run(std::uint64_t limit);

  [[nodiscard]] std::uint32_t reg(unsigned number) const { return registers_[number]; }
  // Register 0 stays 0.
  void set_reg(unsigned number, std::uint32_t value) {
    registers_[number] = number == 0 ? 0 : value;
  }
  [[nodiscard]] std::uint32_t pc() const { return pc_; }
  // Instructions completed so far, environment calls included.
  [[nodiscard]] std::uint64_t executed() const { return executed_; }

 private:
  Memory& memory_;
  std::array<std::uint32_t, 32> registers_{};
  std::uint32_t pc_;
  std::uint64_t executed_ = 0;
};

}  // namespace meridian::rv32
