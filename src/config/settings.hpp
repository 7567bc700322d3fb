#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "config/run_config.hpp"

namespace moescope {

/// A value somebody gave, and where: "run.toml:3:1" or "--set model.top_k=2". A date, which no key takes, is null.
struct Setting {  // NOLINT(bugprone-exception-escape): moving a JSON value only asserts
  nlohmann::json value;
  std::string origin;
};
using Settings = std::map<std::string, Setting>;  ///< by path of a known key

/// TOML text -> settings; refuses syntax errors, unknown sections and unknown keys.
Settings settings_from_toml(std::string const& text, std::string const& source);

/// Adds `key=value`, replacing what was given before. `config` holds what a single domain weight is added to.
void add_override(Settings& settings, RunConfig& config, std::string const& argument);

/// Reads every setting into `config`, without rules and what follows.
void read_values(Settings const& settings, RunConfig& config);
/// Reads every setting into `config` (type, range, known values), fills what follows from [model] and checks all rules.
void apply_settings(Settings const& settings, RunConfig& config);

/// Refuses a setting that decides nothing in `config`, unless it is the default. Each source is judged by itself: a setting of
/// the file (`of_file`: before any --set) by the file's own values, so that one base file serves a sweep over kinds, and one of
/// --set by those in force. The others that decide nothing are taken out of `given`; returns a sentence for each.
std::vector<std::string> pass_over_idle(Settings& given, Settings const& of_file, RunConfig config);

/// Type, range and known values of everything in force, given or not.
void check_values(RunConfig config, Settings const& given);
/// Rules between keys; messages start with the origin of the key they name, where it was given.
void check_rules(RunConfig const& config, Settings const& given);

/// Fills what is absent: num_kv_heads, head_dim, expert widths or intermediate sizes, score scales, and top_k where the gate
/// does not ask for it.
void derive(ModelConfig& model, Settings const& given);
/// Lists of all layers where none is given, or one for all: score scales of 1, residual experts of no width.
void fill_layers(ModelConfig& model);
/// What the row of the gate has where nothing is given: network, place of the weights, capacity.
void fill_from_kind(ModelConfig& model);
/// Clears what `derive` would fill with the same values, so that an override of what they follow from takes effect.
void forget_derived(ModelConfig& model);

/// "origin: path = value rule", as a UserError.
[[noreturn]] void refuse(Settings const& given, std::string const& path, nlohmann::json const& value, std::string const& rule);

}  // namespace moescope
