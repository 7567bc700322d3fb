#include <fmt/format.h>

#include "base/error.hpp"
#include "config/key.hpp"
#include "files/sha256.hpp"
#include "files/strict_json.hpp"

namespace moescope {
namespace {

std::string text_of(nlohmann::json const& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

/// Weights of domains as shares: what is drawn from a domain follows from their ratio, and nothing from one of weight 0.
void normalise_weights(nlohmann::json& values) {
  if (!values.contains("data") || !values["data"].is_object() || !values["data"].contains("weights")) return;
  auto& weights = values["data"]["weights"];
  double sum = 0;
  for (auto const& weight : weights) sum += weight.is_number() ? weight.get<double>() : 0;
  auto shares = nlohmann::json::object();
  for (auto const& [domain, weight] : weights.items())
    if (weight != 0) shares[domain] = weight.is_number() ? nlohmann::json(weight.get<double>() / sum) : weight;
  weights = std::move(shares);
}

nlohmann::json values_that_decide(RunConfig config, Decides what) {
  auto values = values_of(keys_of(config), [&](Key const& key) { return key.decides == what && key.applies(config); });
  normalise_weights(values);
  return values;
}

/// Of the keys that decide the numbers, with the length of the run replaced by what it decides.
nlohmann::json values_of_a_step(nlohmann::json values) {
  auto const steps = values["train"].value("steps", nlohmann::json());
  values["train"].erase("steps");
  if (!values.contains("optimizer")) return values;
  auto& optimizer = values["optimizer"];
  if (optimizer.value("schedule_steps", nlohmann::json()) == 0) optimizer["schedule_steps"] = steps;
  return values;
}

}  // namespace

std::vector<Difference> differing_numbers(RunConfig const& config, std::string const& other_json, std::string const& source) {
  auto other = parse_strict_json(other_json, source);
  for (auto const* section : {"optimizer", "train"})
    if (!other.is_object() || !other.contains(section) || !other[section].is_object())
      throw UserError(fmt::format("{}: the configuration in it has no section '{}'.", source, section));
  normalise_weights(other);
  other = values_of_a_step(std::move(other));
  auto const mine = values_of_a_step(values_that_decide(config, Decides::numbers));
  std::vector<Difference> found;
  for (auto const& [section, values] : mine.items()) {
    for (auto const& [name, value] : values.items()) {
      auto const before = other.contains(section) && other[section].is_object() ? other[section].value(name, value) : value;
      if (before != value) found.push_back({fmt::format("{}.{}", section, name), text_of(value), text_of(before)});
    }
  }
  return found;
}

std::string to_json(RunConfig const& config) {
  auto copy = config;
  return text_of(values_of(keys_of(copy), [](Key const&) { return true; }));
}

std::string computation_key(RunConfig const& config, std::string const& data_fingerprint) {
  auto values = values_that_decide(config, Decides::numbers);
  values["data"]["fingerprint"] = data_fingerprint;
  return sha256_hex(text_of(values));
}

std::string cell_key(RunConfig const& config, std::int64_t threads, std::string const& build,
                     std::string const& data_fingerprint) {
  auto values = values_that_decide(config, Decides::cell);
  values["computation"] = computation_key(config, data_fingerprint);
  values["threads"] = threads;
  values["build"] = build;
  return sha256_hex(text_of(values));
}

}  // namespace moescope
