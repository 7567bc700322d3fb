#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace moescope {

/// Tensors against their reference: ||difference|| / ||reference|| in double (0 where both are exactly zero, infinite where
/// only the reference is, or anything is not a number).
class Comparison {
 public:
  void add(std::string const& name, std::vector<double> const& value, std::vector<double> const& reference, double limit);
  /// Exactly equal integers, such as expert ids; a difference is reported as a flip.
  void add_ids(std::string const& name, std::vector<std::int64_t> const& value, std::vector<std::int64_t> const& reference);

  bool passed() const;
  /// A line a tensor that fails, then one with the worst.
  std::string report() const;

 private:
  struct Entry {
    std::string name;
    double error, limit;
  };
  std::vector<Entry> entries_;
};

}  // namespace moescope
