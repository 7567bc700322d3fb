#pragma once
#include <functional>
#include <string>

#include "config/run_config.hpp"

namespace moescope::example {

/// A valid configuration file: 2 layers, 4 experts, every section.
extern std::string const toml;

/// `toml` with the line that sets `path` ("section.key") replaced, added (with its section), or removed where `value` is
/// empty.
std::string with(std::string const& path, std::string const& value);

RunConfig parse(std::string const& text, std::vector<std::string> const& overrides = {});

/// What UserError says when `action` runs; fails the test where nothing, or something else, is thrown.
std::string refusal(std::function<void()> const& action);

}  // namespace moescope::example
