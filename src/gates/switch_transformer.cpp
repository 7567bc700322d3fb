#include "gates/affinity_gate.hpp"
#include "gates/jitter.hpp"

namespace moescope {

namespace {

/// Switch Transformer as published (Fedus et al. 2021): the largest of the softmax over all experts, weighted by it. In training
/// the network sees hidden states that are multiplied with numbers drawn from [1 - jitter, 1 + jitter].
template <class T>
class SwitchTransformerGate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;

  explicit SwitchTransformerGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, false), jitter_(model.gate.jitter) {}

  Scores<T> score(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters,
                  GateContext const& context) const override {
    return gates::AffinityGate<T>::score(exec, seen(exec, x, context), parameters, context);
  }

  void backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T> d_x,
                Gradients const& gradients) const override {
    if (!jitters(context))
      return gates::AffinityGate<T>::backward(exec, x, parameters, context, scores, routing, d, d_x, gradients);
    auto const d_seen = make_matrix<T>("gates::d_seen", x.extent(0), x.extent(1));
    Kokkos::deep_copy(exec, d_seen, T(0));
    gates::AffinityGate<T>::backward(exec, seen(exec, x, context), parameters, context, scores, routing, d, d_seen, gradients);
    gates::Jitter(context, jitter_).template add_product<T>(exec, d_seen, d_x);
  }

 private:
  bool jitters(GateContext const& context) const { return context.training && jitter_ > 0; }
  ConstMatrix<T> seen(ExecSpace const& exec, ConstMatrix<T> x, GateContext const& context) const {
    return jitters(context) ? gates::Jitter(context, jitter_).template product<T>(exec, x) : x;
  }

  double jitter_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_switch_transformer_gate(ModelConfig const& model) {
  return std::make_unique<SwitchTransformerGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_switch_transformer_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
