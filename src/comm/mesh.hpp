#pragma once
#include <array>

#include "comm/communicator.hpp"
#include "comm/ledger.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// This rank's communicators along every axis, and its ledger.
class Mesh {
 public:
  /// Collective over `world`, whose size must be layout.ranks(). A reduction of more than `reduction_bytes`, a multiple of 8,
  /// goes in pieces of that size.
  Mesh(Communicator world, Layout const& layout, std::vector<traffic::Collective> collectives,
       std::int64_t reduction_bytes = traffic::largest_reduction_bytes);
  Mesh(Mesh const&) = delete;
  Mesh& operator=(Mesh const&) = delete;

  Layout const& layout() const { return layout_; }
  int rank() const { return world_.rank(); }
  Communicator const& world() const { return world_; }
  Communicator const& group(Axis axis) const { return groups_[std::size_t(axis)]; }
  Ledger& ledger() { return ledger_; }
  Ledger const& ledger() const { return ledger_; }
  /// By its name (traffic::names), to be kept by the caller: look-ups are for construction, not for steps. std::logic_error
  /// naming it when no configuration has such an exchange.
  ExchangeId exchange(std::string_view name) const { return ledger_.exchange(name); }

  std::int64_t reduction_bytes() const { return reduction_bytes_; }

  /// Phased: each exchange fences, waits at a barrier of its own group, then runs; free: neither.
  void set_phased(bool phased) { phased_ = phased; }
  bool phased() const { return phased_; }
  /// Seconds that this rank's clock is ahead of rank 0's, for the stamps of free mode; 0 until it is set.
  void set_clock_offset(double seconds) { clock_offset_ = seconds; }
  double clock_offset() const { return clock_offset_; }

 private:
  Layout layout_;
  Communicator world_;
  std::vector<Communicator> groups_;
  Ledger ledger_;
  std::int64_t const reduction_bytes_;
  bool phased_ = false;
  double clock_offset_ = 0;
};

}  // namespace moescope
