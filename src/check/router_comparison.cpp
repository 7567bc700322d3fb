#include "check/router_comparison.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "check/router_experts.hpp"
#include "check/router_pass.hpp"

namespace moescope {

namespace {

/// [N,E] from values of the recorded choices [N,k].
template <class Number>
std::vector<double> dense(RouterFixture const& fixture, RouterFixtureLayer const& layer, std::vector<Number> const& of_choice) {
  std::vector<double> all(std::size_t(fixture.tokens * fixture.router.num_experts));
  for (std::size_t c = 0; c < of_choice.size(); ++c)
    all[c / std::size_t(fixture.router.top_k) * std::size_t(fixture.router.num_experts) + std::size_t(layer.topk_index[c])] =
        double(of_choice[c]);
  return all;
}

std::vector<double> product(std::vector<double> a, std::vector<double> const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
  return a;
}

std::vector<double> column_sums(std::vector<double> const& rows, std::size_t columns) {
  std::vector<double> sums(columns);
  for (std::size_t i = 0; i < rows.size(); ++i) sums[i % columns] += rows[i];
  return sums;
}

std::vector<double> gate_ups(std::vector<ExpertTensors> const& experts) {
  std::vector<double> all;
  for (auto const& expert : experts) all.insert(all.end(), expert.gate_up.begin(), expert.gate_up.end());
  return all;
}
std::vector<double> downs(std::vector<ExpertTensors> const& experts) {
  std::vector<double> all;
  for (auto const& expert : experts) all.insert(all.end(), expert.down.begin(), expert.down.end());
  return all;
}

void compare_forward(RouterFixture const& fixture, RouterFixtureLayer const& layer, RouterOutcome const& found,
                     Comparison& comparison) {
  auto const prefix = fmt::format("moe.{}.", layer.layer);
  comparison.add(prefix + "router_logits", found.logits, layer.logits, forward_limit);
  comparison.add(prefix + "chosen experts", found.chosen, dense(fixture, layer, std::vector<int>(layer.topk_index.size(), 1)), 0);
  comparison.add(prefix + "topk_weight", found.weight, dense(fixture, layer, layer.topk_weight), forward_limit);
  if (!layer.combine.empty()) comparison.add(prefix + "combine", product(found.weight, found.kept), layer.combine, forward_limit);
  if (!layer.kept.empty()) comparison.add(prefix + "kept", found.kept, dense(fixture, layer, layer.kept), 0);
  if (!layer.tokens_per_expert.empty())
    comparison.add(prefix + "tokens_per_expert", column_sums(found.chosen, std::size_t(fixture.router.num_experts)),
                   {layer.tokens_per_expert.begin(), layer.tokens_per_expert.end()}, 0);
}

/// `from`: what the gradients were computed from.
void compare_gradients(RouterFixture const& fixture, RouterFixtureLayer const& layer, RouterTensors const& found,
                       std::string const& from, Comparison& comparison) {
  auto const add = [&](std::string const& name, std::vector<double> const& mine, std::vector<double> const& recorded) {
    if (!name.empty())
      comparison.add("grad " + tensor_of_layer(name, layer.layer) + " from " + from, mine, recorded, gradient_limit);
  };
  add(fixture.router.weight, found.weight, layer.gradients.weight);
  add(fixture.router.bias, found.bias, layer.gradients.bias);
}

/// Of families whose experts are SwiGLU, where the fixture holds them. The gradient of the output and the losses give the
/// router's, where `complete`: all routers that a loss may join are recorded.
void compare_experts(RouterFixture const& fixture, RouterFixtureLayer const& layer, RouterPass const& pass,
                     RouterOutcome const& router, bool complete, Comparison& comparison) {
  auto const number = std::to_string(layer.layer);
  auto const found = run_experts(fixture, layer, router.kept, router.weight);
  if (!layer.routed_output.empty())
    comparison.add("moe." + number + ".routed_output", found.output, layer.routed_output, forward_limit);
  if (layer.d_output.empty()) return;
  if (!layer.gradients.weight.empty() && complete)
    compare_gradients(fixture, layer, pass.gradients(found.d_weight), "grad.moe." + number + ".output", comparison);
  if (layer.expert_gradients.empty()) return;
  comparison.add("grad of the experts' gate_up, layer " + number, gate_ups(found.gradients), gate_ups(layer.expert_gradients),
                 gradient_limit);
  comparison.add("grad of the experts' down, layer " + number, downs(found.gradients), downs(layer.expert_gradients),
                 gradient_limit);
}

void compare_layer(RouterFixture const& fixture, RouterFixtureLayer const& layer, RouterPass const& pass, bool complete,
                   Comparison& comparison) {
  auto const outcome = pass.outcome();
  compare_forward(fixture, layer, outcome, comparison);
  if (!layer.d_logits.empty() && !layer.gradients.weight.empty())
    compare_gradients(fixture, layer, pass.gradients_from_logits(layer.d_logits),
                      fmt::format("grad.moe.{}.router_logits", layer.layer), comparison);
  if (!layer.experts.empty()) compare_experts(fixture, layer, pass, outcome, complete, comparison);
}

std::vector<std::int64_t> not_recorded(RouterFixture const& fixture) {
  auto left = fixture.router.layers;
  for (auto const& layer : fixture.layers) std::erase(left, layer.layer);
  return left;
}

}  // namespace

Comparison compare_routers(RouterFixture const& fixture) {
  std::vector<std::unique_ptr<RouterPass>> passes;
  for (auto const& layer : fixture.layers) passes.push_back(std::make_unique<RouterPass>(fixture, layer));
  RouterPass::join(passes);
  bool const complete = fixture.router.aux_coef == 0 || not_recorded(fixture).empty();
  Comparison comparison;
  for (std::size_t i = 0; i < passes.size(); ++i) compare_layer(fixture, fixture.layers[i], *passes[i], complete, comparison);
  auto const sum_of = [&](std::string const& kind) {
    double sum = 0;
    for (auto const& pass : passes) sum += pass->loss(kind);
    return sum;
  };
  if (fixture.aux_loss && complete)
    comparison.add("aux_loss", {sum_of(fixture.router.aux_loss)}, {*fixture.aux_loss}, forward_limit);
  if (fixture.z_loss) comparison.add("z_loss", {sum_of("z")}, {*fixture.z_loss}, forward_limit);
  if (fixture.aux_coef) comparison.add("aux_coef", {fixture.router.aux_coef}, {*fixture.aux_coef}, forward_limit);
  if (fixture.z_coef) comparison.add("z_coef", {fixture.router.z_coef}, {*fixture.z_coef}, forward_limit);
  return comparison;
}

std::string scope_of(RouterFixture const& fixture) {
  std::vector<std::int64_t> layers;
  bool experts = false;
  for (auto const& layer : fixture.layers) {
    layers.push_back(layer.layer);
    experts = experts || !layer.experts.empty();
  }
  auto text = fmt::format("{}: router parts only{}, of layers {}; the family's other parts are not built yet\n",
                          fixture.router.family, experts ? " and routed experts" : "", fmt::join(layers, ", "));
  if (auto const left = not_recorded(fixture); !left.empty())
    text += fmt::format("not recorded: routers of layers {}\n", fmt::join(left, ", "));
  if (!fixture.not_read.empty()) text += fmt::format("not compared: {}\n", fmt::join(fixture.not_read, ", "));
  return text + "not compared: gradients of the other parts' tensors; the routers' follow from the recorded one of the logits\n";
}

}  // namespace moescope
