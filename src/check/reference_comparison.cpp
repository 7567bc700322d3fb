#include "check/reference_comparison.hpp"

#include <algorithm>
#include <set>

#include "base/to_host.hpp"
#include "kernels/cross_entropy.hpp"
#include "model/gather.hpp"

namespace moescope {

namespace {

/// Rows of owned tokens of every rank in token order. Empty on other ranks than 0.
std::vector<double> gather_owned(Mesh const& mesh, std::vector<double> const& own) {
  return mesh.group(Axis::stage).gather(std::span<double const>(own), 0);
}

/// Logits [N,V] from each dp coordinate's rows and each tp coordinate's columns.
std::vector<double> gather_logits(ReferencePass const& pass, Matrix<double> const& logits) {
  auto const& layout = pass.mesh.layout();
  std::vector<std::int64_t> counts;
  auto const all = pass.mesh.world().gather(std::span<double const>(to_host_copy(ExecSpace(), logits)), 0, &counts);
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
  auto const offsets = to_host(ExecSpace(), routing.offsets);
  auto const expert = to_host(ExecSpace(), routing.expert);
  auto const weight = to_host(ExecSpace(), routing.weight);
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

/// What a layer's MoE block adds to the owned tokens' residual stream.
std::vector<double> block_output(ReferencePass const& pass, std::size_t layer, Activations<double> const& activations) {
  bool const is_last = layer + 1 == activations.blocks.size();
  auto const after = is_last ? activations.head.input : activations.blocks[layer + 1].attention.input;
  auto const owned = pass.mesh.layout().owned_tokens(std::int64_t(after.extent(0)), pass.mesh.rank());
  auto output = to_host_copy(ExecSpace(), rows(after, owned.begin, owned.end));
  auto const before = to_host_copy(ExecSpace(), activations.blocks[layer].moe.input);
  for (std::size_t i = 0; i < output.size(); ++i) output[i] -= before[i];
  return output;
}

void compare_layer(ReferencePass const& pass, std::size_t layer, Activations<double> const& activations, Comparison& comparison) {
  auto const& moe = activations.blocks[layer].moe;
  auto const& reference = pass.fixture.layers[layer];
  auto const prefix = "moe." + std::to_string(layer) + ".";
  auto const input = gather_owned(pass.mesh, to_host_copy(ExecSpace(), moe.normed));
  auto const output = gather_owned(pass.mesh, block_output(pass, layer, activations));
  auto const mine = dense(moe.routed.router.routing);
  auto const weight = gather_owned(pass.mesh, mine.weight), chosen = gather_owned(pass.mesh, mine.chosen);
  if (pass.mesh.rank() != 0) return;
  comparison.add(prefix + "input", input, reference.input, forward_limit);
  comparison.add(prefix + "output", output, reference.output, forward_limit);
  if (!reference.topk_index.empty()) {
    auto const expected = dense(reference, std::int64_t(pass.fixture.tokens.size()), pass.config.model.num_experts);
    comparison.add(prefix + "chosen experts", chosen, expected.chosen, 0);
    comparison.add(prefix + "topk_weight", weight, expected.weight, forward_limit);
  }
  auto const* const statistics = moe.routed.router.statistics();
  auto const compare = [&](char const* name, std::vector<double> LossTerm::*part, std::vector<double> const& expected) {
    if (!expected.empty())
      comparison.add(prefix + name, statistics ? statistics->*part : std::vector<double>{}, expected, forward_limit);
  };
  compare("importance", &LossTerm::importance, reference.importance);
  compare("load", &LossTerm::load, reference.load);
}

void compare_forward(ReferencePass& pass, Activations<double> const& activations, double cross_entropy, Comparison& comparison) {
  std::vector<double> balance;
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    compare_layer(pass, layer, activations, comparison);
    balance.push_back(activations.blocks[layer].moe.routed.router.balance_loss());
  }
  auto const logits = gather_logits(pass, activations.head.logits);
  if (pass.mesh.rank() != 0) return;
  comparison.add("logits", logits, pass.fixture.logits, forward_limit);
  comparison.add("ce_loss", {cross_entropy}, {pass.fixture.cross_entropy}, forward_limit);
  comparison.add("loss", {cross_entropy + activations.balance_loss()}, {pass.fixture.loss}, forward_limit);
  if (!pass.fixture.balance_loss.empty()) comparison.add("balance_loss", balance, pass.fixture.balance_loss, forward_limit);
}

std::vector<double> found(std::map<std::string, std::vector<double>> const& tensors, std::string const& name) {
  auto const tensor = tensors.find(name);
  return tensor == tensors.end() ? std::vector<double>{} : tensor->second;
}

/// Those that only one of the two has count as different.
void compare_gradients(ReferencePass& pass, Activations<double>& activations, double scale, Comparison& comparison) {
  auto const& layout = pass.mesh.layout();
  auto const gradients =
      view_tensors<double>(pass.config.model, layout, pass.mesh.rank(), pass.state.table, pass.state.gradients);
  pass.model.backward(pass.exec, pass.pass().backward(), scale, pass.weights, activations, gradients);
  reduce_gradients<double>(pass.exec, pass.mesh, GradientExchanges(pass.mesh), pass.config.model, pass.state);
  auto const gathered = gather_tensors<double>(pass.mesh, pass.config.model, pass.state.table, pass.state.gradients);
  std::set<std::string> names;
  for (auto const& [name, values] : gathered) names.insert(name);
  for (auto const& [name, values] : pass.fixture.gradients) names.insert(name);
  for (auto const& name : names)
    comparison.add("grad " + name, found(gathered, name), found(pass.fixture.gradients, name), gradient_limit);
}

}  // namespace

Comparison compare_with_reference(ReferencePass& pass) {
  auto activations = pass.model.forward(pass.exec, pass.pass(), pass.weights);
  auto const& targets = pass.fixture.targets;
  auto const labels = std::count_if(targets.begin(), targets.end(), [](int target) { return target != kernels::ignored_label; });
  auto const scale = 1 / double(labels);
  bool const counted_here = pass.mesh.layout().coordinate(Axis::tp, pass.mesh.rank()) == 0;
  auto const cross_entropy = pass.mesh.world().sum(counted_here ? activations.cross_entropy_sum : 0.0) * scale;
  Comparison comparison;
  compare_forward(pass, activations, cross_entropy, comparison);
  if (!pass.fixture.gradients.empty()) compare_gradients(pass, activations, scale, comparison);
  return comparison;
}

}  // namespace moescope
