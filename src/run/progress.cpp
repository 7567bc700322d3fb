#include "run/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>

#include "base/region.hpp"
#include "metrics/imbalance.hpp"

namespace moescope {

namespace {

/// Largest max/mean over the routers of the choices of all ranks.
double worst_imbalance(StepReport const& report, std::int64_t num_experts) {
  std::vector<std::int64_t> routed;
  for (auto const& rank : report.ranks) {
    routed.resize(rank.routed.size());
    for (std::size_t i = 0; i < routed.size(); ++i) routed[i] += rank.routed[i];
  }
  double worst = 0;
  for (std::size_t begin = 0; begin < routed.size(); begin += std::size_t(num_experts)) {
    worst = std::max(worst, metrics::max_over_mean(std::span(routed).subspan(begin, std::size_t(num_experts))));
  }
  return worst;
}

std::string minutes(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%d:%02d", int(seconds) / 60, int(seconds) % 60);
  return text;
}

}  // namespace

Progress::Progress(std::int64_t first_step, std::int64_t steps, bool shown)
    : first_step_(first_step), steps_(steps), shown_(shown), begin_(now()) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::show(StepReport const& report, std::int64_t num_experts) {
  auto const done = report.step + 1;
  auto const time = now();
  if (!shown_ || (time - last_ < 0.2 && done < steps_)) return;
  last_ = time;
  auto const elapsed = time - begin_;
  auto const done_here = double(done - first_step_);
  std::fprintf(stderr, "\rstep %ld/%ld  loss %.4f  %.0f tokens/s  imbalance %.2f  %s left \033[K", long(done), long(steps_),
               report.loss_cross_entropy, done_here * double(report.tokens) / elapsed, worst_imbalance(report, num_experts),
               minutes(elapsed / done_here * double(steps_ - done)).c_str());
  std::fflush(stderr);
}

bool progress_shown(std::string const& choice, int rank) {
  return rank == 0 && (choice == "always" || (choice == "auto" && isatty(STDERR_FILENO)));
}

}  // namespace moescope
