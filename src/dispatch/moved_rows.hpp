#pragma once
#include "dispatch/dispatcher.hpp"

namespace moescope {

/// Each sent row's token, x [tokens,H] -> [num_sent,H].
template <class T>
Matrix<T> copy_tokens(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x);
/// The adjoint: sums over each token's kept choices.
template <class T>
Matrix<T> sum_copies(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> sent);

/// The number of each sent row's choice, [num_choices] -> [num_sent,1].
template <class T>
Matrix<T> copy_choices(ExecSpace const& exec, Plan const& plan, ConstVector<T> numbers);
/// The adjoint, of a column of numbers: 0 for dropped choices.
template <class T>
Vector<T> return_choices(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> sent, std::int64_t column = 0);

/// Both of the above, for rows that stay on their rank.
template <class T>
WeightedRows<T> copy_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens);
template <class T>
WeightedRows<T> sum_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows);

/// Both, for rows that move: joined rows [n,H+1] carry their number in the last column.
template <class T>
Matrix<T> join_copies(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens);
template <class T>
WeightedRows<T> sum_joined(ExecSpace const& exec, Plan const& plan, Matrix<T> const& sent);

/// Rows in arrival order [num_gathered,W] -> grouped by expert, and back. The same View where they arrive so.
template <class T>
Matrix<T> grouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& arrived);
template <class T>
Matrix<T> ungrouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows);
/// The same from joined rows, and into them.
template <class T>
WeightedRows<T> split_grouped(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> arrived);
template <class T>
Matrix<T> join_arrived(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows);

/// Rows that this rank received [num_received,W] -> those of all etp members [num_gathered,W]. The same View where it has none.
template <class T>
Matrix<T> gather_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& received, ExchangeId const& exchange);
/// The adjoint: sums the members' partial rows and gives back the received ones.
template <class T>
Matrix<T> scatter_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& arrived, ExchangeId const& exchange);

}  // namespace moescope
