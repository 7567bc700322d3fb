#include "checkpoint/sharded.hpp"

#include <filesystem>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"
#include "support/write_tensors.hpp"

using namespace moescope;
using test::write_tensors;

namespace {

constexpr char const* index_name = "model.safetensors.index.json";

std::string refusal(std::string const& path) {
  return user_error_of([&] { TensorStore const store(path); });
}

void write_two_shards(TemporaryFolder const& folder) {
  write_tensors(folder / "one.safetensors", {{"a", {"F64", {2, 2}, {1, 2, 3, 4}}}});
  write_tensors(folder / "two.safetensors", {{"b", {"F64", {3}, {5, 6, 7}}}, {"ids", {"I64", {1}, {8}}}});
  folder.write(index_name, R"({"metadata":{"total_size":64},"weight_map":{"a":"one.safetensors","b":"two.safetensors",)"
                           R"("ids":"two.safetensors"}})");
}

}  // namespace

TEST_CASE("one file, its folder, and a folder of shards give the same tensors") {
  TemporaryFolder const single, shards;
  write_tensors(single / "model.safetensors",
                {{"a", {"F64", {2, 2}, {1, 2, 3, 4}}}, {"b", {"F64", {3}, {5, 6, 7}}}, {"ids", {"I64", {1}, {8}}}});
  write_two_shards(shards);
  for (auto const& path : {single / "model.safetensors", single.path(), shards.path(), shards / index_name}) {
    TensorStore const store(path);
    CHECK(store.names() == std::vector<std::string>{"a", "b", "ids"});
    CHECK(store.has("a"));
    CHECK_FALSE(store.has("c"));
    CHECK(store.info("b").shape == std::vector<std::int64_t>{3});
    CHECK(store.read("a", {2, 2}) == std::vector<double>{1, 2, 3, 4});
    CHECK(store.read("b") == std::vector<double>{5, 6, 7});
    CHECK(store.read_slice("a", {1, 2}, {0, 2}) == std::vector<double>{3, 4});
    CHECK(store.read_slice("a", {0, 2}, {1, 2}) == std::vector<double>{2, 4});
    CHECK(store.read_slice("b", {0, 1}, {1, 3}) == std::vector<double>{6, 7});
    CHECK(store.read_int64("ids") == std::vector<std::int64_t>{8});
    CHECK(mentions(user_error_of([&] { store.read("c"); }), "'c'"));
  }
}

TEST_CASE("a shard is opened only when one of its tensors is asked for") {
  TemporaryFolder const folder;
  write_two_shards(folder);
  folder.write("two.safetensors", "broken");
  TensorStore const store(folder.path());
  CHECK(store.read("a").size() == 4);
  CHECK(mentions(user_error_of([&] { store.read("b"); }), folder / "two.safetensors"));
}

TEST_CASE("a missing shard is reported on opening, with the index and a tensor that it should hold") {
  TemporaryFolder const folder;
  write_two_shards(folder);
  std::filesystem::remove(folder / "two.safetensors");
  auto const sentence = refusal(folder.path());
  CHECK((mentions(sentence, index_name) && mentions(sentence, folder / "two.safetensors") && mentions(sentence, "'b'")));
}

TEST_CASE("a tensor that its shard does not hold is reported with the shard") {
  TemporaryFolder const folder;
  write_two_shards(folder);
  folder.write(index_name, R"({"weight_map":{"b":"one.safetensors"}})");
  TensorStore const store(folder.path());
  auto const sentence = user_error_of([&] { store.read("b"); });
  CHECK((mentions(sentence, folder / "one.safetensors") && mentions(sentence, "'b'")));
}

TEST_CASE("what is no checkpoint is refused by a sentence that says why") {
  TemporaryFolder const folder;
  CHECK(mentions(refusal(folder / "absent"), "no such checkpoint"));
  CHECK(mentions(refusal(folder.path()), "neither model.safetensors nor"));
  for (auto const& [index, reason] :
       std::vector<std::pair<std::string, std::string>>{{"", "JSON is not valid"},
                                                        {"[]", "weight_map"},
                                                        {"{}", "weight_map"},
                                                        {R"({"weight_map":[]})", "weight_map"},
                                                        {R"({"weight_map":{"a":1}})", "weight_map['a']"},
                                                        {R"({"weight_map":{"a":"../one.safetensors"}})", "weight_map['a']"},
                                                        {R"({"weight_map":{"a":"x","a":"y"}})", "'a' stands twice"},
                                                        {R"({"weight_map":{"a":""}})", "missing"}}) {
    folder.write(index_name, index);
    auto const sentence = refusal(folder.path());
    INFO(index << " -> " << sentence);
    CHECK((mentions(sentence, index_name) && mentions(sentence, reason)));
  }
}
