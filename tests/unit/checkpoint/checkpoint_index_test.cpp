#include "checkpoint/checkpoint_index.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"
#include "unit/model/models.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

CheckpointIndex example() {
  return {50,
          49,
          "abc",
          "../../run.h5",
          R"({"train":{"steps":99}})",
          "ff",
          {{"w", {4, 6, {{0, {0, 4}, {0, 3}}, {2, {0, 4}, {3, 6}}}}}},
          1'700'000'000'000'000'001,
          {0xCBF43926, 7}};
}

std::string write_checkpoint(TemporaryFolder const& folder, std::string const& name, std::string const& text) {
  folder.write(name + "/checkpoint.json", text);
  return folder / name;
}

}  // namespace

TEST_CASE("the pieces of every tensor cover it once, in every layout") {
  int checked = 0;
  for_each_layout([&](NamedModel const& each, Layout const& layout) {
    bool once = true;
    for (auto const& [name, tensor] : pieces_of(each.model, layout)) {
      std::vector<int> count(std::size_t(tensor.rows * tensor.columns));
      for (auto const& piece : tensor.pieces)
        for (auto r = piece.rows.begin; r < piece.rows.end; ++r)
          for (auto c = piece.columns.begin; c < piece.columns.end; ++c) ++count.at(std::size_t(r * tensor.columns + c));
      for (auto const n : count) once = once && n == 1;
    }
    INFO(each.name << ", " << layout.describe());
    CHECK(once);
    ++checked;
  });
  CHECK(checked > 100);
}

TEST_CASE("what an index says is read back") {
  TemporaryFolder const folder;
  auto const path = write_checkpoint(folder, "step_00000050", index_text(example()));
  auto const index = read_checkpoint_index(path);
  CHECK(index.steps == 50);
  CHECK(index.updates == 49);
  CHECK(index.launch == "abc");
  CHECK(index.run_file == "../../run.h5");
  CHECK(nlohmann::json::parse(index.configuration) == nlohmann::json::parse(example().configuration));
  CHECK(index.data_fingerprint == "ff");
  CHECK(index.written == example().written);
  CHECK(index.shard_checksums == example().shard_checksums);
  REQUIRE(index.tensors.size() == 1);
  auto const& tensor = index.tensors.at("w");
  CHECK((tensor.rows == 4 && tensor.columns == 6 && tensor.pieces.size() == 2));
  CHECK(tensor.pieces[1].shard == 2);
  CHECK(tensor.pieces[1].rows == Range{0, 4});
  CHECK(tensor.pieces[1].columns == Range{3, 6});
}

TEST_CASE("the newest whole checkpoint of a folder is found, or the one that is named") {
  TemporaryFolder const folder;
  CHECK(mentions(user_error_of([&] { find_checkpoint(folder.path()); }), "no checkpoint"));
  CHECK(mentions(user_error_of([&] { find_checkpoint(folder / "absent"); }), "no checkpoint"));
  CHECK(checkpoints_in(folder / "absent").empty());
  auto const first = write_checkpoint(folder, checkpoint_name(9), "{}"),
             second = write_checkpoint(folder, checkpoint_name(10), "{}");
  write_checkpoint(folder, checkpoint_name(11) + ".partial", "{}");
  folder.write(checkpoint_name(12) + "/shard_00000.safetensors", "");
  CHECK(checkpoints_in(folder.path()) == std::vector{first, second});
  CHECK(find_checkpoint(folder.path()) == second);
  CHECK(find_checkpoint(first) == first);
}

TEST_CASE("a damaged index is refused by a sentence that says where") {
  TemporaryFolder const folder;
  auto const good = nlohmann::json::parse(index_text(example()));
  auto const refusal = [&](std::string const& text) {
    auto const path = write_checkpoint(folder, "step_1", text);
    return user_error_of([&] { read_checkpoint_index(path); });
  };
  CHECK(mentions(refusal("{\"format\":1"), "JSON is not valid"));
  CHECK(mentions(refusal("[]"), "no JSON object"));
  for (auto const* name : {"format", "steps", "updates", "launch", "run_file", "configuration", "data_fingerprint", "written",
                           "shard_checksums", "tensors"}) {
    auto damaged = good;
    damaged.erase(name);
    CHECK(mentions(refusal(damaged.dump()), std::string("'") + name + "' is missing"));
  }
  auto const with = [&](std::string const& pointer, nlohmann::json const& value) {
    auto damaged = good;
    damaged[nlohmann::json::json_pointer(pointer)] = value;
    return refusal(damaged.dump());
  };
  CHECK(mentions(with("/format", 1), "format 1"));
  CHECK(mentions(with("/shard_checksums", nlohmann::json::array({-1})), "shard_checksums"));
  CHECK(mentions(with("/steps", -1), "'steps' must be a count"));
  CHECK(mentions(with("/launch", 1), "'launch' must be text"));
  CHECK(mentions(with("/tensors", 1), "'tensors'"));
  for (auto const& piece : {R"([[0,0,4,0]])", R"([[0,0,5,0,3]])", R"([[0,0,4,3,0]])", R"([[0,0,4,0,"x"]])", "[1]", "1"})
    CHECK(mentions(with("/tensors/w/pieces", nlohmann::json::parse(piece)), "'pieces' of tensor 'w'"));
  CHECK(mentions(with("/tensors/w/shape", {1}), "'shape' of tensor 'w'"));
}
