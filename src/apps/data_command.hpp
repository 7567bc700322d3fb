#pragma once
#include <CLI/App.hpp>

namespace moescope {

/// Registers `data pack`. Its callback throws UserError out of CLI::App::parse.
void add_data_command(CLI::App& app);

}  // namespace moescope
