#include <fmt/format.h>

#include "config/gate_kinds.hpp"
#include "config/key.hpp"
#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Catch::Contains;
using Texts = std::vector<std::string>;

namespace {

/// Settings under which different keys apply.
std::vector<Texts> const contexts{
    {},
    {"gate.kind=switch"},
    {"gate.kind=switch", "capacity.policy=none", "gate.add_noise=false"},
    {"gate.kind=uniform"},
    {"gate.kind=uniform_learnable"},
    {"gate.kind=random"},
    {"gate.kind=random_learnable"},
    {"gate.kind=switch_transformer"},
    {"gate.kind=gshard"},
    {"gate.kind=llama4"},
    {"gate.kind=qwen_moe"},
    {"gate.kind=topology_limited"},
    {"gate.kind=deepseek_v3", "gate.num_groups=2"},
    {"gate.kind=deepseek_v3", "gate.bias_update_rate=0"},
    {"gate.loss=[]"},
    {"capacity.policy=position"},
    {"gate.loss=[{ kind = \"switch\", pool = \"block:2\" }]"},
    {"gate.loss=[{ kind = \"device\" }]", "gate.num_groups=2"},
    {"gate.loss=[{ kind = \"sequence\" }, { kind = \"z\" }]"},
    {"gate.add_noise=false"},
    {"model.top_k=4"},
    {"model.multiply_gate_scores=false"},
    {"residual.num_experts=2", "residual.intermediate_size=16"},
    {"residual.num_experts=2", "residual.intermediate_size=16", "residual.multiply_gate_scores=false"},
    {"train.mode=forward"},
    {"optimizer.schedule=constant"},
    {"eval.every=0"},
    {"eval.every=0", "routing.forced=even"},
    {"eval.every=0", "routing.forced=hot_set"},
    {"eval.every=0", "routing.forced=hot_rank"},
    {"eval.every=0", "routing.forced=max_vio", "routing.max_vio=0.5"},
    {"eval.every=0", "routing.forced=rotating"},
    {"eval.every=0", "routing.forced=burst"},
    {"eval.every=0", "routing.forced=ragged_source"},
    {"eval.every=0", "routing.forced=zero_expert", "routing.zero_experts=[1]"},
    {"eval.every=0", "routing.forced=counts", "routing.counts=[1, 2, 3, 4]"},
    {"eval.every=0", "routing.forced=replay_counts", "routing.file=run.h5"},
    {"eval.every=0", "routing.forced=replay_choices", "routing.file=run.h5"}};

struct Change {
  void operator()(auto* number) const { ++*number; }
  void operator()(bool* flag) const { *flag = !*flag; }
  void operator()(std::string* text) const { *text = text->empty() ? "x" : ""; }
  void operator()(DType* dtype) const { *dtype = *dtype == DType::float32 ? DType::float64 : DType::float32; }
  void operator()(PerLayer const& list) const { ++list.values->front(); }
  void operator()(WidthsPerLayer const& lists) const { lists.values->front().push_back(1); }
  void operator()(CountsPerLayer const& lists) const { lists.values->push_back({1}); }
  void operator()(Integers* list) const { list->push_back(1); }
  void operator()(Losses const& list) const {
    list.model->gate.loss = losses(*list.model);
    if (list.model->gate.loss->empty()) list.model->gate.loss->push_back({"cv_squared", 0.5, "sequence"});
    list.model->gate.loss->front().weight += 1;
  }
  void operator()(NamedWeights* weights) const { weights->front().second += 1; }
};

RunConfig parse(Texts const& overrides) { return example::parse(example::toml, overrides); }
std::string refused(std::string const& text, Texts const& overrides = {}) {
  return example::refusal([&] { example::parse(text, overrides); });
}

}  // namespace

TEST_CASE("exactly the keys that apply decide the computation key") {
  for (auto const& context : contexts) {
    auto const config = parse(context);
    auto const keys = keys_of(*std::make_unique<RunConfig>(config));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].decides != Decides::numbers || keys[i].path == "gate.kind") continue;
      auto changed = config;
      std::visit(Change(), keys_of(changed)[i].member);
      INFO(fmt::format("{} {}", fmt::join(context, " "), keys[i].path));
      CHECK((computation_key(changed) != computation_key(config)) == keys[i].applies(config));
    }
  }
}

TEST_CASE("a setting that decides nothing is refused by its name, or changes no key") {
  struct Case {
    Texts context;
    std::string idle, says;
  };
  std::vector<Case> const cases{
      {{"gate.kind=uniform"}, "gate.switch_score=probability", "gate.kind = \"uniform\""},
      {{"gate.kind=uniform"}, "gate.noise_epsilon=0.5", "gate.kind = \"uniform\""},
      {{"gate.kind=uniform"}, "gate.network=linear", "gate.kind = \"uniform\""},
      {{"gate.kind=mixtral"}, "gate.normalise=false", "gate.kind = \"mixtral\""},
      {{"gate.kind=deepseek_v3"}, "gate.groups_kept=2", "gate.num_groups = 1"},
      {{"gate.kind=deepseek_v3", "gate.bias_update_rate=0"}, "gate.bias_zero_mean=true", "gate.bias_update_rate = 0"},
      {{"gate.kind=random"}, "gate.pool=block:4", "no choice, loss or capacity that is taken over it"},
      {{}, "gate.num_groups=2", "gate.kind = \"noisy_top_k\""},
      {{}, "capacity.factor=2", "capacity.policy = \"none\""},
      {{"gate.kind=switch"}, "capacity.order=choice", "a capacity.policy other than \"position\""},
      {{"gate.kind=switch"}, "capacity.renormalise=true", "one choice a token"},
      {{"gate.kind=switch", "capacity.policy=none"}, "capacity.dropped=input", "capacity.policy = \"none\""},
      {{"gate.kind=switch", "capacity.policy=none"}, "capacity.pad=true", "capacity.policy = \"none\""},
      {{"gate.add_noise=false"}, "gate.noise_epsilon=0.5", "gate.add_noise = false"},
      {{"model.multiply_gate_scores=false"}, "model.score_scale_factor=3", "model.multiply_gate_scores = false"},
      {{}, "residual.use_softmax=false", "residual.num_experts = 0"},
      {{"train.mode=forward"}, "optimizer.beta1=0.5", "train.mode = \"forward\""},
      {{"optimizer.schedule=constant"}, "optimizer.min_ratio=0.5", "optimizer.schedule = \"constant\""},
      {{"eval.every=0"}, "eval.sequences=16", "eval.every = 0"},
      {{}, "routing.zipf_exponent=2", "routing.forced = \"none\""},
      {{"eval.every=0", "routing.forced=even"}, "routing.zipf_exponent=2", "routing.forced = \"even\""},
      {{"eval.every=0", "routing.forced=hot_set"}, "routing.counts=[1, 2, 3, 4]", "routing.forced = \"hot_set\""},
      {{"train.mode=forward"}, "routing.forced=even", "train.mode = \"forward\""},
  };
  for (auto const& row : cases) {
    auto overrides = row.context;
    overrides.push_back(row.idle);
    auto const sentence = refused(example::toml, overrides);
    INFO(sentence);
    CHECK_THAT(sentence, Contains("--set " + row.idle) && Contains("decides nothing with " + row.says + "; leave it out"));
  }
  CHECK(computation_key(parse({"gate.kind=switch", "model.top_k=1"})) == computation_key(parse({"gate.kind=switch"})));
  CHECK(computation_key(parse({"data.weights={ code = 2, text = 1, other = 0 }"})) == computation_key(parse({})));
}

TEST_CASE("a setting at its default may stand where it decides nothing") {
  for (auto const* setting : {"gate.switch_score=noisy_logit", "capacity.factor=1.25", "residual.score_scale_factor=1"}) {
    INFO(setting);
    CHECK(parse({setting}).idle.empty());
  }
}

TEST_CASE("a file is judged by its own values, so that one base serves a sweep over kinds, and what is passed over is noted") {
  auto const text = example::with("gate.load_estimate", "\"noisy_logit\"");
  CHECK(example::parse(text).idle.empty());
  CHECK(to_json(example::parse(text, {"gate.kind=switch"})) == to_json(parse({"gate.kind=switch"})));
  CHECK(example::parse(text, {"gate.kind=switch"}).idle ==
        Texts{"run.toml:9:1: model.top_k = 2 decides nothing with gate.kind = \"switch\"",
              "run.toml:13:1: gate.load_estimate = \"noisy_logit\" decides nothing with gate.kind = \"switch\""});
  for (auto const& kind : {"uniform", "uniform_learnable", "random", "random_learnable", "switch"})
    CHECK_NOTHROW(parse({fmt::format("gate.kind={}", kind)}));
  CHECK_NOTHROW(parse({"train.mode=forward"}));
  CHECK_THAT(refused(example::with("gate.switch_score", "\"probability\"")),
             Contains("run.toml:13:1: gate.switch_score = \"probability\" decides nothing with gate.kind = \"noisy_top_k\""));
}

TEST_CASE("top_k must be given only where the gate asks for it, and is else what the gate does") {
  auto const text = example::with("model.top_k", "");
  CHECK_THAT(refused(text, {"gate.kind=random"}), Contains("model.top_k is missing"));
  CHECK(example::parse(text, {"gate.kind=uniform"}).model.top_k == 4);
  CHECK(example::parse(text, {"gate.kind=switch"}).model.top_k == 1);
}

TEST_CASE("numbers of the model that the run's type cannot hold are refused by their key") {
  for (auto const* number : {"model.rms_norm_eps=1e39", "model.rms_norm_eps=1e-60", "gate.loss.cv_squared.weight=1e300"}) {
    std::string const setting(number);
    auto const sentence = refused(example::toml, {setting, "train.dtype=float32"});
    auto const key = setting.substr(0, setting.find('='));
    CHECK_THAT(sentence, Contains(key.starts_with("gate.loss") ? "gate.loss" : key) && Contains("range of train.dtype"));
    CHECK_NOTHROW(parse({setting, "train.dtype=float64"}));
  }
  CHECK_NOTHROW(parse({"optimizer.epsilon=1e-60", "train.dtype=float32"}));
}
