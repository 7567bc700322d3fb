#include "checkpoint/fixture.hpp"

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "checkpoint/safetensors.hpp"
#include "config/gate_kinds.hpp"
#include "config/run_config.hpp"
#include "files/mapped_file.hpp"
#include "kernels/cross_entropy.hpp"

namespace moescope {

namespace {

void require_file(std::string const& path) {
  if (!std::filesystem::exists(path))
    throw UserError(path + ": is not there; a fixture folder holds config.json, model.safetensors and io.safetensors");
}

template <class Values>
Values sized(Values values, std::int64_t count, Safetensors const& file, std::string const& name) {
  if (std::int64_t(values.size()) == count) return values;
  throw UserError(file.path() + ": " + name + " has " + std::to_string(values.size()) + " values where " + std::to_string(count) +
                  " belong");
}

std::vector<double> read(Safetensors const& file, std::string const& name, std::int64_t count) {
  return sized(file.read(name), count, file, name);
}

std::vector<double> read_if_there(Safetensors const& file, std::string const& name, std::int64_t count) {
  return file.has(name) ? read(file, name, count) : std::vector<double>{};
}

/// labels[t + 1] of the same sequence; the last position has none.
std::vector<int> shift_labels(std::vector<std::int64_t> const& labels, std::int64_t length) {
  std::vector<int> targets(labels.size(), kernels::ignored_label);
  for (std::size_t i = 0; i + 1 < labels.size(); ++i) {
    if (std::int64_t(i + 1) % length != 0) targets[i] = int(labels[i + 1]);
  }
  return targets;
}

/// Rank of every token in its expert's recorded shuffle: the first `capacity` of it stay. Experts under capacity have none.
std::vector<double> drop_keys(Safetensors const& io, std::string const& prefix, std::vector<std::int64_t> const& expert_of,
                              std::int64_t num_experts) {
  std::vector<double> keys(expert_of.size());
  bool any = false;
  for (std::int64_t e = 0; e < num_experts; ++e) {
    auto const name = prefix + "permutation." + std::to_string(e);
    if (!io.has(name)) continue;
    any = true;
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < expert_of.size(); ++t) {
      if (expert_of[t] == e) tokens.push_back(t);
    }
    auto const shuffle = io.read_int64(name);
    sized(shuffle, std::int64_t(tokens.size()), io, name);
    for (std::size_t j = 0; j < shuffle.size(); ++j) keys[tokens.at(std::size_t(shuffle[j]))] = double(j);
  }
  return any ? keys : std::vector<double>{};
}

/// [N, choices of a token] ids, row-major; the gate decides how many choices a token has.
std::vector<std::int64_t> read_choices(Safetensors const& io, std::string const& name, std::int64_t tokens,
                                       std::int64_t num_experts) {
  if (!io.has(name)) return {};
  auto const ids = io.read_int64(name);
  if (tokens == 0 || std::int64_t(ids.size()) % tokens != 0) {
    throw UserError(io.path() + ": " + name + " has " + std::to_string(ids.size()) + " values, which is no multiple of the " +
                    std::to_string(tokens) + " tokens");
  }
  for (auto const expert : ids) {
    if (expert < 0 || expert >= num_experts)
      throw UserError(io.path() + ": " + name + " names expert " + std::to_string(expert) + " of " + std::to_string(num_experts));
  }
  return ids;
}

/// Weights of the choices. The released random gate reports as many equal weights as there are experts: the first count.
std::vector<double> read_weights(Safetensors const& io, std::string const& name, std::int64_t tokens, std::int64_t choices) {
  auto const values = io.read(name);
  auto const width = tokens > 0 ? std::int64_t(values.size()) / tokens : 0;
  if (width < choices || width * tokens != std::int64_t(values.size())) sized(values, tokens * choices, io, name);
  std::vector<double> weights;
  for (std::int64_t t = 0; t < tokens; ++t) {
    weights.insert(weights.end(), values.begin() + t * width, values.begin() + t * width + choices);
  }
  return weights;
}

/// Numbers whose largest are the recorded choices, for gates that draw them.
std::vector<double> draws_of_choices(std::vector<std::int64_t> const& ids, std::int64_t tokens, std::int64_t num_experts) {
  std::vector<double> draws(std::size_t(tokens * num_experts));
  auto const choices = tokens > 0 ? std::int64_t(ids.size()) / tokens : 0;
  for (std::int64_t i = 0; i < std::int64_t(ids.size()); ++i) {
    draws[std::size_t(i / choices * num_experts + ids[std::size_t(i)])] = double(choices - i % choices);
  }
  return draws;
}

FixtureLayer read_layer(Safetensors const& io, std::int64_t index, ModelConfig const& model, std::int64_t tokens) {
  auto const prefix = "moe." + std::to_string(index) + ".";
  auto const experts = model.num_experts;
  FixtureLayer layer;
  layer.input = read(io, prefix + "input", tokens * model.hidden_size);
  layer.output = read(io, prefix + "output", tokens * model.hidden_size);
  layer.topk_index = read_choices(io, prefix + "topk_index", tokens, experts);
  if (!layer.topk_index.empty()) {
    layer.topk_weight = read_weights(io, prefix + "topk_weight", tokens, std::int64_t(layer.topk_index.size()) / tokens);
  }
  auto const& kind = gate_kind(model);
  if (!losses(model).empty()) {  // the others report -1
    layer.importance = read_if_there(io, prefix + "importance", experts);
    layer.load = read_if_there(io, prefix + "load", experts);
  }
  layer.noise.noise = read_if_there(io, prefix + "noise", tokens * experts);
  if (kind.draws == GateKind::Draws::choices) layer.noise.noise = draws_of_choices(layer.topk_index, tokens, experts);
  if (drops(model)) layer.noise.drop_key = drop_keys(io, prefix, layer.topk_index, experts);
  return layer;
}

/// A released gate told to use no balance reports -100 a layer, which its model does not add: nothing, that is.
std::vector<double> read_balance_losses(Safetensors const& io, ModelConfig const& model) {
  auto values = read_if_there(io, "balance_loss", model.num_layers);
  auto const terms = losses(model);
  bool const adds = std::any_of(terms.begin(), terms.end(), [](LossConfig const& loss) { return loss.weight != 0; });
  if (gate_kind(model).reads_use_balance && !adds) std::fill(values.begin(), values.end(), 0.0);
  return values;
}

/// Ids of the vocabulary; with `ignored`, also the label that is not counted.
std::vector<std::int64_t> token_ids(std::vector<std::int64_t> ids, std::int64_t vocabulary, bool ignored,
                                    std::string const& where) {
  for (auto const id : ids) {
    if ((id < 0 || id >= vocabulary) && !(ignored && id == kernels::ignored_label))
      throw UserError(where + " holds token " + std::to_string(id) + ", outside the vocabulary of " + std::to_string(vocabulary));
  }
  return ids;
}

}  // namespace

Fixture load_fixture(std::string const& folder) {
  Fixture fixture;
  fixture.path = folder;
  require_file(folder + "/config.json");
  fixture.model = model_from_hugging_face(read_text(folder + "/config.json"), folder + "/config.json");
  Safetensors const io(folder + "/io.safetensors");
  auto const& shape = io.info("input_ids").shape;
  if (shape.size() != 2) throw UserError(io.path() + ": input_ids is not [batch, sequence]");
  fixture.sequences = shape[0];
  fixture.sequence_length = shape[1];
  auto const vocabulary = fixture.model.vocab_size;
  for (auto const id : token_ids(io.read_int64("input_ids"), vocabulary, false, io.path() + ": input_ids"))
    fixture.tokens.push_back(int(id));
  auto const tokens = std::int64_t(fixture.tokens.size());
  auto const labels = sized(io.read_int64("labels"), tokens, io, "labels");
  fixture.targets = shift_labels(token_ids(labels, vocabulary, true, io.path() + ": labels"), fixture.sequence_length);
  fixture.training = sized(io.read_int64("training"), 1, io, "training")[0] != 0;
  fixture.logits = read(io, "logits", tokens * fixture.model.vocab_size);
  fixture.loss = read(io, "loss", 1)[0];
  fixture.cross_entropy = read(io, "ce_loss", 1)[0];
  fixture.balance_loss = read_balance_losses(io, fixture.model);
  for (std::int64_t i = 0; i < fixture.model.num_layers; ++i) fixture.layers.push_back(read_layer(io, i, fixture.model, tokens));
  if (auto const path = folder + "/grads.safetensors"; std::filesystem::exists(path)) {
    Safetensors const gradients(path);
    for (auto const& [name, info] : gradients.tensors()) fixture.gradients[name] = gradients.read(name);
  }
  return fixture;
}

}  // namespace moescope
