#pragma once
#include "dispatch/dispatcher.hpp"

namespace moescope {

/// One direction of rows, in forward and in backward.
struct PassExchanges {
  ExchangeId forward, backward;
  ExchangeId const& in(bool in_backward) const { return in_backward ? backward : forward; }
};

/// D is dispatch in forward and combine in backward; its adjoint is combine in forward and dispatch in backward.
struct RowExchanges {
  explicit RowExchanges(Mesh const& mesh);
  ExchangeId counts;
  PassExchanges out, back;          ///< over ep
  PassExchanges etp_out, etp_back;  ///< over etp
  PassExchanges weights, etp_weights;
};

/// The dispatchers that move one row per kept choice. A kind says only how sent rows reach the ranks of their experts
/// (`send`) and how they return (`send_back`); copying out of tokens, etp and grouping by expert are the same for all.
template <class T>
class RowDispatcher : public Dispatcher<T> {
 public:
  RowDispatcher(Mesh& mesh, ModelConfig const& model) : mesh_(mesh), model_(model), exchanges_(mesh) {}

  Plan plan(ExecSpace const& exec, Routing<T> const& routing) override;
  Matrix<T> run(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x, bool backward) override;
  Matrix<T> run_adjoint(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> rows, bool backward) override;
  Vector<T> run_weights(ExecSpace const& exec, Plan const& plan, ConstVector<T> weight) override;
  Vector<T> run_weights_adjoint(ExecSpace const& exec, Plan const& plan, ConstVector<T> d_weight) override;

 protected:
  /// sent [num_sent,W] -> received [num_received,W], over ep, in the given exchange.
  virtual Matrix<T> send(ExecSpace const& exec, RowPlan const& plan, Matrix<T> sent, ExchangeId const& exchange) = 0;
  virtual Matrix<T> send_back(ExecSpace const& exec, RowPlan const& plan, Matrix<T> received, ExchangeId const& exchange) = 0;

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
