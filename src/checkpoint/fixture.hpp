#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/model_config.hpp"
#include "gates/gate.hpp"

namespace moescope {

/// One MoE block as the reference implementation recorded it; N tokens, row-major. Absent entries are empty.
struct FixtureLayer {
  std::vector<double> input, output;     ///< [N,H] of the FFN block alone
  std::vector<std::int64_t> topk_index;  ///< [N,k]
  std::vector<double> topk_weight;       ///< [N,k]
  std::vector<double> importance, load;  ///< [E]
  InjectedNoise noise;                   ///< [N,E] and [N], to be injected instead of drawn
};

/// A folder with config.json, model.safetensors, io.safetensors and, for training cases, grads.safetensors: what another
/// implementation computed, in double. Format: the README.md of each folder in tests/golden.
struct Fixture {
  std::string path;
  ModelConfig model;
  bool training = false;
  std::int64_t sequences = 0, sequence_length = 0;
  std::vector<int> tokens, targets;  ///< [N]; targets are labels shifted by one position, -100 = not counted
  std::vector<double> logits;        ///< [N,V]
  double loss = 0, cross_entropy = 0;
  std::vector<double> balance_loss;  ///< [L]
  std::vector<FixtureLayer> layers;
  std::map<std::string, std::vector<double>> gradients;  ///< by published name; empty for evaluation cases
};

/// Throws UserError naming the file and what is missing or malformed.
Fixture load_fixture(std::string const& folder);

}  // namespace moescope
