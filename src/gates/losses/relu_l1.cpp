#include "base/to_host.hpp"
#include "gates/losses/share_loss.hpp"

namespace moescope {
namespace {

/// ReMoE's regularisation (Wang et al. 2025, with load balancing): lambda / layers * sum_e f_e R_e of a pool, mean over pools; R:
/// mean affinity of the expert, f: E / (top_k tokens) times its choices; lambda: the gate's last tensor.
template <class T>
class ReluL1Loss final : public RouterLoss<T> {
 public:
  ReluL1Loss(std::string pool, ModelConfig const& model)
      : pool_(std::move(pool)), per_choice_(double(model.num_experts) / double(model.top_k * model.num_layers)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, GateContext const& context,
                   std::vector<Matrix<T>> const& parameters) const override {
    return with(double(to_host(exec, parameters.back())(0, 0))).forward(exec, scores, routing, context, parameters);
  }

  void backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const& scores, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override {
    with(0).backward(exec, term, scale, scores, routing, context, d);  // the term holds what lambda made of it
  }

 private:
  gates::ShareLoss<T> with(double lambda) const {
    auto const scale = [per_choice = per_choice_ * lambda](double, double tokens) { return per_choice / tokens; };
    return gates::ShareLoss<T>(pool_, gates::ShareForm{.normalised = false, .scale = scale});
  }

  std::string pool_;
  double per_choice_;
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_relu_l1_loss(LossConfig const& loss, ModelConfig const& model) {
  return std::make_unique<ReluL1Loss<T>>(loss.pool, model);
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_relu_l1_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
