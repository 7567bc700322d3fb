#include "model/gather.hpp"

#include "base/error.hpp"
#include "base/to_host.hpp"

namespace moescope {

namespace {

/// Owned elements of this rank's tensors, in table order.
template <class T>
std::vector<double> pack_owned(TensorTable const& table, FlatBuffers<T> const& buffers) {
  std::vector<double> packed;
  for (auto const& spec : table.specs()) {
    if (!buffers.hold(spec)) continue;
    auto const host = to_host(ExecSpace(), buffers.flat(spec));
    auto const width = spec.held_columns.size();
    for (auto r = spec.owned_rows.begin; r < spec.owned_rows.end; ++r) {
      for (std::int64_t c = 0; c < width; ++c) packed.push_back(double(host((r - spec.held_rows.begin) * width + c)));
    }
  }
  return packed;
}

template <class T>
void unpack_owned(TensorTable const& table, FlatBuffers<T> const& buffers, double const* packed,
                  std::map<std::string, std::vector<double>>& tensors) {
  for (auto const& spec : table.specs()) {
    if (!buffers.hold(spec)) continue;
    auto& tensor = tensors[spec.name];
    tensor.resize(std::size_t(spec.rows * spec.columns));
    for (auto r = spec.owned_rows.begin; r < spec.owned_rows.end; ++r) {
      for (auto c = spec.held_columns.begin; c < spec.held_columns.end; ++c)
        tensor[std::size_t(r * spec.columns + c)] = *packed++;
    }
  }
}

}  // namespace

template <class T>
std::map<std::string, std::vector<double>> gather_tensors(Mesh const& mesh, ModelConfig const& model, TensorTable const& table,
                                                          FlatBuffers<T> const& buffers) {
  std::vector<std::int64_t> counts;
  auto const all = mesh.world().gather(std::span<double const>(pack_owned<T>(table, buffers)), 0, &counts);
  std::map<std::string, std::vector<double>> tensors;
  if (mesh.rank() != 0) return tensors;
  double const* next = all.data();
  for (std::int64_t rank = 0; rank < mesh.layout().ranks(); ++rank) {
    unpack_owned<T>(tensor_table(model, mesh.layout(), rank), buffers, next, tensors);
    next += counts[std::size_t(rank)];
  }
  return tensors;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template std::map<std::string, std::vector<double>> gather_tensors<T>(Mesh const&, ModelConfig const&, TensorTable const&, \
                                                                        FlatBuffers<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
