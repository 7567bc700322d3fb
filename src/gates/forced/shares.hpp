#pragma once
#include "gates/forced/batch.hpp"

/// Shares of the choices by expert [E], of which counts_of_shares makes counts. Which expert is which is drawn for each layer,
/// where nothing else is said.
namespace moescope::forced {

using Shares = std::vector<double>;

/// `share` on the experts that `is_hot` marks, evenly; the rest on the others, evenly.
Shares hot(std::vector<bool> const& is_hot, double share);
/// The hot experts after `moves` moves of a set of `number`: the layer's order of experts is cut into such sets, one after the
/// other.
std::vector<bool> hot_set(Batch const& batch, std::int64_t layer, std::int64_t number, std::int64_t moves);
/// r^-exponent for the expert of rank r.
Shares zipf(Batch const& batch, std::int64_t layer, double exponent);
/// exp(sigma z), z standard normal.
Shares log_normal(Batch const& batch, std::int64_t layer, double sigma);
/// The Zipf exponent with which the largest count is (1 + max_vio) x the mean count, as near as integers come; found by
/// bisection.
double zipf_exponent_of(Batch const& batch, double max_vio);

}  // namespace moescope::forced
