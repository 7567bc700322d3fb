#include <fmt/format.h>

#include <algorithm>

#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/key.hpp"
#include "config/loss_kinds.hpp"

namespace moescope {
namespace {

/// A setting under which a key decides nothing.
struct Idle {
  std::string_view path;  ///< of the key; "optimizer." stands for a section
  bool (*when)(RunConfig const&);
  std::string_view setting;
};

bool forward(RunConfig const& c) { return c.train.mode == "forward"; }
bool constant_rate(RunConfig const& c) { return c.optimizer.schedule == "constant"; }
bool no_noise(RunConfig const& c) { return !c.model.gate.add_noise; }
bool keeps_all(RunConfig const& c) { return !drops(c.model); }
bool one_choice(RunConfig const& c) { return choices_per_token(c.model) == 1 && !is_ragged(c.model); }
bool not_by_position(RunConfig const& c) { return c.model.capacity.policy != "position"; }
bool no_pool(RunConfig const& c) {
  auto const calls = pool_calls(c.model, !is_forced(c));
  return std::none_of(calls.begin(), calls.end(), [&](auto const& each) { return each.pool == c.model.gate.pool; });
}
bool one_group(RunConfig const& c) { return c.model.gate.num_groups == 1; }
bool no_update(RunConfig const& c) { return c.model.gate.bias_update_rate == 0; }
bool never_evaluates(RunConfig const& c) { return c.eval.every == 0; }
bool no_residual(RunConfig const& c) { return c.model.residual.num_experts == 0; }
bool no_residual_scores(RunConfig const& c) { return !c.model.residual.multiply_gate_scores; }
bool all_selected(RunConfig const& c) { return c.model.top_k == c.model.num_experts; }
bool no_scores(RunConfig const& c) { return !c.model.multiply_gate_scores && !c.model.add_weight_norm; }

constexpr Idle all_idle[] = {{"model.score_scale_factor", no_scores, "model.multiply_gate_scores = false"},
                             {"gate.weight_at", no_scores, "model.multiply_gate_scores = false"},
                             {"gate.pool", no_pool, "no choice, loss or capacity that is taken over it"},
                             {"capacity.factor", keeps_all, "capacity.policy = \"none\""},
                             {"capacity.rounding", keeps_all, "capacity.policy = \"none\""},
                             {"capacity.order", keeps_all, "capacity.policy = \"none\""},
                             {"capacity.order", not_by_position, "a capacity.policy other than \"position\""},
                             {"capacity.order", one_choice, "one choice a token"},
                             {"capacity.renormalise", keeps_all, "capacity.policy = \"none\""},
                             {"capacity.renormalise", one_choice, "one choice a token"},
                             {"capacity.dropped", keeps_all, "capacity.policy = \"none\""},
                             {"capacity.pad", keeps_all, "capacity.policy = \"none\""},
                             {"gate.groups_kept", one_group, "gate.num_groups = 1"},
                             {"gate.bias_zero_mean", no_update, "gate.bias_update_rate = 0"},
                             {"gate.noise_epsilon", no_noise, "gate.add_noise = false"},
                             {"gate.load_estimate", no_noise, "gate.add_noise = false"},
                             {"gate.load_estimate", all_selected, "model.top_k = model.num_experts"},
                             {"gate.switch_noise_in_eval", no_noise, "gate.add_noise = false"},
                             {"gate.switch_noise_in_eval", never_evaluates, "eval.every = 0"},
                             {"residual.intermediate_size", no_residual, "residual.num_experts = 0"},
                             {"residual.expert_widths", no_residual, "residual.num_experts = 0"},
                             {"residual.use_softmax", no_residual, "residual.num_experts = 0"},
                             {"residual.use_softmax", no_residual_scores, "residual.multiply_gate_scores = false"},
                             {"residual.multiply_gate_scores", no_residual, "residual.num_experts = 0"},
                             {"residual.score_scale_factor", no_residual, "residual.num_experts = 0"},
                             {"residual.score_scale_factor", no_residual_scores, "residual.multiply_gate_scores = false"},
                             {"routing.", forward, "train.mode = \"forward\""},
                             {"optimizer.", forward, "train.mode = \"forward\""},
                             {"optimizer.min_ratio", constant_rate, "optimizer.schedule = \"constant\""},
                             {"optimizer.schedule_steps", constant_rate, "optimizer.schedule = \"constant\""},
                             {"eval.sequences", never_evaluates, "eval.every = 0"}};

bool names(std::span<std::string_view const> keys, std::string_view path) {
  return std::find(keys.begin(), keys.end(), path) != keys.end();
}

bool of_kinds(std::string_view path) {
  auto const names_it = [&](auto const& kind) { return names(kind.keys, path); };
  auto const gates = all_gate_kinds();
  auto const losses = all_loss_kinds();
  return std::any_of(gates.begin(), gates.end(), names_it) || std::any_of(losses.begin(), losses.end(), names_it);
}

bool is_read(ModelConfig const& model, std::string_view path) {
  auto const in_force = losses(model);
  return has_key(gate_kind(model), path) ||
         std::any_of(in_force.begin(), in_force.end(), [&](auto const& loss) { return names(loss_kind(loss.kind).keys, path); });
}

bool reads(ForcedWorkload const& workload, std::string_view path) { return names(workload.keys, path); }

/// A key of some workload of forced routing, but not of the one in force.
bool of_another_workload(std::string_view path, RunConfig const& config) {
  auto const* const workload = find_forced_workload(config.routing.forced);
  auto const workloads = all_forced_workloads();
  bool const of_some = std::any_of(workloads.begin(), workloads.end(), [&](auto const& each) { return reads(each, path); });
  return of_some && !(workload && reads(*workload, path));
}

}  // namespace

std::string idle_under(std::string_view path, RunConfig const& config) {
  if (of_kinds(path) && !is_read(config.model, path)) return fmt::format("gate.kind = \"{}\"", config.model.gate.kind);
  if (of_another_workload(path, config)) return fmt::format("routing.forced = \"{}\"", config.routing.forced);
  for (auto const& idle : all_idle) {
    bool const named = idle.path.ends_with('.') ? path.starts_with(idle.path) : path == idle.path;
    if (named && idle.when(config)) return std::string(idle.setting);
  }
  return "";
}

bool Key::applies(RunConfig const& config) const { return idle_under(path, config).empty(); }

}  // namespace moescope
