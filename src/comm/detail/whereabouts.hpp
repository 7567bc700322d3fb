#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"

/// Private to `comm`: which exchange this rank is in. Written by the thread that exchanges, read by the watchdog's.
namespace moescope::mpi {

/// A rank's wait in one exchange.
struct Wait {
  Group group;
  std::int64_t place = 0;  ///< of the exchange among those of its group, from 1
  std::string exchange;
  double since = 0;  ///< now() at its begin
};

class Whereabouts {
 public:
  /// This rank puts its part into the next exchange of `group`; returns the exchange's place.
  std::int64_t arrive(Group const& group);
  void enter(Group const& group, std::int64_t place, std::string_view exchange);
  void leave();

  /// Place of the last exchange that this rank arrived at in the group with this id.
  std::int64_t arrived(std::int64_t group_id) const;
  /// The present wait if it has lasted at least `seconds`.
  std::optional<Wait> waiting(double seconds) const;
  /// The exchange that this rank is in, or was in last, and for how long it has been in or out of it.
  struct Last {
    std::string exchange;
    bool inside = false;
    double seconds = 0;
  };
  Last last() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> arrived_;
  Group const* group_ = nullptr;  ///< null outside
  std::int64_t place_ = 0;
  std::string exchange_;
  double since_ = 0;
};

Whereabouts& whereabouts();

/// Scope of a wait in one exchange.
class Waiting {
 public:
  Waiting(Communicator const& communicator, std::string_view exchange)
      : Waiting(communicator, whereabouts().arrive(communicator.group()), exchange) {}
  /// In an exchange that was posted before.
  Waiting(Communicator const& communicator, std::int64_t place, std::string_view exchange) {
    whereabouts().enter(communicator.group(), place, exchange);
  }
  ~Waiting() { whereabouts().leave(); }
  Waiting(Waiting const&) = delete;
  Waiting& operator=(Waiting const&) = delete;
};

}  // namespace moescope::mpi
