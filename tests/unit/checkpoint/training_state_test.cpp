#include "checkpoint/training_state.hpp"

#include <filesystem>
#include <optional>

#include "checkpoint/safetensors.hpp"
#include "support/mpi_require.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"
#include "unit/model/models.hpp"
#include "unit/model/untrained.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

namespace fs = std::filesystem;

/// A function of tensor, kind and global position alone.
double value(TensorSpec const& spec, int kind, std::int64_t row, std::int64_t column) {
  return double(std::hash<std::string>()(spec.name) % 1000) + kind * 1e4 + 1e-3 * double(row * spec.columns + column) + 1e-9;
}

template <class T>
TrainingBuffers<T> make_state(TensorTable const& table) {
  return {make_buffers<T>(table, "a"), {{"first_moment.", make_buffers<Accumulate<T>>(table, "b")}}};
}

template <class T, class Visit>
void visit(TensorTable const& table, TrainingBuffers<T> const& state, Visit&& action) {
  int kind = 0;
  for_each_buffers(state, [&]<class Number>(std::string const&, FlatBuffers<Number> const& buffers) {
    for (auto const& spec : table.specs()) {
      auto const matrix = buffers.matrix(spec);
      for (std::int64_t r = 0; r < spec.held_rows.size(); ++r)
        for (std::int64_t c = 0; c < spec.held_columns.size(); ++c)
          action(matrix(r, c), Number(value(spec, kind, spec.held_rows.begin + r, spec.held_columns.begin + c)));
    }
    ++kind;
  });
}

/// A folder that all ranks name alike; rank 0 makes and removes it.
class SharedFolder {
 public:
  explicit SharedFolder(Communicator const& world) : world_(world) {
    if (world.rank() == 0) own_.emplace();
    std::string const path = own_ ? own_->path() : "";
    std::vector<char> bytes(path.begin(), path.end());
    world.broadcast(bytes, 0);
    path_.assign(bytes.begin(), bytes.end());
  }
  ~SharedFolder() { world_.barrier(); }
  std::string operator/(std::string const& name) const { return path_ + "/" + name; }

 private:
  Communicator const world_;
  std::optional<TemporaryFolder> own_;
  std::string path_;
};

template <class T>
void save(Communicator const& world, std::string const& folder, ModelConfig const& model, Layout const& layout) {
  auto const table = tensor_table(model, layout, world.rank());
  auto const state = make_state<T>(table);
  visit(table, state, [](T& element, T expected) { element = expected; });
  CheckpointIndex index{3, 3, "id", "../run.h5", "{}", "", {}};
  if (world.rank() == 0) index.tensors = pieces_of(model, layout);
  save_checkpoint<T>(world, folder, index, table, state);
}

/// Whether every element that `rank` of `layout` holds comes back with its last bit.
template <class T>
bool comes_back(std::string const& folder, ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  auto const table = tensor_table(model, layout, rank);
  auto const state = make_state<T>(table);
  restore_checkpoint<T>(folder, read_checkpoint_index(folder), table, state);
  bool equal = true;
  visit(table, state, [&](T const& element, T expected) { equal = equal && element == expected; });
  return equal;
}

Layout last_of(ModelConfig const& model, std::int64_t ranks) {
  std::optional<Layout> found;
  for (auto const& layout : layouts_of(model))
    if (layout.ranks() == ranks) found = layout;
  return *found;
}

}  // namespace

TEST_CASE("what one layout saves every layout restores, to the last bit") {
  auto const world = Communicator::world();
  SharedFolder const folder(world);
  int checked = 0;
  for (auto const& each : awkward_models()) {
    for (auto const& from : layouts_of(each.model)) {
      if (from.ranks() != world.size()) continue;
      auto const checkpoint = folder / ("step_" + std::to_string(++checked));
      save<double>(world, checkpoint, each.model, from);
      for (auto const& to : layouts_of(each.model)) {
        bool equal = true;
        for (auto rank = std::int64_t(world.rank()); rank < to.ranks(); rank += world.size())
          equal = equal && comes_back<double>(checkpoint, each.model, to, rank);
        INFO(each.name << ": " << from.describe() << " -> " << to.describe());
        MPI_REQUIRE(world, equal);
      }
    }
  }
  MPI_REQUIRE(world, checked > 0);
}

TEST_CASE("state that is not trained is kept once, without moments") {
  auto const world = Communicator::world();
  SharedFolder const folder(world);
  auto const model = awkward_models().front().model;
  auto const layout = last_of(model, world.size());
  auto const table = table_with_state(model, layout, world.rank());
  TrainingBuffers<double> const state{make_buffers<double>(table, "a"),
                                      {{"first_moment.", make_trained_buffers<double>(table, "b")}}};
  auto const values = state.parameters.flat(table.find(state_name));
  Kokkos::deep_copy(values, 7.0);
  CheckpointIndex index{3, 3, "id", "../run.h5", "{}", "", {}};
  if (world.rank() == 0) {
    index.tensors = pieces_of(model, layout);
    index.tensors[state_name] = {1, 5, {{0, {0, 1}, {0, 5}}}};
  }
  save_checkpoint<double>(world, folder / "step_3", index, table, state);
  Safetensors const shard(shard_path(folder / "step_3", 0));
  MPI_REQUIRE(world, shard.tensors().count(state_name) == 1);
  MPI_REQUIRE(world, shard.tensors().count("first_moment." + state_name) == 0);
  Kokkos::deep_copy(values, 0.0);
  restore_checkpoint<double>(folder / "step_3", read_checkpoint_index(folder / "step_3"), table, state);
  bool equal = true;
  for (std::size_t i = 0; i < 5; ++i) equal = equal && values(i) == 7;
  MPI_REQUIRE(world, equal);
}

TEST_CASE("single precision comes back to the last bit") {
  auto const world = Communicator::world();
  SharedFolder const folder(world);
  auto const model = awkward_models().front().model;
  auto const layout = last_of(model, world.size());
  save<float>(world, folder / "step_1", model, layout);
  MPI_REQUIRE(world, comes_back<float>(folder / "step_1", model, layout, world.rank()));
}

TEST_CASE("a checkpoint is replaced whole, and a failed one leaves what was there") {
  auto const world = Communicator::world();
  SharedFolder const folder(world);
  auto const model = awkward_models().front().model;
  auto const layout = last_of(model, world.size());
  save<double>(world, folder / "step_1", model, layout);
  save<double>(world, folder / "step_1", model, layout);
  MPI_REQUIRE(world, !fs::exists(folder / "step_1.partial"));
  MPI_REQUIRE(world, comes_back<double>(folder / "step_1", model, layout, world.rank()));
  bool refused = false;
  try {
    save<double>(world, folder / "step_1/checkpoint.json/step_2", model, layout);
  } catch (UserError const& error) {
    refused = mentions(error.what(), "cannot be written");
  }
  MPI_REQUIRE(world, refused);
  MPI_REQUIRE(world, comes_back<double>(folder / "step_1", model, layout, world.rank()));
}

TEST_CASE("a checkpoint that misses something is refused with file and tensor") {
  auto const world = Communicator::world();
  SharedFolder const folder(world);
  auto const model = awkward_models().front().model;
  auto const layout = last_of(model, world.size());
  auto const checkpoint = folder / "step_1";
  save<double>(world, checkpoint, model, layout);
  auto const table = tensor_table(model, layout, world.rank());
  auto const state = make_state<double>(table);
  auto const refusal = [&](CheckpointIndex const& index) {
    return user_error_of([&] { restore_checkpoint<double>(checkpoint, index, table, state); });
  };
  auto const good = read_checkpoint_index(checkpoint);
  auto const name = table.specs().front().name;
  auto without = good, smaller = good, uncovered = good, other = good;
  without.tensors.erase(name);
  ++smaller.tensors.at(name).rows;
  uncovered.tensors.at(name).pieces.clear();
  other.tensors.at(name).pieces = {{0, {0, good.tensors.at(name).rows}, {0, 1}}};
  MPI_REQUIRE(world, mentions(refusal(without), "holds no tensor '" + name));
  MPI_REQUIRE(world, mentions(refusal(smaller), name + " has shape"));
  MPI_REQUIRE(world, mentions(refusal(uncovered), "do not cover it"));
  MPI_REQUIRE(world, mentions(refusal(other), "checkpoint.json says"));
  world.barrier();
  if (world.rank() == 0) fs::resize_file(shard_path(checkpoint, 0), 100);
  world.barrier();
  MPI_REQUIRE(world, mentions(refusal(good), "shard_00000.safetensors"));
}
