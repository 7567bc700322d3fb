#pragma once
#include <string>

#include "config/run_config.hpp"

namespace moescope {

/// Of a LLaMA-MoE config.json, or of the folder that holds one. Throws UserError where it cannot be read or used.
ModelConfig load_published_model(std::string const& path);

/// [model], [gate] and, where the model has one, [residual] as TOML that reads back as the same model.
std::string model_to_toml(ModelConfig const& model);

}  // namespace moescope
