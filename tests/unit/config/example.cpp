#include "example.hpp"

#include <sstream>

#include "base/error.hpp"
#include "support/catch.hpp"

namespace moescope::example {

std::string const toml = R"(# an example
[model]
vocab_size = 257
hidden_size = 64
num_layers = 2
num_heads = 4
num_kv_heads = 2
num_experts = 4
top_k = 2
intermediate_size = 96
score_scale_factor = 2
[gate]
kind = "noisy_top_k"
pool = "block:2"
[layout]
ep = 2
[batch]
sequences = 8
sequence_length = 16
micro_steps = 2
[optimizer]
learning_rate = 1e-3
[train]
steps = 10
[data]
path = "somewhere"
weights = { code = 3, text = 1.5 }
[eval]
every = 5
[record]
site = "desk"
[machine]
stated_peak_flops = 1e12
)";

std::string with(std::string const& path, std::string const& value) {
  auto const section = std::string("[").append(path, 0, path.find('.')).append("]");
  auto const key = path.substr(path.find('.') + 1);
  std::istringstream lines(toml);
  std::string result, line;
  bool inside = false, found = false;
  while (std::getline(lines, line)) {
    if (line.starts_with('[')) inside = line == section;
    if (!(inside && line.starts_with(key + " = "))) result += line + "\n";
    found = found || line == section;
    if (line == section && !value.empty()) result.append(key).append(" = ").append(value).append("\n");
  }
  return found || value.empty() ? result : result + section + "\n" + key + " = " + value + "\n";
}

RunConfig parse(std::string const& text, std::vector<std::string> const& overrides) {
  return parse_run_config(text, "run.toml", overrides);
}

std::string refusal(std::function<void()> const& action) {
  try {
    action();
  } catch (UserError const& error) {
    return error.what();
  }
  FAIL("nothing was refused");
  return "";
}

}  // namespace moescope::example
