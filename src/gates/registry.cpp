#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "gates/gate.hpp"

namespace moescope {

/// Every gate: GATE(kind, weights_sum_to_one, causal, uses_capacity, draws). A kind lives in <kind>.cpp, which defines
/// make_<kind>_gate<T>; docs/definitions.md says what it does.
#define MOESCOPE_GATES(GATE)                        \
  GATE(noisy_top_k, true, true, false, true)        \
  GATE(switch, false, false, true, true)            \
  GATE(uniform, true, true, false, false)           \
  GATE(uniform_learnable, true, true, false, false) \
  GATE(random, false, true, false, true)            \
  GATE(random_learnable, true, true, false, true)

#define MOESCOPE_DECLARE(kind, ...) \
  template <class T>                \
  std::unique_ptr<Gate<T>> make_##kind##_gate(ModelConfig const& model);
MOESCOPE_GATES(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE

namespace {

struct Entry {
  std::string kind;
  GateTraits traits;
  std::unique_ptr<Gate<float>> (*make_float)(ModelConfig const&);
  std::unique_ptr<Gate<double>> (*make_double)(ModelConfig const&);
};

std::vector<Entry> const& entries() {
#define MOESCOPE_ENTRY(kind, ...) {#kind, {__VA_ARGS__}, make_##kind##_gate<float>, make_##kind##_gate<double>},
  static std::vector<Entry> const list = {MOESCOPE_GATES(MOESCOPE_ENTRY)};
#undef MOESCOPE_ENTRY
  return list;
}

Entry const& find(std::string const& kind) {
  auto const found = std::find_if(entries().begin(), entries().end(), [&](auto const& e) { return e.kind == kind; });
  if (found == entries().end())
    throw UserError(fmt::format("gate.kind '{}' is unknown; known kinds: {}", kind, fmt::join(gate_kinds(), ", ")));
  return *found;
}

}  // namespace

template <>
std::unique_ptr<Gate<float>> make_gate<float>(ModelConfig const& model) {
  return find(model.gate.kind).make_float(model);
}

template <>
std::unique_ptr<Gate<double>> make_gate<double>(ModelConfig const& model) {
  return find(model.gate.kind).make_double(model);
}

GateTraits gate_traits(std::string const& kind) { return find(kind).traits; }

std::vector<std::string> gate_kinds() {
  std::vector<std::string> kinds;
  for (auto const& entry : entries()) kinds.push_back(entry.kind);
  return kinds;
}

}  // namespace moescope
