#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `run`. The subcommand's callback stores the exit code.
void add_run_command(CLI::App& app, int& exit_code);

}  // namespace moescope
