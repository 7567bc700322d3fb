#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Catch::Contains;

TEST_CASE("--set takes TOML values and bare words, the last one wins") {
  auto const set = [](std::vector<std::string> const& overrides) { return example::parse(example::toml, overrides); };
  CHECK(set({"train.steps=7"}).train.steps == 7);
  CHECK(set({" train.steps = 7 "}).train.steps == 7);
  CHECK(set({"train.steps=7", "train.steps=8"}).train.steps == 8);
  CHECK(set({"train.steps=1_000"}).train.steps == 1000);
  CHECK(set({"gate.kind=switch"}).model.gate.kind == "switch");
  CHECK(set({"gate.kind=\"switch\""}).model.gate.kind == "switch");
  CHECK(set({"gate.pool=block:4", "eval.sequences=4"}).model.gate.pool == "block:4");
  CHECK(set({"data.path=/some/where-else_2"}).data.path == "/some/where-else_2");
  CHECK(set({"record.path=a=b.h5"}).record.path == "a=b.h5");
  CHECK(set({"record.site=my desk"}).record.site == "my desk");
  CHECK(set({"model.tie_word_embeddings=true"}).model.tie_word_embeddings);
  CHECK(set({"train.dtype=float64"}).train.dtype == DType::float64);
  CHECK(set({"model.score_scale_factor=[1.0, 3.0]"}).model.score_scale_factor == std::vector<double>{1, 3});
}

TEST_CASE("--set follows through to what is derived") {
  auto const c = example::parse(example::toml, {"model.num_layers=3", "model.num_experts=8"});
  CHECK(c.model.expert_widths == std::vector<std::vector<std::int64_t>>(3, std::vector<std::int64_t>(8, 12)));
  CHECK(c.model.score_scale_factor.size() == 3);
}

TEST_CASE("--set changes one domain's weight or all of them") {
  using Weights = std::vector<std::pair<std::string, double>>;
  CHECK(example::parse(example::toml, {"data.weights.code=0.5"}).data.weights == Weights{{"code", 0.5}, {"text", 1.5}});
  CHECK(example::parse(example::toml, {"data.weights.new=2"}).data.weights == Weights{{"code", 3}, {"new", 2}, {"text", 1.5}});
  CHECK(example::parse(example::toml, {"data.weights={ only = 1 }"}).data.weights == Weights{{"only", 1}});
}

TEST_CASE("--set changes one loss of those in force, or all of them") {
  auto const set = [](std::vector<std::string> const& overrides) {
    return losses(example::parse(example::toml, overrides).model);
  };
  using Losses = std::vector<LossConfig>;
  CHECK(set({}) == Losses{{"cv_squared", 0.01, "block:2"}});
  CHECK(set({"gate.loss.cv_squared.weight=0.5"}) == Losses{{"cv_squared", 0.5, "block:2"}});
  CHECK(set({"gate.loss.cv_squared.pool=sequence"}) == Losses{{"cv_squared", 0.01, "sequence"}});
  CHECK(set({"gate.kind=switch", "gate.loss.switch.weight=1"}) == Losses{{"switch", 1, "block:2"}});
  CHECK(set({"gate.loss=[]"}).empty());
  CHECK(set({"gate.loss=[{ kind = \"switch\", weight = 1, pool = \"sequence\" }, { kind = \"cv_squared\" }]",
             "gate.loss.cv_squared.weight=2"}) == Losses{{"cv_squared", 2, "block:2"}, {"switch", 1, "sequence"}});
  auto const refused = [&](std::string const& text) { return example::refusal([&] { set({text}); }); };
  CHECK(refused("gate.loss.switch.weight=1") ==
        "--set gate.loss.switch.weight=1: must be gate.loss.<kind>.weight or .pool of a loss in force; those are: cv_squared");
  CHECK_THAT(refused("gate.loss.cv_squared=1"), Contains("gate.loss.<kind>.weight"));
  CHECK_THAT(refused("gate.loss.cv_squared.wait=1"), Contains("holds wait of cv_squared"));
}

TEST_CASE("the recorded text holds the overrides as comments") {
  auto const text = example::toml.substr(0, example::toml.size() - 1);
  CHECK(example::parse(text, {"train.steps=3", "gate.kind=random"}).toml ==
        text + "\n# --set train.steps=3\n# --set gate.kind=random\n");
}

TEST_CASE("a wrong --set is refused by its own text") {
  struct Case {
    char const* argument;
    std::vector<std::string> says;
  };
  std::vector<Case> const cases{
      {"", {"must read section.key=value"}},
      {"train.steps", {"--set train.steps:", "must read section.key=value"}},
      {"train.steps=", {"must read section.key=value"}},
      {"=3", {"must read section.key=value"}},
      {"top_k=2", {"--set top_k=2: unknown key \"top_k\"", "did you mean model.top_k?"}},
      {"model.topk=2", {"did you mean model.top_k?"}},
      {"modle.top_k=2", {"did you mean model.top_k?"}},
      {"model=2", {"unknown key \"model\""}},
      {"data.weight.code=2", {"unknown key", "did you mean data.weights?"}},
      {"data.weights.code=lots", {"--set data.weights.code=lots", "must be a finite number"}},
      {"train.steps=seven", {"--set train.steps=seven", "train.steps = \"seven\"", "must be an integer"}},
      {"train.steps=7x", {"train.steps = \"7x\"", "must be an integer"}},
      {"train.steps=99999999999999999999", {"not representable in 64 bits"}},
      {"train.steps=-1", {"train.steps = -1", "must be at least 1"}},
      {"model.expert_widths=[1,", {"neither a TOML value nor a bare word"}},
      {"train.steps=3\nseed = 4", {"--set", "one line"}},
      {"record.site=\xff\xfe"
       "a",
       {"neither a TOML value nor a bare word"}},
      {"model.top_k=3\"", {"neither a TOML value nor a bare word"}},
      {"model.top_k=9", {"--set model.top_k=9: model.top_k = 9", "at most model.num_experts = 4"}},
  };
  for (auto const& row : cases) {
    auto const sentence = example::refusal([&] { example::parse(example::toml, {row.argument}); });
    INFO(sentence);
    for (auto const& part : row.says) CHECK_THAT(sentence, Contains(part));
  }
}

TEST_CASE("apply_overrides lets a program's own derived values follow, and leaves the config alone when it refuses") {
  auto config = example::parse(example::toml);
  apply_overrides(config, {"model.num_experts=2", "model.num_layers=1", "model.hidden_size=32"});
  CHECK(config.model.expert_widths == std::vector<std::vector<std::int64_t>>{{48, 48}});
  CHECK(config.model.score_scale_factor == std::vector<double>{2});
  CHECK(config.model.head_dim == 8);
  auto const before = to_json(config);
  CHECK_THROWS_AS(apply_overrides(config, {"model.num_experts=8", "train.steps=0"}), UserError);
  CHECK(to_json(config) == before);
}

TEST_CASE("apply_overrides keeps unequal expert widths of a program's own model") {
  auto config = example::parse(example::with("model.expert_widths", "[6, 30, 12, 48]"));
  apply_overrides(config, {"train.seed=5"});
  CHECK(config.model.expert_widths[1] == std::vector<std::int64_t>{6, 30, 12, 48});
  CHECK_THAT(example::refusal([&] { apply_overrides(config, {"model.num_experts=2"}); }), Contains("must give 2 widths"));
}
