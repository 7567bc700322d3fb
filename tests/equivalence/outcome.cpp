#include "equivalence/outcome.hpp"

#include <algorithm>
#include <cmath>

#include "model/gather.hpp"
#include "step/trainer.hpp"

namespace moescope::equivalence {

namespace {

using Tensors = std::map<std::string, std::vector<double>>;

/// Ids and kept flags of owned tokens, gathered; world rank order is token order.
std::vector<double> decisions(Trainer<double>& trainer, BatchSource const& source) {
  auto& mesh = trainer.model().mesh();
  auto const& config = trainer.config();
  PassContext pass;
  pass.seed = config.train.seed;
  std::vector<double> all;
  for (std::int64_t m = 0; m < config.batch.micro_steps; ++m) {
    auto const batch = load_micro_batch(mesh.layout(), mesh.rank(), config.batch, config.model.gate.pool, source, 0, m);
    auto const activations = trainer.model().forward(ExecSpace(), batch.device, pass, trainer.weights());
    for (auto const& block : activations.blocks) {
      auto const& routing = block.moe.gate.routing;
      auto const expert = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.expert);
      auto const kept = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.kept);
      std::vector<double> own;
      for (std::int64_t c = 0; c < routing.num_choices; ++c) own.push_back(2 * expert(c) + kept(c));
      auto const gathered = mesh.world().gather(std::span<double const>(own), 0);
      all.insert(all.end(), gathered.begin(), gathered.end());
    }
  }
  mesh.ledger().take();
  return all;
}

double norm(std::vector<double> const& values) {
  double sum = 0;
  for (auto const v : values) sum += v * v;
  return std::sqrt(sum);
}

std::string kind_of(std::string const& key) { return key.substr(0, key.find(' ')); }

}  // namespace

Outcome run_two_steps(Communicator const& world, RunConfig config, LayoutConfig const& layout_config,
                      std::string const& dispatcher) {
  config.layout = layout_config;
  config.train.dispatcher = dispatcher;
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const source = synthetic_source(config);
  auto const gather = [&](FlatBuffers<double> const& buffers) {
    return gather_tensors<double>(mesh, config.model, trainer.state().table, buffers);
  };

  Outcome outcome;
  outcome.decisions = decisions(trainer, source);
  auto const before = gather(trainer.state().values);
  for (std::int64_t step = 0; step < 2; ++step) {
    auto const report = trainer.step(source, step, 1);
    outcome.losses.insert(outcome.losses.end(), {report.loss_total, report.loss_cross_entropy, report.gradient_norm});
    for (auto& [name, values] : gather(trainer.state().gradients))
      outcome.tensors["gradient" + std::to_string(step) + " " + name] = values;
  }
  for (auto& [name, values] : gather(trainer.state().values)) {
    auto& update = outcome.tensors["update " + name];
    std::transform(values.begin(), values.end(), before.at(name).begin(), std::back_inserter(update), std::minus<>());
  }
  for (auto& [name, values] : gather(trainer.state().first_moment)) outcome.tensors["first_moment " + name] = values;
  for (auto& [name, values] : gather(trainer.state().second_moment)) outcome.tensors["second_moment " + name] = values;
  return outcome;
}

std::string first_difference(Outcome const& outcome, Outcome const& reference) {
  if (outcome.decisions.size() != reference.decisions.size()) return "another number of choices";
  for (std::size_t i = 0; i < reference.decisions.size(); ++i) {
    if (outcome.decisions[i] != reference.decisions[i]) return "decision " + std::to_string(i) + " flipped";
  }
  for (std::size_t i = 0; i < reference.losses.size(); ++i) {
    if (!(std::abs(outcome.losses[i] - reference.losses[i]) <= 1e-12 * std::abs(reference.losses[i]))) {
      return "loss or gradient norm " + std::to_string(i) + ": " + std::to_string(outcome.losses[i]) + " instead of " +
             std::to_string(reference.losses[i]);
    }
  }
  std::map<std::string, double> all;
  for (auto const& [key, values] : reference.tensors) all[kind_of(key)] = std::hypot(all[kind_of(key)], norm(values));
  for (auto const& [key, expected] : reference.tensors) {
    auto const& found = outcome.tensors.at(key);
    if (found.size() != expected.size()) return key + " has another size";
    std::vector<double> difference;
    std::transform(found.begin(), found.end(), expected.begin(), std::back_inserter(difference), std::minus<>());
    auto const scale = std::max(norm(expected), 1e-4 * all[kind_of(key)]);
    if (!(norm(difference) <= 1e-12 * scale)) {
      return key + " differs by " + std::to_string(norm(difference) / scale / 1e-12) + "e-12 of its norm";
    }
  }
  return {};
}

}  // namespace moescope::equivalence
