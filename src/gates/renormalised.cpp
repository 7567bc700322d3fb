#include "gates/renormalised.hpp"

#include "base/scalar.hpp"
#include "config/gate_kinds.hpp"

namespace moescope::gates {

namespace {

bool renormalises(ModelConfig const& model) { return drops(model) && model.capacity.renormalise; }

}  // namespace

template <class T>
Vector<Accumulate<T>> renormalised(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing) {
  using A = Accumulate<T>;
  if (!renormalises(model)) return routing.weight;
  auto const result = make_vector<A>("gates::renormalised", routing.num_choices);
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::renormalised", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        A all = 0, stay = 0;
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          all += weight(c);
          if (kept(c)) stay += weight(c);
        }
        for (int c = offsets(t); c < offsets(t + 1); ++c) result(c) = kept(c) && stay != 0 ? weight(c) * (all / stay) : weight(c);
      });
  return result;
}

template <class T>
Vector<Accumulate<T>> renormalised_backward(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing,
                                            ConstVector<Accumulate<T>> d_renormalised) {
  using A = Accumulate<T>;
  auto const d_weight = make_vector<A>("gates::d_weight", routing.num_choices);
  if (!renormalises(model)) {
    Kokkos::deep_copy(exec, d_weight, d_renormalised);
    return d_weight;
  }
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::renormalised_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        A all = 0, stay = 0, product = 0;
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          all += weight(c);
          if (kept(c)) stay += weight(c);
          if (kept(c)) product += weight(c) * d_renormalised(c);
        }
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          if (stay == 0)
            d_weight(c) = d_renormalised(c);
          else if (kept(c))
            d_weight(c) = d_renormalised(c) * (all / stay) + product * (1 / stay - all / (stay * stay));
          else
            d_weight(c) = d_renormalised(c) + product / stay;
        }
      });
  return d_weight;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                    \
  template Vector<Accumulate<T>> renormalised<T>(ExecSpace const&, ModelConfig const&, Routing<T> const&);         \
  template Vector<Accumulate<T>> renormalised_backward<T>(ExecSpace const&, ModelConfig const&, Routing<T> const&, \
                                                          ConstVector<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
