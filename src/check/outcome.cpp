#include "check/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/to_host.hpp"
#include "check/comparison.hpp"
#include "config/pool_calls.hpp"
#include "model/gather.hpp"
#include "step/trainer.hpp"

namespace moescope {

namespace {

using Tensors = std::map<std::string, std::vector<double>>;

/// Ids and kept flags of owned tokens, gathered in token order.
std::vector<double> decisions(Trainer<double>& trainer, BatchSource const& source) {
  auto& mesh = trainer.model().mesh();
  auto const& config = trainer.config();
  std::vector<double> all;
  GlobalBatch const global{config.batch, pool_names(config.model), source};
  for (std::int64_t m = 0; m < config.batch.micro_steps; ++m) {
    auto const batch = load_micro_batch(mesh.layout(), mesh.rank(), global, m);
    Pass const pass{.seed = config.train.seed, .micro_batch = m, .batch = &batch.device, .forced = trainer.forced()};
    auto const activations = trainer.model().forward(ExecSpace(), pass, trainer.weights());
    for (auto const& block : activations.blocks) {
      auto const& routing = block.moe.routed.router.routing;
      auto const expert = to_host(ExecSpace(), routing.expert);
      auto const kept = to_host(ExecSpace(), routing.kept);
      std::vector<double> own;
      for (std::int64_t c = 0; c < routing.num_choices; ++c) own.push_back(2 * expert(c) + kept(c));
      auto const gathered = mesh.group(Axis::stage).gather(std::span<double const>(own), 0);
      all.insert(all.end(), gathered.begin(), gathered.end());
    }
  }
  mesh.ledger().take();
  return all;
}

std::vector<double> difference(std::vector<double> const& a, std::vector<double> const& b) {
  std::vector<double> result;
  std::transform(a.begin(), a.end(), b.begin(), std::back_inserter(result), std::minus<>());
  return result;
}

std::string kind_of(std::string const& key) { return key.substr(0, key.find(' ')); }

}  // namespace

Outcome run_two_steps(Communicator const& world, RunConfig const& config, BatchSource const& source) {
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
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
  for (auto& [name, values] : gather(trainer.state().values))
    outcome.tensors["update " + name] = difference(values, before.at(name));
  for (auto& [name, values] : gather(trainer.state().first_moment)) outcome.tensors["first_moment " + name] = values;
  for (auto& [name, values] : gather(trainer.state().second_moment)) outcome.tensors["second_moment " + name] = values;
  return outcome;
}

namespace {

class Largest {
 public:
  void see(double value, std::string const& where) {
    if (value > found.largest) found = {value, where};
  }
  Deviation found;
};

void compare_decisions(Outcome const& outcome, Outcome const& reference, Largest& largest) {
  constexpr double flipped = std::numeric_limits<double>::infinity();
  if (outcome.decisions.size() != reference.decisions.size()) return largest.see(flipped, "the number of choices");
  auto const [found, expected] = std::mismatch(outcome.decisions.begin(), outcome.decisions.end(), reference.decisions.begin());
  if (found != outcome.decisions.end())
    largest.see(flipped, "decision " + std::to_string(found - outcome.decisions.begin()) + ", which flipped");
}

void compare_losses(Outcome const& outcome, Outcome const& reference, Largest& largest) {
  constexpr char const* names[] = {"total loss", "cross-entropy", "gradient norm"};
  for (std::size_t i = 0; i < reference.losses.size(); ++i)
    largest.see(relative_difference({outcome.losses.at(i)}, {reference.losses[i]}),
                names[i % 3] + std::string(" of step ") + std::to_string(i / 3));
}

void compare_tensors(Outcome const& outcome, Outcome const& reference, Largest& largest) {
  std::map<std::string, double> all;
  for (auto const& [key, values] : reference.tensors) all[kind_of(key)] = std::hypot(all[kind_of(key)], norm(values));
  for (auto const& [key, expected] : reference.tensors) {
    auto const found = outcome.tensors.find(key);
    bool const is_there = found != outcome.tensors.end() && found->second.size() == expected.size();
    is_there ? largest.see(relative_difference(found->second, expected, 1e-4 * all[kind_of(key)]), key)
             : largest.see(std::numeric_limits<double>::infinity(), "the size of " + key);
  }
}

}  // namespace

std::string Deviation::sentence() const {
  if (largest <= limit) return {};
  return fmt::format("{} differs from one rank's by {:.3g} of its norm (limit {:.0e})", where, largest, limit);
}

Deviation deviation(Outcome const& outcome, Outcome const& reference) {
  Largest largest;
  compare_decisions(outcome, reference, largest);
  compare_losses(outcome, reference, largest);
  compare_tensors(outcome, reference, largest);
  return largest.found;
}

}  // namespace moescope
