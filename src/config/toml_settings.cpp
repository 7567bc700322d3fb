// toml++ 3.3 asserts, and where NDEBUG is defined *assumes*, that a table header starts with a key: "[?]" would be undefined
// behaviour. This makes such a broken assumption an exception; the header must come first, since it defines its own macro.
#include <stdexcept>
#ifdef NDEBUG
#undef NDEBUG
#define MOESCOPE_HAD_NDEBUG
#endif
namespace moescope {
[[noreturn]] static void refuse_assumption() { throw std::invalid_argument("a key or value is expected"); }
}  // namespace moescope
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : ::moescope::refuse_assumption())
#include <toml++/toml.h>
#ifdef MOESCOPE_HAD_NDEBUG
#define NDEBUG
#endif

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "config/key.hpp"
#include "config/settings.hpp"
#include "config/suggestion.hpp"

namespace moescope {
namespace {

std::string place(std::string const& source, toml::source_region const& region) {
  return fmt::format("{}:{}:{}", source, region.begin.line, region.begin.column);
}

nlohmann::json to_json(toml::node const& node) {
  if (auto const* table = node.as_table()) {
    auto object = nlohmann::json::object();
    for (auto const& [key, value] : *table) object[std::string(key.str())] = to_json(value);
    return object;
  }
  if (auto const* array = node.as_array()) {
    auto list = nlohmann::json::array();
    for (auto const& value : *array) list.push_back(to_json(value));
    return list;
  }
  if (auto const* value = node.as_boolean()) return value->get();
  if (auto const* value = node.as_integer()) return value->get();
  if (auto const* value = node.as_floating_point()) return value->get();
  if (auto const* value = node.as_string()) return value->get();
  return nullptr;
}

void add_section(Settings& settings, std::vector<Key> const& keys, std::string const& section, toml::table const& table,
                 std::string const& source) {
  for (auto const& [name, node] : table) {
    auto const path = fmt::format("{}.{}", section, name.str());
    auto const where = place(source, name.source());
    if (!find_key(keys, path)) {
      throw UserError(fmt::format("{}: unknown key \"{}\" in [{}]; {}", where, name.str(), section, suggest_key(path)));
    }
    settings[path] = {to_json(node), where};
  }
}

/// Number of the first line with which toml++ breaks its own assumption; such an error carries no place.
int first_line_assumed(std::string const& text) {
  int line = 1;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', end + 1), ++line) {
    try {
      std::ignore = toml::parse(std::string_view(text).substr(0, end));
    } catch (toml::parse_error const&) {
    } catch (std::invalid_argument const&) {
      break;
    }
  }
  return line;
}

toml::table parse(std::string const& text, std::string const& source) {
  try {
    return toml::parse(std::string_view(text), std::string_view(source));
  } catch (toml::parse_error const& error) {
    throw UserError(fmt::format("{}: not TOML: {}", place(source, error.source()), error.description()));
  } catch (std::invalid_argument const& error) {
    throw UserError(fmt::format("{}:{}:1: not TOML: {}", source, first_line_assumed(text), error.what()));
  }
}

std::vector<std::string> names_of(nlohmann::json const& object) {
  std::vector<std::string> names;
  for (auto const& [name, value] : object.items()) names.push_back(name);
  return names;
}

/// TOML, or a bare word that stands for a string: something with a letter or slash, and without brackets or quotes.
nlohmann::json override_value(std::string const& text, std::string const& argument) {
  auto const parsed = [](std::string const& line) {
    auto const table = toml::parse(std::string_view(line));
    if (table.size() != 1) throw std::invalid_argument("more than one value");
    return to_json(*table.get("value"));
  };
  try {
    return parsed("value = " + text);
  } catch (std::exception const& error) {
    bool const has_letter = std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) || c == '/'; });
    if (has_letter && text.find_first_of("[]{}\"'\\") == std::string::npos) {
      try {
        return parsed("value = \"" + text + "\"");
      } catch (std::exception const&) {
      }
    }
    throw UserError(fmt::format("--set {}: \"{}\" is neither a TOML value nor a bare word: {}", argument, text, error.what()));
  }
}

/// gate.loss.<kind>.<weight or pool>: of a loss that is in force before.
void override_loss(Settings& settings, RunConfig& config, std::string const& path, Setting const& given) {
  auto const rest = path.substr(std::string_view("gate.loss.").size());
  auto const kind = rest.substr(0, rest.find('.'));
  auto model = config.model;
  if (auto const gate = settings.find("gate.kind"); gate != settings.end() && gate->second.value.is_string())
    model.gate.kind = gate->second.value.get<std::string>();
  auto const found = settings.find("gate.loss");
  auto list = nlohmann::json::object();
  if (found != settings.end() && found->second.value.is_array())
    for (auto const& loss : found->second.value)
      if (loss.is_object() && loss.contains("kind") && loss["kind"].is_string()) list[loss["kind"].get<std::string>()] = loss;
  if (found != settings.end() && found->second.value.is_object()) list = found->second.value;
  if (found == settings.end())
    for (auto const& loss : losses(model)) list[loss.kind] = {{"weight", loss.weight}};
  if (rest == kind || !list.contains(kind))
    throw UserError(fmt::format("{}: must be gate.loss.<kind>.weight or .pool of a loss in force; those are: {}", given.origin,
                                list.empty() ? "none" : fmt::format("{}", fmt::join(names_of(list), ", "))));
  list[kind][rest.substr(kind.size() + 1)] = given.value;
  settings["gate.loss"] = {list, given.origin};
}

std::string trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

}  // namespace

Settings settings_from_toml(std::string const& text, std::string const& source) {
  auto const document = parse(text, source);
  if (document.empty()) throw UserError(fmt::format("{}: holds no settings; a run needs at least [model]", source));
  RunConfig config;
  auto const keys = keys_of(config);
  Settings settings;
  for (auto const& [section, node] : document) {
    auto const where = place(source, section.source());
    auto const name = std::string(section.str());
    if (!is_section(name)) {
      if (!node.is_table()) {
        throw UserError(fmt::format("{}: unknown key \"{}\" outside of any section; {}", where, name, suggest_key(name)));
      }
      throw UserError(fmt::format("{}: unknown section [{}]; {}", where, name, suggest_section(name)));
    }
    if (!node.is_table())
      throw UserError(fmt::format("{}: \"{}\" is a section and must be written once, as [{}]", where, name, name));
    add_section(settings, keys, name, *node.as_table(), source);
  }
  return settings;
}

void add_override(Settings& settings, RunConfig& config, std::string const& argument) {
  if (std::any_of(argument.begin(), argument.end(), [](unsigned char c) { return c < ' '; })) {
    throw UserError("--set: section.key=value must be one line and hold no control character");
  }
  auto const equals = argument.find('=');
  auto const path = trimmed(argument.substr(0, equals));
  auto const text = equals == std::string::npos ? "" : trimmed(argument.substr(equals + 1));
  if (path.empty() || text.empty()) {
    throw UserError(fmt::format("--set {}: must read section.key=value, for example model.top_k=2", argument));
  }
  auto const origin = "--set " + argument;
  auto const keys = keys_of(config);
  if (find_key(keys, path)) {
    settings[path] = {override_value(text, argument), origin};
    return;
  }
  if (path.starts_with("gate.loss.")) return override_loss(settings, config, path, {override_value(text, argument), origin});
  std::string const weights = "data.weights";
  if (!path.starts_with(weights + "."))
    throw UserError(fmt::format("{}: unknown key \"{}\"; {}", origin, path, suggest_key(path)));
  auto& entry = settings.try_emplace(weights, Setting{value_of(*find_key(keys, weights)), origin}).first->second;
  if (entry.value.is_object()) entry.value[path.substr(weights.size() + 1)] = override_value(text, argument);
  entry.origin = origin;
}

}  // namespace moescope
