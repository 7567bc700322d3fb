# Everything is found, nothing is fetched. Debian's package names: docs/troubleshooting.md and cluster/setup/packages.sh.
find_program(MOESCOPE_CCACHE ccache)
if(MOESCOPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MOESCOPE_CCACHE})
endif()

find_package(Kokkos 4.7 REQUIRED)
if(Kokkos_ENABLE_CUDA)
  include(cmake/cuda.cmake)
endif()
find_package(MPI REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
# Its headers alone: the compiled library of its config package would not see our assertions (src/config/toml_settings.cpp).
find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
find_package(Python3 COMPONENTS Interpreter)

# Matrix products: cuBLAS with CUDA; else oneDNN for float where it is found, CBLAS for double and as the fallback.
# (Not through its config package: Debian's asks for OpenCL headers that nothing here uses.)
if(NOT Kokkos_ENABLE_CUDA)
  find_path(DNNL_INCLUDE dnnl.hpp)
  find_library(DNNL_LIBRARY dnnl)
  find_package(OpenBLAS CONFIG QUIET HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/cmake/openblas)
  if(OpenBLAS_FOUND AND EXISTS "${OpenBLAS_LIBRARIES}") # Debian 13's config package names a file that is not there
    set(CBLAS_LIBRARY ${OpenBLAS_LIBRARIES} CACHE STRING "CBLAS")
  endif()
  find_path(CBLAS_INCLUDE cblas.h HINTS ${OpenBLAS_INCLUDE_DIRS} PATH_SUFFIXES openblas-openmp openblas-pthread openblas REQUIRED)
  find_library(CBLAS_LIBRARY NAMES openblas cblas blas PATH_SUFFIXES openblas-openmp REQUIRED)
  message(STATUS "CBLAS: ${CBLAS_LIBRARY}; oneDNN: ${DNNL_LIBRARY}")
endif()

if(MOESCOPE_TESTS)
  find_package(Catch2 REQUIRED)
endif()
