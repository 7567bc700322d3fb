#pragma once
#include "dispatch/dispatcher.hpp"

namespace moescope {

/// Each sent row's token, 0 for pads, x [tokens,H] -> [num_sent,H].
template <class T>
Matrix<T> copy_tokens(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x);
/// The adjoint: sums over each token's kept choices.
template <class T>
Matrix<T> sum_copies(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> sent);

/// The number of each sent row's choice, 0 for pads, [num_choices] -> [num_sent,1].
template <class T>
Matrix<Accumulate<T>> copy_choices(ExecSpace const& exec, Plan const& plan, ConstVector<Accumulate<T>> numbers);
/// The adjoint: 0 for dropped choices.
template <class T>
Vector<Accumulate<T>> return_choices(ExecSpace const& exec, Plan const& plan, ConstMatrix<Accumulate<T>> sent);

/// Both of the above, for rows that stay on their rank.
template <class T>
WeightedRows<T> copy_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens);
template <class T>
WeightedRows<T> sum_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows);

/// Columns of T that the bits of a row's number take.
template <class T>
inline constexpr std::int64_t number_columns = sizeof(Accumulate<T>) / sizeof(T);
/// Both, for rows that move: joined rows [n,H+number_columns] carry the bits of their number in the last columns.
template <class T>
Matrix<T> join_copies(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens);
template <class T>
WeightedRows<T> sum_joined(ExecSpace const& exec, Plan const& plan, Matrix<T> const& sent);

/// Rows in arrival order [num_gathered,W] -> grouped by expert, and back. The same View where they arrive so.
template <class T>
Matrix<T> grouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& arrived);
template <class T>
Matrix<T> ungrouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows);
/// The same from joined rows, and into rows [n,H+1] whose sums can be joined ones.
template <class T>
WeightedRows<T> split_grouped(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> arrived);
template <class T>
Matrix<Accumulate<T>> addable_arrived(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows);
/// The same View where T is its own accumulation type.
template <class T>
Matrix<T> joined(ExecSpace const& exec, Matrix<Accumulate<T>> const& addable);

/// Rows that this rank received [num_received,W] -> those of all etp members [num_gathered,W]. The same View where it has none.
template <class T>
Matrix<T> gather_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& received, ExchangeId const& exchange);
/// The adjoint: sums the members' partial rows and gives back the received ones.
template <class T>
Matrix<T> scatter_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& arrived, ExchangeId const& exchange);

}  // namespace moescope
