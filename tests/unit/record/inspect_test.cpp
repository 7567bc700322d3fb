#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "record/compare.hpp"
#include "record/csv.hpp"
#include "record/hdf5/file.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

std::vector<char> bytes_of(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(std::string const& path, std::vector<char> const& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
}

/// Opens a finished run file for `damage(file id)`.
template <class Damage>
void damage_file(std::string const& path, Damage&& damage) {
  hdf5::FileHandle const file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
  REQUIRE(file.id() >= 0);
  damage(file.id());
}

}  // namespace

TEST_CASE("inspect tells status, steps, configuration, losses, evaluations, imbalance and bytes") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(5);
  auto const text = inspect(write_synthetic_run(folder / "run.h5", setup));
  std::int64_t choices = 0;  // of the last of 5 steps, in 2 micro-steps
  for (std::int64_t i = 0; i < 2 * 4 * 4; ++i) choices += 2 * synthetic_routed(4, i / 16, i / 4 % 4, i % 4);
  auto const chosen = fmt::format("{:.3g}", double(choices) / (12 * 2));  // 12 tokens, 2 layers
  CHECK_THAT(text, Catch::Contains("complete") && Catch::Contains("5 of 5 done, 2 of them warm-up"));
  CHECK_THAT(text, Catch::Contains("2 layers, hidden 8, 4 experts (" + chosen + " chosen by a token), gate noisy_top_k"));
  CHECK_THAT(text, Catch::Contains("on 2 node(s)") && Catch::Contains("4.0000 -> 3.7500 nat"));
  CHECK_THAT(text, Catch::Contains("after 5 steps:  code 3.1875  prose 3.2500 nat"));
  CHECK_THAT(text, Catch::Contains("max/mean") && Catch::Contains("ep.dispatch.forward"));
  CHECK_THAT(text, !Catch::Contains("DIFFERENT") && !Catch::Contains("partial"));
}

TEST_CASE("inspect tells whether gates chose, or what else did") {
  TemporaryFolder const folder;
  auto setup = synthetic_setup(5);
  CHECK_THAT(inspect(write_synthetic_run(folder / "natural.h5", setup)), Catch::Contains("routing     natural\n"));
  setup.config.routing.forced = "zipf";
  CHECK_THAT(inspect(write_synthetic_run(folder / "forced.h5", setup)), Catch::Contains("routing     forced:zipf\n"));
}

TEST_CASE("inspect tells the energy of a free run whose hosts counted it, and of whom it is") {
  TemporaryFolder const folder;
  auto setup = synthetic_setup(10);
  auto const path = folder / "run.h5";
  CHECK_THAT(inspect(write_synthetic_run(folder / "phased.h5", setup)), !Catch::Contains("energy"));
  setup.config.train.timing = "free";
  CHECK_THAT(inspect(write_synthetic_run(path, setup)),
             Catch::Contains("energy      5.625 J a token, 67.5 J a step: all that 3 sensor(s) counted, other processes too\n"));
  damage_file(path, [](hid_t file) { REQUIRE(H5Ldelete(file, "/derived/summary/joules_per_token", H5P_DEFAULT) >= 0); });
  CHECK_THAT(inspect(path), !Catch::Contains("energy") && Catch::Contains("throughput"));
}

TEST_CASE("inspect of a run that has not made a step says so") {
  TemporaryFolder const folder;
  { RunFile(folder / "run.h5", synthetic_setup(5)); }
  CHECK_THAT(inspect(folder / "run.h5.partial"), Catch::Contains("0 of 5 done") && Catch::Contains("this file is partial") &&
                                                     Catch::Contains("4 experts, gate noisy_top_k"));
}

TEST_CASE("what is no run file is refused in one sentence") {
  TemporaryFolder const folder;
  CHECK_THAT(refusal([&] { inspect(folder / "none.h5"); }), Catch::Contains("none.h5: no such file"));
  write_bytes(folder / "text.h5", {'t', 'e', 'x', 't'});
  CHECK_THAT(refusal([&] { inspect(folder / "text.h5"); }), Catch::Contains("is not an HDF5 file"));
  write_bytes(folder / "empty.h5", {});
  CHECK_THAT(refusal([&] { inspect(folder / "empty.h5"); }), Catch::Contains("is not an HDF5 file"));
  { hdf5::File::create(folder / "other.h5").flush(); }
  CHECK_THAT(refusal([&] { inspect(folder / "other.h5"); }), Catch::Contains("no run file of moescope"));
}

TEST_CASE("a run file that lost a dataset is refused by the dataset's name") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup(2));
  damage_file(path, [](hid_t file) { REQUIRE(H5Ldelete(file, "/computed/calls", H5P_DEFAULT) >= 0); });
  CHECK_THAT(refusal([&] { inspect(path); }), Catch::Contains("has no dataset /computed/calls"));
}

TEST_CASE("a run file of a program that did not know a dataset yet is read without it") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup(2));
  damage_file(path, [](hid_t file) { REQUIRE(H5Ldelete(file, "/derived/imbalance/experts/gini", H5P_DEFAULT) >= 0); });
  CHECK_THAT(inspect(path), Catch::Contains("complete"));
}

TEST_CASE("a dataset that does not fit its dimension scales is refused by its name") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup(2));
  damage_file(path, [](hid_t file) {
    REQUIRE(H5Ldelete(file, "/raw/loss/total", H5P_DEFAULT) >= 0);
    REQUIRE(H5Lcreate_hard(file, "/raw/rank_rows", file, "/raw/loss/total", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  CHECK_THAT(refusal([&] { inspect(path); }), Catch::Contains("/raw/loss/total has not the extents"));
}

TEST_CASE("more steps done than the file has room for are refused") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup(2));
  damage_file(path, [](hid_t file) {
    std::int64_t const steps = 3;
    hdf5::DatasetHandle const done(H5Dopen2(file, "/steps_done", H5P_DEFAULT));
    REQUIRE(H5Dwrite(done.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &steps) >= 0);
  });
  CHECK_THAT(refusal([&] { inspect(path); }), Catch::Contains("/steps_done is 3, more than the file's steps"));
}

TEST_CASE("a file of another schema version is refused with both versions") {
  TemporaryFolder const folder;
  auto const path = write_synthetic_run(folder / "run.h5", synthetic_setup(1));
  damage_file(path, [](hid_t file) {
    std::int64_t const version = 2;
    hdf5::AttributeHandle const attribute(H5Aopen(file, "schema_version", H5P_DEFAULT));
    REQUIRE(H5Awrite(attribute.id(), H5T_NATIVE_INT64, &version) >= 0);
  });
  CHECK_THAT(refusal([&] { inspect(path); }), Catch::Contains("has schema version 2, this program reads version 1"));
}

TEST_CASE("a truncated run file is refused in one sentence, wherever it was cut") {
  TemporaryFolder const folder;
  auto const whole = bytes_of(write_synthetic_run(folder / "run.h5", synthetic_setup(2)));
  for (std::size_t percent = 1; percent < 100; percent += 7) {
    auto bytes = whole;
    bytes.resize(whole.size() * percent / 100);
    write_bytes(folder / "cut.h5", bytes);
    auto const sentence = refusal([&] { inspect(folder / "cut.h5"); });
    INFO(percent << " %: " << sentence);
    CHECK_THAT(sentence, Catch::Contains("cut.h5"));
    CHECK(sentence.find('\n') == std::string::npos);
  }
}

TEST_CASE("run files with the names of an earlier program are inspected, compared and printed like those of this one") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(5);
  auto const now = write_synthetic_run(folder / "now.h5", setup), before = write_synthetic_run(folder / "before.h5", setup);
  auto const text = inspect(before).substr(inspect(before).find('\n'));
  auto const comparison = compare(now, before)["agreement"].dump();
  std::ostringstream imbalance, imbalance_before;
  write_dataset_csv(now, "derived/imbalance/ranks/max_over_mean", imbalance);
  damage_file(before, [](hid_t file) {
    auto const rename = [&](char const* from, char const* to) {
      REQUIRE(H5Lmove(file, from, file, to, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    };
    rename("/evaluation", "/eval");
    for (std::string const level : {"expert", "rank", "node"})
      rename(("/derived/imbalance/" + level + "s").c_str(), ("/derived/imbalance/" + level).c_str());
  });
  CHECK(inspect(before).substr(inspect(before).find('\n')) == text);
  CHECK(compare(now, before)["agreement"].dump() == comparison);
  CHECK(comparison.size() > 100);
  write_dataset_csv(before, "derived/imbalance/ranks/max_over_mean", imbalance_before);
  CHECK(imbalance_before.str() == imbalance.str());
}
