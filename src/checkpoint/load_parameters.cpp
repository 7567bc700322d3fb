#include "checkpoint/load_parameters.hpp"

#include <set>

#include "base/error.hpp"

namespace moescope {

namespace {

std::string shape_text(std::vector<std::int64_t> const& shape) {
  std::string text;
  for (auto const size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

void check_shape(TensorStore const& store, TensorSpec const& spec) {
  auto const expected = spec.is_vector ? std::vector{spec.columns} : std::vector{spec.rows, spec.columns};
  auto const& found = store.info(spec.name).shape;
  if (found != expected) {
    throw UserError(store.path() + ": tensor " + spec.name + " has shape " + shape_text(found) +
                    ", but the configuration needs " + shape_text(expected));
  }
}

}  // namespace

template <class T>
std::vector<std::string> load_parameters(TensorStore const& store, TensorTable const& table, FlatBuffers<T> const& values) {
  std::set<std::string> unused;
  for (auto const& name : store.names()) unused.insert(name);
  for (auto const& spec : table.specs()) {
    check_shape(store, spec);
    unused.erase(spec.name);
    auto const slice = store.read_slice(spec.name, spec.held_rows, spec.held_columns);
    auto const target = values.flat(spec);
    auto const host = Kokkos::create_mirror_view(target);
    for (std::size_t i = 0; i < slice.size(); ++i) host(i) = T(slice[i]);
    Kokkos::deep_copy(target, host);
  }
  return {unused.begin(), unused.end()};
}

template std::vector<std::string> load_parameters<double>(TensorStore const&, TensorTable const&, FlatBuffers<double> const&);
template std::vector<std::string> load_parameters<float>(TensorStore const&, TensorTable const&, FlatBuffers<float> const&);

}  // namespace moescope
