#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "config/key.hpp"
#include "config/loss_kinds.hpp"
#include "config/settings.hpp"

namespace moescope {
namespace {

using Json = nlohmann::json;

std::string describe(Json const& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (value.is_number_float() && !std::isfinite(value.get<double>())) text = std::isnan(value.get<double>()) ? "nan" : "inf";
  if (value.is_null()) text = "a date or time";
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

/// Reads one setting into the member it is for, or refuses it.
class Reader {
 public:
  Reader(Settings const& settings, Key const& key) : settings_(settings), key_(key), value_(settings.at(key.path).value) {}

  void operator()(std::int64_t* member) const { *member = integer(value_); }
  void operator()(std::uint64_t* member) const { *member = static_cast<std::uint64_t>(integer(value_)); }
  void operator()(double* member) const { *member = number(value_); }
  void operator()(bool* member) const {
    if (!value_.is_boolean()) reject("must be true or false");
    *member = value_.get<bool>();
  }
  void operator()(std::string* member) const { *member = text(); }
  void operator()(DType* member) const {
    for (auto const& each : scalars)
      if (each.name == text()) *member = each.dtype;
  }

  void operator()(PerLayer const& list) const {
    if (value_.is_number()) {
      list.values->assign(*list.num_layers, number(value_));
      return;
    }
    require_list(value_, *list.num_layers, "a number, or a list of one number for each of the {} layers (model.num_layers)");
    list.values->clear();
    for (auto const& entry : value_) list.values->push_back(number(entry));
  }

  void operator()(WidthsPerLayer const& lists) const {
    if (value_.is_array() && !value_.empty() && !value_[0].is_array()) {
      lists.values->assign(*lists.num_layers, widths(value_));
      return;
    }
    require_list(value_, *lists.num_layers, "a list of widths, or one such list for each of the {} layers (model.num_layers)");
    lists.values->clear();
    for (auto const& layer : value_) lists.values->push_back(widths(layer));
  }

  void operator()(CountsPerLayer const& lists) const {
    lists.values->clear();
    if (value_.is_array() && value_.empty()) return;
    if (value_.is_array() && !value_[0].is_array()) {
      lists.values->assign(*lists.num_layers, integers(value_, "counts"));
      return;
    }
    require_list(value_, *lists.num_layers, "a list of counts, or one such list for each of the {} layers (model.num_layers)");
    for (auto const& layer : value_) lists.values->push_back(integers(layer, "counts"));
  }

  void operator()(Integers* list) const {
    if (!value_.is_array()) reject("must be a list of integers");
    *list = integers(value_, "integers");
  }

  void operator()(Losses const& list) const {
    std::vector<LossConfig> losses;
    if (value_.is_object())
      for (auto const& [kind, entry] : value_.items()) losses.push_back(loss(kind, entry));
    else if (value_.is_array())
      for (auto const& entry : value_) losses.push_back(loss(entry.is_object() ? entry.value("kind", Json()) : Json(), entry));
    else
      reject("must be a list of losses, each [[gate.loss]] with its kind, weight and pool");
    for (std::size_t i = 0; i < losses.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (losses[i].kind == losses[j].kind) reject(fmt::format("must hold each kind once, and holds {} twice", losses[i].kind));
    list.model->gate.loss = std::move(losses);
  }

  void operator()(NamedWeights* weights) const {
    if (!value_.is_object()) reject("must be a table of one weight for each domain");
    weights->clear();
    for (auto const& [domain, weight] : value_.items()) weights->emplace_back(domain, number(weight));
  }

 private:
  [[noreturn]] void reject(std::string const& rule) const { refuse(settings_, key_.path, value_, rule); }

  std::int64_t integer(Json const& value) const {
    if (!value.is_number_integer()) reject("must be an integer");
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) reject("must be below 2^63");
    if (!key_.limits.contain(static_cast<double>(value.get<std::int64_t>()))) reject(key_.limits.rule());
    return value.get<std::int64_t>();
  }

  double number(Json const& value) const {
    if (!value.is_number() || !std::isfinite(value.get<double>())) reject("must be a finite number");
    if (!key_.limits.contain(value.get<double>())) reject(key_.limits.rule());
    return value.get<double>();
  }

  std::string text() const {
    if (!value_.is_string()) reject("must be a string");
    auto const text = value_.get<std::string>();
    auto const& known = key_.choices;
    if (!known.empty() && std::find(known.begin(), known.end(), text) == known.end()) {
      reject(fmt::format("must be {}{}", known.size() > 1 ? "one of " : "", fmt::join(known, ", ")));
    }
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' '; })) reject("must hold no control character");
    return text;
  }

  void require_list(Json const& value, std::int64_t size, char const* rule) const {
    if (value.is_array() && static_cast<std::int64_t>(value.size()) == size) return;
    reject("must be " + fmt::format(fmt::runtime(rule), size));
  }

  LossConfig loss(Json const& kind, Json const& entry) const {
    auto const known = loss_kind_names();
    if (!kind.is_string() || std::find(known.begin(), known.end(), kind.get<std::string>()) == known.end())
      reject(fmt::format("must give each loss a kind, one of {}", fmt::join(known, ", ")));
    LossConfig loss;
    loss.kind = kind.get<std::string>();
    if (!entry.is_object()) reject("must give each loss as a table of its weight and pool");
    for (auto const& [name, value] : entry.items()) {
      if (name == "weight")
        loss.weight = number(value);
      else if (name == "pool" && value.is_string())
        loss.pool = value.get<std::string>();
      else if (name != "kind")
        reject(fmt::format("holds {} of {}; a loss has kind, weight and pool", name, loss.kind));
    }
    return loss;
  }

  std::vector<std::int64_t> widths(Json const& list) const { return integers(list, "widths"); }

  Integers integers(Json const& list, char const* what) const {
    if (!list.is_array()) reject(fmt::format("must hold only lists of {}, or only {}", what, what));
    Integers values;
    for (auto const& each : list) values.push_back(integer(each));
    return values;
  }

  Settings const& settings_;
  Key const& key_;
  Json const& value_;
};

bool is_unset(Key const& key) { return value_of(key) == 0; }

void read(Settings const& settings, Key const& key) {
  if (settings.contains(key.path)) std::visit(Reader(settings, key), key.member);
}

}  // namespace

void refuse(Settings const& given, std::string const& path, Json const& value, std::string const& rule) {
  auto const found = given.find(path);
  auto const origin = found == given.end() || found->second.origin.empty() ? "" : found->second.origin + ": ";
  throw UserError(fmt::format("{}{} = {} {}", origin, path, describe(value), rule));
}

void read_values(Settings const& settings, RunConfig& config) {
  for (auto const& key : keys_of(config)) read(settings, key);
}

void apply_settings(Settings const& settings, RunConfig& config) {
  forget_derived(config.model);
  auto const keys = keys_of(config);
  read(settings, *find_key(keys, "gate.kind"));  // says which of the others must be there
  for (auto const& key : keys) {
    read(settings, key);
    if (key.required && is_unset(key) && key.applies(config))
      throw UserError(fmt::format("{} is missing; it {}", key.path, key.limits.rule()));
  }
  derive(config.model, settings);
  check_values(config, settings);
  check_rules(config, settings);
}

void check_values(RunConfig config, Settings const& given) {
  auto const keys = keys_of(config);
  auto const check = [&](Key const& key) {
    auto const found = given.find(key.path);
    read({{key.path, {value_of(key), found == given.end() ? "" : found->second.origin}}}, key);
  };
  check(*find_key(keys, "gate.kind"));  // says which of the others apply
  for (auto const& key : keys)
    if (key.applies(config)) check(key);
}

}  // namespace moescope
