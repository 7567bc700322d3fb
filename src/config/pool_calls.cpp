#include "config/pool_calls.hpp"

#include <algorithm>

#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "config/routers.hpp"

namespace moescope {
namespace {

using enum RouterPoolCalls::Operation;

/// A key of each choice and its expert; by expert where a token may have many.
PoolCalls gathers_to_drop(ModelConfig const& model) {
  auto const choices = choices_per_token(model);
  bool const listed = gate_kind(model).choices != GateKind::Choices::ragged && 2 * choices < model.num_experts;
  return {.calls = 1, .per_token = listed ? 2 * choices : model.num_experts};
}

}  // namespace

std::vector<RouterPoolCalls> pool_calls(ModelConfig const& model, bool training) {
  std::vector<RouterPoolCalls> all;
  if (training && gate_kind(model).gathers_scores)
    all.push_back({gather, model.gate.pool, {.calls = 1, .per_token = model.num_experts}});
  for (auto const& loss : losses(model)) all.push_back({sum, loss.pool, loss_kind(loss.kind).sums});
  if (drops(model)) all.push_back({gather, model.gate.pool, gathers_to_drop(model)});
  std::erase_if(all, [](RouterPoolCalls const& each) { return each.numbers.calls == 0; });
  return all;
}

std::int64_t gate_statistics(ModelConfig const& model) {
  auto const [routers, experts] = router_extents(model);
  return routers * (std::int64_t(losses(model).size()) + 2 * experts + 1);
}

std::int64_t gate_step_numbers(ModelConfig const& model) {
  auto const [routers, experts] = router_extents(model);
  return routers * experts * (gate_kind(model).keeps_pool_means ? 2 : 1);
}

std::vector<std::string> pool_names(ModelConfig const& model) {
  std::vector<std::string> names{model.gate.pool};
  for (auto const& loss : losses(model))
    if (std::find(names.begin(), names.end(), loss.pool) == names.end()) names.push_back(loss.pool);
  return names;
}

}  // namespace moescope
