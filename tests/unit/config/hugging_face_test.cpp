#include <nlohmann/json.hpp>

#include "config/gate_kinds.hpp"
#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

/// A config.json as LLaMA-MoE's own code writes it, stray fields included.
Json published() {
  return Json::parse(R"({"add_weight_norm": false, "architectures": ["LlamaMoEForCausalLM"], "attention_bias": false,
    "attention_dropout": 0.0, "bos_token_id": 1, "calculator_type": "UniversalCalculator", "capacity_factor": 1.25,
    "drop_tokens": true, "dropped_padding": "zero", "eos_token_id": 2, "gate_add_noise": true, "gate_balance_loss_weight": 0.1,
    "gate_network": "linear", "gate_noise_epsilon": 0.02, "gate_type": "TopKBalancedNoisyGate", "gate_use_balance": true,
    "gate_use_softmax": true, "gates": "mlp", "hidden_act": "silu", "hidden_size": 48, "initializer_range": 0.02,
    "intermediate_size": 60, "max_position_embeddings": 64, "model_type": "llama_moe", "multiply_gate_scores": true,
    "num_attention_heads": 3, "num_experts": 6, "num_hidden_layers": 3, "num_key_value_heads": 1, "num_selects": 2,
    "pad_token_id": 0, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
    "score_scale_factor": [3.0, 1.5, 2.25],
    "size_experts": [[4, 8, 10, 12, 16, 10], [20, 8, 8, 8, 8, 8], [5, 7, 9, 11, 13, 15]],
    "tie_word_embeddings": false, "torch_dtype": "float32", "transformers_version": "4.31.0", "use_cache": true, "vocab_size": 97})");
}

ModelConfig read(Json const& json) { return model_from_hugging_face(json.dump(), "config.json"); }

Json changed(Json const& changes) {
  auto json = published();
  json.update(changes);
  return json;
}

}  // namespace

TEST_CASE("a published config.json becomes [model] and [gate], with the micro-batch as pool") {
  auto const m = read(published());
  CHECK(m.family == "llama_moe");
  CHECK(m.vocab_size == 97);
  CHECK(m.hidden_size == 48);
  CHECK(m.num_layers == 3);
  CHECK(m.num_heads == 3);
  CHECK(m.num_kv_heads == 1);
  CHECK(m.head_dim == 16);
  CHECK(m.num_experts == 6);
  CHECK(m.top_k == 2);
  CHECK(m.expert_widths ==
        std::vector<std::vector<std::int64_t>>{{4, 8, 10, 12, 16, 10}, {20, 8, 8, 8, 8, 8}, {5, 7, 9, 11, 13, 15}});
  CHECK(m.score_scale_factor == std::vector<double>{3, 1.5, 2.25});
  CHECK(m.rms_norm_eps == 1e-5);
  CHECK(m.gate.kind == "noisy_top_k");
  CHECK(m.gate.network == "linear");
  CHECK(moescope::losses(m).at(0).weight == 0.1);
  CHECK(m.gate.noise_epsilon == 0.02);
  CHECK(m.gate.load_estimate == "released");
  CHECK(m.gate.pool == "batch");
}

TEST_CASE("fields that early published files lack have LLaMA-MoE's defaults") {
  auto const m = read({{"model_type", "llama_moe"},
                       {"vocab_size", 97},
                       {"hidden_size", 48},
                       {"intermediate_size", 64},
                       {"num_hidden_layers", 2},
                       {"num_attention_heads", 3},
                       {"num_experts", 8},
                       {"num_selects", 2}});
  CHECK(m.num_kv_heads == 3);
  CHECK(m.rope_theta == 10000.0);
  CHECK(m.rms_norm_eps == 1e-6);
  CHECK(m.expert_widths[1] == std::vector<std::int64_t>(8, 8));
  CHECK(m.score_scale_factor == std::vector<double>{1, 1});
  CHECK(m.gate.kind == "noisy_top_k");
  CHECK(m.gate.network == "mlp");
  CHECK(m.multiply_gate_scores);
  CHECK_FALSE(m.add_weight_norm);
}

TEST_CASE("the other published forms are read") {
  CHECK(read(changed({{"score_scale_factor", 4.0}, {"size_experts", nullptr}})).score_scale_factor ==
        std::vector<double>{4, 4, 4});
  CHECK(read(changed({{"add_weight_norm", true}})).add_weight_norm);
  CHECK(read(changed({{"head_dim", 32}})).head_dim == 32);
  CHECK(read(changed({{"mlp_bias", false}, {"sliding_window", nullptr}, {"dtype", "bfloat16"}})).head_dim == 16);
  auto const m = read(changed({{"gate_type", "SwitchBalancedGate"},
                               {"calculator_type", "SwitchDropTokenCalculator"},
                               {"num_selects", 1},
                               {"dropped_padding", "input"}}));
  CHECK(m.gate.kind == "switch");
  CHECK(m.capacity.dropped == "input");
  CHECK(m.gate.switch_score == "noisy_logit");
  CHECK(read(changed({{"gate_type", "UniformPlainGate"}, {"calculator_type", "UniformCalculator"}})).gate.kind == "uniform");
  CHECK(read(changed({{"gate_type", "UniformLearnableGate"}})).gate.kind == "uniform_learnable");
  CHECK(read(changed({{"gate_type", "RandomPlainGate"}})).gate.kind == "random");
  CHECK(read(changed({{"gate_type", "RandomLearnableGate"}})).gate.kind == "random_learnable");
}

TEST_CASE("losses and capacity are those of the published gate") {
  CHECK(moescope::losses(read(published())) == std::vector<LossConfig>{{"cv_squared", 0.1, "batch"}});
  CHECK(moescope::losses(read(changed({{"gate_use_balance", false}}))) == std::vector<LossConfig>{{"cv_squared", 0, "batch"}});
  auto const of_switch = [](bool drops) {
    return read(changed({{"gate_type", "SwitchBalancedGate"},
                         {"calculator_type", "SwitchDropTokenCalculator"},
                         {"num_selects", 1},
                         {"gate_use_balance", false},
                         {"drop_tokens", drops}}));
  };
  CHECK(moescope::losses(of_switch(true)) == std::vector<LossConfig>{{"switch", 0.1, "batch"}});
  CHECK(of_switch(true).capacity.policy == "random");
  CHECK(of_switch(false).capacity.policy == "none");
}

TEST_CASE("the base of the rotary embedding is honoured wherever it stands") {
  auto without = published();
  without.erase("rope_theta");
  auto const theta = [&](Json const& changes) {
    auto json = without;
    json.update(changes);
    return read(json).rope_theta;
  };
  CHECK(theta(Json::object()) == 10000);
  CHECK(theta({{"rope_theta", 500000.0}}) == 500000);
  CHECK(theta({{"rope_parameters", {{"rope_theta", 500000.0}, {"rope_type", "default"}}}}) == 500000);
  CHECK(theta({{"rope_scaling", {{"type", "default"}, {"rope_theta", 2e5}}}}) == 2e5);
  CHECK(theta({{"rope_theta", 500000}, {"rope_parameters", {{"rope_theta", 500000.0}}}}) == 500000);
}

TEST_CASE("a negative padding token counts from the end of the vocabulary, as PyTorch's padding_idx does") {
  CHECK(read(published()).pad_token_id == 0);
  CHECK(read(changed({{"pad_token_id", -1}})).pad_token_id == 96);
  CHECK(read(changed({{"pad_token_id", -97}})).pad_token_id == 0);
  CHECK(read(changed({{"pad_token_id", 5}})).pad_token_id == 5);
  CHECK(read(changed({{"pad_token_id", nullptr}})).pad_token_id == -1);
}

TEST_CASE("the residual variant may have unequal residual experts, and its dense width must be that of both parts") {
  auto json = published();
  for (auto const* field : {"size_experts", "add_weight_norm"}) json.erase(field);
  json.update({{"model_type", "llama_moe_residual"},
               {"num_experts_residual", 2},
               {"intermediate_size_moe", 48},
               {"intermediate_size_residual", 12}});
  CHECK(read(json).residual.expert_widths == std::vector<std::vector<std::int64_t>>(3, {6, 6}));
  auto unequal = json;
  unequal["size_experts_residual"] = {{4, 8}, {6, 6}, {11, 1}};
  CHECK(read(unequal).residual.expert_widths == std::vector<std::vector<std::int64_t>>{{4, 8}, {6, 6}, {11, 1}});
  unequal["size_experts_residual"] = {{4, 8}, {6, 6}, {11, 2}};
  CHECK_THAT(example::refusal([&] { read(unequal); }), Contains("config.json: size_experts_residual") && Contains("= 12"));
  json["intermediate_size"] = 61;
  CHECK_THAT(example::refusal([&] { read(json); }), Contains("config.json: intermediate_size = 61") && Contains("= 60"));
}

TEST_CASE("what moescope does not compute is refused by the field's name") {
  struct Case {
    Json changes;
    std::vector<std::string> says;
  };
  std::vector<Case> const cases{
      {{{"model_type", "mixtral"}}, {"model_type = \"mixtral\"", "not supported"}},
      {{{"model_type", "mixtral"}}, {"model_type = \"mixtral\"", "\"llama_moe\""}},
      {{{"gate_type", "SoftMoEGate"}},
       {"gate_type = \"SoftMoEGate\"", "TopKBalancedNoisyGate, SwitchBalancedGate, UniformPlainGate"}},
      {{{"calculator_type", "SwitchDropTokenCalculator"}},
       {"calculator_type", "does not fit gate_type = \"TopKBalancedNoisyGate\""}},
      {{{"gate_type", "SwitchBalancedGate"}}, {"calculator_type = \"UniversalCalculator\"", "needs SwitchDropTokenCalculator"}},
      {{{"calculator_type", ""}}, {"calculator_type = \"\"", "needs UniversalCalculator"}},
      {{{"hidden_act", "gelu"}}, {"hidden_act = \"gelu\"", "only \"silu\""}},
      {{{"attention_bias", true}}, {"attention_bias = true", "only false"}},
      {{{"attention_dropout", 0.1}}, {"attention_dropout = 0.1", "only 0.0"}},
      {{{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}, {"rope_scaling", "only null"}},
      {{{"rope_scaling", {{"rope_type", "default"}, {"factor", 2.0}}}}, {"rope_scaling = ", "holds factor"}},
      {{{"rope_parameters", {{"rope_type", "llama3"}, {"rope_theta", 5e5}}}}, {"rope_parameters = ", "\"default\""}},
      {{{"rope_parameters", {{"rope_type", "default"}, {"type", "yarn"}}}}, {"rope_parameters = ", "\"default\""}},
      {{{"rope_parameters", {{"rope_theta", 5e5}}}}, {"rope_parameters = ", "contradicts rope_theta = 10000.0"}},
      {{{"rope_theta", nullptr}}, {"rope_theta: model.rope_theta = ", "must be a finite number"}},
      {{{"mlp_bias", true}}, {"mlp_bias = true", "only false"}},
      {{{"sliding_window", 128}}, {"sliding_window = 128", "only null"}},
      {{{"quantization_config", {{"bits", 4}}}}, {"quantization_config", "only null"}},
      {{{"head_dim", 15}}, {"config.json: head_dim: model.head_dim = 15", "must be even"}},
      {{{"attn_logit_softcapping", 30.0}}, {"attn_logit_softcapping = 30.0", "no known field of \"llama_moe\""}},
      {{{"num_experts_residual", 2}}, {"num_experts_residual = 2", "no known field of \"llama_moe\""}},
      {{{"pad_token_id", -98}}, {"pad_token_id = -98", "at least -vocab_size = -97"}},
      {{{"pad_token_id", 97}}, {"pad_token_id: model.pad_token_id = 97", "below model.vocab_size = 97"}},
      {{{"num_selects", 7}}, {"config.json: num_selects: model.top_k = 7", "at most model.num_experts = 6"}},
      {{{"hidden_size", "48"}}, {"config.json: hidden_size: model.hidden_size = \"48\"", "must be an integer"}},
      {{{"hidden_size", nullptr}}, {"hidden_size = null", "must not be null"}},
      {{{"hidden_size", 1e300}}, {"must be an integer"}},
      {{{"intermediate_size", 61}}, {"config.json: size_experts", "must sum to model.intermediate_size = 61"}},
      {{{"size_experts", {10, 10, 10, 10, 10}}}, {"must give 6 widths"}},
      {{{"score_scale_factor", {1.0, 2.0}}}, {"config.json: score_scale_factor", "each of the 3 layers"}},
      {{{"gate_network", "conv"}}, {"config.json: gate_network", "must be one of linear, linear_bias, mlp"}},
      {{{"rms_norm_eps", -1.0}}, {"must be greater than 0"}},
      {{{"num_key_value_heads", 2}}, {"must be a multiple of model.num_kv_heads = 2"}},
  };
  for (auto const& row : cases) {
    auto const sentence = example::refusal([&] { read(changed(row.changes)); });
    INFO(sentence);
    CHECK_THAT(sentence, Contains("config.json"));
    for (auto const& part : row.says) CHECK_THAT(sentence, Contains(part));
  }
}

TEST_CASE("a config.json that is no such file is refused") {
  auto const refused = [](std::string const& text) {
    return example::refusal([&] { model_from_hugging_face(text, "config.json"); });
  };
  CHECK_THAT(refused(""), Contains("config.json: the JSON is not valid"));
  CHECK_THAT(refused("{\"model_type\": "), Contains("config.json: the JSON is not valid"));
  CHECK_THAT(refused("{\"rope_theta\": 1e400}"), Contains("config.json: the JSON is not valid: [json.exception.out_of_range"));
  CHECK_THAT(refused("[1]"), Contains("one JSON object is expected"));
  CHECK_THAT(refused("{}"), Contains("model_type is missing"));
  CHECK_THAT(refused("{\"model_type\": \"llama_moe\"}"), Contains("vocab_size is missing"));
  CHECK_THAT(refused("{\"model_type\": \"\xff\"}"), Contains("JSON is not valid"));
}
