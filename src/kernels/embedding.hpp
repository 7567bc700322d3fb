#pragma once
#include "base/range.hpp"
#include "base/views.hpp"

namespace moescope::kernels {

/// y[t,:] = table[token[t] - vocabulary.begin, :] where the token lies in this rank's vocabulary range, else 0 (assigns).
/// table [vocabulary.size(), H], tokens [T].
template <class T>
void embed(ExecSpace const& exec, ConstVector<int> tokens, Range vocabulary, ConstMatrix<T> table, Matrix<T> y);

/// d_table[token[t] - begin, :] += d_y[t,:]; tokens in ascending t for each row (fixed order, no atomics).
template <class T>
void embed_backward(ExecSpace const& exec, ConstVector<int> tokens, Range vocabulary, ConstMatrix<T> d_y,
                    Matrix<Accumulate<T>> d_table);

}  // namespace moescope::kernels
