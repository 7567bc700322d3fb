#include "base/error.hpp"
#include "base/host_memory.hpp"
#include "base/random.hpp"
#include "config/gate_kinds.hpp"
#include "model/parameters.hpp"

namespace moescope {

template <class T>
Vector<T> FlatBuffers<T>::flat(TensorSpec const& spec) const {
  if (!hold(spec)) return {};
  return Kokkos::subview(group[spec.group], Kokkos::make_pair(spec.offset, spec.offset + spec.size()));
}

template <class T>
Matrix<T> FlatBuffers<T>::matrix(TensorSpec const& spec) const {
  if (!hold(spec)) return {};
  return Matrix<T>(group[spec.group].data() + spec.offset, spec.held_rows.size(), spec.held_columns.size());
}

namespace {

template <class T>
Vector<T> make_buffer(std::string const& label, std::int64_t size) {
  auto const buffer = make_vector<T>(("model::" + label).c_str(), size);
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemSpace>::accessible) {
    prefer_huge_pages(buffer.data(), buffer.size() * sizeof(T));
  }
  Kokkos::deep_copy(buffer, T(0));
  return buffer;
}

}  // namespace

template <class T>
FlatBuffers<T> make_buffers(TensorTable const& table, std::string const& label) {
  FlatBuffers<T> buffers;
  for (auto const size : table.group_sizes()) buffers.group.push_back(make_buffer<T>(label, size));
  return buffers;
}

template <class T>
FlatBuffers<T> make_trained_buffers(TensorTable const& table, std::string const& label) {
  FlatBuffers<T> buffers;
  for (std::size_t g = 0; g < table.groups().size(); ++g)
    buffers.group.push_back(table.groups()[g].trained ? make_buffer<T>(label, table.group_sizes()[g]) : Vector<T>());
  return buffers;
}

namespace {

/// Hands out Views of one flat buffer by published name. Adjacent tensors with equal columns join into one matrix.
template <class T>
class TensorViewer {
 public:
  TensorViewer(TensorTable const& table, FlatBuffers<T> const& buffers) : table_(table), buffers_(buffers) {}

  Matrix<T> matrix(std::string const& name) const { return buffers_.matrix(table_.find(name)); }
  Vector<T> vector(std::string const& name) const { return buffers_.flat(table_.find(name)); }

  Matrix<T> joined(std::vector<std::string> const& names) const {
    auto const& first = table_.find(names.front());
    std::int64_t num_rows = 0;
    for (auto const& name : names) {
      auto const& spec = table_.find(name);
      MOESCOPE_CHECK(spec.offset == first.offset + num_rows * first.held_columns.size());
      num_rows += spec.held_rows.size();
    }
    return Matrix<T>(buffers_.flat(first).data(), num_rows, first.held_columns.size());
  }

 private:
  TensorTable const& table_;
  FlatBuffers<T> const& buffers_;
};

template <class T>
std::vector<Matrix<T>> view_gate(ModelConfig const& gate_model, std::string const& prefix, TensorViewer<T> const& view) {
  std::vector<Matrix<T>> tensors;
  for (auto const& tensor : gate_tensors(gate_model)) tensors.push_back(view.matrix(prefix + "gate." + tensor.name));
  return tensors;
}

template <class T>
ExpertWeights<T> view_expert(std::string const& prefix, std::int64_t expert, TensorViewer<T> const& view) {
  auto const name = [&](char const* part) { return prefix + "calculator.experts." + part + "." + std::to_string(expert); };
  return {view.joined({name("weight_gate"), name("weight_up")}), view.matrix(name("weight_down"))};
}

template <class T>
BlockTensors<T> view_block(ModelConfig const& model, Range experts, std::string const& prefix, TensorViewer<T> const& view) {
  BlockTensors<T> block;
  block.attention_norm = view.vector(prefix + "input_layernorm.weight");
  block.ffn_norm = view.vector(prefix + "post_attention_layernorm.weight");
  auto const attention = prefix + "self_attn.";
  block.attention.qkv = view.joined({attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"});
  block.attention.output = view.matrix(attention + "o_proj.weight");
  auto const routed = prefix + routed_prefix(model);
  block.routed.gate = view_gate<T>(model, routed, view);
  for (auto e = experts.begin; e < experts.end; ++e) block.routed.experts.push_back(view_expert<T>(routed, e, view));
  if (model.add_weight_norm) block.output_scale = view.vector(routed + "calculator.mlp_norm.weight");
  if (model.residual.num_experts == 0) return block;
  block.residual.gate = view_gate<T>(residual_gate_model(model), prefix + "mlp.residual_block.", view);
  for (std::int64_t e = 0; e < model.residual.num_experts; ++e) {
    block.residual.experts.push_back(view_expert<T>(prefix + "mlp.residual_block.", e, view));
  }
  return block;
}

}  // namespace

template <class T>
ModelTensors<T> view_tensors(ModelConfig const& model, Layout const& layout, std::int64_t rank, TensorTable const& table,
                             FlatBuffers<T> const& buffers) {
  TensorViewer<T> const view(table, buffers);
  ModelTensors<T> tensors;
  tensors.embedding = view.matrix("model.embed_tokens.weight");
  tensors.head = model.tie_word_embeddings ? tensors.embedding : view.matrix("lm_head.weight");
  tensors.final_norm = view.vector("model.norm.weight");
  for (std::int64_t layer = 0; layer < model.num_layers; ++layer) {
    auto const prefix = "model.layers." + std::to_string(layer) + ".";
    tensors.blocks.push_back(view_block<T>(model, layout.experts(model, rank), prefix, view));
    tensors.blocks.back().layer = layer;
  }
  return tensors;
}

template <class T>
void initialize(TensorTable const& table, std::uint64_t seed, FlatBuffers<T> const& values) {
  ExecSpace const exec;
  for (auto const& spec : table.specs()) {
    auto const matrix = values.matrix(spec);
    RandomStream const stream(seed, Purpose::weight, 0, tensor_key(spec.name));
    auto const first_row = spec.held_rows.begin, first_column = spec.held_columns.begin;
    auto const num_columns = std::int64_t(matrix.extent(1));
    auto const [kind, value] = spec.init;
    Kokkos::parallel_for(
        "model::initialize", Kokkos::RangePolicy<ExecSpace>(exec, 0, matrix.extent(0)), KOKKOS_LAMBDA(std::int64_t const r) {
          for (std::int64_t c = 0; c < num_columns; ++c) {
            auto const id = first_row + r, element = first_column + c;
            matrix(r, c) = kind == Init::Kind::normal    ? T(value * stream.normal(id, element))
                           : kind == Init::Kind::uniform ? T(-value * (1 - 2 * stream.uniform(id, element)))
                                                         : T(value);
          }
        });
  }
  exec.fence("model::initialize");
}

#define MOESCOPE_INSTANTIATE(T)                                                                                 \
  template struct FlatBuffers<T>;                                                                               \
  template FlatBuffers<T> make_buffers<T>(TensorTable const&, std::string const&);                              \
  template FlatBuffers<T> make_trained_buffers<T>(TensorTable const&, std::string const&);                      \
  template ModelTensors<T> view_tensors<T>(ModelConfig const&, Layout const&, std::int64_t, TensorTable const&, \
                                           FlatBuffers<T> const&);                                              \
  template void initialize<T>(TensorTable const&, std::uint64_t, FlatBuffers<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
