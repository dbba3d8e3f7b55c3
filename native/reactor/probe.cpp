#include "reactor/probe.hpp"

#include <liburing.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "reactor/tick_clock.hpp"

namespace meridian::reactor {
namespace {

struct NamedBit {
  const char* name;
  std::uint32_t bit;
};

// Bits of the kernel's interface. Newer ones than liburing 2.3 knows stand here by value: in its
// headers some are enumerators, which no preprocessor test can see.
constexpr std::array features{
    NamedBit{"single_mmap", 1U << 0U},      NamedBit{"nodrop", 1U << 1U},
    NamedBit{"submit_stable", 1U << 2U},    NamedBit{"rw_cur_pos", 1U << 3U},
    NamedBit{"cur_personality", 1U << 4U},  NamedBit{"fast_poll", 1U << 5U},
    NamedBit{"poll_32bits", 1U << 6U},      NamedBit{"sqpoll_nonfixed", 1U << 7U},
    NamedBit{"ext_arg", 1U << 8U},          NamedBit{"native_workers", 1U << 9U},
    NamedBit{"rsrc_tags", 1U << 10U},       NamedBit{"cqe_skip", 1U << 11U},
    NamedBit{"linked_file", 1U << 12U},     NamedBit{"reg_reg_ring", 1U << 13U},
    NamedBit{"recvsend_bundle", 1U << 14U}, NamedBit{"min_timeout", 1U << 15U},
};

struct SetupFlag {
  const char* name;
  std::uint32_t bits;  // the flag with those it needs
};
constexpr std::uint32_t setup_sqpoll = 1U << 1U;
constexpr std::uint32_t setup_cqsize = 1U << 3U;
constexpr std::uint32_t setup_clamp = 1U << 4U;
constexpr std::uint32_t setup_r_disabled = 1U << 6U;
constexpr std::uint32_t setup_submit_all = 1U << 7U;
constexpr std::uint32_t setup_coop_taskrun = 1U << 8U;
constexpr std::uint32_t setup_taskrun_flag = 1U << 9U;
constexpr std::uint32_t setup_sqe128 = 1U << 10U;
constexpr std::uint32_t setup_cqe32 = 1U << 11U;
constexpr std::uint32_t setup_single_issuer = 1U << 12U;
constexpr std::uint32_t setup_defer_taskrun = 1U << 13U;
constexpr std::uint32_t setup_no_sqarray = 1U << 16U;
constexpr std::array setup_flags{
    SetupFlag{"sqpoll", setup_sqpoll},
    SetupFlag{"cqsize", setup_cqsize},
    SetupFlag{"clamp", setup_clamp},
    SetupFlag{"r_disabled", setup_r_disabled},
    SetupFlag{"submit_all", setup_submit_all},
    SetupFlag{"coop_taskrun", setup_coop_taskrun},
    SetupFlag{"taskrun_flag", setup_taskrun_flag | setup_coop_taskrun},
    SetupFlag{"sqe128", setup_sqe128},
    SetupFlag{"cqe32", setup_cqe32},
    SetupFlag{"single_issuer", setup_single_issuer},
    SetupFlag{"defer_taskrun", setup_defer_taskrun | setup_single_issuer},
    SetupFlag{"no_sqarray", setup_no_sqarray},
};

// 0 or a negated errno.
int set_up(std::uint32_t flags, std::uint32_t& reported) {
  io_uring ring{};
  io_uring_params parameters{};
  parameters.flags = flags;
  parameters.cq_entries = (flags & setup_cqsize) != 0 ? 16 : 0;
  const int outcome = io_uring_queue_init_params(8, &ring, &parameters);
  if (outcome == 0) {
    reported = parameters.features;
    io_uring_queue_exit(&ring);
  }
  return outcome;
}

std::string first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Field of /proc/self/status, for instance "Seccomp".
std::string status_of(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) {
      const std::size_t at = line.find_first_not_of(" \t", field.size() + 1);
      return at == std::string::npos ? "" : line.substr(at);
    }
  }
  return "";
}

std::string explain(int error) {
  if (error == -ENOSYS) {
    return "this kernel has no io_uring; use Linux 5.19 or newer";
  }
  if (error == -EPERM || error == -EACCES) {
    const std::string disabled = first_line_of("/proc/sys/kernel/io_uring_disabled");
    if (disabled == "1" || disabled == "2") {
      return "kernel.io_uring_disabled is " + disabled +
             "; set it to 0 (sysctl -w kernel.io_uring_disabled=0)";
    }
    if (status_of("Seccomp") == "2") {
      return "a seccomp filter denies io_uring, as container run times do by default; run with a "
             "profile that allows io_uring_setup, io_uring_enter and io_uring_register";
    }
  }
  return std::string("io_uring_setup failed: ") + std::strerror(-error);
}

}  // namespace

UringProbe probe_uring() {
  UringProbe found;
  if (const int outcome = set_up(0, found.features); outcome != 0) {
    found.reason = explain(outcome);
    return found;
  }
  found.is_available = true;
  for (const NamedBit& feature : features) {
    if ((found.features & feature.bit) != 0) {
      found.feature_names.emplace_back(feature.name);
    }
  }
  for (const SetupFlag& flag : setup_flags) {
    std::uint32_t ignored = 0;
    if (set_up(flag.bits, ignored) == 0) {
      found.setup_flags.emplace_back(flag.name);
    }
  }
  io_uring_probe* probe = io_uring_get_probe();
  if (probe != nullptr) {
    for (std::uint32_t operation = 0; operation <= probe->last_op; ++operation) {
      if (io_uring_opcode_supported(probe, static_cast<int>(operation)) != 0) {
        found.operations.push_back(operation);
      }
    }
    io_uring_free_probe(probe);
  }
  return found;
}

ProcessorProbe probe_processor() {
  ProcessorProbe found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const auto add = [&found](bool has, const char* name) {
    if (has) {
      found.features.emplace_back(name);
    }
  };
  add(__builtin_cpu_supports("sse4.2") != 0, "sse4.2");
  add(__builtin_cpu_supports("popcnt") != 0, "popcnt");
  add(__builtin_cpu_supports("bmi2") != 0, "bmi2");
  add(__builtin_cpu_supports("avx2") != 0, "avx2");
  add(__builtin_cpu_supports("avx512f") != 0, "avx512f");
  add(__builtin_cpu_supports("avx512bw") != 0, "avx512bw");
  add(__builtin_cpu_supports("avx512vl") != 0, "avx512vl");
#endif
  found.has_steady_counter = has_steady_counter();
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof(processors), &processors) == 0) {
    found.online = static_cast<unsigned>(CPU_COUNT(&processors));
  }
  return found;
}

}  // namespace meridian::reactor
