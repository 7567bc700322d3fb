#include "apps/read_commands.hpp"

#include <cstdio>
#include <iostream>
#include <memory>

#include "apps/follow_run.hpp"
#include "record/compare.hpp"
#include "record/csv.hpp"
#include "record/run_file.hpp"
#include "run/program.hpp"

namespace moescope {

namespace {

struct InspectOptions {
  std::string file, dataset;
  bool csv = false, follow = false;
};

/// The exit code.
int inspect_file(InspectOptions const& options) {
  if (options.follow) return follow_run(options.file);
  if (!options.csv)
    std::fputs(inspect(options.file).c_str(), stdout);
  else if (options.dataset.empty())
    write_series_csv(options.file, std::cout);
  else
    write_dataset_csv(options.file, options.dataset, std::cout);
  return success;
}

void add_inspect_command(CLI::App& app, int& exit_code) {
  auto const options = std::make_shared<InspectOptions>();
  auto* command = app.add_subcommand("inspect", "Say in words what a run file holds, finished or not; or print it as CSV");
  command->footer(
      "moescope inspect run.h5 --csv                             one row for each step\n"
      "moescope inspect run.h5.partial --follow                  the steps of a running launch as they come\n"
      "moescope inspect run.h5 raw/expert_tokens_routed --csv    one row for each value, with its step, router and expert\n"
      "docs/definitions.md lists the datasets.");
  command->add_option("file", options->file, "Run file (.h5 or .h5.partial)")->required();
  auto* const dataset = command->add_option("dataset", options->dataset, "With --csv: the dataset to print");
  auto* const csv = command->add_flag("--csv", options->csv, "Print CSV: the numbers of each step, or a dataset");
  dataset->needs(csv);
  command->add_flag("--follow", options->follow, "Print a line for each new step of a run, until it ends or Ctrl-C comes")
      ->excludes(csv);
  command->callback([options, &exit_code] { exit_code = inspect_file(*options); });
}

struct CompareOptions {
  std::string a, b;
  bool json = false;
};

void add_compare_command(CLI::App& app) {
  auto const options = std::make_shared<CompareOptions>();
  auto* command =
      app.add_subcommand("compare", "Say what differs between two run files: configuration, provenance, decisions, results");
  command->footer("Differences are no error: the exit code is 0 when both files could be read.");
  command->add_option("a", options->a, "Run file A")->required();
  command->add_option("b", options->b, "Run file B")->required();
  command->add_flag("--json", options->json, "The same as JSON");
  command->callback([options] {
    auto const comparison = compare(options->a, options->b);
    std::fputs((options->json ? comparison.dump(2) + "\n" : comparison_text(comparison)).c_str(), stdout);
  });
}

}  // namespace

void add_read_commands(CLI::App& app, int& exit_code) {
  add_inspect_command(app, exit_code);
  add_compare_command(app);
}

}  // namespace moescope
