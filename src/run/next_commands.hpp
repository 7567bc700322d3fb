#pragma once
#include <string>

namespace moescope {

/// `text` as one word of a POSIX shell.
std::string shell_word(std::string const& text);

/// What may be done with a finished run file: commands, one a line, that run as they stand in the folder and the shell that the
/// program was started from. Figures refuse a run that is `wrong`.
std::string next_commands(std::string const& run_file, bool wrong);

}  // namespace moescope
