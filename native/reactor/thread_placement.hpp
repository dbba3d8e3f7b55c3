// Carries a placement out. None of it is needed for right answers: what the kernel refuses is
// reported and done without.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "reactor/placement.hpp"

namespace meridian::reactor {

// Threads of this process by their name.
std::vector<pid_t> threads_named(std::string_view name);

// Processors that this process may use, as its main thread may.
ProcessorList allowed_processors();

// Pins a thread to one processor; without one, to all of `allowed`. False when the kernel refuses.
bool pin_thread(pid_t thread, const std::optional<unsigned>& processor,
                const ProcessorList& allowed) noexcept;

// Takes the memory's pages from a node, those that are there already as well. False when the kernel
// refuses or knows no nodes.
bool bind_memory(std::span<std::byte> memory, unsigned node) noexcept;

}  // namespace meridian::reactor
