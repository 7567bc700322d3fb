#include "checkpoint/load_parameters.hpp"

#include <set>

#include "base/error.hpp"
#include "base/upload.hpp"

namespace moescope {

namespace {

void check_shape(TensorSource const& source, TensorSpec const& spec) {
  auto const expected = spec.is_vector ? std::vector{spec.columns} : std::vector{spec.rows, spec.columns};
  auto const& found = source.info(spec.name).shape;
  if (found != expected) {
    throw UserError(source.path() + ": tensor " + spec.name + " has shape " + shape_text(found) +
                    ", but the configuration needs " + shape_text(expected));
  }
}

}  // namespace

template <class T>
std::vector<std::string> load_parameters(TensorSource const& source, TensorTable const& table, FlatBuffers<T> const& values) {
  std::set<std::string> unused;
  for (auto const& name : source.names()) unused.insert(name);
  for (auto const& spec : table.specs()) {
    check_shape(source, spec);
    unused.erase(spec.name);
    upload(ExecSpace(), source.read_slice(spec.name, spec.held_rows, spec.held_columns), values.flat(spec));
  }
  return {unused.begin(), unused.end()};
}

#define MOESCOPE_INSTANTIATE(T) \
  template std::vector<std::string> load_parameters<T>(TensorSource const&, TensorTable const&, FlatBuffers<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
