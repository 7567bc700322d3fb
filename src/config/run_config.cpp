#include "config/run_config.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.hpp"
#include "config/load_layout.hpp"
#include "config/settings.hpp"
#include "files/mapped_file.hpp"

namespace moescope {
namespace {

void require_file(std::string const& path) {
  std::error_code error;
  auto const status = std::filesystem::status(path, error);
  if (path.empty()) throw UserError("the name of the configuration file is empty");
  if (status.type() == std::filesystem::file_type::not_found)
    throw UserError(fmt::format("{}: there is no such configuration file", path));
  if (std::filesystem::is_directory(status)) throw UserError(fmt::format("{}: is a folder; a TOML file is expected", path));
}

void add_overrides(Settings& settings, RunConfig& config, std::vector<std::string> const& overrides) {
  for (auto const& argument : overrides) add_override(settings, config, argument);
}

std::vector<std::string> not_given(Settings const& settings) {
  std::vector<std::string> keys;
  for (auto const* key : {"batch.sequences", "batch.sequence_length", "batch.micro_steps", "train.dtype"})
    if (!settings.contains(key)) keys.emplace_back(key);
  return keys;
}

bool decides_exchanges(std::string const& path) {
  return path.starts_with("layout.") || path == "train.dtype" || path == "train.watchdog_seconds";
}

}  // namespace

RunConfig parse_run_config(std::string const& text, std::string const& source, std::vector<std::string> const& overrides) {
  RunConfig config;
  auto const of_file = settings_from_toml(text, source);
  auto settings = of_file;
  add_overrides(settings, config, overrides);
  apply_settings(settings, config);
  if (auto const idle = pass_over_idle(settings, of_file, config); !idle.empty()) {
    config = {};
    apply_settings(settings, config);
    config.idle = idle;
  }
  config.assumed = not_given(settings);
  config.toml = text;
  if (!overrides.empty() && !text.ends_with('\n')) config.toml += '\n';
  for (auto const& argument : overrides) config.toml += "# --set " + argument + "\n";
  return config;
}

RunConfig load_run_config(std::string const& path, std::vector<std::string> const& overrides) {
  require_file(path);
  return parse_run_config(read_text(path), path, overrides);
}

RunConfig load_layout(std::string const& path, std::vector<std::string> const& overrides) {
  RunConfig config;
  Settings settings, given;
  if (!path.empty()) {
    require_file(path);
    settings = settings_from_toml(read_text(path), path);
  }
  std::erase_if(settings, [](auto const& setting) { return !decides_exchanges(setting.first); });
  add_overrides(given, config, overrides);
  for (auto const& [key, setting] : given) {
    if (!decides_exchanges(key))
      throw UserError(
          fmt::format("{}: decides nothing here; keys of [layout], train.dtype and train.watchdog_seconds do", setting.origin));
    settings[key] = setting;
  }
  read_values(settings, config);
  return config;
}

void apply_overrides(RunConfig& config, std::vector<std::string> const& overrides) {
  Settings settings;
  auto changed = config;
  add_overrides(settings, changed, overrides);
  apply_settings(settings, changed);
  changed.idle = pass_over_idle(settings, {}, changed);
  config = std::move(changed);
}

void validate(RunConfig const& config) {
  check_values(config, {});
  check_rules(config, {});
}

}  // namespace moescope
