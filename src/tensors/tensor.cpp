#include "tensors/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"

namespace moescope {

std::string TensorName::text() const {
  auto text = layer < 0 ? std::string() : "model.layers." + std::to_string(layer) + ".";
  text.append(place).append(tensor);
  return expert < 0 ? text : text + "." + std::to_string(expert);
}

std::string routed_prefix(ModelConfig const& model) { return model.residual.num_experts > 0 ? "mlp.moe_layer." : "mlp."; }

ModelConfig residual_gate_model(ModelConfig const& model) {
  auto gate_model = model;
  gate_model.num_experts = gate_model.top_k = model.residual.num_experts;
  gate_model.gate.kind = "uniform_learnable";
  gate_model.gate.network = "linear";
  gate_model.gate.loss.emplace();
  gate_model.capacity.policy = "none";
  gate_model.gate.use_softmax = model.residual.use_softmax;
  return gate_model;
}

namespace {

constexpr std::size_t group(std::string_view name) {
  auto const* const found =
      std::find_if(std::begin(tensor_groups), std::end(tensor_groups), [&](TensorGroup const& row) { return row.name == name; });
  return std::size_t(found - tensor_groups);
}
constexpr auto dense = group("dense"), router = group("router"), expert = group("expert"), state = group("state");

Init uniform_in(std::int64_t inputs) { return {Init::Kind::uniform, 1 / std::sqrt(double(inputs))}; }

class Walk {
 public:
  Walk(ModelConfig const& model, Layout const& layout, std::int64_t rank, VisitTensor const& visit,
       std::optional<std::size_t> only = std::nullopt)
      : model_(model), layout_(layout), rank_(rank), visit_(visit), only_(only) {}

  void all() const {
    auto const vocabulary = layout_.vocabulary(model_, rank_);
    auto embedding = whole(Part::embedding, dense, model_.vocab_size, hidden_);
    rows(embedding, vocabulary, vocabulary, {.place = "model.embed_tokens.weight"});
    for (std::int64_t layer = 0; layer < model_.num_layers; ++layer) block(layer);
    norm(dense, {.place = "model.norm.weight"});
    auto head = whole(Part::head, dense, model_.vocab_size, hidden_);
    if (!model_.tie_word_embeddings) rows(head, vocabulary, vocabulary, {.place = "lm_head.weight"});
  }

 private:
  void block(std::int64_t layer) const {
    norm(dense, {.layer = layer, .place = "input_layernorm.weight"});
    attention(layer);
    norm(router, {.layer = layer, .place = "post_attention_layernorm.weight"});
    gate(gate_tensors_, {.layer = layer, .place = routed_gate_});
    if (model_.add_weight_norm) output_scale(layer);
    experts(layer);
    if (model_.residual.num_experts > 0) residual_block(layer);
  }

  bool wants(std::size_t in_group) const { return !only_ || *only_ == in_group; }

  void attention(std::int64_t layer) const {
    if (!wants(dense)) return;
    auto const d = model_.head_dim;
    auto const times_d = [d](Range heads) { return Range{heads.begin * d, heads.end * d}; };
    auto const queries = times_d(layout_.query_heads(model_, rank_));
    auto const keys = times_d(layout_.kv_heads(model_, rank_)), owned_keys = times_d(layout_.owned_kv_heads(model_, rank_));
    auto const query = whole(Part::attention, dense, model_.num_heads * d, hidden_);
    auto const key = whole(Part::attention, dense, model_.num_kv_heads * d, hidden_);
    auto const output = whole(Part::attention, dense, hidden_, model_.num_heads * d);
    rows(query, queries, queries, {layer, "self_attn.", "q_proj.weight"});
    rows(key, keys, owned_keys, {layer, "self_attn.", "k_proj.weight"});
    rows(key, keys, owned_keys, {layer, "self_attn.", "v_proj.weight"});
    columns(output, queries, {layer, "self_attn.", "o_proj.weight"});
  }

  void gate(std::vector<GateTensor> const& tensors, TensorName name) const {
    for (auto const& each : tensors) {
      name.tensor = each.name;
      auto tensor =
          whole(each.only_in_training ? Part::gate_noise : Part::gate, each.trained ? router : state, each.rows, each.columns);
      tensor.is_vector = each.rows == 1;
      tensor.decays = each.trained && each.rows > 1;
      if (each.rows == 1) tensor.init = {Init::Kind::constant, each.initial};
      copy(tensor, name);
    }
  }

  void output_scale(std::int64_t layer) const {
    vector(Part::output_scale, router, output_scale_columns(model_), model_.score_scale_factor[std::size_t(layer)],
           {layer, routed_, "calculator.mlp_norm.weight"});
  }

  void experts(std::int64_t layer) const {
    if (!wants(expert)) return;
    auto const held = layout_.experts(model_, rank_);
    for (auto e = held.begin; e < held.end; ++e) {
      auto const width = model_.expert_widths[std::size_t(layer)][std::size_t(e)];
      auto const part = layout_.expert_columns(width, rank_);
      auto in = whole(Part::expert, expert, width, hidden_), out = whole(Part::expert, expert, hidden_, width);
      in.init = uniform_in(hidden_);
      out.init = uniform_in(width);
      rows(in, part, part, {layer, routed_, "calculator.experts.weight_gate", e});
      rows(in, part, part, {layer, routed_, "calculator.experts.weight_up", e});
      columns(out, part, {layer, routed_, "calculator.experts.weight_down", e});
    }
  }

  /// Replicated: each rank runs all residual experts on the tokens it owns.
  void residual_block(std::int64_t layer) const {
    constexpr std::string_view place = "mlp.residual_block.";
    gate(residual_gate_tensors_, {.layer = layer, .place = "mlp.residual_block.gate."});
    for (std::int64_t e = 0; e < model_.residual.num_experts; ++e) {
      auto const width = model_.residual.expert_widths[std::size_t(layer)][std::size_t(e)];
      auto in = whole(Part::residual_expert, router, width, hidden_), out = whole(Part::residual_expert, router, hidden_, width);
      in.init = uniform_in(hidden_);
      out.init = uniform_in(width);
      copy(in, {layer, place, "calculator.experts.weight_gate", e});
      copy(in, {layer, place, "calculator.experts.weight_up", e});
      copy(out, {layer, place, "calculator.experts.weight_down", e});
    }
  }

  void norm(std::size_t in_group, TensorName const& name) const { vector(Part::norm, in_group, hidden_, 1, name); }

  void vector(Part part, std::size_t in_group, std::int64_t size, double value, TensorName const& name) const {
    auto tensor = whole(part, in_group, 1, size);
    tensor.is_vector = true;
    tensor.decays = false;
    tensor.init = {Init::Kind::constant, value};
    copy(tensor, name);
  }

  /// The whole tensor, held here, owned nowhere yet, drawn with the model's initializer_range.
  Tensor whole(Part part, std::size_t in_group, std::int64_t rows, std::int64_t columns) const {
    return {.part = part,
            .group = in_group,
            .rows = rows,
            .columns = columns,
            .is_vector = false,
            .decays = true,
            .held_rows = {0, rows},
            .held_columns = {0, columns},
            .counted_rows = {},
            .owned_rows = {},
            .init = {Init::Kind::normal, model_.initializer_range}};
  }

  /// On every rank of the stage: counted where the first one has its copies.
  void copy(Tensor const& tensor, TensorName const& name) const {
    auto const first = layout_.first_member(tensor_groups[tensor.group].axis, rank_);
    visit(tensor, layout_.coordinate(Axis::stage, first) == 0 ? tensor.held_rows : Range{}, name);
  }
  void rows(Tensor tensor, Range held, Range counted, TensorName const& name) const {
    tensor.held_rows = held;
    visit(tensor, counted, name);
  }
  void columns(Tensor tensor, Range held, TensorName const& name) const {
    tensor.held_columns = held;
    visit(tensor, tensor.held_rows, name);
  }
  void visit(Tensor tensor, Range counted, TensorName const& name) const {
    tensor.counted_rows = counted;
    if (is_first_[tensor.group]) tensor.owned_rows = counted;
    if (wants(tensor.group)) visit_(tensor, name);
  }

  ModelConfig const& model_;
  Layout const& layout_;
  std::int64_t rank_;
  VisitTensor const& visit_;
  std::optional<std::size_t> only_;
  std::int64_t hidden_ = model_.hidden_size;
  std::string routed_ = routed_prefix(model_), routed_gate_ = routed_ + "gate.";
  std::vector<GateTensor> gate_tensors_ = gate_tensors(model_);
  std::vector<GateTensor> residual_gate_tensors_ = gate_tensors(residual_gate_model(model_));
  std::vector<bool> is_first_ = first_of_groups();

  /// Whether this rank is the first of those with a copy, by group.
  std::vector<bool> first_of_groups() const {
    std::vector<bool> first;
    for (auto const& row : tensor_groups) first.push_back(layout_.coordinate(row.axis, rank_) == 0);
    return first;
  }
};

}  // namespace

void for_each_tensor(ModelConfig const& model, Layout const& layout, std::int64_t rank, VisitTensor const& visit) {
  Walk(model, layout, rank, visit).all();
}

void for_each_tensor_of(std::size_t group, ModelConfig const& model, Layout const& layout, std::int64_t rank,
                        VisitTensor const& visit) {
  Walk(model, layout, rank, visit, group).all();
}

}  // namespace moescope
