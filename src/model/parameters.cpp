#include "model/parameters.hpp"

#include <cmath>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"

namespace moescope {

Axis axis_of(ReductionGroup group) {
  switch (group) {
    case ReductionGroup::dense:
      return Axis::dp;
    case ReductionGroup::router:
      return Axis::world;
    case ReductionGroup::expert:
      return Axis::edp;
  }
  MOESCOPE_CHECK(false);
  return Axis::world;
}

std::string routed_prefix(ModelConfig const& model) { return model.residual.num_experts > 0 ? "mlp.moe_layer." : "mlp."; }

ModelConfig residual_gate_model(ModelConfig const& model) {
  auto gate_model = model;
  gate_model.num_experts = gate_model.top_k = model.residual.num_experts;
  gate_model.gate.kind = "uniform_learnable";
  gate_model.gate.network = "linear";
  gate_model.gate.use_softmax = model.residual.use_softmax;
  return gate_model;
}

namespace {

/// Appends specs in flat-buffer order; query, key and value rows and an expert's gate and up rows stay adjacent, so that
/// each set is one matrix.
class TableBuilder {
 public:
  TableBuilder(ModelConfig const& model, Layout const& layout, std::int64_t rank) : model_(model), layout_(layout), rank_(rank) {}

  ParameterTable build() {
    auto const hidden = model_.hidden_size;
    auto const vocabulary = layout_.vocabulary(model_, rank_);
    add_dense("model.embed_tokens.weight", {model_.vocab_size, hidden}, vocabulary, vocabulary);
    for (std::int64_t layer = 0; layer < model_.num_layers; ++layer) add_block(layer);
    add_replicated("model.norm.weight", hidden);
    if (!model_.tie_word_embeddings) add_dense("lm_head.weight", {model_.vocab_size, hidden}, vocabulary, vocabulary);
    return std::move(table_);
  }

 private:
  struct Shape {
    std::int64_t rows, columns;
  };

  void add_block(std::int64_t layer) {
    auto const prefix = "model.layers." + std::to_string(layer) + ".";
    add_replicated(prefix + "input_layernorm.weight", model_.hidden_size);
    add_attention(prefix + "self_attn.");
    add_router(prefix + "post_attention_layernorm.weight", {1, model_.hidden_size}, true, 0, 1);
    auto const routed = prefix + routed_prefix(model_);
    add_gate(routed, model_);
    if (model_.add_weight_norm) {
      auto const columns = output_scale_columns(model_);
      add_router(routed + "calculator.mlp_norm.weight", {1, columns}, true, 0, model_.score_scale_factor[std::size_t(layer)]);
    }
    auto const experts = layout_.experts(model_, rank_);
    for (auto e = experts.begin; e < experts.end; ++e) add_expert(routed + "calculator.experts.", layer, e);
    if (model_.residual.num_experts > 0) add_residual_block(prefix + "mlp.residual_block.");
  }

  void add_gate(std::string const& prefix, ModelConfig const& gate_model) {
    auto const gate = prefix + "gate.";
    for (auto const& tensor : gate_tensors(gate_model))
      add_router(gate + tensor.name, {tensor.rows, tensor.columns}, false, model_.initializer_range, 0);
  }

  /// Replicated: each rank runs all residual experts on the tokens it owns.
  void add_residual_block(std::string const& prefix) {
    add_gate(prefix, residual_gate_model(model_));
    auto const width = model_.residual.width(), hidden = model_.hidden_size;
    for (std::int64_t e = 0; e < model_.residual.num_experts; ++e) {
      auto const name = [&](char const* part) { return prefix + "calculator.experts." + part + "." + std::to_string(e); };
      add_router(name("weight_gate"), {width, hidden}, false, -1 / std::sqrt(double(hidden)), 0);
      add_router(name("weight_up"), {width, hidden}, false, -1 / std::sqrt(double(hidden)), 0);
      add_router(name("weight_down"), {hidden, width}, false, -1 / std::sqrt(double(width)), 0);
    }
  }

  void add_attention(std::string const& prefix) {
    auto const d = model_.head_dim, hidden = model_.hidden_size;
    auto const times_d = [d](Range heads) { return Range{heads.begin * d, heads.end * d}; };
    auto const queries = times_d(layout_.query_heads(model_, rank_));
    auto const keys = times_d(layout_.kv_heads(model_, rank_)), owned_keys = times_d(layout_.owned_kv_heads(model_, rank_));
    add_dense(prefix + "q_proj.weight", {model_.num_heads * d, hidden}, queries, queries);
    add_dense(prefix + "k_proj.weight", {model_.num_kv_heads * d, hidden}, keys, owned_keys);
    add_dense(prefix + "v_proj.weight", {model_.num_kv_heads * d, hidden}, keys, owned_keys);
    ParameterSpec output = spec(prefix + "o_proj.weight", {hidden, model_.num_heads * d}, ReductionGroup::dense);
    output.held_columns = queries;
    output.owned_rows = if_first(Axis::dp, output.held_rows);
    add(output);
  }

  void add_expert(std::string const& prefix, std::int64_t layer, std::int64_t expert) {
    auto const width = model_.expert_widths[std::size_t(layer)][std::size_t(expert)], hidden = model_.hidden_size;
    auto const columns = layout_.expert_columns(width, rank_);
    auto const name = [&](char const* part) { return prefix + part + "." + std::to_string(expert); };
    for (auto const* part : {"weight_gate", "weight_up"}) {
      ParameterSpec p = spec(name(part), {width, hidden}, ReductionGroup::expert);
      p.held_rows = columns;
      p.owned_rows = if_first(Axis::edp, columns);
      p.init_range = -1 / std::sqrt(double(hidden));
      add(p);
    }
    ParameterSpec down = spec(name("weight_down"), {hidden, width}, ReductionGroup::expert);
    down.held_columns = columns;
    down.owned_rows = if_first(Axis::edp, down.held_rows);
    down.init_range = -1 / std::sqrt(double(width));
    add(down);
  }

  void add_dense(std::string const& name, Shape shape, Range held, Range owned) {
    ParameterSpec p = spec(name, shape, ReductionGroup::dense);
    p.held_rows = held;
    p.owned_rows = if_first(Axis::dp, owned);
    add(p);
  }

  void add_replicated(std::string const& name, std::int64_t size) {
    ParameterSpec p = spec(name, {1, size}, ReductionGroup::dense);
    p.is_vector = true;
    p.owned_rows = if_first(Axis::world, p.held_rows);
    p.init_range = 0;
    p.init_value = 1;
    add(p);
  }

  void add_router(std::string const& name, Shape shape, bool is_vector, double init_range, double init_value) {
    ParameterSpec p = spec(name, shape, ReductionGroup::router);
    p.is_vector = is_vector;
    p.owned_rows = if_first(Axis::world, p.held_rows);
    p.init_range = init_range;
    p.init_value = init_value;
    add(p);
  }

  /// The whole tensor, held here, drawn with the model's initializer_range.
  ParameterSpec spec(std::string const& name, Shape shape, ReductionGroup group) const {
    bool const decays = name.find("bias") == std::string::npos && name.find("norm.weight") == std::string::npos;
    return {name,   shape.rows, shape.columns, false, {0, shape.rows}, {0, shape.columns}, {}, group, model_.initializer_range, 0,
            decays, 0};
  }

  Range if_first(Axis axis, Range range) const { return layout_.coordinate(axis, rank_) == 0 ? range : Range{}; }

  void add(ParameterSpec p) {
    auto& size = table_.group_size[std::size_t(p.group)];
    p.offset = size;
    size += p.size();
    table_.specs.push_back(std::move(p));
  }

  ModelConfig const& model_;
  Layout const& layout_;
  std::int64_t rank_;
  ParameterTable table_;
};

}  // namespace

ParameterSpec const& ParameterTable::find(std::string const& name) const {
  for (auto const& spec : specs) {
    if (spec.name == name) return spec;
  }
  throw std::logic_error("no parameter is named " + name);
}

ParameterTable make_parameter_table(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  return TableBuilder(model, layout, rank).build();
}

}  // namespace moescope
