# moescope_folder(NAME SOURCES ... LINK ...): the static library of one folder of src. The layer order is checked by
# tests/rules/check_layers.py, not by CMake.
function(moescope_folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(moescope_${name} STATIC ${arg_SOURCES})
  target_include_directories(moescope_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(moescope_${name} PUBLIC ${arg_LINK})
  moescope_compile_options(moescope_${name})
endfunction()

function(moescope_compile_options target)
  set(options -Wall -Wextra -Wpedantic -Wshadow)
  if(MOESCOPE_WARNINGS_AS_ERRORS)
    list(APPEND options -Werror)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # It sees overlapping memory in "text" + std::string, in the standard library's own code.
      list(APPEND options -Wno-error=restrict)
    endif()
  endif()
  if(MOESCOPE_ARCH)
    list(APPEND options -march=${MOESCOPE_ARCH})
  endif()
  # g++ 12.1 and 12.2 with AVX-512 emit a 256-bit constant whose upper half is zero as a broadcast of its lower half
  # (tests/unit/metrics and layout catch it); pieces of at most 128 bits are right. Without MOESCOPE_ARCH too, since a
  # compiler wrapper such as Spack's may choose the instructions.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12 AND
     CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12.3 AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND options -mmove-max=128 -mstore-max=128)
  endif()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${options}>")
  list(REMOVE_ITEM options -Wpedantic) # the code that nvcc hands to the host compiler is not pedantic
  list(JOIN options "," options)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${options}>")
  if(Kokkos_ENABLE_CUDA)
    moescope_device_sources(${target})
  endif()
endfunction()

set(MOESCOPE_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
    OMP_NUM_THREADS=1 OMP_PROC_BIND=false)

# moescope_test(NAME [RANKS 1 2 4] [TIMEOUT s] [LABEL l] [MANY_ALLOCATIONS] SOURCES ... LINK ...): one Catch2 program.
# Without RANKS it runs alone and links no MPI; with RANKS it runs under the launcher once for each number and its main
# agrees on the verdict. MANY_ALLOCATIONS: sanitized without a check for leaks, which keeps the whole stack of each.
function(moescope_test name)
  cmake_parse_arguments(arg "MANY_ALLOCATIONS" "TIMEOUT;LABEL" "SOURCES;LINK;RANKS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  set(environment ${MOESCOPE_TEST_ENVIRONMENT})
  if(arg_MANY_ALLOCATIONS)
    list(APPEND environment ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=0)
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  moescope_compile_options(test_${name})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(arg_RANKS)
    target_link_libraries(test_${name} PRIVATE ${arg_LINK} moescope_mpi_test_main)
    foreach(ranks ${arg_RANKS})
      add_test(NAME ${name}.np${ranks}
               COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:test_${name}>)
      set_tests_properties(${name}.np${ranks} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABEL};mpi"
                           PROCESSORS ${ranks} ENVIRONMENT "${environment}")
    endforeach()
  else()
    target_link_libraries(test_${name} PRIVATE ${arg_LINK} moescope_test_main)
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS ${arg_LABEL}
                         ENVIRONMENT "${environment}")
  endif()
endfunction()
