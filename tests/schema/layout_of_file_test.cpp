#include <hdf5.h>

#include <set>

#include "record/hdf5/file.hpp"
#include "record/schema.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

/// Paths of all datasets, as the library finds them.
std::set<std::string> datasets_in(std::string const& path) {
  std::set<std::string> found;
  auto const visit = [](hid_t file, char const* name, H5L_info_t const*, void* paths) -> herr_t {
    hid_t const object = H5Oopen(file, name, H5P_DEFAULT);
    if (H5Iget_type(object) == H5I_DATASET) static_cast<std::set<std::string>*>(paths)->insert(std::string("/") + name);
    return H5Oclose(object);
  };
  hdf5::FileHandle const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  REQUIRE(H5Lvisit(file.id(), H5_INDEX_NAME, H5_ITER_INC, visit, &found) >= 0);
  return found;
}

}  // namespace

TEST_CASE("a run file holds the datasets of the schema and no others") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup());
  std::set<std::string> expected;
  for (auto const& spec : schema::datasets()) expected.insert(spec.path);
  CHECK(expected.size() == schema::datasets().size());
  CHECK(datasets_in(path) == expected);
}

TEST_CASE("every dataset says its units and its long name") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup());
  auto const file = hdf5::File::open(path);
  for (auto const& spec : schema::datasets()) {
    INFO(spec.path);
    CHECK(file.read_attribute(spec.path, "units") == spec.units);
    CHECK(file.read_attribute(spec.path, "long_name") == spec.long_name);
    CHECK_FALSE(spec.units.empty());
    CHECK_FALSE(spec.long_name.empty());
  }
}

TEST_CASE("extents of every dataset are those of its dimension scales") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup());
  auto const file = hdf5::File::open(path);
  for (auto const& spec : schema::datasets()) {
    INFO(spec.path);
    auto const extents = file.extents(spec.path);
    REQUIRE(extents.size() == spec.dims.size());
    for (std::size_t d = 0; d < extents.size(); ++d) CHECK(extents[d] == file.extents("/" + spec.dims[d]).at(0));
  }
  CHECK(file.extents("/detail_step").at(0) == 3);
  CHECK(file.read_text("/router") == std::vector<std::string>{"0.ffn", "1.ffn"});
  CHECK(file.read_text("/node") == std::vector<std::string>{"alpha", "beta"});
  CHECK(file.read_integers("/provenance/rank_node") == std::vector<std::int64_t>{0, 0, 1, 1});
}

TEST_CASE("what was not written is NaN or -1") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(3);
  {
    RunFile run(folder / "run.h5", setup);
    run.write_step(synthetic_step(setup, 0));
  }
  auto const file = hdf5::File::open(folder / "run.h5.partial");
  CHECK(file.read_attribute("/", "status") == "failed");
  CHECK(file.read_integers("/steps_done").at(0) == 1);
  for (auto const& spec : schema::datasets()) {
    if (spec.dims.empty() || spec.is_scale() || spec.dims[0] != "step") continue;
    INFO(spec.path);
    auto const values = file.read_numbers(spec.path);
    for (auto i = values.size() / 3; i < values.size(); ++i)
      CHECK((spec.type == hdf5::Type::f64 ? values[i] != values[i] : values[i] == -1));
  }
}

TEST_CASE("a configuration longer than an attribute holds is a dataset of the same name") {
  TemporaryFolder const folder;
  auto setup = synthetic_setup();
  setup.config.toml = "# " + std::string(100'000, 'x') + "\n";
  auto const path = write_synthetic_run(folder / "run.h5", setup);
  auto const file = hdf5::File::open(path);
  CHECK(file.read_text("/config/toml").at(0) == setup.config.toml);
  CHECK(file.read_attribute("/config", "resolved") == to_json(setup.config));
}

TEST_CASE("one rank, no domain and no evaluation make a file that opens") {
  TemporaryFolder const folder;
  auto setup = synthetic_setup(2);
  setup.config.layout = {};
  setup.layout = Layout(setup.config.layout, 1);
  setup.collectives = traffic::collectives(setup.config, setup.layout);
  setup.hosts = {"alpha"};
  setup.energy = {};
  setup.domains.clear();
  setup.eval_steps.clear();
  REQUIRE(setup.collectives.empty());
  RunFile run(folder / "run.h5", setup);
  auto report = synthetic_step(setup, 0);
  report.domain_tokens.clear();
  run.write_step(report);
  run.finish("complete", "");
  auto const file = hdf5::File::open(run.path());
  CHECK(file.extents("/raw/collective_calls") == std::vector<hsize_t>{2, 1, 0});
  CHECK(file.read_integers("/raw/collective_calls").empty());
  CHECK(file.read_numbers("/raw/loss/total").at(0) == 4.5);
  CHECK_FALSE(inspect(run.path()).empty());
}
