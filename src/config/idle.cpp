#include <fmt/format.h>

#include "config/key.hpp"
#include "config/settings.hpp"

namespace moescope {
namespace {

bool is_default(Key const& key, RunConfig const& config) {
  RunConfig untouched;
  untouched.model.num_layers = config.model.num_layers;
  untouched.model.gate.kind = config.model.gate.kind;
  fill_layers(untouched.model);
  fill_from_kind(untouched.model);
  return value_of(key) == value_of(*find_key(keys_of(untouched), key.path));
}

/// Whether the key decides something under the file's values alone.
bool applies_in_file(Key const& key, Settings const& of_file, RunConfig const& config) {
  RunConfig file;
  file.model.num_layers = config.model.num_layers;
  read_values(of_file, file);
  return key.applies(file);
}

}  // namespace

std::vector<std::string> pass_over_idle(Settings& given, Settings const& of_file, RunConfig config) {
  std::vector<std::string> sentences;
  for (auto const& key : keys_of(config)) {
    auto const setting = given.find(key.path);
    auto const in_file = of_file.find(key.path);
    auto const under = idle_under(key.path, config);
    if (setting == given.end() || under.empty() || is_default(key, config)) continue;
    bool const from_file = in_file != of_file.end() && in_file->second.origin == setting->second.origin;
    if (!key.required && !(from_file && applies_in_file(key, of_file, config)))
      refuse(given, key.path, setting->second.value, fmt::format("decides nothing with {}; leave it out", under));
    sentences.push_back(fmt::format("{}: {} = {} decides nothing with {}", setting->second.origin, key.path,
                                    setting->second.value.dump(), under));
    given.erase(setting);
  }
  return sentences;
}

}  // namespace moescope
