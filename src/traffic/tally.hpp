#pragma once
#include <string_view>
#include <vector>

#include "traffic/traffic.hpp"

namespace moescope::traffic {

/// Adds up one rank's calls per collective. A collective that the configuration does not execute is left out.
class Tally {
 public:
  Tally(RunConfig const& config, Layout const& layout, std::int64_t rank);

  /// `calls` calls of a buffer of `bytes` each; not for all_to_all.
  void add(std::string_view name, std::int64_t calls, std::int64_t bytes);
  /// One all_to_all over ep that sends rows[i] of `row_bytes` to group member i.
  void add_rows(std::string_view name, std::vector<std::int64_t> const& rows, std::int64_t row_bytes);

  std::vector<Volume> const& volumes() const { return volumes_; }

 private:
  std::size_t find(std::string_view name) const;

  Layout const& layout_;
  std::int64_t ep_rank_;
  std::vector<Collective> collectives_;
  std::vector<Volume> volumes_;
};

}  // namespace moescope::traffic
