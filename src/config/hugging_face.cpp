#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/detail/published_fields.hpp"
#include "config/gate_kinds.hpp"
#include "config/settings.hpp"
#include "files/strict_json.hpp"

namespace moescope {
namespace {

using Json = nlohmann::json;

constexpr char const* supported_types = "the supported ones are \"llama_moe\" and \"llama_moe_residual\"";

std::string text_of(Json const& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

class Reader {
 public:
  Reader(Json const& json, std::string const& source) : json_(json), source_(source) {}

  ModelConfig read() {
    check_model_type();
    residual_ = json_["model_type"] == "llama_moe_residual";
    check_known();
    check_fixed();
    for (auto const& field : published::common_fields()) add_field(field);
    for (auto const& field : own_fields()) add_field(field);
    if (residual_) check_widths_of_both();
    add_rope();
    add_padding();
    add_gate();
    RunConfig config;
    apply_settings(settings_, config);
    return config.model;
  }

 private:
  Json get(char const* name, Json const& fallback) const { return json_.contains(name) ? json_[name] : fallback; }
  std::vector<published::Field> const& own_fields() const {
    return residual_ ? published::residual_fields() : published::plain_fields();
  }

  [[noreturn]] void reject(std::string const& name, std::string const& rule) const {
    throw UserError(fmt::format("{}: {} = {} {}", source_, name, text_of(json_[name]), rule));
  }

  void add(char const* path, Json const& value, std::string const& field) {
    settings_[path] = {value, fmt::format("{}: {}", source_, field)};
  }

  void check_model_type() const;
  void check_known() const;
  void check_fixed() const;
  void check_widths_of_both() const;
  void add_field(published::Field const& field);
  void add_rope();
  void add_rope_of(char const* name);
  void add_padding();
  void add_gate();
  void add_losses(GateKind const& kind);

  Json const& json_;
  std::string source_;
  Settings settings_;
  bool residual_ = false;
};

void Reader::check_model_type() const {
  if (!json_.is_object()) throw UserError(fmt::format("{}: is not a model's config.json: one JSON object is expected", source_));
  if (!json_.contains("model_type")) throw UserError(fmt::format("{}: model_type is missing; {}", source_, supported_types));
  auto const& type = json_["model_type"];
  if (type != "llama_moe" && type != "llama_moe_residual")
    reject("model_type", fmt::format("is not supported; {}", supported_types));
}

void Reader::check_known() const {
  auto const is_in = [](auto const& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](auto const& field) { return name == field.name; });
  };
  auto const is_name = [](std::span<std::string_view const> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (auto const& [name, value] : json_.items()) {
    bool const known = is_in(published::common_fields(), name) || is_in(own_fields(), name) ||
                       is_in(published::fixed_fields(), name) || is_name(published::fields_with_rules(), name) ||
                       is_name(published::harmless_fields(), name);
    if (!known)
      reject(name, fmt::format("is no known field of {}; take it out if it changes no number", text_of(json_["model_type"])));
  }
}

void Reader::check_fixed() const {
  for (auto const& field : published::fixed_fields())
    if (get(field.name, field.value) != field.value)
      reject(field.name, fmt::format("is not supported; only {}", field.value.dump()));
}

/// LlamaMoEResidualConfig wants the dense width to be that of both parts.
void Reader::check_widths_of_both() const {
  auto const width = [&](char const* name, Json const& fallback) { return get(name, fallback); };
  auto const routed = width("intermediate_size_moe", 9632), residual = width("intermediate_size_residual", 1376);
  if (!json_.contains("intermediate_size") || !routed.is_number_unsigned() || !residual.is_number_unsigned()) return;
  auto const sum = routed.get<std::uint64_t>() + residual.get<std::uint64_t>();
  if (json_["intermediate_size"] != sum)
    reject("intermediate_size", fmt::format("must be intermediate_size_moe + intermediate_size_residual = {}", sum));
}

void Reader::add_field(published::Field const& field) {
  auto const value = get(field.name, field.fallback);
  if (value.is_discarded()) throw UserError(fmt::format("{}: {} is missing", source_, field.name));
  if (value.is_null() && !field.fallback.is_null()) reject(field.name, "must not be null");
  if (!value.is_null()) add(field.path, value, field.name);
}

/// The base of the rotary embedding stands in a field of its own, or beside its type in an object (transformers 5).
void Reader::add_rope() {
  if (json_.contains("rope_theta")) add("model.rope_theta", json_["rope_theta"], "rope_theta");
  for (auto const* name : {"rope_scaling", "rope_parameters"}) add_rope_of(name);
}

void Reader::add_rope_of(char const* name) {
  auto const rope = get(name, nullptr);
  if (rope.is_null()) return;
  auto const type = rope.is_object() ? rope.value("rope_type", rope.value("type", Json("default"))) : Json();
  if (type != "default" || rope.value("type", type) != type)
    reject(name, "is not supported; only null, or an object whose rope_type is \"default\"");
  for (auto const& [key, value] : rope.items())
    if (key != "rope_type" && key != "type" && key != "rope_theta")
      reject(name, fmt::format("holds {}, which rope_type \"default\" does not have", key));
  if (!rope.contains("rope_theta")) return;
  auto const& theta = rope["rope_theta"];
  if (auto const known = settings_.find("model.rope_theta"); known != settings_.end() && known->second.value != theta)
    reject(name, fmt::format("contradicts rope_theta = {}", text_of(known->second.value)));
  add("model.rope_theta", theta, fmt::format("{}.rope_theta", name));
}

/// The embedding's padding_idx: 0 where the file says nothing, none where it says null; a negative one counts from the end.
void Reader::add_padding() {
  auto value = get("pad_token_id", 0);
  if (value.is_null()) return;
  auto const vocabulary = get("vocab_size", 0);
  if (value.is_number_integer() && value < 0 && vocabulary.is_number_unsigned() && vocabulary <= INT32_MAX) {
    if (value < -vocabulary.get<std::int64_t>())
      reject("pad_token_id", fmt::format("must be at least -vocab_size = -{}", vocabulary.dump()));
    value = vocabulary.get<std::int64_t>() + value.get<std::int64_t>();
  }
  add("model.pad_token_id", value, "pad_token_id");
}

/// Balance loss and capacity are taken over the micro-batch, as LLaMA-MoE does.
void Reader::add_gate() {
  auto const type = get("gate_type", "TopKBalancedNoisyGate");
  auto const calculator = get("calculator_type", "UniversalCalculator");
  std::vector<GateKind> kinds;
  std::ranges::copy_if(all_gate_kinds(), std::back_inserter(kinds),
                       [](auto const& kind) { return !kind.published_name.empty(); });
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
    throw UserError(fmt::format("{}: calculator_type = {} {}", source_, text_of(calculator), problem));
  }
  add("gate.kind", known->name, "gate_type");
  settings_["gate.pool"] = {"batch", source_};
  add_losses(*known);
  auto const drops = get("drop_tokens", true);
  if (!drops.is_boolean()) reject("drop_tokens", "must be true or false");
  if (!drops.get<bool>()) add("capacity.policy", "none", "drop_tokens");
}

/// Released Switch does not read gate_use_balance.
void Reader::add_losses(GateKind const& kind) {
  auto const balances = get("gate_use_balance", true), weight = get("gate_balance_loss_weight", 0.01);
  if (!balances.is_boolean()) reject("gate_use_balance", "must be true or false");
  if (!weight.is_number()) reject("gate_balance_loss_weight", "must be a finite number");
  auto losses = Json::array();
  bool const adds = balances.get<bool>() || !kind.reads_use_balance;
  for (auto const& loss : kind.losses) losses.push_back({{"kind", loss.kind}, {"weight", adds ? weight : Json(0.0)}});
  add("gate.loss", losses, "gate_balance_loss_weight");
}

}  // namespace

ModelConfig model_from_hugging_face(std::string const& json_text, std::string const& source) {
  auto const json = parse_strict_json(json_text, source);
  return Reader(json, source).read();
}

}  // namespace moescope
