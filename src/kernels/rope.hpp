#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// [sequence_length, head_dim]: for each position p the cosines of the head_dim / 2 angles p * theta^(-2 j / head_dim), then
/// their sines (Su et al. 2021, eq. 34). Angles are computed in double.
template <class T>
Matrix<T> rope_table(ExecSpace const& exec, std::int64_t sequence_length, std::int64_t head_dim, double theta);

/// How far each row is turned: its token's position in its sequence, id modulo sequence_length, tells the row of the table.
template <class T>
struct Rotation {
  ConstMatrix<T> table;                ///< [sequence_length, head_dim], of rope_table
  ConstVector<std::int64_t> token_id;  ///< [T], may be negative
};

/// Rotary embedding in the rotate-half form of Hugging Face LLaMA, in place, on the first `num_heads` blocks of head_dim columns
/// of x [T, >= num_heads * head_dim]. `direction` +1 rotates, -1 rotates back (the backward of it).
template <class T>
void rope(ExecSpace const& exec, Rotation<T> const& rotation, Matrix<T> x, std::int64_t num_heads, int direction);

}  // namespace moescope::kernels
