#include "gates/noise.hpp"

#include "base/error.hpp"
#include "gates/transfer.hpp"

namespace moescope::gates {

template <class T>
Matrix<T> draw_noise(ExecSpace const& exec, Purpose purpose, GateContext const& context, std::int64_t tokens,
                     std::int64_t num_experts) {
  auto const noise = make_matrix<T>("gates::noise", tokens, num_experts);
  if (context.injected && !context.injected->noise.empty()) {
    upload(exec, std::span<double const>(context.injected->noise), noise);
    return noise;
  }
  RandomStream const stream(context.seed, purpose, context.step, context.layer);
  auto const ids = context.tokens.on_device();
  MOESCOPE_CHECK(std::int64_t(ids.extent(0)) == tokens);
  Kokkos::parallel_for(
      "gates::draw_noise", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens * num_experts), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / num_experts, e = i % num_experts;
        noise(t, e) = T(purpose == Purpose::gate_noise     ? stream.normal(ids(t), e)
                        : purpose == Purpose::switch_noise ? stream.gumbel(ids(t), e)
                                                           : stream.uniform(ids(t), e));
      });
  return noise;
}

template Matrix<float> draw_noise<float>(ExecSpace const&, Purpose, GateContext const&, std::int64_t, std::int64_t);
template Matrix<double> draw_noise<double>(ExecSpace const&, Purpose, GateContext const&, std::int64_t, std::int64_t);

}  // namespace moescope::gates
