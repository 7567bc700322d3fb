#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `inspect` and `compare`, which read run files; the callbacks throw UserError.
void add_read_commands(CLI::App& app);

}  // namespace moescope
