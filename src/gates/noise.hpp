#pragma once
#include "gates/gate.hpp"

namespace moescope::gates {

/// [tokens,E] numbers keyed on (global token id, expert): standard normal for Purpose::gate_noise, standard Gumbel for
/// switch_noise, uniform in (0,1) for random_routing. `context.injected->noise` replaces them where it is not empty.
template <class T>
Matrix<T> draw_noise(ExecSpace const& exec, Purpose purpose, GateContext const& context, std::int64_t tokens,
                     std::int64_t num_experts);

}  // namespace moescope::gates
