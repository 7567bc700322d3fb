#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/families/published_router.hpp"

/// What is known of the config.json of each published family whose routers are built.
namespace moescope::families {

using Json = nlohmann::json;
using Names = std::span<std::string_view const>;

/// The fields of one config.json. Each is refused by its name where it has the wrong type or range, and, without a fallback,
/// where it is not there.
class Fields {
 public:
  Fields(Json const& json, std::string const& source) : json_(json), source_(source) {}

  std::int64_t count(char const* name, std::int64_t least = 1) const;
  bool flag(char const* name, bool fallback) const;
  double number(char const* name, double fallback = std::numeric_limits<double>::quiet_NaN()) const;
  /// Numbers of layers; nothing where the field is absent or null.
  std::optional<std::vector<std::int64_t>> layers(char const* name) const;
  /// A count under its name or, in files of other versions, another one.
  std::int64_t count_of_either(char const* name, char const* other) const;
  /// Must have this value where it is there.
  void fixed(char const* name, Json const& value) const;

  [[noreturn]] void refuse(std::string_view name, std::string const& rule) const;
  /// Refuses what nobody asked for and no list names.
  void refuse_others(Names of_other_parts) const;

 private:
  Json const* find(char const* name) const;

  Json const& json_;
  std::string source_;
  mutable std::set<std::string, std::less<>> asked_;
};

struct Family {
  std::string_view model_type;
  void (*read)(Fields const&, PublishedRouter&);
  Names of_other_parts;  ///< beside those of `every_family`: change nothing between a router's input and its decisions
};
Names every_family();
inline constexpr std::int64_t most_layers = 10000;

/// (i + 1) % decoder_sparse_step == 0 without mlp_only_layers (Qwen).
std::vector<std::int64_t> sparse_layers(Fields const& fields);
std::vector<std::int64_t> all_layers(Fields const& fields);

/// SwiGLU experts as wide as the field says, under `prefix` + "<expert>." + gate, up, down + ".weight".
PublishedExperts separate_experts(Fields const& fields, char const* width, std::string const& prefix,
                                  std::array<std::string_view, 3> names = {"gate_proj", "up_proj", "down_proj"});
/// Of all experts in one tensor: `prefix` + gate_up_proj and down_proj.
PublishedExperts fused_experts(Fields const& fields, char const* width, std::string const& prefix, PublishedExperts::Form form);

void read_mixtral(Fields const&, PublishedRouter&);
void read_qwen_moe(Fields const&, PublishedRouter&);
void read_qwen3_next(Fields const&, PublishedRouter&);
void read_qwen3_5_moe(Fields const&, PublishedRouter&);
void read_olmoe(Fields const&, PublishedRouter&);
void read_gpt_oss(Fields const&, PublishedRouter&);
void read_llama4(Fields const&, PublishedRouter&);
void read_deepseek_v3(Fields const&, PublishedRouter&);
void read_switch_transformers(Fields const&, PublishedRouter&);

}  // namespace moescope::families
