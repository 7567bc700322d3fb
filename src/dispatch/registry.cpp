#include "base/error.hpp"
#include "dispatch/row_dispatcher.hpp"

namespace moescope {

/// The list of dispatcher kinds: one line each.
#define MOESCOPE_DISPATCHERS(X) \
  X(local)                      \
  X(all_to_all)                 \
  X(all_gather)

template <class T>
std::unique_ptr<Dispatcher<T>> make_dispatcher(std::string const& kind, Mesh& mesh, ModelConfig const& model) {
#define MOESCOPE_MAKE(name) \
  if (kind == #name) return make_##name<T>(mesh, model);
  MOESCOPE_DISPATCHERS(MOESCOPE_MAKE)
#undef MOESCOPE_MAKE
  std::string known;
  for (auto const& each : dispatcher_kinds()) known += (known.empty() ? "" : ", ") + each;
  throw UserError("train.dispatcher = \"" + kind + "\" is unknown; known are: " + known);
}

std::vector<std::string> dispatcher_kinds() {
#define MOESCOPE_NAME(name) #name,
  return {MOESCOPE_DISPATCHERS(MOESCOPE_NAME)};
#undef MOESCOPE_NAME
}

#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<Dispatcher<T>> make_dispatcher<T>(std::string const&, Mesh&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
