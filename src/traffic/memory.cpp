#include "traffic/memory.hpp"

#include <algorithm>
#include <cmath>

#include "config/dispatcher_kinds.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "tensors/tensor.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr double integer = 4;  // bytes

/// What the first micro-step, as large as any, of one rank that computes so many rows holds, in bytes: the Views of `model`,
/// `layers`, `gates` and `dispatch`.
class MicroStep {
 public:
  MicroStep(RunConfig const& config, Layout const& layout, std::int64_t rank, double rows)
      : model_(config.model),
        stored_(double(scalar(config.train.dtype).stored)),
        accumulated_(double(scalar(config.train.dtype).accumulated)),
        rows_(rows) {
    auto const local = layout.sequences(config.batch, 0, rank).size() * config.batch.sequence_length;
    tokens_ = double(local);
    owned_ = double(layout.owned_tokens(local, rank).size());
    heads_ = double(layout.query_heads(model_, rank).size());
    kv_heads_ = double(layout.kv_heads(model_, rank).size());
    vocabulary_ = double(layout.vocabulary(model_, rank).size());
    choices_ = owned_ * double(choices_per_token(model_));
    if (layout.size(Axis::expert_block) == 1) {
      copies_back_ = owned_;
      return;
    }
    auto const& dispatcher = dispatcher_kind(config.train.dispatcher);
    if (dispatcher.moves == DispatcherKind::Moves::tokens) {
      copies_out_ = copies_back_ = owned_ * double(layout.size(Axis::expert_block));
      return;
    }
    bool const split = layout.size(Axis::etp) > 1, exchanged = dispatcher.largest_ep > 1;
    auto const sent = choices_, received = rows_ / double(layout.size(Axis::etp));
    copies_out_ = received + (split ? rows_ : 0);
    copies_back_ = std::max(rows_ + (split ? received : 0), (split ? received : rows_) + (exchanged ? sent : 0) + owned_);
  }

  /// From forward to backward, of one layer without its experts: its input, attention, the second norm's result, routing, and
  /// the experts' sum where it is scaled.
  double kept_by_layer() const {
    return attention() + routing() + (model_.add_weight_norm ? 2 : 1) * owned_ * hidden_ + tokens_ * hidden_;
  }
  /// Of each row its input (and that times its weight), gate and up, hidden, weight and places; of experts as wide as `columns`
  /// elements.
  double kept_by_experts(double columns) const {
    auto const inputs = weight_at(model_) == "input" ? 2 : 1;
    return rows_ * (inputs * hidden_ + 3 * columns * stored_ + accumulated_ + 4 * integer) + residual();
  }
  /// Tokens and targets themselves.
  double kept_by_model() const { return tokens_ * 2 * integer; }

  /// Beside all that is kept: the final norm's input and result, the logits, and the gradients of input and result.
  double head(bool training) const { return tokens_ * ((training ? 4 : 2) * hidden_ + vocabulary_ * stored_ + 4 * accumulated_); }
  /// Rows on their way to the experts, or the outputs on the way back.
  double experts_forward() const { return std::max(copies_out_, rows_ + copies_back_) * hidden_; }
  /// The gradient of the residual stream; the rows' gradients on their way to the experts, within them, or on their way back.
  double experts_backward(double columns) const {
    auto const inside = 2 * rows_ * hidden_ + 3 * rows_ * columns * stored_;
    auto const routed = std::max({(rows_ + copies_out_) * hidden_, inside, (rows_ + copies_back_) * hidden_});
    auto const beside = residual() + owned_ * double(model_.residual.num_experts) * hidden_;
    return tokens_ * hidden_ + std::max(routed, owned_ * hidden_ + beside);
  }
  double attention_backward() const { return tokens_ * (2 * hidden_ + heads() * stored_ + heads_ * accumulated_); }

 private:
  /// Normed input, queries, keys and values, context, log-sum-exp, result.
  double attention() const { return tokens_ * (2 * hidden_ + heads() * stored_ + (heads_ + 1) * accumulated_); }
  /// Elements of a token's queries, keys, values and context.
  double heads() const { return (2 * heads_ + 2 * kv_heads_) * double(model_.head_dim); }
  /// Of each token its scores by expert (of a gate that compares loads, noise and both sums with it too), of each choice expert,
  /// weights and places.
  double routing() const {
    auto const by_expert = (gate_tensors(model_).empty() ? 0 : 1) + (losses(model_).empty() ? 0 : 4);
    return owned_ * double(model_.num_experts) * by_expert * accumulated_ + choices_ * (2 * accumulated_ + 6 * integer);
  }
  /// A state and gate, up and hidden of each owned token and residual expert, whose widths sum up to intermediate_size.
  double residual() const {
    auto const& block = model_.residual;
    return owned_ * (double(block.num_experts) * hidden_ + 3 * double(block.intermediate_size) * stored_);
  }

  ModelConfig const& model_;
  double stored_, accumulated_;                           ///< bytes of an element, and of a sum: statistics, scores and weights
  double hidden_ = double(model_.hidden_size) * stored_;  ///< of one token's state
  double rows_, tokens_, owned_, heads_, kv_heads_, vocabulary_, choices_;
  double copies_out_ = 0, copies_back_ = 0;  ///< rows that dispatch holds beside the experts' on their way there and back
};

double activations(MicroStep const& step, std::vector<double> const& columns, bool training) {
  double kept = step.kept_by_model(), passing = step.experts_forward();
  for (auto const width : columns) kept += step.kept_by_layer() + step.kept_by_experts(width);
  if (training && !columns.empty()) passing = std::max(step.experts_backward(columns.back()), step.attention_backward());
  return kept + std::max(step.head(training), passing);
}

}  // namespace

std::vector<double> const& MemoryEstimate::expert_columns(std::int64_t rank) {
  auto const [found, is_new] = columns_.try_emplace(layout_.first_member(Axis::edp, rank));
  if (!is_new) return found->second;
  auto const& model = config_.model;
  auto const experts = layout_.experts(model, rank);
  for (auto const& router : routers(model)) {
    double columns = 0;
    for (auto e = experts.begin; e < experts.end; ++e)
      columns += double(layout_.expert_columns(model.expert_widths[std::size_t(router.layer)][std::size_t(e)], rank).size());
    found->second.push_back(columns / double(experts.size()));
  }
  return found->second;
}

Memory MemoryEstimate::of(std::int64_t rank) {
  auto const& number = scalar(config_.train.dtype);
  bool const training = config_.train.mode == "train";
  Memory memory;
  auto const sizes = group_sizes_.of(rank);
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    memory.parameters += double(sizes[g] * number.stored);
    if (training && tensor_groups[g].trained) memory.gradients += double(sizes[g] * number.accumulated);
  }
  memory.optimizer = 2 * memory.gradients;
  MicroStep const step(config_, layout_, rank, double(routing_.gathered(0, rank)));
  memory.activations = std::round(activations(step, expert_columns(rank), training));
  return memory;
}

}  // namespace moescope::traffic
