#include <cmath>
#include <map>

#include "model/parameters.hpp"
#include "support/catch.hpp"
#include "unit/model/models.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct Initialized {
  TensorTable table;
  FlatBuffers<double> values;

  Initialized(ModelConfig const& model, Layout const& layout, std::int64_t rank, std::uint64_t seed)
      : table(tensor_table(model, layout, rank)), values(make_buffers<double>(table, "values")) {
    initialize<double>(table, seed, values);
  }
  auto host(TensorSpec const& spec) const {
    return Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, values.matrix(spec));
  }
};

/// Whether `spec`'s part on one rank equals the same part of the whole tensor.
bool equals_whole(Initialized const& part, TensorSpec const& spec, Initialized const& whole) {
  auto const found = part.host(spec), all = whole.host(whole.table.find(spec.name));
  for (std::int64_t r = 0; r < spec.held_rows.size(); ++r)
    for (std::int64_t c = 0; c < spec.held_columns.size(); ++c)
      if (!(found(r, c) == all(spec.held_rows.begin + r, spec.held_columns.begin + c))) return false;
  return true;
}

struct Moments {
  double mean = 0, deviation = 0, smallest = 0, largest = 0;
};

Moments moments(Initialized const& all, std::string const& name) {
  auto const host = all.host(all.table.find(name));
  Moments m;
  m.smallest = m.largest = host(0, 0);
  double squares = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    double const value = host.data()[i];
    m.mean += value / double(host.size());
    squares += value * value / double(host.size());
    m.smallest = std::min(m.smallest, value);
    m.largest = std::max(m.largest, value);
  }
  m.deviation = std::sqrt(squares - m.mean * m.mean);
  return m;
}

/// Every View of `tensors`, the head once where it is the embedding.
template <class F>
void each_view(ModelTensors<double> const& tensors, F&& f) {
  f(tensors.embedding);
  if (tensors.head.data() != tensors.embedding.data()) f(tensors.head);
  f(tensors.final_norm);
  for (auto const& block : tensors.blocks) {
    f(block.attention_norm);
    f(block.ffn_norm);
    f(block.attention.qkv);
    f(block.attention.output);
    for (auto const* gate : {&block.routed.gate, &block.residual.gate})
      for (auto const& matrix : *gate) f(matrix);
    for (auto const* experts : {&block.routed.experts, &block.residual.experts}) {
      for (auto const& expert : *experts) {
        f(expert.gate_up);
        f(expert.down);
      }
    }
    if (block.output_scale.size() > 0) f(block.output_scale);
  }
}

}  // namespace

TEST_CASE("initial values are the same on any layout") {
  for (auto const& each : awkward_models()) {
    Initialized const whole(each.model, Layout({}, 1), 0, 3);
    for (auto const& layout : layouts_of(each.model)) {
      bool equal = true;
      for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
        Initialized const part(each.model, layout, rank, 3);
        for (auto const& spec : part.table.specs()) equal = equal && equals_whole(part, spec, whole);
      }
      INFO(each.name << ", " << layout.describe());
      CHECK(equal);
    }
  }
}

TEST_CASE("another seed, and another tensor, starts from other values") {
  auto const model = awkward_models().front().model;
  Initialized const one(model, Layout({}, 1), 0, 3), other(model, Layout({}, 1), 0, 4);
  auto const first = [](Initialized const& all, std::string const& name) { return all.host(all.table.find(name))(0, 0); };
  for (std::string const name : {"model.embed_tokens.weight", "model.layers.1.mlp.calculator.experts.weight_up.7"})
    CHECK(first(one, name) != first(other, name));
  CHECK(first(one, "model.embed_tokens.weight") != first(one, "lm_head.weight"));
  CHECK(first(one, "model.layers.0.self_attn.q_proj.weight") != first(one, "model.layers.1.self_attn.q_proj.weight"));
}

TEST_CASE("projections start normal, experts uniform in 1 / sqrt(inputs), norms at one, output scales at the factor") {
  auto model = awkward_models().back().model;
  model.hidden_size = 100;
  model.initializer_range = 0.5;
  Initialized const all(model, Layout({}, 1), 0, 3);
  auto const embedding = moments(all, "model.embed_tokens.weight");
  CHECK(std::abs(embedding.mean) < 0.05);
  CHECK(embedding.deviation == Approx(0.5).epsilon(0.05));
  CHECK(embedding.largest > 1.0);
  auto const up = moments(all, "model.layers.0.mlp.calculator.experts.weight_up.0");
  CHECK((up.smallest > -0.1 && up.smallest < -0.095 && up.largest < 0.1 && up.largest > 0.095));
  auto const down = moments(all, "model.layers.0.mlp.calculator.experts.weight_down.0");
  CHECK((down.smallest > -1 / std::sqrt(8.0) && down.largest < 1 / std::sqrt(8.0) && down.largest > 0.34));
  auto const norm = moments(all, "model.norm.weight"), scale = moments(all, "model.layers.1.mlp.calculator.mlp_norm.weight");
  CHECK((norm.smallest == 1 && norm.largest == 1));
  CHECK((scale.smallest == 1.5 && scale.largest == 1.5));
}

TEST_CASE("the tensors that a model uses cover its flat buffers exactly once") {
  for_each_layout([](NamedModel const& each, Layout const& layout) {
    bool once = true;
    for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
      auto const table = tensor_table(each.model, layout, rank);
      auto const buffers = make_buffers<double>(table, "covered");
      std::vector<double> uses;
      each_view(view_tensors<double>(each.model, layout, rank, table, buffers), [&](auto const& view) {
        auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, view);
        for (std::size_t i = 0; i < host.size(); ++i) host.data()[i] += 1;
        Kokkos::deep_copy(view, host);
      });
      for (auto const& group : buffers.group) {
        auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, group);
        for (std::size_t i = 0; i < host.size(); ++i) once = once && host(i) == 1;
      }
    }
    INFO(each.name << ", " << layout.describe());
    CHECK(once);
  });
}

TEST_CASE("queries, keys and values are one matrix, as are an expert's gate and up projections") {
  auto const model = awkward_models()[1].model;
  Layout const layout({}, 1);
  Initialized const all(model, layout, 0, 3);
  auto const tensors = view_tensors<double>(model, layout, 0, all.table, all.values);
  auto const rows_start_with = [&](Matrix<double> const& matrix, std::int64_t row, std::string const& name) {
    return matrix.data() + row * std::int64_t(matrix.extent(1)) == all.values.matrix(all.table.find(name)).data();
  };
  auto const& block = tensors.blocks[1];
  std::string const prefix = "model.layers.1.";
  CHECK(rows_start_with(block.attention.qkv, 0, prefix + "self_attn.q_proj.weight"));
  CHECK(rows_start_with(block.attention.qkv, 24, prefix + "self_attn.k_proj.weight"));
  CHECK(rows_start_with(block.attention.qkv, 30, prefix + "self_attn.v_proj.weight"));
  CHECK(block.attention.qkv.extent(0) == 36);
  CHECK(rows_start_with(block.routed.experts[8].gate_up, 0, prefix + "mlp.calculator.experts.weight_gate.8"));
  CHECK(rows_start_with(block.routed.experts[8].gate_up, 12, prefix + "mlp.calculator.experts.weight_up.8"));
  CHECK(block.routed.experts[8].gate_up.extent(0) == 24);
}
