#pragma once

namespace moescope {

/// The x86 instruction sets by which processors of a decade differ. One bit each.
#define MOESCOPE_INSTRUCTION_SETS(X) \
  X(avx, 0)                          \
  X(fma, 1)                          \
  X(bmi2, 2)                         \
  X(avx2, 3)                         \
  X(avx512f, 4)                      \
  X(avx512dq, 5)                     \
  X(avx512bw, 6)                     \
  X(avx512vl, 7)                     \
  X(avx512vnni, 8)                   \
  X(xop, 9)

enum InstructionSet : unsigned {
#define MOESCOPE_BIT(name, bit) name##_bit = 1u << (bit),
  MOESCOPE_INSTRUCTION_SETS(MOESCOPE_BIT)
#undef MOESCOPE_BIT
};

/// Those that the compiler was allowed to use (MOESCOPE_ARCH). A constant, so that reading it needs none of them.
extern unsigned const compiled_for;

}  // namespace moescope
