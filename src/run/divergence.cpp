#include "run/divergence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moescope {

namespace {

std::string sentence(std::string const& what, RunConfig const& config) {
  return fmt::format(
      "the training diverged: {}; a smaller optimizer.learning_rate (now {}), or clipping by optimizer.clip_norm (now {}), may "
      "help",
      what, config.optimizer.learning_rate, config.optimizer.clip_norm);
}

}  // namespace

std::string divergence(StepReport const& report, RunConfig const& config) {
  bool const gradient_counts = config.train.mode == "train";
  if (std::isfinite(report.loss_total) && (!gradient_counts || std::isfinite(report.gradient_norm))) return "";
  return sentence(fmt::format("loss {} and gradient norm {} in step {}", report.loss_total, report.gradient_norm, report.step),
                  config);
}

std::string divergence(EvaluationReport const& report, RunConfig const& config) {
  auto const found = std::find_if(report.loss.begin(), report.loss.end(), [](double loss) { return !std::isfinite(loss); });
  if (found == report.loss.end()) return "";
  return sentence(
      fmt::format("held-out loss {} of domain {} after {} steps", *found, found - report.loss.begin(), report.at_step), config);
}

template <class T>
std::string divergence(Trainer<T>& trainer, std::int64_t steps_done) {
  std::int64_t not_numbers = 0;
  for (auto const& values : trainer.state().values.group) {
    std::int64_t count = 0;
    Kokkos::parallel_reduce(
        "run::not_numbers", Kokkos::RangePolicy<ExecSpace, Kokkos::IndexType<std::int64_t>>(0, std::int64_t(values.size())),
        KOKKOS_LAMBDA(std::int64_t const i, std::int64_t& sum) { sum += Kokkos::isfinite(values(i)) ? 0 : 1; }, count);
    not_numbers += count;
  }
  not_numbers = trainer.model().mesh().world().sum(not_numbers);
  if (not_numbers == 0) return "";
  return sentence(fmt::format("{} parameters are no finite numbers after {} steps", not_numbers, steps_done), trainer.config());
}

void end_if_diverged(std::string const& reason, Recorder& recorder) {
  if (reason.empty()) return;
  recorder.finish("failed", reason);
  throw AgreedError(reason);
}

#define MOESCOPE_INSTANTIATE(T) template std::string divergence<T>(Trainer<T>&, std::int64_t);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
