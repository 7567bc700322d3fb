#include "base/region.hpp"

#include <Kokkos_Core.hpp>
#include <chrono>
#include <string>

namespace moescope {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

PhaseClock& phase_clock() {
  static PhaseClock clock;
  return clock;
}

void PhaseClock::charge() {
  if (!fenced_) return;
  Kokkos::fence("base::phase boundary");
  double const time = now();
  if (!stack_.empty()) seconds_[std::size_t(stack_.back())] += time - since_;
  since_ = time;
}

void PhaseClock::enter(Phase phase) {
  charge();
  stack_.push_back(phase);
  Kokkos::Profiling::pushRegion("moescope::" + std::string(phase_names[std::size_t(phase)]));
}

void PhaseClock::leave() {
  charge();
  stack_.pop_back();
  Kokkos::Profiling::popRegion();
}

std::vector<double> PhaseClock::take() {
  std::vector<double> const taken(seconds_.begin(), seconds_.end());
  seconds_.fill(0);
  return taken;
}

}  // namespace moescope
