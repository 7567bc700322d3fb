#include <map>
#include <set>

#include "model/parameters.hpp"
#include "support/catch.hpp"
#include "tensors/group_sizes.hpp"
#include "tensors/parameter_counts.hpp"
#include "tensors/stretches.hpp"
#include "unit/model/models.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

/// By tensor name: how many ranks own, and hold, each logical element.
struct Copies {
  std::map<std::string, std::vector<int>> owned, held;
};

void add_one(std::vector<int>& counts, TensorSpec const& spec, Range rows) {
  counts.resize(std::size_t(spec.rows * spec.columns));
  for (auto r = rows.begin; r < rows.end; ++r)
    for (auto c = spec.held_columns.begin; c < spec.held_columns.end; ++c) ++counts.at(std::size_t(r * spec.columns + c));
}

Copies count_copies(ModelConfig const& model, Layout const& layout) {
  Copies copies;
  for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
    for (auto const& spec : tensor_table(model, layout, rank).specs()) {
      add_one(copies.owned[spec.name], spec, spec.owned_rows);
      add_one(copies.held[spec.name], spec, spec.held_rows);
    }
  }
  return copies;
}

}  // namespace

TEST_CASE("every element of every tensor is owned by exactly one rank, which holds it") {
  int checked = 0;
  for_each_layout([&](NamedModel const& each, Layout const& layout) {
    auto const copies = count_copies(each.model, layout);
    std::int64_t elements = 0;
    bool once = true, held = true;
    for (auto const& [name, owners] : copies.owned) {
      elements += std::int64_t(owners.size());
      for (std::size_t i = 0; i < owners.size(); ++i) {
        once = once && owners[i] == 1;
        held = held && copies.held.at(name)[i] >= 1;
      }
    }
    for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
      for (auto const& spec : tensor_table(each.model, layout, rank).specs()) {
        if (spec.owned_rows.size() <= 0) continue;
        held = held && spec.held_rows.begin <= spec.owned_rows.begin && spec.owned_rows.end <= spec.held_rows.end;
      }
    }
    INFO(each.name << ", " << layout.describe());
    CHECK(once);
    CHECK(held);
    CHECK(elements == parameter_counts(each.model).total);
    ++checked;
  });
  CHECK(checked > 100);
}

TEST_CASE("a sum over every element takes each once, and ranks with copies take equal parts") {
  int shared = 0;
  for_each_layout([&](NamedModel const& each, Layout const& layout) {
    std::map<std::string, std::vector<int>> times;
    bool equal = true;
    for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
      auto const table = tensor_table(each.model, layout, rank);
      std::vector<std::set<std::int64_t>> counted(table.groups().size());
      for (auto const& stretch : counted_stretches(table, layout, rank))
        for (auto i = stretch.begin; i < stretch.end; ++i) counted[stretch.group].insert(i);
      for (auto const& spec : table.specs()) {
        auto& of_tensor = times[spec.name];
        of_tensor.resize(std::size_t(spec.rows * spec.columns));
        for (std::int64_t i = 0; i < spec.size(); ++i) {
          auto const row = spec.held_rows.begin + i / spec.held_columns.size();
          auto const column = spec.held_columns.begin + i % spec.held_columns.size();
          of_tensor.at(std::size_t(row * spec.columns + column)) += int(counted[spec.group].count(spec.offset + i));
        }
      }
      if (layout.size(Axis::tp) > 1) continue;  // there KV heads and norms belong to one of the tp ranks
      for (std::size_t g = 0; g < counted.size(); ++g) {
        auto const copies = layout.size(table.groups()[g].axis), all = table.group_sizes()[g];
        auto const off = std::int64_t(counted[g].size()) * copies - all;
        equal = equal && std::abs(off) <= copies * std::int64_t(table.specs().size());
        shared += copies > 1;
      }
    }
    bool once = true;
    for (auto const& [name, counts] : times) once = once && counts == std::vector<int>(counts.size(), 1);
    INFO(each.name << ", " << layout.describe());
    CHECK(once);
    CHECK(equal);
  });
  CHECK(shared > 0);
}

TEST_CASE("an element is held by as many ranks as its reduction group sums over, shared KV heads apart") {
  for_each_layout([](NamedModel const& each, Layout const& layout) {
    auto const held = count_copies(each.model, layout).held;
    bool right = true;
    for (auto const& spec : tensor_table(each.model, layout, 0).specs()) {
      bool const shared = spec.name.find("k_proj") != std::string::npos || spec.name.find("v_proj") != std::string::npos;
      bool const replicated_over_tp = spec.is_vector && tensor_groups[spec.group].name == "dense";
      auto const expected = layout.size(tensor_groups[spec.group].axis) * (replicated_over_tp ? layout.size(Axis::tp) : 1);
      for (auto const copies : held.at(spec.name)) right = right && (shared ? copies >= expected : copies == expected);
    }
    INFO(each.name << ", " << layout.describe());
    CHECK(right);
  });
}

TEST_CASE("group sizes are the ones that are computed without a table, and specs fill them") {
  for_each_layout([](NamedModel const& each, Layout const& layout) {
    bool equal = true, filled = true;
    for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
      auto const table = tensor_table(each.model, layout, rank);
      equal = equal && table.group_sizes() == group_sizes(each.model, layout, rank);
      std::vector<std::int64_t> next(table.groups().size());
      for (auto const& spec : table.specs()) {
        auto& end = next[spec.group];
        filled = filled && spec.offset == end;
        end += spec.size();
      }
      filled = filled && next == table.group_sizes();
    }
    INFO(each.name << ", " << layout.describe());
    CHECK(equal);
    CHECK(filled);
  });
}

TEST_CASE("norms and output scales do not decay, everything else does") {
  auto const model = awkward_models().back().model;
  std::set<std::string> without;
  for (auto const& spec : tensor_table(model, Layout({}, 1), 0).specs())
    if (!spec.decays) without.insert(spec.name);
  CHECK(without == std::set<std::string>{
                       "model.norm.weight", "model.layers.0.input_layernorm.weight", "model.layers.1.input_layernorm.weight",
                       "model.layers.0.post_attention_layernorm.weight", "model.layers.1.post_attention_layernorm.weight",
                       "model.layers.0.mlp.calculator.mlp_norm.weight", "model.layers.1.mlp.calculator.mlp_norm.weight"});
}

TEST_CASE("a name that no parameter has is a programmer's error") {
  auto const table = tensor_table(awkward_models().front().model, Layout({}, 1), 0);
  CHECK(table.find("lm_head.weight").rows == 37);
  CHECK_THROWS_AS(table.find("lm_head.bias"), std::logic_error);
}
