#include <cstdio>
#include <cstdlib>

#include "apps/instruction_sets.hpp"

/// Compiled for the oldest processor (src/apps/CMakeLists.txt) and run before everything else of the program: a binary for
/// another processor than this one says so and ends, instead of dying by an illegal instruction somewhere.
namespace moescope {

#ifdef __x86_64__
namespace {

[[gnu::constructor(101)]] void check_instructions() {
  __builtin_cpu_init();
  bool missing = false;
#define MOESCOPE_CHECK_SET(name, bit)                                                                                       \
  if ((compiled_for & name##_bit) && !__builtin_cpu_supports(#name)) {                                                      \
    std::fputs(missing ? ", " #name : "moescope: this processor lacks instructions that the program was built for: " #name, \
               stderr);                                                                                                     \
    missing = true;                                                                                                         \
  }
  MOESCOPE_INSTRUCTION_SETS(MOESCOPE_CHECK_SET)
#undef MOESCOPE_CHECK_SET
  if (!missing) return;
  std::fputs("; build it here, or with -DMOESCOPE_ARCH=x86-64-v2 or what all your nodes share\n", stderr);
  std::_Exit(1);
}

}  // namespace
#endif

}  // namespace moescope
