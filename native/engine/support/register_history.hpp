// Whether a recorded history of one register, with one writer and any number of readers, can be
// explained by operations that each took effect at one moment between their call and their return.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meridian::engine {

// A write of, or a read that gave, the value `version`. The stamps are of one clock that never
// shows the same number twice.
struct RegisterOperation {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t version = 0;
};

struct RegisterHistory {
  std::vector<RegisterOperation> writes;  // in order; versions rise from above 0, the first value
  std::vector<RegisterOperation> reads;   // in any order
};

// What is wrong; empty when the history is linearisable. For one writer that is the case exactly
// when every read gives a value that was written, no older than the last write that had ended when
// the read began and no newer than the last that had begun when it ended, and no read gives an
// older value than a read that had ended before it began (Lamport, On interprocess communication,
// 1986, part II, theorem on atomic registers). Cost: n log n.
inline std::string fault_of(const RegisterHistory& history) {
  const auto& writes = history.writes;
  for (std::size_t at = 0; at < writes.size(); ++at) {
    const bool follows = at == 0 ? writes[at].version > 0
                                 : writes[at].begin > writes[at - 1].end &&
                                       writes[at].version > writes[at - 1].version;
    if (!follows || writes[at].begin >= writes[at].end) {
      return "the writes do not follow each other";
    }
  }
  std::vector<RegisterOperation> by_begin = history.reads;
  std::ranges::sort(by_begin, {}, &RegisterOperation::begin);
  std::vector<RegisterOperation> by_end = history.reads;
  std::ranges::sort(by_end, {}, &RegisterOperation::end);
  std::uint64_t newest_returned = 0;  // by the reads that ended before the one looked at began
  auto ended = by_end.begin();
  for (const RegisterOperation& read : by_begin) {
    const std::string name = "the read of " + std::to_string(read.version) + " from " +
                             std::to_string(read.begin) + " to " + std::to_string(read.end);
    if (read.begin >= read.end) {
      return name + " ends before it begins";
    }
    const auto version =
        std::ranges::lower_bound(writes, read.version, {}, &RegisterOperation::version);
    if (read.version != 0 && (version == writes.end() || version->version != read.version)) {
      return name + " gives what nobody wrote";
    }
    const auto unended = std::ranges::lower_bound(writes, read.begin, {}, &RegisterOperation::end);
    if (unended != writes.begin() && read.version < (unended - 1)->version) {
      return name + " is stale: " + std::to_string((unended - 1)->version) + " was written before";
    }
    if (read.version != 0 && version->begin > read.end) {
      return name + " gives what was written only after it";
    }
    for (; ended != by_end.end() && ended->end < read.begin; ++ended) {
      newest_returned = std::max(newest_returned, ended->version);
    }
    if (read.version < newest_returned) {
      return name + " goes back behind " + std::to_string(newest_returned) +
             ", which was read before";
    }
  }
  return "";
}

// The slow twin: tries every order of at most about eight operations that agrees with the stamps.
inline bool is_linearisable_by_search(const RegisterHistory& history) {
  struct Operation {
    RegisterOperation stamps;
    bool is_write;
  };
  std::vector<Operation> open;
  open.reserve(history.writes.size() + history.reads.size());
  for (const RegisterOperation& write : history.writes) {
    open.push_back({write, true});
  }
  for (const RegisterOperation& read : history.reads) {
    open.push_back({read, false});
  }
  const auto search = [](const auto& self, std::vector<Operation>& left,
                         std::uint64_t value) -> bool {
    if (left.empty()) {
      return true;
    }
    for (std::size_t at = 0; at < left.size(); ++at) {
      const Operation next = left[at];
      const bool may_be_first = std::ranges::none_of(
          left, [&next](const Operation& other) { return other.stamps.end < next.stamps.begin; });
      if (!may_be_first || (!next.is_write && next.stamps.version != value)) {
        continue;
      }
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
      if (self(self, left, next.is_write ? next.stamps.version : value)) {
        return true;
      }
      left.insert(left.begin() + static_cast<std::ptrdiff_t>(at), next);
    }
    return false;
  };
  return search(search, open, 0);
}

}  // namespace meridian::engine
