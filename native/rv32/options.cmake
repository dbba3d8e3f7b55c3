# Debian packages no C++ headers for this compiler. Those of the machine's own g++ serve when both are
# of one major version: the parts used here are templates and constants, and depend on the processor
# only through what the compiler itself defines. standard_library/ stands before them and keeps out
# what would ask for the machine's C library.
string(REGEX MATCH "^[0-9]+" rv32_major "${CMAKE_CXX_COMPILER_VERSION}")
file(GLOB rv32_configured "/usr/include/*-linux-gnu/c++/${rv32_major}")
find_path(MERIDIAN_CXX_HEADERS span PATHS /usr/include/c++/${rv32_major} NO_DEFAULT_PATH)
find_path(MERIDIAN_CXX_CONFIG bits/c++config.h PATHS ${rv32_configured} NO_DEFAULT_PATH)
if(NOT MERIDIAN_CXX_HEADERS OR NOT MERIDIAN_CXX_CONFIG)
  message(FATAL_ERROR "no C++ headers of version ${rv32_major}, which ${CMAKE_CXX_COMPILER} needs: "
    "apt-get install -y libstdc++-${rv32_major}-dev")
endif()

set(rv32_processor -march=rv32im -mabi=ilp32)
add_compile_options(${rv32_processor}
  # Freestanding makes memcpy a function like any other; -fbuiltin lets small copies be inlined again.
  -ffreestanding -fbuiltin)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-nostdinc++>"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem ${CMAKE_CURRENT_LIST_DIR}/standard_library>"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem ${MERIDIAN_CXX_HEADERS}>"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem ${MERIDIAN_CXX_CONFIG}>")
# The arena of all 2^24 slots would leave no room for anything else.
add_compile_definitions(MERIDIAN_HIGHEST_SLOT=4194303)
# Version 12 has std::rand in <algorithm> otherwise, and there is no C library to declare it.
add_compile_definitions(_GLIBCXX_USE_DEPRECATED=0)
add_link_options(${rv32_processor})
