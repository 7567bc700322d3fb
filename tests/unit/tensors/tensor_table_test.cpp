#include "tensors/tensor_table.hpp"

#include <set>

#include "support/catch.hpp"
#include "unit/config/example.hpp"

using namespace moescope;

namespace {

ModelConfig deepseek() {
  auto model = example::parse(example::toml).model;
  model.num_layers = 61;
  model.num_experts = 256;
  model.top_k = 8;
  model.expert_widths.assign(61, std::vector<std::int64_t>(256, 2048));
  model.score_scale_factor.assign(61, 1);
  return model;
}

}  // namespace

TEST_CASE("a table of many layers and experts finds each of its tensors") {
  auto const table = tensor_table(deepseek(), Layout({}, 1), 0);
  CHECK(table.specs().size() == 3 + 61 * (2 + 4 + 3 + 3 * 256));
  bool found = true;
  for (auto const& spec : table.specs()) found = found && &table.find(spec.name) == &spec;
  CHECK(found);
  CHECK_THROWS_AS(table.find("model.layers.61.mlp.gate.weight"), std::logic_error);
}

TEST_CASE("a name belongs to one tensor") {
  auto table = tensor_table(example::parse(example::toml).model, Layout({}, 1), 0);
  auto const first = table.specs().front();
  CHECK_THROWS_AS(table.add(first, first.name), std::logic_error);
}

TEST_CASE("visiting composes the names that checkpoints have") {
  std::set<std::string> names;
  for_each_tensor(example::parse(example::toml).model, Layout({}, 1), 0,
                  [&](Tensor const&, TensorName const& name) { names.insert(name.text()); });
  for (auto const* name :
       {"model.embed_tokens.weight", "model.layers.1.self_attn.o_proj.weight", "model.layers.0.mlp.gate.gate_network.2.weight",
        "model.layers.1.mlp.calculator.experts.weight_down.3", "model.norm.weight", "lm_head.weight"})
    CHECK(names.count(name) == 1);
}

TEST_CASE("each group of tensors has its own name, axis and exchange") {
  std::set<std::string_view> names, exchanges;
  for (auto const& group : tensor_groups) {
    names.insert(group.name);
    exchanges.insert(group.gradients);
    CHECK(group.gradients == (group.trained ? std::string(name(group.axis)) + ".gradients" : ""));
  }
  CHECK(names.size() == std::size(tensor_groups));
  CHECK(exchanges.size() == std::size(tensor_groups));
}
