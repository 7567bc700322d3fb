#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "gates/gate.hpp"

namespace moescope {

/// Every gate of config/gate_kinds.cpp. A kind lives in <kind>.cpp, which defines make_<kind>_gate<T>; docs/definitions.md says
/// what it does.
#define MOESCOPE_GATES(GATE) \
  GATE(noisy_top_k)          \
  GATE(switch)               \
  GATE(uniform)              \
  GATE(uniform_learnable)    \
  GATE(random)               \
  GATE(random_learnable)     \
  GATE(hash)                 \
  GATE(top_p)                \
  GATE(shazeer)              \
  GATE(switch_transformer)   \
  GATE(gshard)               \
  GATE(mixtral)              \
  GATE(qwen_moe)             \
  GATE(olmoe)                \
  GATE(gpt_oss)              \
  GATE(llama4)               \
  GATE(topology_limited)     \
  GATE(deepseek_v3)          \
  GATE(base)                 \
  GATE(sinkhorn)             \
  GATE(expert_choice)        \
  GATE(quantile)             \
  GATE(remoe)

#define MOESCOPE_DECLARE(kind) \
  template <class T>           \
  std::unique_ptr<Gate<T>> make_##kind##_gate(ModelConfig const& model);
MOESCOPE_GATES(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE

namespace {

template <class T>
struct Factory {
  std::string_view kind;
  std::unique_ptr<Gate<T>> (*make)(ModelConfig const&);
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_gate(ModelConfig const& model) {
#define MOESCOPE_FACTORY(kind) {#kind, make_##kind##_gate<T>},
  static constexpr Factory<T> factories[] = {MOESCOPE_GATES(MOESCOPE_FACTORY)};
#undef MOESCOPE_FACTORY
  auto const name = gate_kind(model).name;
  auto const* found =
      std::find_if(std::begin(factories), std::end(factories), [&](auto const& each) { return each.kind == name; });
  MOESCOPE_CHECK(found != std::end(factories));
  return found->make(model);
}

std::vector<std::string> gate_kinds() {
#define MOESCOPE_NAME(kind) #kind,
  return {MOESCOPE_GATES(MOESCOPE_NAME)};
#undef MOESCOPE_NAME
}

#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
