#include "journal/lock_line.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

namespace meridian::journal {

std::string lock_line(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // Field 2, the name, may hold spaces and brackets; what follows its last bracket does not.
  std::size_t at = text.rfind(')');
  // A process that ended but was not waited for yet (state Z) holds nothing any more.
  if (at == std::string::npos || text.compare(at, 3, ") Z") == 0) {
    return {};
  }
  constexpr int start_time_field = 22;
  for (int field = 2; field < start_time_field && at != std::string::npos; ++field) {
    at = text.find(' ', at + 1);
  }
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t end = text.find(' ', at + 1);
  return std::to_string(process) + text.substr(at, end - at) + "\n";
}

bool holder_lives(std::string_view line) {
  pid_t process = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), process);
  return parsed.ec == std::errc{} && process > 0 && lock_line(process) == line;
}

}  // namespace meridian::journal
