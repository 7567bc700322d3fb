#include <cmath>

#include "base/error.hpp"
#include "record/hdf5/file.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;
using hdf5::Type;

TEST_CASE("rows of every type read back, and untouched rows hold the fill value") {
  TemporaryFolder const folder;
  auto const path = folder / "file.h5";
  {
    auto file = hdf5::File::create(path);
    auto numbers = file.create_dataset("/group/numbers", Type::f64, {3, 2});
    auto wide = file.create_dataset("/wide", Type::i64, {2});
    auto narrow = file.create_dataset("/narrow", Type::u32, {2, 1});
    auto small = file.create_dataset("/small", Type::i32, {2});
    numbers.write_row(1, std::vector<double>{0.5, -2});
    wide.write_row(0, std::vector<std::int64_t>{std::int64_t(1) << 40});
    narrow.write_row(0, std::vector<std::int64_t>{3'000'000'000});
    small.write_row(0, std::vector<std::int64_t>{-2'000'000'000});
  }
  auto const file = hdf5::File::open(path);
  auto const numbers = file.read_numbers("/group/numbers");
  CHECK(std::isnan(numbers[1]));
  CHECK(numbers[2] == 0.5);
  CHECK(numbers[3] == -2);
  CHECK(std::isnan(numbers[4]));
  CHECK(file.read_integers("/wide") == std::vector<std::int64_t>{std::int64_t(1) << 40, -1});
  CHECK(file.read_integers("/narrow") == std::vector<std::int64_t>{3'000'000'000, 4'294'967'295});
  CHECK(file.read_integers("/small") == std::vector<std::int64_t>{-2'000'000'000, -1});
  CHECK(file.extents("/group/numbers") == std::vector<hsize_t>{3, 2});
}

TEST_CASE("text keeps its bytes, also beyond ASCII") {
  TemporaryFolder const folder;
  {
    auto file = hdf5::File::create(folder / "file.h5");
    file.create_dataset("/names", Type::text, {3}, 6).write(std::vector<std::string>{"a", "", "größe"});
    file.write_attribute("/", "title", "Übersicht");
    file.write_attribute("/", "empty", "");
    file.write_attribute("/", "number", std::int64_t(-7));
    file.write_attribute("/", "room", "x", 8);
    file.write_attribute("/", "room", "longer than the room");
  }
  auto const file = hdf5::File::open(folder / "file.h5");
  CHECK(file.read_text("/names") == std::vector<std::string>{"a", "", "größ"});
  CHECK(file.read_attribute("/", "title") == "Übersicht");
  CHECK(file.read_attribute("/", "empty").empty());
  CHECK(file.read_attribute("/", "number") == "-7");
  CHECK(file.read_attribute("/", "room") == "longer t");
}

TEST_CASE("a row of another length, or beyond the end, is a programmer's error") {
  TemporaryFolder const folder;
  auto file = hdf5::File::create(folder / "file.h5");
  auto dataset = file.create_dataset("/data", Type::f64, {2, 2});
  CHECK_THROWS_AS(dataset.write_row(0, std::vector<double>{1}), std::logic_error);
  CHECK_THROWS_AS(dataset.write_row(2, std::vector<double>{1, 2}), std::logic_error);
  CHECK_THROWS_AS(dataset.write_row(-1, std::vector<double>{1, 2}), std::logic_error);
}

TEST_CASE("a file that cannot be made says its path and the system's reason") {
  CHECK_THAT(refusal([] { hdf5::File::create("/nowhere/file.h5"); }),
             Catch::Contains("/nowhere/file.h5") && Catch::Contains("No such file or directory"));
}
