#pragma once
#include <string>
#include <vector>

namespace moescope {

/// How far numbers of another implementation may be away, relative to the norm of their tensor.
inline constexpr double forward_limit = 1e-12, gradient_limit = 1e-10;

double norm(std::vector<double> const& values);
/// ||value - reference|| / max(||reference||, `least`): 0 where nothing differs, infinite where sizes differ, where the
/// denominator is zero and where anything is not a number.
double relative_difference(std::vector<double> const& value, std::vector<double> const& reference, double least = 0);

/// Tensors against their reference.
class Comparison {
 public:
  void add(std::string const& name, std::vector<double> const& value, std::vector<double> const& reference, double limit);

  bool passed() const;
  /// A line for each tensor that fails, then one with the worst.
  std::string report() const;

 private:
  struct Entry {
    std::string name;
    double error, limit;
  };
  std::vector<Entry> entries_;
};

}  // namespace moescope
