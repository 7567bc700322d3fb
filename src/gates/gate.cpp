#include "gates/gate.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "gates/selection.hpp"

namespace moescope {

Pool const& GateContext::pool(std::string const& name) const {
  auto const found = std::find_if(pools.begin(), pools.end(), [&](Pool const& pool) { return pool.name == name; });
  MOESCOPE_CHECK(found != pools.end() && found->exchange != nullptr);
  return *found;
}

template <class T>
Gate<T>::Gate(ModelConfig const& model) : num_experts_(model.num_experts), top_k_(choices_per_token(model)) {}

template <class T>
Routing<T> Gate<T>::choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const&) const {
  return gates::route<T>(exec, gates::top_experts<Accumulate<T>>(exec, scores.ranking, top_k_), top_k_, num_experts_);
}

template <class T>
void Gate<T>::update(ExecSpace const&, GateStep const&, Parameters const&) const {}

#define MOESCOPE_INSTANTIATE(T) template class Gate<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
