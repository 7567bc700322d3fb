#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.hpp"
#include "layout/layout.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// What a launch is, gathered before step 0; written as attributes of /provenance. Values are text.
using Provenance = std::vector<std::pair<std::string, std::string>>;

/// What a resumed launch goes on from.
struct Continuation {
  std::int64_t first_step = 0;  ///< of this launch: as many were done
  std::string launch;           ///< id of the launch before
  std::string run_file;         ///< its name when complete; it may still have the name of a partial file
};

/// A counter of energy, and where a step's report has its joules.
struct EnergySensor {
  std::string name;       ///< HOST:NAME
  std::int64_t rank = 0;  ///< that reads it
  std::size_t index = 0;  ///< in the rank's energy_joules
};

/// What of the job's energy is known.
struct EnergySensors {
  std::vector<EnergySensor> sensors;
  bool whole = false;  ///< whether they count all that computes: every host has them
  std::string absent;  ///< what is not counted, and why
};

/// Everything whose size must be known before the first step.
struct RunFileSetup {
  RunConfig config;
  Layout layout;
  std::vector<traffic::Collective> collectives;
  std::vector<std::string> domains;
  std::vector<std::int64_t> eval_steps;  ///< steps after which an evaluation happens
  std::vector<std::string> hosts{};      ///< [ranks] host of each rank
  Provenance provenance{};
  std::string computation_key{}, cell_key{};
  double measured_peak_flops = 0;  ///< sum over ranks of concurrently measured GEMM rates; 0: not measured
  double clock_error = 0;          ///< s, largest of any rank's clock offset; for the stamps of free runs
  EnergySensors energy{};
  bool oversubscribed = false;  ///< more threads than cores: times are stored, nothing is drawn from them
  bool overwrite = false;       ///< replace an existing complete file (on finish)
  std::string launch{};         ///< id of this launch, unlike any other's
  std::optional<Continuation> continued{};
  std::int64_t file_bound = std::int64_t{1} << 30;  ///< bytes below which the file stays by itself

  std::int64_t first_step() const { return continued ? continued->first_step : 0; }
};

/// One HDF5 file per launch, written by rank 0 as `path.partial` and renamed to `path` when complete. Contiguous datasets
/// are allocated, filled with NaN or -1 and flushed before step 0, so that a killed run keeps every announced step and a
/// full disk shows at the start. Details are stored as often as the file stays below its bound (record/file_size.hpp); one that
/// exceeds it all the same grows as the run goes. The file of a resumed launch begins with the rows of the launches before (see
/// record/continuation.hpp). Throws UserError (path and reason) when the file cannot be made or written, or exists and
/// may not be replaced; what was written before stays readable. Without finish() it stays
/// `path.partial`: status failed where the destructor ran, running where the process was killed.
class RunFile {
 public:
  RunFile(std::string path, RunFileSetup const& setup);
  ~RunFile();

  /// Adds an attribute to /provenance: what became known after the file was made.
  void add_provenance(std::string const& name, std::string const& value);
  /// Derives metrics, writes the step's rows and /computed, flushes, then /steps_done, and flushes again: a step that is
  /// announced is on disk whole. Steps come in order, from setup.first_step().
  void write_step(StepReport const& report);
  /// The first difference between the counted exchanges or rows and /computed, or the first failure that a step reported, as a
  /// sentence; empty while there is none.
  std::string mismatch() const;
  void write_evaluation(EvaluationReport const& report);
  /// Brings what is written to the disk, so that it survives more than the process.
  void synchronise();
  /// status: complete | failed | wrong | stopped. Writes the summary, flushes, fsyncs, and renames where complete or wrong.
  void finish(std::string const& status, std::string const& reason);

  std::string const& path() const;  ///< of the file as it is now

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Provenance of this process: commit, dirty, compiler, flags, Kokkos, BLAS, binding, clock, job id, environment that matters.
Provenance collect_provenance();
/// Commit and `-dirty` mark at build time.
std::string build_identification();

/// Human-readable account of a run file, for `moescope inspect`. Throws UserError if it cannot be read.
std::string inspect(std::string const& path);

}  // namespace moescope
