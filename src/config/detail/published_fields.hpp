#pragma once
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

/// What is known of the fields of LLaMA-MoE's config.json (LlamaMoEConfig, LlamaMoEResidualConfig). A field is honoured, has one
/// supported value, or changes no number; any other is refused, since what it changes would be lost.
namespace moescope::published {

/// A field and our key. `fallback` is the published code's default; discarded: must be there.
struct Field {
  char const* name;
  char const* path;
  nlohmann::json fallback = nlohmann::json(nlohmann::json::value_t::discarded);
};
std::vector<Field> const& common_fields();
std::vector<Field> const& plain_fields();
std::vector<Field> const& residual_fields();

/// A field with one supported value, which is also meant where the field is absent.
struct Fixed {
  char const* name;
  nlohmann::json value;
};
std::vector<Fixed> const& fixed_fields();

/// Read by rules of their own: type of model, gate, rotary embedding and padding.
std::span<std::string_view const> fields_with_rules();

/// Change no number that we compute: what the file was written by, special tokens, caches and outputs of a generating program.
std::span<std::string_view const> harmless_fields();

}  // namespace moescope::published
