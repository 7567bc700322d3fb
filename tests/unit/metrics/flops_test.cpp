#include "metrics/flops.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "tensors/parameter_counts.hpp"

using namespace moescope;
using namespace moescope::metrics;

namespace {

/// The published 6.7B models: LLaMA-2-7B's shape, every FFN split into experts.
ModelConfig llama_moe(std::int64_t experts, std::int64_t top_k) {
  ModelConfig model;
  model.vocab_size = 32000;
  model.hidden_size = 4096;
  model.num_layers = 32;
  model.num_heads = model.num_kv_heads = 32;
  model.head_dim = 128;
  model.num_experts = experts;
  model.top_k = top_k;
  model.intermediate_size = 11008;
  model.expert_widths.assign(32, std::vector<std::int64_t>(std::size_t(experts), 11008 / experts));
  return model;
}

/// Giga-operations per token.
StepFlops per_token(ModelConfig const& model, std::int64_t sequence_length) {
  auto flops = step_flops(model, 1, sequence_length);
  for (auto* value : {&flops.megatron_causal, &flops.non_causal, &flops.six_n_active, &flops.six_n_total}) *value /= 1e9;
  return flops;
}

double active(ModelConfig const& model) { return parameter_counts(model).active; }

}  // namespace

TEST_CASE("Published LLaMA-MoE models, giga-operations per token") {
  auto const top4_of_16 = per_token(llama_moe(16, 4), 4096);
  CHECK(top4_of_16.megatron_causal == Approx(23.39).margin(0.005));
  CHECK(top4_of_16.non_causal == Approx(26.62).margin(0.005));
  CHECK(top4_of_16.six_n_active == Approx(20.96).margin(0.005));
  // With the noise matrices, which LLaMA-MoE trains and counts; 40.44 without them.
  CHECK(top4_of_16.six_n_total == Approx(6 * 6.742618112));

  auto const top2_of_8 = per_token(llama_moe(8, 2), 4096);
  CHECK(top2_of_8.megatron_causal == Approx(23.39).margin(0.005));
  CHECK(top2_of_8.non_causal == Approx(26.614).margin(0.001));
  CHECK(top2_of_8.six_n_active == Approx(20.96).margin(0.005));
  CHECK(top2_of_8.six_n_total == Approx(40.44).margin(0.005));

  auto const top2_of_16 = per_token(llama_moe(16, 2), 2048);
  CHECK(top2_of_16.megatron_causal == Approx(18.53).margin(0.005));
  CHECK(top2_of_16.non_causal == Approx(20.15).margin(0.005));
  CHECK(top2_of_16.six_n_active / top2_of_16.megatron_causal == Approx(0.96).margin(0.005));
}

TEST_CASE("N_active is the published count of activated parameters") {
  CHECK(active(llama_moe(16, 2)) == 2953064448);
  CHECK(active(llama_moe(16, 4)) == 3494129664);
  CHECK(active(llama_moe(8, 2)) == 3493074944);
  auto quiet = llama_moe(8, 2);
  quiet.gate.add_noise = false;
  CHECK(active(quiet) == 3493074944);
}

TEST_CASE("Megatron's formula for a model with grouped KV heads and unequal experts") {
  auto model = llama_moe(4, 2);
  model.vocab_size = 100;
  model.hidden_size = 12;
  model.num_layers = 2;
  model.num_heads = 6;
  model.num_kv_heads = 2;
  model.head_dim = 4;
  model.expert_widths = {{2, 4, 6, 8}, {10, 10, 0, 0}};
  double const T = 50, S = 10, H = 12, q = 24, kv = 8, active_width = 2 * 5;
  double const layer = 2 * T * H * (q + 2 * kv) + 2 * T * q * H + 2 * q * T * S + 6 * T * H * active_width;
  CHECK(step_flops(model, 50, 10).megatron_causal == Approx(3 * (2 * layer + 2 * T * H * 100)).epsilon(1e-14));
}

TEST_CASE("Experts whose mean width is no whole number count with it") {
  auto model = llama_moe(4, 3);
  auto const before = step_flops(model, 50, 10);
  model.expert_widths.back().back() += 1;
  auto const after = step_flops(model, 50, 10);
  double const more = 6.0 * 50 * 3 * 4096 * 0.75;
  CHECK(after.megatron_causal - before.megatron_causal == more);
  CHECK(after.six_n_active - before.six_n_active == more);
  CHECK(after.non_causal - before.non_causal == more);
}

TEST_CASE("Residual experts are an MLP that each token visits") {
  auto model = llama_moe(8, 2);
  auto const plain = step_flops(model, 50, 10);
  model.residual.num_experts = 3;
  model.residual.intermediate_size = 21;
  model.residual.expert_widths.assign(std::size_t(model.num_layers), {3, 16, 2});
  auto const residual = step_flops(model, 50, 10);
  CHECK(residual.megatron_causal - plain.megatron_causal == 6.0 * 50 * 32 * 3 * 4096 * 21);
  CHECK(residual.six_n_active - plain.six_n_active == 6.0 * 50 * 32 * (3 * 4096 * 21 + 3 * 4096));  // and their gate
}

TEST_CASE("Non-causal counts the other half of attention, the gate network and the norms") {
  auto const model = llama_moe(8, 2);
  auto const flops = step_flops(model, 8192, 4096);
  double const half_of_attention = 6.0 * 8192 * 4096 * 4096 * 32;
  double const gate_and_norms = 6.0 * 8192 * (32 * (8 * 4096 + 64 + 2 * 4096) + 4096);
  CHECK(flops.non_causal - flops.megatron_causal == Approx(half_of_attention + gate_and_norms).epsilon(1e-12));
}

TEST_CASE("A tied table is a matrix of the head, not an idle one") {
  auto model = llama_moe(8, 2);
  auto const untied = step_flops(model, 1, 4096);
  model.tie_word_embeddings = true;
  auto const tied = step_flops(model, 1, 4096);
  CHECK(tied.non_causal == Approx(untied.non_causal).epsilon(1e-14));
  CHECK(tied.megatron_causal == Approx(untied.megatron_causal).epsilon(1e-14));
  CHECK(untied.six_n_active - tied.six_n_active == Approx(6.0 * 32000 * 4096));
}

TEST_CASE("Utilisation is a share of the peak, and unknown where the peak is") {
  CHECK(flops_utilization(3e12, 2, 6e12) == 0.25);
  CHECK(std::isnan(flops_utilization(3e12, 2, 0)));
}
