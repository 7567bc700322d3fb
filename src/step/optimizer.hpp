#pragma once
#include "comm/mesh.hpp"
#include "config/run_config.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// Learning rate of the step with this number (from 1): factor number / warm_up_steps, then
/// max(min_ratio, (1 + cos(pi * progress)) / 2) with progress in [0, 1] over the remaining steps: a clamp, not a rescaled
/// cosine (LLaMA-MoE's trainer). `constant` keeps the peak after the warm-up.
double learning_rate(OptimizerConfig const& config, std::int64_t total_steps, std::int64_t number);

/// Factor of min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_; 1 where clip_norm is 0.
double clip_factor(OptimizerConfig const& config, double norm);

/// Parameters, stored as T, and gradients and AdamW moments of one rank.
template <class T>
struct TrainingState {
  TensorTable table;
  FlatBuffers<T> values;
  FlatBuffers<Accumulate<T>> gradients, first_moment, second_moment;
  std::int64_t updates = 0;

  TrainingState(TensorTable tensors, bool with_gradients);
  TrainingState(ModelConfig const& model, Layout const& layout, std::int64_t rank, bool with_gradients)
      : TrainingState(tensor_table(model, layout, rank), with_gradients) {}
};

struct GradientExchanges {
  explicit GradientExchanges(Mesh const& mesh);
  ExchangeId kv_heads;
  struct OfGroup {
    std::size_t group;
    ExchangeId exchange;
  };
  std::vector<OfGroup> groups;  ///< of those that are trained
  ExchangeId norm;
};

/// Sums gradients over the ranks that hold copies of a parameter or saw other tokens: KV heads shared by tp ranks, then each
/// trained group over its axis. Collective.
template <class T>
void reduce_gradients(ExecSpace const& exec, Mesh& mesh, GradientExchanges const& exchanges, ModelConfig const& model,
                      TrainingState<T>& state);

/// Norm over every logical parameter once, in double; call after reduce_gradients. Collective over the world.
template <class T>
double gradient_norm(ExecSpace const& exec, Mesh& mesh, GradientExchanges const& exchanges, TrainingState<T> const& state);

/// One AdamW update of every parameter that this rank holds.
template <class T>
void update_parameters(ExecSpace const& exec, OptimizerConfig const& config, double rate, double gradient_scale,
                       TrainingState<T>& state);

}  // namespace moescope
