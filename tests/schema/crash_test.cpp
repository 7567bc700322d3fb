#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string_view>

#include "base/error.hpp"
#include "record/hdf5/file.hpp"
#include "record/schema.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

/// A process of its own that runs `action(pipe)` and exits with what it returns.
class Child {
 public:
  template <class Action>
  explicit Child(Action action) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    from_ = ends[0];
    process_ = fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
      close(ends[0]);
      _exit(action(ends[1]));
    }
    close(ends[1]);
  }
  ~Child() { close(from_); }
  void kill() { ::kill(process_, SIGKILL); }
  /// Status as of waitpid.
  int wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    return status;
  }
  /// Returns when the child has announced `count` bytes; they count as read.
  void wait_for(std::size_t count) {
    char byte = 0;
    while (count > 0 && read(from_, &byte, 1) == 1) --count;
    REQUIRE(count == 0);
  }
  /// Bytes announced from here until the child's end of the pipe closed.
  std::string announced() {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(from_, buffer, sizeof buffer)) > 0;) text.append(buffer, std::size_t(n));
    return text;
  }

 private:
  int from_ = -1;
  pid_t process_ = -1;
};

/// One byte when the file is made, one after each step.
int write_until_killed(std::string const& path, RunFileSetup const& setup, int announce) {
  RunFile run(path, setup);
  bool told = write(announce, "c", 1) == 1;
  for (std::int64_t step = 0; told && step < setup.config.train.steps; ++step) {
    run.write_step(synthetic_step(setup, step));
    told = write(announce, "s", 1) == 1;
  }
  pause();
  return 1;
}

/// It has a number in every dataset of each step but those of `untold`.
RunFileSetup free_setup() {
  auto setup = synthetic_setup(400);
  setup.config.train.timing = "free";
  return setup;
}

/// NaN in free runs, or in the first steps.
constexpr std::string_view untold[] = {"/raw/phase_seconds", "/derived/gate_seconds_per_token", "/derived/load_drift",
                                       "/derived/dead_fraction_over_window"};

/// Datasets over steps whose done rows hold a fill value.
std::vector<std::string> incomplete(hdf5::File const& file, std::int64_t steps_done) {
  std::vector<std::string> found;
  for (auto const& spec : schema::datasets()) {
    bool const told = std::find(std::begin(untold), std::end(untold), spec.path) == std::end(untold);
    if (spec.dims.empty() || spec.is_scale() || spec.dims[0] != "step" || !told) continue;
    auto const values = file.read_numbers(spec.path);
    auto const width = values.size() / file.extents("/step").at(0);
    for (std::size_t i = 0; i < width * std::size_t(steps_done); ++i)
      if (spec.type == hdf5::Type::f64 ? std::isnan(values[i]) : values[i] == -1) {
        found.push_back(spec.path);
        break;
      }
  }
  return found;
}

template <class Action>
int with_file_size_limit(rlim_t bytes, Action&& action) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit const limit{bytes, RLIM_INFINITY};
  return setrlimit(RLIMIT_FSIZE, &limit) == 0 ? action() : 10;
}

}  // namespace

TEST_CASE("whenever a run is killed, its announced steps are on disk whole") {
  std::mt19937 random(20260101);
  std::uniform_int_distribution<std::size_t> steps(0, 60);
  std::uniform_int_distribution<useconds_t> delay(0, 5'000);
  auto const setup = free_setup();
  for (int trial = 0; trial < 40; ++trial) {
    TemporaryFolder const folder;
    Child child([&](int announce) { return write_until_killed(folder / "run.h5", setup, announce); });
    auto announced = steps(random);
    child.wait_for(announced + 1);  // the file and these steps
    usleep(delay(random));
    child.kill();
    REQUIRE(WIFSIGNALED(child.wait()));
    announced += child.announced().size();
    auto const file = hdf5::File::open(folder / "run.h5.partial");
    auto const done = file.read_integers("/steps_done").at(0);
    CHECK((done == std::int64_t(announced) || done == std::int64_t(announced) + 1));
    CHECK(incomplete(file, done) == std::vector<std::string>{});
    auto const loss = file.read_numbers("/raw/loss/total");
    for (std::int64_t step = 0; step < done; ++step) CHECK(loss.at(std::size_t(step)) == 4.5 - 0.0625 * double(step));
    CHECK_THAT(inspect(folder / "run.h5.partial"), Catch::Contains("running") && Catch::Contains("this file is partial"));
  }
}

TEST_CASE("a run that is killed while its file is made leaves what can be looked at or refused") {
  std::mt19937 random(1);
  std::uniform_int_distribution<useconds_t> delay(0, 100'000);
  auto const setup = synthetic_setup(400);
  for (int trial = 0; trial < 10; ++trial) {
    TemporaryFolder const folder;
    Child child([&](int announce) { return write_until_killed(folder / "run.h5", setup, announce); });
    usleep(delay(random));
    child.kill();
    child.wait();
    bool const made = !child.announced().empty();
    auto const sentence = refusal([&] { inspect(folder / "run.h5.partial"); });
    CHECK((sentence.empty() || !made));
    CHECK(sentence.find('\n') == std::string::npos);
  }
}

TEST_CASE("a disk that is full shows at the start, as a sentence with file and reason") {
  for (rlim_t const limit : {1'000, 20'000, 60'000, 100'000, 200'000}) {
    TemporaryFolder const folder;
    auto const setup = synthetic_setup(400);
    Child child([&](int announce) {
      return with_file_size_limit(limit, [&] {
        auto const sentence = refusal([&] { RunFile(folder / "run.h5", setup); });
        return write(announce, sentence.data(), sentence.size()) == ssize_t(sentence.size()) ? 0 : 11;
      });
    });
    auto const sentence = child.announced();
    auto const status = child.wait();
    INFO(limit << ": " << sentence);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK_THAT(sentence, Catch::Contains(folder / "run.h5.partial") && Catch::Contains("File too large"));
    CHECK_FALSE(std::filesystem::exists(folder / "run.h5"));
  }
}

TEST_CASE("a disk that fails during the run ends it with a sentence, and the steps before stay readable") {
  TemporaryFolder const folder;
  auto const setup = free_setup();
  Child child([&](int announce) {
    RunFile run(folder / "run.h5", setup);
    for (std::int64_t step = 0; step < 3; ++step) run.write_step(synthetic_step(setup, step));
    return with_file_size_limit(4'096, [&] {
      auto const sentence = refusal([&] { run.write_step(synthetic_step(setup, 3)); });
      return write(announce, sentence.data(), sentence.size()) == ssize_t(sentence.size()) ? 0 : 11;
    });
  });
  auto const sentence = child.announced();
  auto const status = child.wait();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_THAT(sentence, Catch::Contains("run.h5.partial") && Catch::Contains("File too large"));
  auto const file = hdf5::File::open(folder / "run.h5.partial");
  CHECK(file.read_integers("/steps_done").at(0) == 3);
  CHECK(incomplete(file, 3) == std::vector<std::string>{});
}
