#include "config/published_model.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

std::string all_values(ModelConfig const& model) {
  RunConfig config;
  config.model = model;
  return to_json(config);
}

ModelConfig read_back(ModelConfig const& model) { return parse_run_config(model_to_toml(model), "written.toml", {}).model; }

}  // namespace

TEST_CASE("a published model written as TOML reads back as the same model") {
  int models = 0;
  for (auto const& entry : std::filesystem::directory_iterator(MOESCOPE_GOLDEN)) {
    auto const model = load_published_model(entry.path().string());
    INFO(entry.path());
    CHECK(all_values(read_back(model)) == all_values(model));
    ++models;
  }
  CHECK(models >= 6);
}

TEST_CASE("unequal layers, widths and a head size of its own survive the writing") {
  auto model = load_published_model(MOESCOPE_GOLDEN "/noisy_topk_mlp_train");
  model.head_dim = 20;
  model.score_scale_factor = {2.0, 3.0};
  model.expert_widths = {{10, 20, 30, 4}, {16, 16, 16, 16}};
  CHECK(all_values(read_back(model)) == all_values(model));
  model.expert_widths = {{10, 20, 30, 4}, {10, 20, 30, 4}};
  CHECK(all_values(read_back(model)) == all_values(model));
}

TEST_CASE("unequal residual experts survive the writing") {
  auto model = load_published_model(MOESCOPE_GOLDEN "/residual_train");
  CHECK_THAT(model_to_toml(model), !Catch::Contains("expert_widths"));
  auto const width = model.residual.intermediate_size;
  for (auto& widths : model.residual.expert_widths) widths = {width - 5, 5};
  CHECK(all_values(read_back(model)) == all_values(model));
}

TEST_CASE("what follows from other keys is not written, so that one --set makes the model smaller") {
  auto const text = model_to_toml(load_published_model(MOESCOPE_GOLDEN "/noisy_topk_mlp_train"));
  CHECK_THAT(text,
             Catch::Contains("[model]") && Catch::Contains("num_experts = 4") && Catch::Contains("score_scale_factor = 2.0\n"));
  CHECK_THAT(text, !Catch::Contains("head_dim") && !Catch::Contains("expert_widths") && !Catch::Contains("[residual]"));
  CHECK(parse_run_config(text, "written.toml", {"model.intermediate_size=32"}).model.expert_widths[1][0] == 8);
}

TEST_CASE("a path without a config.json is refused by its name") {
  TemporaryFolder const folder;
  CHECK_THAT(user_error_of([&] { load_published_model(folder / "none"); }), Catch::Contains("none: no config.json"));
  CHECK_THAT(user_error_of([&] { load_published_model(folder / "."); }), Catch::Contains("./config.json: no config.json"));
}
