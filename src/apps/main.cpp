#include <CLI/CLI.hpp>

#include "apps/bench_command.hpp"
#include "apps/config_command.hpp"
#include "apps/data_command.hpp"
#include "apps/read_commands.hpp"
#include "apps/run_command.hpp"
#include "apps/verify_command.hpp"
#include "kernels/gemm.hpp"
#include "record/run_file.hpp"
#include "run/program.hpp"

namespace {

std::string version() {
  std::string products;
  for (auto const& scalar : moescope::scalars)
    products += (products.empty() ? "" : ", ") + moescope::kernels::gemm_implementation(scalar.dtype) + " (" +
                std::string(scalar.name) + ")";
  return "moescope " MOESCOPE_VERSION " (" + moescope::build_identification() + ")\n" + moescope::kokkos_description() +
         "\nBLAS: " + products + "\nMPI: " + moescope::mpi_library();
}

/// What is wrong with the command line, and where help is; empty where help or the version is asked for, and nothing unknown.
std::string usage_error(CLI::App const& app, CLI::ParseError const& error) {
  auto const* command = &app;
  std::string path = "moescope";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  auto const unknown = command->remaining();
  if (unknown.empty() && error.get_exit_code() == 0) return "";
  std::string const what = unknown.empty() ? error.what() : "unknown argument '" + unknown.front() + "'";
  return what + "; see " + path + " --help";
}

int act_on_command_line(int argc, char** argv) {
  moescope::print_on_first_rank_only();
  CLI::App app{"moescope: what a Mixture-of-Experts choice really costs, measured on a real training run"};
  app.footer("First steps: ./quickstart.sh, then README.md. What each reported number means: docs/definitions.md");
  app.require_subcommand(1);
  app.set_version_flag("--version", version, "Print commit, backend, BLAS and MPI");
  int exit_code = moescope::success;
  moescope::add_run_command(app, exit_code);
  moescope::add_data_command(app);
  app.get_subcommand("data")->parse_complete_callback([] {
    if (moescope::one_of_several()) throw moescope::UserError("data pack runs in one process: start it without a launcher");
  });
  moescope::add_config_command(app);
  moescope::add_read_commands(app, exit_code);
  moescope::add_verify_command(app, exit_code);
  moescope::add_bench_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    auto const wrong = usage_error(app, error);
    if (wrong.empty()) return app.exit(error);
    moescope::print_error_once(wrong);
    return moescope::usage;
  } catch (std::exception const& error) {
    moescope::print_error_once(error.what());
    return moescope::failure;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto const exit_code = act_on_command_line(argc, argv);
    if (exit_code != moescope::success || moescope::output_arrived()) return exit_code;
    moescope::print_error("the output could not be written to the end: it is closed or full");
    return moescope::failure;
  } catch (std::exception const& error) {
    moescope::print_error(error.what());
    return moescope::failure;
  }
}
