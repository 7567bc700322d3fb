#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/scalar.hpp"
#include "config/model_config.hpp"
#include "config/routing_config.hpp"

namespace moescope {

/// `[layout]`. Zero means "derive": ranks from the launch, dp = ranks / tp, etp = tp, edp = ranks / (ep * etp).
struct LayoutConfig {
  std::int64_t ranks = 0;
  std::int64_t tp = 1;
  std::int64_t ep = 1;
  std::int64_t dp = 0;
  std::int64_t etp = 0;
  std::int64_t edp = 0;
  std::int64_t pp = 1;             ///< only 1 so far
  std::int64_t cp = 1;             ///< only 1 so far
  std::string order = "tp-ep-dp";  ///< of the ranks, the dimension that varies fastest first: choices::layout_order
};

/// `[batch]`: fixes the computation, never a per-rank size. Micro-batch m of a step holds the contiguous sequences
/// split(sequences, micro_steps, m) of the global batch; micro_steps must divide sequences.
struct BatchConfig {
  std::int64_t sequences = 8;
  std::int64_t sequence_length = 128;
  std::int64_t micro_steps = 1;
};

/// `[optimizer]`: AdamW (Loshchilov & Hutter 2019) with LLaMA-MoE's groups (no decay where the published name contains
/// `bias` or `norm.weight`) and its schedule: step/warm_up_steps, then max(min_ratio, (1 + cos(pi * progress)) / 2).
struct OptimizerConfig {
  double learning_rate = 2e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 1.0;           ///< 0: no clipping
  std::string schedule = "cosine";  ///< cosine | constant
  std::int64_t warm_up_steps = 100;
  double min_ratio = 0.1;
  std::int64_t schedule_steps = 0;  ///< length of the schedule; 0: train.steps
};

/// `[train]`
struct TrainConfig {
  std::string mode = "train";   ///< train | forward
  std::string timing = "free";  ///< free | phased
  std::int64_t steps = 100;
  std::int64_t record_warm_up_steps = 2;  ///< stored, flagged, excluded from summaries
  std::uint64_t seed = 1;
  DType dtype = DType::float32;
  std::string dispatcher = "all_to_all";  ///< local | all_to_all | all_gather; local needs ep = 1
  double watchdog_seconds = 600;          ///< longest wait in one exchange before the job is ended as stalled; 0: no limit
};

/// `[data]`: a folder made by `moescope data pack`, and the sampling weight of each domain in it (empty: equal).
struct DataConfig {
  std::string path;
  std::vector<std::pair<std::string, double>> weights;
};

/// `[eval]`: held-out loss every `every` steps (0: never) over `sequences` sequences of each domain's held-out part, in
/// micro-batches of the training's size, of which `sequences` must be a multiple.
struct EvalConfig {
  std::int64_t every = 0;
  std::int64_t sequences = 8;
};

/// `[record]`
struct RecordConfig {
  std::string path = "results/run.h5";  ///< --out overrides
  std::int64_t detail_every = 0;        ///< steps between those that store per-source-rank arrays; 0: file below 1 GiB
  bool choices = false;                 ///< with them, which experts each token chose
  std::string site = "laptop";
  std::int64_t repeat = 0;
};

/// `[checkpoint]`: what a launch leaves for the one that resumes it (`run --resume`). A signal may ask for one at any step.
struct CheckpointConfig {
  std::int64_t every = 0;  ///< steps; 0: only when a signal asks
  std::int64_t keep = 1;   ///< newest ones; older ones are removed
  std::string path;        ///< folder of checkpoints; empty: the run file's path with ".checkpoints" appended
};

/// `[machine]`: facts nobody can measure from inside.
struct MachineConfig {
  double stated_peak_flops = 0;  ///< per rank, FLOP/s, from a data sheet; 0: unknown, no MFU against it
};

/// Every value in force of one run; what `resolved` in the run file holds.
struct RunConfig {
  ModelConfig model;
  RoutingConfig routing;
  LayoutConfig layout;
  BatchConfig batch;
  OptimizerConfig optimizer;
  TrainConfig train;
  DataConfig data;
  EvalConfig eval;
  RecordConfig record;
  CheckpointConfig checkpoint;
  MachineConfig machine;
  std::string toml;                  ///< text as given, with the --set lines appended as comments
  std::vector<std::string> idle;     ///< a sentence for each setting that was given and decides nothing
  std::vector<std::string> assumed;  ///< keys of a step's batch and type that were not given
};

/// Reads TOML text (`source` is the file name for messages), applies `key=value` overrides in order (values in TOML
/// syntax; a bare word is a string), fills what is derived from [model] alone, and validates all that needs no rank
/// count. Throws UserError: syntax with line and column, unknown key with the nearest known one, wrong type, range, a key that
/// decides nothing.
RunConfig parse_run_config(std::string const& text, std::string const& source, std::vector<std::string> const& overrides);
RunConfig load_run_config(std::string const& path, std::vector<std::string> const& overrides);

/// Applies only overrides, for programs that bring their own model (`verify`), and validates. What had followed from other
/// keys of [model] (equal expert widths, head_dim, ...) follows again from the new values.
void apply_overrides(RunConfig& config, std::vector<std::string> const& overrides);

/// Rules that need no file and no rank count; each message names key, value and rule.
void validate(RunConfig const& config);

/// JSON of every value in force, keys as in TOML, sorted.
std::string to_json(RunConfig const& config);

/// A value that decides the numbers and differs between a run and the one it goes on from, both as JSON.
struct Difference {
  std::string key, now, before;
};
/// How `config` differs from another run, given the JSON of all its values, in what decides the numbers where it applies: the
/// steps of both are then not those of one run. train.steps may differ where the schedule of the learning rate does not follow
/// from it. Throws UserError beginning with `source` where the text is no such JSON.
std::vector<Difference> differing_numbers(RunConfig const& config, std::string const& other_json, std::string const& source);

/// SHA-256 (hex) of the canonical JSON of what decides the numbers: model, batch, optimizer, steps, seed, dtype, mode, shares of
/// domains, eval, each where it applies, and the fingerprint of the packed data where the caller has one (never the path it lies
/// at).
std::string computation_key(RunConfig const& config, std::string const& data_fingerprint = "");
/// SHA-256 of the computation key and layout, dispatcher, threads, timing mode, site, repeat and build identification. The
/// caller first writes the derived sizes into config.layout, so that "dp derived" and "dp = 2" are one cell.
std::string cell_key(RunConfig const& config, std::int64_t threads, std::string const& build,
                     std::string const& data_fingerprint = "");

/// Consecutive sequences in one pool (`gate.pool`): 1 for "sequence", b for "block:<b>", all for "batch"; 0 where `pool` is
/// none of these, which validate() refuses.
std::int64_t sequences_in_pool(std::string const& pool, BatchConfig const& batch);

/// Reads a LLaMA-MoE `config.json` (published field names) into [model], [gate] and [residual]. Unknown fields and unsupported
/// values of known ones are refused by name, unless a list says that they change no number.
ModelConfig model_from_hugging_face(std::string const& json_text, std::string const& source);

}  // namespace moescope
