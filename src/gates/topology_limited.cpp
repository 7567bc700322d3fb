#include "config/gate_kinds.hpp"
#include "gates/affinity_gate.hpp"
#include "gates/group_limit.hpp"

namespace moescope {

namespace {

/// DeepSeek-V2 (2024), device-limited: the k largest of the softmax over all experts, among those of the groups_kept groups with
/// the largest affinities. Groups are the experts of a rank or a node where gate.num_groups says so: they follow from ids alone.
template <class T>
class TopologyLimitedGate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters;
  using A = Accumulate<T>;

  explicit TopologyLimitedGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, model.gate.normalise),
        groups_(model.gate.num_groups),
        kept_(model.gate.groups_kept),
        best_of_group_(int(gate_kind(model).best_of_group)) {}

 protected:
  Matrix<A> ranking_of(ExecSpace const& exec, Matrix<A> const& affinity, Parameters const&) const override {
    return groups_ == 1 ? affinity : gates::limit_groups<A>(exec, affinity, groups_, kept_, best_of_group_);
  }

 private:
  std::int64_t groups_, kept_;
  int best_of_group_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_topology_limited_gate(ModelConfig const& model) {
  return std::make_unique<TopologyLimitedGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_topology_limited_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
