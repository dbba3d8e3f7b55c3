// Every instruction against values worked out by hand. The words were made by an assembler (GNU as
// 2.40), so that encoding is not tested against our own idea of it.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "memory.hpp"

namespace meridian::rv32 {
namespace {

constexpr unsigned a0 = 10;
constexpr unsigned a1 = 11;
constexpr unsigned a2 = 12;

constexpr std::uint32_t code = 0x0080'0000;
constexpr std::uint32_t data = 0x2000;
constexpr std::uint32_t constants = data + page_bytes;
constexpr std::uint32_t nowhere = constants + page_bytes;

constexpr std::uint32_t ecall = 0x00000073;
constexpr std::uint32_t untouched = 0xA5A5A5A5;

// A processor before one page of code, one of data and one of constants.
struct Bench {
  Memory memory;
  Machine machine{memory, code};

  explicit Bench(const std::vector<std::uint32_t>& words) {
    EXPECT_TRUE(memory.map(code, page_bytes, may_read | may_execute));
    EXPECT_TRUE(memory.map(data, page_bytes, may_read | may_write));
    EXPECT_TRUE(memory.map(constants, page_bytes, may_read));
    std::uint32_t address = code;
    for (const std::uint32_t word : words) {
      memory.store(address, word);
      address += 4;
    }
    machine.set_reg(a0, untouched);
  }
};

// ---- arithmetic

struct Arithmetic {
  const char* text;
  std::uint32_t word;
  std::uint32_t left;    // in a1
  std::uint32_t right;   // in a2
  std::uint32_t result;  // in a0
};
void PrintTo(const Arithmetic& one, std::ostream* out) {
  *out << one.text << " of " << one.left << " and " << one.right;
}

class ArithmeticTest : public testing::TestWithParam<Arithmetic> {};

TEST_P(ArithmeticTest, GivesTheResultOfTheSpecification) {
  const Arithmetic& one = GetParam();
  Bench bench({one.word});
  bench.machine.set_reg(a1, one.left);
  bench.machine.set_reg(a2, one.right);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.reg(a0), one.result);
  EXPECT_EQ(bench.machine.reg(a1), one.left);
  EXPECT_EQ(bench.machine.reg(a2), one.right);
  EXPECT_EQ(bench.machine.pc(), code + 4);
  EXPECT_EQ(bench.machine.executed(), 1U);
}

// clang-format off
constexpr Arithmetic arithmetic[] = {
    {"add a0, a1, a2", 0x00C58533, 1, 2, 3},
    {"add a0, a1, a2", 0x00C58533, 0xFFFFFFFF, 1, 0},
    {"add a0, a1, a2", 0x00C58533, 0x7FFFFFFF, 1, 0x80000000},
    {"sub a0, a1, a2", 0x40C58533, 0, 1, 0xFFFFFFFF},
    {"sub a0, a1, a2", 0x40C58533, 0x80000000, 1, 0x7FFFFFFF},
    {"sll a0, a1, a2", 0x00C59533, 0x80000001, 0x1F, 0x80000000},
    {"sll a0, a1, a2", 0x00C59533, 0x12345678, 0x20, 0x12345678},
    {"sll a0, a1, a2", 0x00C59533, 1, 0xFFFFFFE4, 0x10},
    {"slt a0, a1, a2", 0x00C5A533, 0x80000000, 0x7FFFFFFF, 1},
    {"slt a0, a1, a2", 0x00C5A533, 5, 5, 0},
    {"slt a0, a1, a2", 0x00C5A533, 0, 0xFFFFFFFF, 0},
    {"sltu a0, a1, a2", 0x00C5B533, 0x80000000, 0x7FFFFFFF, 0},
    {"sltu a0, a1, a2", 0x00C5B533, 0, 0xFFFFFFFF, 1},
    {"xor a0, a1, a2", 0x00C5C533, 0xFF00FF00, 0xFF00FF0, 0xF0F0F0F0},
    {"srl a0, a1, a2", 0x00C5D533, 0x80000000, 0x1F, 1},
    {"srl a0, a1, a2", 0x00C5D533, 0xFFFFFFFF, 0x24, 0xFFFFFFF},
    {"sra a0, a1, a2", 0x40C5D533, 0x80000000, 0x1F, 0xFFFFFFFF},
    {"sra a0, a1, a2", 0x40C5D533, 0x7FFFFFFF, 4, 0x7FFFFFF},
    {"sra a0, a1, a2", 0x40C5D533, 0x87654321, 0x20, 0x87654321},
    {"or a0, a1, a2", 0x00C5E533, 0xFF00FF00, 0xFF00FF0, 0xFFF0FFF0},
    {"and a0, a1, a2", 0x00C5F533, 0xFF00FF00, 0xFF00FF0, 0xF000F00},
    {"addi a0, a1, 2047", 0x7FF58513, 1, 0, 0x800},
    {"addi a0, a1, -2048", 0x80058513, 0, 0, 0xFFFFF800},
    {"addi a0, a1, -1", 0xFFF58513, 0, 0, 0xFFFFFFFF},
    {"slti a0, a1, -1", 0xFFF5A513, 0xFFFFFFFE, 0, 1},
    {"slti a0, a1, -1", 0xFFF5A513, 0xFFFFFFFF, 0, 0},
    {"slti a0, a1, 2047", 0x7FF5A513, 0x80000000, 0, 1},
    {"sltiu a0, a1, -1", 0xFFF5B513, 0xFFFFFFFE, 0, 1},
    {"sltiu a0, a1, 1", 0x0015B513, 0, 0, 1},
    {"sltiu a0, a1, 1", 0x0015B513, 1, 0, 0},
    {"xori a0, a1, -1", 0xFFF5C513, 0x12345678, 0, 0xEDCBA987},
    {"ori a0, a1, -2048", 0x8005E513, 0x7FF, 0, 0xFFFFFFFF},
    {"andi a0, a1, -16", 0xFF05F513, 0x12345678, 0, 0x12345670},
    {"andi a0, a1, 2047", 0x7FF5F513, 0xFFFFFFFF, 0, 0x7FF},
    {"slli a0, a1, 31", 0x01F59513, 3, 0, 0x80000000},
    {"slli a0, a1, 0", 0x00059513, 0x89ABCDEF, 0, 0x89ABCDEF},
    {"srli a0, a1, 31", 0x01F5D513, 0x80000000, 0, 1},
    {"srli a0, a1, 4", 0x0045D513, 0xF0000000, 0, 0xF000000},
    {"srai a0, a1, 31", 0x41F5D513, 0x80000000, 0, 0xFFFFFFFF},
    {"srai a0, a1, 4", 0x4045D513, 0xF0000000, 0, 0xFF000000},
    {"lui a0, 0xFFFFF", 0xFFFFF537, 0, 0, 0xFFFFF000},
    {"lui a0, 1", 0x00001537, 0, 0, 0x1000},
    {"mul a0, a1, a2", 0x02C58533, 7, 6, 0x2A},
    {"mul a0, a1, a2", 0x02C58533, 0xFFFFFFFF, 0xFFFFFFFF, 1},
    {"mul a0, a1, a2", 0x02C58533, 0x80000000, 0xFFFFFFFF, 0x80000000},
    {"mul a0, a1, a2", 0x02C58533, 0x12345678, 0x9ABCDEF0, 0x242D2080},
    {"mulh a0, a1, a2", 0x02C59533, 0xFFFFFFFF, 0xFFFFFFFF, 0},
    {"mulh a0, a1, a2", 0x02C59533, 0x80000000, 0x80000000, 0x40000000},
    {"mulh a0, a1, a2", 0x02C59533, 0x80000000, 0x7FFFFFFF, 0xC0000000},
    {"mulh a0, a1, a2", 0x02C59533, 0x80000000, 1, 0xFFFFFFFF},
    {"mulhsu a0, a1, a2", 0x02C5A533, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF},
    {"mulhsu a0, a1, a2", 0x02C5A533, 0x80000000, 0x80000000, 0xC0000000},
    {"mulhsu a0, a1, a2", 0x02C5A533, 0x80000000, 0xFFFFFFFF, 0x80000000},
    {"mulhsu a0, a1, a2", 0x02C5A533, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFE},
    {"mulhsu a0, a1, a2", 0x02C5A533, 1, 0x80000000, 0},
    {"mulhu a0, a1, a2", 0x02C5B533, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE},
    {"mulhu a0, a1, a2", 0x02C5B533, 0x80000000, 0x80000000, 0x40000000},
    {"mulhu a0, a1, a2", 0x02C5B533, 0x80000000, 1, 0},
    {"div a0, a1, a2", 0x02C5C533, 7, 0xFFFFFFFE, 0xFFFFFFFD},
    {"div a0, a1, a2", 0x02C5C533, 0xFFFFFFF9, 2, 0xFFFFFFFD},
    {"div a0, a1, a2", 0x02C5C533, 5, 0, 0xFFFFFFFF},
    {"div a0, a1, a2", 0x02C5C533, 0x80000000, 0, 0xFFFFFFFF},
    {"div a0, a1, a2", 0x02C5C533, 0x80000000, 0xFFFFFFFF, 0x80000000},
    {"div a0, a1, a2", 0x02C5C533, 0x80000001, 0xFFFFFFFF, 0x7FFFFFFF},
    {"divu a0, a1, a2", 0x02C5D533, 0xFFFFFFF9, 2, 0x7FFFFFFC},
    {"divu a0, a1, a2", 0x02C5D533, 5, 0, 0xFFFFFFFF},
    {"divu a0, a1, a2", 0x02C5D533, 0x80000000, 0xFFFFFFFF, 0},
    {"rem a0, a1, a2", 0x02C5E533, 7, 0xFFFFFFFE, 1},
    {"rem a0, a1, a2", 0x02C5E533, 0xFFFFFFF9, 2, 0xFFFFFFFF},
    {"rem a0, a1, a2", 0x02C5E533, 5, 0, 5},
    {"rem a0, a1, a2", 0x02C5E533, 0x80000000, 0, 0x80000000},
    {"rem a0, a1, a2", 0x02C5E533, 0x80000000, 0xFFFFFFFF, 0},
    {"remu a0, a1, a2", 0x02C5F533, 0xFFFFFFF9, 2, 1},
    {"remu a0, a1, a2", 0x02C5F533, 5, 0, 5},
    {"remu a0, a1, a2", 0x02C5F533, 0x80000000, 0xFFFFFFFF, 0x80000000},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Rv32im, ArithmeticTest, testing::ValuesIn(arithmetic));

TEST(Machine, AddsUpperImmediatesToItsPlace) {
  Bench bench({0x00000517,    // auipc a0, 0
               0xFFFFF597});  // auipc a1, 0xFFFFF
  bench.machine.run(2);
  EXPECT_EQ(bench.machine.reg(a0), code);
  EXPECT_EQ(bench.machine.reg(a1), code + 4 - 0x1000);
}

TEST(Machine, KeepsRegisterZeroAtZero) {
  Bench bench({0x00158013,    // addi zero, a1, 1
               0xFFC5A003});  // lw zero, -4(a1)
  bench.machine.set_reg(a1, data + 4);
  bench.machine.set_reg(0, 7);
  bench.memory.store(data, std::uint32_t{5});
  EXPECT_EQ(bench.machine.run(2).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.reg(0), 0U);
}

// ---- memory

struct Load {
  const char* text;
  std::uint32_t word;
  std::uint32_t base;  // in a1
  std::uint32_t result;
};
void PrintTo(const Load& one, std::ostream* out) { *out << one.text; }

class LoadTest : public testing::TestWithParam<Load> {};

TEST_P(LoadTest, WidensWhatIsInMemory) {
  const Load& one = GetParam();
  Bench bench({one.word});
  bench.memory.store(data, std::uint32_t{0xFEDC'BA98});
  bench.memory.store(constants, std::uint32_t{0x7654'3210});
  bench.machine.set_reg(a1, one.base);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.reg(a0), one.result);
}

constexpr Load loads[] = {
    {"lb a0, -1(a1)", 0xFFF58503, data + 1, 0xFFFFFF98},
    {"lb a0, 0(a1)", 0x00058503, constants + 3, 0x76},
    {"lbu a0, -1(a1)", 0xFFF5C503, data + 1, 0x98},
    {"lbu a0, -1(a1)", 0xFFF5C503, data + 4, 0xFE},
    {"lh a0, -2(a1)", 0xFFE59503, data + 2, 0xFFFFBA98},
    {"lh a0, -2(a1)", 0xFFE59503, constants + 4, 0x7654},
    {"lhu a0, -2(a1)", 0xFFE5D503, data + 4, 0xFEDC},
    {"lw a0, -4(a1)", 0xFFC5A503, data + 4, 0xFEDCBA98},
    {"lw a0, 2047(a1)", 0x7FF5A503, data - 2047, 0xFEDCBA98},
};
INSTANTIATE_TEST_SUITE_P(Rv32im, LoadTest, testing::ValuesIn(loads));

struct Store {
  const char* text;
  std::uint32_t word;
  std::uint32_t base;  // in a1
  std::uint32_t result;
};
void PrintTo(const Store& one, std::ostream* out) { *out << one.text; }

class StoreTest : public testing::TestWithParam<Store> {};

TEST_P(StoreTest, ChangesItsBytesAndNoOthers) {
  const Store& one = GetParam();
  Bench bench({one.word});
  for (const std::uint32_t address : {data, data + 4, data + 8}) {
    bench.memory.store(address, std::uint32_t{0x1111'1111});
  }
  bench.machine.set_reg(a1, one.base);
  bench.machine.set_reg(a2, 0xFEDC'BA98);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.memory.load<std::uint32_t>(data), 0x1111'1111U);
  EXPECT_EQ(bench.memory.load<std::uint32_t>(data + 4), one.result);
  EXPECT_EQ(bench.memory.load<std::uint32_t>(data + 8), 0x1111'1111U);
  EXPECT_EQ(bench.machine.reg(a0), untouched);
}

constexpr Store stores[] = {
    {"sb a2, -1(a1)", 0xFEC58FA3, data + 5, 0x11111198},
    {"sb a2, -1(a1)", 0xFEC58FA3, data + 8, 0x98111111},
    {"sb a2, -2048(a1)", 0x80C58023, data + 6 + 2048, 0x11981111},
    {"sh a2, -2(a1)", 0xFEC59F23, data + 6, 0x1111BA98},
    {"sh a2, -2(a1)", 0xFEC59F23, data + 8, 0xBA981111},
    {"sw a2, -4(a1)", 0xFEC5AE23, data + 8, 0xFEDCBA98},
    {"sw a2, 2044(a1)", 0x7EC5AE23, data + 4 - 2044, 0xFEDCBA98},
};
INSTANTIATE_TEST_SUITE_P(Rv32im, StoreTest, testing::ValuesIn(stores));

TEST(Machine, WrapsAddressesAround) {
  Bench bench({0x7FF5A503});  // lw a0, 2047(a1)
  EXPECT_TRUE(bench.memory.map(0, page_bytes, may_read));
  bench.memory.store(0x7F0, std::uint32_t{77});
  bench.machine.set_reg(a1, 0xFFFFFFF1);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.reg(a0), 77U);
}

// ---- jumps

struct Branch {
  const char* text;
  std::uint32_t word;
  std::uint32_t left;
  std::uint32_t right;
  std::uint32_t moved;  // how far pc goes
};
void PrintTo(const Branch& one, std::ostream* out) {
  *out << one.text << " of " << one.left << " and " << one.right;
}

class BranchTest : public testing::TestWithParam<Branch> {};

TEST_P(BranchTest, GoesWhereTheComparisonSays) {
  const Branch& one = GetParam();
  Bench bench({one.word});
  bench.machine.set_reg(a1, one.left);
  bench.machine.set_reg(a2, one.right);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.pc(), code + one.moved);
  EXPECT_EQ(bench.machine.reg(a0), untouched);
}

constexpr Branch branches[] = {
    {"beq a1, a2, .+16", 0x00C58863, 5, 5, 16},
    {"beq a1, a2, .+16", 0x00C58863, 5, 6, 4},
    {"beq a1, a2, .-4096", 0x80C58063, 5, 5, 0U - 4096},
    {"bne a1, a2, .+16", 0x00C59863, 5, 6, 16},
    {"bne a1, a2, .+16", 0x00C59863, 5, 5, 4},
    {"blt a1, a2, .+16", 0x00C5C863, 0x80000000, 0, 16},
    {"blt a1, a2, .+16", 0x00C5C863, 0, 0xFFFFFFFF, 4},
    {"blt a1, a2, .+16", 0x00C5C863, 5, 5, 4},
    {"bge a1, a2, .+16", 0x00C5D863, 0, 0xFFFFFFFF, 16},
    {"bge a1, a2, .+16", 0x00C5D863, 5, 5, 16},
    {"bge a1, a2, .+16", 0x00C5D863, 0x80000000, 0, 4},
    {"bltu a1, a2, .+16", 0x00C5E863, 0, 0xFFFFFFFF, 16},
    {"bltu a1, a2, .+16", 0x00C5E863, 0x80000000, 0, 4},
    {"bltu a1, a2, .+16", 0x00C5E863, 5, 5, 4},
    {"bgeu a1, a2, .+16", 0x00C5F863, 0x80000000, 0, 16},
    {"bgeu a1, a2, .+16", 0x00C5F863, 5, 5, 16},
    {"bgeu a1, a2, .+16", 0x00C5F863, 0, 0xFFFFFFFF, 4},
    // Not taken: where it would lead does not matter.
    {"beq a1, a2, .+4094", 0x7EC58FE3, 5, 6, 4},
};
INSTANTIATE_TEST_SUITE_P(Rv32im, BranchTest, testing::ValuesIn(branches));

struct Jump {
  const char* text;
  std::uint32_t word;
  std::uint32_t base;  // in a1
  std::uint32_t target;
};
void PrintTo(const Jump& one, std::ostream* out) { *out << one.text; }

class JumpTest : public testing::TestWithParam<Jump> {};

TEST_P(JumpTest, GoesThereAndLeavesTheWayBack) {
  const Jump& one = GetParam();
  Bench bench({one.word});
  bench.machine.set_reg(a1, one.base);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.pc(), one.target);
  EXPECT_EQ(bench.machine.reg(a0), code + 4);
}

constexpr Jump jumps[] = {
    {"jal a0, .+16", 0x0100056F, 0, code + 16},
    {"jal a0, .-16", 0xFF1FF56F, 0, code - 16},
    {"jal a0, .+524292", 0x0048056F, 0, code + 524292},
    {"jalr a0, 8(a1)", 0x00858567, code + 0x100, code + 0x108},
    {"jalr a0, 8(a1) with an odd base", 0x00858567, code + 0x101, code + 0x108},
    {"jalr a0, -2048(a1)", 0x80058567, code, code - 2048},
};
INSTANTIATE_TEST_SUITE_P(Rv32im, JumpTest, testing::ValuesIn(jumps));

TEST(Machine, JumpsThroughTheRegisterThatTakesTheWayBack) {
  Bench bench({0x000585E7});  // jalr a1, 0(a1)
  bench.machine.set_reg(a1, code + 64);
  bench.machine.run(1);
  EXPECT_EQ(bench.machine.pc(), code + 64);
  EXPECT_EQ(bench.machine.reg(a1), code + 4);
}

// ---- what stops it

struct Fault {
  const char* text;
  std::uint32_t word;
  std::uint32_t base;  // in a1
  StopKind kind;
  std::uint32_t address;
};
void PrintTo(const Fault& one, std::ostream* out) { *out << one.text; }

class FaultTest : public testing::TestWithParam<Fault> {};

TEST_P(FaultTest, StopsBeforeAnythingHasChanged) {
  const Fault& one = GetParam();
  Bench bench({one.word});
  bench.machine.set_reg(a1, one.base);
  const Stop stop = bench.machine.run(5);
  EXPECT_EQ(describe(stop), describe({one.kind, code, one.word, one.address}));
  EXPECT_EQ(bench.machine.pc(), code);
  EXPECT_EQ(bench.machine.executed(), 0U);
  EXPECT_EQ(bench.machine.reg(a0), untouched);
  EXPECT_EQ(bench.machine.reg(a1), one.base);
}

constexpr Fault faults[] = {
    {"ebreak", 0x00100073, 0, StopKind::breakpoint, 0},
    {"all zeros", 0x00000000, 0, StopKind::illegal_instruction, 0},
    {"all ones", 0xFFFFFFFF, 0, StopKind::illegal_instruction, 0},
    {"two compressed instructions", 0x45014501, 0, StopKind::illegal_instruction, 0},
    {"fence.i", 0x0000100F, 0, StopKind::illegal_instruction, 0},
    {"csrrs a0, cycle, zero", 0xC0002573, 0, StopKind::illegal_instruction, 0},
    {"csrrw a0, mscratch, a1", 0x34059573, 0, StopKind::illegal_instruction, 0},
    {"mret", 0x30200073, 0, StopKind::illegal_instruction, 0},
    {"wfi", 0x10500073, 0, StopKind::illegal_instruction, 0},
    {"ecall with a register", 0x000000F3, 0, StopKind::illegal_instruction, 0},
    {"ld a0, 0(a1)", 0x0005B503, data, StopKind::illegal_instruction, 0},
    {"lwu a0, 0(a1)", 0x0005E503, data, StopKind::illegal_instruction, 0},
    {"load of width 7", 0x0005F503, data, StopKind::illegal_instruction, 0},
    {"sd a0, 0(a1)", 0x00A5B023, data, StopKind::illegal_instruction, 0},
    {"addiw a0, a1, 0", 0x0005851B, 0, StopKind::illegal_instruction, 0},
    {"addw a0, a1, a1", 0x00B5853B, 0, StopKind::illegal_instruction, 0},
    {"slli a0, a1, 32", 0x02059513, 0, StopKind::illegal_instruction, 0},
    {"srli a0, a1, 32", 0x0205D513, 0, StopKind::illegal_instruction, 0},
    {"srai a0, a1, 32", 0x4205D513, 0, StopKind::illegal_instruction, 0},
    {"slli with the bit of srai", 0x40059513, 0, StopKind::illegal_instruction, 0},
    {"xor with the bit of sub", 0x40B5C533, 0, StopKind::illegal_instruction, 0},
    {"sll with the bit of sub", 0x40B59533, 0, StopKind::illegal_instruction, 0},
    {"add with two bits more", 0x42B58533, 0, StopKind::illegal_instruction, 0},
    {"branch of kind 2", 0x00B5A863, 0, StopKind::illegal_instruction, 0},
    {"branch of kind 3", 0x00B5B863, 0, StopKind::illegal_instruction, 0},
    {"jalr of kind 1", 0x00859567, code, StopKind::illegal_instruction, 0},
    {"flw fa0, 0(a1)", 0x0005A507, data, StopKind::illegal_instruction, 0},
    {"amoadd.w a0, a0, (a1)", 0x00A5A52F, data, StopKind::illegal_instruction, 0},
    {"jal a0, .+2", 0x0020056F, 0, StopKind::misaligned_fetch, code + 2},
    {"jalr a0, 8(a1) to half an instruction", 0x00858567, code + 2, StopKind::misaligned_fetch,
     code + 10},
    {"beq a1, a1, .+2", 0x00B58163, 0, StopKind::misaligned_fetch, code + 2},
    {"lh a0, -2(a1) at an odd address", 0xFFE59503, data + 3, StopKind::misaligned_load, data + 1},
    {"lhu a0, -2(a1) at an odd address", 0xFFE5D503, data + 3, StopKind::misaligned_load, data + 1},
    {"lw a0, -4(a1) at half a word", 0xFFC5A503, data + 6, StopKind::misaligned_load, data + 2},
    {"sh a2, -2(a1) at an odd address", 0xFEC59F23, data + 3, StopKind::misaligned_store, data + 1},
    {"sw a2, -4(a1) at half a word", 0xFEC5AE23, data + 6, StopKind::misaligned_store, data + 2},
    {"lw a0, -4(a1) of nothing", 0xFFC5A503, nowhere + 4, StopKind::forbidden_load, nowhere},
    {"lb a0, -1(a1) below the first page", 0xFFF58503, data, StopKind::forbidden_load, data - 1},
    {"sw a2, -4(a1) to constants", 0xFEC5AE23, constants + 4, StopKind::forbidden_store, constants},
    {"sb a2, -1(a1) to code", 0xFEC58FA3, code + 1, StopKind::forbidden_store, code},
    {"sw a2, -4(a1) at the end of all", 0xFEC5AE23, 0, StopKind::forbidden_store, 0xFFFFFFFC},
};
INSTANTIATE_TEST_SUITE_P(Rv32im, FaultTest, testing::ValuesIn(faults));

TEST(Machine, StopsWhereItIsSentToMemoryThatIsNotCode) {
  Bench bench({0x00058567});  // jalr a0, 0(a1)
  bench.machine.set_reg(a1, data);
  EXPECT_EQ(describe(bench.machine.run(5)), describe({StopKind::forbidden_fetch, data, 0, data}));
  EXPECT_EQ(bench.machine.executed(), 1U);
}

TEST(Machine, StopsAtAnEntryThatIsNotAligned) {
  Bench bench({});
  Machine machine(bench.memory, code + 2);
  EXPECT_EQ(machine.run(1).kind, StopKind::misaligned_fetch);
}

TEST(Machine, GoesOnBehindACallOfItsEnvironment) {
  Bench bench({ecall, 0x00150513});  // addi a0, a0, 1
  EXPECT_EQ(bench.machine.run(5).kind, StopKind::environment_call);
  EXPECT_EQ(bench.machine.pc(), code + 4);
  EXPECT_EQ(bench.machine.executed(), 1U);
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.reg(a0), untouched + 1);
}

TEST(Machine, PassesAFence) {
  Bench bench({0x0FF0000F});  // fence
  EXPECT_EQ(bench.machine.run(1).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.pc(), code + 4);
}

TEST(Machine, EndsALoopAtTheLimit) {
  Bench bench({0x00150513,    // addi a0, a0, 1
               0xFFDFF06F});  // j .-4
  const Stop stop = bench.machine.run(1001);
  EXPECT_EQ(stop.kind, StopKind::limit_reached);
  EXPECT_EQ(stop.pc, code + 4);
  EXPECT_EQ(bench.machine.executed(), 1001U);
  EXPECT_EQ(bench.machine.reg(a0), untouched + 501);
  EXPECT_EQ(bench.machine.run(0).kind, StopKind::limit_reached);
  EXPECT_EQ(bench.machine.executed(), 1001U);
}

TEST(Machine, SaysWhereItStoppedAndWhy) {
  EXPECT_EQ(describe({StopKind::misaligned_load, 0x2000, 0xFFC5A503, 0x12345}),
            "misaligned load at pc 0x00002000 (instruction 0xffc5a503, address 0x00012345)");
}

// ---- the memory itself

TEST(Memory, MapsWholePagesOnceOnly) {
  Memory memory;
  EXPECT_TRUE(memory.map(0x5001, 1, may_read));
  EXPECT_TRUE(memory.allows(0x5FFF, may_read));
  EXPECT_FALSE(memory.allows(0x5FFF, may_write));
  EXPECT_FALSE(memory.allows(0x6000, may_read));
  EXPECT_FALSE(memory.map(0x4FFF, 2, may_write));
  EXPECT_FALSE(memory.allows(0x4FFF, may_write));
  EXPECT_TRUE(memory.map(0x5000, 0, may_write));
  EXPECT_TRUE(memory.map(0xFFFFF000, 0x1000, may_write));
  EXPECT_FALSE(memory.map(0xFFFFE000, 0x2001, may_write));
}

TEST(Memory, AllowsARangeOnlyAsAWhole) {
  Memory memory;
  EXPECT_TRUE(memory.map(0x5000, 0x2000, may_read));
  EXPECT_TRUE(memory.map(0xFFFFF000, 0x1000, may_read));
  EXPECT_TRUE(memory.allows_all(0x5000, 0x2000, may_read));
  EXPECT_TRUE(memory.allows_all(0x5FFF, 2, may_read));
  EXPECT_TRUE(memory.allows_all(0x9000, 0, may_read));
  EXPECT_FALSE(memory.allows_all(0x4FFF, 2, may_read));
  EXPECT_FALSE(memory.allows_all(0x6FFF, 2, may_read));
  EXPECT_FALSE(memory.allows_all(0x5000, 1, may_write));
  EXPECT_TRUE(memory.allows_all(0xFFFFFFFF, 1, may_read));
  EXPECT_FALSE(memory.allows_all(0xFFFFFFFF, 2, may_read));
}

TEST(Memory, StartsZeroed) {
  Memory memory;
  EXPECT_EQ(memory.load<std::uint32_t>(0), 0U);
  EXPECT_EQ(memory.load<std::uint8_t>(0xFFFFFFFF), 0U);
}

}  // namespace
}  // namespace meridian::rv32
