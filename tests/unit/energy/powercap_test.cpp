#include "energy/powercap.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "powercap_tree.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

using Names = std::vector<std::string>;

Names names(EnergyCounters const& counters) {
  Names all;
  for (auto const& counter : counters.found) all.push_back(counter.name);
  return all;
}

/// What `action` returns where no file of root's may be read.
template <class Action>
std::string as_nobody(Action&& action) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  auto const process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    auto const text = geteuid() == 0 && setuid(65534) != 0 ? "cannot be nobody" : action();
    _exit(write(ends[1], text.data(), text.size()) == ssize_t(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  char text[4096];
  auto const length = read(ends[0], text, sizeof(text));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  REQUIRE(length >= 0);
  return {text, std::size_t(length)};
}

/// Two packages with parts, their platform, and the second way to the first package.
void write_server(TemporaryFolder const& tree) {
  write_zone(tree, "intel-rapl:0", "package-0", 1'000'000);
  write_zone(tree, "intel-rapl:0:0", "core", 600'000);
  write_zone(tree, "intel-rapl:0:1", "dram", 20'000);
  write_zone(tree, "intel-rapl:1", "package-1", 2'000'000);
  write_zone(tree, "intel-rapl:1:0", "uncore", 300'000);
  write_zone(tree, "intel-rapl:1:1", "dram", 30'000);
  write_zone(tree, "intel-rapl:2", "psys", 9'000'000);
  write_zone(tree, "intel-rapl:2:0", "dram", 90'000);
  write_zone(tree, "intel-rapl-mmio:0", "package-0", 1'000'000);
  tree.write("intel-rapl/enabled", "1\n");
}

}  // namespace

TEST_CASE("packages and their memory are counted; what a package or the platform contains is not counted again") {
  TemporaryFolder const tree;
  write_server(tree);
  auto const counters = open_powercap(tree.path());
  CHECK(names(counters) == Names{"package-0", "package-0:dram", "package-1", "package-1:dram"});
  CHECK(counters.absent.empty());
  CHECK(counters.found[1].microjoules() == 20'000);
  CHECK(counters.found[2].microjoules() == 2'000'000);
}

TEST_CASE("packages stand in the order of their numbers, more than ten of them too") {
  TemporaryFolder const tree;
  for (int n = 11; n >= 0; --n) write_zone(tree, "intel-rapl:" + std::to_string(n), "package-" + std::to_string(n), n);
  auto const counters = open_powercap(tree.path());
  REQUIRE(counters.found.size() == 12);
  CHECK(counters.found[2].name == "package-2");
  CHECK(counters.found[10].name == "package-10");
}

TEST_CASE("a counter is read anew each time, and its range is the kernel's") {
  TemporaryFolder const tree;
  write_zone(tree, "intel-rapl:0", "package-0", 900'000, 1'000'000);
  EnergyMeter meter(open_powercap(tree.path()).found, 1);
  tree.write("intel-rapl:0/energy_uj", "950000\n");
  CHECK(meter.joules()[0] == Approx(0.05));
  tree.write("intel-rapl:0/energy_uj", "150000\n");
  CHECK(meter.joules()[0] == Approx(0.25));
  tree.write("intel-rapl:0/energy_uj", "");
  CHECK(meter.joules()[0] != meter.joules()[0]);
}

TEST_CASE("a machine without the tree, or whose tree shows no package, says so") {
  TemporaryFolder const tree;
  CHECK(open_powercap(tree / "none").absent == "there is no " + (tree / "none"));
  write_zone(tree, "intel-rapl:0", "psys", 1);
  CHECK(open_powercap(tree.path()).absent == tree.path() + " shows no package of a processor");
  CHECK(open_powercap(tree.path()).found.empty());
}

TEST_CASE("where one counter is missing or holds no number, none is read and the file is named") {
  for (std::string const lost : {"intel-rapl:1/energy_uj", "intel-rapl:1:1/energy_uj", "intel-rapl:0/max_energy_range_uj"}) {
    TemporaryFolder const tree;
    write_server(tree);
    tree.write(lost, "no number\n");
    CHECK(open_powercap(tree.path()).absent == (tree / lost) + ": holds no number");
    std::filesystem::remove(tree / lost);
    CHECK(open_powercap(tree.path()).absent == (tree / lost) + ": No such file or directory");
    CHECK(open_powercap(tree.path()).found.empty());
  }
  TemporaryFolder const tree;
  write_server(tree);
  std::filesystem::remove(tree / "intel-rapl:0/name");
  CHECK(open_powercap(tree.path()).absent == (tree / "intel-rapl:0/name") + ": No such file or directory");
}

TEST_CASE("a counter that root alone may read is told as such") {
  TemporaryFolder const tree;
  write_server(tree);
  std::filesystem::permissions(tree.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(tree / "intel-rapl:0/energy_uj", std::filesystem::perms(geteuid() == 0 ? 0400 : 0));
  auto const reason = as_nobody([&] { return open_powercap(tree.path()).absent; });
  CHECK(reason == (tree / "intel-rapl:0/energy_uj") + ": Permission denied");
  std::filesystem::permissions(tree.path(), std::filesystem::perms(0));
  CHECK(as_nobody([&] { return open_powercap(tree.path()).absent; }) == tree.path() + ": Permission denied");
  std::filesystem::permissions(tree.path(), std::filesystem::perms(0755));
}

TEST_CASE("the tree is Linux', unless the environment names another") {
  unsetenv("MOESCOPE_POWERCAP");
  CHECK(powercap_root() == "/sys/class/powercap");
  setenv("MOESCOPE_POWERCAP", "", 1);
  CHECK(powercap_root() == "/sys/class/powercap");
  setenv("MOESCOPE_POWERCAP", "/elsewhere", 1);
  CHECK(powercap_root() == "/elsewhere");
  unsetenv("MOESCOPE_POWERCAP");
}
