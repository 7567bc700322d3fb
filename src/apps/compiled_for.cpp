#include "apps/instruction_sets.hpp"

namespace moescope {

unsigned const compiled_for = 0
#ifdef __AVX__
                              | avx_bit
#endif
#ifdef __FMA__
                              | fma_bit
#endif
#ifdef __BMI2__
                              | bmi2_bit
#endif
#ifdef __AVX2__
                              | avx2_bit
#endif
#ifdef __AVX512F__
                              | avx512f_bit
#endif
#ifdef __AVX512DQ__
                              | avx512dq_bit
#endif
#ifdef __AVX512BW__
                              | avx512bw_bit
#endif
#ifdef __AVX512VL__
                              | avx512vl_bit
#endif
#ifdef __AVX512VNNI__
                              | avx512vnni_bit
#endif
#ifdef __XOP__
                              | xop_bit
#endif
    ;

}  // namespace moescope
