#pragma once
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/run_config.hpp"

/// The table of every key. Reading, --set, suggestions, JSON and both hashes are loops over it, so a new key is one line.
namespace moescope {

/// One number for all layers, or a list with one number for each.
struct PerLayer {
  std::vector<double>* values;
  std::int64_t const* num_layers;
};
/// One list of expert widths for all layers, or a list of such lists.
struct WidthsPerLayer {
  std::vector<std::vector<std::int64_t>>* values;
  std::int64_t const* num_layers;
};
/// The same of counts by expert, or an empty list where there are none.
struct CountsPerLayer {
  std::vector<std::vector<std::int64_t>>* values;
  std::int64_t const* num_layers;
};
using Integers = std::vector<std::int64_t>;
/// `[[gate.loss]]`; in JSON an object by kind, so that the weight of one is "gate.loss.<kind>.weight".
struct Losses {
  ModelConfig* model;
};
using NamedWeights = std::vector<std::pair<std::string, double>>;
using Member = std::variant<std::int64_t*, std::uint64_t*, double*, bool*, std::string*, DType*, PerLayer, WidthsPerLayer,
                            CountsPerLayer, Integers*, Losses, NamedWeights*>;

/// Interval that a number, or each number of a list, must lie in.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false, high_excluded = false;
  bool contain(double x) const { return (low_excluded ? x > low : x >= low) && (high_excluded ? x < high : x <= high); }
  std::string rule() const;  ///< "must be at least 1"
};

/// What a key decides: the numbers of the run (computation_key), the experiment's cell beyond them (cell_key), or neither.
enum class Decides { numbers, cell, neither };

struct Key {
  std::string path;  ///< "section.name"
  Decides decides;
  Member member;  ///< points into the RunConfig the table was made for
  Limits limits{};
  std::span<std::string_view const> choices{};  ///< of strings and dtypes; empty: any text
  bool required = false;                        ///< must be given where it applies, unless the config already holds a value

  /// Whether it decides anything in this configuration. One that does not is refused where it is given, and in no hash.
  bool applies(RunConfig const& config) const;
};

/// The setting under which a key decides nothing: "gate.kind = \"uniform\""; empty where it applies.
std::string idle_under(std::string_view path, RunConfig const& config);

/// In the order in which values must be read: `model.num_layers` comes before what is given per layer.
std::vector<Key> keys_of(RunConfig& config);

/// Null where there is no such key.
Key const* find_key(std::vector<Key> const& keys, std::string_view path);

nlohmann::json value_of(Key const& key);

/// Nested JSON of the keys that `wanted` accepts, as TOML has them.
template <class Predicate>
nlohmann::json values_of(std::vector<Key> const& keys, Predicate wanted) {
  nlohmann::json values = nlohmann::json::object();
  for (auto const& key : keys) {
    auto const dot = key.path.find('.');
    if (wanted(key)) values[key.path.substr(0, dot)][key.path.substr(dot + 1)] = value_of(key);
  }
  return values;
}

}  // namespace moescope
