# LibTorch::cpu: libtorch_cpu, libc10 and their headers, without the CUDA toolkit that the wheel's own TorchConfig.cmake asks for.
# LIBTORCH_ROOT is a folder with include/ and lib/ (a LibTorch that you have) or with torch/include and torch/lib (a wheel, as
# scripts/bootstrap unpacks it; the default). Programs find the libraries where they were linked.
# LibTorch_OPENMP_FLAGS: how sources that call at::parallel_for are compiled; without them the template runs serially. They call the
# OpenMP runtime that libtorch_cpu itself loads, and no second one: LibTorch's own libgomp where it brings one, else the system's.
include(FindPackageHandleStandardArgs)
if(DEFINED ENV{LIBTORCH_ROOT} AND NOT LIBTORCH_ROOT)
  set(LIBTORCH_ROOT $ENV{LIBTORCH_ROOT})
endif()
set(LIBTORCH_ROOT "${LIBTORCH_ROOT}" CACHE PATH "LibTorch; empty: the one that scripts/bootstrap installs")
set(_root ${LIBTORCH_ROOT})
if(NOT _root)
  set(_root ${SPARSWEEP_CACHE_DIR}/libtorch-2.11.0)
endif()

find_path(LibTorch_INCLUDE_DIR torch/script.h PATHS ${_root}/torch/include ${_root}/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${_root}/torch/lib ${_root}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${_root}/torch/lib ${_root}/lib NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
if(LibTorch_INCLUDE_DIR AND EXISTS ${LibTorch_INCLUDE_DIR}/torch/version.h)
  file(STRINGS ${LibTorch_INCLUDE_DIR}/torch/version.h _lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" _parts "${_lines}")
  string(REPLACE ";" "." LibTorch_VERSION "${_parts}")
endif()
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "looked in ${_root} - run scripts/bootstrap or set LIBTORCH_ROOT")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_COMPILE_DEFINITIONS _GLIBCXX_USE_CXX11_ABI=1)
  add_library(LibTorch::cpu SHARED IMPORTED)
  file(GLOB _openmp ${_root}/torch/lib/libgomp*.so* ${_root}/lib/libgomp*.so*)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    message(STATUS "LibTorch: only g++ speaks to libgomp; this build's own kernels run on one thread")
    set(LibTorch_OPENMP_FLAGS -fopenmp-simd)
    set(_openmp "")
  else()
    set(LibTorch_OPENMP_FLAGS -fopenmp)
    if(NOT _openmp)
      set(_openmp gomp)
    endif()
  endif()
  set_target_properties(LibTorch::cpu PROPERTIES IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;${_openmp}")
endif()
