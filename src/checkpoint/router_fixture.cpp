#include "checkpoint/router_fixture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "checkpoint/published_experts.hpp"
#include "checkpoint/safetensors.hpp"
#include "checkpoint/sharded.hpp"
#include "files/mapped_file.hpp"
#include "files/strict_json.hpp"

namespace moescope {

namespace {

constexpr std::string_view entries_of_layer[] = {"input",         "output",      "router_logits", "topk_index",
                                                 "topk_weight",   "combine",     "kept",          "tokens_per_expert",
                                                 "shared_output", "shared_gate", "routed_output"};

nlohmann::json config_of(std::string const& folder) {
  auto const path = folder + "/config.json";
  if (!std::filesystem::exists(path))
    throw UserError(path + ": is not there; a fixture folder holds config.json, model.safetensors and io.safetensors");
  return parse_strict_json(read_text(path), path);
}

/// io.safetensors, which remembers what was asked for.
class Recorded {
 public:
  explicit Recorded(std::string const& path) : file_(path) {}

  std::vector<double> reals(std::string const& name, std::int64_t count) {
    return sized(has(name) ? file_.read(name) : std::vector<double>{}, count, name);
  }
  std::vector<std::int64_t> integers(std::string const& name, std::int64_t count) {
    return sized(has(name) ? file_.read_int64(name) : std::vector<std::int64_t>{}, count, name);
  }
  std::optional<double> number(std::string const& name) { return has(name) ? std::optional(reals(name, 1)[0]) : std::nullopt; }
  bool has(std::string const& name) {
    read_.insert(name);
    return file_.has(name);
  }
  std::vector<std::int64_t> shape(std::string const& name) {
    read_.insert(name);
    return file_.info(name).shape;
  }
  [[noreturn]] void refuse(std::string const& name, std::string const& rule) const {
    throw UserError(fmt::format("{}: {} {}", file_.path(), name, rule));
  }
  std::vector<std::string> names() const { return file_.names(); }
  std::vector<std::string> not_read() const;

 private:
  template <class Values>
  Values sized(Values values, std::int64_t count, std::string const& name) const {
    bool const absent = !file_.has(name);
    if (!absent && std::int64_t(values.size()) != count)
      refuse(name, fmt::format("has {} values where {} belong", values.size(), count));
    return values;
  }

  Safetensors file_;
  std::set<std::string> read_;
};

/// "moe.<i>.output" for moe.0.output, moe.1.output, ...
std::string of_any_layer(std::string const& name) {
  std::string result;
  for (std::size_t begin = 0; begin <= name.size();) {
    auto const end = std::min(name.find('.', begin), name.size());
    auto const part = name.substr(begin, end - begin);
    bool const is_number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    result += (begin == 0 ? "" : ".") + (is_number ? "<i>" : part);
    begin = end + 1;
  }
  return result;
}

std::vector<std::string> Recorded::not_read() const {
  std::set<std::string> rest;
  for (auto const& name : file_.names())
    if (!read_.contains(name)) rest.insert(of_any_layer(name));
  return {rest.begin(), rest.end()};
}

std::string prefix_of(std::int64_t layer) { return fmt::format("moe.{}.", layer); }

/// Layers of moe.<i>.*, whose entries must be known: an unknown one might have decided something.
std::vector<std::int64_t> recorded_layers(Recorded const& io) {
  std::set<std::int64_t> layers;
  for (auto const& name : io.names()) {
    auto const dot = name.find('.', 4);
    if (!name.starts_with("moe.") || dot == std::string::npos) continue;
    auto const number = name.substr(4, dot - 4);
    bool const is_layer = !number.empty() && number.size() < 6 && number.find_first_not_of("0123456789") == std::string::npos;
    bool const known =
        std::find(std::begin(entries_of_layer), std::end(entries_of_layer), name.substr(dot + 1)) != std::end(entries_of_layer);
    if (!is_layer || !known) io.refuse(name, fmt::format("is no known entry of a layer: {}", fmt::join(entries_of_layer, ", ")));
    layers.insert(std::stoll(number));
  }
  return {layers.begin(), layers.end()};
}

void check_mode(Recorded& io) {
  if (io.has("training") && io.integers("training", 1)[0] != 0)
    io.refuse("training", "is not 0: routers of published families are compared in evaluation mode");
}

RouterTensors read_tensors(TensorSource const& source, PublishedRouter const& router, std::int64_t layer) {
  auto const read = [&](std::string const& name, std::vector<std::int64_t> const& shape) {
    return name.empty() ? std::vector<double>{} : source.read(tensor_of_layer(name, layer), shape);
  };
  auto const experts = router.num_experts;
  return {read(router.weight, {experts, router.hidden_size}), read(router.bias, {experts}),
          read(router.correction_bias, {experts})};
}

void read_parameters(std::string const& folder, PublishedRouter router, RouterFixtureLayer& layer) {
  TensorStore const model(folder + "/model.safetensors");
  layer.tensors = read_tensors(model, router, layer.layer);
  layer.experts = read_experts(model, router, layer.layer);
  auto const path = folder + "/grads.safetensors";
  if (!std::filesystem::exists(path)) return;
  Safetensors const gradients(path);
  router.correction_bias.clear();  // a buffer has none
  layer.gradients = read_tensors(gradients, router, layer.layer);
  layer.expert_gradients = read_experts(gradients, router, layer.layer);
}

void check_experts(Recorded const& io, std::string const& name, std::vector<std::int64_t> const& ids, std::int64_t experts) {
  for (auto const id : ids)
    if (id < 0 || id >= experts) io.refuse(name, fmt::format("names expert {} of {}", id, experts));
}

RouterFixtureLayer read_layer(Recorded& io, RouterFixture const& fixture, std::int64_t index) {
  auto const prefix = prefix_of(index);
  auto const& router = fixture.router;
  auto const tokens = fixture.tokens, experts = router.num_experts, k = router.top_k;
  for (auto const* name : {"input", "router_logits", "topk_index", "topk_weight"})
    if (!io.has(prefix + name)) io.refuse(prefix + name, "is missing");
  RouterFixtureLayer layer;
  layer.layer = index;
  read_parameters(fixture.path, router, layer);
  layer.input = io.reals(prefix + "input", tokens * router.hidden_size);
  layer.logits = io.reals(prefix + "router_logits", tokens * experts);
  layer.d_logits = io.reals("grad." + prefix + "router_logits", tokens * experts);
  layer.topk_index = io.integers(prefix + "topk_index", tokens * k);
  check_experts(io, prefix + "topk_index", layer.topk_index, experts);
  layer.topk_weight = io.reals(prefix + "topk_weight", tokens * k);
  layer.combine = io.reals(prefix + "combine", tokens * experts);
  layer.kept = io.integers(prefix + "kept", tokens * k);
  layer.tokens_per_expert = io.integers(prefix + "tokens_per_expert", experts);
  if (!layer.experts.empty()) {
    layer.routed_output = io.reals(prefix + "routed_output", tokens * router.hidden_size);
    layer.d_output = io.reals("grad." + prefix + "output", tokens * router.hidden_size);
  }
  if (router.expert_capacity == 0 && !layer.kept.empty())
    io.refuse(prefix + "kept", fmt::format("is recorded, yet {} drops nothing", router.family));
  return layer;
}

/// Of input_ids [B,S], else of a layer's input [B,S,H]; [N,H] is one sequence.
void read_extent(Recorded& io, std::string const& input, RouterFixture& fixture) {
  bool const has_ids = io.has("input_ids");
  auto const shape = io.shape(input);
  auto const rows = has_ids ? io.shape("input_ids") : std::vector(shape.begin(), std::max(shape.begin(), shape.end() - 1));
  if (rows.empty() || rows.size() > 2) io.refuse(has_ids ? "input_ids" : input, "is not [batch, sequence, ...]");
  fixture.sequence_length = rows.back();
  fixture.tokens = rows.size() == 1 ? rows[0] : rows[0] * rows[1];
  if (fixture.tokens == 0) io.refuse(input, "holds no token");
  if (rows.size() == 1 && fixture.router.expert_capacity > 0)
    io.refuse(input, "must be [batch, sequence, hidden]: expert_capacity is that of a sequence");
}

}  // namespace

bool is_router_fixture(std::string const& folder) {
  auto const json = config_of(folder);
  auto const type = json.is_object() ? json.find("model_type") : json.end();
  return json.is_object() && type != json.end() && type->is_string() && !type->get<std::string>().starts_with("llama_moe");
}

RouterFixture load_router_fixture(std::string const& folder) {
  RouterFixture fixture;
  fixture.path = folder;
  fixture.router = router_from_hugging_face(config_of(folder), folder + "/config.json");
  Recorded io(folder + "/io.safetensors");
  check_mode(io);
  auto const layers = recorded_layers(io);
  if (layers.empty()) throw UserError(folder + "/io.safetensors: holds no router: no entry moe.<i>.*");
  read_extent(io, prefix_of(layers[0]) + "input", fixture);
  for (auto const layer : layers) {
    if (!fixture.router.has(layer))
      io.refuse(prefix_of(layer) + "*", fmt::format("is recorded, yet layer {} of config.json has no router", layer));
    fixture.layers.push_back(read_layer(io, fixture, layer));
  }
  fixture.aux_coef = io.number("aux_coef");
  fixture.z_coef = io.number("z_coef");
  if (fixture.router.aux_coef != 0) fixture.aux_loss = io.number("aux_loss");
  if (fixture.router.z_coef != 0) fixture.z_loss = io.number("z_loss");
  fixture.not_read = io.not_read();
  return fixture;
}

}  // namespace moescope
