#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/command.hpp"
#include "apps/data_command.hpp"
#include "apps/run_command.hpp"
#include "apps/verify_command.hpp"
#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "record/run_file.hpp"

namespace {

std::string version() {
  return "moescope " MOESCOPE_VERSION " (" + moescope::build_identification() + ")\n" + moescope::kokkos_description() +
         "\nBLAS: " + moescope::kernels::gemm_implementation(false) + " (float32), " +
         moescope::kernels::gemm_implementation(true) + " (float64)\nMPI: " + moescope::mpi_library();
}

void add_inspect_command(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Say in words what a run file holds, finished or not");
  auto const path = std::make_shared<std::string>();
  command->add_option("file", *path, "Run file (.h5 or .h5.partial)")->required();
  command->callback([path] { std::fputs(moescope::inspect(*path).c_str(), stdout); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"moescope: what a Mixture-of-Experts choice really costs, measured on a real training run"};
  app.footer("First steps: ./quickstart.sh, then README.md. What each reported number means: docs/definitions.md");
  app.require_subcommand(1);
  app.set_version_flag("--version", version, "Print commit, backend, BLAS and MPI");
  int exit_code = moescope::success;
  moescope::add_run_command(app, exit_code);
  moescope::add_data_command(app);
  add_inspect_command(app);
  moescope::add_verify_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return app.exit(error) == 0 ? moescope::success : moescope::usage;
  } catch (moescope::UserError const& error) {
    std::fprintf(stderr, "moescope: %s\n", error.what());
    return moescope::failure;
  }
  return exit_code;
}
