# How this project builds a target. Three functions, and the settings that all of them share:
#
#   sparsweep_library(NAME SOURCES a.cc ... [DEPS target ...] [TORCH])
#   sparsweep_executable(NAME SOURCES main.cc ... [DEPS target ...] [TORCH])
#   sparsweep_test(NAME SOURCES a_test.cc ... [DEPS target ...] [LABELS tier2 asan ...] [TORCH] [SERIAL] [WHOLE] [TIMEOUT s])
#   sparsweep_script_test(NAME COMMAND [ARG ...] [LABELS ...] [SERIAL] [TIMEOUT s])
#
# DEPS are public: who uses the library sees the headers of what it uses. A library without SOURCES is header-only.
# TORCH links LibTorch::cpu and puts the sources in a pool of two compilers at a time (1 GB each).
# Tests run in the repository root, carry the name of their folder as a label, and see SPARSWEEP_SOURCE_DIR (the root) as a
# macro. Label `asan`: also built and run by scripts/test under the sanitizers (target asan_tests; for core, scheduler and
# migrations that is the default). Label `tier2`: only in `scripts/test --full`. SERIAL: never beside another test. WHOLE: one
# ctest entry for the program instead of one per TEST (where start-up costs more than the tests).
include_guard()
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set_property(GLOBAL PROPERTY JOB_POOLS torch=2)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# The place for what outlives a checkout: downloads, LibTorch, compiler caches.
if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(SPARSWEEP_CACHE_DIR $ENV{XDG_CACHE_HOME}/sparsweep CACHE PATH "Downloads and compiler caches")
else()
  set(SPARSWEEP_CACHE_DIR $ENV{HOME}/.cache/sparsweep CACHE PATH "Downloads and compiler caches")
endif()

# ccache relative to the checkout, so that a clean clone elsewhere hits the same entries.
find_program(SPARSWEEP_CCACHE ccache)
if(SPARSWEEP_CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_DIR=${SPARSWEEP_CACHE_DIR}/ccache CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G ${SPARSWEEP_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

if(SPARSWEEP_SANITIZE)
  # g++ 12 takes what the sanitizers insert for uses of uninitialised values (std::regex is one place).
  add_compile_options(-fsanitize=${SPARSWEEP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${SPARSWEEP_SANITIZE})
endif()

function(_sparsweep_settings target scope torch)
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR})
  if(torch)
    target_link_libraries(${target} ${scope} LibTorch::cpu)
  endif()
  if(NOT scope STREQUAL INTERFACE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Werror)
    if(torch)
      set_target_properties(${target} PROPERTIES JOB_POOL_COMPILE torch)
    endif()
  endif()
endfunction()

function(sparsweep_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;DEPS")
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  _sparsweep_settings(${name} ${scope} ${arg_TORCH})
  target_link_libraries(${name} ${scope} ${arg_DEPS})
endfunction()

function(sparsweep_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  _sparsweep_settings(${name} PRIVATE ${arg_TORCH})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
endfunction()

# Labels of a test: its folder under tests/, what it asked for, and asan where all tests of the folder are.
function(_sparsweep_labels out)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/tests OUTPUT_VARIABLE folder)
  if(folder MATCHES "^\\.\\.")
    set(folder repository)
  endif()
  set(labels ${folder} ${ARGN})
  if(folder MATCHES "^(core|scheduler|migrations)$")
    list(APPEND labels asan)
  endif()
  list(REMOVE_DUPLICATES labels)
  set(${out} ${labels} PARENT_SCOPE)
endfunction()

function(sparsweep_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH;SERIAL;WHOLE" "TIMEOUT" "SOURCES;DEPS;LABELS")
  _sparsweep_labels(labels ${arg_LABELS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(serial FALSE)
  if(arg_SERIAL)
    set(serial TRUE)
  endif()
  add_executable(${name} ${arg_SOURCES})
  _sparsweep_settings(${name} PRIVATE ${arg_TORCH})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE SPARSWEEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test-bin)
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${serial})
  else()
    include(GoogleTest)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      TEST_LIST ${name}_list PROPERTIES TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${serial})
    # gtest_discover_tests breaks a list-valued property apart: several labels are set afterwards.
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
    file(CONFIGURE OUTPUT ${script} @ONLY CONTENT [[
if(@name@_list)
  set_tests_properties(${@name@_list} PROPERTIES LABELS "@labels@")
endif()
]])
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
  endif()
  if("asan" IN_LIST labels)
    if(NOT TARGET asan_tests)
      add_custom_target(asan_tests)
    endif()
    add_dependencies(asan_tests ${name})
  endif()
endfunction()

function(sparsweep_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "LABELS")
  _sparsweep_labels(labels ${arg_LABELS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(serial FALSE)
  if(arg_SERIAL)
    set(serial TRUE)
  endif()
  add_test(NAME ${name} COMMAND ${arg_UNPARSED_ARGUMENTS} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${serial}
    ENVIRONMENT "SPARSWEEP_BUILD_DIR=${CMAKE_BINARY_DIR}")
endfunction()
