# Fails when object files need anything from outside that is not theirs: no allocation, no
# exceptions, no mathematics library, no threads, no system calls. Run by cmake -P with
#   NM       the program nm
#   OBJECTS  a list of object files, which may use each other's symbols
#   ALLOWED  a list of symbols from outside that they may use as well; none when left out
#   LEAST    how many symbols of their own they must have for the check to mean anything; 5 when left out
cmake_minimum_required(VERSION 3.18)

execute_process(COMMAND ${NM} --undefined-only --format=posix ${OBJECTS}
  OUTPUT_VARIABLE undefined RESULT_VARIABLE failed)
execute_process(COMMAND ${NM} --defined-only --format=posix ${OBJECTS}
  OUTPUT_VARIABLE defined RESULT_VARIABLE failed_too)
if(failed OR failed_too)
  message(FATAL_ERROR "cannot read the symbols of ${OBJECTS}")
endif()

# memcpy, memset and bcmp are what compilers make of copies and comparisons; the table is the linker's.
set(allowed memcpy memset bcmp _GLOBAL_OFFSET_TABLE_ ${ALLOWED})
string(REGEX MATCHALL "[^\n]+" defined_lines "${defined}")
set(own "")
set(count 0)
foreach(line IN LISTS defined_lines)
  string(REGEX REPLACE " .*" "" name "${line}")
  list(APPEND own "${name}")
  math(EXPR count "${count} + 1")
endforeach()
if(NOT DEFINED LEAST)
  set(LEAST 5)
endif()
if(count LESS ${LEAST})
  message(FATAL_ERROR "only ${count} symbols in ${OBJECTS}: the check would prove nothing")
endif()

set(bad "")
string(REGEX MATCHALL "[^\n]+" undefined_lines "${undefined}")
foreach(line IN LISTS undefined_lines)
  if(NOT line MATCHES "^([^ :]+) [UwWv]")
    continue()
  endif()
  set(name "${CMAKE_MATCH_1}")
  if(NOT name IN_LIST allowed AND NOT name IN_LIST own)
    list(APPEND bad "${name}")
  endif()
endforeach()
if(bad)
  list(REMOVE_DUPLICATES bad)
  string(REPLACE ";" "\n  " bad "${bad}")
  message(FATAL_ERROR "symbols from outside, which the hot path may not use:\n  ${bad}")
endif()
message(STATUS "${count} symbols of its own, none from outside")
