#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "traffic/traffic.hpp"

namespace moescope {

/// What this rank put into one collective since the last take().
struct LedgerEntry {
  traffic::Volume volume;
  double wait_seconds = 0;      ///< phased: in the barrier before it; free: NaN (not separable)
  double transfer_seconds = 0;  ///< phased: the collective alone; free: from start to the end of wait()
};

/// Counts every exchange of this rank at the only door. Knows the list of exchanges that the configuration allows: one
/// with an unknown name, or over another axis or operation than listed, is a programmer's error.
class Ledger {
 public:
  explicit Ledger(std::vector<traffic::Collective> collectives);

  std::vector<traffic::Collective> const& collectives() const { return collectives_; }
  /// Position of a collective on the list; std::logic_error naming it when it is not there with this axis and operation.
  std::size_t index(std::string_view name, Axis axis, traffic::Operation operation) const;
  void append(std::string_view name, Axis axis, traffic::Operation operation, LedgerEntry const& entry);
  /// [collectives] since the last call; take() before and after an evaluation keeps it apart from the steps.
  std::vector<LedgerEntry> take();

 private:
  std::vector<traffic::Collective> collectives_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<LedgerEntry> entries_;
};

}  // namespace moescope
