#include "machine.hpp"

#include <cstdio>
#include <optional>

namespace meridian::rv32 {

namespace {

// Bits high … low of an instruction.
template <unsigned High, unsigned Low>
constexpr std::uint32_t bits(std::uint32_t instruction) {
  return (instruction >> Low) & ((std::uint32_t{2} << (High - Low)) - 1);
}

constexpr std::uint32_t sign_extended(std::uint32_t value, unsigned width) {
  const std::uint32_t sign = std::uint32_t{1} << (width - 1);
  return (value ^ sign) - sign;
}

constexpr std::int32_t as_signed(std::uint32_t value) { return static_cast<std::int32_t>(value); }
constexpr std::uint32_t as_unsigned(std::int32_t value) {
  return static_cast<std::uint32_t>(value);
}

// Immediates of the five formats that have one.
constexpr std::uint32_t immediate_i(std::uint32_t instruction) {
  return sign_extended(bits<31, 20>(instruction), 12);
}
constexpr std::uint32_t immediate_s(std::uint32_t instruction) {
  return sign_extended((bits<31, 25>(instruction) << 5) | bits<11, 7>(instruction), 12);
}
constexpr std::uint32_t immediate_b(std::uint32_t instruction) {
  return sign_extended((bits<31, 31>(instruction) << 12) | (bits<7, 7>(instruction) << 11) |
                           (bits<30, 25>(instruction) << 5) | (bits<11, 8>(instruction) << 1),
                       13);
}
constexpr std::uint32_t immediate_u(std::uint32_t instruction) { return instruction & 0xFFFFF000; }
constexpr std::uint32_t immediate_j(std::uint32_t instruction) {
  return sign_extended((bits<31, 31>(instruction) << 20) | (bits<19, 12>(instruction) << 12) |
                           (bits<20, 20>(instruction) << 11) | (bits<30, 21>(instruction) << 1),
                       21);
}

// Division never traps: by zero and at the one overflow the results are these.
constexpr std::uint32_t divided(std::int32_t left, std::int32_t right) {
  if (right == 0) {
    return 0xFFFFFFFF;
  }
  return right == -1 ? 0U - as_unsigned(left) : as_unsigned(left / right);
}
constexpr std::uint32_t remainder_of(std::int32_t left, std::int32_t right) {
  if (right == 0) {
    return as_unsigned(left);
  }
  return right == -1 ? 0U : as_unsigned(left % right);
}

// The upper half of a product of the two, each widened by its caller as signed or unsigned.
constexpr std::uint32_t high_product(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(left * right) >> 32);
}

// The M extension.
std::uint32_t multiplied_or_divided(std::uint32_t function, std::uint32_t left,
                                    std::uint32_t right) {
  switch (function) {
    case 0:  // mul
      return left * right;
    case 1:  // mulh
      return high_product(as_signed(left), as_signed(right));
    case 2:  // mulhsu
      return high_product(as_signed(left), std::int64_t{right});
    case 3:  // mulhu
      return static_cast<std::uint32_t>((std::uint64_t{left} * right) >> 32);
    case 4:  // div
      return divided(as_signed(left), as_signed(right));
    case 5:  // divu
      return right == 0 ? 0xFFFFFFFF : left / right;
    case 6:  // rem
      return remainder_of(as_signed(left), as_signed(right));
    default:  // remu
      return right == 0 ? left : left % right;
  }
}

// What register-immediate and register-register arithmetic share; `is_variant` selects sub and sra.
std::uint32_t computed(std::uint32_t function, bool is_variant, std::uint32_t left,
                       std::uint32_t right) {
  switch (function) {
    case 0:  // add, sub
      return is_variant ? left - right : left + right;
    case 1:  // sll
      return left << (right & 31);
    case 2:  // slt
      return as_signed(left) < as_signed(right) ? 1 : 0;
    case 3:  // sltu
      return left < right ? 1 : 0;
    case 4:  // xor
      return left ^ right;
    case 5:  // srl, sra
      return is_variant ? as_unsigned(as_signed(left) >> (right & 31)) : left >> (right & 31);
    case 6:  // or
      return left | right;
    default:  // and
      return left & right;
  }
}

std::optional<bool> is_taken(std::uint32_t function, std::uint32_t left, std::uint32_t right) {
  switch (function) {
    case 0:  // beq
      return left == right;
    case 1:  // bne
      return left != right;
    case 4:  // blt
      return as_signed(left) < as_signed(right);
    case 5:  // bge
      return as_signed(left) >= as_signed(right);
    case 6:  // bltu
      return left < right;
    case 7:  // bgeu
      return left >= right;
    default:
      return std::nullopt;
  }
}

constexpr std::uint32_t ecall = 0x00000073;
constexpr std::uint32_t ebreak = 0x00100073;

}  // namespace

std::string describe(const Stop& stop) {
  static constexpr std::array names{"environment call",
                                    "breakpoint",
                                    "illegal instruction",
                                    "misaligned fetch",
                                    "misaligned load",
                                    "misaligned store",
                                    "fetch of memory that is not code",
                                    "load of memory that is not there",
                                    "store to memory that may not be written",
                                    "limit of instructions"};
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%s at pc 0x%08x (instruction 0x%08x, address 0x%08x)",
                names[static_cast<std::size_t>(stop.kind)], stop.pc, stop.instruction,
                stop.address);
  return line.data();
}

Stop Machine::run(std::uint64_t limit) {
  const std::uint64_t end = limit > UINT64_MAX - executed_ ? UINT64_MAX : executed_ + limit;
  for (; executed_ != end; ++executed_) {
    // Jumps check their targets, so pc is aligned unless the entry was not.
    if (pc_ % 4 != 0) {
      return {StopKind::misaligned_fetch, pc_, 0, pc_};
    }
    if (!memory_.allows(pc_, may_execute)) {
      return {StopKind::forbidden_fetch, pc_, 0, pc_};
    }
    const auto instruction = memory_.load<std::uint32_t>(pc_);
    const auto stop = [&](StopKind kind, std::uint32_t address = 0) {
      return Stop{kind, pc_, instruction, address};
    };
    const std::uint32_t target_register = bits<11, 7>(instruction);
    const std::uint32_t function = bits<14, 12>(instruction);
    const std::uint32_t left = registers_[bits<19, 15>(instruction)];
    const std::uint32_t right = registers_[bits<24, 20>(instruction)];
    const std::uint32_t upper = bits<31, 25>(instruction);
    std::uint32_t next = pc_ + 4;
    std::uint32_t result = 0;
    bool has_result = true;

    switch (bits<6, 0>(instruction)) {
      case 0x37:  // lui
        result = immediate_u(instruction);
        break;
      case 0x17:  // auipc
        result = pc_ + immediate_u(instruction);
        break;
      case 0x6F:  // jal
        result = next;
        next = pc_ + immediate_j(instruction);
        if (next % 4 != 0) {
          return stop(StopKind::misaligned_fetch, next);
        }
        break;
      case 0x67:  // jalr
        if (function != 0) {
          return stop(StopKind::illegal_instruction);
        }
        result = next;
        next = (left + immediate_i(instruction)) & ~std::uint32_t{1};
        if (next % 4 != 0) {
          return stop(StopKind::misaligned_fetch, next);
        }
        break;
      case 0x63: {  // branches
        const std::optional<bool> taken = is_taken(function, left, right);
        if (!taken.has_value()) {
          return stop(StopKind::illegal_instruction);
        }
        has_result = false;
        if (*taken) {
          next = pc_ + immediate_b(instruction);
          if (next % 4 != 0) {
            return stop(StopKind::misaligned_fetch, next);
          }
        }
        break;
      }
      case 0x03: {  // loads
        const std::uint32_t address = left + immediate_i(instruction);
        const std::uint32_t size = std::uint32_t{1} << (function & 3);
        if (function == 3 || function > 5) {
          return stop(StopKind::illegal_instruction);
        }
        if (address % size != 0) {
          return stop(StopKind::misaligned_load, address);
        }
        if (!memory_.allows(address, may_read)) {
          return stop(StopKind::forbidden_load, address);
        }
        switch (function) {
          case 0:  // lb
            result = sign_extended(memory_.load<std::uint8_t>(address), 8);
            break;
          case 1:  // lh
            result = sign_extended(memory_.load<std::uint16_t>(address), 16);
            break;
          case 2:  // lw
            result = memory_.load<std::uint32_t>(address);
            break;
          case 4:  // lbu
            result = memory_.load<std::uint8_t>(address);
            break;
          default:  // lhu
            result = memory_.load<std::uint16_t>(address);
            break;
        }
        break;
      }
      case 0x23: {  // stores
        const std::uint32_t address = left + immediate_s(instruction);
        if (function > 2) {
          return stop(StopKind::illegal_instruction);
        }
        if (address % (std::uint32_t{1} << function) != 0) {
          return stop(StopKind::misaligned_store, address);
        }
        if (!memory_.allows(address, may_write)) {
          return stop(StopKind::forbidden_store, address);
        }
        has_result = false;
        if (function == 0) {  // sb
          memory_.store(address, static_cast<std::uint8_t>(right));
        } else if (function == 1) {  // sh
          memory_.store(address, static_cast<std::uint16_t>(right));
        } else {  // sw
          memory_.store(address, right);
        }
        break;
      }
      case 0x13: {  // arithmetic with an immediate
        const bool is_left_shift = function == 1;
        const bool is_right_shift = function == 5;
        if ((is_left_shift && upper != 0) || (is_right_shift && upper != 0 && upper != 0x20)) {
          return stop(StopKind::illegal_instruction);
        }
        result =
            computed(function, is_right_shift && upper == 0x20, left, immediate_i(instruction));
        break;
      }
      case 0x33:  // arithmetic between registers
        if (upper == 1) {
          result = multiplied_or_divided(function, left, right);
        } else if (upper == 0 || (upper == 0x20 && (function == 0 || function == 5))) {
          result = computed(function, upper == 0x20, left, right);
        } else {
          return stop(StopKind::illegal_instruction);
        }
        break;
      case 0x0F:  // fence: there is nobody to be in order with
        if (function != 0) {
          return stop(StopKind::illegal_instruction);
        }
        has_result = false;
        break;
      case 0x73:
        if (instruction == ecall) {
          const Stop call = stop(StopKind::environment_call);
          ++executed_;
          pc_ = next;
          return call;
        }
        return stop(instruction == ebreak ? StopKind::breakpoint : StopKind::illegal_instruction);
      default:
        return stop(StopKind::illegal_instruction);
    }
    if (has_result) {
      set_reg(target_register, result);
    }
    pc_ = next;
  }
  return {StopKind::limit_reached, pc_, 0, 0};
}

}  // namespace meridian::rv32
