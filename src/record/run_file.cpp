#include "record/run_file.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "files/atomic_file.hpp"
#include "record/continuation.hpp"
#include "record/create.hpp"
#include "record/file_size.hpp"
#include "record/load_history.hpp"
#include "record/output_path.hpp"
#include "record/rows.hpp"
#include "record/summary.hpp"

namespace moescope {
namespace {

/// What the run goes on from. It may have been in the way, and has its last name once the way is clear.
std::optional<record::StoredRun> earlier_run(RunFileSetup const& setup) {
  if (!setup.continued) return std::nullopt;
  return record::open_earlier(*setup.continued);
}

RunFileSetup with_details_chosen(RunFileSetup setup) {
  setup.config.record.detail_every = record::file_size(setup).detail_every;
  return setup;
}

/// Multiples of what the file has room for at once, beyond `step`.
std::int64_t room_beyond(std::int64_t step, std::int64_t at_once, std::int64_t steps) {
  return std::min(steps, (step / at_once + 1) * at_once);
}

}  // namespace

struct RunFile::State {
  State(std::string output, RunFileSetup const& run_setup)
      : setup(with_details_chosen(run_setup)),
        steps_at_once(record::file_size(setup).steps_at_once),
        room(room_beyond(setup.first_step(), steps_at_once, setup.config.train.steps)),
        final_path(std::move(output)),
        path(record::partial_path(final_path)),
        lock(record::prepare_output(final_path, setup.overwrite)),
        earlier(earlier_run(setup)),
        lineage(earlier ? record::lineage_after(*earlier, path) : record::Lineage{}),
        file(hdf5::File::create(path)),
        datasets(record::create_datasets(file, setup, room)),
        history(record::load_history(earlier ? earlier->file : file, setup.config.model, setup.first_step())),
        steps_done(setup.first_step()) {}

  void write(record::Rows const& rows, std::int64_t index) {
    for (auto const& row : rows)
      std::visit([&](auto const& values) { datasets.at(row.path).write_row(index, values); }, row.values);
  }

  void make_room_for(std::int64_t step) {
    if (step < room) return;
    room = room_beyond(step, steps_at_once, setup.config.train.steps);
    record::make_room(datasets, setup, room);
  }

  RunFileSetup setup;
  std::int64_t steps_at_once, room;  ///< steps for which there are rows
  std::string final_path, path;
  Lock lock;
  std::optional<record::StoredRun> earlier;
  record::Lineage lineage;
  hdf5::File file;
  record::Datasets datasets;
  record::LoadHistory history;
  std::int64_t steps_done;
  std::string mismatch;
  bool closed = false;
};

RunFile::RunFile(std::string path, RunFileSetup const& setup) : state_(std::make_unique<State>(std::move(path), setup)) {
  auto& state = *state_;
  record::describe_run(state.file, state.setup, state.lineage);
  if (state.earlier) record::copy_earlier_rows(*state.earlier, state.datasets, state.setup);
  state.datasets.at("/steps_done").write(std::vector<std::int64_t>{state.steps_done});
  synchronise();
  if (state.earlier) record::remove_superseded(*state.earlier, state.final_path);
  state.earlier.reset();
}

/// A run that ends by an error says so; one that is killed stays "running".
RunFile::~RunFile() {
  if (state_->closed) return;
  try {
    record::write_status(state_->file, "failed", "the run ended before its last step");
    state_->file.flush();
  } catch (std::exception const&) {  // a full disk or memory may be what ended it
  }
}

void RunFile::add_provenance(std::string const& name, std::string const& value) {
  state_->file.write_attribute("/provenance", name, value);
}

void RunFile::write_step(StepReport const& report) {
  auto& state = *state_;
  MOESCOPE_CHECK(report.step == state.steps_done && report.step < state.setup.config.train.steps);
  state.make_room_for(report.step);
  auto const computed = record::computed_rows(state.setup, report);
  if (state.mismatch.empty()) state.mismatch = computed.mismatch.empty() ? report.failure : computed.mismatch;
  state.write(record::raw_rows(state.setup, report), report.step);
  state.write(record::derived_rows(state.setup, report), report.step);
  state.history.add(record::routed_counts(state.setup.config, report));
  state.write(state.history.derived_rows(), report.step);
  state.write(record::energy_rows(state.setup, report), report.step);
  state.write(computed.rows, report.step);
  state.datasets.at("/raw/attempt").write_row(report.step, std::vector<std::int64_t>{state.lineage.attempt});
  auto const every = state.setup.config.record.detail_every;
  if (report.step % every == 0) state.write(record::detail_rows(state.setup, report), report.step / every);
  state.file.flush();
  state.datasets.at("/steps_done").write(std::vector<std::int64_t>{++state.steps_done});
  state.file.flush();
  state.lock.refresh();
}

void RunFile::write_evaluation(EvaluationReport const& report) {
  auto& state = *state_;
  auto const& planned = state.setup.eval_steps;
  auto const found = std::find(planned.begin(), planned.end(), report.at_step);
  MOESCOPE_CHECK(found != planned.end());
  auto const index = found - planned.begin();
  state.write(record::evaluation_rows(report), index);
  state.write(record::derived_rows(state.setup, report), index);
  state.file.flush();
  state.datasets.at("/raw/eval/at_step").write_row(index, std::vector<std::int64_t>{report.at_step});
  state.file.flush();
  state.lock.refresh();
}

void RunFile::synchronise() {
  state_->file.flush();
  moescope::synchronise(state_->path);
}

std::string RunFile::mismatch() const { return state_->mismatch; }

void RunFile::finish(std::string const& status, std::string const& reason) {
  auto& state = *state_;
  MOESCOPE_CHECK(!state.closed);
  MOESCOPE_CHECK(status == "complete" || status == "failed" || status == "wrong" || status == "stopped");
  for (auto const& row : record::summary_rows(state.file, state.setup, state.steps_done))
    state.datasets.at(row.path).write(std::get<std::vector<double>>(row.values));
  record::write_status(state.file, status, reason);
  state.file.flush();
  state.closed = true;
  state.datasets.clear();
  state.file.close();
  moescope::synchronise(state.path);
  if (status == "failed" || status == "stopped") return;
  record::publish(state.final_path);
  state.path = state.final_path;
}

std::string const& RunFile::path() const { return state_->path; }

}  // namespace moescope
