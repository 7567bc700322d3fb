#pragma once
#include "gates/gate.hpp"

namespace moescope::gates {

/// A gate without parameters, whose choices all weigh the same.
template <class T>
class ConstantGate : public Gate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;

  ConstantGate(ModelConfig const& model, double weight) : Gate<T>(model), weight_(weight) {}

  Scores<T> score(ExecSpace const&, ConstMatrix<T>, Parameters const&, GateContext const&) const override { return {}; }
  Routing<T> choose(ExecSpace const& exec, Scores<T> const&, GateContext const& context) const override = 0;
  void weigh(ExecSpace const& exec, Scores<T> const&, Routing<T> const& routing) const override {
    Kokkos::deep_copy(exec, routing.weight, Accumulate<T>(weight_));
  }
  void backward(ExecSpace const&, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T> const&, Routing<T> const&,
                ScoreGradients<T>&, Matrix<T>, Gradients const&) const override {}

 private:
  double weight_;
};

}  // namespace moescope::gates
