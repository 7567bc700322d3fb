#include "run/recorder.hpp"

#include "base/region.hpp"

namespace moescope {

namespace {

/// Runs `action` on rank 0 alone; all ranks go on, or all throw its error.
template <class Action>
void on_root(Communicator const& world, Action&& action) {
  std::string error;
  try {
    if (world.rank() == 0) action();
  } catch (std::exception const& exception) {
    error = exception.what();
  }
  std::vector<char> message(error.begin(), error.end());
  world.broadcast(message, 0);
  if (!message.empty()) throw AgreedError(std::string(message.begin(), message.end()));
}

}  // namespace

Recorder::Recorder(Communicator const& world, RunFileSetup const& setup, EventLog* log) : world_(world), log_(log) {
  on_root(world_, [&] {
    if (log_) log_->run_begins(setup);
    file_.emplace(setup.config.record.path, setup);
  });
}

void Recorder::add_provenance(std::string const& name, std::string const& value) {
  on_root(world_, [&] { file_->add_provenance(name, value); });
}

bool Recorder::write(StepReport const& report) {
  Region const region(Phase::record);
  on_root(world_, [&] {
    file_->write_step(report);
    if (log_) log_->step(report);
  });
  return check(file_ ? file_->mismatch() : "");
}

void Recorder::write(EvaluationReport const& report) {
  on_root(world_, [&] {
    file_->write_evaluation(report);
    if (log_) log_->evaluation(report);
  });
}

bool Recorder::check(std::string const& sentence) {
  if (world_.rank() == 0 && failure_.empty()) failure_ = sentence;
  return world_.sum(std::int64_t(failure_.empty() ? 0 : 1)) == 0;
}

void Recorder::synchronise() {
  on_root(world_, [&] { file_->synchronise(); });
}

void Recorder::tell_of_checkpoint(std::int64_t steps_done, std::string const& folder) {
  on_root(world_, [&] {
    if (log_) log_->checkpoint(steps_done, folder);
  });
}

void Recorder::tell_of_signal(std::int64_t steps_done, Request request) {
  on_root(world_, [&] {
    if (log_) log_->signal(steps_done, request);
  });
}

void Recorder::finish(std::string const& status, std::string const& reason) {
  on_root(world_, [&] {
    file_->finish(status, reason);
    if (log_) log_->run_ends(status, reason);
  });
}

std::string Recorder::path() const { return file_ ? file_->path() : ""; }

}  // namespace moescope
