#include "run/next_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <string_view>

namespace moescope {
namespace {

/// That of the folder we are in, or of the installation this program is in. Empty where there is neither.
std::string figures_script() {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists("analysis/figures.py", error)) return "analysis/figures.py";
  auto const installed =
      fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "share/moescope/analysis/figures.py";
  return fs::exists(installed, error) ? installed.string() : "";
}

}  // namespace

std::string shell_word(std::string const& text) {
  auto const plain = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_./-+:,@%=").find(char(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted = "'";
  for (char const c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string next_commands(std::string const& run_file, bool wrong) {
  auto text = fmt::format("  {} inspect {}\n", shell_word(program_invocation_name), shell_word(run_file));
  if (auto const script = figures_script(); !wrong && !script.empty())
    text += fmt::format("  /usr/bin/python3 {} {}\n", shell_word(script), shell_word(run_file));
  return text;
}

}  // namespace moescope
