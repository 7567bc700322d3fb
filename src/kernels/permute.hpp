#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// y[i,:] = x[index[i],:] (assigns), 0 where index[i] is -1. index [N], y [N,H].
template <class T>
void gather_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> index, Matrix<T> y);

/// y[index[i],:] = x[i,:] (assigns); index holds distinct rows.
template <class T>
void scatter_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> index, Matrix<T> y);

/// y[t,:] = sum of x[positions[j],:] for j in [offsets[t], offsets[t+1]), in that order: the adjoint of a copy of row t to
/// several places. positions may hold -1 (nothing there). offsets [T+1].
template <class T>
void sum_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> offsets, ConstVector<int> positions, Matrix<T> y);

/// result[i] = <a[i,:], b[i,:]> (assigns).
template <class T>
void row_dots(ExecSpace const& exec, ConstMatrix<T> a, ConstMatrix<T> b, Vector<Accumulate<T>> result);

/// y += alpha * x, elementwise on equal shapes.
template <class T>
void add(ExecSpace const& exec, Accumulate<T> alpha, ConstMatrix<T> x, Matrix<T> y);

/// y[t,h] = x[t,h] * scale[h or 0] (scale of length H, or 1 for a scalar); assigns.
template <class T>
void scale_columns(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<T> scale, Matrix<T> y);

/// d_x = d_y * scale (assigns), d_scale += sum over rows (and columns for a scalar) of d_y * x, in a fixed order.
template <class T>
void scale_columns_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, ConstVector<T> scale, Matrix<T> d_x,
                            Vector<Accumulate<T>> d_scale);

}  // namespace moescope::kernels
