#pragma once
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "record/run_file.hpp"

namespace moescope {

/// The run file on rank 0, whose failures every rank learns of. Calls are collective, but for path() and mismatch(), which
/// are empty on other ranks.
class Recorder {
 public:
  Recorder(Communicator const& world, RunFileSetup const& setup);

  /// False when what was counted differs from what was computed.
  bool write(StepReport const& report);
  void write(EvaluationReport const& report);
  void finish(std::string const& status, std::string const& reason);
  std::string path() const;
  std::string mismatch() const;

 private:
  Communicator const world_;
  std::optional<RunFile> file_;
};

}  // namespace moescope
