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
  double wait_seconds = 0;      ///< phased: in the barrier before it; free: 0 until separate_waiting()
  double transfer_seconds = 0;  ///< phased: the collective alone; free: 0 until separate_waiting()
};

/// When this rank came to an exchange and left it, on its own clock, and with which members of the group it exchanged rows.
struct Stamp {
  std::size_t collective;
  Axis axis;
  std::int64_t place;  ///< of the exchange among those of its group, the same on every member
  double entry, exit;
  std::vector<bool> with_rows;  ///< [group]; empty: with all
  bool exchanges_with(std::size_t member) const { return with_rows.empty() || with_rows[member]; }
};

/// An exchange by which it is started and counted. Handed out once by Mesh::exchange, and good for the life of the mesh. One
/// that this configuration does not execute has an id as well, which no group of several ranks may use.
class ExchangeId {
 public:
  std::string_view name() const { return collective_->name; }
  Axis axis() const { return collective_->axis; }
  traffic::Operation operation() const { return collective_->operation; }
  bool listed() const { return index_ != not_listed; }
  /// Position on the `/collective` scale. std::logic_error naming the exchange when it is not listed.
  std::size_t index() const;
  /// std::logic_error naming the exchange where it is another one than `operation`.
  void check(traffic::Operation operation) const;

 private:
  friend class Ledger;
  static constexpr auto not_listed = std::size_t(-1);
  ExchangeId(traffic::Collective const& collective, std::size_t index) : collective_(&collective), index_(index) {}
  traffic::Collective const* collective_;
  std::size_t index_;
};

/// Counts every exchange of this rank at the only door, by the list of exchanges that the configuration executes.
class Ledger {
 public:
  explicit Ledger(std::vector<traffic::Collective> collectives);
  Ledger(Ledger const&) = delete;
  Ledger& operator=(Ledger const&) = delete;

  std::vector<traffic::Collective> const& collectives() const { return collectives_; }
  /// std::logic_error naming it when no configuration has such an exchange.
  ExchangeId exchange(std::string_view name) const;
  void append(ExchangeId const& exchange, LedgerEntry const& entry);
  /// Free mode: one for each call, in order.
  void add(Stamp stamp) { stamps_.push_back(std::move(stamp)); }
  std::vector<Stamp> const& stamps() const { return stamps_; }
  /// [collectives] since the last call, whose stamps are dropped; take() before and after an evaluation keeps it apart from the
  /// steps.
  std::vector<LedgerEntry> take();

 private:
  std::vector<traffic::Collective> const collectives_;
  std::map<std::string_view, std::size_t> index_;
  std::vector<LedgerEntry> entries_;
  std::vector<Stamp> stamps_;
};

}  // namespace moescope
