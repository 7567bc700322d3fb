#pragma once
#include <string>
#include <vector>

namespace moescope {

/// Tensors against their reference: ||difference|| / ||reference|| in double (0 where both are exactly zero, infinite where
/// only the reference is, or anything is not a number).
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
