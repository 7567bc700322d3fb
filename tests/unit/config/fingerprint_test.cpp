#include <fmt/format.h>

#include <set>

#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

std::string computation(std::vector<std::string> const& overrides) {
  return computation_key(example::parse(example::toml, overrides));
}
std::string cell(std::vector<std::string> const& overrides) {
  return cell_key(example::parse(example::toml, overrides), 2, "build");
}

}  // namespace

TEST_CASE("the keys are SHA-256 and do not depend on order, comments or the way a value is written") {
  auto const config = example::parse(example::toml);
  CHECK(computation_key(config).size() == 64);
  std::string const written_otherwise = R"(
[train]
steps = 0xA      # ten
seed = 1
[gate]
pool = "block:2"
[model]
score_scale_factor = [2.0, 2.0]
intermediate_size = 96
expert_widths = [24, 24, 24, 24]
top_k = 2
num_experts = 4
head_dim = 16
num_kv_heads = 2
num_heads = 4
num_layers = 2
hidden_size = 64
vocab_size = 257
[data]
path = "elsewhere"
[data.weights]
text = 1.5
code = 3.0
[eval]
every = 5
[optimizer]
learning_rate = 0.001
[batch]
micro_steps = 2
sequence_length = 16
sequences = 8
)";
  CHECK(computation_key(example::parse(written_otherwise)) == computation_key(config));
}

TEST_CASE("what decides the numbers changes the computation key, and each change gives another one") {
  std::set<std::string> keys{computation({})};
  std::vector<std::string> const changes{"model.vocab_size=258",
                                         "model.num_layers=3",
                                         "model.num_kv_heads=4",
                                         "model.head_dim=8",
                                         "model.top_k=1",
                                         "model.intermediate_size=100",
                                         "model.expert_widths=[23, 25, 24, 24]",
                                         "model.rope_theta=1e4",
                                         "model.rope_theta=500000",
                                         "model.score_scale_factor=[2, 3]",
                                         "model.tie_word_embeddings=true",
                                         "gate.kind=switch",
                                         "gate.kind=mixtral",
                                         "gate.network=linear",
                                         "gate.pool=sequence",
                                         "gate.add_noise=false",
                                         "gate.loss.cv_squared.weight=0.02",
                                         "batch.sequences=16",
                                         "batch.sequence_length=32",
                                         "batch.micro_steps=1",
                                         "optimizer.learning_rate=0.00100000000000000002",
                                         "optimizer.learning_rate=2e-3",
                                         "optimizer.clip_norm=0",
                                         "optimizer.schedule_steps=20",
                                         "train.mode=forward",
                                         "train.steps=11",
                                         "train.seed=2",
                                         "train.dtype=float64",
                                         "data.weights.code=2",
                                         "eval.every=2",
                                         "eval.sequences=4"};
  std::vector<std::string> const not_a_change{"model.rope_theta=1e4", "optimizer.learning_rate=0.00100000000000000002"};
  for (auto const& change : changes) {
    INFO(change);
    bool const is_new = keys.insert(computation({change})).second;
    CHECK(is_new == (std::find(not_a_change.begin(), not_a_change.end(), change) == not_a_change.end()));
  }
  auto const config = example::parse(example::toml);
  CHECK(keys.insert(computation_key(config, "one data set")).second);
  CHECK(keys.insert(computation_key(config, "another data set")).second);
}

TEST_CASE("layout, dispatcher and timing change the cell, not the computation") {
  std::set<std::string> cells{cell({})};
  for (auto const* change : {"layout.ep=1", "layout.tp=2", "layout.ranks=4", "layout.dp=2", "train.timing=phased",
                             "record.site=other", "record.repeat=1"}) {
    INFO(change);
    CHECK(computation({change}) == computation({}));
    CHECK(cells.insert(cell({change})).second);
  }
  CHECK(cells.insert(cell({"layout.ep=1", "train.dispatcher=local"})).second);
  CHECK(computation({"layout.ep=1", "train.dispatcher=local"}) == computation({}));
  auto const config = example::parse(example::toml);
  CHECK(cells.insert(cell_key(config, 1, "build")).second);
  CHECK(cells.insert(cell_key(config, 2, "another build")).second);
  CHECK(cells.insert(cell_key(config, 2, "build", "data")).second);
  CHECK(cells.insert(cell({"train.seed=4"})).second);
}

TEST_CASE("where things lie and what is recorded change neither key") {
  for (auto const* change : {"data.path=elsewhere", "record.path=other.h5", "record.detail_every=5", "record.choices=true",
                             "train.record_warm_up_steps=0", "machine.stated_peak_flops=1"}) {
    INFO(change);
    CHECK(computation({change}) == computation({}));
    CHECK(cell({change}) == cell({}));
  }
}

TEST_CASE("what decides the numbers must stay in a resumed run, but for its length where no learning rate follows from it") {
  auto const config = [](std::vector<std::string> const& overrides) { return example::parse(example::toml, overrides); };
  auto const differing = [&](std::vector<std::string> const& now, std::vector<std::string> const& before) {
    std::vector<std::string> found;
    for (auto const& [key, here, there] : differing_numbers(config(now), to_json(config(before)), "file"))
      found.push_back(fmt::format("{} {} {}", key, here, there));
    return found;
  };
  using Texts = std::vector<std::string>;
  CHECK(differing({}, {}).empty());
  CHECK(differing({"layout.tp=2", "train.dispatcher=all_gather", "record.path=elsewhere", "train.timing=free"}, {}).empty());
  CHECK(differing({"model.top_k=1"}, {}) == Texts{"model.top_k 1 2"});
  CHECK(
      differing({"train.seed=5", "gate.kind=switch"}, {}) ==
      Texts{
          "capacity.policy \"random\" \"none\"", "gate.kind \"switch\" \"noisy_top_k\"",
          "gate.loss {\"switch\":{\"pool\":\"block:2\",\"weight\":0.01}} {\"cv_squared\":{\"pool\":\"block:2\",\"weight\":0.01}}",
          "train.seed 5 1"});
  CHECK(differing({"train.steps=20"}, {}) == Texts{"optimizer.schedule_steps 20 10"});
  CHECK(differing({"train.steps=20", "optimizer.schedule_steps=10"}, {}).empty());
  CHECK(differing({"train.steps=20", "optimizer.schedule=constant"}, {"optimizer.schedule=constant"}).empty());
}

TEST_CASE("a text that is no configuration is refused with its source") {
  auto const config = example::parse(example::toml);
  for (auto const* text : {"", "[]", "{}", "{\"optimizer\":{}}", "{\"optimizer\":{},\"train\":1}"})
    CHECK_THROWS_WITH(differing_numbers(config, text, "here.json"), Catch::Contains("here.json: "));
}
