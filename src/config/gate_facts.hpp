#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "config/model_config.hpp"

namespace moescope {

/// What must be known of a kind of gate without asking it, so that parameters and bytes are computed from configuration alone.
/// Tests compare each fact with what the gate itself does.
struct GateFacts {
  enum class Visits { one, top_k, all };
  std::string_view kind;
  Visits visits;           ///< experts of one token
  bool has_network;        ///< `gate.network`: [E,H], and [E,E] for mlp
  bool has_noise_matrix;   ///< [E,H] where `gate.add_noise`
  bool sums_over_pools;    ///< PoolExchange::sum
  bool gathers_for_drops;  ///< PoolExchange::gather where `model.drop_tokens`
};

inline constexpr std::array<GateFacts, 6> all_gate_facts{
    {{"noisy_top_k", GateFacts::Visits::top_k, true, true, true, false},
     {"switch", GateFacts::Visits::one, true, false, true, true},
     {"uniform", GateFacts::Visits::all, false, false, false, false},
     {"uniform_learnable", GateFacts::Visits::all, true, false, false, false},
     {"random", GateFacts::Visits::top_k, false, false, false, false},
     {"random_learnable", GateFacts::Visits::top_k, true, false, false, false}}};

/// Of the model's gate, whose kind validation has checked.
GateFacts const& gate_facts(ModelConfig const& model);

/// Elements of one layer's gate; 0 for the plain gates.
std::int64_t gate_parameters(ModelConfig const& model);

}  // namespace moescope
