#include "apps/verify_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "base/error.hpp"
#include "check/reference_comparison.hpp"
#include "check/router_comparison.hpp"
#include "comm/watchdog.hpp"
#include "run/launch.hpp"
#include "run/program.hpp"

namespace moescope {

namespace {

/// Of a family of which only the routers are built.
int verify_routers(std::string const& folder, std::vector<std::string> const& overrides, Communicator const& world) {
  RouterFixture fixture;
  agreed(world, [&] {
    fixture = load_router_fixture(folder);
    if (!overrides.empty() || world.size() > 1)
      throw UserError(
          fmt::format("{}: only the routers of {} are compared, on one rank and without --set", folder, fixture.router.family));
  });
  auto const comparison = compare_routers(fixture);
  std::printf("%s, %s%s%s\n", folder.c_str(), scope_of(fixture).c_str(), comparison.report().c_str(),
              comparison.passed() ? "verified" : "NOT verified");
  return comparison.passed() ? success : failure;
}

int verify(std::string const& folder, std::vector<std::string> const& overrides, Communicator const& world) {
  bool routers_only = false;
  agreed(world, [&] { routers_only = is_router_fixture(folder); });
  if (routers_only) return verify_routers(folder, overrides, world);
  Fixture fixture;
  RunConfig config;
  std::optional<Layout> layout;
  agreed(world, [&] {
    fixture = load_fixture(folder);
    config = reference_config(fixture, overrides);
    layout = launch_layout(config, world.size());
  });
  Watchdog const watchdog(world, config.train.watchdog_seconds);
  Mesh mesh(world, *layout, traffic::collectives(config, *layout, reference_passes(fixture)));
  std::optional<ReferencePass> pass;
  agreed(world, [&] { pass.emplace(fixture, config, mesh); });
  auto const comparison = compare_with_reference(*pass);
  bool const passed = world.sum(std::int64_t(world.rank() == 0 && comparison.passed())) == 1;
  if (world.rank() == 0) {
    std::printf("%s on %s\n%s%s\n", folder.c_str(), layout->describe().c_str(), comparison.report().c_str(),
                passed ? "verified" : "NOT verified");
  }
  return passed ? success : failure;
}

}  // namespace

void add_verify_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("verify", "Compare forward pass and every gradient with numbers of another implementation");
  command->footer(
      "DIR holds config.json, model.safetensors, io.safetensors and, for training cases, grads.safetensors.\n"
      "Limits, in double and relative to each tensor's norm: 1e-12 forward, 1e-10 gradients. Exit code 1 beyond.\n"
      "Of other families than LLaMA-MoE's the routers alone are compared, which it says.\n"
      "In a layout: mpirun -n 4 moescope verify DIR --set layout.tp=2 --set layout.ep=2");
  auto const folder = std::make_shared<std::string>();
  auto const overrides = std::make_shared<std::vector<std::string>>();
  command->add_option("fixture", *folder, "Folder of the fixture, e.g. tests/golden/llama_moe_v1/noisy_topk_mlp_train")
      ->required();
  command->add_option("--set", *overrides, "Override one key, e.g. --set layout.ep=2 (repeatable)")->allow_extra_args(false);
  command->callback([folder, overrides, &exit_code] {
    exit_code = run_parallel([&](Communicator const& world) { return verify(*folder, *overrides, world); });
  });
}

}  // namespace moescope
