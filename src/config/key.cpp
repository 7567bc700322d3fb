#include "config/key.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/choices.hpp"
#include "config/dispatcher_kinds.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"

namespace moescope {
namespace {

constexpr double max_count = std::numeric_limits<std::int32_t>::max();

constexpr Limits count(double most = max_count) { return {1, most}; }
constexpr Limits count_or_zero{0, max_count};
constexpr Limits index_or_none{-1, max_count};
constexpr Limits any{};
constexpr Limits positive{.low = 0, .low_excluded = true};
constexpr Limits not_negative{.low = 0};
constexpr Limits decay_rate{.low = 0, .high = 1, .high_excluded = true};
constexpr Limits fraction{0, 1};
constexpr bool required = true;

void add_model(std::vector<Key>& keys, ModelConfig& m) {
  using enum Decides;
  // The upper limits keep every product of sizes, and so each parameter count, within 63 bits.
  keys.insert(keys.end(), {{"model.family", numbers, &m.family, any, choices::family},
                           {"model.vocab_size", numbers, &m.vocab_size, count(), {}, required},
                           {"model.hidden_size", numbers, &m.hidden_size, count(131072), {}, required},
                           {"model.num_layers", numbers, &m.num_layers, count(1024), {}, required},
                           {"model.num_heads", numbers, &m.num_heads, count(65536), {}, required},
                           {"model.num_kv_heads", numbers, &m.num_kv_heads, count(65536)},
                           {"model.head_dim", numbers, &m.head_dim, count(4096)},
                           {"model.num_experts", numbers, &m.num_experts, count(16384), {}, required},
                           {"model.top_k", numbers, &m.top_k, count(16384), {}, required},
                           {"model.intermediate_size", numbers, &m.intermediate_size, count()},
                           {"model.expert_widths", numbers, WidthsPerLayer{&m.expert_widths, &m.num_layers}, count()},
                           {"model.rms_norm_eps", numbers, &m.rms_norm_eps, positive},
                           {"model.rope_theta", numbers, &m.rope_theta, positive},
                           {"model.tie_word_embeddings", numbers, &m.tie_word_embeddings},
                           {"model.pad_token_id", numbers, &m.pad_token_id, index_or_none},
                           {"model.initializer_range", numbers, &m.initializer_range, positive},
                           {"model.multiply_gate_scores", numbers, &m.multiply_gate_scores},
                           {"model.score_scale_factor", numbers, PerLayer{&m.score_scale_factor, &m.num_layers}, positive},
                           {"model.add_weight_norm", numbers, &m.add_weight_norm}});
}

void add_gate(std::vector<Key>& keys, ModelConfig& m) {
  using enum Decides;
  auto& g = m.gate;
  keys.insert(keys.end(), {{"gate.kind", numbers, &g.kind, any, gate_kind_names()},
                           {"gate.network", numbers, &g.network, any, choices::gate_network},
                           {"gate.use_softmax", numbers, &g.use_softmax},
                           {"gate.add_noise", numbers, &g.add_noise},
                           {"gate.noise_epsilon", numbers, &g.noise_epsilon, not_negative},
                           {"gate.load_estimate", numbers, &g.load_estimate, any, choices::load_estimate},
                           {"gate.switch_score", numbers, &g.switch_score, any, choices::switch_score},
                           {"gate.switch_noise_in_eval", numbers, &g.switch_noise_in_eval},
                           {"gate.pool", numbers, &g.pool},
                           {"gate.loss", numbers, Losses{&m}, not_negative},
                           {"gate.weight_at", numbers, &g.weight_at, any, choices::weight_at},
                           {"gate.normalise", numbers, &g.normalise},
                           {"gate.num_groups", numbers, &g.num_groups, count(16384)},
                           {"gate.groups_kept", numbers, &g.groups_kept, count(16384)},
                           {"gate.bias_update_rate", numbers, &g.bias_update_rate, not_negative},
                           {"gate.bias_zero_mean", numbers, &g.bias_zero_mean},
                           {"gate.jitter", numbers, &g.jitter, decay_rate},
                           {"gate.top_p", numbers, &g.top_p, fraction},
                           {"gate.tolerance", numbers, &g.tolerance, positive},
                           {"gate.iterations", numbers, &g.iterations, count()},
                           {"gate.average_decay", numbers, &g.average_decay, decay_rate}});
}

void add_capacity(std::vector<Key>& keys, CapacityConfig& c) {
  using enum Decides;
  keys.insert(keys.end(), {{"capacity.policy", numbers, &c.policy, any, choices::capacity_policy},
                           {"capacity.factor", numbers, &c.factor, positive},
                           {"capacity.rounding", numbers, &c.rounding, any, choices::capacity_rounding},
                           {"capacity.order", numbers, &c.order, any, choices::capacity_order},
                           {"capacity.renormalise", numbers, &c.renormalise},
                           {"capacity.dropped", numbers, &c.dropped, any, choices::dropped},
                           {"capacity.pad", cell, &c.pad}});
}

void add_residual(std::vector<Key>& keys, ResidualConfig& r, std::int64_t const& num_layers) {
  using enum Decides;
  keys.insert(keys.end(), {{"residual.num_experts", numbers, &r.num_experts, count_or_zero},
                           {"residual.intermediate_size", numbers, &r.intermediate_size, count_or_zero},
                           {"residual.expert_widths", numbers, WidthsPerLayer{&r.expert_widths, &num_layers}, count()},
                           {"residual.use_softmax", numbers, &r.use_softmax},
                           {"residual.multiply_gate_scores", numbers, &r.multiply_gate_scores},
                           {"residual.score_scale_factor", numbers, PerLayer{&r.score_scale_factor, &num_layers}, positive}});
}

void add_routing(std::vector<Key>& keys, RoutingConfig& r, std::int64_t const& num_layers) {
  using enum Decides;
  constexpr Limits exponent{0, 64};
  keys.insert(keys.end(), {{"routing.forced", numbers, &r.forced, any, forced_names()},
                           {"routing.hot_experts", numbers, &r.hot_experts, count(16384)},
                           {"routing.hot_share", numbers, &r.hot_share, fraction},
                           {"routing.expert_ranges", numbers, &r.expert_ranges, count(16384)},
                           {"routing.hot_range", numbers, &r.hot_range, count_or_zero},
                           {"routing.rotate_every", numbers, &r.rotate_every, count()},
                           {"routing.burst_period", numbers, &r.burst_period, count()},
                           {"routing.burst_length", numbers, &r.burst_length, count()},
                           {"routing.zipf_exponent", numbers, &r.zipf_exponent, exponent},
                           {"routing.log_normal_sigma", numbers, &r.log_normal_sigma, exponent},
                           {"routing.max_vio", numbers, &r.max_vio, not_negative},
                           {"routing.zero_experts", numbers, &r.zero_experts, count_or_zero},
                           {"routing.fewest_choices", numbers, &r.fewest_choices, count_or_zero},
                           {"routing.most_choices", numbers, &r.most_choices, count_or_zero},
                           {"routing.ragged_by", numbers, &r.ragged_by, any, choices::ragged_by},
                           {"routing.counts", numbers, CountsPerLayer{&r.counts, &num_layers}, count_or_zero},
                           {"routing.file", neither, &r.file},
                           {"routing.file_step", numbers, &r.file_step},
                           {"routing.file_steps", numbers, &r.file_steps, any, choices::file_steps}});
}

void add_layout(std::vector<Key>& keys, LayoutConfig& l) {
  using enum Decides;
  keys.insert(keys.end(), {{"layout.ranks", cell, &l.ranks, count_or_zero},
                           {"layout.tp", cell, &l.tp, count()},
                           {"layout.ep", cell, &l.ep, count()},
                           {"layout.dp", cell, &l.dp, count_or_zero},
                           {"layout.etp", cell, &l.etp, count_or_zero},
                           {"layout.edp", cell, &l.edp, count_or_zero},
                           {"layout.pp", cell, &l.pp, count()},
                           {"layout.cp", cell, &l.cp, count()},
                           {"layout.order", cell, &l.order, any, choices::layout_order}});
}

void add_training(std::vector<Key>& keys, BatchConfig& b, OptimizerConfig& o, TrainConfig& t) {
  using enum Decides;
  keys.insert(keys.end(), {{"batch.sequences", numbers, &b.sequences, count()},
                           {"batch.sequence_length", numbers, &b.sequence_length, count()},
                           {"batch.micro_steps", numbers, &b.micro_steps, count()},
                           {"optimizer.learning_rate", numbers, &o.learning_rate, not_negative},
                           {"optimizer.beta1", numbers, &o.beta1, decay_rate},
                           {"optimizer.beta2", numbers, &o.beta2, decay_rate},
                           {"optimizer.epsilon", numbers, &o.epsilon, positive},
                           {"optimizer.weight_decay", numbers, &o.weight_decay, not_negative},
                           {"optimizer.clip_norm", numbers, &o.clip_norm, not_negative},
                           {"optimizer.schedule", numbers, &o.schedule, any, choices::schedule},
                           {"optimizer.warm_up_steps", numbers, &o.warm_up_steps, count_or_zero},
                           {"optimizer.min_ratio", numbers, &o.min_ratio, fraction},
                           {"optimizer.schedule_steps", numbers, &o.schedule_steps, count_or_zero},
                           {"train.mode", numbers, &t.mode, any, choices::mode},
                           {"train.timing", cell, &t.timing, any, choices::timing},
                           {"train.steps", numbers, &t.steps, count()},
                           {"train.record_warm_up_steps", neither, &t.record_warm_up_steps, count_or_zero},
                           {"train.seed", numbers, &t.seed, not_negative},
                           {"train.dtype", numbers, &t.dtype, any, choices::dtype},
                           {"train.dispatcher", cell, &t.dispatcher, any, dispatcher_kind_names},
                           {"train.watchdog_seconds", neither, &t.watchdog_seconds, not_negative}});
}

void add_surroundings(std::vector<Key>& keys, RunConfig& c) {
  using enum Decides;
  keys.insert(keys.end(), {{"data.path", neither, &c.data.path},
                           {"data.weights", numbers, &c.data.weights, not_negative},
                           {"eval.every", numbers, &c.eval.every, count_or_zero},
                           {"eval.sequences", numbers, &c.eval.sequences, count()},
                           {"record.path", neither, &c.record.path},
                           {"record.detail_every", neither, &c.record.detail_every, count_or_zero},
                           {"record.choices", neither, &c.record.choices},
                           {"record.site", cell, &c.record.site},
                           {"record.repeat", cell, &c.record.repeat, count_or_zero},
                           {"checkpoint.every", neither, &c.checkpoint.every, count_or_zero},
                           {"checkpoint.keep", neither, &c.checkpoint.keep, count()},
                           {"checkpoint.path", neither, &c.checkpoint.path},
                           {"machine.stated_peak_flops", neither, &c.machine.stated_peak_flops, not_negative}});
}

struct ToJson {
  template <class T>
  nlohmann::json operator()(T* value) const {
    return *value;
  }
  nlohmann::json operator()(DType* dtype) const { return name(*dtype); }
  nlohmann::json operator()(PerLayer const& list) const { return *list.values; }
  nlohmann::json operator()(WidthsPerLayer const& lists) const { return *lists.values; }
  nlohmann::json operator()(CountsPerLayer const& lists) const { return *lists.values; }
  nlohmann::json operator()(Losses const& list) const {
    auto object = nlohmann::json::object();
    for (auto const& loss : losses(*list.model)) object[loss.kind] = {{"weight", loss.weight}, {"pool", loss.pool}};
    return object;
  }
  nlohmann::json operator()(NamedWeights* weights) const {
    auto object = nlohmann::json::object();
    for (auto const& [domain, weight] : *weights) object[domain] = weight;
    return object;
  }
};

}  // namespace

std::string Limits::rule() const {
  bool const has_low = low > -std::numeric_limits<double>::infinity(), has_high = high < std::numeric_limits<double>::infinity();
  auto const lower = has_low ? fmt::format("{} {:.0f}", low_excluded ? "greater than" : "at least", low) : "";
  auto const upper = has_high ? fmt::format("{} {:.0f}", high_excluded ? "below" : "at most", high) : "";
  return fmt::format("must be {}{}{}", lower, has_low && has_high ? " and " : "", upper);
}

std::vector<Key> keys_of(RunConfig& config) {
  std::vector<Key> keys;
  add_model(keys, config.model);
  add_gate(keys, config.model);
  add_capacity(keys, config.model.capacity);
  add_residual(keys, config.model.residual, config.model.num_layers);
  add_layout(keys, config.layout);
  add_routing(keys, config.routing, config.model.num_layers);
  add_training(keys, config.batch, config.optimizer, config.train);
  add_surroundings(keys, config);
  return keys;
}

Key const* find_key(std::vector<Key> const& keys, std::string_view path) {
  auto const found = std::find_if(keys.begin(), keys.end(), [&](Key const& key) { return key.path == path; });
  return found == keys.end() ? nullptr : &*found;
}

nlohmann::json value_of(Key const& key) { return std::visit(ToJson{}, key.member); }

}  // namespace moescope
