#pragma once
#include <string>
#include <vector>

#include "record/hdf5/file.hpp"

/// The one table from which a run file is made, and with which documentation and tests are compared.
namespace moescope::schema {

inline constexpr std::int64_t version = 1;

/// One dataset. `dims` are names of the dimension scales at the root; a scale is a dataset whose only dim is itself.
struct DatasetSpec {
  std::string path;
  std::vector<std::string> dims;  ///< empty: scalar
  hdf5::Type type;
  std::string units, long_name;

  bool is_scale() const { return dims.size() == 1 && path == "/" + dims[0]; }
};

/// Every dataset of a run file, scales first.
std::vector<DatasetSpec> const& datasets();

/// Words that several files share; the measures of imbalance are metrics::imbalance_measures.
inline constexpr char const* imbalance_levels[] = {"expert", "rank", "node"};
inline constexpr char const* flop_numerators[] = {"megatron_causal", "non_causal", "six_n_active", "six_n_total", "executed"};
inline constexpr char const* peak_denominators[] = {"stated", "measured"};
inline constexpr char const* peer_classes[] = {"self", "node", "remote"};
inline constexpr std::size_t dead_window = 10;  ///< steps of /derived/dead_fraction_over_window
inline constexpr char const* statistics[] = {"value", "median", "interval_low", "interval_high", "n"};

}  // namespace moescope::schema
