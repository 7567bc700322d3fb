#include <algorithm>

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
  GATE(random_learnable)

#define MOESCOPE_DECLARE(kind) \
  template <class T>           \
  std::unique_ptr<Gate<T>> make_##kind##_gate(ModelConfig const& model);
MOESCOPE_GATES(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE

namespace {

struct Factory {
  std::string kind;
  std::unique_ptr<Gate<float>> (*make_float)(ModelConfig const&);
  std::unique_ptr<Gate<double>> (*make_double)(ModelConfig const&);
};

std::vector<Factory> const& factories() {
#define MOESCOPE_FACTORY(kind) {#kind, make_##kind##_gate<float>, make_##kind##_gate<double>},
  static std::vector<Factory> const list = {MOESCOPE_GATES(MOESCOPE_FACTORY)};
#undef MOESCOPE_FACTORY
  return list;
}

Factory const& find(ModelConfig const& model) {
  auto const name = gate_kind(model).name;
  auto const found =
      std::find_if(factories().begin(), factories().end(), [&](auto const& factory) { return factory.kind == name; });
  MOESCOPE_CHECK(found != factories().end());
  return *found;
}

}  // namespace

template <>
std::unique_ptr<Gate<float>> make_gate<float>(ModelConfig const& model) {
  return find(model).make_float(model);
}

template <>
std::unique_ptr<Gate<double>> make_gate<double>(ModelConfig const& model) {
  return find(model).make_double(model);
}

std::vector<std::string> gate_kinds() {
  std::vector<std::string> kinds;
  for (auto const& factory : factories()) kinds.push_back(factory.kind);
  return kinds;
}

}  // namespace moescope
