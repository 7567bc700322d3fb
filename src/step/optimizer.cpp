#include "step/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "comm/exchange.hpp"
#include "config/routers.hpp"
#include "kernels/adamw.hpp"
#include "tensors/stretches.hpp"

namespace moescope {

double learning_rate(OptimizerConfig const& config, std::int64_t total_steps, std::int64_t number) {
  if (number < config.warm_up_steps) return config.learning_rate * double(number) / double(config.warm_up_steps);
  if (config.schedule == "constant") return config.learning_rate;
  auto const length =
      std::max<std::int64_t>(1, (config.schedule_steps > 0 ? config.schedule_steps : total_steps) - config.warm_up_steps);
  auto const progress = std::min(1.0, double(number - config.warm_up_steps) / double(length));
  return config.learning_rate * std::max(config.min_ratio, 0.5 * (1 + std::cos(std::numbers::pi * progress)));
}

double clip_factor(OptimizerConfig const& config, double norm) {
  return config.clip_norm > 0 ? std::min(1.0, config.clip_norm / (norm + 1e-6)) : 1.0;
}

template <class T>
TrainingState<T>::TrainingState(TensorTable tensors, bool with_gradients)
    : table(std::move(tensors)), values(make_buffers<T>(table, "values")) {
  if (!with_gradients) return;
  gradients = make_trained_buffers<Accumulate<T>>(table, "gradients");
  first_moment = make_trained_buffers<Accumulate<T>>(table, "first_moment");
  second_moment = make_trained_buffers<Accumulate<T>>(table, "second_moment");
}

namespace {

template <class T>
Vector<T> view(FlatBuffers<T> const& buffers, Stretch const& stretch) {
  return Kokkos::subview(buffers.group[stretch.group], Kokkos::make_pair(stretch.begin, stretch.end));
}

/// Sums the gradients of KV heads that several tp ranks hold: every rank brings all such heads, zeros where it has none.
template <class T>
void reduce_shared_kv_heads(ExecSpace const& exec, Mesh& mesh, ExchangeId const& exchange, ModelConfig const& model,
                            TrainingState<T>& state) {
  auto const shared = mesh.layout().replicated_kv_heads(model);
  if (shared.empty()) return;
  auto const held = mesh.layout().kv_heads(model, mesh.rank());
  auto const head_size = model.head_dim * model.hidden_size;
  using A = Accumulate<T>;
  auto const part = [&](Vector<A> const& whole, std::int64_t head) {
    return Kokkos::subview(whole, Kokkos::make_pair(head * head_size, (head + 1) * head_size));
  };
  for (std::int64_t layer = 0; layer < num_attention_layers(model); ++layer) {
    Vector<A> const sums("step::shared_kv_heads", 2 * std::int64_t(shared.size()) * head_size);
    auto const each_held = [&](auto&& action) {
      std::int64_t slot = 0;
      for (auto const* name : {"k_proj.weight", "v_proj.weight"}) {
        auto const gradient =
            state.gradients.flat(state.table.find("model.layers." + std::to_string(layer) + ".self_attn." + name));
        for (auto const head : shared) {
          if (held.contains(head)) action(part(gradient, head - held.begin), part(sums, slot));
          ++slot;
        }
      }
    };
    each_held([&](auto const& gradient, auto const& sum) { Kokkos::deep_copy(exec, sum, gradient); });
    start_all_reduce<Accumulate<T>>(exec, mesh, exchange, Reduction::sum, sums).wait();
    each_held([&](auto const& gradient, auto const& sum) { Kokkos::deep_copy(exec, gradient, sum); });
  }
}

}  // namespace

GradientExchanges::GradientExchanges(Mesh const& mesh)
    : kv_heads(mesh.exchange(traffic::names::kv_gradients)), norm(mesh.exchange(traffic::names::gradient_norm)) {
  for (std::size_t g = 0; g < std::size(tensor_groups); ++g)
    if (tensor_groups[g].trained) groups.push_back({g, mesh.exchange(tensor_groups[g].gradients)});
}

template <class T>
void reduce_gradients(ExecSpace const& exec, Mesh& mesh, GradientExchanges const& exchanges, ModelConfig const& model,
                      TrainingState<T>& state) {
  reduce_shared_kv_heads<T>(exec, mesh, exchanges.kv_heads, model, state);
  for (auto const& [group, exchange] : exchanges.groups)
    start_all_reduce<Accumulate<T>>(exec, mesh, exchange, Reduction::sum, state.gradients.group[group]).wait();
}

template <class T>
double gradient_norm(ExecSpace const& exec, Mesh& mesh, GradientExchanges const& exchanges, TrainingState<T> const& state) {
  double sum = 0;
  for (auto const& stretch : counted_stretches(state.table, mesh.layout(), mesh.rank()))
    sum += kernels::sum_of_squares<Accumulate<T>>(exec, view(state.gradients, stretch));
  all_reduce_control(mesh, exchanges.norm, std::span<double>(&sum, 1));
  return std::sqrt(sum);
}

template <class T>
void update_parameters(ExecSpace const& exec, OptimizerConfig const& config, double rate, double gradient_scale,
                       TrainingState<T>& state) {
  ++state.updates;
  for (bool const decays : {false, true}) {
    auto const chosen = [&](TensorSpec const& spec) { return spec.decays == decays ? spec.held_rows : Range{}; };
    kernels::AdamWStep const step{rate,           config.beta1, config.beta2, config.epsilon, decays ? config.weight_decay : 0.0,
                                  gradient_scale, state.updates};
    for (auto const& stretch : stretches(state.table, chosen)) {
      kernels::adamw<T>(exec, step, view(state.gradients, stretch), view(state.values, stretch),
                        view(state.first_moment, stretch), view(state.second_moment, stretch));
    }
  }
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                \
  template struct TrainingState<T>;                                                                                            \
  template void reduce_gradients<T>(ExecSpace const&, Mesh&, GradientExchanges const&, ModelConfig const&, TrainingState<T>&); \
  template double gradient_norm<T>(ExecSpace const&, Mesh&, GradientExchanges const&, TrainingState<T> const&);                \
  template void update_parameters<T>(ExecSpace const&, OptimizerConfig const&, double, double, TrainingState<T>&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
