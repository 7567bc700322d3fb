#include <algorithm>
#include <cmath>
#include <filesystem>

#include "record/hdf5/file.hpp"
#include "record/output_path.hpp"
#include "record/schema.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t steps = 6, done = 4;

RunFileSetup launch(std::string const& name) {
  auto setup = synthetic_setup(steps);
  setup.eval_steps = {0, 3, steps};
  setup.launch = name;
  setup.config.record.choices = true;
  return setup;
}

RunFileSetup resumed(std::string const& name, std::string const& before, std::string const& run_file) {
  auto setup = launch(name);
  setup.continued = Continuation{done, before, run_file};
  return setup;
}

void write_steps(RunFile& file, RunFileSetup const& setup, std::int64_t end) {
  for (auto step = setup.first_step(); step < end; ++step) {
    for (auto const at : setup.eval_steps)
      if (at == step) file.write_evaluation(synthetic_evaluation(setup, at));
    file.write_step(synthetic_step(setup, step));
  }
}

/// A launch that ends after `end` steps, one more than its checkpoint.
void write_interrupted(std::string const& path, RunFileSetup const& setup) {
  RunFile file(path, setup);
  write_steps(file, setup, done + 1);
  file.finish("stopped", "for a test");
}

hdf5::File finish(std::string const& path, RunFileSetup const& setup) {
  RunFile file(path, setup);
  write_steps(file, setup, steps);
  file.write_evaluation(synthetic_evaluation(setup, steps));
  file.finish("complete", "");
  return hdf5::File::open(path);
}

using Integers = std::vector<std::int64_t>;

/// Bits, so that rows that were not written are equal as well.
std::vector<std::string> different(hdf5::File const& a, hdf5::File const& b) {
  std::vector<std::string> paths;
  for (auto const& spec : schema::datasets()) {
    if (spec.type == hdf5::Type::text) continue;
    auto const left = a.read_numbers(spec.path), right = b.read_numbers(spec.path);
    bool equal = left.size() == right.size();
    for (std::size_t i = 0; equal && i < left.size(); ++i)
      equal = left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i]));
    if (!equal) paths.push_back(spec.path);
  }
  return paths;
}

}  // namespace

TEST_CASE("the file of a resumed launch holds what an undisturbed one does, but for whose steps they are and what times count") {
  TemporaryFolder const folder;
  auto const whole = finish(folder / "whole.h5", launch("whole"));
  write_interrupted(folder / "first.h5", launch("first"));
  auto const last = finish(folder / "last.h5", resumed("last", "first", folder / "first.h5"));
  CHECK(last.read_integers("/raw/attempt") == Integers{0, 0, 0, 0, 1, 1});
  CHECK(last.read_integers("/raw/warm_up") == Integers{1, 1, 0, 0, 2, 2});
  CHECK(last.read_attribute("/", "attempt") == "1");
  CHECK(last.read_attribute("/", "parent") == "first.h5.partial");
  CHECK(last.read_attribute("/", "launch") == "last");
  auto const paths = different(whole, last);
  CHECK(std::count(paths.begin(), paths.end(), "/raw/attempt") == 1);
  for (auto const& path : paths)
    CHECK((path == "/raw/attempt" || path == "/raw/warm_up" || path.starts_with("/derived/summary/")));
  for (auto const* name : {"imbalance_expert", "imbalance_rank", "dropped_fraction"})
    CHECK(std::count(paths.begin(), paths.end(), std::string("/derived/summary/") + name) == 0);
  CHECK(last.read_numbers("/derived/summary/step_seconds").at(4) == 2);
  CHECK(last.read_numbers("/derived/summary/imbalance_expert").at(4) == 4);
}

TEST_CASE("a chain of launches under one name keeps every file and every step") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  write_interrupted(path, launch("first"));
  auto const second = resumed("second", "first", path);
  { RunFile const killed(path, second); }
  CHECK(fs::exists(path + ".partial.1"));
  CHECK(hdf5::File::open(path + ".partial").read_integers("/steps_done").at(0) == done);
  auto const last = finish(path, resumed("third", "first", path));
  CHECK(last.read_attribute("/", "parent") == "run.h5.partial.1");
  CHECK(fs::exists(path + ".partial.2"));
  CHECK(last.read_integers("/raw/attempt") == Integers{0, 0, 0, 0, 1, 1});
  CHECK(last.read_integers("/raw/eval/at_step") == Integers{0, 3, steps});
}

TEST_CASE("however often a run is resumed, few files stay, and those of other runs do") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  write_interrupted(path, launch("other"));
  write_interrupted(path, launch("0"));
  for (int n = 1; n < 5; ++n) write_interrupted(path, resumed(std::to_string(n), std::to_string(n - 1), path));
  CHECK(record::kept_paths(path).size() == 2);
  CHECK(hdf5::File::open(path + ".partial.1").read_attribute("/", "launch") == "other");
  CHECK(hdf5::File::open(path + ".partial").read_attribute("/", "ancestors") == "3 2 1 0");
  // Launches from one checkpoint that leave none of their own: the file it goes with stays, and the last one.
  for (int n = 5; n < 9; ++n) {
    RunFile const killed(path, resumed(std::to_string(n), "4", path));
    CHECK(record::kept_paths(path).size() <= 3);
  }
  // A checkpoint whose own run file is gone is gone on from by one of a later launch.
  auto const last = finish(path, resumed("last", "1", path));
  CHECK(last.read_integers("/raw/attempt") == Integers{0, 0, 0, 0, 6, 6});
  CHECK(last.read_integers("/steps_done").at(0) == steps);
}

TEST_CASE("times of a launch of another cell are not counted; datasets of another layout are not taken over") {
  TemporaryFolder const folder;
  auto before = launch("first");
  before.cell_key = "another";
  write_interrupted(folder / "first.h5", before);
  auto const same = finish(folder / "same.h5", resumed("same", "first", folder / "first.h5"));
  CHECK(same.read_integers("/raw/warm_up") == Integers{1, 1, 2, 2, 2, 2});
  CHECK(std::isfinite(same.read_numbers("/raw/step_seconds").at(0)));
  auto other = resumed("other", "first", folder / "first.h5");
  other.config.layout.tp = other.config.layout.etp = 1;
  other.config.layout.ep = 4;
  other.layout = Layout(other.config.layout, 4);
  other.collectives = traffic::collectives(other.config, other.layout);
  auto const file = finish(folder / "other.h5", other);
  CHECK(std::isnan(file.read_numbers("/raw/step_seconds").at(0)));
  CHECK(file.read_integers("/raw/collective_payload_bytes").at(0) == -1);
  CHECK(file.read_numbers("/raw/loss/total").at(0) == same.read_numbers("/raw/loss/total").at(0));
  CHECK(file.read_integers("/raw/expert_tokens_routed").at(0) == same.read_integers("/raw/expert_tokens_routed").at(0));
}

TEST_CASE("energy is taken over from a launch that read the same sensors, and from no other") {
  TemporaryFolder const folder;
  auto const free = [](RunFileSetup setup) {
    setup.config.train.timing = "free";
    return setup;
  };
  write_interrupted(folder / "first.h5", free(launch("first")));
  auto setup = free(resumed("same", "first", folder / "first.h5"));
  CHECK(finish(folder / "same.h5", setup).read_numbers("/raw/energy_joules").at(0) == 40);
  setup = free(resumed("other", "first", folder / "first.h5"));
  setup.energy.sensors[2].name = "gamma:package-0";
  auto const other = finish(folder / "other.h5", setup);
  CHECK(std::isnan(other.read_numbers("/raw/energy_joules").at(0)));
  CHECK(other.read_numbers("/raw/energy_joules").at(done * 3) == 44);
  CHECK(other.read_numbers("/derived/joules").at(0) == 62);
}

TEST_CASE("choices of tokens stay unwritten where the launch before recorded none") {
  TemporaryFolder const folder;
  auto before = launch("first");
  before.config.record.choices = false;
  write_interrupted(folder / "first.h5", before);
  auto const choices = finish(folder / "last.h5", resumed("last", "first", folder / "first.h5")).read_integers("/raw/choices");
  auto const row = choices.size() / 3;  // of steps 0, 2 and 4
  CHECK(std::count(choices.begin(), choices.begin() + std::ptrdiff_t(2 * row), -1) == std::ptrdiff_t(2 * row));
  CHECK(std::count(choices.begin() + std::ptrdiff_t(2 * row), choices.end(), -1) == 0);
}

TEST_CASE("a launch without the file that it goes on from, or with a shorter one, is refused") {
  TemporaryFolder const folder;
  auto const gone = refusal([&] { RunFile(folder / "last.h5", resumed("last", "first", folder / "first.h5")); });
  CHECK_THAT(gone, Catch::Contains("first.h5") && Catch::Contains("put it back"));
  auto const setup = launch("first");
  {
    RunFile file(folder / "first.h5", setup);
    write_steps(file, setup, done - 1);
  }
  auto const shorter = refusal([&] { RunFile(folder / "last.h5", resumed("last", "first", folder / "first.h5")); });
  CHECK_THAT(shorter, Catch::Contains("holds 3 steps") && Catch::Contains("after 4"));
  CHECK_FALSE(fs::exists(folder / "last.h5.partial"));
}
