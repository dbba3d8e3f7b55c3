# Fails unless PROGRAM ends with 0 and prints exactly what the file EXPECTED holds.
cmake_minimum_required(VERSION 3.18)

execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE status)
file(READ ${EXPECTED} expected)
if(NOT status EQUAL 0 OR expected STREQUAL "" OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "status ${status}, printed:\n${printed}\nexpected:\n${expected}")
endif()
