#include "checkpoint/safetensors.hpp"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <numeric>

#include "base/scalar.hpp"
#include "checkpoint/dtype.hpp"
#include "safetensors_bytes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"
#include "support/write_tensors.hpp"

using namespace moescope;
using test::write_tensors;
using Shape = std::vector<std::int64_t>;

TEST_CASE("what is written is read back: values, shapes, dtypes, rank 0 and size 0") {
  TemporaryFolder const folder;
  auto const path = folder / "a b \xC3\xA9\xE6\xBC\xA2.safetensors";
  write_tensors(path, {{"matrix", {"F64", {2, 3}, {1, 2, 3, -4, 0.1, 6}}},
                       {"single", {"F32", {2}, {0.5, 0.1}}},
                       {"ids", {"I64", {3}, {-100, 0, 1099511627776}}},
                       {"scalar \xCE\xB1", {"F64", {}, {42}}},
                       {"nothing", {"F64", {4, 0, 2}, {}}}});
  Safetensors const file(path);
  CHECK(file.path() == path);
  CHECK(file.tensors().size() == 5);
  CHECK(file.read("matrix", {2, 3}) == std::vector<double>{1, 2, 3, -4, 0.1, 6});
  CHECK(file.read("single") == std::vector<double>{0.5, double(0.1f)});
  CHECK(file.read_int64("ids") == std::vector<std::int64_t>{-100, 0, 1099511627776});
  CHECK(file.read("scalar \xCE\xB1", {}) == std::vector<double>{42});
  CHECK(file.read("nothing", {4, 0, 2}).empty());
  CHECK(file.info("matrix").dtype == "F64");
  CHECK(file.info("nothing").elements() == 0);
  CHECK(file.info("scalar \xCE\xB1").elements() == 1);
  for (auto const& [name, info] : file.tensors()) CHECK(info.begin % 8 == 0);
}

TEST_CASE("an empty set of tensors is a legal file") {
  TemporaryFolder const folder;
  write_tensors(folder / "empty.safetensors", {});
  CHECK(Safetensors(folder / "empty.safetensors").tensors().empty());
}

TEST_CASE("metadata is skipped and trailing spaces are padding") {
  TemporaryFolder const folder;
  auto const path = folder.write("x", safetensors_bytes(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[1],)"
                                                        R"("data_offsets":[0,1]}}   )",
                                                        "\x07"));
  Safetensors const file(path);
  CHECK_FALSE(file.has("__metadata__"));
  CHECK(file.has("a"));
  CHECK(file.read_int64("a") == std::vector<std::int64_t>{7});
}

TEST_CASE("data at odd addresses is read") {
  TemporaryFolder const folder;
  auto const buffer = raw<std::uint8_t>({1}) + raw<double>({3.25, -1e300}) + raw<float>({-2.5f}) + raw<std::int64_t>({-9}) +
                      raw<std::int32_t>({-8, 5});
  std::string header = R"({"byte":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},)"
                       R"("doubles":{"dtype":"F64","shape":[2],"data_offsets":[1,17]},)"
                       R"("float":{"dtype":"F32","shape":[1],"data_offsets":[17,21]},)"
                       R"("long":{"dtype":"I64","shape":[1],"data_offsets":[21,29]},)"
                       R"("ints":{"dtype":"I32","shape":[2],"data_offsets":[29,37]}})";
  for (int padding = 0; padding < 8; ++padding, header += ' ') {
    Safetensors const file(folder.write("odd" + std::to_string(padding), safetensors_bytes(header, buffer)));
    CHECK(file.read_int64("byte") == std::vector<std::int64_t>{1});
    CHECK(file.read("doubles") == std::vector<double>{3.25, -1e300});
    CHECK(file.read("float") == std::vector<double>{-2.5});
    CHECK(file.read_int64("long") == std::vector<std::int64_t>{-9});
    CHECK(file.read_int64("ints") == std::vector<std::int64_t>{-8, 5});
  }
}

TEST_CASE("half-width floats have the values of their definitions") {
  TemporaryFolder const folder;
  auto const read = [&](std::string const& dtype, std::vector<std::uint16_t> const& bits) {
    auto const bytes = std::to_string(2 * bits.size());
    auto const header =
        R"({"h":{"dtype":")" + dtype + R"(","shape":[)" + std::to_string(bits.size()) + R"(],"data_offsets":[0,)" + bytes + "]}}";
    return Safetensors(folder.write(dtype, safetensors_bytes(header, raw(bits)))).read("h");
  };
  auto const half = read("F16", {0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x03FF, 0x3555, 0x8000, 0x7C00, 0xFC00, 0x7E00});
  CHECK(half[0] == 1.0);
  CHECK(half[1] == -2.0);
  CHECK(half[2] == 65504.0);
  CHECK(half[3] == std::ldexp(1.0, -14));
  CHECK(half[4] == std::ldexp(1.0, -24));
  CHECK(half[5] == std::ldexp(1023.0, -24));
  CHECK(half[6] == 0.333251953125);
  CHECK((half[7] == 0.0 && std::signbit(half[7])));
  CHECK(half[8] == std::numeric_limits<double>::infinity());
  CHECK(half[9] == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(half[10]));
  auto const brain = read("BF16", {0x3F80, 0xC000, 0x4049, 0x0001, 0x7F7F, 0x8000, 0x7F80, 0x7FC0});
  CHECK(brain[0] == 1.0);
  CHECK(brain[1] == -2.0);
  CHECK(brain[2] == 3.140625);
  CHECK(brain[3] == std::ldexp(1.0, -133));
  CHECK(brain[4] == std::ldexp(255.0, 120));
  CHECK((brain[5] == 0.0 && std::signbit(brain[5])));
  CHECK(brain[6] == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(brain[7]));
}

TEST_CASE("a slice equals the same part of the whole tensor") {
  TemporaryFolder const folder;
  std::vector<double> values(2 * 3 * 5);
  std::iota(values.begin(), values.end(), 0.5);
  write_tensors(folder / "t", {{"matrix", {"F32", {6, 5}, values}},
                               {"stack", {"F64", {2, 3, 5}, values}},
                               {"vector", {"F64", {30}, values}},
                               {"scalar", {"F64", {}, {7}}}});
  Safetensors const file(folder / "t");
  for (auto const* name : {"matrix", "stack"})
    for (std::int64_t r0 = 0; r0 <= 6; ++r0)
      for (std::int64_t r1 = r0; r1 <= 6; ++r1)
        for (std::int64_t c0 = 0; c0 <= 5; ++c0)
          for (std::int64_t c1 = c0; c1 <= 5; ++c1) {
            std::vector<double> expected;
            for (auto r = r0; r < r1; ++r)
              for (auto c = c0; c < c1; ++c) expected.push_back(values[std::size_t(r * 5 + c)]);
            if (file.read_slice(name, {r0, r1}, {c0, c1}) != expected)
              FAIL(name << " " << r0 << " " << r1 << " " << c0 << " " << c1);
          }
  CHECK(file.read_slice("matrix", {2, 3}, {0, 5}) == std::vector<double>{10.5, 11.5, 12.5, 13.5, 14.5});
  CHECK(file.read_slice("vector", {0, 1}, {28, 30}) == std::vector<double>{28.5, 29.5});
  CHECK(file.read_slice("scalar", {0, 1}, {0, 1}) == std::vector<double>{7});
}

TEST_CASE("a wrong request is answered by a sentence with file, tensor and what is there") {
  TemporaryFolder const folder;
  auto const path = folder / "t.safetensors";
  write_tensors(path, {{"weight", {"F64", {2, 3}, {1, 2, 3, 4, 5, 6}}}, {"ids", {"I64", {1}, {1}}}});
  Safetensors const file(path);
  auto const absent = user_error_of([&] { file.info("wait"); });
  CHECK((mentions(absent, path) && mentions(absent, "'wait'")));
  auto const shape = user_error_of([&] { file.read("weight", {3, 2}); });
  CHECK((mentions(shape, path) && mentions(shape, "'weight'") && mentions(shape, "[2, 3]") && mentions(shape, "[3, 2]")));
  CHECK(mentions(user_error_of([&] { file.read("ids"); }), "I64"));
  CHECK(mentions(user_error_of([&] { file.read_int64("weight"); }), "F64"));
  for (auto const& [rows, columns] : std::vector<std::pair<Range, Range>>{
           {{0, 3}, {0, 3}}, {{0, 2}, {0, 4}}, {{-1, 1}, {0, 3}}, {{2, 1}, {0, 3}}, {{0, 2}, {-1, 1}}, {{0, 2}, {3, 2}}})
    CHECK(mentions(user_error_of([&, r = rows, c = columns] { file.read_slice("weight", r, c); }), "no part of rows"));
}

TEST_CASE("writing replaces the file at once, and a failed write leaves the old one and no rubbish") {
  TemporaryFolder const folder;
  auto const path = folder / "t";
  write_tensors(path, {{"a", {"F64", {1}, {1}}}});
  write_tensors(path, {{"a", {"F64", {1}, {2}}}});
  CHECK(Safetensors(path).read("a") == std::vector<double>{2});

  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit const small{4096, before.rlim_max};
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  auto const sentence = user_error_of([&] { write_tensors(path, {{"a", {"F64", {100000}, std::vector<double>(100000)}}}); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK((mentions(sentence, path) && mentions(sentence, "cannot be written")));
  CHECK(Safetensors(path).read("a") == std::vector<double>{2});
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 1);
  CHECK(mentions(user_error_of([&] { write_tensors(folder / "no/such/folder", {}); }), "cannot be written"));
}

TEST_CASE("storage types are saved under names of their size") {
#define MOESCOPE_CHECK_SIZE(T) CHECK(bits_of_dtype(std::string(StorageType<T>::safetensors)) == 8 * scalar_of<T>.stored);
  MOESCOPE_FOR_SCALARS(MOESCOPE_CHECK_SIZE)
#undef MOESCOPE_CHECK_SIZE
}
