#pragma once
#include <array>
#include <string_view>
#include <vector>

namespace moescope {

/// Seconds of a monotonic clock.
double now();

/// Named phases of a step, in the order of the `/phase` scale. Times are exclusive: a region entered inside another
/// pauses it, so phases of one rank never overlap and their sum is at most the step.
enum class Phase {
  data,
  embedding,
  attention,
  gate,
  dispatch,
  experts,
  combine,
  head,
  communication,
  gradients,
  optimizer,
  checks,
  record
};
inline constexpr std::array<std::string_view, 13> phase_names = {
    "data", "embedding",     "attention", "gate",      "dispatch", "experts", "combine",
    "head", "communication", "gradients", "optimizer", "checks",   "record"};

/// Per-process accumulator of exclusive phase seconds. With `fenced` (phased mode) each boundary fences the device;
/// without it the boundaries cost nothing and the seconds stay zero. Kokkos Tools see the regions in both modes.
class PhaseClock {
 public:
  void set_fenced(bool fenced) { fenced_ = fenced; }
  bool fenced() const { return fenced_; }
  /// Seconds per phase since the last call, [phase_names.size()]; resets them.
  std::vector<double> take();

  void enter(Phase phase);
  void leave();

 private:
  void charge();
  bool fenced_ = false;
  double since_ = 0;
  std::vector<Phase> stack_;
  std::array<double, phase_names.size()> seconds_{};
};

PhaseClock& phase_clock();

/// Scope of a phase.
class Region {
 public:
  explicit Region(Phase phase) { phase_clock().enter(phase); }
  ~Region() { phase_clock().leave(); }
  Region(Region const&) = delete;
  Region& operator=(Region const&) = delete;
};

}  // namespace moescope
