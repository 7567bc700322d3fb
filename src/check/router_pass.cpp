#include "check/router_pass.hpp"

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "config/gate_kinds.hpp"
#include "config/pool_calls.hpp"
#include "gates/gate_network.hpp"

namespace moescope {

namespace {

ModelConfig model_of(PublishedRouter const& router, std::int64_t sequence_length) {
  ModelConfig model;
  model.hidden_size = router.hidden_size;
  model.num_experts = router.num_experts;
  model.top_k = router.top_k;
  model.gate.kind = router.gate;
  model.gate.network = router.bias.empty() ? "linear" : "linear_bias";
  model.gate.normalise = router.normalise;
  model.gate.num_groups = router.num_groups;
  model.gate.groups_kept = router.groups_kept;
  auto& losses = model.gate.loss.emplace();
  if (router.aux_coef != 0) losses.push_back({router.aux_loss, router.aux_coef, router.aux_pool});
  if (router.z_coef != 0) losses.push_back({"z", router.z_coef, "batch"});
  model.capacity.policy = router.expert_capacity > 0 ? "position" : "none";
  // Half a token more, so that no rounding of this share takes one away.
  model.capacity.factor =
      (double(router.expert_capacity) + 0.5) * double(router.num_experts) / double(sequence_length * choices_per_token(model));
  return model;
}

Matrix<double> matrix_of(ExecSpace const& exec, std::vector<double> const& values, std::int64_t rows, std::int64_t columns) {
  auto const matrix = make_matrix<double>("check::router", rows, columns);
  upload(exec, values, matrix);
  return matrix;
}

}  // namespace

RouterPass::RouterPass(RouterFixture const& fixture, RouterFixtureLayer const& layer)
    : published_(fixture.router), model_(model_of(fixture.router, fixture.sequence_length)), router_(model_) {
  auto const experts = model_.num_experts;
  context_.training = false;
  context_.layer = layer.layer;
  context_.tokens = TokenIds({{0, fixture.tokens}});
  PoolShape const shape{0, fixture.tokens, fixture.sequence_length, fixture.tokens / fixture.sequence_length};
  for (auto const& name : pool_names(model_))
    context_.pools.push_back({name, name == "batch" ? PoolShape{0, fixture.tokens, fixture.tokens, 1} : shape, &pool_});
  x_ = matrix_of(exec_, layer.input, fixture.tokens, model_.hidden_size);
  parameters_.push_back(matrix_of(exec_, layer.tensors.weight, experts, model_.hidden_size));
  for (auto const* row : {&layer.tensors.bias, &layer.tensors.correction_bias})
    if (!row->empty()) parameters_.push_back(matrix_of(exec_, *row, 1, experts));
  result_ = router_.forward(exec_, x_, parameters_, context_);
}

void RouterPass::join(std::vector<std::unique_ptr<RouterPass>> const& all) {
  std::vector<RouterResult<double>*> results;
  for (auto const& each : all) results.push_back(&each->result_);
  if (!all.empty()) all.front()->router_.join(results);
}

double RouterPass::loss(std::string const& kind) const {
  auto const all = losses(model_);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].kind == kind) return result_.terms[i].value;
  return 0;
}

RouterOutcome RouterPass::outcome() const {
  auto const& routing = result_.routing;
  auto const offsets = to_host(exec_, routing.offsets), expert = to_host(exec_, routing.expert),
             kept = to_host(exec_, routing.kept);
  auto const weight = to_host(exec_, result_.weight);
  std::vector<double> const none(result_.scores.logits.size());
  RouterOutcome outcome{to_host_copy(exec_, result_.scores.logits), none, none, none};
  for (std::int64_t t = 0; t < routing.num_tokens; ++t)
    for (int c = offsets(t); c < offsets(t + 1); ++c) {
      auto const at = std::size_t(t * routing.num_experts + expert(c));
      outcome.chosen[at] = 1;
      outcome.weight[at] = published_.score_scale_factor * weight(c);
      outcome.kept[at] = kept(c);
    }
  return outcome;
}

std::vector<Matrix<double>> RouterPass::zeros() const {
  std::vector<Matrix<double>> gradients;
  for (auto const& tensor : parameters_) gradients.emplace_back("check::d_router", tensor.extent(0), tensor.extent(1));
  return gradients;
}

RouterTensors RouterPass::on_host(std::vector<Matrix<double>> const& gradients) const {
  RouterTensors tensors{to_host_copy(exec_, gradients[0]), {}, {}};
  if (!published_.bias.empty()) tensors.bias = to_host_copy(exec_, gradients[1]);
  return tensors;
}

RouterTensors RouterPass::gradients(std::vector<double> const& d_weight) const {
  auto const& routing = result_.routing;
  auto const offsets = to_host(exec_, routing.offsets), expert = to_host(exec_, routing.expert);
  std::vector<double> of_choice;
  for (std::int64_t t = 0; t < routing.num_tokens; ++t)
    for (int c = offsets(t); c < offsets(t + 1); ++c)
      of_choice.push_back(published_.score_scale_factor * d_weight[std::size_t(t * routing.num_experts + expert(c))]);
  auto const gradients = zeros();
  Matrix<double> const d_x("check::d_x", x_.extent(0), x_.extent(1));
  router_.backward(exec_, x_, parameters_, context_, result_, upload(exec_, "check::d_weight", of_choice), d_x, gradients);
  return on_host(gradients);
}

RouterTensors RouterPass::gradients_from_logits(std::vector<double> const& d_logits) const {
  gates::GateNetwork<double> const network(model_);
  auto const gradients = zeros();
  Matrix<double> const d_x("check::d_x", x_.extent(0), x_.extent(1));
  network.backward(exec_, x_, parameters_, {{}, result_.scores.logits},
                   matrix_of(exec_, d_logits, std::int64_t(x_.extent(0)), model_.num_experts), d_x, gradients);
  return on_host(gradients);
}

}  // namespace moescope
