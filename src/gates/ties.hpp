#pragma once
#include <cmath>
#include <limits>

namespace moescope::gates {

/// By which scores (affinities, weights) of different tokens are compared: a multiple of 2^-40, so that tokens which are alike
/// but for rounding in double precision tie, unless they lie on both sides of the middle of two multiples; what is no number
/// comes last. The first tokens of a sequence, where they are the same token, are such ones: attention over equal rows gives that
/// row but for rounding.
inline double rank_of(double score) {
  return std::isnan(score) ? -std::numeric_limits<double>::infinity() : std::nearbyint(std::ldexp(score, 40));
}

}  // namespace moescope::gates
