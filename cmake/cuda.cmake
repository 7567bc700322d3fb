# Where the Kokkos that was found has CUDA: its translation units are compiled by nvcc, all others by the host compiler.

# Kokkos compiled as CMake's language CUDA; its own architecture unless told otherwise.
if(NOT Kokkos_ENABLE_COMPILE_AS_CMAKE_LANGUAGE)
  message(FATAL_ERROR "The Kokkos in ${Kokkos_DIR} has CUDA but was not built with Kokkos_ENABLE_COMPILE_AS_CMAKE_LANGUAGE; "
                      "build one with it, or with cluster/setup/kokkos.sh cuda")
endif()
if(CMAKE_VERSION VERSION_LESS 3.25.2)
  message(FATAL_ERROR "CUDA needs CMake 3.25.2 or later (this is ${CMAKE_VERSION}); cluster/setup/build.sh cuda brings one")
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES ${Kokkos_CUDA_ARCHITECTURES})
endif()
if(MOESCOPE_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MOESCOPE_CCACHE})
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
# fmt 9 writes half of its functions as not constexpr for nvcc, and calls them from the other half; and nvcc 13.0 does not
# evaluate its consteval ones. The host compiler has checked these format strings already.
add_compile_definitions("$<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1;FMT_CONSTEVAL=>")

# moescope_reaches_kokkos(FILE RESULT): whether a source or header of ours includes Kokkos, itself or through others of ours.
# The answer is kept for each file; editing a file asks again.
function(moescope_reaches_kokkos file result)
  get_property(known GLOBAL PROPERTY moescope_reaches_kokkos:${file})
  if("${known}" STREQUAL "")
    set_property(GLOBAL PROPERTY moescope_reaches_kokkos:${file} OFF) # ends cycles
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    set(known OFF)
    file(STRINGS ${file} lines REGEX "^ *# *include")
    foreach(line IN LISTS lines)
      if(line MATCHES "<Kokkos_")
        set(known ON)
      elseif(line MATCHES "\"([^\"]+)\"")
        set(header ${PROJECT_SOURCE_DIR}/src/${CMAKE_MATCH_1})
        if(EXISTS ${header})
          moescope_reaches_kokkos(${header} known)
        endif()
      endif()
      if(known)
        break()
      endif()
    endforeach()
    set_property(GLOBAL PROPERTY moescope_reaches_kokkos:${file} ${known})
  endif()
  set(${result} ${known} PARENT_SCOPE)
endfunction()

# moescope_device_sources(TARGET): nvcc for those sources of a target that reach Kokkos, all of them as one translation unit:
# most of its time is parsing Kokkos.
function(moescope_device_sources target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    get_filename_component(path ${source} ABSOLUTE)
    moescope_reaches_kokkos(${path} device)
    if(device)
      set_source_files_properties(${source} PROPERTIES LANGUAGE CUDA)
    else()
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
endfunction()
