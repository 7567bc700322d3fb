#pragma once
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "record/run_file.hpp"
#include "run/event_log.hpp"

namespace moescope {

/// The run file on rank 0, whose failures every rank learns of, and the log of events where there is one. Calls are collective,
/// but for path() and failure(), which are empty on other ranks.
class Recorder {
 public:
  /// `log`: on rank 0, if wanted; it outlives the recorder.
  Recorder(Communicator const& world, RunFileSetup const& setup, EventLog* log);

  void add_provenance(std::string const& name, std::string const& value);
  /// False when a check of this step, or one before, failed.
  bool write(StepReport const& report);
  void write(EvaluationReport const& report);
  /// `sentence`, on rank 0, says what a check of the run found wrong; empty where it held. The first one is kept. False when
  /// there is one.
  bool check(std::string const& sentence);
  void synchronise();
  /// The log alone.
  void tell_of_checkpoint(std::int64_t steps_done, std::string const& folder);
  void tell_of_signal(std::int64_t steps_done, Request request);
  void finish(std::string const& status, std::string const& reason);
  std::string path() const;
  std::string failure() const { return failure_; }

 private:
  Communicator const world_;
  std::optional<RunFile> file_;
  EventLog* const log_;
  std::string failure_;
};

}  // namespace moescope
