#include "apps/verify_command.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "apps/command.hpp"
#include "apps/comparison.hpp"
#include "apps/launch.hpp"
#include "base/error.hpp"
#include "checkpoint/fixture.hpp"
#include "checkpoint/load_parameters.hpp"
#include "kernels/cross_entropy.hpp"
#include "model/gather.hpp"
#include "model/model.hpp"
#include "step/micro_batches.hpp"
#include "step/optimizer.hpp"

namespace moescope {

namespace {

constexpr double forward_limit = 1e-12, gradient_limit = 1e-10;

/// The fixture's batch is one micro-batch and one pool: the reference takes its statistics over all tokens it is given.
RunConfig fixture_config(Fixture const& fixture, std::vector<std::string> const& overrides) {
  RunConfig config;
  config.model = fixture.model;
  config.model.gate.pool = "batch";
  config.batch = {fixture.sequences, fixture.sequence_length, 1};
  config.train.dtype = DType::float64;
  config.train.mode = fixture.training ? "train" : "forward";
  apply_overrides(config, overrides);
  if (config.train.dtype != DType::float64) throw UserError("verify compares in double: train.dtype must be \"float64\"");
  return config;
}

/// One pass over a fixture on this rank, and what it needs to be compared.
struct Pass {
  Fixture const& fixture;
  RunConfig const& config;
  Mesh& mesh;
  ExecSpace exec;
  Model<double> model;
  TrainingState<double> state;
  ModelTensors<double> weights;
  LoadedMicroBatch batch;
  Range owned;  ///< global token ids of this rank's owned tokens
  PassContext context;

  Pass(Fixture const& f, RunConfig const& c, Mesh& m)
      : fixture(f),
        config(c),
        mesh(m),
        model(c.model, c.train.dispatcher, m),
        state(c.model, m.layout(), m.rank(), true),
        weights(view_tensors<double>(c.model, m.layout(), m.rank(), state.table, state.values)) {
    load_parameters<double>(TensorStore(fixture.path + "/model.safetensors"), state.table, state.values);
    auto const source = [&](std::int64_t first, std::int64_t count) { return sequences(first, count); };
    batch = load_micro_batch(mesh.layout(), mesh.rank(), config.batch, config.model.gate.pool, source, 0, 0);
    auto const local = mesh.layout().owned_tokens(batch.device.num_tokens(), mesh.rank());
    owned = {batch.device.first_token_id + local.begin, batch.device.first_token_id + local.end};
    context.training = fixture.training;
    for (auto const& layer : fixture.layers) context.injected.push_back(owned_noise(layer.noise));
  }

  Batch sequences(std::int64_t first, std::int64_t count) const {
    auto const part = [&](std::vector<int> const& all) {
      auto const begin = all.begin() + first * fixture.sequence_length;
      return std::vector<int>(begin, begin + count * fixture.sequence_length);
    };
    return {first, count, part(fixture.tokens), part(fixture.targets), std::vector<int>(std::size_t(count))};
  }

  InjectedNoise owned_noise(InjectedNoise const& all) const {
    auto const part = [&](std::vector<double> const& values, std::int64_t width) {
      if (values.empty()) return values;
      return std::vector<double>(values.begin() + owned.begin * width, values.begin() + owned.end * width);
    };
    return {part(all.noise, config.model.num_experts), part(all.drop_key, 1)};
  }
};

std::vector<double> host_values(Matrix<double> const& matrix) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, matrix);
  return {host.data(), host.data() + host.size()};
}

/// Rows of owned tokens of every rank: world rank order is token order. Empty on other ranks than 0.
std::vector<double> gather_owned(Mesh const& mesh, std::vector<double> const& own) {
  return mesh.world().gather(std::span<double const>(own), 0);
}

/// Logits [N,V] from each dp coordinate's rows and each tp coordinate's columns.
std::vector<double> gather_logits(Pass const& pass, Matrix<double> const& logits) {
  auto const& layout = pass.mesh.layout();
  std::vector<std::int64_t> counts;
  auto const all = pass.mesh.world().gather(std::span<double const>(host_values(logits)), 0, &counts);
  std::vector<double> assembled(pass.fixture.logits.size());
  auto const columns = pass.config.model.vocab_size;
  double const* next = all.data();
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    auto const first = layout.sequences(pass.config.batch, 0, std::int64_t(rank)).begin * pass.fixture.sequence_length;
    auto const held = layout.vocabulary(pass.config.model, std::int64_t(rank));
    for (std::int64_t i = 0; i < counts[rank]; ++i) {
      assembled[std::size_t((first + i / held.size()) * columns + held.begin + i % held.size())] = *next++;
    }
  }
  return assembled;
}

/// Dense [owned, E] form of the routing: weights by expert, and 1 + position is not compared (order inside top-k is free).
struct DenseRouting {
  std::vector<double> weight, chosen;
};

DenseRouting dense(Routing<double> const& routing) {
  auto const offsets = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.offsets);
  auto const expert = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.expert);
  auto const weight = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.weight);
  DenseRouting result{std::vector<double>(std::size_t(routing.num_tokens * routing.num_experts)), {}};
  result.chosen = result.weight;
  for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
    for (int c = offsets(t); c < offsets(t + 1); ++c) {
      result.weight[std::size_t(t * routing.num_experts + expert(c))] = weight(c);
      result.chosen[std::size_t(t * routing.num_experts + expert(c))] = 1;
    }
  }
  return result;
}

DenseRouting dense(FixtureLayer const& layer, std::int64_t num_tokens, std::int64_t num_experts) {
  DenseRouting result{std::vector<double>(std::size_t(num_tokens * num_experts)), {}};
  result.chosen = result.weight;
  auto const k = std::int64_t(layer.topk_index.size()) / num_tokens;
  for (std::size_t i = 0; i < layer.topk_index.size(); ++i) {
    auto const at = std::size_t(std::int64_t(i) / k * num_experts + layer.topk_index[i]);
    result.weight[at] = layer.topk_weight.at(i);
    result.chosen[at] = 1;
  }
  return result;
}

std::vector<double> block_output(Pass const& pass, std::size_t layer, MoeState<double> const& moe) {
  auto output = host_values(moe.combined);
  auto const& scale = pass.weights.blocks[layer].output_scale;
  if (scale.size() == 0) return output;
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, scale);
  auto const width = std::size_t(pass.config.model.hidden_size);
  for (std::size_t i = 0; i < output.size(); ++i) output[i] *= host(scale.size() == 1 ? 0 : i % width);
  return output;
}

void compare_layer(Pass const& pass, std::size_t layer, MoeState<double> const& moe, Comparison& comparison) {
  auto const& reference = pass.fixture.layers[layer];
  auto const prefix = "moe." + std::to_string(layer) + ".";
  auto const input = gather_owned(pass.mesh, host_values(moe.normed));
  auto const output = gather_owned(pass.mesh, block_output(pass, layer, moe));
  auto const mine = dense(moe.gate.routing);
  auto const weight = gather_owned(pass.mesh, mine.weight), chosen = gather_owned(pass.mesh, mine.chosen);
  if (pass.mesh.rank() != 0) return;
  comparison.add(prefix + "input", input, reference.input, forward_limit);
  comparison.add(prefix + "output", output, reference.output, forward_limit);
  if (!reference.topk_index.empty()) {
    auto const expected = dense(reference, std::int64_t(pass.fixture.tokens.size()), pass.config.model.num_experts);
    comparison.add(prefix + "chosen experts", chosen, expected.chosen, 0);
    comparison.add(prefix + "topk_weight", weight, expected.weight, forward_limit);
  }
  if (!reference.importance.empty())
    comparison.add(prefix + "importance", moe.gate.importance, reference.importance, forward_limit);
  if (!reference.load.empty()) comparison.add(prefix + "load", moe.gate.load, reference.load, forward_limit);
}

void compare_forward(Pass& pass, Activations<double> const& activations, double cross_entropy, Comparison& comparison) {
  std::vector<double> balance;
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    compare_layer(pass, layer, activations.blocks[layer].moe, comparison);
    balance.push_back(activations.blocks[layer].moe.gate.balance_loss);
  }
  auto const logits = gather_logits(pass, activations.head.logits);
  if (pass.mesh.rank() != 0) return;
  comparison.add("logits", logits, pass.fixture.logits, forward_limit);
  comparison.add("ce_loss", {cross_entropy}, {pass.fixture.cross_entropy}, forward_limit);
  comparison.add("loss", {cross_entropy + activations.balance_loss()}, {pass.fixture.loss}, forward_limit);
  if (!pass.fixture.balance_loss.empty()) comparison.add("balance_loss", balance, pass.fixture.balance_loss, forward_limit);
}

void compare_gradients(Pass& pass, Activations<double>& activations, double scale, Comparison& comparison) {
  auto const& layout = pass.mesh.layout();
  auto const gradients =
      view_tensors<double>(pass.config.model, layout, pass.mesh.rank(), pass.state.table, pass.state.gradients);
  pass.model.backward(pass.exec, pass.batch.device, scale, pass.weights, activations, gradients);
  reduce_gradients<double>(pass.exec, pass.mesh, pass.config.model, pass.state);
  auto const gathered = gather_tensors<double>(pass.mesh, pass.config.model, pass.state.table, pass.state.gradients);
  for (auto const& [name, reference] : pass.fixture.gradients) {
    auto const found = gathered.find(name);
    if (pass.mesh.rank() == 0)
      comparison.add("grad " + name, found == gathered.end() ? std::vector<double>{} : found->second, reference, gradient_limit);
  }
}

Comparison compare(Fixture const& fixture, RunConfig const& config, Mesh& mesh) {
  std::optional<Pass> pass;
  agreed(mesh.world(), [&] { pass.emplace(fixture, config, mesh); });
  auto activations = pass->model.forward(pass->exec, pass->batch.device, pass->context, pass->weights);
  auto const labels =
      std::count_if(fixture.targets.begin(), fixture.targets.end(), [](int target) { return target != kernels::ignored_label; });
  auto const scale = 1 / double(labels);
  bool const counted_here = mesh.layout().coordinate(Axis::tp, mesh.rank()) == 0;
  auto const cross_entropy = mesh.world().sum(counted_here ? activations.cross_entropy_sum : 0.0) * scale;
  Comparison comparison;
  compare_forward(*pass, activations, cross_entropy, comparison);
  if (!fixture.gradients.empty()) compare_gradients(*pass, activations, scale, comparison);
  return comparison;
}

int verify(std::string const& folder, std::vector<std::string> const& overrides, Communicator const& world) {
  Fixture fixture;
  RunConfig config;
  std::optional<Layout> layout;
  agreed(world, [&] {
    fixture = load_fixture(folder);
    config = fixture_config(fixture, overrides);
    layout = launch_layout(config, world.size());
  });
  Mesh mesh(world, *layout, traffic::collectives(config, *layout));
  auto const comparison = compare(fixture, config, mesh);
  bool const passed = world.sum(std::int64_t(world.rank() == 0 && comparison.passed())) == 1;
  if (world.rank() == 0) {
    std::printf("%s on %s\n%s%s\n", folder.c_str(), layout->describe().c_str(), comparison.report().c_str(),
                passed ? "verified" : "NOT verified");
  }
  return passed ? success : failure;
}

}  // namespace

void add_verify_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("verify", "Compare forward pass and every gradient with numbers of another implementation");
  command->footer(
      "DIR holds config.json, model.safetensors, io.safetensors and, for training cases, grads.safetensors.\n"
      "Limits, in double and relative to each tensor's norm: 1e-12 forward, 1e-10 gradients. Exit code 1 beyond.\n"
      "In a layout: mpirun -n 4 moescope verify DIR --set layout.tp=2 --set layout.ep=2");
  auto const folder = std::make_shared<std::string>();
  auto const overrides = std::make_shared<std::vector<std::string>>();
  command->add_option("fixture", *folder, "Folder of the fixture, e.g. tests/golden/llama_moe_v1/noisy_topk_mlp_train")
      ->required();
  command->add_option("--set", *overrides, "Override one key, e.g. --set layout.ep=2 (repeatable)")->allow_extra_args(false);
  command->callback([folder, overrides, &exit_code] {
    exit_code = run_parallel([&](Communicator const& world) { return verify(*folder, *overrides, world); });
  });
}

}  // namespace moescope
