#include <stdlib.h>

#include <algorithm>
#include <set>

#include "record/run_file.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

std::string value(Provenance const& provenance, std::string const& name) {
  auto const found = std::find_if(provenance.begin(), provenance.end(), [&](auto const& entry) { return entry.first == name; });
  return found == provenance.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("provenance names build, host, processor and clock, each once") {
  auto const provenance = collect_provenance();
  std::set<std::string> names;
  for (auto const& [name, text] : provenance) CHECK(names.insert(name).second);
  for (auto const* name : {"commit", "dirty", "compiler", "build_type", "flags", "hdf5", "host", "processor", "clock"})
    CHECK_FALSE(value(provenance, name).empty());
}

TEST_CASE("provenance holds the environment that matters and no other") {
  setenv("OMP_MOESCOPE_TEST", "3,4=5", 1);
  setenv("SLURM_JOB_ID", "77", 1);
  setenv("MOESCOPE_POWERCAP", "/a/tree", 1);
  setenv("SLURM_JOB_IDENTITY", "secret", 1);
  setenv("MOESCOPE_TEST_TOKEN", "secret", 1);
  auto const provenance = collect_provenance();
  CHECK(value(provenance, "env.OMP_MOESCOPE_TEST") == "3,4=5");
  CHECK(value(provenance, "env.SLURM_JOB_ID") == "77");
  CHECK(value(provenance, "env.MOESCOPE_POWERCAP") == "/a/tree");
  for (auto const& entry : provenance) CHECK(entry.second != "secret");
}

TEST_CASE("the build is identified by a commit, marked where files had changed") {
  auto const provenance = collect_provenance();
  auto const commit = value(provenance, "commit"), dirty = value(provenance, "dirty");
  CHECK((commit == "unknown" || commit.size() == 40));
  CHECK((dirty == "true" || dirty == "false" || dirty == "unknown"));
  CHECK(build_identification() == commit + (dirty == "false" ? "" : "-dirty"));
}
