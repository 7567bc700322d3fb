#pragma once
#include <filesystem>
#include <string>

#include "record/run_file.hpp"

/// Reports that a run of four ranks on two hosts could have made, without running one.
namespace moescope::testing {

/// 2 layers, 4 experts, top 2, tp 2, ep 2, etp 2 on 4 ranks; 2 micro-steps; evaluations after 0 and `steps` steps.
RunFileSetup synthetic_setup(std::int64_t steps = 5);

/// Three energy counters on two hosts: 62 J in step 0 and one more in each that follows. Counts that differ in every step, layer,
/// rank and expert; volumes and rows as `traffic` computes them; every time, loss and norm a distinct number of step and rank.
StepReport synthetic_step(RunFileSetup const& setup, std::int64_t step);
EvaluationReport synthetic_evaluation(RunFileSetup const& setup, std::int64_t at_step);

/// Choices of `rank` for `expert` in one micro-step, before and after dropping.
std::int64_t synthetic_routed(std::int64_t step, std::int64_t layer, std::int64_t rank, std::int64_t expert);
std::int64_t synthetic_processed(std::int64_t step, std::int64_t layer, std::int64_t rank, std::int64_t expert);

/// What a token of a step chooses where `record.choices` is set: 2 distinct experts, or 0 to 4 by force or gate. The counts of a
/// step before dropping are then those of its tokens.
std::vector<std::int64_t> synthetic_choices(RunFileSetup const& setup, std::int64_t step, std::int64_t layer, std::int64_t token);

/// A folder that is empty at first and gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  std::string operator/(std::string const& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Writes all steps and evaluations of `setup` and finishes; returns the path of the file as it is then.
std::string write_synthetic_run(std::string const& path, RunFileSetup const& setup, std::string const& status = "complete");

/// The sentence of the UserError that `action` ends with; empty if it ends with none.
template <class Action>
std::string refusal(Action&& action);

}  // namespace moescope::testing

#include "base/error.hpp"

template <class Action>
std::string moescope::testing::refusal(Action&& action) {
  try {
    action();
  } catch (UserError const& error) {
    return error.what();
  }
  return "";
}
