#include "record/file_size.hpp"

#include <filesystem>

#include "base/region.hpp"
#include "record/hdf5/file.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;
using record::file_size;

namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

RunFileSetup setup_with(std::int64_t steps, std::int64_t detail_every) {
  auto setup = synthetic_setup(steps);
  setup.config.record.detail_every = detail_every;
  return setup;
}

std::int64_t bytes(std::int64_t steps, std::int64_t detail_every) { return file_size(setup_with(steps, detail_every)).bytes; }

/// 256 ranks, 256 experts, 32 routers.
RunFileSetup large_setup(std::int64_t detail_every) {
  auto setup = setup_with(1000, detail_every);
  setup.config.model.num_experts = 256;
  setup.config.model.num_layers = 32;
  setup.config.layout = {};
  setup.config.layout.ep = 256;
  setup.layout = Layout(setup.config.layout, 256);
  setup.collectives = traffic::collectives(setup.config, setup.layout);
  setup.eval_steps.clear();
  return setup;
}

}  // namespace

TEST_CASE("a step and a detail step add the bytes of their rows") {
  // Of 2 routers, 4 ranks and 4 experts: two arrays of 2 x 4 x 4 and one of 2 x 4 x 4 at 4 bytes, 4 x 4 peers at 8, and the
  // step's number.
  std::int64_t const detail = 2 * 2 * 4 * 4 * 4 + 2 * 4 * 4 * 4 + 4 * 4 * 8 + 8;
  CHECK(bytes(9, 1) - bytes(9, 3) == 6 * detail);
  // Numbers of a step at 8 bytes, with C collectives, P phases and three energy counters; one flag.
  auto const collectives = std::int64_t(synthetic_setup().collectives.size()), phases = std::int64_t(phase_names.size());
  auto const times = 4 + 4 + 1 + 4 * phases + 4 * 3 + 4 + 4 * 4 + 4 + 3, exchanges = (6 + 3) * 4 * collectives + 2 * collectives;
  auto const routing = 2 * 4 + 2 * 2 * 4 + 2 * 2 * 4 + 2 * 2 * 4 + 2 + 3 * 2, training = 2 + 2 + 2 + 1 + 2 + 2 * 2 * 2,
             computed_rows = 2 * 2 * 4;
  auto const derived = 2 + 2 + 2 + 1 + 2 + 2 + 3 * 6 * 2 + 5 + 2 * 5;
  CHECK(bytes(11, 100) - bytes(10, 100) == 8 * (1 + times + exchanges + routing + training + computed_rows + derived) + 1);
}

TEST_CASE("choices of tokens add 4 bytes each to a detail step, and their places to the file") {
  auto const with_choices = [](std::int64_t steps) {
    auto setup = setup_with(steps, 1);
    setup.config.record.choices = true;
    return file_size(setup).bytes;
  };
  CHECK(with_choices(9) - bytes(9, 1) == 9 * 2 * 12 * 2 * 4 + (12 + 2) * 8);
  auto large = large_setup(0);
  large.config.batch.sequence_length = 4096;
  auto const without = file_size(large).detail_every;
  large.config.record.choices = true;
  CHECK(file_size(large).detail_every > without);
}

TEST_CASE("the size of a run file is what it has on disk, with an allowance for text and structure") {
  TemporaryFolder const folder;
  for (std::int64_t const steps : {5, 400}) {
    auto const setup = setup_with(steps, 3);
    auto const path = write_synthetic_run(folder / std::to_string(steps) + ".h5", setup);
    auto const on_disk = std::int64_t(std::filesystem::file_size(path)), computed = file_size(setup).bytes;
    CHECK(on_disk <= computed);
    CHECK(on_disk > computed - mebibyte);
  }
}

TEST_CASE("details are stored as often as the file stays below its bound") {
  CHECK(file_size(setup_with(100, 0)).detail_every == 1);
  auto const chosen = file_size(large_setup(0));
  CHECK(chosen.bytes <= std::int64_t{1} << 30);
  CHECK(chosen.detail_every > 1);
  CHECK(chosen.steps_at_once == 1000);
  CHECK(file_size(large_setup(chosen.detail_every - 1)).bytes > std::int64_t{1} << 30);
  CHECK(record::size_notice(large_setup(0)).empty());
}

TEST_CASE("details that are asked for are stored, and a file beyond its bound is announced") {
  auto const given = file_size(large_setup(1));
  CHECK(given.detail_every == 1);
  CHECK(given.bytes > 1000 * std::int64_t{25690120});  // 3 x 32 x 256 x 256 x 4 + 256 x 256 x 8 + 8
  CHECK(given.steps_at_once < 20);
  CHECK_THAT(record::size_notice(large_setup(1)), Catch::Contains("record.detail_every = 1 stores details so often"));
  CHECK_THAT(record::size_notice(setup_with(10'000'000, 0)), Catch::Contains("it holds 10000000 steps"));
  auto const long_run = file_size(setup_with(10'000'000, 0));
  CHECK(long_run.detail_every == 10'000'000);
  CHECK(long_run.steps_at_once * (bytes(11, 100) - bytes(10, 100)) < std::int64_t{1} << 28);
  CHECK(long_run.steps_at_once > 1000);
}

TEST_CASE("the choice is written with the configuration") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", setup_with(3, 0));
  CHECK_THAT(hdf5::File::open(path).read_attribute("/config", "resolved"), Catch::Contains("\"detail_every\":1"));
}

TEST_CASE("a file beyond its bound grows as the run goes and holds what another one does") {
  TemporaryFolder const folder;
  auto whole = setup_with(300, 7);
  whole.config.record.choices = true;
  auto grows = whole;
  grows.file_bound = mebibyte;
  auto const at_once = file_size(grows).steps_at_once;
  REQUIRE(at_once < 100);
  {
    RunFile run(folder / "grows.h5", grows);
    CHECK(std::int64_t(std::filesystem::file_size(run.path())) < 2 * mebibyte);
    run.write_step(synthetic_step(grows, 0));
  }
  auto const begun = hdf5::File::open(folder / "grows.h5.partial");
  CHECK(begun.extents("/step").at(0) == hsize_t(at_once));
  CHECK(begun.read_numbers("/raw/loss/total").at(0) == 4.5);
  auto const a = hdf5::File::open(write_synthetic_run(folder / "grown.h5", grows));
  auto const b = hdf5::File::open(write_synthetic_run(folder / "whole.h5", whole));
  for (auto const* path : {"/step", "/detail_step", "/raw/warm_up", "/raw/collective_payload_bytes", "/raw/peer_bytes",
                           "/raw/expert_tokens_routed_by_rank", "/raw/choices", "/computed/calls", "/raw/attempt"}) {
    INFO(path);
    CHECK(a.extents(path) == b.extents(path));
    CHECK(a.read_integers(path) == b.read_integers(path));
  }
  CHECK(a.read_numbers("/raw/step_seconds") == b.read_numbers("/raw/step_seconds"));
  CHECK_FALSE(inspect(a.path()).empty());
}
