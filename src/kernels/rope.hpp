#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// [sequence_length, head_dim]: for each position p the cosines of the head_dim / 2 angles p * theta^(-2 j / head_dim), then
/// their sines (Su et al. 2021, eq. 34). Angles are computed in double.
template <class T>
Matrix<Accumulate<T>> rope_table(ExecSpace const& exec, std::int64_t sequence_length, std::int64_t head_dim, double theta);

/// Rotary embedding in the rotate-half form of Hugging Face LLaMA, in place, on the first `num_heads` blocks of head_dim columns
/// of x [T, >= num_heads * head_dim]. Row t has position t % sequence_length. `direction` +1 rotates, -1 rotates back (the
/// backward of it).
template <class T>
void rope(ExecSpace const& exec, ConstMatrix<Accumulate<T>> table, Matrix<T> x, std::int64_t num_heads, int direction);

}  // namespace moescope::kernels
