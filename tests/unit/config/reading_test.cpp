#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Widths = std::vector<std::vector<std::int64_t>>;

TEST_CASE("every section is read into its member") {
  auto const c = example::parse(example::toml);
  CHECK(c.model.vocab_size == 257);
  CHECK(c.model.hidden_size == 64);
  CHECK(c.model.num_kv_heads == 2);
  CHECK(c.model.top_k == 2);
  CHECK(c.model.gate.kind == "noisy_top_k");
  CHECK(c.model.gate.pool == "block:2");
  CHECK(c.layout.ep == 2);
  CHECK(c.batch.micro_steps == 2);
  CHECK(c.optimizer.learning_rate == 1e-3);
  CHECK(c.train.steps == 10);
  CHECK(c.train.dtype == DType::float32);
  CHECK(c.data.path == "somewhere");
  CHECK(c.data.weights == std::vector<std::pair<std::string, double>>{{"code", 3.0}, {"text", 1.5}});
  CHECK(c.eval.every == 5);
  CHECK(c.record.site == "desk");
  CHECK(c.machine.stated_peak_flops == 1e12);
  CHECK(c.toml == example::toml);
}

TEST_CASE("what [model] leaves out follows from the rest") {
  auto const c = example::parse(example::with("model.num_kv_heads", ""));
  CHECK(c.model.num_kv_heads == 4);
  CHECK(c.model.head_dim == 16);
  CHECK(c.model.expert_widths == Widths{{24, 24, 24, 24}, {24, 24, 24, 24}});
  CHECK(c.model.score_scale_factor == std::vector<double>{2, 2});
  CHECK(example::parse(example::with("model.score_scale_factor", "")).model.score_scale_factor == std::vector<double>{1, 1});
  CHECK(example::parse(example::with("model.score_scale_factor", "[1, 2.5]")).model.score_scale_factor ==
        std::vector<double>{1, 2.5});
}

TEST_CASE("expert widths may be given once or for each layer, and give the intermediate size") {
  auto const once = example::parse(example::with("model.expert_widths", "[6, 30, 12, 48]"));
  CHECK(once.model.expert_widths == Widths{{6, 30, 12, 48}, {6, 30, 12, 48}});
  auto const each = example::parse(example::with("model.expert_widths", "[[6, 30, 12, 48], [24, 24, 24, 24]]"));
  CHECK(each.model.expert_widths == Widths{{6, 30, 12, 48}, {24, 24, 24, 24}});
  auto const derived = example::parse(example::with("model.intermediate_size", ""), {"model.expert_widths=[1, 2, 3, 4]"});
  CHECK(derived.model.intermediate_size == 10);
  CHECK(example::parse(example::with("model.head_dim", "10")).model.head_dim == 10);
}

TEST_CASE("residual experts may be unequally wide, as the routed ones") {
  std::vector<std::string> const two{"residual.num_experts=2"};
  auto const residual = [&](std::vector<std::string> more) {
    more.insert(more.begin(), two.begin(), two.end());
    return example::parse(example::toml, more).model.residual;
  };
  CHECK(residual({"residual.intermediate_size=10"}).expert_widths == Widths{{5, 5}, {5, 5}});
  CHECK(residual({"residual.expert_widths=[3, 7]"}).expert_widths == Widths{{3, 7}, {3, 7}});
  CHECK(residual({"residual.expert_widths=[3, 7]"}).intermediate_size == 10);
  CHECK(residual({"residual.expert_widths=[[3, 7], [6, 4]]", "residual.intermediate_size=10"}).expert_widths ==
        Widths{{3, 7}, {6, 4}});
  CHECK(example::parse(example::toml).model.residual.expert_widths == Widths{{}, {}});
  auto const refused = [&](std::vector<std::string> const& more) { return example::refusal([&] { residual(more); }); };
  CHECK_THAT(refused({}), Catch::Contains("residual.intermediate_size is missing") && Catch::Contains("residual.expert_widths"));
  CHECK_THAT(refused({"residual.intermediate_size=9"}), Catch::Contains("multiple of residual.num_experts = 2"));
  CHECK_THAT(refused({"residual.expert_widths=[3, 3, 4]"}),
             Catch::Contains("must give 2 widths in each layer (residual.num_experts)"));
  CHECK_THAT(refused({"residual.expert_widths=[3, 7]", "residual.intermediate_size=12"}),
             Catch::Contains("must sum to residual.intermediate_size = 12"));
}

TEST_CASE("a warm-up longer than the run is allowed") {
  CHECK(example::parse(example::toml, {"optimizer.warm_up_steps=1000"}).optimizer.warm_up_steps == 1000);
}

TEST_CASE("pools: sequence, block and batch give their number of sequences") {
  BatchConfig const batch{.sequences = 12};
  CHECK(sequences_in_pool("sequence", batch) == 1);
  CHECK(sequences_in_pool("block:4", batch) == 4);
  CHECK(sequences_in_pool("batch", batch) == 12);
  for (auto const* pool :
       {"", "block", "block:", "block:0", "block:-2", "block:+2", "block: 2", "block:2 ", "block:4294967297"}) {
    CHECK(sequences_in_pool(pool, batch) == 0);
  }
}

TEST_CASE("to_json holds every value in force under its TOML name, sorted, and numbers survive exactly") {
  auto const text =
      to_json(example::parse(example::toml, {"optimizer.epsilon=1.2345678901234567e-9", "train.seed=9223372036854775807"}));
  auto const json = nlohmann::json::parse(text);
  CHECK(json["optimizer"]["epsilon"].get<double>() == 1.2345678901234567e-9);
  CHECK(json["train"]["seed"].get<std::uint64_t>() == 9223372036854775807u);
  CHECK(json["model"]["expert_widths"] == nlohmann::json(Widths{{24, 24, 24, 24}, {24, 24, 24, 24}}));
  CHECK(json["model"]["head_dim"] == 16);
  CHECK(json["gate"]["pool"] == "block:2");
  CHECK(json["train"]["dtype"] == "float32");
  CHECK(json["data"]["weights"]["text"] == 1.5);
  CHECK(json["layout"]["dp"] == 0);
  CHECK(json.size() == 14);
  CHECK(text == json.dump());
}

TEST_CASE("feeding every value of to_json back through --set gives the same config") {
  auto const before = example::parse(example::toml, {"gate.kind=random", "optimizer.beta2=0.123456789012345678"});
  std::vector<std::string> overrides;
  auto const json = nlohmann::json::parse(to_json(before));
  for (auto const& [section, values] : json.items()) {
    for (auto const& [key, value] : values.items()) {
      if (!value.is_object()) overrides.push_back(fmt::format("{}.{}={}", section, key, value.dump()));
    }
  }
  RunConfig after;
  after.data.weights = before.data.weights;
  apply_overrides(after, overrides);
  CHECK(to_json(after) == to_json(before));
}
