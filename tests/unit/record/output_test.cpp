#include <fstream>
#include <sstream>

#include "record/hdf5/file.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;
namespace fs = std::filesystem;

namespace {

void write_text(std::string const& path, std::string const& text) { std::ofstream(path) << text; }

std::string content(std::string const& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a run is partial until it is finished, and folders above it are made") {
  TemporaryFolder const folder;
  auto const path = folder / "a/b/run.h5";
  auto const setup = synthetic_setup(1);
  RunFile run(path, setup);
  CHECK(run.path() == path + ".partial");
  CHECK(fs::exists(path + ".partial"));
  CHECK_FALSE(fs::exists(path));
  run.write_step(synthetic_step(setup, 0));
  run.finish("complete", "");
  CHECK(run.path() == path);
  CHECK(fs::exists(path));
  CHECK_FALSE(fs::exists(path + ".partial"));
  CHECK(hdf5::File::open(path).read_attribute("/", "status") == "complete");
}

TEST_CASE("a wrong run gets its final name, a failed one stays partial; both say why") {
  TemporaryFolder const folder;
  auto const wrong = write_synthetic_run(folder / "wrong.h5", synthetic_setup(1), "wrong");
  auto const failed = write_synthetic_run(folder / "failed.h5", synthetic_setup(1), "failed");
  CHECK(wrong == folder / "wrong.h5");
  CHECK(failed == folder / "failed.h5.partial");
  for (auto const& [path, status] : {std::pair{wrong, "wrong"}, std::pair{failed, "failed"}}) {
    auto const file = hdf5::File::open(path);
    CHECK(file.read_attribute("/", "status") == status);
    CHECK(file.read_attribute("/", "status_reason") == "for a test");
  }
}

TEST_CASE("a reason of any length is cut, not refused") {
  TemporaryFolder const folder;
  RunFile run(folder / "run.h5", synthetic_setup(1));
  run.finish("wrong", std::string(5000, 'x'));
  CHECK(hdf5::File::open(run.path()).read_attribute("/", "status_reason") == std::string(1024, 'x'));
}

TEST_CASE("an existing run file is safe unless overwriting is asked for") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  write_text(path, "precious");
  auto setup = synthetic_setup(1);
  CHECK_THAT(refusal([&] { RunFile(path, setup); }), Catch::Contains(path + " exists") && Catch::Contains("--out"));
  CHECK(content(path) == "precious");
  setup.overwrite = true;
  {
    RunFile run(path, setup);
    CHECK(content(path) == "precious");
    run.write_step(synthetic_step(setup, 0));
    run.finish("complete", "");
  }
  CHECK(hdf5::File::open(path).read_integers("/steps_done").at(0) == 1);
}

TEST_CASE("the partial file of an earlier launch is kept under another name") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  write_text(path + ".partial", "of a killed run");
  RunFile const run(path, synthetic_setup(1));
  CHECK(content(path + ".partial.1") == "of a killed run");
}

TEST_CASE("a file that another run writes is refused") {
  TemporaryFolder const folder;
  RunFile const run(folder / "run.h5", synthetic_setup(1));
  CHECK_THAT(refusal([&] { RunFile(folder / "run.h5", synthetic_setup(1)); }), Catch::Contains("being written by another run"));
  CHECK_FALSE(fs::exists(folder / "run.h5.partial.1"));
}

TEST_CASE("an output that cannot be made is refused with its path and the reason") {
  TemporaryFolder const folder;
  write_text(folder / "file", "");
  CHECK_THAT(refusal([&] { RunFile(folder / "file/run.h5", synthetic_setup(1)); }),
             Catch::Contains("cannot make the folder " + (folder / "file")));
  fs::create_directory(folder / "run.h5");
  CHECK_THAT(refusal([&] { RunFile(folder / "run.h5", synthetic_setup(1)); }), Catch::Contains("is a folder"));
  CHECK_THAT(refusal([&] { RunFile("/proc/run.h5", synthetic_setup(1)); }), Catch::Contains("/proc/run.h5"));
}
