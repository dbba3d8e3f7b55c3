// What this machine offers the reactor: io_uring and processor features.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace meridian::reactor {

struct UringProbe {
  bool is_available = false;
  // Why not, and what would change it; empty when available.
  std::string reason;
  std::uint32_t features = 0;              // IORING_FEAT_* bits as the kernel reports them
  std::vector<std::string> feature_names;  // those with a name here
  std::vector<std::uint32_t> operations;   // supported opcodes, ascending
  std::vector<std::string> setup_flags;    // setup flags that the kernel accepts
};

struct ProcessorProbe {
  std::vector<std::string> features;  // those the native code can make use of
  bool has_steady_counter = false;
  unsigned online = 0;  // processors this process may run on
};

// Makes and closes a few small rings; some milliseconds.
UringProbe probe_uring();
ProcessorProbe probe_processor();

}  // namespace meridian::reactor
