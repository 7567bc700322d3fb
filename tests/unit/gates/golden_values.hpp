#pragma once
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

/// A worked example of LLaMA-MoE's gates with four experts and three tokens, computed apart from this code and printed to
/// the digits given in the tests. The linear gate network sees unit vectors, so that its weight is the logits' transpose.
namespace moescope::test {

inline std::vector<double> transpose(std::vector<double> const& m, std::int64_t num_rows, std::int64_t num_columns) {
  std::vector<double> result(m.size());
  for (std::int64_t r = 0; r < num_rows; ++r)
    for (std::int64_t c = 0; c < num_columns; ++c) result[c * num_rows + r] = m[r * num_columns + c];
  return result;
}

inline std::vector<double> const golden_logits = {.9, -.2, .4, .1, .3, .8, -.5, .6, -.1, .2, 1.1, .5};
inline std::vector<double> const golden_noise_logits = {0, .2, -.3, .1, .1, 0, .4, -.2, -.5, .3, 0, .2};
inline std::vector<double> const golden_noise = {.5, 1.2, -.7, .3, -1, .4, .9, .2, .6, -.3, -.8, 1.5};
inline std::vector<double> const golden_gumbel = {.1, 1.5, -.2, .4, 0, .3, 2, -.5, .7, -.1, .2, .9};

/// One pool of three tokens, the only one of its step.
inline GateCase golden_case(std::string const& kind) {
  auto c = make_case(kind, 4, 2, 3, 3);
  c.model.hidden_size = 3;
  c.model.gate.network = "linear";
  weigh_losses(c.model, 0.01);
  c.pool_shape.pools_in_step = 1;
  c.x = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  c.parameters = {transpose(golden_logits, 3, 4)};
  if (kind == "noisy_top_k") c.parameters.push_back(transpose(golden_noise_logits, 3, 4));
  c.injected.noise = kind == "switch" ? golden_gumbel : golden_noise;
  return c;
}

/// Each value equals the printed one up to half a unit of its last digit.
inline void require_printed(std::vector<double> const& values, std::vector<double> const& printed, double half_unit) {
  REQUIRE(values.size() == printed.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i, values[i], printed[i]);
    REQUIRE(std::abs(values[i] - printed[i]) <= half_unit * 1.0001);
  }
}

}  // namespace moescope::test
