#pragma once
#include <deque>

#include "record/hdf5/file.hpp"
#include "record/rows.hpp"

namespace moescope::record {

/// Choices by router and expert of the last steps: what a step is compared with.
class LoadHistory {
 public:
  LoadHistory(std::int64_t routers, std::int64_t experts) : routers_(std::size_t(routers)), experts_(std::size_t(experts)) {}

  /// counts [L,E] of the next step.
  void add(std::vector<std::int64_t> counts);
  /// What is derived of the last step and those before it.
  Rows derived_rows() const;

 private:
  std::vector<double> drift() const;
  std::vector<double> dead_fractions() const;

  std::size_t routers_, experts_;
  std::deque<std::vector<std::int64_t>> last_;
};

/// That after the first `steps` steps of a file.
LoadHistory load_history(hdf5::File const& file, ModelConfig const& model, std::int64_t steps);

}  // namespace moescope::record
