#include "config/gate_kinds.hpp"
#include "gates/affinity_gate.hpp"
#include "gates/bias_update.hpp"
#include "gates/group_limit.hpp"

namespace moescope {

namespace {

/// DeepSeek-V3 (2024): the k largest of sigmoid + bias among the experts of the groups_kept groups whose two best sum to most,
/// weighted by the sigmoids without the bias, over their sum with gate.normalise. After each step the bias of an expert with
/// fewer choices than the mean grows by bias_update_rate, that of one with more shrinks (Wang et al. 2024, loss-free balancing).
template <class T>
class DeepseekV3Gate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters;
  using A = Accumulate<T>;

  explicit DeepseekV3Gate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::sigmoid, model.gate.normalise),
        config_(model.gate),
        best_of_group_(int(gate_kind(model).best_of_group)) {}

  void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const override {
    gates::add_to_row<T>(exec, gates::bias_steps(step.choices, config_.bias_update_rate, config_.bias_zero_mean),
                         parameters.back());
  }

 protected:
  Matrix<A> ranking_of(ExecSpace const& exec, Matrix<A> const& affinity, Parameters const& parameters) const override {
    auto const biased = gates::plus_row<T>(exec, affinity, parameters.back());
    return config_.num_groups == 1
               ? biased
               : gates::limit_groups<A>(exec, biased, config_.num_groups, config_.groups_kept, best_of_group_);
  }

 private:
  GateConfig config_;
  int best_of_group_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_deepseek_v3_gate(ModelConfig const& model) {
  return std::make_unique<DeepseekV3Gate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_deepseek_v3_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
