#include "comm/detail/whereabouts.hpp"

#include "base/region.hpp"

namespace moescope::mpi {

Whereabouts& whereabouts() {
  static Whereabouts whereabouts;
  return whereabouts;
}

std::int64_t Whereabouts::arrive(Group const& group) {
  std::scoped_lock const lock(mutex_);
  return ++arrived_[group.id];
}

void Whereabouts::enter(Group const& group, std::int64_t place, std::string_view exchange) {
  auto const time = now();
  std::scoped_lock const lock(mutex_);
  group_ = &group;
  place_ = place;
  exchange_ = exchange;
  since_ = time;
}

void Whereabouts::leave() {
  auto const time = now();
  std::scoped_lock const lock(mutex_);
  group_ = nullptr;
  since_ = time;
}

std::int64_t Whereabouts::arrived(std::int64_t group_id) const {
  std::scoped_lock const lock(mutex_);
  auto const found = arrived_.find(group_id);
  return found == arrived_.end() ? 0 : found->second;
}

std::optional<Wait> Whereabouts::waiting(double seconds) const {
  std::scoped_lock const lock(mutex_);
  if (group_ == nullptr || now() - since_ < seconds) return {};
  return Wait{*group_, place_, exchange_, since_};
}

Whereabouts::Last Whereabouts::last() const {
  std::scoped_lock const lock(mutex_);
  return {exchange_, group_ != nullptr, now() - since_};
}

}  // namespace moescope::mpi
