// The line in a log's lock file that names its holder: `<pid> <start time>`.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>

namespace meridian::journal {

// The line of a living process: its id and its start time (field 22 of /proc/<pid>/stat), because a
// process id alone is given again after a restart. Empty when there is no such process.
std::string lock_line(pid_t process);

// Whether the line names a process that lives. A line that is not of this form names nobody.
bool holder_lives(std::string_view line);

}  // namespace meridian::journal
