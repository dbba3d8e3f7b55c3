// Runs a program under a seccomp filter, as a container runtime does:
//   seccomp_run RULES PROGRAM [ARGUMENT…]
// RULES is a file; numbers of system calls are this machine's.
//   default ERRNO                      what is not named is refused with this error
//   allow NUMBER
//   masked NUMBER INDEX MASK VALUE     allowed when (low word of the argument & MASK) == VALUE
//   errno NUMBER ERRNO
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#endif

using Filter = std::vector<sock_filter>;

void load(Filter& filter, std::size_t offset) {
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}
void answer(Filter& filter, std::uint32_t action) {
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, action));
}
// The next `skipped` instructions are for this value alone.
void unless(Filter& filter, std::uint32_t value, std::uint8_t skipped) {
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped));
}
std::uint32_t error(unsigned number) { return SECCOMP_RET_ERRNO | (number & SECCOMP_RET_DATA); }

bool read_rules(const char* path, Filter& filter) {
  std::ifstream rules(path);
  load(filter, offsetof(seccomp_data, arch));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
  answer(filter, SECCOMP_RET_KILL_PROCESS);
  load(filter, offsetof(seccomp_data, nr));
  std::uint32_t otherwise = SECCOMP_RET_KILL_PROCESS;
  for (std::string word; rules >> word;) {
    std::uint32_t number = 0;
    rules >> number;
    if (word == "default") {
      otherwise = error(number);
    } else if (word == "allow") {
      unless(filter, number, 1);
      answer(filter, SECCOMP_RET_ALLOW);
    } else if (word == "errno") {
      std::uint32_t code = 0;
      rules >> code;
      unless(filter, number, 1);
      answer(filter, error(code));
    } else if (word == "masked") {
      std::uint32_t index = 0;
      std::uint32_t mask = 0;
      std::uint32_t value = 0;
      rules >> index >> mask >> value;
      unless(filter, number, 5);
      load(filter, offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
      filter.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
      unless(filter, value, 1);
      answer(filter, SECCOMP_RET_ALLOW);
      answer(filter, error(1));
    } else {
      return false;
    }
    if (rules.fail()) {
      return false;
    }
  }
  answer(filter, otherwise);
  return filter.size() > 5;
}

}  // namespace

int main(int count, char** arguments) {
  Filter filter;
  if (count < 3 || !read_rules(arguments[1], filter)) {
    std::fputs("usage: seccomp_run RULES PROGRAM [ARGUMENT…]\n", stderr);
    return 2;
  }
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("seccomp_run: the kernel takes no filter");
    return 3;
  }
  execvp(arguments[2], arguments + 2);
  std::perror("seccomp_run: the program does not start");
  return 127;
}
