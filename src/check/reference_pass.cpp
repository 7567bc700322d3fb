#include "check/reference_pass.hpp"

#include "base/error.hpp"
#include "checkpoint/load_parameters.hpp"
#include "checkpoint/sharded.hpp"
#include "config/pool_calls.hpp"

namespace moescope {

namespace {

Batch sequences(Fixture const& fixture, std::int64_t first, std::int64_t count) {
  auto const part = [&](std::vector<int> const& all) {
    auto const begin = all.begin() + first * fixture.sequence_length;
    return std::vector<int>(begin, begin + count * fixture.sequence_length);
  };
  return {first, count, part(fixture.tokens), part(fixture.targets), std::vector<int>(std::size_t(count))};
}

InjectedNoise noise_of(InjectedNoise const& all, std::vector<std::int64_t> const& tokens, std::int64_t num_experts) {
  auto const part = [&](std::vector<double> const& values, std::int64_t width) {
    std::vector<double> own;
    if (values.empty()) return own;
    for (auto const id : tokens) own.insert(own.end(), values.begin() + id * width, values.begin() + (id + 1) * width);
    return own;
  };
  return {part(all.noise, num_experts), part(all.drop_key, 1)};
}

}  // namespace

RunConfig reference_config(Fixture const& fixture, std::vector<std::string> const& overrides) {
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

traffic::Passes reference_passes(Fixture const& fixture) {
  return fixture.gradients.empty() ? traffic::Passes::forward : traffic::Passes::forward_and_backward;
}

ReferencePass::ReferencePass(Fixture const& f, RunConfig const& c, Mesh& m)
    : fixture(f),
      config(c),
      mesh(m),
      model(c.model, c.train.dispatcher, m),
      state(c.model, m.layout(), m.rank(), true),
      weights(view_tensors<double>(c.model, m.layout(), m.rank(), state.table, state.values)) {
  load_parameters<double>(TensorStore(fixture.path + "/model.safetensors"), state.table, state.values);
  auto const source = [&](std::int64_t first, std::int64_t count) { return sequences(fixture, first, count); };
  batch = load_micro_batch(mesh.layout(), mesh.rank(), {config.batch, pool_names(config.model), source}, 0);
  auto const local = mesh.layout().owned_tokens(batch.device.num_tokens(), mesh.rank());
  auto const owned = batch.device.ids.rows(local.begin, local.end).on_host();
  for (auto const& layer : fixture.layers) noise.push_back(noise_of(layer.noise, owned, config.model.num_experts));
}

Pass ReferencePass::pass() const {
  return {.training = fixture.training, .accumulates = true, .batch = &batch.device, .injected = noise};
}

}  // namespace moescope
