#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "files/appended_lines.hpp"
#include "record/run_file.hpp"
#include "run/signals.hpp"

namespace moescope {

/// `run --log`: a line of JSON for each step and event, in the form and, where it has them, with the key names of MLPerf's
/// logging (docs/watching_a_run.md). Rank 0 alone has one. A line that cannot be written ends the log with a notice, not the run.
class EventLog {
 public:
  /// Throws UserError where the lines cannot be added to `path`, or it is the file of the run itself.
  EventLog(std::string const& path, std::string const& run_file);
  /// Of a run that began and did not say how it ended, it says that.
  ~EventLog();

  /// Configuration and layout. Throws UserError where there is no room for them.
  void run_begins(RunFileSetup const& setup);
  void step(StepReport const& report);
  void evaluation(EvaluationReport const& report);
  void checkpoint(std::int64_t steps_done, std::string const& folder);
  void signal(std::int64_t steps_done, Request request);
  /// As RunFile::finish.
  void run_ends(std::string const& status, std::string const& reason);

 private:
  /// Steps done, and sequences in them, then `others`.
  nlohmann::ordered_json at(std::int64_t steps_done, nlohmann::ordered_json const& others) const;
  void add(char const* type, char const* key, nlohmann::ordered_json const& value, nlohmann::ordered_json const& metadata);

  std::optional<AppendedLines> lines_;  ///< empty once one could not be written
  RunConfig config_;
  std::vector<std::string> domains_;
  bool running_ = false;
};

}  // namespace moescope
