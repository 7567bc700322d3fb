#pragma once

/// Included before everything else: sums of floats are kept in double, so that a float stands for a type that is narrower than
/// its sums.
namespace moescope {
template <class T>
struct AccumulateType;
template <>
struct AccumulateType<float> {
  using type = double;
};
}  // namespace moescope
