#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `inspect` and `compare`, which read run files; the callbacks throw UserError, or store the exit code.
void add_read_commands(CLI::App& app, int& exit_code);

}  // namespace moescope
