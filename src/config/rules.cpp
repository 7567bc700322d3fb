#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "config/dispatcher_kinds.hpp"
#include "config/gate_kinds.hpp"
#include "config/key.hpp"
#include "config/loss_kinds.hpp"
#include "config/routing_rules.hpp"
#include "config/settings.hpp"

namespace moescope {
namespace {

/// Rules between keys. Each `if` is a rule: what is broken, the key to name, the sentence.
class Rules {
 public:
  Rules(RunConfig const& config, Settings const& given) : c_(config), given_(given), keys_(keys_of(c_)) {}

  void check() {
    check_attention();
    check_experts();
    check_groups();
    check_residual();
    check_losses();
    check_pool("gate.pool", c_.model.gate.pool, "");
    for (auto const& loss : losses(c_.model))
      check_pool("gate.loss", loss.pool, fmt::format("a loss of kind {} whose pool = \"{}\" ", loss.kind, loss.pool));
    check_run();
    check_range_of_type();
  }

 private:
  [[noreturn]] void broken(std::string const& path, std::string const& rule) {
    refuse(given_, path, value_of(*find_key(keys_, path)), rule);
  }

  void check_attention();
  void check_experts();
  void check_widths(std::string const& section, std::vector<std::vector<std::int64_t>> const& layers, std::int64_t experts,
                    std::int64_t sum);
  void check_groups();
  void check_residual();
  void check_losses();
  void check_groups(LossKind const& loss);
  void check_pool(std::string const& path, std::string const& pool, std::string const& which);
  void check_run();
  void check_range_of_type();

  RunConfig c_;
  Settings const& given_;
  std::vector<Key> keys_;
};

void Rules::check_attention() {
  auto const& m = c_.model;
  if (m.num_heads % m.num_kv_heads != 0) {
    broken("model.num_heads", fmt::format("must be a multiple of model.num_kv_heads = {}", m.num_kv_heads));
  }
  if (m.pad_token_id >= m.vocab_size)
    broken("model.pad_token_id", fmt::format("must be -1 (none) or below model.vocab_size = {}", m.vocab_size));
  if (m.head_dim % 2 != 0) broken("model.head_dim", "must be even: rotary embedding turns pairs");
}

void Rules::check_experts() {
  auto const& m = c_.model;
  if (m.top_k > m.num_experts) broken("model.top_k", fmt::format("must be at most model.num_experts = {}", m.num_experts));
  if (auto const most = gate_kind(m).largest_top_k; m.top_k > most) {
    broken("model.top_k", fmt::format("must be 1 or {} with gate.kind = \"{}\", which sends each token to one expert either way",
                                      most, m.gate.kind));
  }
  check_widths("model", m.expert_widths, m.num_experts, m.intermediate_size);
}

void Rules::check_widths(std::string const& section, std::vector<std::vector<std::int64_t>> const& layers, std::int64_t experts,
                         std::int64_t sum) {
  for (auto const& widths : layers) {
    if (static_cast<std::int64_t>(widths.size()) != experts)
      broken(section + ".expert_widths", fmt::format("must give {} widths in each layer ({}.num_experts)", experts, section));
    if (std::reduce(widths.begin(), widths.end()) != sum)
      broken(section + ".expert_widths", fmt::format("must sum to {}.intermediate_size = {} in each layer", section, sum));
  }
}

void Rules::check_groups() {
  auto const& m = c_.model;
  auto const& kind = gate_kind(m);
  auto const groups = m.gate.num_groups, in_group = m.num_experts / groups;
  if (!has_key(kind, "gate.num_groups") || groups == 1) return;
  if (m.num_experts % groups != 0) broken("gate.num_groups", fmt::format("must divide model.num_experts = {}", m.num_experts));
  if (in_group < kind.best_of_group)
    broken("gate.num_groups",
           fmt::format("must leave at least {} experts to a group with gate.kind = \"{}\"", kind.best_of_group, kind.name));
  if (m.gate.groups_kept > groups) broken("gate.groups_kept", fmt::format("must be at most gate.num_groups = {}", groups));
  if (m.top_k > m.gate.groups_kept * in_group)
    broken("model.top_k", fmt::format("must be at most the {} experts of gate.groups_kept = {} groups",
                                      m.gate.groups_kept * in_group, m.gate.groups_kept));
}

void Rules::check_residual() {
  auto const& r = c_.model.residual;
  if (r.num_experts == 0) return;
  if (r.intermediate_size == 0) {
    broken("residual.intermediate_size",
           fmt::format("must be a multiple of residual.num_experts = {}, all equally wide", r.num_experts));
  }
  check_widths("residual", r.expert_widths, r.num_experts, r.intermediate_size);
  if (c_.model.add_weight_norm) broken("model.add_weight_norm", "must be false beside residual experts, as LLaMA-MoE has it");
}

void Rules::check_losses() {
  auto const& b = c_.batch;
  if (b.sequences % b.micro_steps != 0) {
    broken("batch.sequences", fmt::format("must be a multiple of batch.micro_steps = {}", b.micro_steps));
  }
  for (auto const& loss : losses(c_.model)) {
    auto const& kind = loss_kind(loss.kind);
    check_groups(kind);
    if (!supplies(c_.model, kind))
      broken("gate.loss", fmt::format("holds {}, which needs a gate with a {}; gate.kind = \"{}\" has none", loss.kind,
                                      kind.needs_tensor.empty() ? "network" : kind.needs_tensor, c_.model.gate.kind));
  }
}

void Rules::check_groups(LossKind const& loss) {
  auto const groups = c_.model.gate.num_groups, experts = c_.model.num_experts;
  bool const reads = std::find(loss.keys.begin(), loss.keys.end(), "gate.num_groups") != loss.keys.end();
  if (reads && (groups < 2 || experts % groups != 0))
    broken("gate.num_groups",
           fmt::format("must be above 1 and divide model.num_experts = {} with a loss of kind {}, which compares "
                       "groups of equally many experts",
                       experts, loss.name));
}

/// `which`: what names the pool, where it is not the value at `path` itself.
void Rules::check_pool(std::string const& path, std::string const& pool, std::string const& which) {
  auto const& b = c_.batch;
  auto const must = which.empty() ? "must" : "holds " + which + "which must";
  if (pool == "batch" && b.micro_steps > 1) {
    broken(path, fmt::format("{} be \"sequence\" or \"block:<b>\" with batch.micro_steps = {}: a pool over the whole batch "
                             "needs every micro-step's forward pass before any backward pass",
                             must, b.micro_steps));
  }
  auto const in_pool = sequences_in_pool(pool, b);
  if (in_pool == 0) broken(path, must + " be \"sequence\", \"block:<b>\" with b from 1 to 2147483647, or \"batch\"");
  auto const in_micro_step = b.sequences / b.micro_steps;
  if (in_micro_step % in_pool != 0) {
    broken(path, fmt::format("{} hold a number of sequences that divides the {} of a micro-step (batch.sequences = {} / "
                             "batch.micro_steps = {})",
                             must, in_micro_step, b.sequences, b.micro_steps));
  }
  if (c_.eval.every > 0 && pool != "batch" && c_.eval.sequences % in_pool != 0) {
    broken("eval.sequences", fmt::format("must be a multiple of the {} sequences of a pool ({} = \"{}\")", in_pool,
                                         which.empty() ? path : "gate.loss", pool));
  }
}

void Rules::check_run() {
  for (auto const* axis : {"layout.pp", "layout.cp"}) {
    if (value_of(*find_key(keys_, axis)) != 1) broken(axis, "must be 1: only 1 so far");
  }
  if (c_.layout.ep > dispatcher_kind(c_.train.dispatcher).largest_ep) {
    std::vector<std::string> fitting;
    for (auto const& kind : all_dispatcher_kinds)
      if (c_.layout.ep <= kind.largest_ep) fitting.push_back(fmt::format("\"{}\"", kind.name));
    broken("train.dispatcher",
           fmt::format("must be {} with layout.ep = {}: it moves no token", fmt::join(fitting, " or "), c_.layout.ep));
  }
  double sum = 0;
  for (auto const& [domain, weight] : c_.data.weights) sum += weight;
  if (!c_.data.weights.empty() && !(sum > 0 && std::isfinite(sum))) broken("data.weights", "must have a positive, finite sum");
  for (auto const* path : {"record.path", "record.site"}) {
    if (value_of(*find_key(keys_, path)) == "") broken(path, "must not be empty");
  }
}

/// Whether any number in `value` becomes infinite, or nothing, in single precision.
bool leaves_single_precision(nlohmann::json const& value) {
  if (value.is_structured()) return std::any_of(value.begin(), value.end(), leaves_single_precision);
  if (!value.is_number_float()) return false;
  auto const x = value.get<double>();
  return x != 0 && (std::abs(x) > std::numeric_limits<float>::max() || float(x) == 0);
}

/// What the model calculates with is held in train.dtype; the optimizer calculates in double whatever it holds.
void Rules::check_range_of_type() {
  if (c_.train.dtype != DType::float32) return;
  for (auto const& key : keys_) {
    bool const of_model = key.path.starts_with("model.") || key.path.starts_with("gate.") || key.path.starts_with("residual.") ||
                          key.path.starts_with("capacity.");
    if (of_model && key.applies(c_) && leaves_single_precision(value_of(key)))
      broken(key.path, "must lie in the range of train.dtype = \"float32\"");
  }
}

}  // namespace

std::int64_t sequences_in_pool(std::string const& pool, BatchConfig const& batch) {
  if (pool == "sequence") return 1;
  if (pool == "batch") return batch.sequences;
  std::string_view const prefix = "block:";
  std::int32_t sequences = 0;
  auto const* end = pool.data() + pool.size();
  if (!pool.starts_with(prefix)) return 0;
  auto const result = std::from_chars(pool.data() + prefix.size(), end, sequences);
  return result.ec == std::errc{} && result.ptr == end && sequences > 0 ? sequences : 0;
}

void check_rules(RunConfig const& config, Settings const& given) {
  Rules(config, given).check();
  check_routing(config, given);
}

}  // namespace moescope
