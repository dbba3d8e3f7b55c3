// Runs an image as a user program of an operating system that knows three calls, numbered as in
// Linux: read (63) from standard input, write (64) to standard output or error, exit (93).
//   emulator [--limit=INSTRUCTIONS] IMAGE < input > output
// Ends with the status of the image; with 120 where the processor stopped it, 121 at the limit, 122
// where the image cannot be loaded. Says on standard error how many instructions were executed.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elf_image.hpp"
#include "machine.hpp"
#include "memory.hpp"

namespace {

using meridian::rv32::Machine;
using meridian::rv32::Memory;
using meridian::rv32::Stop;
using meridian::rv32::StopKind;

constexpr int status_usage = 2;
constexpr int status_stopped = 120;
constexpr int status_limit = 121;
constexpr int status_no_image = 122;

constexpr std::uint32_t call_read = 63;
constexpr std::uint32_t call_write = 64;
constexpr std::uint32_t call_exit = 93;

// Negative answers of calls, as in Linux.
constexpr std::uint32_t error_io = 0U - 5;
constexpr std::uint32_t error_bad_file = 0U - 9;
constexpr std::uint32_t error_bad_address = 0U - 14;
constexpr std::uint32_t error_no_call = 0U - 38;

// Registers of the calling convention.
constexpr unsigned a0 = 10;
constexpr unsigned a1 = 11;
constexpr unsigned a2 = 12;
constexpr unsigned a7 = 17;

constexpr std::uint64_t default_limit = 100'000'000'000;

std::optional<std::vector<std::byte>> contents_of(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) {
    return std::nullopt;
  }
  std::vector<std::byte> contents;
  std::vector<std::byte> block(std::size_t{1} << 16);
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file)) {
    contents.insert(contents.end(), block.begin(),
                    block.begin() + static_cast<std::ptrdiff_t>(got));
  }
  const bool is_whole = std::ferror(file) == 0;
  std::fclose(file);
  return is_whole ? std::optional(std::move(contents)) : std::nullopt;
}

std::uint32_t read_input(const Machine& machine, Memory& memory) {
  if (machine.reg(a0) != 0) {
    return error_bad_file;
  }
  if (!memory.allows_all(machine.reg(a1), machine.reg(a2), meridian::rv32::may_write)) {
    return error_bad_address;
  }
  const auto into = memory.bytes(machine.reg(a1), machine.reg(a2));
  const std::size_t got = std::fread(into.data(), 1, into.size(), stdin);
  return std::ferror(stdin) != 0 ? error_io : static_cast<std::uint32_t>(got);
}

std::uint32_t write_output(const Machine& machine, Memory& memory) {
  if (machine.reg(a0) != 1 && machine.reg(a0) != 2) {
    return error_bad_file;
  }
  if (!memory.allows_all(machine.reg(a1), machine.reg(a2), meridian::rv32::may_read)) {
    return error_bad_address;
  }
  const auto from = memory.bytes(machine.reg(a1), machine.reg(a2));
  std::FILE* file = machine.reg(a0) == 1 ? stdout : stderr;
  return std::fwrite(from.data(), 1, from.size(), file) == from.size()
             ? static_cast<std::uint32_t>(from.size())
             : error_io;
}

int run(Machine& machine, Memory& memory, std::uint64_t limit) {
  for (;;) {
    const Stop stop = machine.run(limit - machine.executed());
    if (stop.kind != StopKind::environment_call) {
      std::fprintf(stderr, "emulator: %s\n", meridian::rv32::describe(stop).c_str());
      return stop.kind == StopKind::limit_reached ? status_limit : status_stopped;
    }
    switch (machine.reg(a7)) {
      case call_read:
        machine.set_reg(a0, read_input(machine, memory));
        break;
      case call_write:
        machine.set_reg(a0, write_output(machine, memory));
        break;
      case call_exit:
        return static_cast<int>(machine.reg(a0) & 0xFF);
      default:
        machine.set_reg(a0, error_no_call);
        break;
    }
  }
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number > 0
             ? std::optional(number)
             : std::nullopt;
}

}  // namespace

int main(int count, char** arguments) {
  static constexpr std::string_view limit_option = "--limit=";
  std::optional<std::uint64_t> limit = default_limit;
  int place = 1;
  if (count == 3 && std::string_view(arguments[1]).starts_with(limit_option)) {
    limit = number_in(std::string_view(arguments[1]).substr(limit_option.size()));
    ++place;
  }
  if (count != place + 1 || !limit.has_value()) {
    std::fputs("usage: emulator [--limit=INSTRUCTIONS] IMAGE < input > output\n", stderr);
    return status_usage;
  }
  const auto file = contents_of(arguments[place]);
  if (!file.has_value()) {
    std::fprintf(stderr, "emulator: %s: cannot be read\n", arguments[place]);
    return status_no_image;
  }
  Memory memory;
  const meridian::rv32::LoadedImage image = meridian::rv32::load_image(*file, memory);
  if (image.fault != nullptr) {
    std::fprintf(stderr, "emulator: %s: %s\n", arguments[place], image.fault);
    return status_no_image;
  }
  Machine machine(memory, image.entry);
  const int status = run(machine, memory, *limit);
  std::fprintf(stderr, "instructions=%llu\n", static_cast<unsigned long long>(machine.executed()));
  return std::fflush(stdout) == 0 ? status : status_stopped;
}
