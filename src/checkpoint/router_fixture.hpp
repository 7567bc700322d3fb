#pragma once
#include <optional>
#include <string>
#include <vector>

#include "config/families/published_router.hpp"

namespace moescope {

/// The tensors of a router, or their gradients; absent ones are empty.
struct RouterTensors {
  std::vector<double> weight, bias, correction_bias;  ///< [E,H], [E], [E]
};

/// One expert, or its gradients.
struct ExpertTensors {
  std::vector<double> gate_up, down;  ///< [2m,H] gate above up, [H,m]
};

/// One router as another implementation recorded it; N tokens, row-major. Absent entries are empty.
struct RouterFixtureLayer {
  std::int64_t layer = 0;
  RouterTensors tensors, gradients;
  std::vector<ExpertTensors> experts, expert_gradients;  ///< [E]
  std::vector<double> input;                             ///< [N,H]
  std::vector<double> logits, d_logits;                  ///< [N,E]; the objective's gradient
  std::vector<std::int64_t> topk_index;                  ///< [N,k]
  std::vector<double> topk_weight;                       ///< [N,k]
  std::vector<double> combine;                           ///< [N,E] weights of the kept choices
  std::vector<std::int64_t> kept;                        ///< [N,k] where experts have a capacity
  std::vector<std::int64_t> tokens_per_expert;           ///< [E]
  std::vector<double> routed_output, d_output;           ///< [N,H] sum over the kept choices; the objective's gradient
};

/// The routers of a folder with config.json, model.safetensors, io.safetensors and, where gradients were taken,
/// grads.safetensors, of a family whose other parts are not built: recorded in evaluation mode, in double. Format: the
/// README.md of each folder in tests/golden/hf.
struct RouterFixture {
  std::string path;
  PublishedRouter router;
  std::int64_t tokens = 0, sequence_length = 0;
  std::optional<double> aux_coef, z_coef, aux_loss, z_loss;
  std::vector<RouterFixtureLayer> layers;
  std::vector<std::string> not_read;  ///< entries of io.safetensors, those of all layers as one
};

/// Whether config.json in `folder` is of another family than LLaMA-MoE's, which are compared whole.
bool is_router_fixture(std::string const& folder);
/// Throws UserError naming the file and what is missing, malformed or not honoured.
RouterFixture load_router_fixture(std::string const& folder);

}  // namespace moescope
