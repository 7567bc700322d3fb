#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// Rotary embedding in the rotate-half form of Hugging Face LLaMA (Su et al. 2021, eq. 34), in place, on the first
/// `num_heads` blocks of `head_dim` columns of x [T, >= num_heads * head_dim]. Row t has position t % sequence_length.
/// `direction` +1 rotates, -1 rotates back (the backward of it). Angles are computed in double.
template <class T>
void rope(ExecSpace const& exec, Matrix<T> x, std::int64_t num_heads, std::int64_t head_dim, std::int64_t sequence_length,
          double theta, int direction);

}  // namespace moescope::kernels
