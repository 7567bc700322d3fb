#pragma once
#include <vector>

#include "base/upload.hpp"
#include "gates/losses/loss.hpp"
#include "unit/gates/gate_case.hpp"

/// A loss of affinities, logits and choices that a test writes down, without a gate.
namespace moescope::test {

struct LossCase {
  std::string kind;
  std::int64_t experts = 4, top_k = 1, groups = 2;
  PoolShape pool{.first_id = 0, .tokens = 4, .tokens_in_pool = 4, .pools_in_step = 1};
  std::vector<std::vector<int>> choices{};   ///< of each token
  std::vector<double> affinity{}, logits{};  ///< [tokens,E]; 0 where empty

  ModelConfig model() const {
    ModelConfig model;
    model.num_experts = experts;
    model.top_k = top_k;
    model.gate.num_groups = groups;
    return model;
  }
};

/// A forward pass and what its backward reads.
class LossRun {
 public:
  explicit LossRun(LossCase const& c, std::int64_t first_token = 0)
      : loss_(make_loss<double>({c.kind, 1, "sequence"}, c.model())) {
    ExecSpace const exec;
    auto const tokens = std::int64_t(c.choices.size());
    std::vector<int> offsets{0}, expert;
    for (auto const& token : c.choices) {
      expert.insert(expert.end(), token.begin(), token.end());
      offsets.push_back(int(expert.size()));
    }
    auto const count = std::int64_t(expert.size());
    routing_ = {tokens,
                count,
                c.experts,
                upload(exec, "test::offsets", offsets),
                upload(exec, "test::expert", expert),
                Vector<double>("test::weight", std::size_t(count)),
                Vector<int>("test::kept", std::size_t(count))};
    scores_.affinity = to_matrix(c.affinity, tokens, c.experts);
    scores_.logits = to_matrix(c.logits, tokens, c.experts);
    auto const first = c.pool.first_id + first_token;
    context_.tokens = TokenIds({{first, first + tokens}});
    context_.pools = {{"sequence", c.pool, &exchange_}};
    term = loss_->forward(exec, scores_, routing_, context_, {});
  }
  LossRun(LossRun const&) = delete;

  /// dL/d(affinity), then dL/d(logits), each [tokens,E] or empty.
  std::vector<double> gradient(double scale) const {
    ExecSpace const exec;
    ScoreGradients<double> d;
    d.weight = Vector<double>("test::d_weight", std::size_t(routing_.num_choices));
    loss_->backward(exec, term, scale, scores_, routing_, context_, d);
    auto all = to_vector(d.affinity);
    auto const logits = to_vector(d.logits);
    all.insert(all.end(), logits.begin(), logits.end());
    return all;
  }
  RouterLoss<double> const& loss() const { return *loss_; }

  LossTerm term;

 private:
  std::unique_ptr<RouterLoss<double>> loss_;
  Routing<double> routing_;
  Scores<double> scores_;
  SerialPool exchange_;
  GateContext context_;
};

inline double value_of(LossCase const& c) { return LossRun(c).term.value; }

/// Every token as certain of each expert as of the others, and every expert chosen equally often, also as the first choice.
inline LossCase balanced(std::string const& kind, std::int64_t top_k = 1) {
  LossCase c{.kind = kind, .top_k = top_k};
  for (int t = 0; t < 4; ++t) {
    c.choices.emplace_back();
    for (int j = 0; j < top_k; ++j) c.choices.back().push_back((t + j) % 4);
  }
  c.affinity.assign(16, 0.25);
  c.logits.assign(16, 0);
  return c;
}

/// A ragged routing of five pools of three tokens, each with 0 to 3 of four experts, and random affinities and logits.
inline LossCase ragged(std::string const& kind) {
  LossCase c{.kind = kind, .top_k = 2, .pool = {.first_id = 30, .tokens = 15, .tokens_in_pool = 3, .pools_in_step = 10}};
  c.choices = {{0, 1}, {}, {3}, {2, 0, 1}, {1}, {1, 3}, {0}, {0}, {0, 2}, {}, {}, {3}, {3, 2, 1}, {2}, {0, 3}};
  c.logits = normals(60, 1.0, 3);
  for (double const logit : c.logits) c.affinity.push_back(1 / (1 + std::exp(-logit)));
  return c;
}

}  // namespace moescope::test
