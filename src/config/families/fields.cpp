#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "config/detail/published_fields.hpp"
#include "config/families/family.hpp"

namespace moescope::families {

namespace {

std::string text_of(Json const& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_in(Names names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

bool is_count(Json const& value, std::int64_t least) { return value.is_number_integer() && value >= least && value <= INT32_MAX; }

}  // namespace

void Fields::refuse(std::string_view name, std::string const& rule) const {
  auto const found = json_.find(name);
  if (found == json_.end()) throw UserError(fmt::format("{}: {} is missing", source_, name));
  throw UserError(fmt::format("{}: {} = {} {}", source_, name, text_of(*found), rule));
}

Json const* Fields::find(char const* name) const {
  asked_.insert(name);
  auto const found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::int64_t Fields::count(char const* name, std::int64_t least) const {
  auto const* value = find(name);
  if (!value || !is_count(*value, least)) refuse(name, fmt::format("must be a whole number from {} on", least));
  return value->get<std::int64_t>();
}

bool Fields::flag(char const* name, bool fallback) const {
  auto const* value = find(name);
  if (value && !value->is_boolean()) refuse(name, "must be true or false");
  return value ? value->get<bool>() : fallback;
}

double Fields::number(char const* name, double fallback) const {
  auto const* value = find(name);
  if (!value && !std::isnan(fallback)) return fallback;
  if (!value || !value->is_number() || !std::isfinite(value->get<double>())) refuse(name, "must be a number");
  return value->get<double>();
}

std::optional<std::vector<std::int64_t>> Fields::layers(char const* name) const {
  auto const* value = find(name);
  if (!value) return std::nullopt;
  auto const valid = [](Json const& entry) { return is_count(entry, 0); };
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), valid)) refuse(name, "must list numbers of layers");
  auto all = value->get<std::vector<std::int64_t>>();
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::int64_t Fields::count_of_either(char const* name, char const* other) const {
  bool const has_name = find(name), has_other = find(other);
  if (!has_other) return count(name);
  if (has_name && count(name) != count(other)) refuse(other, fmt::format("contradicts {} = {}", name, count(name)));
  return count(other);
}

void Fields::fixed(char const* name, Json const& value) const {
  asked_.insert(name);
  auto const found = json_.find(name);
  if (found != json_.end() && *found != value) refuse(name, fmt::format("is not supported; only {}", value.dump()));
}

void Fields::refuse_others(Names of_other_parts) const {
  for (auto const& [name, value] : json_.items()) {
    bool const known = asked_.contains(name) || name == "model_type" || is_in(of_other_parts, name) ||
                       is_in(every_family(), name) || is_in(published::harmless_fields(), name);
    if (!known)
      refuse(name, fmt::format("is no known field of {}; take it out if it changes no number", text_of(json_["model_type"])));
  }
}

}  // namespace moescope::families
