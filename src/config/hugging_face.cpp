#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "config/settings.hpp"
#include "files/strict_json.hpp"

namespace moescope {
namespace {

using Json = nlohmann::json;

/// Field of LLaMA-MoE's config.json and our key. `fallback` is the default of its LlamaMoEConfig; discarded: must be there.
struct Field {
  char const* name;
  char const* path;
  Json fallback = Json(Json::value_t::discarded);
};

std::vector<Field> const& fields() {
  static std::vector<Field> const table{{"vocab_size", "model.vocab_size"},
                                        {"hidden_size", "model.hidden_size"},
                                        {"num_hidden_layers", "model.num_layers"},
                                        {"num_attention_heads", "model.num_heads"},
                                        {"num_key_value_heads", "model.num_kv_heads", nullptr},
                                        {"initializer_range", "model.initializer_range", 0.02},
                                        {"rms_norm_eps", "model.rms_norm_eps", 1e-6},
                                        {"tie_word_embeddings", "model.tie_word_embeddings", false},
                                        {"rope_theta", "model.rope_theta", 10000.0},
                                        {"num_experts", "model.num_experts"},
                                        {"num_selects", "model.top_k"},
                                        {"size_experts", "model.expert_widths", nullptr},
                                        {"multiply_gate_scores", "model.multiply_gate_scores", true},
                                        {"score_scale_factor", "model.score_scale_factor", 1.0},
                                        {"drop_tokens", "model.drop_tokens", true},
                                        {"dropped_padding", "model.dropped_padding", "zero"},
                                        {"capacity_factor", "model.capacity_factor", 1.25},
                                        {"gate_network", "gate.network", "mlp"},
                                        {"gate_use_softmax", "gate.use_softmax", true},
                                        {"gate_use_balance", "gate.use_balance", true},
                                        {"gate_balance_loss_weight", "gate.balance_loss_weight", 0.01},
                                        {"gate_add_noise", "gate.add_noise", true},
                                        {"gate_noise_epsilon", "gate.noise_epsilon", 0.01}};
  return table;
}

/// Fields of the plain model and of the residual one (LlamaMoEResidualConfig), beside the common ones.
std::vector<Field> const& plain_fields() {
  static std::vector<Field> const table{{"intermediate_size", "model.intermediate_size"},
                                        {"add_weight_norm", "model.add_weight_norm", false}};
  return table;
}
std::vector<Field> const& residual_fields() {
  static std::vector<Field> const table{{"intermediate_size_moe", "model.intermediate_size", 9632},
                                        {"num_experts_residual", "residual.num_experts", 2},
                                        {"intermediate_size_residual", "residual.intermediate_size", 1376},
                                        {"gate_use_softmax_residual", "residual.use_softmax", true},
                                        {"multiply_gate_scores_residual", "residual.multiply_gate_scores", true},
                                        {"score_scale_factor_residual", "residual.score_scale_factor", 1.0}};
  return table;
}

/// Values of known fields that are the only ones supported; an absent field has the value shown here.
struct Fixed {
  char const* name;
  Json value;
};

std::vector<Fixed> const& fixed_fields() {
  static std::vector<Fixed> const table{{"hidden_act", "silu"},    {"attention_bias", false}, {"attention_dropout", 0.0},
                                        {"rope_scaling", nullptr}, {"use_weighting", false},  {"size_experts_residual", nullptr}};
  return table;
}

constexpr char const* supported_types = "the supported ones are \"llama_moe\" and \"llama_moe_residual\"";

class Reader {
 public:
  Reader(Json const& json, std::string const& source) : json_(json), source_(source) {}

  ModelConfig read() {
    check_model_type();
    for (auto const& field : fixed_fields()) {
      if (get(field.name, field.value) != field.value)
        reject(field.name, fmt::format("is not supported; only {}", field.value.dump()));
    }
    for (auto const& field : fields()) add_field(field);
    bool const residual = json_["model_type"] == "llama_moe_residual";
    for (auto const& field : residual ? residual_fields() : plain_fields()) add_field(field);
    add_padding();
    add_gate();
    RunConfig config;
    apply_settings(settings_, config);
    return config.model;
  }

 private:
  Json get(char const* name, Json const& fallback) const { return json_.contains(name) ? json_[name] : fallback; }

  [[noreturn]] void reject(char const* name, std::string const& rule) const {
    throw UserError(
        fmt::format("{}: {} = {} {}", source_, name, json_[name].dump(-1, ' ', false, Json::error_handler_t::replace), rule));
  }

  void check_model_type() const {
    if (!json_.is_object())
      throw UserError(fmt::format("{}: is not a model's config.json: one JSON object is expected", source_));
    if (!json_.contains("model_type")) {
      throw UserError(fmt::format("{}: model_type is missing; {}", source_, supported_types));
    }
    auto const& type = json_["model_type"];
    if (type != "llama_moe" && type != "llama_moe_residual")
      reject("model_type", fmt::format("is not supported; {}", supported_types));
  }

  void add_field(Field const& field) {
    auto const value = get(field.name, field.fallback);
    if (value.is_discarded()) throw UserError(fmt::format("{}: {} is missing", source_, field.name));
    if (value.is_null() && !field.fallback.is_null()) reject(field.name, "must not be null");
    if (!value.is_null()) settings_[field.path] = {value, fmt::format("{}: {}", source_, field.name)};
  }

  /// The embedding's padding_idx: 0 where the file says nothing, none where it says null.
  void add_padding() {
    auto const value = get("pad_token_id", 0);
    if (!value.is_null()) settings_["model.pad_token_id"] = {value, source_ + ": pad_token_id"};
  }

  /// Balance loss and capacity are taken over the micro-batch, as LLaMA-MoE does.
  void add_gate() {
    auto const type = get("gate_type", "TopKBalancedNoisyGate");
    auto const calculator = get("calculator_type", "UniversalCalculator");
    auto const kinds = all_gate_kinds();
    auto const known = std::find_if(kinds.begin(), kinds.end(), [&](auto const& kind) { return type == kind.published_name; });
    if (known == kinds.end()) {
      std::vector<std::string_view> names;
      names.reserve(kinds.size());
      for (auto const& kind : kinds) names.push_back(kind.published_name);
      reject("gate_type", fmt::format("must be one of {}", fmt::join(names, ", ")));
    }
    auto const fitting = known->published_calculators;
    if (std::none_of(fitting.begin(), fitting.end(), [&](auto name) { return calculator == name; })) {
      auto const problem = fmt::format("does not fit gate_type = \"{}\", which needs {}", known->published_name, fitting[0]);
      throw UserError(fmt::format("{}: calculator_type = {} {}", source_, calculator.dump(), problem));
    }
    settings_["gate.kind"] = {known->name, source_ + ": gate_type"};
    settings_["gate.pool"] = {"batch", source_};
  }

  Json const& json_;
  std::string source_;
  Settings settings_;
};

}  // namespace

ModelConfig model_from_hugging_face(std::string const& json_text, std::string const& source) {
  auto const json = parse_strict_json(json_text, source);
  return Reader(json, source).read();
}

}  // namespace moescope
