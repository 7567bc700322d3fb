#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `verify`. The subcommand's callback stores the exit code.
void add_verify_command(CLI::App& app, int& exit_code);

}  // namespace moescope
