#include "run/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/region.hpp"
#include "run/worst_imbalance.hpp"

namespace moescope {

namespace {

constexpr double seconds_between_rewritings = 0.2;

std::string minutes(double seconds) { return fmt::format("{}:{:02}", long(seconds) / 60, long(seconds) % 60); }

}  // namespace

Progress::Progress(std::int64_t first_step, std::int64_t steps, ProgressForm form, std::int64_t seconds)
    : first_step_(first_step),
      steps_(steps),
      form_(form),
      seconds_(form == ProgressForm::lines ? double(seconds) : seconds_between_rewritings),
      begin_(now()) {}

Progress::~Progress() {
  if (form_ == ProgressForm::status_line) std::fputs("\r\033[K", stderr);
  std::fputs(held_back_.c_str(), stderr);
}

bool Progress::due(std::int64_t done) {
  auto const time = now();
  if (done > first_step_ + 1 && done < steps_ && time < next_) return false;
  next_ = time + seconds_;
  return true;
}

std::string Progress::line(RunConfig const& config, StepReport const& report) const {
  auto const done = report.step + 1;
  auto const elapsed = now() - begin_, done_here = double(done - first_step_);
  return fmt::format("step {}/{}  loss {:.4f}  {:.0f} tokens/s  imbalance {:.2f}  {} left", done, steps_,
                     report.loss_cross_entropy, done_here * double(report.tokens) / elapsed, worst_imbalance(config, report),
                     minutes(elapsed / done_here * double(steps_ - done)));
}

void Progress::show(RunConfig const& config, StepReport const& report) {
  if (form_ == ProgressForm::silent) return;
  bool const is_due = due(report.step + 1);
  if (form_ == ProgressForm::status_line) {
    if (is_due) std::fputs(fmt::format("\r{} \033[K", line(config, report)).c_str(), stderr);
    return;
  }
  held_back_ = line(config, report) + "\n";
  if (is_due) std::fputs(std::exchange(held_back_, {}).c_str(), stderr);
}

ProgressForm progress_form(ProgressChoice const& choice, int rank) {
  if (rank != 0 || choice.choice == "never") return ProgressForm::silent;
  if (choice.choice == "lines") return ProgressForm::lines;
  bool const shown = choice.choice == "always" || isatty(STDERR_FILENO);
  return shown ? ProgressForm::status_line : ProgressForm::silent;
}

}  // namespace moescope
