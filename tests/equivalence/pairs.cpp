#include "equivalence/pairs.hpp"

#include <numeric>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "support/losses.hpp"

namespace moescope::equivalence {

namespace {

/// Values of a text key of [gate].
Option gate_option(std::string const& name, std::string GateConfig::*key, std::vector<std::string> const& values) {
  Option option{name, {}};
  for (auto const& value : values) option.values.push_back({value, [=](RunConfig& config) { config.model.gate.*key = value; }});
  return option;
}

Option yes_or_no(std::string const& name, std::function<void(RunConfig&, bool)> const& apply) {
  return {name,
          {{"yes", [=](RunConfig& config) { apply(config, true); }}, {"no", [=](RunConfig& config) { apply(config, false); }}}};
}

void set_experts(RunConfig& config, std::vector<std::int64_t> const& widths) {
  auto& model = config.model;
  model.num_experts = std::int64_t(widths.size());
  model.expert_widths.assign(2, widths);
  model.intermediate_size = std::reduce(widths.begin(), widths.end());
}

void set_heads(RunConfig& config, std::int64_t query, std::int64_t kv) {
  config.model.num_heads = query;
  config.model.num_kv_heads = kv;
}

void set_capacity(RunConfig& config, CapacityConfig const& capacity) {
  config.model.capacity = capacity;
  config.model.capacity.factor = 0.8;
}

/// Beside those in force; of a group of experts, so once their number is known.
void add_losses(RunConfig& config, std::vector<std::string> const& kinds) {
  auto& gate = config.model.gate;
  gate.num_groups = config.model.num_experts % 4 == 0 ? 4 : config.model.num_experts;
  gate.loss = losses(config.model);
  for (auto const& kind : kinds) gate.loss->push_back({kind, 0.05, ""});
}

void set_residual(RunConfig& config, bool present) {
  config.model.residual.num_experts = present ? 2 : 0;
  config.model.residual.intermediate_size = present ? 14 : 0;
  config.model.residual.expert_widths.assign(std::size_t(config.model.num_layers), std::vector<std::int64_t>(present ? 2 : 0, 7));
}

std::vector<Option> make_options() {
  using Config = RunConfig&;
  return {
      gate_option("gate", &GateConfig::kind,
                  {"noisy_top_k", "switch", "uniform", "uniform_learnable", "random", "random_learnable", "base", "sinkhorn",
                   "expert_choice", "quantile"}),
      gate_option("network", &GateConfig::network, {"linear", "mlp"}),
      gate_option("load", &GateConfig::load_estimate, {"released", "noisy_logit"}),
      gate_option("pool", &GateConfig::pool, {"sequence", "block:2", "batch"}),
      gate_option("switch score", &GateConfig::switch_score, {"noisy_logit", "probability"}),
      yes_or_no("softmax", [](Config c, bool yes) { c.model.gate.use_softmax = yes; }),
      yes_or_no("noise", [](Config c, bool yes) { c.model.gate.add_noise = yes; }),
      {"balance",
       {{"weak", [](Config c) { test::weigh_losses(c.model, 0.01); }},
        {"strong", [](Config c) { test::weigh_losses(c.model, 0.1); }},
        {"off", [](Config c) { c.model.gate.loss.emplace(); }}}},
      {"capacity",
       {{"zero", [](Config c) { set_capacity(c, {.policy = "random"}); }},
        {"input", [](Config c) { set_capacity(c, {.policy = "random", .dropped = "input"}); }},
        {"position", [](Config c) { set_capacity(c, {.policy = "position", .rounding = "up"}); }},
        {"choice", [](Config c) { set_capacity(c, {.policy = "position", .order = "choice", .renormalise = true}); }},
        {"probability", [](Config c) { set_capacity(c, {.policy = "probability", .renormalise = true}); }},
        {"padded", [](Config c) { set_capacity(c, {.policy = "random", .pad = true}); }},
        {"none", [](Config c) { set_capacity(c, {.policy = "none"}); }}}},
      {"experts",
       {{"five uneven",
         [](Config c) {
           set_experts(c, {9, 8, 12, 10, 9});
         }},
        {"eight equal", [](Config c) { set_experts(c, std::vector<std::int64_t>(8, 8)); }}}},
      {"further losses",
       {{"none", [](Config) {}},
        {"of shares",
         [](Config c) {
           add_losses(c, {"gshard", "sequence", "device", "layer_pooled"});
         }},
        {"of tokens",
         [](Config c) {
           add_losses(c, {"z", "entropy"});
         }}}},
      {"top_k",
       {{"2", [](Config c) { c.model.top_k = 2; }},
        {"1", [](Config c) { c.model.top_k = 1; }},
        {"E", [](Config c) { c.model.top_k = c.model.num_experts; }}}},
      {"heads",
       {{"4 on 2", [](Config c) { set_heads(c, 4, 2); }},
        {"3 on 1", [](Config c) { set_heads(c, 3, 1); }},
        {"8 on 8", [](Config c) { set_heads(c, 8, 8); }}}},
      yes_or_no("residual", set_residual),
      yes_or_no("weight norm", [](Config c, bool yes) { c.model.add_weight_norm = yes; }),
      yes_or_no("tied", [](Config c, bool yes) { c.model.tie_word_embeddings = yes; }),
      yes_or_no("scores", [](Config c, bool yes) { c.model.multiply_gate_scores = yes; }),
      yes_or_no("padding token", [](Config c, bool yes) { c.model.pad_token_id = yes ? 3 : -1; }),
      yes_or_no("clipping", [](Config c, bool yes) { c.optimizer.clip_norm = yes ? 0.05 : 0; }),
      yes_or_no("decay", [](Config c, bool yes) { c.optimizer.weight_decay = yes ? 0.1 : 0; }),
      {"sequences", {{"4", [](Config c) { c.batch.sequences = 4; }}, {"2", [](Config c) { c.batch.sequences = 2; }}}},
      {"micro-steps",
       {{"1", [](Config) {}},
        {"2",
         [](Config c) {
           c.batch.micro_steps = 2;
           c.batch.sequences *= 2;
         }}}},
  };
}

struct Chosen {
  std::size_t option, value;
  friend auto operator<=>(Chosen const&, Chosen const&) = default;
};
using Pair = std::pair<Chosen, Chosen>;

bool is(Chosen const& a, Chosen const& b, std::string const& option, std::string const& value, std::string const& other_option,
        std::string const& other_value) {
  auto const matches = [](Chosen const& c, std::string const& o, std::string const& v) {
    return options()[c.option].name == o && options()[c.option].values[c.value].name == v;
  };
  return (matches(a, option, value) && matches(b, other_option, other_value)) ||
         (matches(b, option, value) && matches(a, other_option, other_value));
}

/// The gates without a network have no affinities and no logits.
bool lacks_scores(Chosen const& a, Chosen const& b) {
  for (auto const* gate : {"uniform", "random"})
    for (auto const* kinds : {"of shares", "of tokens"})
      if (is(a, b, "gate", gate, "further losses", kinds)) return true;
  return false;
}

bool allowed(Chosen const& a, Chosen const& b) {
  return !lacks_scores(a, b) && !is(a, b, "gate", "switch", "top_k", "E") && !is(a, b, "pool", "batch", "micro-steps", "2") &&
         !is(a, b, "residual", "yes", "weight norm", "yes");
}

std::set<Pair> allowed_pairs() {
  std::set<Pair> pairs;
  for (std::size_t i = 0; i < options().size(); ++i)
    for (std::size_t j = i + 1; j < options().size(); ++j)
      for (std::size_t v = 0; v < options()[i].values.size(); ++v)
        for (std::size_t w = 0; w < options()[j].values.size(); ++w)
          if (allowed(Chosen{i, v}, Chosen{j, w})) pairs.emplace(Chosen{i, v}, Chosen{j, w});
  return pairs;
}

Pair ordered(Chosen const& a, Chosen const& b) { return a < b ? Pair{a, b} : Pair{b, a}; }

/// Missing pairs that `next` completes with what is chosen; none where it is not allowed beside it.
std::optional<std::size_t> completed(Chosen const& next, std::vector<Chosen> const& chosen, std::set<Pair> const& missing) {
  std::size_t count = 0;
  for (auto const& other : chosen) {
    if (!allowed(next, other)) return std::nullopt;
    count += missing.count(ordered(next, other));
  }
  return count;
}

std::vector<Chosen> next_case(std::set<Pair> const& missing) {
  std::vector<Chosen> chosen{missing.begin()->first, missing.begin()->second};
  for (std::size_t option = 0; option < options().size(); ++option) {
    if (option == chosen[0].option || option == chosen[1].option) continue;
    std::optional<std::size_t> most;
    Chosen best{option, 0};
    for (std::size_t value = 0; value < options()[option].values.size(); ++value) {
      auto const count = completed({option, value}, chosen, missing);
      if (!count || (most && *count <= *most)) continue;
      most = count;
      best.value = value;
    }
    MOESCOPE_CHECK(most.has_value());
    chosen.push_back(best);
  }
  return chosen;
}

}  // namespace

std::vector<Option> const& options() {
  static auto const all = make_options();
  return all;
}

bool allowed(std::size_t option, std::size_t value, std::size_t other_option, std::size_t other_value) {
  return allowed(Chosen{option, value}, Chosen{other_option, other_value});
}

std::vector<std::vector<std::size_t>> covering_array() {
  std::vector<std::vector<std::size_t>> cases;
  for (auto missing = allowed_pairs(); !missing.empty();) {
    auto const chosen = next_case(missing);
    std::vector<std::size_t> values(options().size());
    for (auto const& c : chosen) values[c.option] = c.value;
    for (auto const& a : chosen)
      for (auto const& b : chosen)
        if (a.option < b.option) missing.erase({a, b});
    cases.push_back(values);
  }
  return cases;
}

Case make_case(std::vector<std::size_t> const& values) {
  Case result{"", base_config()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const& value = options()[i].values[values[i]];
    value.apply(result.config);
    result.name += (i ? ", " : "") + options()[i].name + " " + value.name;
  }
  result.config.optimizer.epsilon = 1e-5;  // below it are gradients of rounding alone, which Adam would make as large as any
  result.config.model.gate.weight_at = weight_at(result.config.model);  // as reading a file fills it in
  return result;
}

}  // namespace moescope::equivalence
