#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `config`; the callback throws UserError.
void add_config_command(CLI::App& app);

}  // namespace moescope
