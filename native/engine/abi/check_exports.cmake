# Fails unless LIBRARY exports exactly the functions that HEADER declares, is loaded by the name
# libmeridian_engine.so.1, and needs nothing but the C library. NM and READELF are programs.
cmake_minimum_required(VERSION 3.18)

execute_process(COMMAND ${NM} -D --defined-only --format=posix ${LIBRARY}
  OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
execute_process(COMMAND ${READELF} -d ${LIBRARY} OUTPUT_VARIABLE dynamic RESULT_VARIABLE failed_too)
if(failed OR failed_too)
  message(FATAL_ERROR "cannot read ${LIBRARY}")
endif()

set(exported "")
string(REGEX MATCHALL "[^\n]+" lines "${symbols}")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "[@ ].*" "" name "${line}")
  # The name of the version itself is among them.
  if(NOT name STREQUAL "MERIDIAN_ENGINE_1")
    list(APPEND exported ${name})
  endif()
endforeach()

file(READ ${HEADER} header)
string(REGEX MATCHALL "meridian_engine_[a-z_]+\\(" declarations "${header}")
list(TRANSFORM declarations REPLACE "\\(" "" OUTPUT_VARIABLE declared)
list(REMOVE_DUPLICATES declared)
list(SORT declared)
list(SORT exported)
list(LENGTH exported count)
if(count LESS 10 OR NOT exported STREQUAL declared)
  message(FATAL_ERROR "exported: ${exported}\ndeclared: ${declared}")
endif()

if(NOT dynamic MATCHES "SONAME[^\n]*\\[libmeridian_engine\\.so\\.1\\]")
  message(FATAL_ERROR "another SONAME than libmeridian_engine.so.1:\n${dynamic}")
endif()
string(REGEX MATCHALL "NEEDED[^\n]*\\[([^]]*)\\]" needed "${dynamic}")
foreach(line IN LISTS needed)
  if(NOT line MATCHES "\\[libc\\.so")
    message(FATAL_ERROR "needs more than the C library: ${line}")
  endif()
endforeach()
message(STATUS "${count} functions exported")
