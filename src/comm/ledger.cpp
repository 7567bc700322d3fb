#include "comm/ledger.hpp"

#include <stdexcept>
#include <utility>

namespace moescope {

Ledger::Ledger(std::vector<traffic::Collective> collectives)
    : collectives_(std::move(collectives)), entries_(collectives_.size()) {
  for (std::size_t i = 0; i < collectives_.size(); ++i) {
    if (!index_.emplace(collectives_[i].name, i).second)
      throw std::logic_error("ledger: collective '" + collectives_[i].name + "' is listed twice");
  }
}

std::size_t Ledger::index(std::string_view collective, Axis axis, traffic::Operation operation) const {
  auto const asked = std::string(collective) + "' (" + traffic::name(operation) + " over " + name(axis) + ")";
  auto const found = index_.find(collective);
  if (found == index_.end()) throw std::logic_error("ledger: this configuration has no exchange '" + asked);
  auto const& listed = collectives_[found->second];
  if (listed.axis != axis || listed.operation != operation)
    throw std::logic_error("ledger: exchange '" + asked + " is listed as " + traffic::name(listed.operation) + " over " +
                           name(listed.axis));
  return found->second;
}

void Ledger::append(std::string_view collective, Axis axis, traffic::Operation operation, LedgerEntry const& entry) {
  auto& sum = entries_[index(collective, axis, operation)];
  sum.volume.payload_bytes += entry.volume.payload_bytes;
  sum.volume.messages += entry.volume.messages;
  sum.volume.calls += entry.volume.calls;
  sum.wait_seconds += entry.wait_seconds;
  sum.transfer_seconds += entry.transfer_seconds;
}

std::vector<LedgerEntry> Ledger::take() {
  stamps_.clear();
  return std::exchange(entries_, std::vector<LedgerEntry>(collectives_.size()));
}

}  // namespace moescope
