#pragma once
#include "dispatch/dispatcher.hpp"

namespace moescope {

/// One direction of rows, in forward and in backward.
struct PassExchanges {
  ExchangeId forward, backward;
};

/// D is dispatch in forward and combine in backward; its adjoint is combine in forward and dispatch in backward.
struct RowExchanges {
  explicit RowExchanges(Mesh const& mesh);
  ExchangeId counts;
  PassExchanges out, back;          ///< over ep
  PassExchanges etp_out, etp_back;  ///< over etp
};

/// The dispatchers that move one row per kept choice. A kind says only how sent rows reach the ranks of their experts
/// (`send`) and how they return (`send_back`); copying out of tokens, etp and grouping by expert are the same for all.
/// Where a row moves, the rows of dispatch are wider: the last columns are the weight.
template <class T>
class RowDispatcher : public Dispatcher<T> {
 public:
  RowDispatcher(Mesh& mesh, ModelConfig const& model) : mesh_(mesh), model_(model), exchanges_(mesh) {}

  Plan plan(ExecSpace const& exec, Routing<T> const& routing) override;
  WeightedRows<T> dispatch(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) override;
  WeightedRows<T> dispatch_backward(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& d_rows) override;
  Matrix<T> combine(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) override;
  Matrix<T> combine_backward(ExecSpace const& exec, Plan const& plan, Matrix<T> const& d_tokens) override;

 protected:
  /// sent [num_sent,W] -> received [num_received,W], over ep, in the given exchange. The same View where nothing moves.
  virtual Matrix<T> send(ExecSpace const& exec, RowPlan const& plan, Matrix<T> sent, ExchangeId const& exchange) = 0;
  virtual Matrix<T> send_back(ExecSpace const& exec, RowPlan const& plan, Matrix<T> received, ExchangeId const& exchange) = 0;

  /// No other rank holds an expert or columns of one.
  bool rows_stay() const { return mesh_.group(Axis::expert_block).size() == 1; }

  Mesh& mesh_;
  ModelConfig const model_;
  RowExchanges const exchanges_;
};

template <class T>
std::unique_ptr<Dispatcher<T>> make_local(Mesh& mesh, ModelConfig const& model);
template <class T>
std::unique_ptr<Dispatcher<T>> make_all_gather(Mesh& mesh, ModelConfig const& model);
template <class T>
std::unique_ptr<Dispatcher<T>> make_all_to_all(Mesh& mesh, ModelConfig const& model);

}  // namespace moescope
