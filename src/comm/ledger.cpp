#include "comm/ledger.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace moescope {

namespace {

std::string described(ExchangeId const& exchange) {
  return "'" + std::string(exchange.name()) + "' (" + traffic::name(exchange.operation()) + " over " + name(exchange.axis()) +
         ")";
}

}  // namespace

std::size_t ExchangeId::index() const {
  if (!listed()) throw std::logic_error("ledger: this configuration has no exchange " + described(*this));
  return index_;
}

void ExchangeId::check(traffic::Operation operation) const {
  if (this->operation() != operation)
    throw std::logic_error("ledger: exchange " + described(*this) + " is started as " + traffic::name(operation));
}

Ledger::Ledger(std::vector<traffic::Collective> collectives)
    : collectives_(std::move(collectives)), entries_(collectives_.size()) {
  for (std::size_t i = 0; i < collectives_.size(); ++i) {
    if (!index_.emplace(collectives_[i].name, i).second)
      throw std::logic_error("ledger: collective '" + collectives_[i].name + "' is listed twice");
  }
}

ExchangeId Ledger::exchange(std::string_view name) const {
  if (auto const found = index_.find(name); found != index_.end()) return {collectives_[found->second], found->second};
  auto const& every = traffic::every_collective();
  auto const known = std::find_if(every.begin(), every.end(), [&](auto const& each) { return each.name == name; });
  if (known == every.end()) throw std::logic_error("ledger: there is no exchange '" + std::string(name) + "'");
  return {*known, ExchangeId::not_listed};
}

void Ledger::append(ExchangeId const& exchange, LedgerEntry const& entry) {
  auto& sum = entries_[exchange.index()];
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
