#include "apps/config_command.hpp"

#include <cstdio>
#include <memory>

#include "config/published_model.hpp"

namespace moescope {

void add_config_command(CLI::App& app) {
  auto* command = app.add_subcommand("config", "Print a published LLaMA-MoE config.json as TOML for run");
  command->footer(
      "moescope config path/to/config.json > mine.toml\n"
      "moescope run mine.toml --dry-run --set layout.ranks=16 --set layout.ep=8    (its memory and bytes; needs no data)\n"
      "docs/your_own_model_and_text.md goes on from there.");
  auto const path = std::make_shared<std::string>();
  command->add_option("file", *path, "config.json with model_type llama_moe or llama_moe_residual, or its folder")->required();
  command->callback([path] { std::fputs(model_to_toml(load_published_model(*path)).c_str(), stdout); });
}

}  // namespace moescope
