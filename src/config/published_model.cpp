#include "config/published_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "config/key.hpp"

namespace moescope {
namespace {

bool are_equal(std::vector<std::vector<std::int64_t>> const& layers, std::int64_t experts, std::int64_t sum) {
  return std::all_of(layers.begin(), layers.end(), [&](auto const& widths) {
    return std::all_of(widths.begin(), widths.end(), [&](std::int64_t width) { return width * experts == sum; });
  });
}

/// Values that follow from others are left out, so that a smaller copy of the model needs no second change.
bool follows_from_others(std::string const& path, ModelConfig const& model) {
  if (path == "model.head_dim") return model.head_dim * model.num_heads == model.hidden_size;
  auto const& residual = model.residual;
  if (path == "residual.expert_widths")
    return are_equal(residual.expert_widths, residual.num_experts, residual.intermediate_size);
  return path == "model.expert_widths" && are_equal(model.expert_widths, model.num_experts, model.intermediate_size);
}

/// JSON's text of numbers, words and lists is TOML's as well. A list of equal numbers, one for each layer, is one number.
std::string toml_value(nlohmann::json const& value) {
  bool const equal_numbers = value.is_array() && !value.empty() && value[0].is_number() &&
                             std::all_of(value.begin(), value.end(), [&](auto const& entry) { return entry == value[0]; });
  return (equal_numbers ? value[0] : value).dump();
}

std::string losses_to_toml(ModelConfig const& model) {
  std::vector<std::string> list;
  for (auto const& loss : losses(model))
    list.push_back(
        fmt::format("{{ kind = \"{}\", weight = {}, pool = \"{}\" }}", loss.kind, nlohmann::json(loss.weight).dump(), loss.pool));
  return fmt::format("[{}]", fmt::join(list, ", "));
}

}  // namespace

ModelConfig load_published_model(std::string const& path) {
  std::error_code ignored;
  auto const file = std::filesystem::is_directory(path, ignored) ? path + "/config.json" : path;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) throw UserError(fmt::format("{}: no config.json can be read there", file));
  return model_from_hugging_face(text.str(), file);
}

std::string model_to_toml(ModelConfig const& model) {
  RunConfig config;
  config.model = model;
  std::string text, section;
  for (auto const& key : keys_of(config)) {
    auto const name = key.path.substr(0, key.path.find('.'));
    bool const of_model =
        name == "model" || name == "gate" || name == "capacity" || (name == "residual" && model.residual.num_experts > 0);
    if (!of_model || follows_from_others(key.path, model) || !(key.applies(config) || key.required)) continue;
    if (name != section) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", name);
    section = name;
    text += fmt::format("{} = {}\n", key.path.substr(name.size() + 1),
                        std::holds_alternative<Losses>(key.member) ? losses_to_toml(model) : toml_value(value_of(key)));
  }
  return text;
}

}  // namespace moescope
