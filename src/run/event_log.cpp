#include "run/event_log.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "files/real_path.hpp"
#include "record/file_size.hpp"
#include "record/output_path.hpp"
#include "record/rows.hpp"
#include "run/program.hpp"
#include "run/worst_imbalance.hpp"

namespace moescope {

namespace {

using nlohmann::ordered_json;

constexpr char const *point = "POINT_IN_TIME", *begin = "INTERVAL_START", *end = "INTERVAL_END";

/// The fields of mlperf_logging's mllog._encode_log, in its order.
std::string encoded(char const* type, char const* key, ordered_json const& value, ordered_json const& metadata) {
  auto const time = std::chrono::system_clock::now().time_since_epoch();
  ordered_json const line = {
      {"namespace", ""},    {"time_ms", std::chrono::duration_cast<std::chrono::milliseconds>(time).count()},
      {"event_type", type}, {"key", key},
      {"value", value},     {"metadata", metadata}};
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// Under the names of mlperf_logging's mllog/constants.py.
ordered_json named_settings(RunFileSetup const& setup) {
  auto const& config = setup.config;
  auto const& optimizer = config.optimizer;
  ordered_json named = {{"seed", config.train.seed},
                        {"global_batch_size", config.batch.sequences},
                        {"max_sequence_length", config.batch.sequence_length},
                        {"gradient_accumulation_steps", config.batch.micro_steps},
                        {"train_samples", config.train.steps * config.batch.sequences}};
  if (config.eval.every > 0) named["eval_samples"] = config.eval.sequences * std::int64_t(setup.domains.size());
  if (setup.continued) named["init_checkpoint_step"] = setup.first_step();
  if (config.train.mode != "train") return named;
  named.update({{"opt_name", "adamw"},
                {"opt_base_learning_rate", optimizer.learning_rate},
                {"opt_adamw_beta_1", optimizer.beta1},
                {"opt_adamw_beta_2", optimizer.beta2},
                {"opt_adamw_epsilon", optimizer.epsilon},
                {"opt_adamw_weight_decay", optimizer.weight_decay},
                {"opt_gradient_clip_norm", optimizer.clip_norm},
                {"opt_learning_rate_decay_schedule", optimizer.schedule},
                {"opt_learning_rate_warmup_steps", optimizer.warm_up_steps}});
  return named;
}

ordered_json description(RunFileSetup const& setup) {
  auto config = setup.config;
  config.record.detail_every = record::file_size(setup).detail_every;  // as the run file chooses it
  return {{"launch", setup.launch},
          {"run_file", setup.config.record.path},
          {"first_step", setup.first_step()},
          {"computation_key", setup.computation_key},
          {"cell_key", setup.cell_key},
          {"layout", setup.layout.describe()},
          {"config", ordered_json::parse(to_json(config))}};
}

/// One for the run and one for its log would overwrite each other.
std::string const& own_path(std::string const& path, std::string const& run_file) {
  try {
    for (auto const& other : {run_file, record::partial_path(run_file)})
      if (real_path(path) == real_path(other))
        throw UserError(fmt::format("--log {} is where the run file is written: give the log a file of its own", path));
  } catch (std::filesystem::filesystem_error const& error) {
    throw UserError(fmt::format("--log {}: {}; name another file", path, error.code().message()));
  }
  return path;
}

}  // namespace

EventLog::EventLog(std::string const& path, std::string const& run_file) {
  lines_.emplace(own_path(path, run_file), "name another file with --log");
}

EventLog::~EventLog() {
  if (running_) run_ends("failed", "the run ended before its last step");
}

void EventLog::run_begins(RunFileSetup const& setup) {
  config_ = setup.config;
  domains_ = setup.domains;
  auto const settings = named_settings(setup);
  for (auto const& [key, value] : settings.items()) lines_->append(encoded(point, key.c_str(), value, ordered_json::object()));
  lines_->append(encoded(begin, "run_start", nullptr, description(setup)));
  running_ = true;
}

ordered_json EventLog::at(std::int64_t steps_done, ordered_json const& others) const {
  ordered_json place = {{"step_num", steps_done}, {"samples_count", steps_done * config_.batch.sequences}};
  place.update(others);
  return place;
}

void EventLog::add(char const* type, char const* key, ordered_json const& value, ordered_json const& metadata) {
  if (!lines_) return;
  try {
    lines_->append(encoded(type, key, value, metadata));
  } catch (UserError const& error) {
    print_notice(fmt::format("the log ends here, the run and its run file go on: {}", error.what()));
    lines_.reset();
  }
}

void EventLog::step(StepReport const& report) {
  add(point, "step",
      {{"loss", report.loss_cross_entropy},
       {"loss_total", report.loss_total},
       {"learning_rate", report.learning_rate},
       {"gradient_norm", report.gradient_norm},
       {"step_seconds", record::slowest_seconds(report)},
       {"tokens", report.tokens},
       {"imbalance", worst_imbalance(config_, report)}},
      at(report.step + 1, ordered_json::object()));
}

void EventLog::evaluation(EvaluationReport const& report) {
  for (std::size_t d = 0; d < report.loss.size(); ++d)
    add(point, "eval_accuracy", report.loss[d], at(report.at_step, {{"domain", domains_.at(d)}}));
}

void EventLog::checkpoint(std::int64_t steps_done, std::string const& folder) {
  add(point, "checkpoint", folder, at(steps_done, ordered_json::object()));
}

void EventLog::signal(std::int64_t steps_done, Request request) {
  add(point, "signal", request == Request::stop ? "stop" : "checkpoint", at(steps_done, ordered_json::object()));
}

void EventLog::run_ends(std::string const& status, std::string const& reason) {
  running_ = false;
  add(end, "run_stop", nullptr,
      {{"status", status == "complete" ? "success" : "aborted"}, {"run_status", status}, {"reason", reason}});
}

}  // namespace moescope
