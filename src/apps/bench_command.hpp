#pragma once
#include <CLI/CLI.hpp>

namespace moescope {

/// Registers `bench`. The subcommand's callback stores the exit code.
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace moescope
